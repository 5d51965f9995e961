"""Linked views: equation, code line, row of the table, proof and picture of one tensor light up together."""

from collections.abc import Callable
from typing import Any
from unicodedata import normalize

import pytest
from playwright.sync_api import Page

from benchmarks.server import Server
from explainer.notation.equations import EQUATIONS, FORMULAS
from explainer.notation.templates import written_symbols
from tests.browser.conftest import Reader

pytestmark = pytest.mark.browser
OpenReader = Callable[..., Reader]

# What is marked, in the page and in the shadow roots of the canvases: how, and the words it begins with.
LIT = """() => [...globalThis.__vitPage.links.roots].flatMap((root) =>
  [...root.querySelectorAll("[data-lit]")]).map((node) => [
  node.closest("math, .katex-html") ? "symbol" : node.matches(".panel") ? "panel"
    : node.closest(".vit-step-shapes") ? "shape" : node.closest("tr") ? "row"
    : node.matches(".vit-line") ? "line" : node.matches(".vit-proof") ? "proof" : "equation",
  node.dataset.lit, (node.querySelector(".title, .vit-caption, code") ?? node).textContent.trim()])"""
# Places and sizes of everything, and the outline and background that each of these kinds has.
PLACES = """() => [...document.querySelectorAll(".stMain *")].map((node) => {
  const { x, y, width, height } = node.getBoundingClientRect(); return [x, y, width, height].join(); }).join(";")"""


def lit(page: Page) -> dict[tuple[str, str], list[str]]:
    """(kind, made or read) -> the texts of what is marked."""
    found: dict[tuple[str, str], list[str]] = {}
    for kind, how, text in page.evaluate(LIT):
        found.setdefault((kind, how), []).append(text)
    return found


def open_tables(reader: Reader) -> None:
    """Also wait for the pictures that are far below the window: they are drawn last."""
    every = """() => [...document.querySelectorAll(".vit-step-picture")].every((place) =>
      place.shadowRoot.querySelector("section.panel canvas.over"))"""
    reader.page.wait_for_function(every, timeout=60_000)
    reader.page.locator(".vit-folded > summary", has_text="All tensors").click()


def row(reader: Reader, name: str) -> Any:
    return reader.page.locator("table.vit-tensors tr").filter(has=reader.page.get_by_text(name, exact=True))


def panel(reader: Reader, title: str) -> Any:
    return reader.page.locator("section.panel").filter(has=reader.page.get_by_role("heading", name=title, exact=True))


def equation(reader: Reader, title: str) -> Any:
    return reader.page.locator(".vit-equation").filter(has=reader.page.get_by_text(title, exact=True)).first


@pytest.fixture
def attention(shared_server: Server, open_reader: OpenReader) -> Reader:
    reader = open_reader(shared_server)
    reader.open("attention")
    open_tables(reader)
    return reader


QKV, WEIGHTS = "Eq. 5 · Queries, keys, values", "Eq. 6 · Attention weights"


def expected_of_q(page: Page) -> None:
    found = lit(page)
    assert found["row", "made"] == ["block.attention.query"]
    assert set(found["shape", "made"]) == {"query"}
    assert found["equation", "made"] == [QKV]
    assert set(found["equation", "read"]) == {WEIGHTS}
    assert found["line", "made"] and all(line.endswith("# Eq. 5") for line in found["line", "made"])
    assert any(each.endswith("# Eq. 6") for each in found["line", "read"])
    assert [each.split(" holds")[0] for each in found["proof", "made"]] == ["✓ Eq. 5"]
    assert [each.split(" holds")[0] for each in found["proof", "read"]] == ["✓ Eq. 6", "✓ The scaled product"]
    assert found["panel", "made"] == ["q"]
    assert {normalize("NFKC", each) for each in found["symbol", "made"]} == {"q"} and len(found["symbol", "made"]) >= 4
    assert set(found) == {
        ("row", "made"),
        ("shape", "made"),
        ("equation", "made"),
        ("equation", "read"),
        ("line", "made"),
        ("line", "read"),
        ("proof", "made"),
        ("proof", "read"),
        ("panel", "made"),
        ("symbol", "made"),
    }


