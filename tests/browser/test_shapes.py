"""The Shapes page in Chromium: a slider moves a row, a block unfolds and stays so, search, keyboard, phone, paper."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page

from benchmarks.server import Server
from tests.browser.conftest import Reader

pytestmark = pytest.mark.browser
OpenReader = Callable[..., Reader]
LINK = "shapes?sizes=B%2F32"


def opened(reader: Reader, link: str = LINK) -> Page:
    # A server that has just started has to import torch first: on a busy machine that takes its time.
    reader.page.goto(f"{reader.url}/{link}", timeout=240_000)
    reader.page.wait_for_selector(".vit-ledger tbody tr", timeout=240_000)
    reader.page.wait_for_selector("text=Both agree", timeout=120_000)
    reader.settle()
    return reader.page


def row(page: Page, name: str) -> Locator:
    return page.locator(".vit-ledger tr:not(.how)", has=page.get_by_role("rowheader", name=name))


def patch_slider(page: Page) -> Locator:
    return page.locator(".st-key-shapes_slider_patch_size").get_by_role("slider")


def wait_for(page: Page, text: str) -> None:
    page.wait_for_function(
        "(text) => document.querySelector('.vit-ledger').textContent.includes(text)", arg=text, timeout=60_000
    )


def test_a_slider_moves_a_row_and_what_is_unfolded_stays_so(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    page = opened(reader)
    block = page.locator(".vit-ledger details")
    assert block.count() == 1 and not row(page, "softmax attention").is_visible()
    assert "B × D × H/P × W/P 1 × 768 × 7 × 7" in " ".join(row(page, "conv2d patch_projection").inner_text().split())
    block.locator("summary").click()
    assert row(page, "softmax attention").is_visible()
    slider = patch_slider(page)
    slider.focus()
    slider.press("ArrowLeft")  # 28
    wait_for(page, "50→65")
    reader.settle()
    assert "sizes=B%2F32%2Cpatch_size%3D28" in page.url or "sizes=B/32,patch_size=28" in page.url
    softmax = row(page, "softmax attention")
    assert softmax.is_visible()  # still unfolded
    assert softmax.locator("del").first.inner_text() == "50" and softmax.locator("ins").first.inner_text() == "65"
    assert "P from 32 to 28" in reader.main
    page.wait_for_selector("text=Both agree", timeout=60_000)  # torchinfo is asked when the slider rests
    page.get_by_role("button", name="Undo").click()
    wait_for(page, "65→50")
    reader.settle()
    slider.focus()
    for _ in range(3):  # 24 does not divide 224
        slider.press("ArrowLeft")
        page.wait_for_timeout(150)
    page.wait_for_selector("text=These sizes do not fit together", timeout=60_000)
    reader.settle()
    assert row(page, "conv2d patch_projection").is_visible()
    assert reader.errors == []


def test_search_finds_operations_sizes_and_equations(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    page = opened(reader)
    field = page.get_by_role("searchbox", name="Search the ledger")
    said = page.locator(".vit-ledger-tools [role=status]")
    field.fill("softmax")
    assert row(page, "softmax attention").is_visible()  # the block has unfolded for it
    assert not row(page, "conv2d patch_projection").is_visible()
    found, total = (int(word) for word in said.inner_text().split() if word.isdigit())
    assert 1 <= found < total
    field.fill("eq. 4")
    assert row(page, "layer_norm norm").is_visible() and not row(page, "softmax attention").is_visible()
    field.fill("3072")
    assert row(page, "linear mlp.expand").is_visible() and not row(page, "linear head.linear").is_visible()
    field.fill("307")  # a part of a number is not the number
    assert not row(page, "linear mlp.expand").is_visible()
    field.fill("")
    assert said.inner_text() == "" and not row(page, "softmax attention").is_visible()  # folded again
    assert row(page, "conv2d patch_projection").is_visible()
    assert reader.errors == []


def test_the_keyboard_alone_unfolds_and_goes_to_an_equation(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    page = opened(reader)
    page.get_by_role("searchbox", name="Search the ledger").focus()
    seen = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        where = page.evaluate("() => document.activeElement.tagName + ' ' + document.activeElement.textContent.trim()")
        seen.add(where.split()[0])
        if where.startswith("SUMMARY"):
            break
    assert where.startswith("SUMMARY blocks.0–11")
    assert {"BUTTON", "A"} <= seen
    page.keyboard.press("Enter")
    assert row(page, "softmax attention").is_visible()
    page.locator(".vit-ledger a[data-equation='6']").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => location.pathname.endsWith('/attention')", timeout=60_000)
    reader.settle()
    assert "Eq. 5" in reader.main
    page.go_back()
    page.wait_for_selector(".vit-ledger tbody tr", timeout=60_000)
    assert reader.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_scrolls_sideways(scheme: str, shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server, 390, 844, scheme)
    page = opened(reader, "shapes?sizes=B%2F16&against=B%2F32")
    page.get_by_role("button", name="Unfold all").click()
    widths = page.evaluate(
        "() => { const m = document.querySelector('[data-testid=stMain]'); return [m.scrollWidth, m.clientWidth] }"
    )
    assert widths[0] <= widths[1]
    inside = page.evaluate(
        """() => [...document.querySelectorAll(".vit-ledger :is(td, th, summary)")].filter(
            (each) => each.getClientRects().length && each.scrollWidth > each.clientWidth + 1
                && !each.closest(".vit-ledger-unseen, thead")).map((each) => each.textContent.slice(0, 60))"""
    )
    assert inside == []
    box = row(page, "linear attention.qkv").bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_left_out(scheme: str, shared_server: Server, open_reader: OpenReader) -> None:
    """axe finds nothing wrong with the ledger: roles, names, and contrast, of what has moved as well."""
    reader = open_reader(shared_server, scheme=scheme)
    page = opened(reader, "shapes?sizes=B%2F16&against=B%2F32")
    page.get_by_role("button", name="Unfold all").click()
    found = Axe().run(page, context=".stMain", options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
    nodes = [(each["id"], node) for each in found.response["violations"] for node in each["nodes"]]
    ours = [(rule, node["html"]) for rule, node in nodes if "vit-ledger" in node["html"] + str(node["target"])]
    assert ours == []


def test_on_paper_blocks_are_unfolded(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    page = opened(reader)
    page.emulate_media(media="print")
    box = row(page, "softmax attention").bounding_box()
    assert box is not None and box["height"] > 0
    assert not page.get_by_role("searchbox", name="Search the ledger").is_visible()


def test_files_can_be_saved(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    page = opened(reader, "shapes?sizes=B%2F16&against=B%2F32")
    for label, begins in (("CSV", b"number,operation,module"), ("HTML", b"<!doctype html>"), ("Text", b"B/16: [1")):
        with page.expect_download() as download:
            page.get_by_role("button", name=label, exact=True).click()
        path = download.value.path()
        assert path.read_bytes().startswith(begins)
    assert reader.errors == []
