"""From a click to the last painted picture in Chromium: the canvas beside st.pyplot and st.plotly_chart, one run.

python -m benchmarks.click [--clicks 20] [--only canvas,pyplot,plotly,app]

Twelve attention maps of the embedded model over the picture (the heads of three layers side by side) are drawn in three
tiny Streamlit apps that differ in nothing but what draws them, each on a server of its own; a button chooses the next
layers. Then the app itself: a click on a map of the encoder's page, and a choice in the bar of each page of steps.

The clock is the browser's: from the time stamp of the event to the frame after the last thing that was painted inside
the window; also until the first paint, which the browser does by itself, until the message leaves for the server, and
until its last answer. The apps use this repository's Streamlit settings, so none of them pays for a garbage collection
after each run. Plotly is needed for its part alone (pip install plotly); without it that part is left out.
"""

import argparse
import os
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from benchmarks.server import ROOT, Server, running
from explainer.gallery import GALLERY
from tests.browser.conftest import FLAGS
from vit_core import load
from vit_core.pictures import open_picture

GOAL = 60.0  # milliseconds, for half of the clicks on the embedded model

# What is painted: strokes on a canvas, a picture that has come, Plotly's SVG. Each is followed by a task after the next
# frame, whose time is that of the paint. The wrappers cost about a microsecond a stroke, in our disfavour.
STOPWATCH = """
window.clock = { start: 0, sent: 0, answered: 0, first: 0, painted: 0, all: 0, changed: 0 };
{
  const clock = window.clock;
  const waiting = new Set();
  const changed = (isSeen = true) => {
    if (!clock.start) return;
    clock.changed = performance.now();
    if (waiting.has(isSeen)) return;
    waiting.add(isSeen);
    requestAnimationFrame(() => {
      waiting.delete(isSeen);
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        clock.all = performance.now();
        if (!isSeen) return;
        clock.painted = clock.all;
        clock.first ||= clock.all;
      };
      port2.postMessage(0);
    });
  };
  let seen = new Set(); // canvases that are at least partly inside the window when the clock is set
  const inside = (node) => {
    const box = node.getBoundingClientRect();
    return box.bottom > 0 && box.top < innerHeight && box.width > 0;
  };
  const canvases = (root) => [...root.querySelectorAll("*")].flatMap((each) =>
    each.tagName === "CANVAS" ? [each] : each.shadowRoot ? canvases(each.shadowRoot) : []);
  window.setClock = () => { clock.start = 0; seen = new Set(canvases(document).filter(inside)); };
  for (const name of ["drawImage", "fillRect", "clearRect", "fillText", "putImageData", "stroke", "fill"]) {
    const original = CanvasRenderingContext2D.prototype[name];
    CanvasRenderingContext2D.prototype[name] = function (...values) {
      if (this.canvas.isConnected) changed(seen.has(this.canvas));
      return original.apply(this, values);
    };
  }
  document.addEventListener("load", (event) => { if (event.target.tagName === "IMG") changed(); }, true);
  new MutationObserver((records) => {
    if (records.some(({ target }) => target.closest?.(".js-plotly-plot svg"))) changed();
  }).observe(document, { subtree: true, childList: true, attributes: true });
  for (const kind of ["pointerup", "keydown"])
    addEventListener(kind, (event) => {
      Object.assign(clock, { start: event.timeStamp, sent: 0, answered: 0, first: 0, painted: 0, all: 0, changed: 0 });
    }, true);
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (...values) {
    if (clock.start && !clock.sent) clock.sent = performance.now();
    if (!this.isHeard) {
      this.isHeard = true;
      this.addEventListener("message", () => { if (clock.sent) clock.answered = performance.now(); });
    }
    return send.apply(this, values);
  };
}
"""

COMMON = """
import streamlit as st
from benchmarks.click import maps

pixels, weights = maps()
st.session_state.setdefault("first", 0)
if st.button("Next layers"):
    st.session_state.first = (st.session_state.first + 1) % 4
shown = weights[st.session_state.first : st.session_state.first + 3].reshape(12, 8, 8)
"""

