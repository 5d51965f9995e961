"""The quiet menu of a panel, as a reader uses it."""

from typing import Any

from playwright.sync_api import Locator


def offered(panel: Locator) -> list[str]:
    """What the menu offers; it stays open."""
    panel.hover()
    panel.get_by_role("button", name="Keep or read").click()
    return panel.locator("[role=menuitem] b").all_inner_texts()


def choose(panel: Locator, name: str) -> None:
    """A line of the menu: "Table", "CSV", ".npy"."""
    panel.get_by_role("menuitem").nth(offered(panel).index(name)).click()


def kept(panel: Locator, name: str) -> Any:
    """The file that a line of the menu saves."""
    with panel.page.expect_download() as download:
        choose(panel, name)
    return download.value
