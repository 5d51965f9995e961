"""The canvas in Chromium on a plain page: what is drawn, read, clicked, and saved are the numbers that were packed."""

import csv
import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page

from explainer import palette
from explainer.components import core
from explainer.packing import digest, pack, unpack
from explainer.panels import Bars, Flow, Matrix, Node, Picture, Plot, Scale, Series, Strip, Strips, Tiles, View
from tests.browser.panel_menu import kept

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><html lang="en"><title>canvas</title><link rel="icon" href="data:,">
<style>body { margin: 20px; background: #fff; --st-background-color: #ffffff; --st-text-color: #1d2733 }</style>
<main id="here"></main>
<script type="module">
import { mount } from "/core.js";
const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
window.picks = []; window.bytes = bytes;
window.canvas = mount(document.querySelector("#here"), await bytes("/view"), {
  onPick: (pick) => window.picks.push(pick), load: (digest) => bytes("/kept/" + digest), scheme: window.scheme });
await window.canvas.ready; window.isReady = true;
</script></html>"""

RANDOM = np.random.default_rng(1)


def values(*shape: int) -> NDArray[np.float32]:
    return RANDOM.standard_normal(shape).astype(np.float32)


PIXELS = np.repeat(np.repeat(RANDOM.integers(0, 256, (8, 8, 3), dtype=np.uint8), 8, 0), 8, 1)  # one colour a patch
WEIGHTS = RANDOM.dirichlet(np.ones(65) * 0.2, 65).astype(np.float32)  # rows sum to 1; 4,225 numbers: quantised
OVERLAY = WEIGHTS[12, 1:].reshape(8, 8)
DIVERGING = Scale(-3.0, 3.0, diverging=True)

PICTURE = Picture(title="Patches", quantity="image", pixels=PIXELS, grid_size=8, token=12, pick_tokens=True)
HEAT = replace(PICTURE, title="Attention", quantity="A", overlay=OVERLAY, scale=Scale(0, float(OVERLAY.max())))
MATRIX = Matrix(
    title="A",
    quantity="A",
    values=WEIGHTS,
    scale=Scale(0.0, 1.0),
    row_axis="tokens (query)",
    column_axis="tokens (key)",
    row=12,
    pick="row",
)
SMALL = Matrix(title="Scores", values=values(5, 6), scale=DIVERGING, row_axis="rows", column_axis="columns")
MAPS = values(6, 4, 4)
TILES = Tiles(
    title="Heads",
    quantity="A",
    values=MAPS,
    scales=(DIVERGING,),
    columns=3,
    selected=0,
    token=3,
    labels=tuple(f"head {i}" for i in range(1, 7)),
    picks=tuple({"layer": 2, "head": i} for i in range(1, 7)),
)
STRIPS = Strips(
    title="Sum", strips=(Strip("x", values(20), DIVERGING), Strip("E_{pos}", values(20), DIVERGING, "E_pos", "+"))
)
BARS = Bars(
    title="Classes",
    quantity="y",
    labels=("cat", 'a "quoted", name', "cup"),
    values=np.array([0.7, 0.2, 0.1], "f4"),
    format=".1%",
    selected=0,
    picks=tuple({"class_index": i} for i in (5, 9, 2)),
)
PLOT = Plot(
    title="Norms",
    series=(Series("z", np.arange(7, dtype="f4"), values(7)),),
    x_label="layer",
    y_label="norm",
    selected_x=2,
    pick="layer",
)
THUMBNAIL = Picture(title="", pixels=PIXELS)
FLOW = Flow(
    title="Model",
    nodes=(
        Node("image", "Picture", "x", "image", "64 × 64 × 3", "patches", (THUMBNAIL,)),
        Node("encoder", "Attention", "A", "A", "6 × 65 × 65", "attention", (MATRIX,), "Encoder × 6"),
        Node("end", "Prediction", "y", "y", "20"),
    ),
    skips=(("image", "end"),),
)
VIEW = View(
    rows=((PICTURE, HEAT), (MATRIX, SMALL), (TILES, STRIPS), (BARS, PLOT), (FLOW,)),
    alt="Everything that can be drawn",
)


class Site:
    """A static page with the canvas on it, its view changeable."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.files = {"/": PAGE.encode(), "/core.js": core().encode()}
        handler = partial(_Handler, self)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.show(VIEW)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/"

    def show(self, view: View, path: str = "/view") -> None:
        self.files[path] = pack(view, keep=self.keep)

    def keep(self, raw: bytes) -> str:
        self.files[f"/kept/{digest(raw)}"] = raw
        return digest(raw)


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, site: Site, *args: Any) -> None:
        self.site = site
        super().__init__(*args)

    def do_GET(self) -> None:
        body = self.site.files.get(self.path)
        self.send_response(200 if body is not None else 404)
        self.send_header("Content-Type", "text/javascript" if self.path.endswith(".js") else "text/html")
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *args: Any) -> None:
        """Silent."""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.server.shutdown()
    site.server.server_close()


