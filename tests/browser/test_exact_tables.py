"""What Table and CSV print are the model's numbers, to the last printed digit, in panels of every kind.

Large arrays travel in 255 steps. In the app their own values are fetched for the table; a page from a file has only the
steps, and prints the digits that these leave.
"""

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.server import Server
from explainer.app import session
from explainer.packing import QUANTISED_ABOVE, digest, exact_bytes, pack
from explainer.panels import Looks, Matrix, Part, Picture, Plot, Scale, Series, StackedBars, Strip, Strips, Tiles, View
from tests.browser.panel_menu import choose, kept, offered
from tests.browser.test_canvas import Canvas, Site, canvas

__all__ = ["canvas"]  # a fixture
pytestmark = pytest.mark.browser

RANDOM = np.random.default_rng(5)
MANY = QUANTISED_ABOVE + 104  # numbers: more than travel as they are
SCALE = Scale(-3.0, 3.0, diverging=True)
TOKEN = 6


def values(*shape: int) -> NDArray[np.float32]:
    """Numbers of very different sizes, as in a trained model."""
    return (RANDOM.standard_normal(shape) * 10 ** RANDOM.uniform(-5, 1, shape)).astype(np.float32)


A = RANDOM.dirichlet(np.full(65, 0.1), (1, 2, 65)).astype(np.float32)
PIXELS = RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8)
OVERLAY, ROWS, MAPS, STRIP, LINE, BAR = (
    values(70, 70),
    A[0, 1],
    values(3, 40, 40),
    values(MANY),
    values(MANY),
    np.abs(values(MANY)),
)
PLACES = np.arange(MANY, dtype=np.float32)
PANELS = {
    "Over": Picture(title="Over", pixels=np.zeros((70, 70, 3), np.uint8), grid_size=70, overlay=OVERLAY, scale=SCALE),
    "Rows": Matrix(title="Rows", values=ROWS, scale=Scale(0, 1), row_axis="tokens (query)", column_axis="tokens (key)"),
    "Maps": Tiles(title="Maps", values=MAPS, scales=(SCALE,), columns=3),
    "Strip": Strips(title="Strip", strips=(Strip("x", STRIP, SCALE),)),
    "Line": Plot(title="Line", series=(Series("z", PLACES, LINE),), x_label="place", y_label="z"),
    "Bars": StackedBars(
        title="Bars", labels=tuple(map(str, range(MANY))), parts=(Part("part", BAR, "z"),), format=".3g"
    ),
    "Looks": Looks(
        title="Looks", quantity="A", pixels=PIXELS, grid_size=8, weights=A, layers=(1,), layer=1, head=1, token=TOKEN
    ),
}
GIVEN = np.stack([A[0, :, TOKEN], A[0, :, :, TOKEN]], axis=-1)  # [heads, tokens, row and column]
WANTED: dict[str, NDArray[np.float32]] = {
    "Over": OVERLAY,
    "Rows": ROWS,
    "Maps": MAPS,
    "Strip": STRIP,
    "Line": LINE,
    "Bars": BAR,
    "Looks": GIVEN,
}
COLUMNS = {
    "Over": slice(3, 4),
    "Rows": slice(1, None),
    "Maps": slice(3, 4),
    "Strip": slice(1, None),
    "Line": slice(2, 3),
    "Bars": slice(1, 2),
    "Looks": slice(4, 6),
}


class ExactSite(Site):
    """A page that can ask for the values of an array, as the app's can."""

    def show(self, view: View, path: str = "/view") -> None:
        page = self.files["/"].decode()
        if "loadExact" not in page:
            ask = 'loadExact: (name, token) => bytes("/exact/" + name + (token == null ? "" : "?token=" + token)), '
            self.files["/"] = page.replace("scheme: window.scheme", ask + "scheme: window.scheme").encode()
        self.files[path] = pack(view, keep=self.keep, offer=self.offer)

    def offer(self, array: NDArray[Any]) -> str:
        name = digest(array.tobytes())
        for token in range(array.shape[-1]) if array.ndim == 4 else (None,):
            query = "" if token is None else f"?token={token}"
            self.files[f"/exact/{name}{query}"] = exact_bytes(array, token)
        return name


