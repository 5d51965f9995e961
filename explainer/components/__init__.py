"""The canvas that draws every view in the browser: one ES module, joined from the files of this folder.

No build step: a browser gets exactly this text. ``core()`` knows nothing of Streamlit; it exports
``mount(element, bytes, {onPick, scheme, load})`` for the app, a notebook or a page saved to a file.
"""

import json
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
# Joined in this order: each may use what an earlier one defines. The last one exports ``mount``.
PARTS = (
    "decode.js",
    "roots.js",
    "paint.js",
    "picture.js",
    "matrix.js",
    "tiles.js",
    "strips.js",
    "bars.js",
    "stacked.js",
    "plot.js",
    "flow.js",
    "origin.js",
    "links.js",
    "scrollers.js",
    "table.js",
    "panel.js",
    "looks_paint.js",
    "looks.js",
    "walk_sprites.js",
    "walk_scenes.js",
    "walk.js",
    "frames.js",
    "mount.js",
)
STYLES = ("canvas.css", "looks.css", "walk.css")


@cache
def core() -> str:
    """The canvas as one ES module that needs nothing else: its style sheet is inside."""
    style = json.dumps("\n".join(map(_read, STYLES)), ensure_ascii=False)
    return "\n".join([f"const STYLE = {style};", *map(_read, PARTS)])


@cache
def streamlit_adapter() -> str:
    """What makes the canvas a Streamlit component; needs ``loadCore`` and ``PATH`` written before it."""
    return _read("streamlit.js")


@cache
def notebook_adapter() -> str:
    """What makes the canvas a widget of a notebook, written after ``core()``."""
    return _read("notebook.js")


@cache
def ledger_script() -> str:
    """What searches a ledger of shapes and keeps it unfolded, as a Streamlit component."""
    return _read("ledger.js")


@cache
def reader_script() -> str:
    """Identifies the browser to the server, as a Streamlit component."""
    return _read("reader.js")


@cache
def opening_script() -> str:
    """What shows a page of the app when it is complete; needs ``PARTS`` written before it."""
    return _read("opening.js")


@cache
def opening_style() -> str:
    """What keeps a page of the app transparent until then."""
    return _read("opening.css")


@cache
def saved_page_script() -> str:
    """What draws the pictures of a page that was saved to a file, written after ``core()``."""
    return _read("saved_page.js")


@cache
def saved_page_style() -> str:
    """The look of a page that was saved to a file."""
    return _read("saved_page.css")


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
