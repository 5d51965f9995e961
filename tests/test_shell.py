"""The page that a browser gets first: complete, always anew, and everything else as Streamlit sends it."""

import re
from pathlib import Path

import pytest
import streamlit
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit.web.server.starlette.starlette_static_routes import create_streamlit_static_assets_routes

from explainer.app.server import shell
from explainer.app.server.tensor_route import routes

pytestmark = pytest.mark.usefixtures("served_route")

STATIC = Path(streamlit.__file__).parent / "static"
ACCEPT = {"Accept": "text/html,*/*;q=0.8"}


@pytest.fixture(scope="module")
def client() -> TestClient:
    """Streamlit's own files, its page completed, and one page that is not Streamlit's."""
    other = Route("/other", lambda _: HTMLResponse("<html><head></head><body>other</body></html>"))
    served = [*routes, other, *create_streamlit_static_assets_routes(None)]
    return TestClient(Starlette(routes=served, middleware=[Middleware(shell.Shell)]))


@pytest.mark.parametrize("path", ["/", "/attention"])
def test_the_page_has_the_style_and_what_it_names_is_served(client: TestClient, path: str) -> None:
    page = client.get(path, headers=ACCEPT)
    assert page.status_code == 200 and page.headers["cache-control"] == "no-cache"
    assert int(page.headers["content-length"]) == len(page.content)
    root, style = page.text.index('<div id="root">'), page.text.index(".vit-kicker")
    assert root < style  # after the styles that Streamlit writes into the head, which it overrides
    named = re.findall(r'(?:href|src)="\./([^"]+)"', page.text)
    assert len(named) > 80
    for address in named:
        if "_stcore" not in address:  # Streamlit's own routes, which are not mounted here
            assert client.get(f"/{address}").status_code == 200, address


def test_every_part_and_font_is_in_this_streamlit() -> None:
    """Their names have a version in them; a new Streamlit that renames a part is seen here."""
    for part in shell.PARTS:
        assert len(list(STATIC.glob(f"static/js/{part}.*.js"))) == 1, part
    for font in shell.FONTS:
        assert len(list(STATIC.glob(f"static/media/{font}.*.woff2"))) == 1, font


def test_a_page_is_never_answered_with_what_the_browser_has(client: TestClient) -> None:
    """Streamlit's file may be old while the style is new."""
    etag = client.get("/", headers={"Accept": "*/*"}).headers["etag"]
    again = client.get("/", headers=ACCEPT | {"If-None-Match": etag, "Range": "bytes=0-10"})
    assert again.status_code == 200 and ".vit-kicker" in again.text and "etag" not in again.headers


def test_everything_else_passes_as_it_is(client: TestClient) -> None:
    assert client.get("/other", headers=ACCEPT).text == "<html><head></head><body>other</body></html>"
    script = next(STATIC.glob("static/js/index.*.js"))
    answer = client.get(f"/static/js/{script.name}", headers={"Accept": "*/*"})
    assert answer.content == script.read_bytes() and "immutable" in answer.headers["cache-control"]
    assert client.head("/", headers=ACCEPT).status_code == 200
