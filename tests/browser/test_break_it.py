"""The page Break it in Chromium: one bug by the keyboard alone; a phone; nothing that axe calls serious on the way."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from benchmarks.server import Server
from tests.browser.conftest import Reader
from tests.browser.test_access import violations

pytestmark = pytest.mark.browser
OpenReader = Callable[..., Reader]

FOCUSED = """() => {
  const node = document.activeElement;
  const said = node.getAttribute("aria-label") ?? node.textContent;
  const place = node.closest('[class*="st-key-lab"]')?.className ?? "";
  return `${place} | ${node.type ?? ""} | ${said}`;
}"""


def tab_to(page: Page, *marks: str, back: bool = False) -> None:
    """Tab until what has the focus says all of this."""
    for _ in range(150):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        if all(mark in page.evaluate(FOCUSED) for mark in marks):
            return
    raise AssertionError(f"the keyboard does not reach {marks}")


def type_guess(reader: Reader, guess: str) -> None:
    tab_to(reader.page, "lab_guess", "Your prediction")
    reader.page.keyboard.type(guess)
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_timeout(700)
    reader.settle()


def test_a_bug_is_mended_by_keys_alone(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    reader.open("break_it")
    page = reader.page
    tab_to(page, "lab_bug", "1 Patch size")  # one stop for all of them; arrows go on from there
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_url("**bug=transpose**")
    reader.settle()
    assert "Expected size" not in reader.main

    type_guess(reader, "2, 48, 16")
    tab_to(page, "lab_run", "Run it")
    page.keyboard.press("Enter")
    page.wait_for_url("**solved=002000000000000**")
    reader.settle()
    assert "✓ Right: [2, 48, 16]" in reader.main
    assert "Expected size 48 but got size 16" in reader.main

    tab_to(page, "operations before")
    page.keyboard.press("Enter")
    page.get_by_text("unbind").first.wait_for()

    tab_to(page, "lab_hint", "Hint 1 of 3")
    page.keyboard.press("Enter")
    page.get_by_text("is given the class token and the patches").wait_for()
    reader.settle()

    tab_to(page, "lab_repair", "radio")
    page.keyboard.press("Space")  # the first: it reshapes where it should exchange axes
    page.wait_for_timeout(500)
    reader.settle()
    tab_to(page, "lab_try", "Run with this change")
    page.keyboard.press("Enter")
    page.get_by_text("but other numbers").wait_for()
    reader.settle()
    tab_to(page, "lab_repair", "radio", back=True)
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(500)
    reader.settle()
    tab_to(page, "lab_try", "Run with this change")
    page.keyboard.press("Enter")
    page.wait_for_url("**solved=005000000000000**")
    page.get_by_text("Fixed: logits [2, 10]").wait_for()
    assert "1 of 15 fixed, 1 of 1 predictions right" in reader.main
    assert reader.errors == []


def test_what_is_no_shape_is_not_run(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    reader.open("break_it?bug=flatten")
    type_guess(reader, "__import__('os')")
    reader.page.get_by_text("is no shape: write its sizes with commas").wait_for()
    assert reader.page.locator(".st-key-lab_run button").is_disabled()
    assert "solved" not in reader.page.url and reader.errors == []


@pytest.mark.parametrize(("width", "height", "scheme"), [(1440, 900, "light"), (1440, 900, "dark"), (390, 844, "dark")])
def test_axe_finds_nothing_serious_in_a_bug_that_has_run(
    width: int, height: int, scheme: str, shared_server: Server, open_reader: OpenReader
) -> None:
    reader = open_reader(shared_server, width, height, scheme)
    reader.open("break_it?bug=batch-first")
    reader.page.locator('[class*="st-key-lab_guess"] input').focus()
    reader.page.keyboard.type("17, 4, 2, 2")
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_timeout(700)
    reader.settle()
    reader.page.locator(".st-key-lab_run button").focus()
    reader.page.keyboard.press("Enter")
    reader.page.get_by_text("No error: the logits have the shape").wait_for()
    reader.settle()
    assert violations(reader.page) == []
    assert reader.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert reader.errors == []
