"""The notebook's widget in Chromium, with a model like anywidget's on a plain page: it draws, redraws, and picks."""

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from explainer.gallery import GALLERY
from explainer.notebook import ViewWidget, show, show_step
from explainer.panels import Bars, Frames, Picture, View
from explainer.steps.looking import look_at, part_of
from tests.browser.panel_menu import kept

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><html lang="en"><title>notebook</title><link rel="icon" href="data:,">
<body style="background: BACKGROUND"><main></main><script type="module">
const widget = await import(URL.createObjectURL(new Blob([window.esm], { type: "text/javascript" })));
const heard = new Map();
window.state = { packed: new DataView(Uint8Array.from(atob(window.packed), (c) => c.charCodeAt(0)).buffer),
                 html: window.html, scheme: null, pick: {}, place: null };
window.saved = [];
window.model = {
  get: (name) => state[name],
  set: (name, value) => { state[name] = value; },
  save_changes: () => saved.push(structuredClone({ pick: state.pick, place: state.place })),
  on: (event, callback) => heard.set(event, callback),
  off: (event) => heard.delete(event),
};
window.receive = (text) => {
  // A DataView that does not start at the beginning of its buffer, as those of a socket's messages do not.
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const message = new Uint8Array(bytes.length + 3);
  message.set(bytes, 3);
  state.packed = new DataView(message.buffer, 3);
  heard.get("change:packed")();
};
const el = document.createElement("div"); // Jupyter renders before the output is on the page
window.leave = await widget.default.render({ model, el });
document.querySelector("main").append(el);
window.heard = heard; window.isReady = true;
</script></body></html>"""

PIXELS = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def view(*values: float) -> View:
    bars = Bars(
        title="Classes", labels=("cat", "cup"), values=np.array(values, "f4"), picks=({"n": 0}, {"n": 1}), selected=0
    )
    picture = Picture(title="Patches", pixels=PIXELS, grid_size=4, token=6, pick_tokens=True)
    return View(rows=((picture, bars),), alt="A picture and two bars", picks=("n", "token"))


def packed(widget: ViewWidget) -> str:
    return base64.b64encode(widget.packed).decode()


class Notebook:
    """A cell's output with the widget in it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, widget: ViewWidget, background: str = "#fff") -> None:
        self.page.goto("about:blank")
        given = {"esm": ViewWidget._esm, "packed": packed(widget), "html": widget.html}
        self.page.evaluate("(given) => Object.assign(window, given)", given)
        script = "(html) => { document.open(); document.write(html); document.close(); }"
        self.page.evaluate(script, PAGE.replace("BACKGROUND", background))
        self.page.wait_for_function("() => window.isReady")
        self.page.locator("canvas").first.wait_for()

    def table(self, title: str) -> str:
        panel = self.page.locator("section.panel").filter(has=self.page.get_by_role("heading", name=title))
        return str(kept(panel, "CSV").path().read_text())

    def click(self, title: str, x: float, y: float) -> None:
        panel = self.page.locator("section.panel").filter(has=self.page.get_by_role("heading", name=title))
        panel.locator("canvas.over").click(position={"x": x, "y": y})

    def saved(self) -> list[dict[str, Any]]:
        result: list[dict[str, Any]] = self.page.evaluate("window.saved")
        return result


@pytest.fixture
def notebook(chromium: Browser) -> Iterator[Notebook]:
    context = chromium.new_context(viewport={"width": 900, "height": 700})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    yield Notebook(page)
    assert not errors
    # the script asks for nothing beyond itself
    assert [url for url in requests if not url.startswith(("blob:", "data:", "about:"))] == []
    context.close()


def test_the_widget_draws_its_view_and_the_next(notebook: Notebook) -> None:
    widget = show(view(0.75, 0.25))
    notebook.open(widget)
    assert notebook.table("Classes") == "name,value\ncat,0.75\ncup,0.25\n"
    widget.view = view(0.5, 0.125)
    notebook.page.evaluate("(bytes) => window.receive(bytes)", packed(widget))
    assert notebook.table("Classes") == "name,value\ncat,0.5\ncup,0.125\n"


def test_a_click_comes_back_as_a_pick(notebook: Notebook) -> None:
    notebook.open(show(view(0.75, 0.25)))
    notebook.click("Classes", 60, 45)  # the second bar: each is 30 pixels high
    notebook.page.get_by_role("application", name="Patches").press("ArrowRight")  # from token 6
    notebook.page.keyboard.press("Enter")
    assert [each["pick"] for each in notebook.saved()] == [{"n": 1}, {"token": 7}]


@pytest.mark.parametrize("background, scheme", [("#ffffff", "light"), ("#111111", "dark")])
def test_it_is_as_light_or_dark_as_the_notebook(notebook: Notebook, background: str, scheme: str) -> None:
    notebook.open(show(view(0.75, 0.25)), background)  # the browser itself prefers light
    assert notebook.page.locator("figure.vit").evaluate("(figure) => figure.style.colorScheme") == scheme


def test_frames_tell_where_they_are(notebook: Notebook) -> None:
    frames = Frames("epoch", (1, 2, 3), ("one", "two", "three"), (view(1, 0), view(0.5, 0.5), view(0, 1)), has_bar=True)
    notebook.open(show(frames))
    assert notebook.table("Classes") == "name,value\ncat,0\ncup,1\n"
    notebook.page.get_by_role("slider").fill("0")
    notebook.page.wait_for_function("() => window.saved.length")
    assert notebook.saved()[-1]["place"] == 1
    assert notebook.table("Classes") == "name,value\ncat,1\ncup,0\n"


def test_a_cell_that_is_run_again_leaves_nothing_behind(notebook: Notebook) -> None:
    notebook.open(show(view(0.75, 0.25)))
    notebook.page.evaluate("window.leave()")
    assert notebook.page.locator("figure.vit").count() == 0
    assert notebook.page.evaluate("window.heard.size") == 0


def test_what_reaches_beyond_a_panel_is_inside_the_cell(notebook: Notebook) -> None:
    """Jupyter cuts off what leaves the output of a cell: a panel's menu, the frame around it."""
    notebook.open(show(view(0.75, 0.25)))
    cell = notebook.page.locator("main > div")
    panel = notebook.page.locator("section.panel").last
    panel.hover()
    outer, menu = cell.bounding_box(), panel.locator(".menu").bounding_box()
    assert outer and menu
    assert menu["y"] >= outer["y"] and menu["x"] + menu["width"] <= outer["x"] + outer["width"] - 8
    box = notebook.page.locator("section.panel").first.bounding_box()
    assert box and box["x"] - outer["x"] >= 8  # the frame is 8 pixels away, and 2.5 wide


def test_a_step_has_its_equation_code_and_proof_next_to_its_picture(notebook: Notebook) -> None:
    now = look_at("embedded", GALLERY["cat"].path, layer=3, head=2, token=20)
    notebook.open(show_step("attention", "output", now))
    step = notebook.page.locator(".vit-step")
    for part in (".vit-formula math", ".vit-step-code .vit-line", ".vit-proof-holds", ".vit-step-shapes tr"):
        assert step.locator(part).count() >= 1, part
    assert step.locator(".vit-step-picture canvas.over").count() == len(
        part_of("attention", "output", now).views[0].panels
    )
    step.locator(".vit-step-code .vit-line").first.hover()
    assert step.locator(".vit-equation[data-lit]").count() == 1  # they light up together here, too