@pytest.fixture(scope="module", params=[ExactSite, Site], ids=["in the app", "in a file"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    site = request.param()
    site.show(View(rows=tuple((panel,) for panel in PANELS.values()), alt="Panels with many numbers"))
    yield site
    site.server.shutdown()
    site.server.server_close()


def saved(canvas: Canvas, title: str) -> list[list[str]]:
    panel = canvas.page.locator('section.panel[data-kind="Looks"]') if title == "Looks" else canvas.panel(title)
    return list(csv.reader(Path(kept(panel, "CSV").path()).read_text("utf-8").splitlines()))


def last_digit(text: str) -> Decimal:
    """What one unit of the last printed digit is worth."""
    return Decimal(1).scaleb(int(Decimal(text).as_tuple().exponent))


@pytest.mark.parametrize("title", PANELS)
def test_the_saved_table_has_the_models_numbers(canvas: Canvas, site: Site, title: str) -> None:
    head, *rows = saved(canvas, title)
    printed = [text for row in rows for text in row[COLUMNS[title]]]
    wanted = WANTED[title].reshape(-1)
    assert len(printed) == wanted.size
    if isinstance(site, ExactSite):
        assert np.array_equal(np.array(printed, dtype="f4"), wanted)  # the same float32
        assert "rounded" not in head[0]
        if title == "Rows":  # "Every row sums to 1", of the printed numbers: 65 of them, each rounded to 24 bits
            sums = np.array(printed, dtype="f8").reshape(65, 65).sum(axis=1)
            assert np.abs(sums - 1).max() <= 65 * 2.0**-24
    else:
        for text, value in zip(printed, wanted.tolist(), strict=True):
            # A float32 of the ends of the steps is off by its own rounding, too.
            room = last_digit(text) * Decimal("1.0001")
            assert abs(Decimal(text) - Decimal(value)) <= room, (text, value)
        assert head[0].endswith("(rounded: the last digit may be off by 1)")


@pytest.mark.parametrize("title", ["Rows", "Maps"])
def test_arrays_are_offered_where_they_are_the_models(canvas: Canvas, site: Site, title: str) -> None:
    names = offered(canvas.panel(title))
    assert (".npy" in names, ".safetensors" in names) == (isinstance(site, ExactSite),) * 2
    assert "SVG" not in names and "PDF" not in names  # nobody draws them here


def test_the_table_that_is_read_says_where_its_numbers_are_rounded(canvas: Canvas, site: Site) -> None:
    choose(canvas.panel("Rows"), "Table")
    dialog = canvas.page.get_by_role("dialog", name="Rows")
    dialog.wait_for()
    first = dialog.locator("tbody tr").first.locator("td").all_inner_texts()
    is_exact = isinstance(site, ExactSite)
    assert ("only digits that are sure" in dialog.inner_text()) is not is_exact
    for text, value in zip(first, ROWS[0, : len(first)].tolist(), strict=True):
        assert (
            np.float32(text) == np.float32(value)
            if is_exact
            else abs(Decimal(text) - Decimal(value)) <= last_digit(text)
        )


def test_the_pointer_reads_what_is_true_within_what_it_says(canvas: Canvas) -> None:
    box = canvas.over("Rows").bounding_box()
    for share in np.linspace(0.2, 0.8, 25):
        lines = canvas.hover("Rows", box["width"] * 0.2, box["height"] * share)
        if len(lines) < 3:
            continue
        row, column = (
            int(line.split("token ")[1].split(" ")[0]) if "token " in line and "class" not in line else 0
            for line in lines[1:3]
        )
        value, _, off = lines[0].replace("−", "-").partition(" ± ")
        assert abs(float(value) - float(ROWS[row, column])) <= float(off or 0) + 1e-9, lines


def test_a_table_of_the_app_has_the_traces_weights(shared_server: Server, open_reader: Any) -> None:
    reader = open_reader(shared_server)
    reader.open("attention?picture=cat&layer=3&head=2")
    page = reader.page
    panel = page.locator("section.panel").filter(has=page.get_by_role("heading", name="A = softmax"))
    panel.first.scroll_into_view_if_needed()
    _, *rows = csv.reader(Path(kept(panel.first, "CSV").path()).read_text("utf-8").splitlines())
    weights = session.trace("embedded", "cat").attention(3)[1].numpy()
    assert np.array_equal(np.array([row[1:] for row in rows], dtype="f4"), weights)
    assert reader.errors == []
