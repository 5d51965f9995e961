"""Imports point one way: vit_core <- explainer <- pages; only the app imports Streamlit."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "vit_core": {"explainer", "pages", "app", "streamlit", "matplotlib"},
    "explainer": {"pages", "app", "streamlit"},
}


def imported(path: Path) -> set[str]:
    """The names of the packages that a file imports, at any depth of it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports here are absolute"
            names.add((node.module or "").split(".")[0])
    return names


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", FORBIDDEN)
def test_no_module_imports_what_is_built_on_it(package: str) -> None:
    wrong = {str(path.relative_to(ROOT)): imported(path) & FORBIDDEN[package] for path in modules(package)}
    assert {path: names for path, names in wrong.items() if names} == {}


def test_the_rule_sees_imports_inside_functions(tmp_path: Path) -> None:
    path = tmp_path / "late.py"
    path.write_text("def draw():\n    from streamlit import write\n    import explainer.stages\n")
    assert imported(path) == {"streamlit", "explainer"}


def test_registries_import_no_view() -> None:
    for path in (ROOT / "explainer").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        sources = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        registry = path.stem in {"symbols", "notation", "equations", "stages", "shapes", "excerpts", "texts", "tensors"}
        if registry:
            assert not [source for source in sources if source.startswith("explainer.views")], path


def test_no_page_is_named_like_a_module_of_python() -> None:
    # such a page would hide the module: Streamlit puts the folder of the main script first on the path
    assert {path.stem for path in modules("pages")} & (sys.stdlib_module_names - {"__init__"}) == set()


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [path for package in (*FORBIDDEN, "pages") for path in modules(package) if path.stem in drawers] == []
