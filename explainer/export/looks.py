"""What a reader would explore in the browser, as it stands in a file: the chosen token in the chosen head."""

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from explainer.export.drawer import Drawer, Legend, Legends
from explainer.export.drawing import PICTURE_INCHES
from explainer.export.theme import Theme
from explainer.panels import Looks, Scale, Values

GAP_INCHES = 0.4  # between where the token looks and who looks at it


def _draw_looks(axes: Axes, panel: Looks, theme: Theme) -> None:
    """The token's row of A over the picture, and next to it its column, each in its own scale."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    height = axes.get_position(original=True).height * figure.get_size_inches()[1]
    step = 1 + GAP_INCHES / height
    row, column = divmod(panel.token - 1, panel.grid_size)
    side = 1 / panel.grid_size
    for start, values in zip((0.0, step), _row_and_column(panel), strict=True):
        colours = theme.overlaid(panel.pixels, values, _own_scale(values), panel.quantity)
        axes.imshow(colours, extent=(start, start + 1, 0, 1), interpolation="nearest")
        if panel.token:
            place = (start + column * side, 1 - (row + 1) * side)
            colour = theme.colour("class_token")
            axes.add_patch(Rectangle(place, side, side, fill=False, linewidth=1.8, edgecolor=colour))
    axes.set(xlim=(0, 1 + step), ylim=(0, 1), anchor="NW", aspect="equal")


def _row_and_column(panel: Looks) -> tuple[Values, Values]:
    """Where the chosen token looks and who looks at it, on the grid of the patches."""
    of_head = panel.weights[panel.layers.index(panel.layer), panel.head - 1]
    shape = (panel.grid_size, panel.grid_size)
    return of_head[panel.token, 1:].reshape(shape), of_head[1:, panel.token].reshape(shape)


def _own_scale(values: Values) -> Scale:
    """From zero to the largest."""
    return Scale(0.0, float(values.max()) or 1.0)


def _legends(panel: Looks) -> Legends:
    row, column = map(_own_scale, _row_and_column(panel))
    return Legends(
        (
            Legend(row, panel.quantity, "left: where it looks"),
            Legend(column, panel.quantity, "right: who looks at it"),
        )
    )


LOOKS = Drawer(
    draw=_draw_looks,
    height=lambda panel, inner: min((inner - GAP_INCHES) / 2, PICTURE_INCHES),
    width=lambda panel, inner: min(inner, 2 * PICTURE_INCHES + GAP_INCHES),
    legends=_legends,
)
