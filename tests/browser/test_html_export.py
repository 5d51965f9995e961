"""A saved page in Chromium, from a disk, the network off: drawn, readable by the mouse, and it asks for nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from benchmarks.server import Server
from explainer.export.saved_parts import Heading, Mathematics, SavedPage, Words
from explainer.html_export import export_html
from explainer.notation.equations import EQUATIONS
from explainer.panels import Bars, Matrix, Picture, Scale, View
from tests.browser.panel_menu import kept, offered

pytestmark = pytest.mark.browser

PIXELS = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
VALUES = np.random.default_rng(2).standard_normal((6, 4)).astype(np.float32)
MATRIX = Matrix(
    title="Scores", values=VALUES, scale=Scale(-3, 3, diverging=True), row_axis="rows", column_axis="columns"
)
BARS = Bars(title="Classes", labels=("cat", "cup"), values=np.array([0.75, 0.25], "f4"), picks=({"n": 0}, {"n": 1}))
HOSTILE = "</script><script>window.ran = 1</script><img src=x onerror='window.ran = 1'>"
VIEW = View(rows=((MATRIX, Picture(title="Picture", pixels=PIXELS, grid_size=8)),), alt="Six rows and a picture")
PAGE = SavedPage(
    "A page",
    (
        Words(f"The *words* of $\\mathbf{{z}}_\\ell$. {HOSTILE}"),
        Mathematics("Equation 6", EQUATIONS[6]),
        VIEW,
        Heading(HOSTILE),
        *(View(rows=((BARS,),), alt=f"Bars {i}") for i in range(8)),  # far below the window
    ),
)


class Saved:
    """A file, opened without a network."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page, self.path = page, path
        self.requests: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    def open(self, html: str) -> None:
        self.path.write_text(html, encoding="utf-8")
        self.page.goto(self.path.as_uri())

    def wait(self) -> None:
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('.picture')].every((each) => each.dataset.state === 'drawn')"
        )

    def panel(self, title: str) -> Any:
        return self.page.locator("section.panel").filter(has=self.page.get_by_role("heading", name=title)).first


@pytest.fixture(params=["light", "dark"])
def saved(request: pytest.FixtureRequest, chromium: Browser, tmp_path: Path) -> Iterator[Saved]:
    context = chromium.new_context(
        viewport={"width": 1000, "height": 700}, offline=True, color_scheme=request.param, accept_downloads=True
    )
    saved = Saved(context.new_page(), tmp_path / "page.html")
    yield saved
    assert saved.errors == []
    # Asked for: the file itself. Pictures drawn on canvases and saved from them are blobs of the page's own.
    assert [url for url in saved.requests if not url.startswith(("data:", "blob:"))] == [saved.path.as_uri()]
    context.close()


def test_every_picture_is_drawn_and_tells_its_numbers(saved: Saved) -> None:
    saved.open(export_html(PAGE))
    saved.wait()
    assert saved.page.locator(".picture canvas.base").count() == 2 + 8
    assert saved.page.evaluate("window.ran") is None
    over = saved.panel("Scores").get_by_role("application")
    over.press("ArrowRight")
    tip = saved.page.locator(".tip:visible").inner_text()
    assert f"{VALUES[0, 0]:.3f}".replace("-", "−")[:5] in tip, tip
    assert offered(saved.panel("Scores")) == ["Table", "PNG", "CSV", ".npy", ".safetensors"]  # no server draws
    saved.page.keyboard.press("Escape")
    download = kept(saved.panel("Scores"), "CSV")
    lines = download.path().read_text().splitlines()
    assert download.suggested_filename == "a-page-scores.csv"
    assert np.float32(lines[1].split(",")[1]) == VALUES[0, 0]


def test_colours_follow_the_reader(saved: Saved) -> None:
    saved.open(export_html(PAGE))
    saved.wait()
    dark = saved.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert saved.page.locator("figure.vit").first.evaluate("(figure) => figure.style.colorScheme") == (
        "dark" if dark else "light"
    )
    letter = saved.page.locator(".equation mstyle").first  # A
    colour = letter.evaluate("(each) => getComputedStyle(each).color")
    assert colour == ("rgb(251, 214, 53)" if dark else "rgb(134, 98, 13)")


def test_a_click_does_not_pretend_to_choose(saved: Saved) -> None:
    saved.open(export_html(View(rows=((BARS,),), alt="")))
    saved.wait()
    saved.panel("Classes").locator("canvas.over").click(position={"x": 60, "y": 45})
    assert "Chosen" not in str(saved.panel("Classes").get_by_role("application").get_attribute("aria-label"))


def test_without_scripts_the_words_are_there(chromium: Browser, tmp_path: Path) -> None:
    context = chromium.new_context(java_script_enabled=False, offline=True)
    saved = Saved(context.new_page(), tmp_path / "page.html")
    saved.open(export_html(PAGE))
    text = saved.page.inner_text("main")
    assert "Six rows and a picture" in text and "Bars 7" in text and "The words of" in text
    context.close()


def test_a_page_of_the_app_is_saved_whole(open_reader: Any, shared_server: Server, saved: Saved) -> None:
    reader = open_reader(shared_server)
    reader.open("attention?layer=2")
    shown = reader.page.locator('[data-testid="stMain"] .vit-step-picture').count()
    with reader.page.expect_download() as download:
        reader.page.get_by_role("link", name="Save this page").click()
    assert download.value.suggested_filename == "vit-attention.html"
    html = download.value.path().read_text(encoding="utf-8")
    assert len(html) < 3e6  # a few megabytes at most
    saved.open(html)
    saved.wait()
    assert saved.page.locator("figure.vit").count() == shown
    for folded in saved.page.locator(".vit-folded > summary").all():
        folded.click()
    text = saved.page.inner_text("main")
    for words in ("layer 2, head 1", "block.attention.query", "# Eq. 6", "Eq. 6 holds", "Rachel Michetti"):
        assert words in text
    assert saved.page.locator(".vit-equation math").count() >= 5
    assert saved.page.get_by_role("link", name="this page in the app").get_attribute("href") == (
        f"{shared_server.url}/attention?layer=2"
    )
    assert reader.errors == []
