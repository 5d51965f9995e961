"""The bar of the epochs page: what it moves, how fast, and that the server is left in peace meanwhile."""

import csv
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser

from benchmarks.server import Server, running
from explainer.panels import Frames, Plot, Scale, Series, Tiles, View
from tests.browser.conftest import Reader
from tests.browser.test_canvas import Canvas, Site, opened
from tests.test_epochs import train_two_runs

pytestmark = pytest.mark.browser
OpenReader = Callable[..., Reader]

PLACES = (0, 2, 5, 9)
MAPS = np.random.default_rng(3).standard_normal((4, 6, 8, 8)).astype(np.float32)  # frames, tiles, rows, columns
SCALE = Scale(-4.0, 4.0, diverging=True)
AFTER_DRAWING = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
# Moves the slider as a key does, and waits until the frame in which that was drawn has been handed over for painting.
MOVES = """async ([slider, count]) => {
  const move = (to) => new Promise((done) => {
    const start = performance.now();
    slider.value = String(to);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => done(performance.now() - start);
      port2.postMessage(0);
    });
  });
  const times = [];
  for (let i = 0; i < count; i++) times.push(await move(i % (Number(slider.max) + 1)));
  return times;
}"""


def frames() -> Frames:
    def view(index: int) -> View:
        tiles = Tiles(
            title=f"Maps, epoch {PLACES[index]}",
            values=MAPS[index],
            scales=(SCALE,),
            columns=3,
            picks=tuple({"head": i} for i in range(1, 7)),
            caption=f"Frame {index}.",
        )
        line = Series("loss", np.array(PLACES, "f4"), np.array([4, 3, 2, 1], "f4"))
        plot = Plot(
            title="Loss",
            series=(line,),
            x_label="epoch",
            y_label="",
            selected_x=PLACES[index],
            pick="epoch",
            low=0.0,
            high=8.0,
        )
        return View(((tiles, plot),), alt=f"This is frame {index}.")

    return Frames(
        "epoch", PLACES, tuple(f"After epoch {place}" for place in PLACES), tuple(map(view, range(4))), has_bar=True
    )


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    site = Site()
    site.show(frames())  # type: ignore[arg-type]
    yield site
    site.server.shutdown()
    site.server.server_close()


@pytest.fixture
def canvas(chromium: Browser, site: Site) -> Iterator[Canvas]:
    yield from opened(chromium, site, width=1280)


