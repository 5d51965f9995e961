"""Every kind of panel with how Matplotlib draws it. A flow draws its thumbnails by the same table."""

from explainer.export.charts import BARS, PLOT, STACKED_BARS, STRIPS
from explainer.export.drawer import Drawer
from explainer.export.flow import flow_drawer
from explainer.export.looks import LOOKS
from explainer.export.maps import MATRIX, PICTURE, TILES
from explainer.export.walk import WALK
from explainer.panels import (
    Bars,
    Flow,
    Looks,
    Matrix,
    Panel,
    Picture,
    Plot,
    StackedBars,
    Strips,
    Tiles,
    Walk,
)


def drawer_of(panel: Panel) -> Drawer:
    """How a panel is drawn.

    Raises:
        TypeError: if its kind is not in ``DRAWERS``.
    """
    if type(panel) not in DRAWERS:
        raise TypeError(f"cannot draw a {type(panel).__name__}")
    return DRAWERS[type(panel)]


DRAWERS: dict[type[Panel], Drawer] = {
    Picture: PICTURE,
    Matrix: MATRIX,
    Tiles: TILES,
    Looks: LOOKS,
    Strips: STRIPS,
    Bars: BARS,
    StackedBars: STACKED_BARS,
    Plot: PLOT,
    Flow: flow_drawer(drawer_of),
    Walk: WALK,
}
