"""A view as a matplotlib figure, for export: PNG, SVG, PDF. What reacts to the mouse is drawn in the browser instead.

Only ``matplotlib.figure.Figure`` is used, never pyplot. Several threads may save figures: Matplotlib's own caches of
letters are not made for that, so they do it one after the other.
"""

import threading
from dataclasses import replace
from os import PathLike
from textwrap import shorten, wrap
from typing import IO, Any, Literal, get_args

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from explainer.export.drawers import drawer_of
from explainer.export.legend import draw_legend, legend_height
from explainer.export.theme import Theme
from explainer.palette import Scheme
from explainer.panels import Panel, View, plain

_drawing = threading.Lock()

Format = Literal["png", "svg", "pdf"]

WIDTH, MARGIN, GAP = 11.0, 0.35, 0.45  # inches
LEAST_WIDTH = 5.5  # of a panel alone
TITLE_HEIGHT, LINE_HEIGHT = 0.34, 0.165
TITLE_SIZE, CAPTION_SIZE = 10.5, 8.0  # points
TITLE_CHARACTERS, CAPTION_CHARACTERS = 11.0, 15.0  # per inch


def figure(view: View, scheme: Scheme = "light", alone: int | None = None) -> Figure:
    """All panels of ``view``, each in axes of its own, row by row; or one of them, by its number from 0, alone."""
    theme = Theme(scheme)
    widths = [_panel_widths(row) for row in view.rows]
    if alone is not None:
        own = [width for row in widths for width in row][alone]
        view, widths = replace(view, rows=((view.panels[alone],),)), [[max(LEAST_WIDTH - 2 * MARGIN, own)]]
    bodies = [
        max(_height(panel, width) for panel, width in zip(row, of_row, strict=True))
        for row, of_row in zip(view.rows, widths, strict=True)
    ]
    below = [
        max(_room_below(panel, width) for panel, width in zip(row, of_row, strict=True))
        for row, of_row in zip(view.rows, widths, strict=True)
    ]
    height = 2 * MARGIN + sum(bodies) + sum(below) + len(bodies) * TITLE_HEIGHT + (len(bodies) - 1) * GAP
    whole = WIDTH if alone is None else widths[0][0] + 2 * MARGIN
    result = Figure(figsize=(whole, height), facecolor=theme.background)
    FigureCanvasAgg(result)
    top = height - MARGIN
    for row, of_row, body, room in zip(view.rows, widths, bodies, below, strict=True):
        left = MARGIN
        for panel, width in zip(row, of_row, strict=True):
            _place(result, panel, theme, left, top, width)
            left += width + GAP
        top -= TITLE_HEIGHT + body + room + GAP
    return result


def save(
    view: View,
    destination: str | PathLike[str] | IO[bytes],
    file_format: Format = "png",
    scheme: Scheme = "light",
    dots_per_inch: int = 160,
    alone: int | None = None,
) -> None:
    """Write ``view``, or the panel of it with this number, as a picture file; the metadata have the alternative text.

    Raises:
        ValueError: if the format is not one of png, svg, pdf.
    """
    if file_format not in get_args(Format):
        raise ValueError(f"unknown format {file_format!r}, known are {', '.join(get_args(Format))}")
    key, undated = {
        "png": ("Description", {}),
        "svg": ("Description", {"Date": None}),
        "pdf": ("Subject", {"CreationDate": None}),
    }[file_format]
    metadata: dict[str, Any] = {key: view.alt, **undated}
    with _drawing, rc_context({"svg.hashsalt": "vit-explainer"}):  # else every SVG has other names inside
        made = figure(view, scheme, alone)
        room: dict[str, Any] = {} if alone is None else {"bbox_inches": "tight", "pad_inches": MARGIN}
        made.savefig(destination, format=file_format, dpi=dots_per_inch, metadata=metadata, **room)


def _height(panel: Panel, width: float) -> float:
    drawer = drawer_of(panel)
    return drawer.height(panel, width - sum(drawer.margins(panel)))


def _room_below(panel: Panel, width: float) -> float:
    """Inches between the axes and the next title: the numbers of an axis, the caption, air."""
    return _explained(panel) + len(_lines(panel.caption, width)) * LINE_HEIGHT + 0.2


def _explained(panel: Panel) -> float:
    """Inches below the axes for the numbers of an axis or the legend of the colours."""
    drawer = drawer_of(panel)
    return drawer.axis_height + legend_height(drawer.legends(panel))


def _panel_widths(row: tuple[Panel, ...]) -> list[float]:
    free = WIDTH - 2 * MARGIN - (len(row) - 1) * GAP
    return [free * panel.weight / sum(each.weight for each in row) for panel in row]


def _lines(caption: str, width: float) -> list[str]:
    return wrap(plain(caption), max(12, int(width * CAPTION_CHARACTERS)))


def _place(result: Figure, panel: Panel, theme: Theme, left: float, top: float, width: float) -> None:
    """Title, axes and caption of one panel, ``left`` and ``top`` in inches from the lower left corner."""
    whole_width, whole_height = result.get_size_inches()
    drawer = drawer_of(panel)
    room_left, room_right = drawer.margins(panel)
    height = _height(panel, width)
    bottom, inner = top - TITLE_HEIGHT - height, width - room_left - room_right
    place = ((left + room_left) / whole_width, bottom / whole_height, inner / whole_width, height / whole_height)
    axes = result.add_axes(place, label=f"panel {len(result.axes)}")
    drawer.draw_into(axes, panel, theme)
    draw_legend(axes, drawer.legends(panel), theme, (drawer.width(panel, inner), height))
    title = shorten(plain(panel.title), max(12, int(width * TITLE_CHARACTERS)), placeholder=" …")
    result.text(
        left / whole_width,
        top / whole_height,
        title,
        size=TITLE_SIZE,
        weight="bold",
        va="top",
        color=theme.colour(panel.quantity),
        parse_math=False,
    )
    below = bottom - _explained(panel) - 0.1
    result.text(
        left / whole_width,
        below / whole_height,
        "\n".join(_lines(panel.caption, width)),
        size=CAPTION_SIZE,
        color=theme.muted,
        va="top",
        linespacing=1.35,
        parse_math=False,
    )