CANVAS = """
from explainer.panels import Scale, Tiles, View
from explainer.app.canvas import show

tiles = Tiles(
    title="Heads", quantity="A", values=shown, scales=tuple(Scale(0.0, float(each.max())) for each in shown),
    labels=tuple(f"head {i + 1}" for i in range(12)), columns=4, backdrop=pixels, tile_size=200,
)
show(View(rows=((tiles,),), alt="Twelve maps"), key="heads")
"""

PYPLOT = """
import matplotlib.pyplot as plt

figure, axes = plt.subplots(3, 4, figsize=(8.8, 7))
for i, (each, map_) in enumerate(zip(axes.flat, shown)):
    each.imshow(pixels, extent=(0, 8, 8, 0))
    each.imshow(map_, extent=(0, 8, 8, 0), alpha=0.6, cmap="YlOrBr", vmin=0)
    each.set_title(f"head {i + 1}")
    each.axis("off")
st.pyplot(figure)
plt.close(figure)
"""

PLOTLY = """
import plotly.graph_objects as go
from PIL import Image
from plotly.subplots import make_subplots

figure = make_subplots(rows=3, cols=4, subplot_titles=[f"head {i + 1}" for i in range(12)])
for i, map_ in enumerate(shown):
    row, column = i // 4 + 1, i % 4 + 1
    figure.add_layout_image(
        source=Image.fromarray(pixels), x=-0.5, y=-0.5, sizex=8, sizey=8, sizing="stretch", layer="below",
        row=row, col=column,
    )
    figure.add_heatmap(z=map_, opacity=0.6, colorscale="YlOrBr", zmin=0, showscale=False, row=row, col=column)
figure.update_yaxes(autorange="reversed", visible=False)
figure.update_xaxes(visible=False)
figure.update_layout(height=700, width=880, margin={"l": 0, "r": 0, "t": 30, "b": 0})
st.plotly_chart(figure, key="heads")
"""

DONE = """() => clock.painted && (clock.answered || !clock.sent)
  && performance.now() - Math.max(clock.changed, clock.sent, clock.answered) > 700"""

APP = """
import streamlit as st
from explainer.app.server.tensor_route import routes

app = st.App("canvas.py", routes=routes)
"""


@cache
def maps() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The picture, and the class token's weights on its patches: [layers, heads, patches]."""
    model, checkpoint = load("embedded")
    image = checkpoint.preprocess(open_picture(GALLERY["cat"].path))
    trace = model.trace(image)
    weights = np.stack([each[:, 0, 1:].numpy() for each in trace.attention_weights])
    return np.asarray(checkpoint.preprocess.to_picture(image)), weights


@dataclass(frozen=True)
class Click:
    """Milliseconds since the event."""

    sent: float
    answered: float
    first: float  # what the browser shows by itself
    painted: float  # the last, inside the window
    all: float  # with what lies outside, which the app leaves for a quiet moment


def timed(page: Page, act: Callable[[], None]) -> Click:
    """One click, and what came of it: until what was sent is answered, and nothing was painted or said for 0.7 s."""
    page.evaluate("setClock()")
    act()
    page.wait_for_function(DONE, timeout=60_000)
    clock = page.evaluate("clock")
    names = ("sent", "answered", "first", "painted", "all")
    return Click(*(max(0.0, clock[name] - clock["start"]) for name in names))


