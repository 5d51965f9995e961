"""Charts that several pages of the course draw: curves over epochs, shares, counts, and counts of several kinds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, SupportsFloat

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from explainer.panels import Bars, Part, Pixels, Plot, Series, StackedBars, Values
from explainer.views.arrays import float_values

# Quantities whose colours are told apart best, in the order in which they are used: of lines, and of parts of a bar.
LINE_COLOURS = ("z", "q", "k", "v", "A", "E_pos", "class_token", "mlp", "E")
PART_COLOURS = ("mlp", "k", "E", "A", "v", "class_token", "q", "E_pos")


def curve(label: str, x: Iterable[SupportsFloat], y: Iterable[SupportsFloat], quantity: str) -> Series:
    """A line through the points whose value is a number: the loss of a run that diverged is none."""
    places, values = float_values(x), float_values(y)
    known = np.isfinite(values)
    return Series(label, places[known], values[known], quantity)


def over_epochs(title: str, y_label: str, lines: Iterable[Series], **options: Any) -> Plot:
    """Lines over the epochs of a run; ``options`` are fields of ``Plot``."""
    return Plot(title=title, series=tuple(lines), x_label="epoch", y_label=y_label, **options)


def share_bars(title: str, labels: Sequence[str], values: Values, quantity: str = "y", **options: Any) -> Bars:
    """Shares of a whole as bars from 0 to 1; ``options`` are fields of ``Bars``."""
    defaults: dict[str, Any] = {"format": ".1%", "low": 0.0, "high": 1.0}
    return Bars(title=title, labels=tuple(labels), values=values, quantity=quantity, **(defaults | options))


def count_bars(title: str, labels: Iterable[str], counts: Iterable[int], quantity: str = "y", **options: Any) -> Bars:
    """Whole numbers as bars from 0; ``options`` are fields of ``Bars``."""
    values = float_values(counts)
    return Bars(title=title, labels=tuple(labels), values=values, quantity=quantity, format=",.0f", low=0.0, **options)


def stacked(
    title: str,
    labels: Iterable[str],
    counts: Mapping[str, Iterable[int]],
    colours: Sequence[str] = PART_COLOURS,
    quantity: str = "y",
    **options: Any,
) -> StackedBars:
    """Whole numbers of several kinds, one kind on top of the other in each bar.

    Args:
        title: of the chart.
        labels: of the bars.
        counts: kind -> the number in each bar.
        colours: of the kinds, in their order; begun anew where there are more kinds.
        quantity: of the chart.
        options: other fields of ``StackedBars``.
    """
    parts = tuple(
        Part(kind, float_values(numbers), colours[index % len(colours)])
        for index, (kind, numbers) in enumerate(counts.items())
    )
    return StackedBars(title=title, labels=tuple(labels), parts=parts, quantity=quantity, format=",.0f", **options)


def trailing_mean(values: Iterable[float], width: int) -> NDArray[np.float64]:
    """The mean of each value and those before it, ``width`` in all, fewer at the beginning."""
    sums = np.cumsum([0.0, *values])
    ends = np.arange(1, len(sums))
    starts = np.maximum(0, ends - width)
    return (sums[ends] - sums[starts]) / (ends - starts)


def shrunk(picture: Image.Image, side: int) -> Pixels:
    """The picture with at most ``side`` pixels on its longer side."""
    if max(picture.size) > side:
        picture = picture.copy()
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.array(picture.convert("RGB"))
