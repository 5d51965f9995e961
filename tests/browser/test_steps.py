"""Pages of steps in a real browser: each step in one window, and choices that never run the page's script."""

import io
import random
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from benchmarks.server import Server
from explainer.menu import PAGES
from explainer.steps.forward_pass import STEPS
from explainer.steps.step import Step
from tests.browser.conftest import Reader

pytestmark = pytest.mark.browser

HEADER = 60  # pixels of Streamlit's own header
PARTS = (".vit-step-picture[data-view]", ".vit-formula", ".vit-step-code .vit-line", ".vit-proof", ".vit-step-table")
FITTED = {page: shown for page, steps in STEPS.items() if (shown := [step for step in steps if not step.is_prose])}

# Where the parts of a step lie in the window, when it has been gone to.
BOXES = """([slug, parts]) => {
  const step = document.getElementById(slug);
  const bar = [...document.querySelectorAll(".vit-bar, .vit-strip")].at(-1).getBoundingClientRect().bottom;
  const found = parts.map((part) => [...step.querySelectorAll(part)]);
  const boxes = found.flat()
    .map((node) => node.getBoundingClientRect());
  return { bar, top: Math.min(...boxes.map((box) => box.top)), bottom: Math.max(...boxes.map((box) => box.bottom)),
    count: found.filter((nodes) => nodes.length).length, height: innerHeight };
}"""


def count_of(step: Step) -> int:
    """How many of the parts it has: a film has its equations and code inside."""
    name = step.picture.name if step.picture else ""
    has_equation = bool(step.equations or step.formulas)
    return bool(name) + 2 * has_equation + bool(step.claims) + bool(step.table)


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1280, 720)])
@pytest.mark.parametrize("page", FITTED)
def test_a_step_is_seen_whole_in_one_window(
    page: str, width: int, height: int, shared_server: Server, open_reader: Callable[..., Reader]
) -> None:
    reader = open_reader(shared_server, width, height)
    reader.open(f"{page if page != 'overview' else ''}?layer=3")
    first = reader.page.locator(":is(.vit-step-picture, .vit-step-table):not([data-testid=stSidebar] *)").first
    assert first.bounding_box()["y"] < height * 0.75, "the first picture is below the fold"  # type: ignore[index]
    too_high = []
    for step in FITTED[page]:
        reader.page.evaluate("(slug) => document.getElementById(slug).scrollIntoView()", step.slug)
        reader.page.wait_for_timeout(250)
        found = reader.page.evaluate(BOXES, [step.slug, PARTS])
        assert found["count"] == count_of(step), step.slug
        if found["bottom"] - found["top"] > found["height"] - found["bar"]:
            too_high.append((step.slug, round(found["bottom"] - found["top"]), round(found["height"] - found["bar"])))
    assert not too_high
    assert not reader.errors


def count_messages(page: Page) -> list[object]:
    """Everything that the page sends to the server's script from its next load on."""
    sent: list[object] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    return sent


@pytest.mark.parametrize("page", [page for page in STEPS if page != "models"])  # which has nothing to choose
def test_fifty_choices_run_no_script(page: str, shared_server: Server, open_reader: Callable[..., Reader]) -> None:
    reader = open_reader(shared_server)
    sent = count_messages(reader.page)
    reader.open(page if page != "overview" else "")
    sent.clear()
    generator = random.Random(page)
    has_image = "image" in PAGES[page].uses
    buttons = [*reader.page.locator(".vit-bar-choice button").all(), *[None] * 3 * has_image]
    for _ in range(50):
        button = generator.choice(buttons)
        if button is None:  # a patch of the image in the sidebar
            canvas = reader.page.locator(".st-key-steps_sidebar canvas.over").first
            box = canvas.bounding_box()
            assert box is not None
            place = {
                "x": box["width"] * generator.uniform(0.1, 0.9),
                "y": 40 + (box["height"] - 44) * generator.random(),
            }
            canvas.click(position=place)  # type: ignore[arg-type]
        else:
            button.click()
    reader.page.wait_for_timeout(1500)
    assert sent == []
    assert not reader.errors
    if page in ("attention", "mlp", "encoder"):
        assert "layer=" in reader.page.url or "token=" in reader.page.url


def pixels(reader: Reader) -> np.ndarray:
    """What is seen while nothing is pointed at and nothing has the focus."""
    reader.page.mouse.move(5, 5)
    reader.page.evaluate("""() => {
      let node = document.activeElement;
      while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
      node?.blur();
    }""")
    reader.page.wait_for_timeout(1200)
    return np.asarray(Image.open(io.BytesIO(reader.page.screenshot())).convert("RGB"), int)


