"""What drawings of panels share: text without mathematics, room for labels, axes without a frame."""

from collections.abc import Iterable
from typing import Any

from matplotlib.axes import Axes

from explainer.export.theme import Theme
from explainer.panels import plain

CSS_PIXELS_PER_INCH = 96
PICTURE_INCHES = 3.6  # the largest a picture grows
SMALL, TINY = 8.0, 6.5  # points


def hide_frame(axes: Axes) -> None:
    """No spines, no ticks."""
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])


def write(axes: Axes, x: float, y: float, text: str, theme: Theme, **style: Any) -> None:
    """Text as it is, small and muted unless ``style`` says otherwise."""
    options: dict[str, Any] = {"color": theme.muted, "size": TINY, "parse_math": False} | style
    axes.text(x, y, plain(text), **options)


def inches_of(axes: Axes) -> tuple[float, float]:
    """Width and height of the axes."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    box = axes.get_position(original=True)
    width, height = figure.get_size_inches()
    return float(box.width * width), float(box.height * height)


def text_width(texts: Iterable[str]) -> float:
    """Inches that the longest of these labels needs, about."""
    return 0.12 + 0.068 * max((len(text) for text in texts), default=0)
