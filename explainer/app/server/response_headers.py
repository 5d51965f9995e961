"""Headers that make the browser refuse content from elsewhere, guessed types and foreign frames.

Text from outside is shown as text (``foreign.py``); should something slip through, the browser asks no other machine.
``VIT_EXPLAINER_FRAME_ANCESTORS`` names the sites that may show the app in a frame, an LMS for example.
"""

import base64
import hashlib
import os
import re
from pathlib import Path
from typing import Final

import streamlit
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explainer.app.server.shell import FIRST

FRAME_ANCESTORS: Final = "VIT_EXPLAINER_FRAME_ANCESTORS"
# A script that stands in a page's own text: the policy knows it by its digest.
TO_THE_TOP: Final = "document.querySelector('[data-testid=stMain]').scrollTo(0, 0)"

_SITE: Final = re.compile(r"'self'|'none'|https?://[\w*.-]+(:(\d+|\*))?", re.ASCII)


class ResponseHeaders:
    """Middleware that adds the headers to all answers over HTTP."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.headers = [(name.encode(), value.encode()) for name, value in headers().items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does, with the headers."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [header for header in message["headers"] if header[0].lower() not in dict(self.headers)]
                message = {**message, "headers": [*own, *self.headers]}
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


def headers() -> dict[str, str]:
    """The headers of every answer.

    Raises:
        ValueError: if the setting names something that is no site.
    """
    return {
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",  # a link that leads out does not tell what is looked at here
        "content-security-policy": _policy(),
    }


def _policy() -> str:
    scripts = " ".join(f"'sha256-{_digest(script)}'" for script in (*_scripts_of_streamlit(), FIRST, TO_THE_TOP))
    rules = {
        "default-src": "'self'",
        # Streamlit loads a component's script from a blob that it makes of the text which the server sent.
        "script-src": f"'self' blob: {scripts}",
        "style-src": "'self' 'unsafe-inline'",  # Streamlit and KaTeX write styles into the page
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "media-src": "'self' blob:",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": _frame_ancestors(),
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _frame_ancestors() -> str:
    text = os.environ.get(FRAME_ANCESTORS, "").strip() or "'self'"
    if wrong := [site for site in text.split() if not _SITE.fullmatch(site)]:
        raise ValueError(
            f"{FRAME_ANCESTORS} names {wrong[0]!r}, which is no site: write 'self', 'none', or addresses such as "
            "https://moodle.example.org, with spaces between them"
        )
    return " ".join(text.split())


def _scripts_of_streamlit() -> list[str]:
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    return re.findall(r"<script>(.*?)</script>", page, re.DOTALL)


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
