"""From the pointer to the painted frame: the attention panel on a plain page in Chromium, embedded model and B/16.

Each move of the mouse to another patch is timed in the page: from the event's own time stamp (when the browser got it)
to the first task after the frame in which the panel painted; and the share of it that is our script. Nothing but the
page is asked meanwhile: requests are counted. ``--slow 4`` slows the page's processor down as DevTools does.
"""

import argparse
import os
import shutil
import statistics
from collections.abc import Sequence

import numpy as np
import torch
from playwright.sync_api import Page, sync_playwright

from explainer.gallery import GALLERY
from explainer.panels import Pixels, View
from explainer.views import attention
from tests.browser.conftest import FLAGS
from tests.browser.test_canvas import Site
from vit_core import VisionTransformer, ViTConfig, load
from vit_core.pictures import open_picture

MOVES = 200
# The last listener of the frame: what is posted from its callback runs after the frame has been painted.
STOPWATCH = """() => {
  window.times = [];
  window.addEventListener("pointermove", (event) => {
    const { port1, port2 } = new MessageChannel();
    const row = { arrived: performance.now() - event.timeStamp };
    requestAnimationFrame(() => {
      const start = performance.now();
      requestAnimationFrame.call(window, () => { row.next = performance.now() - event.timeStamp; });
      port1.onmessage = () => {
        const now = performance.now();
        window.times.push({ ...row, script: now - start, painted: now - event.timeStamp });
      };
      port2.postMessage(0);
    });
  }, { capture: true });
}"""


def embedded() -> View:
    """The embedded model on a picture of the gallery: all its layers."""
    model, checkpoint = load("embedded")
    image = checkpoint.preprocess(open_picture(GALLERY["cat"].path))
    trace = model.trace(image)
    pixels: Pixels = np.asarray(checkpoint.preprocess.to_picture(image))
    return attention.looks(trace.attention_weights, 4, 1, 28, pixels)


def base() -> View:
    """B/16 at 224 with random weights: 12 heads, 197 tokens, one layer."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = VisionTransformer(ViTConfig.named("B/16")).eval()
        trace = model.trace(torch.randn(3, 224, 224))
    pixels = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    return attention.looks(trace.attention_weights, 4, 1, 100, pixels)


def measure(page: Page, moves: int, pause: float) -> list[dict[str, float]]:
    """Times of ``moves`` moves to one patch after another, ``pause`` milliseconds between them."""
    sight = page.locator("canvas.sight").first
    box = sight.bounding_box()
    assert box is not None
    size = box["width"] - 4
    cells = round((page.evaluate("window.canvasTokens") - 1) ** 0.5)
    page.evaluate("window.times = []")
    for step in range(moves):
        row, column = (7 * step // cells) % cells, (7 * step) % cells
        x = box["x"] + (column + 0.5) * size / cells
        y = box["y"] + 38 + (row + 0.5) * size / cells
        page.mouse.move(x, y)
        page.wait_for_timeout(pause)
    times: list[dict[str, float]] = page.evaluate("window.times")
    return times


def percentile(values: Sequence[float], share: float) -> float:
    return float(np.percentile(values, share))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=MOVES)
    parser.add_argument("--slow", type=float, default=1.0, help="how many times slower the page's processor is")
    parser.add_argument("--pins", type=int, default=0, help="patches pinned before")
    arguments = parser.parse_args()
    site = Site()
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        for name, view in (("embedded, 4 heads x 65 tokens", embedded()), ("B/16, 12 heads x 197 tokens", base())):
            site.show(view)
            page = browser.new_page(viewport={"width": 1104, "height": 1000})
            page.goto(site.address)
            page.wait_for_function("() => window.isReady")
            page.evaluate(f"window.canvasTokens = {view.panels[0].grid_size ** 2 + 1}")  # type: ignore[attr-defined]
            page.evaluate(STOPWATCH)
            if arguments.slow != 1:
                page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": arguments.slow})
            requests: list[str] = []
            page.on("request", lambda request, requests=requests: requests.append(request.url))
            measure(page, 20, 30)
            for pin in range(arguments.pins):
                page.mouse.click(100 + 60 * pin, 260)
            times = measure(page, arguments.moves, 30)
            painted = [each["painted"] for each in times]
            script = [each["script"] for each in times]
            print(
                f"{name}: event to painted frame p50 {statistics.median(painted):.1f} ms, "
                f"p95 {percentile(painted, 95):.1f} ms; from the frame's start to its end "
                f"p50 {statistics.median(script):.1f} ms, p95 {percentile(script, 95):.1f} ms; "
                f"{len(times)} frames for {arguments.moves} moves, {len(requests)} requests"
            )
            page.close()
        browser.close()
    site.server.shutdown()


if __name__ == "__main__":
    main()
