"""The canvas that draws every view in the browser, and the scripts of its carriers, each joined to one ES module.

The files of this folder are ES modules that import from each other; what a browser gets is one text, without a build
step: the entry module behind everything that it imports, with the ``import`` lines and ``export`` keywords taken out.
``core()`` knows nothing of Streamlit; it exports ``mount(element, bytes, {onPick, scheme, load})`` for the app, a
notebook or a page saved to a file.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
CORE = "core/mount.js"

_IMPORT = re.compile(r'import (?:\{([\w$,\s]*)\}|(\w+)) from "([\w./-]+)";\n')
_DECLARATION = re.compile(r"(export )?(?:async function|function|class|const|let) ([\w$]+|\{[^}]*\}|\[[^\]]*\])")
_COMMENT_OR_BLANK = re.compile(r"(?://[^\n]*)?\n")


class ModuleError(ValueError):
    """The modules of the canvas cannot be joined."""


@cache
def core() -> str:
    """The canvas as one ES module that needs nothing else: its style sheets are inside."""
    return join(CORE)


@cache
def streamlit_adapter(after_core: bool = False) -> str:
    """What makes the canvas a Streamlit component; needs ``loadCore`` and ``PATH`` written before it.

    ``after_core``: it is written after ``core()``, and shares what both import.
    """
    return join("carriers/streamlit.js", after=CORE if after_core else None)


@cache
def steps_adapter() -> str:
    """What makes a page of steps a Streamlit component; needs ``loadCore`` and three paths written before it."""
    return join("carriers/steps.js")


@cache
def steps_loader() -> str:
    """What fetches ``steps_adapter`` from ``SCRIPT_PATH`` and hands the component over to it."""
    return join("carriers/steps_loader.js")


@cache
def notebook_adapter() -> str:
    """What makes the canvas a widget of a notebook, written after ``core()``."""
    return join("carriers/notebook.js", after=CORE)


@cache
def ledger_script() -> str:
    """What searches a ledger of shapes and keeps it unfolded, as a Streamlit component."""
    return join("carriers/ledger.js")


@cache
def number_sheet_script() -> str:
    """What fills the sheet that explains a number, as a Streamlit component."""
    return join("carriers/number_sheet.js")


@cache
def reader_script() -> str:
    """Identifies the browser to the server, as a Streamlit component."""
    return join("carriers/reader.js")


@cache
def opening_script() -> str:
    """What shows a page of the app when it is complete; needs ``PARTS`` written before it."""
    return join("carriers/opening.js")


@cache
def opening_style() -> str:
    """What keeps a page of the app transparent until then."""
    return _read(FOLDER / "styles" / "opening.css")


@cache
def saved_page_script() -> str:
    """What draws the pictures of a page that was saved to a file, written after ``core()``."""
    return join("carriers/saved_page.js", after=CORE)


@cache
def saved_page_style() -> str:
    """The look of a page that was saved to a file."""
    return _read(FOLDER / "styles" / "saved_page.css")


def join(entry: str, after: str | None = None, folder: Path = FOLDER) -> str:
    """The module ``entry`` of ``folder`` and all that it imports as the text of one ES module, which exports the same.

    ``after``: what this module is joined from stands before the text, and is not written again. All files share one
    scope: a name may be defined once. ``ModuleError`` says what cannot be joined.
    """
    before = _in_order(folder, after) if after else {}
    modules = before | _in_order(folder, entry)
    definitions: dict[str, Path] = {}
    for path, module in modules.items():
        for name in module.names:
            if name in definitions:
                one, other = (each.relative_to(folder) for each in (definitions[name], path))
                raise ModuleError(f"{name} is defined in {one} and in {other}, which become one module")
            definitions[name] = path
    texts = [
        module.text(keeps_exports=path == folder / entry) for path, module in modules.items() if path not in before
    ]
    return "\n".join(texts)


class _Module:
    """One file: where its import lines end, what it imports from where, what it defines and exports."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.source = _read(path)
        self.is_style = path.suffix == ".css"
        self.imports: list[tuple[Path, tuple[str, ...]]] = []
        self.names: list[str] = []
        self.exports: set[str] = set()
        if not self.is_style:
            self._read_imports()
            self._read_definitions()

    def _read_imports(self) -> None:
        """Comments, empty lines and imports from the start on: nothing that looks like them further down is one."""
        kept, at = [], 0
        while found := _IMPORT.match(self.source, at) or _COMMENT_OR_BLANK.match(self.source, at):
            at = found.end()
            if found.re is _COMMENT_OR_BLANK:
                kept.append(found[0])
                continue
            names = tuple(each.strip() for each in (found[1] or found[2]).split(",") if each.strip())
            self.imports.append(((self.path.parent / found[3]).resolve(), names))
        self.body = re.sub(r"\n{3,}", "\n\n", "".join(kept)) + self.source[at:]
        if re.search(r"^import\b", self.body, re.MULTILINE):
            raise ModuleError(f'{self.path.name}: imports stand first, as import {{ name }} from "./file.js";')

    def _read_definitions(self) -> None:
        for found in self._definitions():
            names = re.findall(r"[\w$]+", found[2])
            self.names += names
            if found[1]:
                self.exports |= set(names)

    def _definitions(self) -> Iterator[re.Match[str]]:
        """What stands at the start of a line is defined for the whole file, unless a template string runs over it."""
        start = 0
        is_inside = False
        for line in self.body.split("\n"):
            if not is_inside and (found := _DECLARATION.match(self.body, start)):
                yield found
            start += len(line) + 1
            is_inside ^= line.count("`") % 2 == 1

    def text(self, keeps_exports: bool) -> str:
        """What stands in the joined module."""
        if self.is_style:
            return "\n".join(f"const {name} = {json.dumps(self.source, ensure_ascii=False)};" for name in self.names)
        if keeps_exports:
            return self.body
        marks = [found.start() for found in self._definitions() if found[1]]
        parts = [self.body[start:end] for start, end in zip([0, *marks], [*marks, None], strict=True)]
        return parts[0] + "".join(part.removeprefix("export ") for part in parts[1:])


def _in_order(folder: Path, entry: str) -> dict[Path, _Module]:
    """The modules that ``entry`` needs and itself, each behind those that it imports."""
    done: dict[Path, _Module] = {}
    styles: dict[Path, _Module] = {}

    def visit(path: Path, trail: tuple[Path, ...]) -> None:
        if path in trail:
            circle = " -> ".join(str(each.relative_to(folder)) for each in (*trail[trail.index(path) :], path))
            raise ModuleError(f"modules import each other in a circle: {circle}")
        if path in done:
            return
        module = _Module(path)
        for source, names in module.imports:
            if source.suffix == ".css":
                style = styles.setdefault(source, _Module(source))
                style.names += [name for name in names if name not in style.names]
                done[source] = style
                continue
            visit(source, (*trail, path))
            if missing := set(names) - done[source].exports:
                which = f"{', '.join(sorted(missing))} from {source.relative_to(folder)}, which does not export it"
                raise ModuleError(f"{path.relative_to(folder)} imports {which}")
        done[path] = module

    visit((folder / entry).resolve(), ())
    return done


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
