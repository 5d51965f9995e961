"""Imports point one way: vit_core <- explainer <- explainer.app <- pages; only the app imports Streamlit."""

import ast
import sys
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# layer -> what its files may not import, at any depth of folders; the innermost layer that a file lies in counts
FORBIDDEN = {
    "vit_core": {"explainer", "pages", "app", "streamlit", "matplotlib"},
    "explainer": {"explainer.app", "pages", "app", "streamlit"},
    "explainer/app": {"pages", "app"},
    "pages": {"pages", "app"},
}
MOST_MODULES = 16  # in a folder


def imported(path: Path) -> set[str]:
    """The dotted names that a file imports, wherever in it, with the packages around them."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports here are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.rsplit(".", count)[0] for name in names for count in range(name.count(".") + 1)}


def layer_of(path: Path) -> str:
    """The innermost layer that a file lies in."""
    return max((layer for layer in FORBIDDEN if path.is_relative_to(layer)), key=len)


def forbidden_imports(root: Path) -> dict[str, set[str]]:
    """Of each file below ``root`` that imports what is built on it: its path, and what that is."""
    files = {path.relative_to(root): path for layer in FORBIDDEN for path in (root / layer).rglob("*.py")}
    found = {name.as_posix(): imported(path) & FORBIDDEN[layer_of(name)] for name, path in files.items()}
    return {name: names for name, names in found.items() if names}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def test_no_module_imports_what_is_built_on_it() -> None:
    assert len([path for layer in FORBIDDEN for path in modules(layer)]) > 300
    assert forbidden_imports(ROOT) == {}


@pytest.mark.parametrize(
    ("place", "line", "wrong"),
    [
        ("vit_core/weights/deep/new.py", "import explainer.stages", "explainer"),
        ("vit_core/new.py", "from matplotlib import pyplot", "matplotlib"),
        ("explainer/views/deep/new.py", "def draw():\n    from streamlit import write", "streamlit"),
        ("explainer/shapes/new.py", "from explainer import app", "explainer.app"),
        ("explainer/shapes/new.py", "from explainer.app.state import layer", "explainer.app"),
        ("explainer/app/what_if/deep/new.py", "import pages.overview", "pages"),
        ("pages/new.py", "from pages import overview", "pages"),
    ],
)
def test_a_planted_import_is_found_at_any_depth(tmp_path: Path, place: str, line: str, wrong: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text(line)
    assert forbidden_imports(tmp_path) == {place: {wrong}}


@pytest.mark.parametrize("package", ["vit_core", "explainer"])
def test_a_folder_can_be_taken_in_at_a_glance(package: str) -> None:
    folders = {path.parent for path in modules(package)}
    folders |= {path.parent for path in (ROOT / package).rglob("*.js")}
    counts = {
        folder.relative_to(ROOT).as_posix(): len([*folder.glob("[!_]*.py"), *folder.glob("*.js")]) for folder in folders
    }
    assert {folder: count for folder, count in counts.items() if count > MOST_MODULES} == {}


def imports_of(files: dict[str, Path], *, in_functions: bool = False) -> dict[str, set[str]]:
    """Of each module the modules that it imports while it is imported itself; on request what functions import, too."""

    def statements(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import | ast.ImportFrom):
                yield child
            elif in_functions or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from statements(child)

    found = {}
    for name, path in files.items():
        named = set()
        for node in statements(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            else:
                named |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
        found[name] = named & files.keys() - {name}
    return found


def circle(imports: Mapping[str, Set[str]]) -> list[str]:
    """What imports itself by way of others, and what imports such; empty if nothing does."""
    left = dict(imports)
    while free := {name for name, named in left.items() if not named & left.keys()}:
        left = {name: named for name, named in left.items() if name not in free}
    return sorted(left)


def named_files(*packages: str) -> dict[str, Path]:
    """Modules by their dotted names, a package's ``__init__`` by the package's."""
    paths = {path.relative_to(ROOT).with_suffix(""): path for package in packages for path in modules(package)}
    return {".".join(path.parts).removesuffix(".__init__"): file for path, file in paths.items()}


def test_no_modules_import_each_other() -> None:
    """``__init__`` is left out: it hands on what its package has."""
    files = {
        name: path for name, path in named_files("vit_core", "explainer", "pages").items() if path.stem != "__init__"
    }
    assert len(files) > 300
    assert circle(imports_of(files)) == []


def test_no_packages_of_the_model_import_each_other() -> None:
    """What lies directly in ``vit_core`` is above and below them: they use its ``config``, its ``load`` uses them."""
    files = named_files("vit_core")
    home = {name: name if path.stem == "__init__" else name.rpartition(".")[0] for name, path in files.items()}
    packages: dict[str, set[str]] = {package: set() for package in home.values()}
    for name, named in imports_of(files).items():
        if name not in packages:
            packages[home[name]] |= {home[each] for each in named if not f"{home[name]}.".startswith(f"{home[each]}.")}
    assert len(packages) == 9 and packages["vit_core.examination"] == {"vit_core.weights"}
    assert circle({package: used for package, used in packages.items() if package != "vit_core"}) == []


SHAPES = "explainer.shapes"


def shapes_files() -> dict[str, Path]:
    """The modules of ``explainer.shapes`` and of its packages; ``__init__`` of the whole hands on what there is."""
    return {name: path for name, path in named_files("explainer/shapes").items() if name != SHAPES}


def test_no_modules_of_shapes_import_each_other_inside_functions_either() -> None:
    assert circle(imports_of(shapes_files(), in_functions=True)) == []


def test_no_packages_of_shapes_import_each_other() -> None:
    """A package imports others through what their ``__init__`` exports or from their modules: it counts as the same."""
    packages: dict[str, set[str]] = {}
    for name, named in imports_of(shapes_files(), in_functions=True).items():
        home = name.split(".")[2]
        packages.setdefault(home, set()).update({each.split(".")[2] for each in named} - {home})
    assert {"entries", "recording", "describing", "diagnosis", "rendering"} <= packages.keys()
    assert circle(packages) == []


def test_a_circle_inside_functions_is_found(tmp_path: Path) -> None:
    """What an operation of a ledger once did: it knew its renderer, which reads operations."""
    texts = {"operations": "def show():\n    from renderer import draw\n", "renderer": "import operations\n"}
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)
    files = {name: tmp_path / f"{name}.py" for name in texts}
    assert circle(imports_of(files)) == []
    assert circle(imports_of(files, in_functions=True)) == ["operations", "renderer"]


def test_no_folder_of_shapes_has_more_than_sixteen_modules() -> None:
    count: dict[Path, int] = {}
    for path in shapes_files().values():
        count[path.parent] = count.get(path.parent, 0) + (path.stem != "__init__")
    assert len(count) > 5 and max(count.values()) <= 16


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}, "e": set()}) == ["a", "b", "c", "d"]
    assert circle({"a": {"b"}, "b": set()}) == []


def test_registries_import_no_view() -> None:
    registries = modules("explainer/notation") + [
        ROOT / f"explainer/{name}.py" for name in ("stages", "texts", "tensors")
    ]
    assert len(registries) > 10
    for path in registries:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        sources = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        assert not [source for source in sources if source.startswith("explainer.views")], path


def test_no_page_is_named_like_a_module_of_python() -> None:
    # such a page would hide the module: Streamlit puts the folder of the main script first on the path
    assert {path.stem for path in modules("pages")} & sys.stdlib_module_names == set()


def test_pages_are_thin() -> None:
    assert {path.name: size for path in modules("pages") if (size := len(path.read_text().splitlines())) > 60} == {}


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [
        path for package in ("vit_core", "explainer", "pages") for path in modules(package) if path.stem in drawers
    ] == []
