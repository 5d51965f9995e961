"""A number clicked in Chromium: the sheet shows that of the trace, leads deeper and back, and obeys the keyboard."""

import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, expect

from benchmarks.server import Server
from explainer.gallery import GALLERY
from explainer.numbers import Pass, explain_number
from explainer.numbers.address import Address
from explainer.numbers.expressions import parse
from tests.browser.conftest import Reader
from vit_core import ForwardTrace, Interventions, VisionTransformer, load, open_picture

pytestmark = pytest.mark.browser
Open = Callable[..., Reader]
CENTRE = "(canvas) => canvas.scrollIntoView({ block: 'center' })"  # not below the bar of choices


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
    value = explain_number(address, lambda _: Pass(*traced)).value
    assert result(reader) == f"{value:.6g}"
    return address


def test_a_click_on_a_cell_explains_it_and_leads_deeper_and_back(
    open_reader: Open, shared_server: Server, traced: tuple[VisionTransformer, ForwardTrace]
) -> None:
    reader = open_reader(shared_server)
    reader.open("attention?layer=3&head=2")
    cells = panel(reader, "A = softmax").locator("canvas.over")
    cells.evaluate(CENTRE)
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
    reader.page.wait_for_function("() => new URLSearchParams(location.search).get('number').includes('query')")
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


@pytest.mark.parametrize("share", [(0.37, 0.4), (0.4131, 0.2503), (0.2, 0.61803)])
def test_a_click_between_whole_pixels_explains_the_cell_that_was_told(
    open_reader: Open, shared_server: Server, share: tuple[float, float]
) -> None:
    reader = open_reader(shared_server)
    reader.open("attention?layer=3&head=2")
    cells = panel(reader, "A = softmax").locator("canvas.over")
    cells.evaluate(CENTRE)
    box = cells.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] * share[0], int(box["y"] + box["height"] * share[1])
    key_told = r"token (\d+).*key"
    tip = reader.page.locator(".tip:visible")

    def told(at: float) -> str:
        reader.page.mouse.move(at, y)
        reader.page.wait_for_timeout(80)  # a frame in which the tip follows
        return re.search(key_told, tip.inner_text())[1]  # type: ignore[index]

    # A cell that begins between two whole pixels: a click that is cut to the first would hit the one before.
    start = next(at for at in range(int(x), int(x) + 40) if told(at) != told(at + 0.99))
    key = told(start + 0.99)
    reader.page.mouse.click(start + 0.99, y)
    reader.page.wait_for_function("() => new URLSearchParams(location.search).has('number')", timeout=60_000)
    assert asked(reader).endswith(f",{key}")
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


# Pages that show other passes than their own, moments, curves, thumbnails


def explained(reader: Reader, cells: Locator, share: tuple[float, float], **click: list[str]) -> tuple[str, list[str]]:
    """Click a place of a panel; the number that the link then asks for, and what the tip had said there."""
    if asked(reader):  # the sheet lies over the lower part of the window
        reader.page.get_by_role("button", name="Close").click()
        wait_for_number(reader, "")
    cells.evaluate(CENTRE)
    box = cells.bounding_box()
    assert box is not None
    x, y = round(box["x"] + box["width"] * share[0]), round(box["y"] + box["height"] * share[1])
    reader.page.mouse.move(x, y)
    tip = reader.page.locator(".tip:visible")
    expect(tip).to_contain_text("how it was computed")
    lines = tip.inner_text().split("\n")
    before = asked(reader)
    for key in click.get("modifiers", []):
        reader.page.keyboard.down(key)
    reader.page.mouse.click(x, y)
    for key in click.get("modifiers", []):
        reader.page.keyboard.up(key)
    reader.page.wait_for_function(
        "(n) => (new URLSearchParams(location.search).get('number') ?? '') !== n", arg=before, timeout=60_000
    )
    reader.settle()
    expect(reader.page.locator(".vit-steps")).to_be_visible(timeout=30_000)
    return asked(reader), lines


def as_value(text: str) -> float:
    """A number as a tip writes it, without how far it may be off."""
    return float(text.split(" ± ")[0].replace("−", "-"))


