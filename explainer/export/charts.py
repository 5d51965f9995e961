"""How strips, bars and plots are drawn with Matplotlib."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from explainer.export.drawer import Drawer, Legend, Legends
from explainer.export.drawing import CSS_PIXELS_PER_INCH, SMALL, TINY, text_width, write
from explainer.export.theme import Theme
from explainer.notation.written_numbers import written, written_shift
from explainer.panels import Bars, Plot, Scale, StackedBars, Strips, plain

MOST_SCALES = 3  # of strips, more are put in words


def _draw_strips(axes: Axes, panel: Strips, theme: Theme) -> None:
    for index, strip in enumerate(panel.strips):
        axes.imshow(
            theme.paint(strip.values[None], strip.scale, strip.quantity),
            aspect="auto",
            extent=(0, 1, index + 0.85, index + 0.15),
            interpolation="nearest",
        )
        write(
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


def _strips_legends(panel: Strips) -> Legends:
    labels: dict[tuple[float, float, str], list[str]] = {}
    for strip in panel.strips:
        quantity = "" if strip.scale.diverging else strip.quantity
        labels.setdefault((strip.scale.low, strip.scale.high, quantity), []).append(strip.label)
    if len(labels) > MOST_SCALES:
        together = [" and ".join(names) for names in labels.values() if len(names) > 1]
        shared = f"one scale for {', one for '.join(together)}; every other row has its own"
        return Legends(words=plain(shared) if together else "every row has its own scale")
    return Legends(
        tuple(
            Legend(
                Scale(low, high, diverging=not quantity),
                quantity or panel.quantity,
                ", ".join(names) if len(labels) > 1 else "",
            )
            for (low, high, quantity), names in labels.items()
        )
    )


STRIPS = Drawer(
    draw=_draw_strips,
    height=lambda panel, inner: 0.34 * len(panel.strips),
    margins=lambda panel: (text_width(f"{strip.operator} {strip.label}" for strip in panel.strips), 0.0),
    legends=_strips_legends,
)


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
        write(axes, -0.01, place, label, theme, size=SMALL, ha="right", va="center", transform=beside)
        text, end = written(value, panel.format), float(value)
        if before is not None:
            text, end = f"{text}  {written_shift(value - before[place], panel.format)}", max(end, float(before[place]))
        write(axes, max(end, 0.0), place, f" {text}", theme, size=SMALL, va="center")
    axes.axvline(0, color=theme.muted, linewidth=0.6)


BARS = Drawer(
    draw=_draw_bars,
    height=lambda panel, inner: 0.28 * len(panel.labels),
    margins=lambda panel: (text_width(panel.labels), 0.45 if panel.before is None else 0.8),
    thumbnail=(0.55, 0.25),  # labels and numbers stand beside the bars
)


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
                write(
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
        write(axes, -0.01, place, label, theme, size=SMALL, ha="right", va="center", transform=beside)
        write(axes, 1.01, place, total, theme, size=SMALL, va="center", transform=beside)
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


STACKED_BARS = Drawer(
    draw=_draw_stacked,
    height=lambda panel, inner: 0.32 * (len(panel.labels) + 1),
    margins=lambda panel: (text_width(panel.labels), text_width(panel.totals)),
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


def _label(text: str) -> str:
    """A legend leaves out what begins with an underscore."""
    return f" {plain(text)}" if text.startswith("_") else plain(text)


def _draw_legend(axes: Axes, **options: Any) -> None:
    """A run or a class may have dollar signs in its name: no mathematics in it."""
    for text in axes.legend(frameon=False, **options).get_texts():
        text.set_parse_math(False)


PLOT = Drawer(
    draw=_draw_plot,
    height=lambda panel, inner: panel.height / CSS_PIXELS_PER_INCH,
    margins=lambda panel: (0.55, 0.1),
    axis_height=0.4,
    has_frame=True,
)
