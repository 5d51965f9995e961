"""A page, or views alone, as one HTML file: works offline, from a disk, on a projector, for years.

::

    from explainer.html_export import export_html

    Path("attention.html").write_text(export_html([view, another], title="Attention, layer 3"), encoding="utf-8")
    export_html(SavedPage("My picture", (Words("The *cat*."), view, Mathematics("Eq. 6", EQUATIONS[6], config, 3))))

Its pictures react to the mouse as in the app, because the same canvas draws them from the same bytes; equations are
MathML; colours follow the reader's scheme. The file asks for nothing: its own policy forbids every request, and every
script but its own. Without scripts it still reads: the words, and a sentence for each picture.
"""

import base64
import gzip
import hashlib
from collections.abc import Sequence
from html import escape
from urllib.parse import urlsplit

from explainer.components import core, saved_page_script, saved_page_style
from explainer.export.saved_parts import Code, Heading, Markup, Mathematics, Part, SavedPage, Words
from explainer.notation.excerpts import highlighted
from explainer.notation.mathml import both_schemes, html_of, mathml
from explainer.packing import Keep, digest, pack
from explainer.panels import Frames, View
from vit_core.resources import ASSETS

_STYLE = ASSETS / "style.css"  # of code, proofs and the like, as in the app
_OF_ONE_MACHINE = "That link works only on the machine that saved this page, while the app runs there."
_SAVED = "Point at a figure to read its numbers. Another image, layer, head or token is chosen on"


def export_html(page: SavedPage | View | Frames | Sequence[View | Frames], title: str = "") -> str:
    """One HTML file with everything in it. ``title`` is for views alone.

    Raises:
        ValueError: if a view holds a number that is not finite.
    """
    if isinstance(page, View | Frames):
        page = [page]
    if not isinstance(page, SavedPage):
        page = SavedPage(title or "ViT explainer", tuple(page))
    kept: dict[str, bytes] = {}

    def keep(raw: bytes) -> str:
        kept[digest(raw)] = raw
        return digest(raw)

    body = "\n".join([_head(page), *(_part(each, keep) for each in page.parts), _foot(page)])
    pictures = "".join(_data(raw, f'id="kept-{name}"') for name, raw in kept.items())
    script = _inline(core() + "\n" + saved_page_script())
    style = saved_page_style() + _STYLE.read_text(encoding="utf-8").replace("</", r"<\/")
    policy = (
        f"default-src 'none'; script-src 'sha256-{_sha256(script)}'; style-src 'unsafe-inline'; img-src data: blob:"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(page.title)}</title>\n<style>\n{style}\n</style>\n</head>\n"
        f'<body data-name="{escape(page.title)}">\n<main>\n{body}\n</main>\n{pictures}\n'
        f'<script type="module">{script}</script>\n</body>\n</html>\n'
    )


def _head(page: SavedPage) -> str:
    kicker = f'<p class="vit-kicker">{escape(page.kicker)}</p>\n' if page.kicker else ""
    choice = f'<p class="choice">{escape(page.choice)}</p>\n' if page.choice else ""
    saved = f'<p class="quiet">{_SAVED} {_link(page)}.</p>\n' if _is_address(page.link) else ""
    if saved and _is_of_one_machine(page.link):
        saved = saved.replace("</p>", f" {_OF_ONE_MACHINE}</p>")
    return f"<header>\n{kicker}<h1>{escape(page.title)}</h1>\n{choice}{saved}</header>"


def _foot(page: SavedPage) -> str:
    lines = "".join(f"<p>{escape(each)}</p>" for each in page.credits)
    return f"<footer>{lines}</footer>" if lines else ""


def _link(page: SavedPage) -> str:
    return f'<a href="{escape(page.link)}">this page in the app</a>'


def _is_of_one_machine(address: str) -> bool:
    """Whether an address leads every reader to their own machine: "localhost", 127.0.0.1, ::1."""
    host = urlsplit(address).hostname or ""
    return host == "localhost" or host.endswith(".localhost") or host == "::1" or host.startswith("127.")


def _is_address(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _part(part: Part, keep: Keep) -> str:
    match part:
        case Heading():
            return f"<h2>{escape(part.title)}</h2>"
        case Words():
            return f'<div class="{"words quiet" if part.quiet else "words"}">{html_of(part.markdown)}</div>'
        case Mathematics():
            lines = "".join(f'<div class="line">{mathml(each, display=True)}</div>' for each in part.latex)
            return f'<section class="equation"><p class="quiet">{escape(part.title)}</p>{lines}</section>'
        case Code():
            code = both_schemes(highlighted(part.code, "light", part.marked))
            return f'<p class="vit-source">{escape(part.title)}</p>{code}'
        case Markup():
            html = part.html
            for view in part.views:
                html = html.replace(Markup.PLACE, _picture(view, keep), 1)
            return html
        case View() | Frames():
            return _picture(part, keep)


def _picture(view: View | Frames, keep: Keep) -> str:
    alt = view.alt if isinstance(view, View) else view.views[-1].alt
    return f'<div class="picture"><p class="alt">{escape(alt)}</p>{_data(pack(view, keep))}</div>'


def _data(raw: bytes, attributes: str = "") -> str:
    """Bytes as text that a browser neither runs nor shows."""
    text = base64.b64encode(gzip.compress(raw, compresslevel=9, mtime=0)).decode()
    return f'<script type="text/plain" {attributes}>{text}</script>'


def _inline(script: str) -> str:
    """A script that may stand between its tags: what HTML would take for their end, or for a comment, is escaped."""
    return script.replace("</", r"<\/").replace("<!--", r"<\!--")


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
