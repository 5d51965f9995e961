"""One Chromium for the whole run; every test gets a page of its own whose errors are collected."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from benchmarks.server import Server, running

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's chromium, or the one that the environment variable CHROMIUM names."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.fail("no chromium: install it (apt install chromium), or set CHROMIUM to its path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def server() -> Iterator[Server]:
    """A fresh server, on which nobody has opened any page."""
    with running() as fresh:
        yield fresh


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Server]:
    """One server for the tests of a module."""
    with running() as shared:
        yield shared


COMPLETE = """() => {
  const isComplete =
    document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === "notRunning" &&
    !document.querySelector('[data-stale="true"]') &&
    document.documentElement.hasAttribute("data-open") &&
    [...document.querySelectorAll('[data-testid="stBidiComponentIsolated"], .vit-step-picture')].every(
      (each) => !each.offsetParent || each.shadowRoot?.querySelector("canvas, .bar"));
  if (!isComplete) globalThis.incompleteAt = performance.now();
  return performance.now() - globalThis.incompleteAt > 300;
}"""


@dataclass
class Reader:
    """A page of the app in the browser, with everything that went wrong in it."""

    page: Page
    url: str
    errors: list[str] = field(default_factory=list)

    def open(self, path: str = "") -> None:
        """Open a page by its link and wait until it is complete."""
        self.page.goto(f"{self.url}/{path}")
        self.settle()

    def settle(self) -> None:
        """Wait until the page is complete, and has been so for 300 ms.

        Complete is: the script has run and nothing on the page is left from the run before, the page is shown, and
        every picture has its canvas. All of it at once: before the first run of a script Streamlit says "notRunning",
        too, and on a busy machine seconds lie between one of these and the next.
        """
        self.page.evaluate("() => { globalThis.incompleteAt = performance.now() }")
        self.page.wait_for_function(COMPLETE, timeout=90_000)

    def go_to(self, group: str, title: str) -> None:
        """Choose a page in the menu above the page."""
        self.page.get_by_test_id("stTopNavSection").filter(has_text=group).click()
        self.page.get_by_role("menuitem", name=title, exact=True).click()
        self.settle()

    @property
    def main(self) -> str:
        """The text of the page beside the sidebar."""
        return self.page.locator('[data-testid="stMain"]').inner_text()


@pytest.fixture
def open_reader(chromium: Browser) -> Iterator[object]:
    """Makes readers of a server; they are closed at the end."""
    contexts = []

    def make(server: Server, width: int = 1440, height: int = 900, scheme: str = "light", ratio: float = 1) -> Reader:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,  # type: ignore[arg-type]
            device_scale_factor=ratio,
        )
        contexts.append(context)
        reader = Reader(context.new_page(), server.url)

        def listen(message: ConsoleMessage) -> None:
            if message.type == "error":
                reader.errors.append(f"{message.text} {message.location.get('url', '')}")

        reader.page.on("console", listen)
        reader.page.on("pageerror", lambda error: reader.errors.append(str(error)))
        return reader

    yield make
    for context in contexts:
        context.close()
