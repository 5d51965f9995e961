"""How each kind of panel but a flow is drawn with matplotlib, and how high it wants to be."""

from math import ceil
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from explainer.export.looks import GAP_INCHES, draw_looks
from explainer.export.theme import Colours, Theme
from explainer.notation.written_numbers import written, written_shift
from explainer.panels import (
    Bars,
    Looks,
    Matrix,
    Panel,
    Picture,
    Plot,
    StackedBars,
    Strips,
    Tiles,
    plain,
)

CSS_PIXELS_PER_INCH = 96
PICTURE_INCHES = 3.6  # the largest a picture grows
SMALL, TINY = 8.0, 6.5  # points
LABEL_SHARE = 0.16  # of a tile, below it


def body_height(panel: Panel, width: float) -> float:
    """Inches that the panel wants without title and caption, when it is ``width`` inches wide."""
    inner = width - sum(side_room(panel))
    match panel:
        case Picture():
            return min(inner, PICTURE_INCHES)
        case Looks():
            return min((inner - GAP_INCHES) / 2, PICTURE_INCHES)
        case Matrix(values=values, max_height=most):
            return float(np.clip(inner * values.shape[0] / values.shape[1], 0.8, most / CSS_PIXELS_PER_INCH))
        case Tiles():
            pitch = 1 + LABEL_SHARE * _has_labels(panel, inner)
            return ceil(_tile_count(panel) / panel.columns) * _tile_inches(panel, inner) * pitch
        case Strips(strips=strips):
            return 0.34 * len(strips)
        case Bars(labels=labels):
            return 0.28 * len(labels)
        case StackedBars(labels=labels):
            return 0.32 * (len(labels) + 1)
        case Plot(height=height):
            return height / CSS_PIXELS_PER_INCH
    raise TypeError(f"cannot draw a {type(panel).__name__}")


def drawn_width(panel: Panel, inner: float) -> float:
    """Inches that the axes really take of ``inner``: pictures and tiles keep their shape."""
    match panel:
        case Picture():
            return min(inner, PICTURE_INCHES)
        case Looks():
            return min(inner, 2 * PICTURE_INCHES + GAP_INCHES)
        case Tiles():
            return _tile_inches(panel, inner) * panel.columns
    return inner


def side_room(panel: Panel) -> tuple[float, float]:
    """Inches to the left and right of the axes, for labels."""
    match panel:
        case Strips(strips=strips):
            return _text_width([each.operator + " " + each.label for each in strips]), 0.0
        case Bars(labels=labels, before=before):
            return _text_width(labels), 0.45 if before is None else 0.8
        case StackedBars(labels=labels, totals=totals):
            return _text_width(labels), _text_width(totals)
        case Plot():
            return 0.55, 0.1
        case Matrix(row_names=names):
            return 0.22 + (_text_width(names) if names else 0.0), 0.0
    return 0.0, 0.0


def draw(axes: Axes, panel: Panel, theme: Theme) -> None:
    """Draw ``panel`` into ``axes``."""
    axes.set_facecolor("none")
    if not isinstance(panel, Plot):
        hide_frame(axes)
    match panel:
        case Picture():
            _draw_picture(axes, panel, theme)
        case Looks():
            draw_looks(axes, panel, theme)
        case Matrix():
            _draw_matrix(axes, panel, theme)
        case Tiles():
            _draw_tiles(axes, panel, theme)
        case Strips():
            _draw_strips(axes, panel, theme)
        case Bars():
            _draw_bars(axes, panel, theme)
        case StackedBars():
            _draw_stacked(axes, panel, theme)
        case Plot():
            _draw_plot(axes, panel, theme)
        case _:
            raise TypeError(f"cannot draw a {type(panel).__name__}")


def hide_frame(axes: Axes) -> None:
    """No spines, no ticks."""
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])


