"""Compare in Chromium: both sides on one scale, a click on the right picture, swap, at both sizes."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page

from benchmarks.server import Server
from tests.browser.conftest import Reader
from tests.browser.panel_menu import kept

pytestmark = pytest.mark.browser
OpenReader = Callable[..., Reader]
LINK = "compare?other_picture=cat&other_layer=4&other_change=positions%3Dzero"


def address(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def settled(reader: Reader, **wanted: str | None) -> None:
    """Wait until the address says so; the page writes it when its script runs."""
    script = "(wanted) => Object.entries(wanted).every(([k, v]) => new URLSearchParams(location.search).get(k) === v)"
    reader.page.wait_for_function(script, arg=wanted, timeout=60_000)
    reader.settle()


def test_a_click_on_the_right_is_about_the_right_and_swap_changes_sides(
    shared_server: Server, open_reader: OpenReader
) -> None:
    reader = open_reader(shared_server)
    # A server that has just started has to import torch first: on a busy machine that takes its time.
    reader.page.goto(f"{reader.url}/{LINK}", timeout=240_000)
    reader.page.wait_for_selector("text=Early readings", timeout=240_000)
    reader.settle()
    # Three pictures and the sentence below them.
    pictures = reader.page.locator("#sides .vit-step-picture")
    pictures.locator("canvas.over").nth(2).wait_for(timeout=60_000)
    assert pictures.locator("canvas.over").count() == 3
    assert "of the pixels differ in brightness" in reader.main
    right = pictures.locator("canvas.over").nth(1)
    box = right.bounding_box()
    assert box is not None
    right.click(position={"x": box["width"] * 0.04, "y": box["height"] * 0.5})  # at the left edge
    reader.page.wait_for_function("() => new URLSearchParams(location.search).has('other_token')", timeout=60_000)
    chosen = address(reader.page)["other_token"]
    assert int(chosen) % 8 == 1  # of the first column
    assert "token" not in address(reader.page)
    left = pictures.locator("canvas.over").nth(0)
    left.focus()
    left.press("ArrowRight")
    left.press("Enter")
    reader.page.wait_for_function("() => new URLSearchParams(location.search).has('token')", timeout=60_000)
    reader.settle()
    token = address(reader.page)["token"]
    assert address(reader.page)["other_token"] == chosen
    reader.page.get_by_role("button", name="Swap sides").click()
    settled(reader, picture="cat", layer="4", token=chosen, other_token=token, this_change="positions=zero")
    assert address(reader.page)["other_change"] == "none"
    reader.page.get_by_role("button", name="The same on both sides").click()
    settled(reader, other_token=None, other_change=None, picture="cat")
    assert reader.errors == []


@pytest.mark.parametrize(("width", "height", "scheme"), [(1440, 900, "dark"), (390, 844, "light")])
def test_it_fits_and_files_can_be_saved(
    width: int, height: int, scheme: str, shared_server: Server, open_reader: OpenReader
) -> None:
    reader = open_reader(shared_server, width, height, scheme)
    reader.open(LINK)
    widths = reader.page.evaluate(
        "() => { const m = document.querySelector('[data-testid=stMain]'); return [m.scrollWidth, m.clientWidth] }"
    )
    assert widths[0] <= widths[1]
    assert reader.page.locator('[data-testid="stException"]').count() == 0
    attention = reader.page.locator("#attention .vit-step-picture").first
    attention.scroll_into_view_if_needed()
    panel = attention.locator("section.panel").filter(has=reader.page.get_by_role("heading", name="Right minus left"))
    assert "right-minus-left" in kept(panel, "CSV").suggested_filename
    assert reader.errors == []
