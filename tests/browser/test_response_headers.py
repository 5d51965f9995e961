"""All answers carry the headers, and with them every page works: nothing that it needs is refused."""

import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError

import pytest
from PIL import Image

from benchmarks.server import ROOT, Server
from explainer.app.server.response_headers import headers
from explainer.menu import PAGES
from tests.browser.conftest import Reader

pytestmark = pytest.mark.browser
OpenReader = Callable[..., Reader]


def headers_of(url: str, **asked: str) -> dict[str, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=asked), timeout=20) as answer:
            return {name.lower(): value for name, value in answer.headers.items()}
    except HTTPError as error:
        return {name.lower(): value for name, value in error.headers.items()}


def test_every_answer_carries_them(shared_server: Server) -> None:
    script = next((ROOT / "explainer" / "components").rglob("*.js")).name
    for path in (
        *("", "attention?picture=x", "favicon.png", "_stcore/health", "_stcore/host-config", "vit/tensor/unknown"),
        *("media/unknown.png", "static/js/unknown.js", "_stcore/upload_file/a/b", f"component/unknown/{script}"),
    ):
        for accept in ("text/html", "*/*"):
            found = headers_of(f"{shared_server.url}/{path}", Accept=accept)
            assert {name: found.get(name) for name in headers()} == headers(), path


def watch(reader: Reader) -> list[str]:
    """What the browser refuses, and what it asks of other machines."""
    found: list[str] = []
    reader.page.on("console", lambda each: found.append(each.text) if "Content Security" in each.text else None)
    here = (reader.url, reader.url.replace("http", "ws", 1), "data:", "blob:")
    reader.page.on("request", lambda request: None if request.url.startswith(here) else found.append(request.url))
    return found


@pytest.mark.parametrize("name", PAGES)
def test_a_page_needs_nothing_that_is_refused(name: str, shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    found = watch(reader)
    reader.open("" if name == "overview" else name)
    reader.page.locator('[data-testid="stMain"]').evaluate("each => each.scrollTo(0, each.scrollHeight)")
    reader.page.wait_for_timeout(500)
    assert found == []
    assert reader.errors == []


def test_uploads_the_camera_downloads_and_links_work(
    shared_server: Server, open_reader: OpenReader, tmp_path: Path
) -> None:
    reader = open_reader(shared_server)
    found = watch(reader)
    reader.open("attention")
    with reader.page.expect_download() as download:
        reader.page.get_by_role("link", name="Save this page").click()
    assert download.value.path().stat().st_size > 10_000
    reader.page.get_by_role("button", name="Your own image").click()
    Image.new("RGB", (80, 80), "orange").save(tmp_path / "orange.png")
    reader.page.locator('[data-testid="stPopoverBody"] input[type="file"]').set_input_files(tmp_path / "orange.png")
    reader.page.wait_for_url("**picture=upload-**", timeout=20_000)
    reader.settle()
    camera = reader.page.get_by_text("Use the camera")
    if not camera.is_visible():
        reader.page.get_by_role("button", name="Your own image").click()
    camera.click()
    reader.page.wait_for_selector('[data-testid="stCameraInput"]')
    reader.page.wait_for_timeout(1000)
    assert found == []


def test_another_site_may_not_show_it_in_a_frame(shared_server: Server, open_reader: OpenReader) -> None:
    page = open_reader(shared_server).page
    frame = f'<iframe src="{shared_server.url}/_stcore/health"></iframe>'
    for site, is_shown in ((shared_server.url, True), ("http://elsewhere.test", False)):
        page.route(f"{site}/outside", lambda route: route.fulfill(body=frame, content_type="text/html"))
        page.goto(f"{site}/outside")
        page.wait_for_timeout(1500)
        assert (page.frames[1].url == f"{shared_server.url}/_stcore/health") == is_shown