def test_a_tensor_lights_up_wherever_it_is_pointed_at(attention: Reader) -> None:
    page = attention.page
    sources = (
        row(attention, "block.attention.query"),
        page.locator("#qkv .vit-step-shapes tr", has_text="query"),
        panel(attention, "q").locator("canvas.over"),
        page.locator("#scores .vit-formula [data-symbol=q]").first,
        page.locator("#scores .vit-numbers [data-symbol=q]").first,
    )
    for source in sources:
        source.hover()
        page.wait_for_timeout(300)  # what was drawn as it came into sight may have moved the rest
        source.hover()
        expected_of_q(page)
    page.mouse.move(2, 2)  # the sidebar's edge
    assert lit(page) == {}
    assert attention.errors == []


def test_from_one_panel_of_a_canvas_to_the_next(attention: Reader) -> None:
    """Both are in one shadow root, and what moves inside one is not told outside."""
    page = attention.page
    panel(attention, "q").locator("canvas.over").scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    for name, tensor in (("q", "query"), ("k", "key"), ("v", "value"), ("q", "query")):
        panel(attention, name).locator("canvas.over").hover()
        assert lit(page)["row", "made"] == [f"block.attention.{tensor}"]
    for name, tensor in (("k", "key"), ("v", "value")):
        page.mouse.move(2, 2)
        page.keyboard.press("Shift")  # a key, so that what follows counts as focus by keyboard
        panel(attention, name).locator("canvas.over").focus()
        assert lit(page)["row", "made"] == [f"block.attention.{tensor}"]


def test_an_equation_and_its_line_light_up_what_it_makes_and_reads(attention: Reader) -> None:
    page = attention.page
    for source in (
        equation(attention, WEIGHTS).locator(".vit-caption"),
        page.locator(".vit-step-code .vit-line", has_text="# Eq. 6").first,
        page.locator(".vit-proof", has_text="Eq. 6 holds").first,
    ):
        source.hover()
        found = lit(page)
        assert found["row", "made"] == ["block.attention.weights"]
        assert found["row", "read"] == ["block.attention.query", "block.attention.key"]
        assert set(found["equation", "made"]) == {WEIGHTS}
        assert [each.split(" holds")[0] for each in found["proof", "made"]] == [
            "✓ Eq. 6",
            "✓ The softmax of the scores",
        ]
        # two steps have to do with each other by what they make alone
        assert ("equation", "read") not in found and ("proof", "read") not in found and ("line", "read") not in found
        assert "A = softmax" in found["panel", "made"] and found["panel", "read"] == ["q", "k"]


def test_the_keyboards_focus_lights_up_and_the_pointer_comes_first(attention: Reader) -> None:
    page = attention.page
    page.mouse.move(2, 2)
    equation(attention, QKV).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    assert lit(page)["row", "made"] == ["block.attention.query", "block.attention.key", "block.attention.value"]
    panel(attention, "q").locator("canvas.over").focus()
    page.keyboard.press("Shift+Tab")  # the menu of the panel q, inside a shadow root
    expected_of_q(page)
    row(attention, "block.attention.output").hover()
    assert lit(page)["row", "made"] == ["block.attention.output"]
    page.mouse.move(2, 2)
    expected_of_q(page)  # the focus is still there
    page.keyboard.press("Escape")


def test_what_is_clicked_stays_lit_until_escape_or_another_click_on_it(attention: Reader) -> None:
    page = attention.page
    source = page.locator("#qkv .vit-step-shapes tr", has_text="query")
    for let_go in (lambda: page.keyboard.press("Escape"), source.click):
        source.click()
        row(attention, "block.attention.output").hover()
        expected_of_q(page)
        let_go()
        page.mouse.move(2, 2)
        assert lit(page) == {}
    assert attention.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lighting_up_moves_nothing_and_is_an_outline_not_a_hue_alone(
    scheme: str, shared_server: Server, open_reader: OpenReader
) -> None:
    reader = open_reader(shared_server, scheme=scheme)
    reader.open("mlp")
    open_tables(reader)
    page = reader.page
    page.mouse.move(2, 2)
    card, proof = equation(reader, "Eq. 3 · The MLP with a skip path"), page.locator("#residual .vit-proof").first
    looks = """node => { const style = getComputedStyle(node);
      return [style.outlineStyle, style.outlineWidth, style.outlineColor, style.backgroundColor]; }"""
    page.wait_for_timeout(1000)  # parts below the window are fetched last
    before, plain = page.evaluate(PLACES), [each.evaluate(looks) for each in (card, proof)]
    card.locator(".vit-caption").evaluate(
        "node => node.dispatchEvent(new PointerEvent('pointerover', { bubbles: true, composed: true }))"
    )
    assert page.evaluate(PLACES) == before
    for each, unlit in zip((card, proof), plain, strict=True):
        style, width, colour, background = each.evaluate(looks)
        assert unlit[0] == "none" and style == "solid" and float(width.removesuffix("px")) >= 2
        assert background != unlit[3]
        assert colour == ("rgb(11, 92, 173)" if scheme == "light" else "rgb(116, 185, 255)")
    dashed = row(reader, "block.after_attention").evaluate(looks)
    assert dashed[0] == "dashed"
    assert reader.errors == []