class Canvas:
    """The mounted canvas, as a reader uses it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def panel(self, title: str) -> Any:
        return self.page.locator("section.panel").filter(has=self.page.get_by_role("heading", name=title, exact=True))

    def over(self, title: str) -> Any:
        return self.panel(title).locator("canvas.over")

    def hover(self, title: str, x: float, y: float) -> list[str]:
        """The tooltip's lines when the pointer is at (x, y) of the panel's canvas."""
        over = self.over(title)
        over.scroll_into_view_if_needed()
        box = over.bounding_box()
        self.page.mouse.move(box["x"] + x, box["y"] + y)
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return self.tip()

    def edge(self, inside: float, outside: float, is_inside: Callable[[float], bool]) -> float:
        """Where the tooltip stops saying what it says at ``inside``, to a tenth of a pixel."""
        assert is_inside(inside) and not is_inside(outside)
        while abs(inside - outside) > 0.1:
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if is_inside(middle) else (inside, middle)
        return (inside + outside) / 2

    def tip(self) -> list[str]:
        script = "(tip) => (tip.hidden ? [] : [...tip.children].map((line) => line.textContent))"
        return self.page.locator(".tip").evaluate(script)

    def pixel(self, title: str, x: float, y: float) -> tuple[int, ...]:
        """What lies at (x, y) of what was drawn, marks and pointer left out."""
        script = """(drawn, [x, y]) => {
          const copy = document.createElement("canvas");
          copy.width = copy.height = 1;
          const ctx = copy.getContext("2d", { willReadFrequently: true });
          ctx.drawImage(drawn, -Math.floor(x * devicePixelRatio), -Math.floor(y * devicePixelRatio));
          return [...ctx.getImageData(0, 0, 1, 1).data]; }"""
        return tuple(self.panel(title).locator("canvas.base").evaluate(script, [x, y])[:3])

    def picks(self) -> list[dict[str, Any]]:
        return self.page.evaluate("window.picks")

    def save(self, title: str, kind: str) -> Any:
        return kept(self.panel(title), kind)


@pytest.fixture
def canvas(request: pytest.FixtureRequest, chromium: Browser, site: Site) -> Iterator[Canvas]:
    """The whole view on a wide page; two device pixels to each of CSS unless the test says otherwise."""
    yield from opened(chromium, site, width=1280, ratio=getattr(request, "param", 2))


crisp = pytest.mark.parametrize("canvas", [1, 1.5, 2], indirect=True, ids=lambda ratio: f"ratio {ratio}")


def opened(chromium: Browser, site: Site, *, width: int, ratio: float = 1, scheme: str = "light") -> Iterator[Canvas]:
    context = chromium.new_context(viewport={"width": width, "height": 900}, device_scale_factor=ratio)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.add_init_script(f"window.scheme = {json.dumps(scheme)}")
    page.goto(site.address)
    page.wait_for_function("() => window.isReady")
    yield Canvas(page)
    assert not complaints
    context.close()


def colour(value: float, scale: Scale, stops: tuple[str, ...]) -> NDArray[np.float64]:
    """The scale's colour of a value: 256 steps, straight between the stops."""
    index = round(255 * float(np.clip((value - scale.low) / (scale.high - scale.low), 0, 1)))
    channels = np.array([[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in stops], float)
    place = index / 255 * (len(stops) - 1)
    return np.array([np.interp(place, range(len(stops)), channels[:, c]) for c in range(3)])


def cells(canvas: Canvas, title: str, rows: int, columns: int) -> tuple[float, float, float, float]:
    """Left, top, cell width and height of a matrix: where the tooltip appears and goes, as a reader would find them."""
    x, y, box = 120.0, 70.0, canvas.over(title).bounding_box()
    left = canvas.edge(x, 0, lambda at: bool(canvas.hover(title, at, y)))
    right = canvas.edge(x, box["width"] + 2, lambda at: bool(canvas.hover(title, at, y)))
    top = canvas.edge(y, 0, lambda at: bool(canvas.hover(title, x, at)))
    bottom = canvas.edge(y, box["height"] - 1, lambda at: bool(canvas.hover(title, x, at)))
    return left, top, (right - left) / columns, (bottom - top) / rows


@crisp
def test_matrix_cells_have_the_scales_colour_and_tell_their_value(canvas: Canvas) -> None:
    left, top, width, height = cells(canvas, "Scores", 5, 6)
    stops = palette.diverging("light")
    for row in (0, 2, 4):
        for column in (0, 3, 5):
            x, y = left + (column + 0.5) * width, top + (row + 0.5) * height
            value = float(SMALL.values[row, column])
            beside_its_number = canvas.pixel("Scores", x - 0.36 * width, y - 0.34 * height)
            expected = colour(value, SMALL.scale, stops)
            assert np.abs(np.array(beside_its_number) - expected).max() <= 1  # rounding of a channel
            text, *where = canvas.hover("Scores", x, y)
            assert float(text.replace("−", "-")) == pytest.approx(value, abs=5e-4 * max(1, abs(value)))  # four digits
            assert where == [f"rows {row}", f"columns {column}"]


def test_quantised_matrix_tells_value_and_uncertainty_and_a_click_picks_its_row(canvas: Canvas) -> None:
    box = canvas.over("A").bounding_box()
    seen = set()
    for x, y in [(80, 80), (140, 120), (200, 200), (90, 160), (230, 90)]:
        assert x < box["width"]
        text, row_text, column_text = canvas.hover("A", x, y)
        row, column = (0 if name.startswith("class") else int(name.split()[1]) for name in (row_text, column_text))
        shown, uncertainty = map(float, text.split(" ± "))
        true, step = float(WEIGHTS[row, column]), float(np.ptp(WEIGHTS[row])) / 255
        decimals = len(text.split(" ± ")[1].split(".")[1])
        # Half a step and half of the last digit, rounded up: never less is told than what may be off.
        assert step / 2 <= uncertainty <= step / 2 + 1.5 * 10**-decimals
        assert shown == pytest.approx(true, abs=uncertainty)
        assert row_text.endswith("· query") and column_text.endswith("· key")
        canvas.over("A").click(position={"x": x, "y": y})
        seen.add(row)
        assert canvas.picks()[-1] == {"token": row}
    assert len(seen) > 2


def test_quantised_matrix_is_drawn_from_what_was_packed(canvas: Canvas) -> None:
    """The brightest cell of a row, found by its colour, is where the array has it."""
    back = unpack(pack(View(rows=((MATRIX,),), alt="alone"))).panels[0]
    assert isinstance(back, Matrix)
    left, top, width, height = cells(canvas, "A", 65, 65)
    stops = palette.sequential("A", "light")
    for row in (3, 31, 60):
        column = int(back.values[row].argmax())
        drawn = canvas.pixel("A", left + (column + 0.5) * width, top + (row + 0.5) * height)
        expected = colour(float(back.values[row, column]), MATRIX.scale, stops)
        assert np.abs(np.array(drawn) - expected).max() <= 2  # a step of 256 beside it, and rounding


@crisp
def test_picture_is_the_models_picture(canvas: Canvas) -> None:
    for token, (text, *_) in hovered_patches(canvas, "Patches").items():
        assert text == f"token {token}"
    box = patch_grid(canvas, "Patches")
    for token in (1, 8, 29, 64):
        row, column = divmod(token - 1, 8)
        drawn = canvas.pixel("Patches", box[0] + (column + 0.5) * box[2], box[1] + (row + 0.5) * box[2])
        assert np.array_equal(drawn, PIXELS[8 * row + 4, 8 * column + 4])


def patch_grid(canvas: Canvas, title: str) -> tuple[float, float, float]:
    """Left, top, and the side of a patch, from where the tooltip's words change."""
    left = canvas.edge(60, 0, lambda x: bool(canvas.hover(title, x, 200)))
    right = canvas.edge(60, 479, lambda x: bool(canvas.hover(title, x, 200)))
    top = canvas.edge(60, 32, lambda y: bool(canvas.hover(title, 250, y)))
    return left, top, (right - left) / 8


def hovered_patches(canvas: Canvas, title: str) -> dict[int, list[str]]:
    left, top, side = patch_grid(canvas, title)
    return {
        8 * row + column + 1: canvas.hover(title, left + (column + 0.5) * side, top + (row + 0.5) * side)
        for row, column in [(0, 0), (0, 7), (3, 4), (7, 0), (7, 7)]
    }


def test_overlay_tells_the_value_of_each_patch(canvas: Canvas) -> None:
    for token, (value, name, place) in hovered_patches(canvas, "Attention").items():
        row, column = divmod(token - 1, 8)
        assert float(value.replace("−", "-")) == pytest.approx(float(OVERLAY[row, column]), rel=5e-4)  # four digits
        assert name == f"token {token}" and place == f"patch row {row + 1}, column {column + 1}"


def test_click_on_a_patch_picks_its_token_and_shows_it_at_once_everywhere(canvas: Canvas) -> None:
    left, top, side = patch_grid(canvas, "Patches")
    before = canvas.over("Attention").evaluate("c => c.toDataURL()")
    canvas.over("Patches").click(position={"x": left + 4.5 * side, "y": top + 2.5 * side})
    assert canvas.picks() == [{"token": 2 * 8 + 4 + 1}]
    assert "token 21" in canvas.over("Patches").get_attribute("aria-label")
    assert "token 21" in canvas.over("Attention").get_attribute("aria-label")
    assert canvas.over("Attention").evaluate("c => c.toDataURL()") != before
    canvas.over("Patches").click(position={"x": left + 8, "y": 17})  # the class token's place above the picture
    assert canvas.picks()[-1] == {"token": 0}
    canvas.over("Patches").click(position={"x": left + 8, "y": 17})
    assert canvas.picks()[-2:] == [{"token": 0}, {"token": 0}]  # the same choice twice is two choices


def test_tiles_bars_plot_and_flow_pick(canvas: Canvas) -> None:
    size = canvas.over("Heads").bounding_box()
    canvas.over("Heads").click(position={"x": 150, "y": 60})
    assert canvas.picks()[-1] == {"layer": 2, "head": 2}
    assert "head 2" in canvas.over("Heads").get_attribute("aria-label")
    text, label, place = canvas.hover("Heads", 20, 40)
    assert label == "head 1" and place == "row 1, column 1" and size
    assert float(text.replace("−", "-")) == pytest.approx(float(MAPS[0, 0, 0]), rel=5e-4)
    canvas.over("Classes").click(position={"x": 200, "y": 45})
    assert canvas.picks()[-1] == {"class_index": 9}
    assert canvas.hover("Classes", 200, 15) == ["0.7", "cat"]
    box = canvas.over("Norms").bounding_box()
    value, *_, place = canvas.hover("Norms", box["width"] * 0.5, 120)
    layer = int(place.split()[-1])
    assert float(value.replace("−", "-")) == pytest.approx(float(PLOT.series[0].y[layer]), rel=5e-4)
    canvas.over("Norms").click(position={"x": box["width"] * 0.5, "y": 120})
    assert canvas.picks()[-1] == {"layer": layer}
    canvas.over("Model").click(position={"x": 80, "y": 150})
    assert canvas.picks()[-1] == {"page": "patches"}


def test_keyboard_reads_and_picks(canvas: Canvas) -> None:
    canvas.over("Patches").focus()
    for key in ("ArrowRight", "ArrowDown"):
        canvas.page.keyboard.press(key)
    assert canvas.tip()[0] == "token 21"  # from token 12, one to the right and one row down
    assert canvas.page.locator("[aria-live]").inner_text().startswith("token 21, patch row 3, column 5")
    canvas.page.keyboard.press("Enter")
    assert canvas.picks() == [{"token": 21}]
    for _ in range(4):
        canvas.page.keyboard.press("ArrowUp")
    canvas.page.keyboard.press("Enter")
    assert canvas.picks()[-1] == {"token": 0}  # above the first row is the class token
    canvas.over("Heads").focus()
    canvas.page.keyboard.press("ArrowDown")
    canvas.page.keyboard.press(" ")
    assert canvas.picks()[-1] == {"layer": 2, "head": 4}
    assert "with Shift from value to value" in canvas.over("Heads").get_attribute("aria-label")
    assert canvas.tip()[1:] == ["head 4", "row 1, column 1"]
    for key in ("ArrowRight", "ArrowUp"):
        canvas.page.keyboard.press(f"Shift+{key}")
    value, *place = canvas.tip()
    assert place == ["head 1", "row 4, column 2"]  # over the edge of the map
    assert float(value.replace("−", "-")) == pytest.approx(float(MAPS[0, 3, 1]), rel=5e-4)
    canvas.over("Model").focus()
    canvas.page.keyboard.press("ArrowRight")
    canvas.page.keyboard.press("ArrowRight")
    canvas.page.keyboard.press("Enter")
    assert canvas.picks()[-1] == {"page": "attention"}


def test_focus_survives_the_next_view(canvas: Canvas, site: Site) -> None:
    canvas.over("Attention").focus()
    site.show(replace(VIEW, rows=((PICTURE, replace(HEAT, token=20)), *VIEW.rows[1:])), "/next")
    canvas.page.evaluate("async () => window.canvas.update(await window.bytes('/next'))")
    assert "token 20" in canvas.over("Attention").get_attribute("aria-label")
    assert canvas.page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Attention.")


def test_saved_tables_hold_the_numbers(canvas: Canvas) -> None:
    def table(title: str) -> list[list[str]]:
        return list(csv.reader(io.StringIO(Path(canvas.save(title, "CSV").path()).read_text("utf-8"))))

    head, *rows = table("Scores")
    assert head == ["rows \\ columns", *map(str, range(6))]
    assert np.array_equal(np.array(rows, dtype="f4")[:, 1:], SMALL.values)  # shortest text that reads back the same
    head, *rows = table("A")
    saved = np.array(rows, dtype=float)[:, 1:]
    last = np.array([[10.0 ** -len(text.partition(".")[2]) for text in row[1:]] for row in rows])
    assert np.all(np.abs(saved - WEIGHTS) <= last)  # digits that are sure, the last to within 1
    assert np.all(last <= 10 * np.ptp(WEIGHTS, axis=1, keepdims=True) / 255)  # and as many as a step leaves
    assert np.array_equal(np.array(table("Attention")[1:], dtype="f4")[:, 3].reshape(8, 8), OVERLAY)
    assert table("Classes")[2] == ['a "quoted", name', "0.2"]
    head, *rows = table("Sum")
    assert head == ["row \\ number", *map(str, range(20))] and [row[0] for row in rows] == ["x", "E pos"]
    assert np.array_equal(np.array([row[1:] for row in rows], dtype="f4")[1], STRIPS.strips[1].values)
    assert [float(row[2]) for row in table("Norms")[1:]] == pytest.approx(PLOT.series[0].y.tolist())
    assert np.array_equal(np.array(table("Heads")[1:])[:, 3].astype("f4").reshape(6, 4, 4), MAPS)


def test_saved_picture_is_the_panel_twice_as_large(canvas: Canvas) -> None:
    download = canvas.save("Scores", "PNG")
    assert download.suggested_filename == "scores.png"
    picture = np.asarray(Image.open(download.path()).convert("RGB"))
    box = canvas.over("Scores").bounding_box()
    assert picture.shape[1] == 2 * (round(box["width"]) + 48)
    for value in (SMALL.values[0, 0], SMALL.values[4, 5]):
        expected = colour(float(value), SMALL.scale, palette.diverging("light"))
        assert (np.abs(picture.astype(float) - expected).max(-1) <= 1).sum() > 500  # a cell has some 60 x 60


def test_lowered_letters_are_drawn_small_and_read_plainly(canvas: Canvas, site: Site) -> None:
    marked = replace(STRIPS, title="x_{class} and E_{pos}", caption="D_{h} = 32")
    site.show(View(rows=((marked,),), alt="marked"), "/marked")
    canvas.page.evaluate("async () => window.canvas.update(await window.bytes('/marked'))")
    assert canvas.page.locator("h3 sub").all_inner_texts() == ["class", "pos"]
    assert canvas.page.locator("canvas.over").get_attribute("aria-label").startswith("x class and E pos.")
    assert kept(canvas.page.locator("section.panel"), "PNG").suggested_filename == "x-class-and-e-pos.png"


def test_other_values_move_nothing(canvas: Canvas, site: Site) -> None:
    """Strips and captions are as high for long numbers as for short ones, beside each other and alone."""

    def shown(number: str, size: float) -> View:
        scale = Scale(-size, size, diverging=True)
        strips = replace(
            STRIPS,
            caption=f"From a patch at most {number}, from the class token {number}; the mean is {number}.",
            strips=tuple(Strip(f"{number} · v, row {i}", size * values(20), scale) for i in range(3)),
        )
        return View(rows=((strips,), (strips, MATRIX), (strips, MATRIX, SMALL)), alt="strips")

    heights = set()
    for number, size in (("0", 1.0), ("0.5", 0.5), ("0.0123", 0.0123), ("−0.0214", 12345.6)):
        site.show(shown(number, size), "/moved")
        canvas.page.evaluate("async () => window.canvas.update(await window.bytes('/moved'))")
        heights.add(canvas.page.evaluate("document.querySelector('figure').offsetHeight"))
    assert len(heights) == 1


def test_words_from_python_are_never_html(chromium: Browser, site: Site) -> None:
    evil = '<img src=x onerror="window.broken=1"><b>bold</b>'
    bars = Bars(title=evil, caption=evil, labels=(evil,), values=np.ones(1, "f4"))
    site.show(View(rows=((bars,),), alt=evil))
    try:
        for canvas in opened(chromium, site, width=1280):
            canvas.page.locator("canvas.over").hover(position={"x": 60, "y": 15})
            canvas.page.wait_for_timeout(60)
            assert canvas.tip() == ["1", evil]
            assert canvas.page.locator("h3").inner_text() == evil
            assert canvas.page.locator("figcaption").text_content() == evil
            assert canvas.page.locator("b, img").count() == 0 and canvas.page.evaluate("window.broken") is None
    finally:
        site.show(VIEW)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_fits_a_phone(chromium: Browser, site: Site, scheme: str) -> None:
    for canvas in opened(chromium, site, width=390, ratio=2, scheme=scheme):
        assert canvas.page.evaluate("document.documentElement.scrollWidth") <= 390
        boxes = canvas.page.locator("section.panel, canvas.over").evaluate_all(
            "(all) => all.map((one) => one.getBoundingClientRect().toJSON())"
        )
        assert all(box["left"] >= 0 and box["right"] <= 390 for box in boxes)
        tops = [boxes[i]["top"] for i in range(0, len(boxes), 2)]  # of the panels: each is followed by its canvas
        assert tops == sorted(set(tops))  # one under the other


def test_panels_are_named_for_those_who_do_not_see_them(canvas: Canvas) -> None:
    figure = canvas.page.get_by_role("figure", name="Everything that can be drawn")
    assert figure.count() == 1
    for panel in VIEW.panels:
        assert canvas.over(panel.title).get_attribute("aria-label").startswith(f"{panel.title}.")
        assert canvas.over(panel.title).get_attribute("tabindex") == "0"


def test_dark_pages_get_the_dark_colours_without_a_reload(chromium: Browser, site: Site) -> None:
    for canvas in opened(chromium, site, width=1280, scheme=""):
        x, y, ink = 200.0, 15.0, palette.QUANTITIES["y"]
        assert canvas.pixel("Classes", x, y) == tuple(int(ink.light[i : i + 2], 16) for i in (1, 3, 5))
        canvas.page.evaluate("document.body.style.setProperty('--st-background-color', '#0f1319')")
        canvas.page.evaluate("document.body.style.setProperty('--st-text-color', '#e8ecf1')")
        canvas.page.wait_for_timeout(200)
        assert canvas.pixel("Classes", x, y) == tuple(int(ink.dark[i : i + 2], 16) for i in (1, 3, 5))


def test_what_is_far_below_is_drawn_in_a_quiet_moment_and_at_once_when_near(canvas: Canvas, site: Site) -> None:
    site.show(View(rows=((BARS,),), alt="Before"), "/first")
    site.show(View(rows=((replace(BARS, values=np.array([0.5, 0.25, 0.125], "f4")),),), alt="After"), "/second")
    canvas.page.evaluate("""async () => {
      window.held = [];
      window.requestIdleCallback = (callback) => held.push(callback); // the browser is busy
      const { mount } = await import("/core.js");
      const far = document.createElement("div");
      far.id = "far";
      far.style.marginTop = "5000px";
      document.body.append(far);
      window.far = mount(far, await bytes("/first"));
      await window.far.ready;
      await new Promise((done) => setTimeout(done, 100)); // until it is known to be far
      await window.far.update(await bytes("/second"));
    }""")
    panel = canvas.page.locator("#far section.panel")
    drawn = "(panel) => panel.querySelector('canvas.base').toDataURL()"
    before = panel.evaluate(drawn)
    assert canvas.page.locator("#far figcaption").text_content() == "After"  # who listens hears it at once
    assert canvas.page.evaluate("held.length") == 1
    panel.scroll_into_view_if_needed()
    changed = f"(before) => ({drawn})(document.querySelector('#far section.panel')) !== before"
    canvas.page.wait_for_function(changed, arg=before)
    now = panel.evaluate(drawn)
    canvas.page.evaluate("held.forEach((callback) => callback())")  # the quiet moment finds nothing left to draw
    assert panel.evaluate(drawn) == now
    canvas.page.evaluate("far.destroy(); document.querySelector('#far').remove()")
