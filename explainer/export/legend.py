"""What the colours of a panel mean: a small bar for each scale, below the panel."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap

from explainer.export.drawer import Legends
from explainer.export.theme import Theme
from explainer.panels import plain

ROW_HEIGHT, BAR_WIDTH, BAR_HEIGHT = 0.22, 1.0, 0.07  # inches
TEXT_SIZE = 7.0  # points
LIGHT = LinearSegmentedColormap.from_list("light", ["#000000", "#ffffff"])


def legend_height(legends: Legends) -> float:
    """Inches that the legend wants."""
    return ROW_HEIGHT * (len(legends.scales) + bool(legends.words))


def draw_legend(axes: Axes, legends: Legends, theme: Theme, size: tuple[float, float]) -> None:
    """Draw the legend below ``axes``, whose width and height are ``size`` in inches."""
    width, height = size
    for index, (scale, quantity, belongs_to, is_light) in enumerate(legends.scales):
        middle = -(index + 0.5) * ROW_HEIGHT / height
        colours: Colormap = LIGHT if is_light else theme.colour_map(quantity, scale)
        ends = [format(end, ".3g").replace("-", "−") for end in (scale.low, scale.high)]
        start = 0.06 * len(ends[0]) + 0.06  # inches
        bar = axes.inset_axes((start / width, middle - BAR_HEIGHT / 2 / height, BAR_WIDTH / width, BAR_HEIGHT / height))
        bar.imshow(np.linspace(0, 1, 128)[None], aspect="auto", cmap=colours)
        bar.set_axis_off()
        for x, text in ((0.0, ends[0]), (start + BAR_WIDTH + 0.06, f"{ends[1]}   {plain(belongs_to)}")):
            axes.text(
                x / width,
                middle,
                text,
                size=TEXT_SIZE,
                color=theme.muted,
                va="center",
                parse_math=False,
                transform=axes.transAxes,
            )
    if legends.words:
        axes.text(
            0,
            -0.5 * ROW_HEIGHT / height,
            legends.words,
            size=TEXT_SIZE,
            color=theme.muted,
            va="center",
            parse_math=False,
            transform=axes.transAxes,
        )
