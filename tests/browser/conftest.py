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
        """Wait until the script has run, the app's own style is there, and every picture of the page has its canvas.

        Streamlit loads what puts a style into a page when it is first needed: a fresh browser shows the page without it
        for some 200 ms.
        """
        self.page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=60_000)
        self.page.wait_for_function(
            """() => [...document.querySelectorAll("style")].some(
                (each) => each.textContent.includes(".vit-kicker"))""",
            timeout=30_000,
        )
        self.page.wait_for_timeout(300)
        self.page.wait_for_function(
            """() => [...document.querySelectorAll('[data-testid="stBidiComponentIsolated"]')].every(
                (each) => !each.offsetParent || each.shadowRoot?.querySelector("canvas, .bar"))""",
            timeout=30_000,
        )

    @property
    def main(self) -> str:
        """The text of the page beside the sidebar."""
        return self.page.locator('[data-testid="stMain"]').inner_text()


@pytest.fixture
def open_reader(chromium: Browser) -> Iterator[object]:
    """Makes readers of a server; they are closed at the end."""
    contexts = []

    def make(server: Server, width: int = 1440, height: int = 900, scheme: str = "light") -> Reader:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        contexts.append(context)
        reader = Reader(context.new_page(), server.url)

        def listen(message: ConsoleMessage) -> None:
            # Opened at /attention, Streamlit's front end asks first whether the server lives below /attention: two
            # requests that are answered with 404, after which it goes on at the root.
            asked_below_page = "/_stcore/" in message.location.get("url", "")
            if message.type == "error" and not asked_below_page:
                reader.errors.append(f"{message.text} {message.location.get('url', '')}")

        reader.page.on("console", listen)
        reader.page.on("pageerror", lambda error: reader.errors.append(str(error)))
        return reader

    yield make
    for context in contexts:
        context.close()
