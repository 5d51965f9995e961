"""The table of a panel: a real one, with the numbers that were packed, for the keyboard and for screen readers."""

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from tests.browser.test_canvas import MAPS, SMALL, WEIGHTS, Canvas, canvas, site

__all__ = ["canvas", "site"]  # fixtures
pytestmark = pytest.mark.browser


def focused(page: Page) -> str:
    """What a screen reader says of the element that has the focus."""
    name = "(each) => each.getAttribute('aria-label') ?? each.textContent"
    return str(page.evaluate(f"({name})(document.activeElement)"))


def open_table(canvas: Canvas, title: str) -> Any:
    """Open it as the keyboard does: from the panel's canvas back to its menu, and down and up in that."""
    canvas.over(title).focus()
    for key, name in (
        ("Shift+Tab", f"Keep or read {title}"),
        ("Enter", "Table"),
        ("ArrowDown", "PNG"),
        ("Home", "Table"),
    ):
        canvas.page.keyboard.press(key)
        assert focused(canvas.page).startswith(name)
    canvas.page.keyboard.press("Enter")
    dialog = canvas.page.get_by_role("dialog", name=title)
    assert dialog.is_visible()
    return dialog


def cells(dialog: Any) -> list[list[str]]:
    texts = "rows => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
    return dialog.locator("tr").evaluate_all(texts)


def test_the_table_has_names_and_the_numbers_of_the_panel(canvas: Canvas) -> None:
    dialog = open_table(canvas, "Scores")
    head, *rows = cells(dialog)
    assert head == ["rows \\ columns", *map(str, range(6))]
    assert [row[0] for row in rows] == list(map(str, range(5)))
    assert np.array_equal(np.array([row[1:] for row in rows], dtype="f4"), SMALL.values)
    assert dialog.locator("thead th[scope=col]").count() == 7 and dialog.locator("tbody th[scope=row]").count() == 5
    assert dialog.locator("caption").inner_text() == "Scores"
    assert dialog.get_by_role("button").all_inner_texts() == ["Close"]  # all of it is shown


def test_escape_closes_it_and_the_focus_is_where_it_was(canvas: Canvas) -> None:
    for key in ("Escape", "Enter"):  # Enter: on the button that closes, which has the focus
        dialog = open_table(canvas, "Heads")
        canvas.page.keyboard.press(key)
        assert not dialog.is_visible()
        assert focused(canvas.page) == "Keep or read Heads"


def test_a_large_table_is_read_a_window_at_a_time(canvas: Canvas) -> None:
    dialog = open_table(canvas, "A")
    status = dialog.get_by_role("status")
    assert status.all_inner_texts() == ["Rows 1 to 40 of 65", "Columns 1 to 12 of 65"]
    dialog.get_by_role("button", name="Next rows").click()
    for _ in range(9):  # to the last columns, and no further
        dialog.get_by_role("button", name="Next columns").press("Enter")
    assert status.all_inner_texts() == ["Rows 41 to 65 of 65", "Columns 61 to 65 of 65"]
    assert dialog.get_by_role("button", name="Next columns").get_attribute("aria-disabled") == "true"
    head, *rows = cells(dialog)
    assert head[1:] == ["60", "61", "62", "63", "64"] and [row[0] for row in rows] == [str(i) for i in range(40, 65)]
    shown = np.array([row[1:] for row in rows], dtype=float)
    last = np.array([[10.0 ** -len(text.partition(".")[2]) for text in row[1:]] for row in rows])
    assert np.all(np.abs(shown - WEIGHTS[40:, 60:]) <= last)  # digits that are sure, the last to within 1
    dialog.get_by_role("button", name="Previous rows").click()
    assert cells(dialog)[1][0] == "0"
    assert canvas.page.evaluate("document.activeElement.textContent") == "Previous rows"  # not lost at the end


def test_maps_are_read_value_by_value(canvas: Canvas) -> None:
    dialog = open_table(canvas, "Heads")
    head, *rows = cells(dialog)
    assert head == ["map", "row", "column", "value"] and len(rows) == 40
    assert np.array_equal(np.array([row[3] for row in rows], dtype="f4"), MAPS.reshape(-1)[:40])
    canvas.page.mouse.click(4, 4)  # beside the table
    assert not dialog.is_visible()
