"""What the colours of a panel mean: a small bar for each scale, below the panel."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap

from explainer.export.looks import own_scale, row_and_column
from explainer.export.theme import Theme
from explainer.panels import Looks, Matrix, Panel, Picture, Scale, Strips, Tiles, plain

ROW_HEIGHT, BAR_WIDTH, BAR_HEIGHT = 0.22, 1.0, 0.07  # inches
TEXT_SIZE = 7.0  # points
MOST_SCALES = 3  # more are said in words
LIGHT = LinearSegmentedColormap.from_list("light", ["#000000", "#ffffff"])

Legend = tuple[Scale, str, str]  # the scale, its quantity, what it belongs to


def legend_height(panel: Panel) -> float:
    """Inches that the legend wants."""
    legends, words = _legends(panel)
    return ROW_HEIGHT * (len(legends) + bool(words))


def draw_legend(axes: Axes, panel: Panel, theme: Theme, size: tuple[float, float]) -> None:
    """Draw the legend below ``axes``, whose width and height are ``size`` in inches."""
    width, height = size
    legends, words = _legends(panel)
    for index, (scale, quantity, belongs) in enumerate(legends):
        middle = -(index + 0.5) * ROW_HEIGHT / height
        colours: Colormap = theme.colour_map(quantity, scale)
        if isinstance(panel, Picture) and panel.mode == "spotlight":
            colours = LIGHT
        ends = [format(end, ".3g").replace("-", "−") for end in (scale.low, scale.high)]
        start = 0.06 * len(ends[0]) + 0.06  # inches
        bar = axes.inset_axes((start / width, middle - BAR_HEIGHT / 2 / height, BAR_WIDTH / width, BAR_HEIGHT / height))
        bar.imshow(np.linspace(0, 1, 128)[None], aspect="auto", cmap=colours)
        bar.set_axis_off()
        for x, text in ((0.0, ends[0]), (start + BAR_WIDTH + 0.06, f"{ends[1]}   {plain(belongs)}")):
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
    if words:
        axes.text(
            0,
            -0.5 * ROW_HEIGHT / height,
            words,
            size=TEXT_SIZE,
            color=theme.muted,
            va="center",
            parse_math=False,
            transform=axes.transAxes,
        )


def _legends(panel: Panel) -> tuple[list[Legend], str]:
    """The scales to draw, or the words that stand for too many of them."""
    match panel:
        case Picture(overlay=overlay, scale=Scale() as scale) if overlay is not None:
            return [(scale, panel.quantity, "")], ""
        case Looks():
            words = ("left: where it looks", "right: who looks at it")
            scales = map(own_scale, row_and_column(panel))
            return [(scale, panel.quantity, text) for scale, text in zip(scales, words, strict=True)], ""
        case Matrix(scale=scale):
            return [(scale, panel.quantity, "")], ""
        case Tiles(values=values, scales=scales) if values is not None:
            if len(scales) == 1:
                return [(scales[0], panel.quantity, "one scale for all" if len(values) > 1 else "")], ""
            return [], "every map has its own scale"
        case Strips(strips=strips):
            labels: dict[tuple[float, float, str], list[str]] = {}
            for strip in strips:
                quantity = "" if strip.scale.diverging else strip.quantity
                labels.setdefault((strip.scale.low, strip.scale.high, quantity), []).append(strip.label)
            if len(labels) > MOST_SCALES:
                together = [" and ".join(names) for names in labels.values() if len(names) > 1]
                shared = f"one scale for {', one for '.join(together)}; every other row has its own"
                return [], plain(shared) if together else "every row has its own scale"
            return [
                (
                    Scale(low, high, diverging=not quantity),
                    quantity or panel.quantity,
                    ", ".join(names) if len(labels) > 1 else "",
                )
                for (low, high, quantity), names in labels.items()
            ], ""
    return [], ""
