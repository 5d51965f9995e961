"""Everybody can use every page: axe-core finds nothing serious, and the keyboard alone goes everywhere."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Page

from benchmarks.server import Server
from explainer.menu import GROUPS, PAGES
from tests.browser.conftest import Reader

pytestmark = pytest.mark.browser
OpenReader = Callable[..., Reader]

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SEEN = ((1440, 900, "light"), (390, 844, "dark"))  # both layouts and both sets of colours

# What is Streamlit's own and cannot be mended from outside: (rule, what the element's HTML begins with, why).
STREAMLITS: tuple[tuple[str, str, str], ...] = ()


def violations(page: Page) -> list[str]:
    """What axe calls serious or critical, and headings out of order, one line for each rule and element."""
    page.evaluate(AXE)
    found = page.evaluate(
        "(tags) => axe.run(document, { resultTypes: ['violations'], runOnly: tags }).then((r) => r.violations)", RULES
    )
    return [
        f"{rule['impact']} {rule['id']}: {node['html'][:160]} at {node['target']}: {node['failureSummary']}"
        for rule in found
        if rule["impact"] in ("serious", "critical") or rule["id"] == "heading-order"
        for node in rule["nodes"]
        if not any(rule["id"] == id and node["html"].startswith(html) for id, html, _ in STREAMLITS)
    ]


@pytest.mark.parametrize(("width", "height", "scheme"), SEEN)
def test_axe_finds_nothing_serious_on_any_page(
    width: int, height: int, scheme: str, shared_server: Server, open_reader: OpenReader
) -> None:
    reader = open_reader(shared_server, width, height, scheme)
    found = {}
    for name in PAGES:
        reader.open("" if name == "overview" else name)
        reader.page.wait_for_selector("h1")
        if complaints := violations(reader.page):
            found[name] = complaints
    assert not found, "\n".join(f"{name}\n  " + "\n  ".join(each) for name, each in found.items())


def test_axe_sees_what_is_wrong(shared_server: Server, open_reader: OpenReader) -> None:
    """Inside the canvases, too."""
    reader = open_reader(shared_server)
    reader.open("mlp")
    reader.page.evaluate("""() => {
      const here = [...globalThis.__vitPage.links.roots].at(-1);
      here.insertAdjacentHTML("beforeend", '<img src="data:,">');
      document.querySelector(".vit-kicker").style = "color: #aaa; opacity: 1";
    }""")
    rules = {line.split(":")[0] for line in violations(reader.page)}
    assert {"critical image-alt", "serious color-contrast"} <= rules


# What has the focus: the innermost element of all shadow roots.
FOCUSED = """async () => {
  let node = document.activeElement;
  while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
  if (!node || node === document.body) return null;
  globalThis.passed ??= new Set();
  const isAgain = globalThis.passed.has(node);
  globalThis.passed.add(node);
  const looks = (each) => {
    const style = getComputedStyle(each);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1 || style.boxShadow !== "none";
  };
  let shown = node;
  while (shown && !looks(shown) && shown.getBoundingClientRect().height < 60) shown = shown.parentElement;
  const isInSight = () => {
    const box = node.getBoundingClientRect();
    return box.bottom > 0 && box.top < innerHeight;
  };
  // Scrolled there smoothly: by frames, of which a busy machine draws few.
  for (const start = performance.now(); !isInSight() && performance.now() - start < 10_000;) {
    await new Promise((done) => setTimeout(done, 50));
  }
  return {
    name: node.getAttribute("aria-label") ?? node.textContent.slice(0, 60), tag: node.tagName, isAgain,
    isShown: Boolean(shown && looks(shown)), kind: node.className,
    isInSight: isInSight(),
  };
}"""


IS_FOCUSED = """(text) => {
  let node = document.activeElement;
  while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
  return (node?.getAttribute("aria-label") ?? "").includes(text);
}"""


def walk(page: Page, most: int = 400) -> Iterator[dict[str, Any]]:
    """Tab through the page, from its beginning until the browser leaves it."""
    page.evaluate("() => { globalThis.passed = new Set(); document.activeElement?.blur() }")
    for _ in range(most):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused is None or focused["isAgain"]:
            return
        yield focused
    raise AssertionError(f"the keyboard is still on the page after {most} steps")


@pytest.mark.parametrize("name", PAGES)
def test_the_keyboard_reaches_everything_and_is_seen(name: str, shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    reader.open("" if name == "overview" else name)
    reader.page.wait_for_selector("h1")
    steps = list(walk(reader.page))
    assert steps[0]["name"] == "Skip to main content"
    assert not [step for step in steps if not step["isShown"]]
    assert not [step for step in steps if not step["isInSight"]]
    canvases = sum("over" in str(step["kind"]).split() for step in steps)
    shown = "all => all.filter((each) => each.offsetParent && each.tabIndex === 0).length"
    assert canvases == reader.page.locator("canvas.over").evaluate_all(shown)
    assert canvases or not {"image", "token"} & {*PAGES[name].uses}
    for title in (PAGES["overview"].title, *GROUPS):  # the menu: a link, and what unfolds to links
        assert any(title in step["name"] for step in steps), title
    assert reader.errors == []


def test_the_menu_leads_to_every_page_by_keys_alone(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    reader.open("mlp")
    page = reader.page
    titles = [page.get_by_test_id("stTopNavLink").locator("p").inner_text()]
    for group in GROUPS:
        page.get_by_test_id("stTopNavSection").filter(has_text=group).focus()
        page.keyboard.press("Enter")
        items = page.get_by_role("menuitem")
        items.first.wait_for()
        for _ in range(items.count()):
            titles.append(page.locator('[role="menuitem"]:focus p').inner_text())
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Escape")
        items.first.wait_for(state="hidden")
    assert titles == [each.title for each in PAGES.values()]
    page.get_by_test_id("stTopNavSection").first.focus()
    for key in ("Enter", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    page.wait_for_url("**/embedding")
    assert reader.errors == []


def test_a_token_and_a_layer_are_chosen_by_keys_alone(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    reader.open("attention")
    page = reader.page
    steps = walk(page)
    assert next(steps)["name"] == "Skip to main content"
    assert any(step["name"].startswith("The image, as the model sees it. Chosen: token 37") for step in steps)
    for key in ("ArrowRight", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    page.wait_for_url("**token=46**")  # one to the right, and one row of eight down
    reader.settle()
    page.wait_for_function(IS_FOCUSED, arg="Chosen: token 46")  # where the keys were, they still are
    assert any(step["name"] == "Layer 2" for step in steps)
    page.keyboard.press("Enter")
    page.wait_for_url("**layer=2**")
    assert reader.errors == []


def test_the_way_past_the_sidebar(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    reader.open("mlp")
    assert next(walk(reader.page))["name"] == "Skip to main content"
    reader.page.keyboard.press("Enter")
    reader.page.keyboard.press("Tab")
    assert reader.page.evaluate("Boolean(document.activeElement.closest('[data-testid=stMain]'))")


def test_the_first_page_has_a_name_too(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    reader.open("overview?layer=3&picture=cat")
    reader.page.wait_for_selector('h1:has-text("Overview")')
    assert reader.page.url == f"{shared_server.url}/?layer=3&picture=cat"
    assert reader.page.get_by_text("not found").count() == 0
    assert reader.errors == []
