"""How Matplotlib draws one kind of panel, and what its colours mean: the form of the records in ``drawers.DRAWERS``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from matplotlib.axes import Axes

from explainer.export.drawing import hide_frame
from explainer.export.theme import Theme
from explainer.panels import Panel, Scale


class Legend(NamedTuple):
    """A scale whose colours are explained below the panel."""

    scale: Scale
    quantity: str
    belongs_to: str = ""
    is_light: bool = False  # from black to white


class Legends(NamedTuple):
    """The scales of a panel, or the words that stand for too many of them."""

    scales: tuple[Legend, ...] = ()
    words: str = ""


def _no_margins(panel: Panel) -> tuple[float, float]:
    return 0.0, 0.0


def _whole_width(panel: Panel, inner: float) -> float:
    return inner


def _no_legends(panel: Panel) -> Legends:
    return Legends()


@dataclass(frozen=True, kw_only=True)
class Drawer:
    """How a kind of panel is drawn; every function takes a panel of that kind. Sizes are in inches.

    ``inner`` is the width between the margins.
    """

    draw: Callable[[Axes, Any, Theme], None]
    height: Callable[[Any, float], float]  # panel, inner -> without title and caption
    width: Callable[[Any, float], float] = _whole_width  # panel, inner -> what the axes take of it
    margins: Callable[[Any], tuple[float, float]] = _no_margins  # left and right of the axes, for labels
    legends: Callable[[Any], Legends] = _no_legends
    axis_height: float = 0.0  # below the axes, for the numbers of an axis
    has_frame: bool = False  # whether the axes keep their ticks
    thumbnail: tuple[float, float] = (0.0, 1.0)  # start and width of the axes, as shares of a thumbnail's room

    def draw_into(self, axes: Axes, panel: Panel, theme: Theme) -> None:
        """Draw the panel into axes that show nothing yet."""
        axes.set_facecolor("none")
        if not self.has_frame:
            hide_frame(axes)
        self.draw(axes, panel, theme)