def _draw_picture(axes: Axes, panel: Picture, theme: Theme) -> None:
    colours = panel.pixels / 255.0
    if panel.overlay is not None and panel.scale is not None:
        colours = theme.overlaid(panel.pixels, panel.overlay, panel.scale, panel.quantity, panel.mode, panel.smooth)
    axes.imshow(colours, extent=(0, 1, 0, 1), interpolation="nearest")
    axes.set(xlim=(0, 1), ylim=(0, 1), anchor="NW", aspect="equal")
    if panel.grid_size:
        lines = np.arange(1, panel.grid_size) / panel.grid_size
        axes.vlines(lines, 0, 1, color="white", linewidth=0.4, alpha=0.55)
        axes.hlines(lines, 0, 1, color="white", linewidth=0.4, alpha=0.55)
        if panel.token:
            _outline(axes, panel.token, panel.grid_size, theme)
        for token in panel.marked:
            _outline(axes, token, panel.grid_size, theme, "y", linestyle=(0, (2, 2)), linewidth=1.0)


def _draw_matrix(axes: Axes, panel: Matrix, theme: Theme) -> None:
    rows, columns = panel.values.shape
    axes.imshow(
        theme.paint(panel.values, panel.scale, panel.quantity),
        aspect="auto",
        interpolation="nearest",
        extent=(0, columns, rows, 0),
    )
    if panel.row is not None:
        axes.add_patch(Rectangle((0, panel.row), columns, 1, fill=False, edgecolor=theme.ink, linewidth=1))
    if panel.column is not None:
        axes.add_patch(Rectangle((panel.column, 0), 1, rows, fill=False, edgecolor=theme.ink, linewidth=1))
    for row, name in enumerate(panel.row_names):
        _text(axes, -0.01, row + 0.5, name, theme, ha="right", va="center", transform=axes.get_yaxis_transform())
    for column, name in enumerate(panel.column_names):
        _text(axes, column + 0.5, 1.01, name, theme, ha="center", va="bottom", transform=axes.get_xaxis_transform())
    beside = -0.01 if not panel.row_names else -_text_width(panel.row_names) / max(0.1, _inches(axes)[0])
    above = 1.07 if panel.column_names else 1.01
    _text(axes, beside, 0.5, panel.row_axis, theme, rotation=90, ha="right", va="center", transform=axes.transAxes)
    _text(axes, 1.0, above, panel.column_axis, theme, ha="right", va="bottom", transform=axes.transAxes)


def _draw_tiles(axes: Axes, panel: Tiles, theme: Theme) -> None:
    count = _tile_count(panel)
    rows = ceil(count / panel.columns)
    with_labels = _has_labels(panel, _inches(axes)[0])
    pitch = 1 + LABEL_SHARE * with_labels
    for index in range(count):
        row, column = divmod(index, panel.columns)
        top = row * pitch
        box = (column + 0.04, column + 0.96, top + 0.96, top + 0.04)
        axes.imshow(_tile(panel, index, theme), extent=box, interpolation="nearest", aspect="auto")
        if with_labels:
            middle = top + 0.96 + LABEL_SHARE / 2
            _text(axes, column + 0.5, middle, panel.labels[index], theme, ha="center", va="center")
        if index in (panel.crossed or ()):
            axes.add_patch(
                Rectangle((box[0], box[3]), box[1] - box[0], box[2] - box[3], color=theme.background, alpha=0.72)
            )
            for ends in ((box[2], box[3]), (box[3], box[2])):
                axes.plot(box[:2], ends, color=theme.ink, linewidth=1.4)
        if index == panel.selected:
            axes.add_patch(
                Rectangle(
                    (box[0], box[3]), box[1] - box[0], box[2] - box[3], fill=False, linewidth=1.6, edgecolor=theme.ink
                )
            )
        if panel.token and panel.values is not None:
            side = panel.values.shape[1]
            place_row, place_column = divmod(panel.token - 1, side)
            width, height = (box[1] - box[0]) / side, (box[2] - box[3]) / side
            axes.add_patch(
                Rectangle(
                    (box[0] + place_column * width, box[3] + place_row * height),
                    width,
                    height,
                    fill=False,
                    linewidth=0.8,
                    edgecolor=theme.colour("class_token"),
                )
            )
    axes.set(xlim=(0, panel.columns), ylim=(rows * pitch, 0), anchor="NW", aspect="equal")


