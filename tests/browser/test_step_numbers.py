"""What the browser prints and saves of every panel of every step are the model's numbers, to all printed digits.

The browser's own code makes the tables, files and tooltips of the bytes that the app sends: large arrays are rounded,
and their own values come on request. ``tests/test_step_numbers.py`` shows that the views have the model's numbers.
"""

import base64
import csv
import io
import json
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page
from safetensors.numpy import load

from explainer.components import join
from explainer.panels import Bars, Flow, Looks, Matrix, Panel, Picture, Plot, StackedBars, Strips, Tiles
from tests.browser.test_exact_tables import ExactSite, last_digit
from tests.step_views import PICTURES, Array, arrays_of, view_of

pytestmark = pytest.mark.browser

MODULE = join("panels/kinds.js") + (
    "\nexport { readHeader, readView, exactPanel, csvOf, npyOf, safetensorsOf, Paint, readTheme };\n"
)
PAGE = """<!doctype html><html lang="en"><title>numbers</title><link rel="icon" href="data:,">
<script type="module">
import { KINDS, readHeader, readView, exactPanel, csvOf, npyOf, safetensorsOf, Paint, readTheme } from "/kinds.js";
const fetched = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
const loadExact = (name, token) => fetched("/exact/" + name + (token == null ? "" : "?token=" + token));
const text = (blob) => new Promise((done) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result.split(",")[1]);
  reader.readAsDataURL(blob);
});
/** Of a plot's tooltip [value, number of the series, number of the point] for every value in it. */
function plotTips(kind, panel, paint, at, cell) {
  const lines = kind.describe(panel, cell, paint, at).map((line) => line.text ?? line);
  const point = kind.point(panel, at, cell);
  const rows = point ? [point] : kind.linesAt(panel, at.lineXs[cell]);
  const told = ({ series }) => rows.length > 1 ? lines.find((line) => line.endsWith("  " + series.label)) : lines[0];
  return rows.filter(told).map((row) => [told(row).split(/ · |  /)[0], panel.series.indexOf(row.series), row.index]);
}
/** The number that the tooltip of every cell tells, as [text, cell]. */
function tips(kind, panel, paint) {
  if (!kind.layout || !kind.numbers || panel.pixels && !panel.overlay) return [];
  const at = kind.layout(panel, 700, paint);
  const count = {
    Matrix: () => panel.values.data.length, Tiles: () => panel.values.data.length, Bars: () => panel.labels.length,
    Picture: () => panel.grid_size ? panel.overlay.data.length + 1 : panel.pixels.data.length / 3,
    Strips: () => panel.strips.length * at.longest, StackedBars: () => panel.parts.length * panel.labels.length,
    Plot: () => at.lineXs.length + panel.series.reduce((sum, one) => sum + one.x.data.length, 0) }[panel.kind]();
  const isThere = (cell) => ({
    Strips: () => cell % at.longest < panel.strips[Math.floor(cell / at.longest)].values.data.length,
    Plot: () => cell < at.lineXs.length || kind.point(panel, at, cell) }[panel.kind] ?? (() => true))();
  const told = (cell) => panel.kind === "Plot" ? plotTips(kind, panel, paint, at, cell)
    : [[kind.describe(panel, cell, paint, at)[0], cell]];
  return Array.from({ length: count }, (_, cell) => cell).filter(isThere).flatMap(told);
}
window.printed = async (path) => {
  const packed = readHeader(await fetched(path));
  const kept = new Map();
  for (const name of packed.missing) kept.set(name, await fetched("/kept/" + name));
  const view = readView(packed, kept);
  const paint = new Paint(readTheme(document.body, "light"), view, 2);
  return Promise.all(view.rows.flat().map(async (panel) => {
    const kind = KINDS[panel.kind];
    const exact = await exactPanel(panel, loadExact, panel.token);
    const numbers = kind.numbers?.(exact);
    const at = panel.kind === "Bars" ? kind.layout(panel, 700, paint) : {};
    return {
      exact: csvOf(kind.table(exact)),
      rounded: csvOf(kind.table(panel)),
      tips: tips(kind, panel, paint),
      longest: panel.strips ? Math.max(...panel.strips.map((strip) => strip.values.data.length)) : 0,
      bars: at.texts ?? [],
      npy: numbers ? await Promise.all(numbers.map(([, array]) => text(npyOf(array)))) : [],
      safetensors: numbers ? await text(safetensorsOf(numbers, { title: panel.title })) : null,
    };
  }));
};
window.isReady = true;
</script></html>"""


@pytest.fixture(scope="module")
def printed(chromium: Browser) -> Iterator[Any]:
    """What the browser makes of the panels of a step."""
    site = ExactSite()
    site.files |= {"/": PAGE.replace("</html>", "<!-- loadExact --></html>").encode(), "/kinds.js": MODULE.encode()}
    page: Page = chromium.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(site.address)
    page.wait_for_function("() => window.isReady")

    def make(name: str, slug: str) -> list[dict[str, Any]]:
        site.show(view_of(name, slug), f"/{name}/{slug}")
        found: list[dict[str, Any]] = page.evaluate("(path) => window.printed(path)", f"/{name}/{slug}")
        return found

    yield make
    assert not complaints
    page.close()
    site.server.shutdown()
    site.server.server_close()