class Bar:
    """The bar, and what can be seen to move."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.slider, self.play = page.locator(".bar input"), page.locator(".bar .play")

    @property
    def said(self) -> str:
        self.page.evaluate(AFTER_DRAWING)
        return str(self.slider.get_attribute("aria-valuetext"))


def test_keys_move_every_panel_to_its_frame(canvas: Canvas) -> None:
    bar = Bar(canvas.page)
    assert bar.said == "After epoch 9"  # one begins with the last
    bar.slider.focus()
    for key, index in (("Home", 0), ("ArrowRight", 1), ("End", 3), ("ArrowLeft", 2)):
        canvas.page.keyboard.press(key)
        assert bar.said == f"After epoch {PLACES[index]}"
        assert canvas.page.locator("figcaption").text_content() == f"This is frame {index}."
        value, *_ = canvas.hover(f"Maps, epoch {PLACES[index]}", 8, 12)
        assert float(value.replace("−", "-")) == pytest.approx(MAPS[index, 0, 0, 0], rel=5e-4)  # four digits
        assert f"epoch {PLACES[index]}" in canvas.over("Loss").get_attribute("aria-label")
    assert canvas.page.locator(".bar .label .shown").inner_text() == "After epoch 5"
    assert canvas.picks() == []


def test_what_the_pointer_is_on_is_told_anew(canvas: Canvas) -> None:
    canvas.hover("Maps, epoch 9", 8, 12)
    bar = Bar(canvas.page)
    bar.slider.focus()
    canvas.page.keyboard.press("Home")
    assert bar.said == "After epoch 0"
    assert float(canvas.tip()[0].replace("−", "-")) == pytest.approx(MAPS[0, 0, 0, 0], rel=5e-4)


def test_a_click_on_a_curve_moves_and_any_other_is_told_to_the_page(canvas: Canvas) -> None:
    box: Any = canvas.over("Loss").bounding_box()
    canvas.over("Loss").click(position={"x": 24.0, "y": float(box["height"]) / 2})
    assert Bar(canvas.page).said == "After epoch 0" and canvas.picks() == []
    canvas.over("Maps, epoch 0").click(position={"x": 8, "y": 12})
    assert canvas.picks() == [{"head": 1}]


def test_it_plays_from_the_start_to_the_end_and_can_be_stopped(canvas: Canvas) -> None:
    bar = Bar(canvas.page)
    bar.play.click()
    assert bar.said == "After epoch 0" and bar.play.get_attribute("aria-label") == "Pause"
    canvas.page.wait_for_function("() => document.querySelector('.bar input').value === '2'")
    bar.play.click()
    canvas.page.wait_for_timeout(900)  # longer than a frame is shown
    assert bar.said == "After epoch 5" and bar.play.get_attribute("aria-label") == "Play"
    bar.play.click()
    canvas.page.wait_for_function("() => document.querySelector('.bar .play').getAttribute('aria-label') === 'Play'")
    assert bar.said == "After epoch 9"


def test_the_slider_keeps_its_width_and_the_panels_their_place(canvas: Canvas) -> None:
    bar, seen = Bar(canvas.page), set()
    bar.slider.focus()
    canvas.page.keyboard.press("Home")
    for _ in PLACES:
        canvas.page.evaluate(AFTER_DRAWING)
        size = canvas.page.evaluate("document.querySelector('figure').offsetHeight")
        seen.add((bar.slider.bounding_box()["width"], size))
        canvas.page.keyboard.press("ArrowRight")
    assert len(seen) == 1


def test_the_table_is_that_of_the_frame(canvas: Canvas) -> None:
    Bar(canvas.page).slider.focus()
    canvas.page.keyboard.press("Home")
    canvas.page.evaluate(AFTER_DRAWING)
    download = canvas.save("Maps, epoch 0", "CSV")
    assert download.suggested_filename == "maps-epoch-0.csv"
    rows = list(csv.reader(Path(download.path()).read_text("utf-8").splitlines()))[1:]
    assert np.array_equal(np.array([row[3] for row in rows], "f4").reshape(6, 8, 8), MAPS[0])


def test_a_plot_keeps_the_axis_it_was_given(canvas: Canvas) -> None:
    """The line of 4, 3, 2, 1 on an axis from 0 to 8 starts in the middle of its height."""
    box: Any = canvas.over("Loss").bounding_box()
    colours = {y: canvas.pixel("Loss", 26, y) for y in range(30, int(box["height"]) - 50)}
    ink = [y for y, colour in colours.items() if max(colour) - min(colour) > 60]
    assert 0.4 < (np.mean(ink) - 26) / 260 < 0.6


def test_another_view_takes_the_bar_away(canvas: Canvas, site: Site) -> None:
    site.show(frames().views[1], "/still")
    canvas.page.evaluate("async () => window.canvas.update(await window.bytes('/still'))")
    assert canvas.page.locator(".bar").count() == 0
    site.show(frames(), "/again")  # type: ignore[arg-type]
    canvas.page.evaluate("async () => window.canvas.update(await window.bytes('/again'))")
    assert canvas.page.locator(".bar").count() == 1


# In the app


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    runs = train_two_runs(tmp_path_factory.mktemp("trained"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("VIT_EXPLAINER_RUNS", str(runs))
        with running() as server:
            yield server


def test_moving_the_bar_repaints_at_once_and_asks_the_server_for_nothing(
    served: Server, open_reader: OpenReader
) -> None:
    reader = open_reader(served)
    sent: list[object] = []
    reader.page.on("websocket", lambda socket: socket.on("framesent", lambda data: sent.append(data)))
    reader.open("epochs?run=frozen&beside=scratch")
    bar = Bar(reader.page)
    before = len(sent)
    times = reader.page.evaluate(MOVES, [bar.slider.element_handle(), 30])
    assert len(sent) == before
    # 12 ms on an idle machine at 1440 x 900; a machine that is busy with other things paints later.
    assert statistics.median(times) < 150
    assert reader.errors == []


def test_where_the_bar_rests_is_in_the_link_and_outlives_every_choice(served: Server, open_reader: OpenReader) -> None:
    reader = open_reader(served)
    reader.open("epochs?run=frozen")
    bar = Bar(reader.page)
    bar.slider.focus()
    reader.page.keyboard.press("Home")
    reader.page.wait_for_url("**epoch=0**", timeout=10_000)
    reader.page.keyboard.press("ArrowRight")
    reader.page.wait_for_url("**epoch=1**", timeout=10_000)
    reader.settle()
    tiles: Any = reader.page.locator("section.panel").filter(has_text="heads · epoch").locator("canvas.over")
    tiles.scroll_into_view_if_needed()
    tiles.click(position={"x": tiles.bounding_box()["width"] / 2, "y": 80})
    reader.page.wait_for_url("**head=**", timeout=10_000)
    reader.settle()
    assert "epoch=1" in reader.page.url
    assert "run=frozen" in reader.page.url
    assert bar.said.startswith("After epoch 1 of 2")
    reader.page.reload()
    reader.settle()
    assert bar.said.startswith("After epoch 1 of 2")
    reader.page.get_by_role("button", name="Open this epoch of frozen in the explainer").click()
    reader.page.wait_for_selector('h1:has-text("Attention")', timeout=20_000)
    reader.settle()
    assert "checkpoint=run%3Afrozen%3A1" in reader.page.url
    assert "These are the weights after epoch 1 of the run frozen." in reader.main
    reader.page.go_back()
    reader.page.wait_for_selector('h1:has-text("Epochs")', timeout=20_000)
    assert reader.errors == []


def test_the_bar_stays_in_sight(served: Server, open_reader: OpenReader) -> None:
    reader = open_reader(served)
    reader.open("epochs?run=frozen")
    for at in (1500, 3000):
        reader.page.evaluate("(y) => document.querySelector('[data-testid=stMain]').scrollTo(0, y)", at)
        reader.page.evaluate(AFTER_DRAWING)
        box = Bar(reader.page).slider.bounding_box()
        assert 0 < box["y"] < 140
        # What is on top there is the bar, and not what scrolls below it.
        assert reader.page.evaluate(
            "([x, y]) => Boolean(document.elementFromPoint(x, y).closest('.st-key-scrubber'))",
            [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2],
        )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_two_runs_without_scrolling_sideways(
    scheme: str, served: Server, open_reader: OpenReader
) -> None:
    reader = open_reader(served, 390, 844, scheme)
    reader.open("epochs?run=frozen&beside=scratch&epoch=1")
    widths = reader.page.evaluate(
        "() => { const m = document.querySelector('[data-testid=stMain]'); return [m.scrollWidth, m.clientWidth] }"
    )
    assert widths[0] <= widths[1]
    assert Bar(reader.page).said.startswith("After epoch 1 of 2")
    assert reader.errors == []


SLOW = """
globalThis.WebSocket = class extends WebSocket {
  addEventListener(kind, act, ...rest) {
    super.addEventListener(kind, kind === "message" ? (event) => setTimeout(() => act(event), 700) : act, ...rest);
  }
  set onmessage(act) { super.onmessage = (event) => setTimeout(() => act(event), 700); }
};
"""  # what the server says comes later than the reader rests


def test_a_click_that_moves_and_asks_is_one_message(served: Server, open_reader: OpenReader) -> None:
    """Of two, the second would be sent with an address that does not know the first's number yet."""
    reader = open_reader(served)
    reader.page.add_init_script(SLOW)
    reader.open("epochs?run=scratch&epoch=1")
    curve: Any = reader.page.locator("section.panel").filter(has_text="Their probability").locator("canvas.over")
    curve.scroll_into_view_if_needed()
    box = curve.bounding_box()
    reader.page.mouse.click(round(box["x"] + 60), round(box["y"] + 120))
    reader.page.locator(".vit-steps .vit-result .vit-value").wait_for(timeout=60_000)
    reader.settle()
    assert "number=run%3Ascratch%3A0%40trace.probabilities" in reader.page.url and "epoch=0" in reader.page.url
    assert reader.errors == []


