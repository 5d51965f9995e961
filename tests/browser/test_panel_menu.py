"""The quiet menu of a panel, and the links of the table of tensors, in the app: what they offer, and what they save."""

import io
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page
from safetensors.numpy import load_file

from benchmarks.server import Server
from explainer.app import session
from tests.browser.conftest import Reader
from tests.browser.panel_menu import choose, kept, offered
from tests.browser.test_access import violations

pytestmark = pytest.mark.browser

EVERYTHING = ["Table", "PNG", "SVG", "PDF", "CSV", ".npy", ".safetensors"]
FOCUSED = """() => {
  let node = document.activeElement;
  while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
  return node.getAttribute("aria-label") ?? node.textContent;
}"""


@pytest.fixture(scope="module")
def opened(shared_server: Server, chromium: Any) -> Iterator[Reader]:
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    reader = Reader(context.new_page(), shared_server.url)
    reader.page.on("pageerror", lambda error: reader.errors.append(str(error)))
    yield reader
    context.close()


@pytest.fixture
def attention(opened: Reader) -> Iterator[Reader]:
    opened.open("attention?picture=cat&layer=3&head=2&token=20")
    yield opened
    assert not opened.errors


def panel(page: Page, title: str) -> Locator:
    return page.locator("section.panel").filter(has=page.get_by_role("heading", name=title)).first


def opacity(part: Locator) -> float:
    return float(part.evaluate("(node) => getComputedStyle(node).opacity"))


def test_it_is_quiet_until_the_panel_is_pointed_at(attention: Reader) -> None:
    page, one = attention.page, panel(attention.page, "A = softmax")
    button = one.get_by_role("button", name="Keep or read A = softmax")
    one.scroll_into_view_if_needed()
    page.mouse.move(2, 2)
    page.wait_for_timeout(300)
    assert opacity(one.locator(".menu")) == 0
    one.hover()
    page.wait_for_timeout(300)
    assert opacity(one.locator(".menu")) == 1
    page.mouse.move(2, 2)
    button.focus()
    page.wait_for_timeout(300)
    assert opacity(one.locator(".menu")) == 1
    assert offered(one) == EVERYTHING
    assert violations(page) == []
    page.mouse.click(4, 4)  # beside it
    assert not one.get_by_role("menu").is_visible()


def test_the_keyboard_alone_uses_it(attention: Reader) -> None:
    page, one = attention.page, panel(attention.page, "A = softmax")
    one.locator("canvas.over").focus()
    page.keyboard.press("Shift+Tab")

    def after(key: str) -> str:
        page.keyboard.press(key)
        return str(page.evaluate(FOCUSED)).partition(" ")[0]

    for key, name in (
        ("Enter", "Table"),
        ("ArrowUp", ".safetensors"),
        ("ArrowDown", "Table"),
        ("ArrowDown", "PNG"),
        ("End", ".safetensors"),
        ("Home", "Table"),
        ("Escape", "Keep"),
        ("Space", "Table"),
        ("Escape", "Keep"),
        ("ArrowUp", ".safetensors"),
        ("Escape", "Keep"),
        ("ArrowDown", "Table"),
    ):
        assert after(key) == name, key
    assert one.get_by_role("button").get_attribute("aria-expanded") == "true"
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    assert page.evaluate(FOCUSED) == "Keep or read A = softmax"
    assert one.get_by_role("button").get_attribute("aria-expanded") == "false"


def test_its_files_have_the_models_numbers(attention: Reader) -> None:
    page, block = attention.page, session.block("embedded", "cat", 3)
    weights = block.attention.weights.numpy()
    download = kept(panel(page, "A = softmax"), ".npy")
    assert download.suggested_filename == "attention-a-softmax-cat-layer3-head2-token20.npy"
    found = np.load(io.BytesIO(Path(download.path()).read_bytes()))
    assert found.dtype == np.float32 and found.tobytes() == weights[1].tobytes()
    looks = load_file(kept(panel(page, "Where a token looks"), ".safetensors").path())
    assert np.array_equal(looks["on the others, of token 20"], weights[:, 20])
    assert np.array_equal(looks["from the others, on token 20"], weights[:, :, 20])
    strips = load_file(kept(panel(page, "The row of the patch"), ".safetensors").path())
    assert any(np.array_equal(each, weights[1, 20]) for each in strips.values())


def test_it_draws_for_print_on_every_page(attention: Reader) -> None:
    page = attention.page
    download = kept(panel(page, "A = softmax"), "SVG")
    assert ElementTree.fromstring(Path(download.path()).read_text("utf-8")).tag.endswith("svg")
    assert Path(kept(panel(page, "Gallery"), "PDF").path()).read_bytes().startswith(b"%PDF")
    attention.open("compare?layer=3")  # its pictures come over the socket, or by their digests
    for title in ("Left: A cup of coffee", "Right minus left"):
        download = kept(panel(page, title), "SVG")
        assert title in panel(page, title).inner_text()
        assert ElementTree.fromstring(Path(download.path()).read_text("utf-8")).tag.endswith("svg")


def test_what_cannot_be_drawn_is_one_sentence(attention: Reader) -> None:
    page, one = attention.page, panel(attention.page, "q k")
    page.route("**/vit/figure/**", lambda route: route.fulfill(status=409, body="Its weights are gone."))
    choose(one, "PDF")
    notice = page.get_by_role("status").filter(has_text="This file could not be made: Its weights are gone.")
    notice.wait_for()
    page.unroute("**/vit/figure/**")


def test_the_table_of_tensors_links_files_of_the_choice(attention: Reader) -> None:
    page = attention.page
    page.get_by_text("All tensors of this stage").click()

    def saved(name: str) -> Path:
        with page.expect_download() as download:
            page.get_by_role("link", name=name, exact=True).click()
        return Path(download.value.path())

    for layer in (3, 5):
        block = session.block("embedded", "cat", layer)
        scores = np.load(io.BytesIO(saved("block.attention.scores as .npy").read_bytes()))
        assert scores.tobytes() == block.attention.scores.numpy().tobytes()
        everything = load_file(saved("Keep all of them as one file (.safetensors)"))
        assert len(everything) == 14
        assert everything["block.attention_input"].tobytes() == block.attention_input.numpy().tobytes()
        page.get_by_role("button", name="Layer 5", exact=True).click()
        page.get_by_text("model.block(5).attention_norm.weight", exact=True).wait_for()
        page.wait_for_function("() => document.querySelector('.vit-tensors a').href.includes('layer=5')")


def test_fingers_see_it_without_pointing(shared_server: Server, chromium: Any) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    reader = Reader(context.new_page(), shared_server.url)
    reader.open("mlp?layer=3")
    one = panel(reader.page, "GELU: a")
    assert opacity(one.locator(".menu")) == 1
    one.get_by_role("button", name="Keep or read").tap()
    box = one.get_by_role("menu").bounding_box()
    assert (
        box and box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["y"] >= 0 and box["y"] + box["height"] <= 844
    )
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_accepts_the_open_menu(scheme: str, shared_server: Server, open_reader: Callable[..., Reader]) -> None:
    reader = open_reader(shared_server, 1440, 900, scheme)
    reader.open("head")
    assert offered(panel(reader.page, "Prediction")) == EVERYTHING
    assert violations(reader.page) == []
