"""Keys of pages of steps, and the projector view: each step whole on the screen, in letters for the last row."""

from collections.abc import Callable

import pytest

from benchmarks.server import Server
from explainer.steps.forward_pass import STEPS
from tests.browser.conftest import Reader
from tests.browser.test_steps import FITTED, PARTS, count_of

pytestmark = pytest.mark.browser
OpenReader = Callable[..., Reader]


# What sticks out of the window, and how large the letters of the code are, in pixels of the projector.
SEEN = """([slug, parts]) => {
  const step = document.getElementById(slug);
  const bar = document.querySelector(".vit-bar").getBoundingClientRect().bottom;
  const isOut = (node) => {
    const box = node.getBoundingClientRect();
    return box.top < bar - 1 || box.bottom > innerHeight + 1 || box.right > innerWidth + 1 || !box.height;
  };
  const found = parts.map((part) => [...step.querySelectorAll(part)]);
  const code = step.querySelector(".vit-line, .vit-proof");
  return {
    count: found.filter((nodes) => nodes.length).length,
    out: found.flat().filter(isOut).map((node) => node.className),
    size: code ? parseFloat(getComputedStyle(code).fontSize) * getComputedStyle(step).getPropertyValue("--vit-size") *
      devicePixelRatio : null,
    shown: [...document.querySelectorAll(".vit-step")].filter((each) => each.offsetParent).map((each) => each.id),
  };
}"""


def address_of(page: str, query: str = "") -> str:
    return f"{page if page != 'overview' else ''}?{query}"


@pytest.mark.parametrize(("width", "height", "ratio"), [(853, 480, 1.5), (1440, 900, 1)])
@pytest.mark.parametrize("page", FITTED)
def test_each_step_is_whole_on_a_projector(
    page: str, width: int, height: int, ratio: float, shared_server: Server, open_reader: OpenReader
) -> None:
    """A projector of 1280 by 720 at 150 %, and a large window."""
    reader = open_reader(shared_server, width, height, ratio=ratio)
    reader.open(address_of(page, "layer=3&view=projector"))
    for step in FITTED[page]:
        reader.page.wait_for_timeout(400)
        seen = reader.page.evaluate(SEEN, [step.slug, PARTS])
        assert seen["shown"] == [step.slug]
        assert seen["count"] == count_of(step)
        assert not seen["out"], step.slug
        least = 11.9 if page in ("what_if", "compare") else 12.5  # these have controls as well
        assert seen["size"] is None or seen["size"] >= least, step.slug  # on a page the letters of code have 13 pixels
        reader.page.keyboard.press("PageDown")
    assert (
        not reader.page.locator('[data-testid="stHeader"], [data-testid="stSidebar"]').locator("visible=true").count()
    )
    assert not reader.errors


def test_the_projector_comes_and_goes_with_a_key_and_is_in_the_address(
    shared_server: Server, open_reader: OpenReader
) -> None:
    reader = open_reader(shared_server)
    reader.open("attention?layer=2")
    page, shown = reader.page, reader.page.locator(".vit-step:visible")
    page.keyboard.press("3")
    page.wait_for_timeout(300)
    page.keyboard.press("p")
    assert (shown.count(), shown.get_attribute("id")) == (1, "qkv")
    page.keyboard.press("ArrowRight")
    assert shown.get_attribute("id") == "scores"
    page.keyboard.press("}")
    page.wait_for_url("**layer=3**")
    assert "view=projector" in page.url and page.url.endswith("#scores")
    other = open_reader(shared_server)
    other.open(page.url.removeprefix(f"{shared_server.url}/"))
    assert other.page.locator(".vit-step:visible").get_attribute("id") == "scores"
    page.keyboard.press("Escape")
    assert "projector" not in page.url and "#" not in page.url and "layer=3" in page.url
    assert shown.count() == len(STEPS["attention"])
    box = page.locator("#scores").bounding_box()
    assert box and 0 <= box["y"] < 450  # where the projector was
    other.page.get_by_role("button", name="Leave the projector view").click()
    assert other.page.locator(".vit-step:visible").count() == len(STEPS["attention"])
    assert not reader.errors + other.errors


def test_escape_first_lets_go_of_what_is_lit(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    reader.open("mlp?view=projector")
    reader.page.locator("#layer-norm .vit-step-code .vit-line").first.click()
    reader.page.mouse.move(5, 5)
    assert reader.page.locator("[data-lit]").count()
    reader.page.keyboard.press("Escape")
    assert not reader.page.locator("[data-lit]").count()
    assert "view=projector" in reader.page.url
    reader.page.keyboard.press("Escape")
    assert "projector" not in reader.page.url


def test_a_question_mark_lists_the_keys_that_the_page_has(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    for page, words in (("attention", ("layer", "head", "token")), ("mlp", ("layer", "token")), ("head", ())):
        reader.open(page)
        reader.page.keyboard.press("?")
        keys = reader.page.get_by_role("dialog", name="Keys")
        text = keys.inner_text()
        assert {word for word in ("layer", "head", "token") if f"\n{word}" in text} == set(words)
        before = reader.page.url
        reader.page.keyboard.press("]")  # of the dialog, not of the page behind it
        reader.page.keyboard.press("Escape")
        assert not keys.is_visible() and reader.page.url == before
        reader.page.get_by_role("button", name="Keys").click()
        assert keys.is_visible()
        keys.get_by_role("button", name="Close").click()
        assert not keys.is_visible()
    assert not reader.errors


def token_of(reader: Reader) -> str:
    return reader.page.evaluate("new URLSearchParams(location.search).get('token')")


def test_arrow_keys_choose_the_token_where_nothing_else_uses_them(
    shared_server: Server, open_reader: OpenReader
) -> None:
    reader = open_reader(shared_server)
    reader.open("mlp?token=20")
    press = reader.page.keyboard.press
    for key, token in (("ArrowRight", "21"), ("ArrowDown", "29"), ("ArrowLeft", "28"), ("ArrowUp", "20")):
        press(key)
        assert token_of(reader) == token
    for _ in range(3):
        press("ArrowUp")
    assert token_of(reader) == "0"  # above the first row is the class token
    press("ArrowDown")
    assert token_of(reader) == "1"
    for place in ("canvas.over", "[role=combobox], .stSelectbox input"):  # these use the keys themselves
        reader.page.locator(place).first.focus()
        press("ArrowRight")
        press("ArrowDown")
        assert token_of(reader) == "1"
        press("Escape")
    assert not reader.errors


def test_arrow_keys_scroll_a_page_without_tokens(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    reader.open("head")
    reader.page.locator(".stMain").focus()
    for _ in range(5):
        reader.page.keyboard.press("ArrowDown")
    reader.page.wait_for_timeout(500)
    assert reader.page.evaluate("document.querySelector('.stMain').scrollTop") > 50
    assert token_of(reader) is None
