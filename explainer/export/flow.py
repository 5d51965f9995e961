"""How a flow diagram is drawn with matplotlib: one row for each run of nodes that belong together."""

from collections.abc import Callable
from itertools import groupby

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from explainer.export.drawer import Drawer
from explainer.export.drawing import SMALL, TINY
from explainer.export.theme import Theme
from explainer.panels import Flow, Node, Panel, plain

MOST_PER_ROW = 6
ROW_HEIGHT, NODE_WIDTH, NODE_HEIGHT = 2.15, 0.8, 0.68  # inches; shares of a cell
ARROW = {"arrowstyle": "-|>,head_width=0.2,head_length=0.35", "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0}


def flow_drawer(drawer_of: Callable[[Panel], Drawer]) -> Drawer:
    """How a flow is drawn; ``drawer_of`` says how its thumbnails are."""
    return Drawer(
        draw=lambda axes, panel, theme: _draw_flow(axes, panel, theme, drawer_of),
        height=lambda panel, inner: ROW_HEIGHT * len(_rows(panel.nodes)),
    )


def _draw_flow(axes: Axes, panel: Flow, theme: Theme, drawer_of: Callable[[Panel], Drawer]) -> None:
    """Draw the diagram into ``axes``, with small axes inside for the nodes' thumbnails."""
    rows = _rows(panel.nodes)
    axes.set(xlim=(0, MOST_PER_ROW), ylim=(len(rows), 0))
    places = {
        node.name: (column + 0.5, row + 0.5) for row, nodes in enumerate(rows) for column, node in enumerate(nodes)
    }
    for row, nodes in enumerate(rows):
        if nodes[0].group:
            box = FancyBboxPatch(
                (0.03, row + 0.04),
                len(nodes) - 0.06,
                0.92,
                boxstyle="round,pad=0,rounding_size=0.05",
                facecolor=theme.muted,
                alpha=0.1,
                linewidth=0,
            )
            axes.add_patch(box)
            axes.text(0.1, row + 0.09, nodes[0].group, size=SMALL, color=theme.muted, va="center", parse_math=False)
        for node in nodes:
            _draw_node(axes, node, places[node.name], len(rows), theme)
            _draw_thumbnails(axes, node, places[node.name], len(rows), theme, drawer_of)
    for before, after in zip(panel.nodes, panel.nodes[1:], strict=False):
        (x, y), (to_x, to_y) = places[before.name], places[after.name]
        if after.joins:
            axes.text(
                to_x - 0.5,
                to_y,
                after.joins,
                size=SMALL + 3,
                color=theme.muted,
                ha="center",
                va="center",
                parse_math=False,
            )
            continue
        if y == to_y:
            _arrow(axes, (x + NODE_WIDTH / 2, y), (to_x - NODE_WIDTH / 2, to_y), theme, "arc3")
        else:  # down to the next row, and back to its start
            _arrow(
                axes,
                (x, y + NODE_HEIGHT / 2),
                (to_x, to_y - NODE_HEIGHT / 2),
                theme,
                "angle3,angleA=90,angleB=0" if x == to_x else "arc3",
            )
    for start, end in panel.skips:
        (x, y), (to_x, to_y) = places[start], places[end]
        if y == to_y:
            _arrow(axes, (x, y + NODE_HEIGHT / 2), (to_x, to_y + NODE_HEIGHT / 2), theme, "bar,fraction=0.045")
        else:
            _arrow(axes, (x, y + NODE_HEIGHT / 2), (to_x, to_y - NODE_HEIGHT / 2), theme, "arc3")


def _rows(nodes: tuple[Node, ...]) -> list[list[Node]]:
    """Nodes of one group share rows; no row has more than ``MOST_PER_ROW``."""
    runs = [list(run) for _, run in groupby(nodes, key=lambda node: node.group)]
    return [run[start : start + MOST_PER_ROW] for run in runs for start in range(0, len(run), MOST_PER_ROW)]


def _draw_node(axes: Axes, node: Node, centre: tuple[float, float], row_count: int, theme: Theme) -> None:
    x, y = centre
    left, top = x - NODE_WIDTH / 2, y - NODE_HEIGHT / 2
    colour = theme.colour(node.quantity)
    axes.add_patch(
        FancyBboxPatch(
            (left, top),
            NODE_WIDTH,
            NODE_HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.03",
            facecolor=theme.background,
            edgecolor=colour,
            linewidth=1.1,
        )
    )
    axes.text(x, top + 0.07, node.label, size=TINY + 0.5, color=theme.ink, ha="center", va="center", parse_math=False)
    axes.text(
        x,
        top + 0.155,
        plain(node.symbol),
        size=SMALL + 1,
        color=colour,
        ha="center",
        va="center",
        weight="bold",
        parse_math=False,
    )
    axes.text(
        x,
        top + NODE_HEIGHT - 0.045,
        node.shape,
        size=TINY,
        color=theme.muted,
        ha="center",
        va="center",
        parse_math=False,
    )


def _draw_thumbnails(
    axes: Axes,
    node: Node,
    centre: tuple[float, float],
    row_count: int,
    theme: Theme,
    drawer_of: Callable[[Panel], Drawer],
) -> None:
    left, bottom = centre[0] - NODE_WIDTH / 2, centre[1] - NODE_HEIGHT / 2 + NODE_HEIGHT - 0.09
    room = (NODE_WIDTH - 0.08) / max(1, len(node.thumbnails))
    for index, thumbnail in enumerate(node.thumbnails):
        drawer = drawer_of(thumbnail)
        start, width = left + 0.05 + index * room + drawer.thumbnail[0] * room, drawer.thumbnail[1] * room
        size = ((width - 0.02) / MOST_PER_ROW, (NODE_HEIGHT - 0.31) / row_count)
        inset = axes.inset_axes((start / MOST_PER_ROW, 1 - bottom / row_count, *size))
        drawer.draw_into(inset, thumbnail, theme)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], theme: Theme, style: str) -> None:
    axes.annotate("", xy=end, xytext=start, arrowprops={**ARROW, "color": theme.muted, "connectionstyle": style})