def numbers_in(panel: Panel, rows: list[list[str]]) -> list[str]:
    """The cells of a table that hold the numbers of ``arrays_of``, in its order."""
    match panel:
        case Matrix():
            return [text for row in rows for text in row[1:]]
        case Tiles(pixels=None):
            return [row[3] for row in rows]
        case Tiles():
            return [text for row in rows for text in row[3:]]
        case Picture(overlay=None):
            return [text for row in rows for text in row[2:]]
        case Picture():
            return [row[3] for row in rows]
        case Strips():
            return [text for row in rows for text in row[1:]]
        case Bars() | StackedBars():
            return [row[column] for column in range(1, len(rows[0])) for row in rows]
        case Plot():
            counts = iter(np.cumsum([len(series.x) for series in panel.series]).tolist())
            parts, start = [], 0
            for end in counts:
                parts += [row[column] for column in (1, 2) for row in rows[start:end]]
                start = end
            return parts
        case Looks():
            return [row[column] for column in (4, 5) for row in rows]
    return []


def flat(arrays: list[Array]) -> NDArray[np.float32]:
    return np.concatenate([each.ravel().astype("f4") for each in arrays]) if arrays else np.zeros(0, "f4")


def check_tip(text: str, value: float) -> None:
    """Four digits of what came as it is; of what was rounded so many as are sure, with how far they may be off."""
    shown, _, off = text.replace("−", "-").replace(",", "").partition(" ± ")
    if off:
        assert abs(Decimal(shown) - Decimal(value)) <= Decimal(off), (text, value)
    elif value == 0:
        assert shown == "0"
    else:
        unit = Decimal(1).scaleb(math.floor(math.log10(abs(value))) - 3)
        is_whole = value == int(value)
        assert abs(Decimal(shown) - Decimal(value)) <= (0 if is_whole else unit / 2), (text, value)


def tip_values(panel: Panel, tips: list[Any], longest: int) -> Iterator[tuple[str, float]]:
    """The texts of tooltips, each with the number that it has to tell."""
    for text, cell, *point in tips:
        match panel:
            case Plot():
                yield text, float(panel.series[cell].y[point[0]])
            case Strips():
                yield text, float(panel.strips[cell // longest].values[cell % longest])
            case Picture(overlay=np.ndarray() as overlay, grid_size=None):
                (height, width), (rows, columns) = panel.pixels.shape[:2], overlay.shape
                yield text, float(overlay[cell // width * rows // height, cell % width * columns // width])
            case Picture(overlay=np.ndarray() as overlay) if cell:
                yield text, float(overlay.ravel()[cell - 1])
            case Picture(class_value=float() as first):
                yield text, first
            case Matrix() | Tiles() | Bars():
                assert panel.values is not None
                yield text, float(panel.values.ravel()[cell])


# What the film tells is compared under the pointer: tests/browser/test_walk.py.
@pytest.mark.parametrize(("page", "slug"), [each for each in PICTURES if each != ("walk", "film")])
def test_every_printed_and_saved_number_is_the_models(page: str, slug: str, printed: Any) -> None:
    panels = view_of(page, slug).panels
    for panel, found in zip(panels, printed(page, slug), strict=True):
        arrays = list(arrays_of(panel))
        wanted = flat(arrays)
        _, *rows = csv.reader(io.StringIO(found["exact"]))
        if isinstance(panel, Flow):
            assert [row[2] for row in rows] == [node.shape for node in panel.nodes]
            continue
        texts = numbers_in(panel, rows)
        assert np.array_equal(np.array(texts, "f4"), wanted), panel.title  # all of the table, the same float32
        digits = [text.partition("e")[0].strip("-0.").replace(".", "") for text in texts]
        assert max(map(len, digits)) <= 9  # of a float32 no more are known

        _, *rows = csv.reader(io.StringIO(found["rounded"]))  # a page from a file has nothing else
        for text, value in zip(numbers_in(panel, rows), wanted.tolist(), strict=True):
            exact = np.float32(text) == np.float32(value)
            # A float32 of the ends of the steps is off by its own rounding, too.
            assert exact or abs(Decimal(text) - Decimal(value)) <= last_digit(text) * Decimal("1.0001"), (text, value)

        files = [np.load(io.BytesIO(base64.b64decode(each))) for each in found["npy"]]
        data = base64.b64decode(found["safetensors"])
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        assert header.pop("__metadata__") == {"title": panel.title}
        named = load(data)
        for array, file, name in zip(arrays, files, header, strict=True):
            for kept in (file, named[name]):
                assert (kept.dtype, kept.shape) == (array.dtype, array.shape), (panel.title, name)
                assert np.array_equal(kept, array), (panel.title, name)

        for text, value in tip_values(panel, found["tips"], found["longest"]):
            check_tip(text, value)
        if isinstance(panel, Bars):
            check_written(found["bars"], panel.values.tolist())
        if isinstance(panel, StackedBars):
            check_written([text for text, _ in found["tips"]], np.stack(arrays).T.ravel().tolist())


def check_written(texts: list[str], values: list[float]) -> None:
    """Numbers with as many digits as their panel writes are right to the last of them."""
    for text, value in zip(texts, values, strict=True):
        shown, share, _ = text.replace("−", "-").replace(",", "").partition(" %")
        if shown[0] in "<>":
            continue
        exact = Decimal(value) * (100 if share else 1)
        assert abs(Decimal(shown) - exact) <= last_digit(shown) / 2 + Decimal("1e-12"), (text, value)