def test_what_if_explains_the_changed_pass_and_the_difference(open_reader: Open, shared_server: Server) -> None:
    model, checkpoint = load("embedded")
    image, changes = checkpoint.preprocess(open_picture(GALLERY["coffee"].path)), "heads=2.3:zero;mask=20-30"
    own = Pass(model, model.trace(image))
    passes = {"": own, "changed": Pass(model, model.trace(image, Interventions.parse(changes)))}
    reader = open_reader(shared_server)
    reader.open(f"what_if?layer=3&head=2&changes={quote(changes)}")
    for title, start in (
        ("After, on the same scale", "changed@block.attention.weights:3:1,"),
        ("After minus before", "difference(changed@block.attention.weights:3:1,"),
        ("How far z has moved", "moved(changed@trace.hidden_states:"),
    ):
        share = (0.4, 0.5) if "z" in title else (0.3, 0.45)
        number, _ = explained(reader, panel(reader, title).locator("canvas.over"), share)
        assert number.startswith(start)
        value = explain_number(parse(number), passes.__getitem__).value
        assert result(reader) == f"{value:.6g}"
        assert 'Interventions.parse("heads=2.3:zero;mask=20-30")' in reader.page.locator(
            ".st-key-number_sheet [data-testid=stCode]"
        ).inner_text().replace("\n", "")
    reader.page.locator(".vit-steps [data-number]").first.click()  # the length of z, of the plain pass
    reader.page.wait_for_function("() => new URLSearchParams(location.search).get('number').startsWith('norm(')")
    # A click on a head takes it out and explains nothing; with Shift, or N, it explains and takes nothing out.
    reader.page.get_by_role("button", name="Close").click()
    wait_for_number(reader, "")
    heads = panel(reader, "6 layers × 4 heads").locator("canvas.over")
    number, _ = explained(reader, heads, (0.3, 0.6), modifiers=["Shift"])
    assert number.startswith("changed@block.attention.weights:") and quote(changes) in reader.page.url
    value = explain_number(parse(number), passes.__getitem__).value
    assert result(reader) == f"{value:.6g}"
    assert reader.errors == []


def test_predict_explains_a_picture_of_many_in_its_own_pass(open_reader: Open, shared_server: Server) -> None:
    model, checkpoint = load("embedded")
    reader = open_reader(shared_server)
    reader.open("predict?predict_of=the+gallery")
    for slot, name in enumerate(list(GALLERY)[:2]):
        cells = reader.page.locator(f".st-key-card_{slot} section.panel[data-kind=Bars] canvas.over")
        number, lines = explained(reader, cells, (0.5, 0.1))
        side, _, plain = number.partition("@")
        assert side == f"picture:{name}"
        address = Address.parse(plain)
        trace = model.trace(checkpoint.preprocess(open_picture(GALLERY[name].path)))
        own = explain_number(address, {"": Pass(model, trace)}.__getitem__)
        assert result(reader) == f"{own.value:.6g}"
        # A card's picture goes through the model among others: sums in another order, units in the last place.
        assert as_value(lines[0]) == pytest.approx(float(trace.probabilities[address.index]), rel=1e-3)
        assert lines[1] == checkpoint.labels[address.index[0]]
    assert reader.errors == []


def test_compare_explains_each_side_in_its_own_pass(open_reader: Open, shared_server: Server) -> None:
    model, checkpoint = load("embedded")
    passes = {
        side: Pass(model, model.trace(checkpoint.preprocess(open_picture(GALLERY[name].path))))
        for side, name in (("left", "coffee"), ("right", "cat"))
    }
    reader = open_reader(shared_server)
    reader.open("compare?other_picture=cat&other_layer=4&layer=2")
    view = reader.page.locator("#attention .vit-step-picture[data-view]").locator("canvas.over")
    for index, start in enumerate(
        (
            "left@block.attention.weights:2:0,",
            "right@block.attention.weights:4:0,",
            "difference(right@block.attention.weights:4:0,",
        )
    ):
        number, lines = explained(reader, view.nth(index), (0.3, 0.6))
        assert number.startswith(start)
        value = explain_number(parse(number), passes.__getitem__).value
        assert result(reader) == f"{value:.6g}"
        assert as_value(lines[0]) == pytest.approx(value, rel=2e-3)  # the tip has four digits
    for source in ("right@", "left@"):
        button = reader.page.locator(f'.vit-steps [data-number^="{source}"]').first
        wanted = button.get_attribute("data-number") or ""
        button.click()
        wait_for_number(reader, wanted)
        assert result(reader) == f"{explain_number(parse(wanted), passes.__getitem__).value:.6g}"
        reader.page.get_by_role("button", name="Back").click()
        reader.settle()
    assert reader.errors == []