def test_a_choice_and_a_change_of_page_keep_it_working(attention: Reader) -> None:
    page = attention.page
    row(attention, "block.attention.key").hover()
    assert lit(page)["panel", "made"] == ["k"]
    page.get_by_role("button", name="Layer 4").click()
    page.wait_for_timeout(1500)  # what is far from the window is fetched last
    row(attention, "block.attention.key").hover()
    assert lit(page)["panel", "made"] == ["k"]
    assert lit(page)["equation", "made"] == [QKV]
    page.get_by_test_id("stTopNavSection").filter(has_text="Forward pass").click()
    page.get_by_role("menuitem", name="Head", exact=True).click()
    page.wait_for_selector('h1:has-text("Head")')
    attention.settle()
    open_tables(attention)
    row(attention, "trace.representation").hover()
    found = lit(page)
    assert found["row", "made"] == ["trace.representation"]
    assert "Eq. 4 · Read the class token" in found["equation", "made"]
    assert page.evaluate("[...globalThis.__vitPage.links.roots].every((root) => root === document || root.isConnected)")
    assert attention.errors == []


def test_a_part_of_the_diagram_lights_up_its_row(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    reader.open("")
    open_tables(reader)
    over = panel(reader, "From the image to the prediction").locator("canvas.over")
    over.scroll_into_view_if_needed()
    over.hover(position={"x": 60, "y": 56})  # the first card
    assert lit(reader.page)["row", "made"] == ["trace.image"]
    blank = over.evaluate("canvas => canvas.toDataURL()")
    row(reader, "trace.attention_weights").hover()
    assert over.evaluate("canvas => canvas.toDataURL()") != blank  # a line around the card of A
    assert reader.errors == []


def test_a_tap_lights_up_and_stays(shared_server: Server, chromium: Any) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    reader = Reader(context.new_page(), shared_server.url)
    reader.open("mlp")
    reader.page.locator(".vit-folded > summary", has_text="All tensors").tap()
    row(reader, "block.mlp.hidden").tap()
    assert lit(reader.page)["row", "made"] == ["block.mlp.hidden"]
    row(reader, "block.mlp.hidden").tap()  # it was held, and is let go
    reader.page.locator("h1").tap()
    assert lit(reader.page) == {}
    context.close()


def test_the_equation_of_a_change_and_its_line_light_up_the_picture(
    shared_server: Server, open_reader: OpenReader
) -> None:
    reader = open_reader(shared_server)
    reader.open("what_if")
    page = reader.page
    page.locator("#patches .vit-step-code .vit-line").hover()
    found = lit(page)
    assert found["equation", "made"] == ["Eq. 1 · Embed the patches and add their positions"] * 2
    assert found["panel", "read"] == ["The image, as the model sees it now"]
    assert len(found["line", "made"]) == 2  # the same line stands next to the position embedding
    assert "E" in found["symbol", "read"]
    panel(reader, "The image, as the model sees it now").hover()
    assert lit(page)["line", "read"] == found["line", "made"]
    assert reader.errors == []


def test_what_is_compared_lights_up_with_its_equation(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    reader.open("compare?other_layer=4")
    page = reader.page
    page.locator('#attention .vit-formula [data-symbol="A"]').first.hover()
    found = lit(page)
    assert {"Left: layer 1", "Right: layer 4", "Right minus left"} <= set(found["panel", "made"])
    (line,) = found["line", "made"]
    assert line.endswith("weights = scores.softmax(-1)  # Eq. 6")
    assert set(found["symbol", "made"]) == {"A"}
    assert reader.errors == []


# For each formula: its title, what it says its symbols are, and what was found in what the browser or KaTeX has drawn.
SYMBOLS = """() => {
  const names = (told) => told.split(" ").filter(Boolean).map((each) => each.slice(0, each.lastIndexOf("=")));
  const drawn = (node) => [...node.querySelectorAll("math [data-symbol]")]
    .map((each) => each.dataset.link == null ? "without a link" : each.dataset.symbol);
  const steps = [...document.querySelectorAll(".vit-equation")].map((area) => [
    area.querySelector(".vit-caption").textContent, names(area.dataset.symbols),
    drawn(area.querySelector(".vit-formula"))]);
  const others = [...document.querySelectorAll("[data-symbols]:not(.vit-equation)")].flatMap((told) => {
    const area = told.closest('[class*="st-key-equation_"]');
    return [...area.querySelectorAll(".katex")].map((formula, i) => [told.textContent,
      names(told.dataset.symbols.split(" | ")[i]),
      [...__vitPage.links.symbolsOf(formula).values()].map(({ id }) => id.slice(0, id.lastIndexOf("=")))]); });
  return [...steps, ...others]; }"""
NUMBERS = """() => [...document.querySelectorAll(".vit-equation:has(.vit-numbers)")].map((area) => [
  area.querySelector(".vit-caption").textContent.replace(/^Eq. \\d · /, "").split(" · ")[0],
  [...area.querySelectorAll(".vit-numbers math [data-link]")].map((each) => each.dataset.symbol)])"""


@pytest.mark.parametrize("page", ["", "patches", "embedding", "attention", "mlp", "encoder", "head", "glossary"])
def test_every_symbol_of_an_equation_is_known_by_what_it_is(
    page: str, shared_server: Server, open_reader: OpenReader
) -> None:
    """As often as it is written, also with numbers: z_3 is z_l. KaTeX joins i and j of an index to one letter."""
    reader = open_reader(shared_server)
    reader.open(f"{page}?layer=3")
    found = reader.page.evaluate(SYMBOLS)
    assert found
    for title, told, drawn in found:
        assert told, title
        told, drawn = [[each for each in names if each not in ("i", "j")] for names in (told, drawn)]
        assert sorted(told) == sorted(drawn), title
    templates = {item.title: item.numbers for item in (*EQUATIONS.values(), *FORMULAS.values())}
    for title, drawn in reader.page.evaluate(NUMBERS):
        assert drawn == list(written_symbols(templates[title])), title


def test_symbols_equations_and_pseudocode_of_the_glossary_light_each_other_up(
    shared_server: Server, open_reader: OpenReader
) -> None:
    reader = open_reader(shared_server)
    reader.open("glossary?layer=3")
    page = reader.page

    def letter(meaning: str) -> Any:
        return page.locator("#symbols tr").filter(has_text=meaning)

    letter("the tokens that leave this layer").hover()
    found = lit(page)
    assert found["equation", "made"] == ["Eq. 3 · The MLP with a skip path · Section 3.1"]
    assert any("3" in text and "ℓ" not in text for text in found["symbol", "made"])  # z_3, in this layer's numbers
    assert "the class token after this layer" in found["row", "made"]
    letter("hidden size: how many numbers").hover()  # a size, which is no tensor
    found = lit(page)
    assert set(found["symbol", "made"]) == {"D"} and ("equation", "made") not in found
    page.locator(".vit-equation", has_text="Eq. 6").locator("pre").hover()  # its pseudocode
    found = lit(page)
    (made,), read = found["row", "made"], " ".join(found["row", "read"])
    assert made.startswith("attention weights of one head")
    assert "queries of one head" in read and "keys of one head" in read
    assert reader.errors == []


def test_the_table_of_letters_is_one_stop_of_the_keyboard(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    reader.open("glossary")
    page = reader.page
    page.mouse.move(2, 2)
    first = page.locator("#symbols [data-link]").first
    first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert lit(page)["row", "made"] == ["colour channels of the image: red, green, blue"]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#symbols') == null")