def test_a_number_of_the_shown_epoch_is_explained(served: Server, open_reader: OpenReader) -> None:
    reader = open_reader(served)
    reader.open("epochs?run=scratch&epoch=1")
    tiles: Any = reader.page.locator("section.panel").filter(has_text="heads · epoch").locator("canvas.over")
    tiles.scroll_into_view_if_needed()
    box = tiles.bounding_box()
    x, y = round(box["x"] + 40), round(box["y"] + 50)
    reader.page.mouse.move(x, y)
    tip = reader.page.locator(".tip:visible")
    tip.wait_for()
    shown = float(tip.inner_text().split("\n")[0].split(" ± ")[0].replace("−", "-"))
    reader.page.mouse.click(x, y)
    result = reader.page.locator(".vit-steps .vit-result .vit-value")
    result.wait_for(timeout=60_000)
    reader.settle()
    assert "number=run%3Ascratch%3A1%40block.attention.weights" in reader.page.url and "epoch=1" in reader.page.url
    assert abs(float(result.inner_text().replace("−", "-")) - shown) <= 2e-3 * shown  # the tip has four digits
    # A point of a curve moves to its epoch and is explained there.
    curve: Any = reader.page.locator("section.panel").filter(has_text="Their probability").locator("canvas.over")
    curve.scroll_into_view_if_needed()
    box = curve.bounding_box()
    reader.page.mouse.click(round(box["x"] + 60), round(box["y"] + 120))
    reader.page.wait_for_function("() => location.search.includes('trace.probabilities')", timeout=60_000)
    reader.settle()
    assert "number=run%3Ascratch%3A0%40trace.probabilities" in reader.page.url
    reader.page.wait_for_url("**epoch=0**", timeout=10_000)
    assert reader.errors == []
