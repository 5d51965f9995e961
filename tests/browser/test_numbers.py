"""A number clicked in Chromium: the sheet shows that of the trace, leads deeper and back, and obeys the keyboard."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from benchmarks.server import Server
from explainer.gallery import GALLERY
from explainer.number_address import Address
from explainer.numbers import explain
from tests.browser.conftest import Reader
from vit_core import ForwardTrace, VisionTransformer, load, open_picture

pytestmark = pytest.mark.browser
Open = Callable[..., Reader]


@pytest.fixture(scope="module")
def traced() -> tuple[VisionTransformer, ForwardTrace]:
    model, checkpoint = load("embedded")
    return model, model.trace(checkpoint.preprocess(open_picture(GALLERY["coffee"].path)))


def panel(reader: Reader, title: str) -> Locator:
    return reader.page.locator("section.panel", has=reader.page.get_by_role("heading", name=title, exact=True))


def asked(reader: Reader) -> str:
    """The number that the link asks for."""
    return str(reader.page.evaluate("new URLSearchParams(location.search).get('number') ?? ''"))


def wait_for_number(reader: Reader, number: str) -> None:
    reader.page.wait_for_function(
        "(n) => (new URLSearchParams(location.search).get('number') ?? '') === n", arg=number, timeout=60_000
    )
    reader.settle()


def result(reader: Reader) -> str:
    """The number at the end of the steps."""
    return reader.page.locator(".vit-steps .vit-result .vit-value").inner_text().replace("−", "-")


def check(reader: Reader, traced: tuple[VisionTransformer, ForwardTrace]) -> Address:
    """The sheet shows the number that the link asks for, as the model has it."""
    address = Address.parse(asked(reader))
    value = explain(*traced, address.layer, address.tensor, address.index).value
    assert result(reader) == f"{value:.7g}"
    return address


def test_a_click_on_a_cell_explains_it_and_leads_deeper_and_back(
    open_reader: Open, shared_server: Server, traced: tuple[VisionTransformer, ForwardTrace]
) -> None:
    reader = open_reader(shared_server)
    reader.open("attention?layer=3&head=2")
    cells = panel(reader, "A = softmax").locator("canvas.over")
    cells.scroll_into_view_if_needed()
    box = cells.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.4
    reader.page.mouse.move(x, y)
    tip = reader.page.locator(".tip:visible")
    expect(tip).to_contain_text("click: how it was computed")
    lines = tip.inner_text()
    query, key = (int(re.search(rf"token (\d+).*{role}", lines)[1]) for role in ("query", "key"))  # type: ignore[index]
    reader.page.mouse.click(x, y)
    wait_for_number(reader, f"block.attention.weights:3:1,{query},{key}")
    expect(reader.page.locator(".vit-steps")).to_be_visible()
    weights = check(reader, traced)
    assert f"token={query}" in reader.page.url  # the click chose the row, as it always did

    reader.page.locator(".vit-steps [data-number]").first.click()
    wait_for_number(reader, f"block.attention.scores:3:1,{query},{key}")
    expect(reader.page.locator(".vit-terms caption")).to_have_text("The 10 largest of 64 terms")
    check(reader, traced)
    reader.page.locator(".vit-terms [data-number]").first.click()
    reader.page.wait_for_function("new URLSearchParams(location.search).get('number').includes('query')")
    reader.settle()
    assert check(reader, traced).index[:2] == (1, query)

    for number in (f"block.attention.scores:3:1,{query},{key}", str(weights)):
        reader.page.get_by_role("button", name="Back").click()
        wait_for_number(reader, number)
        check(reader, traced)
    assert reader.page.get_by_role("button", name="Back").count() == 0
    sheet = reader.page.locator(".st-key-number_sheet").bounding_box()
    assert sheet is not None and sheet["y"] > 300 and sheet["y"] + sheet["height"] <= 901  # the page stays to be read
    reader.page.get_by_role("button", name="Close").click()
    wait_for_number(reader, "")
    assert reader.page.locator(".vit-number").count() == 0
    assert reader.errors == []


def test_the_keyboard_alone(
    open_reader: Open, shared_server: Server, traced: tuple[VisionTransformer, ForwardTrace]
) -> None:
    reader = open_reader(shared_server, 390, 844, "dark")
    reader.open("head")
    cells = panel(reader, "y = LN(z₆⁰)").locator("canvas.over")
    cells.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "n"):
        reader.page.keyboard.press(key)
    wait_for_number(reader, "trace.representation::1")
    body = reader.page.locator(".vit-number")
    expect(body).to_be_focused()
    check(reader, traced)
    reader.page.keyboard.press("Tab")
    expect(body.locator("button").first).to_be_focused()
    reader.page.keyboard.press("Enter")
    wait_for_number(reader, "trace.hidden_states:6:0,1")
    expect(body).to_be_focused()
    check(reader, traced)
    reader.page.keyboard.press("Escape")
    wait_for_number(reader, "")
    expect(cells).to_be_focused()
    assert reader.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert reader.errors == []