@contextmanager
def opened(browser: Browser, server: Server, path: str, ready: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.add_init_script(STOPWATCH)
    page.goto(f"{server.url}/{path}")
    page.wait_for_selector(ready, timeout=120_000)
    page.wait_for_timeout(2500)
    yield page
    context.close()


def in_turn(page: Page, clicks: int, acts: list[Callable[[], None]], shown: Locator | None = None) -> list[Click]:
    """``clicks`` after one round that does not count, in which everything is made for the first time.

    Before each of them ``shown`` is scrolled to the top of the window.
    """
    results = []
    for number in range(clicks + len(acts)):
        if shown is not None:
            shown.evaluate("element => element.scrollIntoView({ block: 'start' })")
            page.wait_for_timeout(300)
        results.append(timed(page, acts[number % len(acts)]))
    return results[len(acts) :]


def report(name: str, clicks: list[Click]) -> None:
    def half_and_most(part: str) -> str:
        values = sorted(getattr(each, part) for each in clicks)
        most = values[min(len(values) - 1, round(0.95 * len(values)))]
        return f"p50 {statistics.median(values):4.0f}, p95 {most:4.0f}"

    sent, answered, everything = (
        statistics.median(getattr(each, part) for each in clicks) for part in ("sent", "answered", "all")
    )
    print(
        f"{name:46} first paint {half_and_most('first')} ms; last {half_and_most('painted')} ms; "
        f"sent {sent:.0f}, answered {answered:.0f}, all canvases {everything:.0f}",
        flush=True,
    )


def tiny_apps(browser: Browser, clicks: int, only: set[str]) -> None:
    """The same picture by three means."""
    with tempfile.TemporaryDirectory() as folder:
        scripts = {"canvas.py": CANVAS, "pyplot.py": PYPLOT, "plotly.py": PLOTLY}
        for name, script in scripts.items():
            (Path(folder) / f"draw_{name}").write_text(COMMON + script, encoding="utf-8")
        (Path(folder) / "app.py").write_text(APP.replace("canvas.py", "draw_canvas.py"), encoding="utf-8")
        kinds = {
            "canvas": ("app.py", "canvas.base"),
            "pyplot": ("draw_pyplot.py", "img"),
            "plotly": ("draw_plotly.py", ".js-plotly-plot svg"),
        }
        for name, (script, ready) in kinds.items():
            if name not in only:
                continue
            if name == "plotly" and find_spec("plotly") is None:
                print("plotly is not installed, so its part is left out: pip install plotly")
                continue
            with running(Path(folder) / script, ROOT) as server, opened(browser, server, "", ready) as page:
                button = page.get_by_role("button", name="Next layers")
                report(f"12 maps, {name}", in_turn(page, clicks, [button.click] * 4))


def whole_app(browser: Browser, clicks: int) -> None:
    """Pages of steps with all their pictures, by a click on a picture and by the bar."""
    with running() as server:
        with opened(browser, server, "encoder?layer=2", "canvas.base") as page:
            canvas = page.locator("section.panel[data-kind=Tiles]").first.locator("canvas.over")
            canvas.scroll_into_view_if_needed()

            def choose(key: str) -> None:
                canvas.focus()  # keys, because a sheet that explains a number lies over some places of the page
                page.keyboard.press(key)
                page.keyboard.press("Enter")

            acts: list[Callable[[], None]] = [lambda: choose("ArrowDown"), lambda: choose("ArrowUp")]
            report("app, encoder page: another map", in_turn(page, clicks, acts))
        for stage in ("overview", "patches", "embedding", "attention", "mlp", "encoder", "head"):
            path = f"{'' if stage == 'overview' else stage}?layer=2"
            with opened(browser, server, path, ".vit-step-picture") as page:
                buttons = page.locator('.vit-bar-choice button:not([aria-pressed="true"])')
                if not buttons.count():  # the page does not depend on layer, head or token
                    continue
                labels = [button.get_attribute("aria-label") for button in buttons.all()]
                acts = [page.locator(f'.vit-bar button[aria-label="{label}"]').click for label in labels[:8]]
                report(f"app, {stage} page: a choice", in_turn(page, clicks, acts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clicks", type=int, default=20)
    parser.add_argument("--only", default="canvas,pyplot,plotly,app")
    arguments = parser.parse_args()
    only = set(arguments.only.split(","))
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        tiny_apps(browser, arguments.clicks, only)
        if "app" in only:
            whole_app(browser, arguments.clicks)
        browser.close()
    print(f"goal for clicks on the embedded model: p50 at most {GOAL:.0f} ms")


if __name__ == "__main__":
    main()
