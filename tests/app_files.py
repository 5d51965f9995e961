"""The files of the app by their dotted names: the pages, and what they are put together from."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def app_files() -> dict[str, Path]:
    """``pages.overview``, ``explainer.app.what_if.controls``, ... at any depth."""
    files = [path for folder in ("pages", "explainer/app") for path in sorted((ROOT / folder).rglob("*.py"))]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in files}


def short(name: str) -> str:
    """The name inside ``explainer.app``: ``what_if.controls``."""
    return name.removeprefix("explainer.app.")


def imported_modules(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Of every module of the app that a file imports: what the file calls it, and its dotted name."""
    files = app_files()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if f"{node.module}.{alias.name}" in files:
                    yield alias.asname or alias.name, f"{node.module}.{alias.name}"
