"""The page that a browser gets first: Streamlit's own empty one, with the app's style and what the first view needs.

Streamlit shows a page's words before it has loaded what puts a style into a page, typesets an equation or draws a
picture; each of these then moves everything below it. So the style is in the page from its first byte, the parts that
every page needs are fetched beside Streamlit's own script instead of after it, and ``opening.js`` shows the page when
what is in the window stands where it stays. Where ``Shell`` is not mounted (a page under ``AppTest``, or ``streamlit
run pages/frame.py``), ``is_mounted()`` says so and the style travels as an element of the page.
"""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import streamlit
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explainer.app.server import tensor_route
from explainer.components import core, opening_script, opening_style
from explainer.packing import digest
from vit_core.resources import ASSETS

STYLE = ASSETS / "style.css"

# Parts of Streamlit's front end that it loads when a page first shows such an element: every page of this app does.
PARTS = ("Html", "BidiComponent", "PageLink", "Slider", "Selectbox", "rehype-katex", "rehype-raw", "DownloadButton")
FONTS = ("MaterialSymbols-Rounded", "SourceSerifVariable-Roman.ttf", "KaTeX_Main-Regular", "KaTeX_Math-Italic")

# Opened at /attention, Streamlit's front end would first ask whether the server lives below /attention, two requests
# that are answered with 404. This name gives it the place of the server: where the page's relative addresses
# begin, which is below ``server.baseUrlPath`` and below whatever a proxy puts before it.
SERVER = 'window.__streamlit = { BACKEND_BASE_URL: new URL(".", location.href).href }'

# A step back to another choice on the same page is the browser's own affair. Listeners of this event are called in the
# order in which they came: this one stands before Streamlit's, which would run the page's script.
GOING_BACK = 'addEventListener("popstate", (event) => window.__vitPage?.choice?.goBack(event))'

FIRST = f"{SERVER};\n{GOING_BACK}"

_STATIC = Path(streamlit.__file__).parent / "static"
_STARTS_WITH = b"<!--\n Copyright (c) Streamlit"
_ASKS_ABOUT_A_PART = (b"accept-encoding", b"range", b"if-none-match", b"if-modified-since")
_ABOUT_THE_BODY = (b"content-length", b"etag", b"last-modified", b"accept-ranges", b"content-encoding")

_mounted = False


def is_mounted() -> bool:
    """Whether this process serves pages through ``Shell``."""
    return _mounted


class Shell:
    """Middleware that completes the one HTML page which Streamlit serves at every address; all else passes through."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request as Streamlit does, its page completed."""
        global _mounted
        _mounted = True
        if scope["type"] != "http" or not _asks_for_a_page(scope):
            await self.app(scope, receive, send)
            return
        # The page comes whole and as text, and always anew: its own name is not its content's.
        asked = [(name, value) for name, value in scope["headers"] if name not in _ASKS_ABOUT_A_PART]
        start: Message = {}
        body = b""

        async def collect(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            page = body.lstrip()
            if page.startswith(_STARTS_WITH):
                headers = [(name, value) for name, value in start["headers"] if name.lower() not in _ABOUT_THE_BODY]
                page = completed(body.decode()).encode()
                start["headers"] = [*headers, (b"content-length", str(len(page)).encode())]
            else:
                page = body
            await send(start)
            await send({"type": "http.response.body", "body": page if scope["method"] == "GET" else b""})

        await self.app({**scope, "headers": asked}, receive, collect)


def _asks_for_a_page(scope: Scope) -> bool:
    accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    return scope["method"] == "GET" and b"text/html" in accept


@cache
def completed(page: str) -> str:
    """Streamlit's page with what this app adds to it.

    The style stands behind the place of the app, so that it comes after the styles that Streamlit writes into the head.
    """
    for module in (core(), opening()):
        tensor_route.keep(module.encode(), "text/javascript")
    known = set(re.findall(r"\./static/[\w./-]+", page))
    links = [
        f'<link rel="modulepreload" crossorigin href="{address}">'
        for address in (*sorted(_with_what_they_import(PARTS) - known), f"./{_address(core())}")
    ]
    links += [
        f'<link rel="preload" as="font" type="font/woff2" crossorigin href="./static/media/{found.name}">'
        for name in FONTS
        for found in _STATIC.glob(f"static/media/{name}.*.woff2")
    ]
    script = f'<script type="module" src="./{_address(opening())}"></script>'
    style = f"<style>\n{STYLE.read_text(encoding='utf-8')}\n{opening_style()}</style>"
    page = page.replace("</head>", "\n".join([*links, script, "</head>"]), 1)
    page = page.replace('<script type="module"', f'<script>{FIRST}</script>\n    <script type="module"', 1)
    return page.replace("</body>", f"{style}\n</body>", 1)


@cache
def opening() -> str:
    """The script that shows the page, with the addresses of the parts that it has evaluated beforehand."""
    parts = [f"../../static/js/{found.name}" for name in PARTS for found in _found(name)]
    return f"const PARTS = {parts!r};\n" + opening_script()


def _address(module: str) -> str:
    return tensor_route.url(digest(module.encode()))


def _found(part: str) -> list[Path]:
    return list((_STATIC / "static" / "js").glob(f"{part}.*.js"))


def _with_what_they_import(parts: Iterable[str]) -> set[str]:
    """The addresses of parts of the front end and of everything that they import at once."""
    waiting = [found for part in parts for found in _found(part)]
    seen: set[Path] = set()
    while waiting:
        part = waiting.pop()
        if part in seen or not part.is_file():
            continue
        seen.add(part)
        imported = re.findall(r'(?:from|import)"\./([\w.-]+\.js)"', part.read_text(encoding="utf-8"))
        waiting += [part.with_name(name) for name in imported]
    return {f"./static/js/{part.name}" for part in seen}