def choose_something(page: str, reader: Reader) -> None:
    """Choose on a page what the others of its kind are chosen by."""
    if page == "what_if":
        reader.page.locator("#layers").get_by_role("button", name="Skip the MLP in layer 2").click()
        reader.page.locator("#positions").get_by_role("button", name="zero").click()
    elif page == "compare":
        reader.page.locator('[data-choose^="other_layer"]').select_option("5")
        reader.page.get_by_role("button", name="Mean over all heads").click()
    elif page == "attention":
        reader.page.get_by_role("button", name="Layer 4").click()
        reader.page.get_by_role("button", name="Head 3").click()
    if page == "head":
        reader.page.locator(".st-key-steps_sidebar canvas.over").nth(1).click(position={"x": 90, "y": 30})
    else:
        reader.page.get_by_role("group", name="Token").get_by_role("button", name="The next token").click()
    reader.page.wait_for_timeout(800)


@pytest.mark.parametrize("page", ["attention", "mlp", "head", "what_if", "compare"])
def test_a_second_browser_that_opens_the_address_sees_the_same(
    page: str, shared_server: Server, open_reader: Callable[..., Reader]
) -> None:
    first = open_reader(shared_server)
    first.open(page)
    choose_something(page, first)
    first.page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
    second = open_reader(shared_server)
    second.open(first.page.url.removeprefix(shared_server.url).lstrip("/"))
    if page in ("what_if", "compare"):
        # Letters that stayed in sight while the page was scrolled are drawn between two pixels.
        for reader in (first, second):
            reader.page.add_style_tag(content=".vit-strip, .vit-bar { visibility: hidden }")
        changes = [reader.page.locator(".vit-answer, .vit-changes").all_inner_texts() for reader in (first, second)]
        assert changes[0] == changes[1]
    # A canvas that was drawn before differs by one or two steps of 255 where colours are laid over each other.
    assert np.abs(pixels(first) - pixels(second)).max() <= 2


def test_back_and_on_walk_through_choices(shared_server: Server, open_reader: Callable[..., Reader]) -> None:
    reader = open_reader(shared_server)
    sent = count_messages(reader.page)
    reader.open("attention")
    sent.clear()

    def pressed() -> list[str]:
        reader.page.wait_for_timeout(300)
        return [each.inner_text() for each in reader.page.locator('.vit-bar button[aria-pressed="true"]').all()]

    reader.page.get_by_role("button", name="Layer 4").click()
    reader.page.get_by_role("button", name="Head 3").click()
    assert pressed() == ["4", "3"]
    reader.page.go_back()
    assert pressed() == ["4", "1"]
    reader.page.go_back()
    assert pressed() == ["1", "1"]
    reader.page.go_forward()
    assert pressed() == ["4", "1"]
    assert sent == []


def test_what_needs_the_choice_later_carries_it(shared_server: Server, open_reader: Callable[..., Reader]) -> None:
    reader = open_reader(shared_server)
    reader.open("attention")
    reader.page.get_by_role("button", name="Layer 5").click()
    reader.page.locator(".st-key-steps_sidebar canvas.over").nth(1).click(position={"x": 90, "y": 30})
    reader.page.wait_for_timeout(500)
    assert "layer=5" in reader.page.url
    chosen = reader.page.url.partition("?")[2]
    reader.page.get_by_test_id("stTopNavSection").filter(has_text="Hands on").click()
    reader.page.get_by_role("menuitem", name="Compare").click()
    reader.page.wait_for_url("**/compare?**")
    reader.settle()
    assert set(chosen.split("&")) <= set(reader.page.url.partition("?")[2].split("&"))
    assert not reader.errors


def test_what_is_clicked_stays_lit_until_escape(shared_server: Server, open_reader: Callable[..., Reader]) -> None:
    reader = open_reader(shared_server)
    reader.open("attention?layer=2")
    line = reader.page.locator("#looks .vit-step-code .vit-line").first
    line.click()
    reader.page.mouse.move(5, 5)
    lit = reader.page.locator("[data-lit]")
    assert lit.count() > 3
    reader.page.get_by_role("button", name="Layer 4").click()
    reader.page.wait_for_timeout(800)
    assert lit.count() > 3
    reader.page.keyboard.press("Escape")
    assert lit.count() == 0