def _draw_strips(axes: Axes, panel: Strips, theme: Theme) -> None:
    for index, strip in enumerate(panel.strips):
        axes.imshow(
            theme.paint(strip.values[None], strip.scale, strip.quantity),
            aspect="auto",
            extent=(0, 1, index + 0.85, index + 0.15),
            interpolation="nearest",
        )
        _text(
            axes,
            -0.01,
            index + 0.5,
            f"{strip.operator} {strip.label}",
            theme,
            color=theme.colour(strip.quantity),
            size=SMALL,
            ha="right",
            va="center",
        )
    axes.set(xlim=(0, 1), ylim=(len(panel.strips), 0))


def _draw_bars(axes: Axes, panel: Bars, theme: Theme) -> None:
    places, beside = list(range(len(panel.labels))), axes.get_yaxis_transform()
    colour = theme.colour(panel.quantity)
    strengths = [1.0 if panel.selected in (None, place) else 0.55 for place in places]
    before = panel.before
    if before is None:
        axes.barh(places, panel.values, color=[(colour, strength) for strength in strengths], height=0.6)
    else:
        axes.barh([place + 0.1 for place in places], panel.values, color=colour, height=0.36)
        axes.barh([place - 0.2 for place in places], before, color=(colour, 0.3), height=0.22)
    drawn = panel.values if before is None else np.concatenate([panel.values, before])
    low = min(0.0, float(drawn.min())) if panel.low is None else panel.low
    high = max(0.0, float(drawn.max())) if panel.high is None else panel.high
    axes.set(xlim=(low, high if high > low else low + 1), ylim=(len(places) - 0.5, -0.5))
    for place, label, value in zip(places, panel.labels, panel.values, strict=True):
        _text(axes, -0.01, place, label, theme, size=SMALL, ha="right", va="center", transform=beside)
        text, end = written(value, panel.format), float(value)
        if before is not None:
            text, end = f"{text}  {written_shift(value - before[place], panel.format)}", max(end, float(before[place]))
        _text(axes, max(end, 0.0), place, f" {text}", theme, size=SMALL, va="center")
    axes.axvline(0, color=theme.muted, linewidth=0.6)


def _draw_stacked(axes: Axes, panel: StackedBars, theme: Theme) -> None:
    places, left, beside = list(range(len(panel.labels))), np.zeros(len(panel.labels)), axes.get_yaxis_transform()
    for part in panel.parts:
        axes.barh(
            places,
            part.values,
            left=left,
            color=theme.colour(part.quantity),
            height=0.68,
            label=_label(part.label),
            edgecolor=theme.background,
            linewidth=0.8,
        )
        for place, start, value in zip(places, left, part.values, strict=True):
            if value > 0.07 * (1.0 if panel.share else float(left.max() + value)):
                _text(
                    axes,
                    start + value / 2,
                    place,
                    written(value, panel.format),
                    theme,
                    size=TINY,
                    ha="center",
                    va="center",
                    color=theme.background,
                )
        left = left + part.values
    axes.set(xlim=(0, 1 if panel.share else float(left.max())), ylim=(len(places) - 0.5, -1.5))
    for place, label, total in zip(places, panel.labels, panel.totals or [""] * len(places), strict=True):
        _text(axes, -0.01, place, label, theme, size=SMALL, ha="right", va="center", transform=beside)
        _text(axes, 1.01, place, total, theme, size=SMALL, va="center", transform=beside)
    _draw_legend(
        axes,
        loc="upper left",
        ncols=len(panel.parts),
        fontsize=TINY + 1,
        labelcolor=theme.ink,
        borderpad=0,
        handlelength=1.0,
        borderaxespad=0,
    )


