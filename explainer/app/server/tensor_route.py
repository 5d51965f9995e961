"""A route for all that is too big for the websocket: packed views, images and the canvas, named by their content.

Streamlit sends a component's data again with every page change; a file named by its content is sent once per browser
and compressed once for all of them. ``routes`` goes into ``st.App(routes=...)``. Where it is not mounted (a page under
``AppTest``, or ``streamlit run pages/frame.py``), ``is_mounted()`` says so and everything travels as bytes instead.
"""

import gzip
from collections.abc import MutableMapping
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route

from explainer.app.server.store import Store
from explainer.packing import digest, exact_bytes
from explainer.panels import View

PATH = "vit/tensor"
EXACT_PATH = "vit/exact"
LIMIT = 256 * 2**20  # bytes, compressed
FOREVER = "public, max-age=31536000, immutable"  # the name is the content, so it never changes

_kept: Store[tuple[bytes, str]] = Store(LIMIT)  # digest -> gzip, media type
_offered: WeakValueDictionary[str, NDArray[Any]] = WeakValueDictionary()  # arrays of views, which keep them alive
_views: WeakValueDictionary[str, View] = WeakValueDictionary()  # those that may be drawn for print


def keep(data: bytes, media_type: str = "application/octet-stream", name: str = "") -> str:
    """Keep ``data`` for the browsers to fetch, and return its digest; ``name`` is that digest, where it is known."""
    name = name or digest(data)

    def compress() -> tuple[tuple[bytes, str], int]:
        compressed = gzip.compress(data, compresslevel=1, mtime=0)
        return (compressed, media_type), len(compressed)

    _kept.get_or_make(name, compress)
    return name


def offer(array: NDArray[Any]) -> str:
    """Offer the values of an array for as long as its view lives, and return their name. Nothing is copied to keep."""
    name = digest(str(array.shape).encode() + np.ascontiguousarray(array, dtype="<f4").tobytes())
    _offered[name] = array
    return name


def offer_view(view: View, name: str) -> None:
    """Offer a view to be drawn for print for as long as it lives."""
    _views[name] = view


def offered_view(name: str) -> View:
    """The view of a name.

    Raises:
        LookupError: if it is gone; one sentence.
    """
    if (view := _views.get(name)) is None:
        raise LookupError("This figure is no longer on the server. Load the page again.")
    return view


def load(name: str) -> bytes | None:
    """The bytes of a digest, or None if they have been evicted."""
    kept = _kept.get(name)
    return gzip.decompress(kept[0]) if kept else None


def url(name: str) -> str:
    """The address of a digest, relative to the app's own address, which may lie below a base path."""
    return f"{PATH}/{name}"


async def serve(request: Request) -> Response:
    """The kept bytes of a digest; 304 if the browser has them, 404 if they are gone."""
    name = request.path_params["digest"]
    headers = {"Cache-Control": FOREVER, "ETag": f'"{name}"', "Vary": "Accept-Encoding"}
    if f'"{name}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if (kept := _kept.get(name)) is None:
        return PlainTextResponse(
            "These tensors are no longer kept on the server. The page asks for them again by itself.",
            status_code=404,
            headers={"Cache-Control": "no-store"},
        )
    compressed, media_type = kept
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(compressed, media_type=media_type, headers=headers | {"Content-Encoding": "gzip"})
    return Response(gzip.decompress(compressed), media_type=media_type, headers=headers)


def serve_exact(request: Request) -> Response:
    """The values of an array that travelled in steps, of attention one token's; 404 if its view is gone."""
    array, token = _offered.get(request.path_params["digest"]), request.query_params.get("token", "")
    try:
        if array is None:
            raise ValueError("These values are no longer on the server. Load the page again.")
        values = exact_bytes(array, int(token) if token.isdecimal() and len(token) < 8 else None)
    except ValueError as error:
        return PlainTextResponse(str(error), status_code=404, headers={"Cache-Control": "no-store"})
    return Response(values, media_type="application/octet-stream", headers={"Cache-Control": FOREVER})


class _TensorRoute(Route):
    """A route that knows whether a server asks it: every request of a page passes by it before a script runs."""

    is_mounted = False

    def matches(self, scope: MutableMapping[str, Any]) -> tuple[Match, MutableMapping[str, Any]]:
        self.is_mounted = True
        return super().matches(scope)


# The prefix stands for server.baseUrlPath, below which Streamlit puts its own routes but not these.
_route = _TensorRoute(f"/{{prefix:path}}{PATH}/{{digest}}", serve, methods=["GET"])
routes = [_route, Route(f"/{{prefix:path}}{EXACT_PATH}/{{digest}}", serve_exact, methods=["GET"])]


def is_mounted() -> bool:
    """Whether this process serves the route."""
    return _route.is_mounted
