"""How pictures, matrices and tiles are drawn with Matplotlib."""

from math import ceil
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from explainer.export.drawer import Drawer, Legend, Legends
from explainer.export.drawing import CSS_PIXELS_PER_INCH, PICTURE_INCHES, inches_of, text_width, write
from explainer.export.theme import Colours, Theme
from explainer.panels import Matrix, Picture, Tiles

LABEL_SHARE = 0.16  # of a tile, below it


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


def _picture_legends(panel: Picture) -> Legends:
    if panel.overlay is None or panel.scale is None:
        return Legends()
    return Legends((Legend(panel.scale, panel.quantity, is_light=panel.mode == "spotlight"),))


def _outline(axes: Axes, token: int, grid_size: int, theme: Theme, quantity: str = "class_token", **style: Any) -> None:
    row, column = divmod(token - 1, grid_size)
    options: dict[str, Any] = {"linewidth": 1.8, "edgecolor": theme.colour(quantity)} | style
    axes.add_patch(
        Rectangle((column / grid_size, 1 - (row + 1) / grid_size), 1 / grid_size, 1 / grid_size, fill=False, **options)
    )


PICTURE = Drawer(
    draw=_draw_picture,
    height=lambda panel, inner: min(inner, PICTURE_INCHES),
    width=lambda panel, inner: min(inner, PICTURE_INCHES),
    legends=_picture_legends,
)


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
        write(axes, -0.01, row + 0.5, name, theme, ha="right", va="center", transform=axes.get_yaxis_transform())
    for column, name in enumerate(panel.column_names):
        write(axes, column + 0.5, 1.01, name, theme, ha="center", va="bottom", transform=axes.get_xaxis_transform())
    beside = -0.01 if not panel.row_names else -text_width(panel.row_names) / max(0.1, inches_of(axes)[0])
    above = 1.07 if panel.column_names else 1.01
    write(axes, beside, 0.5, panel.row_axis, theme, rotation=90, ha="right", va="center", transform=axes.transAxes)
    write(axes, 1.0, above, panel.column_axis, theme, ha="right", va="bottom", transform=axes.transAxes)


def _matrix_height(panel: Matrix, inner: float) -> float:
    rows, columns = panel.values.shape
    return float(np.clip(inner * rows / columns, 0.8, panel.max_height / CSS_PIXELS_PER_INCH))


MATRIX = Drawer(
    draw=_draw_matrix,
    height=_matrix_height,
    margins=lambda panel: (0.22 + (text_width(panel.row_names) if panel.row_names else 0.0), 0.0),
    legends=lambda panel: Legends((Legend(panel.scale, panel.quantity),)),
)


def _draw_tiles(axes: Axes, panel: Tiles, theme: Theme) -> None:
    count = _tile_count(panel)
    rows = ceil(count / panel.columns)
    with_labels = _has_labels(panel, inches_of(axes)[0])
    pitch = 1 + LABEL_SHARE * with_labels
    for index in range(count):
        row, column = divmod(index, panel.columns)
        top = row * pitch
        box = (column + 0.04, column + 0.96, top + 0.96, top + 0.04)
        axes.imshow(_tile(panel, index, theme), extent=box, interpolation="nearest", aspect="auto")
        if with_labels:
            middle = top + 0.96 + LABEL_SHARE / 2
            write(axes, column + 0.5, middle, panel.labels[index], theme, ha="center", va="center")
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


def _tiles_height(panel: Tiles, inner: float) -> float:
    pitch = 1 + LABEL_SHARE * _has_labels(panel, inner)
    return ceil(_tile_count(panel) / panel.columns) * _tile_inches(panel, inner) * pitch


def _tiles_legends(panel: Tiles) -> Legends:
    if panel.values is None:
        return Legends()
    if len(panel.scales) == 1:
        words = "one scale for all" if len(panel.values) > 1 else ""
        return Legends((Legend(panel.scales[0], panel.quantity, words),))
    return Legends(words="every map has its own scale")


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


TILES = Drawer(
    draw=_draw_tiles,
    height=_tiles_height,
    width=lambda panel, inner: _tile_inches(panel, inner) * panel.columns,
    legends=_tiles_legends,
)