def _draw_plot(axes: Axes, panel: Plot, theme: Theme) -> None:
    for series in panel.series:
        colour = theme.colour(series.quantity)
        if series.style == "points":
            axes.plot(series.x, series.y, "o", color=colour, markersize=3.5, alpha=0.7, label=_label(series.label))
        else:
            axes.plot(
                series.x,
                series.y,
                color=colour,
                linewidth=1.6,
                label=_label(series.label),
                drawstyle="steps-mid" if series.style == "steps" else "default",
            )
    if panel.selected_x is not None:
        axes.axvline(panel.selected_x, color=theme.muted, linewidth=0.8, linestyle=(0, (3, 3)))
    axes.set(ylim=(panel.low, panel.high), xlim=(panel.start, None))  # None leaves an end as it is
    axes.spines[:].set_visible(False)
    axes.locator_params(nbins=8)
    axes.tick_params(colors=theme.muted, labelsize=SMALL, length=2)
    axes.grid(color=theme.muted, alpha=0.18, linewidth=0.5)
    axes.set_xlabel(panel.x_label, color=theme.muted, fontsize=SMALL, parse_math=False)
    axes.set_ylabel(panel.y_label, color=theme.muted, fontsize=SMALL, parse_math=False)
    _draw_legend(axes, fontsize=SMALL, labelcolor=theme.ink)


def _tile_count(panel: Tiles) -> int:
    tiles = panel.values if panel.values is not None else panel.pixels
    assert tiles is not None
    return len(tiles)


def _has_labels(panel: Tiles, width: float) -> bool:
    """Whether there are labels and the tiles are wide enough for them."""
    return 0 < max(map(len, panel.labels), default=0) * 0.055 <= _tile_inches(panel, width)


def _tile_inches(panel: Tiles, width: float) -> float:
    return min(width / panel.columns, panel.tile_size / CSS_PIXELS_PER_INCH)


def _tile(panel: Tiles, index: int, theme: Theme) -> Colours:
    """One tile as colours: a picture, values alone, or values over the backdrop."""
    if panel.values is None:
        assert panel.pixels is not None
        return panel.pixels[index] / 255.0
    scale = panel.scales[index if len(panel.scales) > 1 else 0]
    if panel.backdrop is None:
        return theme.paint(panel.values[index], scale, panel.quantity)
    return theme.overlaid(panel.backdrop, panel.values[index], scale, panel.quantity)


def _outline(axes: Axes, token: int, grid_size: int, theme: Theme, quantity: str = "class_token", **style: Any) -> None:
    row, column = divmod(token - 1, grid_size)
    options: dict[str, Any] = {"linewidth": 1.8, "edgecolor": theme.colour(quantity)} | style
    axes.add_patch(
        Rectangle((column / grid_size, 1 - (row + 1) / grid_size), 1 / grid_size, 1 / grid_size, fill=False, **options)
    )


def _text(axes: Axes, x: float, y: float, text: str, theme: Theme, **style: Any) -> None:
    options: dict[str, Any] = {"color": theme.muted, "size": TINY, "parse_math": False} | style
    axes.text(x, y, plain(text), **options)


def _inches(axes: Axes) -> tuple[float, float]:
    figure = axes.get_figure(root=True)
    assert figure is not None
    box = axes.get_position(original=True)
    width, height = figure.get_size_inches()
    return float(box.width * width), float(box.height * height)


def _text_width(texts: Any) -> float:
    """Inches that the longest of these labels needs, about."""
    return 0.12 + 0.068 * max((len(text) for text in texts), default=0)


def _label(text: str) -> str:
    """A legend leaves out what begins with an underscore."""
    return f" {plain(text)}" if text.startswith("_") else plain(text)


def _draw_legend(axes: Axes, **options: Any) -> None:
    """A run or a class may have dollar signs in its name: no mathematics in it."""
    for text in axes.legend(frameon=False, **options).get_texts():
        text.set_parse_math(False)
