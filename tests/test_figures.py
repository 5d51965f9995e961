"""Views drawn with matplotlib for export."""

import io
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explainer.figures import figure, save
from explainer.palette import BACKGROUND, QUANTITIES, Scheme
from explainer.panels import Flow, Panel, Part, Pixels, Plot, Scale, Series, StackedBars, Strip, Strips, View
from tests.all_views import all_views
from vit_core import ForwardTrace, VisionTransformer, ViTConfig


@pytest.fixture(scope="module")
def views(tiny_config: ViTConfig, tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> dict[str, View]:
    size = tiny_config.image_size
    pixels: Pixels = np.random.default_rng(2).integers(0, 256, (size, size, 3), dtype=np.uint8)
    return {name: make() for name, make in all_views(tiny_model, tiny_trace, pixels, 2, 3, 6).items()}


def test_every_panel_has_axes_of_its_own_inside_the_figure(views: dict[str, View]) -> None:
    for name, view in views.items():
        made = figure(view)
        assert len(made.axes) == len(view.panels), name
        for axes in made.axes:
            x0, y0, x1, y1 = axes.get_position(original=True).extents
            assert 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1, name


def test_panels_of_a_figure_do_not_overlap(views: dict[str, View]) -> None:
    for name, view in views.items():
        boxes = iter(axes.get_position(original=True) for axes in figure(view).axes)
        rows = [[next(boxes) for _ in row] for row in view.rows]
        assert all(left.x1 < right.x0 for row in rows for left, right in pairwise(row)), name
        assert all(min(b.y0 for b in upper) > max(b.y1 for b in lower) for upper, lower in pairwise(rows)), name


def test_a_flow_has_a_small_picture_for_every_thumbnail(views: dict[str, View]) -> None:
    view = views["overview.pipeline"]
    (flow,) = view.panels
    assert isinstance(flow, Flow)
    (axes,) = figure(view).axes
    assert len(axes.child_axes) == sum(len(node.thumbnails) for node in flow.nodes)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_becomes_a_png_on_the_page_s_background(views: dict[str, View], scheme: Scheme) -> None:
    background = tuple(int(BACKGROUND[scheme][i : i + 2], 16) for i in (1, 3, 5))
    for name, view in views.items():
        buffer = io.BytesIO()
        save(view, buffer, "png", scheme, dots_per_inch=40)
        picture = Image.open(buffer)
        assert picture.info["Description"] == view.alt, name
        drawn = np.asarray(picture.convert("RGB"))
        assert tuple(drawn[0, 0]) == background, name
        assert (drawn != background).any(axis=2).mean() > 0.02, name  # something is on it


def test_svg_is_well_formed_and_says_what_it_shows(views: dict[str, View], tmp_path: Path) -> None:
    for name in ("attention.heads", "overview.pipeline", "lens.logit_lens"):
        save(views[name], tmp_path / "view.svg", "svg")
        text = (tmp_path / "view.svg").read_text(encoding="utf-8")
        assert ElementTree.fromstring(text).tag.endswith("svg"), name
        assert views[name].alt in text.replace("&lt;", "<"), name


def test_pdf(views: dict[str, View]) -> None:
    buffer = io.BytesIO()
    save(views["head.top_classes"], buffer, "pdf")
    assert buffer.getvalue().startswith(b"%PDF")


def test_names_of_runs_and_classes_are_drawn_as_they_are() -> None:
    names = (r"$\frac$", "_first", "a$b$c", r"$\badcommand{")
    two = np.array([0.5, 0.25], np.float32)
    panels = (
        Plot(title=names[0], series=tuple(Series(each, two, two) for each in names), x_label=names[0], y_label=""),
        StackedBars(title=names[3], labels=names[:2], parts=tuple(Part(name, two) for name in names), totals=names[2:]),
    )
    view = View((panels,), alt="Names")
    legends = [axes.get_legend() for axes in figure(view).axes]
    assert [[text.get_text().strip() for text in each.get_texts()] for each in legends if each] == [[*names]] * 2
    for file_format in ("png", "svg", "pdf"):
        save(view, io.BytesIO(), file_format)  # type: ignore[arg-type]


def test_an_unknown_format_is_refused(views: dict[str, View]) -> None:
    with pytest.raises(ValueError, match="unknown format 'bmp', known are png, svg, pdf"):
        save(views["head.top_classes"], io.BytesIO(), "bmp")  # type: ignore[arg-type]


def test_a_strip_s_largest_value_has_the_colour_at_the_end_of_its_scale() -> None:
    """Read back from the picture: the strip fills a part of it, and half of the strip is in the full colour."""
    values = np.array([0.0, 1.0], np.float32)
    view = View(((Strips(title="t", strips=(Strip("z", values, Scale(0, 1), "z"),)),),), "Two values, 0 and 1.")
    buffer = io.BytesIO()
    save(view, buffer, dots_per_inch=80)
    drawn = np.asarray(Image.open(buffer).convert("RGB")).reshape(-1, 3)
    full = tuple(int(QUANTITIES["z"].light[i : i + 2], 16) for i in (1, 3, 5))
    assert (drawn == full).all(axis=1).mean() > 0.01


def test_threads_draw_the_same_picture(views: dict[str, View]) -> None:
    def png(name: str) -> bytes:
        buffer = io.BytesIO()
        save(views[name], buffer, dots_per_inch=40)
        return buffer.getvalue()

    names = ["attention.heads", "mlp.activations", "lens.logit_lens", "head.logit_terms"] * 2
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(png, names)) == [png(name) for name in names]


def test_an_unknown_panel_is_refused() -> None:
    class Hologram(Panel):
        pass

    with pytest.raises(TypeError, match="cannot draw a Hologram"):
        figure(View(((Hologram(title="t"),),), "A hologram."))