def test_a_cell_of_the_walk_is_explained(
    open_reader: Open, shared_server: Server, traced: tuple[VisionTransformer, ForwardTrace]
) -> None:
    reader = open_reader(shared_server)
    reader.open("walk?step=9")
    stage = reader.page.locator("section.panel[data-kind=Walk] canvas.over")
    box = stage.bounding_box()
    assert box is not None
    shares = [(x, y) for x in (0.6, 0.4, 0.8, 0.9) for y in (0.5, 0.3, 0.7)]
    for x, y in shares:  # the first place where a cell lies
        reader.page.mouse.move(round(box["x"] + box["width"] * x), round(box["y"] + box["height"] * y))
        reader.page.wait_for_timeout(150)
        if reader.page.locator(".tip:visible", has_text="how it was computed").count():
            break
    number, lines = explained(reader, stage, (x, y))
    value = explain_number(parse(number), lambda _: Pass(*traced)).value
    assert result(reader) == f"{value:.6g}"
    off = float(lines[0].split(" ± ")[1]) if " ± " in lines[0] else 2e-3 * abs(value)
    assert as_value(lines[0]) == pytest.approx(value, abs=2 * off)
    assert reader.errors == []


def test_a_curve_a_thumbnail_and_the_weight_read_out(
    open_reader: Open, shared_server: Server, traced: tuple[VisionTransformer, ForwardTrace]
) -> None:
    reader = open_reader(shared_server)
    own = Pass(*traced)

    def check_number(number: str) -> None:
        assert result(reader) == f"{explain_number(parse(number), lambda _: own).value:.6g}"

    reader.open("encoder?token=12")
    number, _ = explained(reader, panel(reader, "The class token on its way").locator("canvas.over"), (0.3, 0.5))
    assert number.startswith("cosine(trace.hidden_states:")
    check_number(number)
    # By keys every line of a plot has its turn.
    lengths = reader.page.locator("section.panel", has_text="Skip and updates").locator("canvas.over")
    reader.page.mouse.move(5, 5)
    lengths.focus()
    seen: set[str] = set()
    for _ in range(3):
        reader.page.keyboard.press("n")
        reader.page.wait_for_function(
            "(n) => !n.includes(new URLSearchParams(location.search).get('number'))", arg=[number, *seen]
        )
        reader.settle()
        seen.add(asked(reader))
        check_number(asked(reader))
        lengths.focus()
    assert len(seen) == 3 and {each.split(":")[0] for each in seen} == {
        "norm(trace.hidden_states",
        "norm(block.attention.output",
        "norm(block.mlp.output",
    }

    reader.open("overview")
    flow = reader.page.locator("section.panel[data-kind=Flow] canvas.over")
    flow.evaluate(CENTRE)
    box = flow.bounding_box()
    assert box is not None
    for x in range(5, 100, 2):  # the first thumbnail whose cells are numbers
        reader.page.mouse.move(round(box["x"] + box["width"] * x / 100), round(box["y"] + 34))
        reader.page.wait_for_timeout(60)
        if reader.page.locator(".tip:visible", has_text="click with Shift").count():
            break
    number, _ = explained(reader, flow, (x / 100, 34 / box["height"]), modifiers=["Shift"])
    check_number(number)
    assert "overview" not in reader.page.url and "/patches" not in reader.page.url  # it opened no page

    reader.open("attention?layer=3&head=2&token=20")
    button = reader.page.locator(".looks .ask")
    expect(button).to_have_text(re.compile("^How was row 3, column 4 → .* computed"))
    button.click()
    reader.page.wait_for_function("() => new URLSearchParams(location.search).get('number')?.includes(':3:1,20,')")
    reader.settle()
    check_number(asked(reader))
    weights = traced[1].attention(3)[1, 20]
    assert asked(reader) == f"block.attention.weights:3:1,20,{int(weights.argmax())}"
    reader.page.keyboard.press("Escape")
    wait_for_number(reader, "")
    sight = reader.page.locator(".looks .sight").first
    sight.focus()
    for key in ("ArrowRight", "n"):
        reader.page.keyboard.press(key)
    reader.page.wait_for_function("() => new URLSearchParams(location.search).get('number')?.includes(':3:1,21,')")
    reader.settle()
    check_number(asked(reader))
    assert reader.errors == []


@pytest.mark.parametrize("width", [1440, 1280])
@pytest.mark.parametrize("number", ["block.attention.weights:3:1,12,33", "block.mlp_input:2:5,17"])
def test_the_formula_of_the_sheet_is_seen_as_a_whole(
    open_reader: Open, shared_server: Server, width: int, number: str
) -> None:
    reader = open_reader(shared_server, width=width)
    reader.open(f"attention?number={quote(number)}")
    formula = reader.page.locator(".st-key-number_formula .katex-display")
    formula.wait_for(timeout=20_000)
    assert formula.evaluate("(each) => each.scrollWidth <= each.clientWidth")
