"""A still of the walk through the forward pass, drawn with matplotlib: the moment at which the film is opened."""

from math import ceil
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from explainer.export.drawer import Drawer
from explainer.export.theme import Colours, Theme
from explainer.panels import Scale, Values, Walk, WalkTensor, plain

HEIGHT = 3.9  # inches
LABEL, NOTE, WORDS = 11.0, 7.0, 9.0  # points
PICTURE, GAP, HEADS = 0.22, 0.055, 0.3  # shares of the width
BODY = (0.14, 0.8)  # top and bottom of the tensors, shares of the height
CHARACTERS = 11.5  # of the sentence, in an inch


def _draw_walk(axes: Axes, panel: Walk, theme: Theme) -> None:
    """Draw the picture, what the moment ``panel.start`` reads and makes, and its sentence into ``axes``."""
    step, slices = panel.steps[panel.start], {each.name: each for each in panel.slices}
    axes.set(xlim=(0, 1), ylim=(1, 0))
    weights = slices.get(f"{step.layer}.weights") if _shows_weights(step.reads, step.makes) else None
    lit = None if weights is None else weights.values[1:, panel.head - 1]
    _picture(axes, panel, theme, (0.0, BODY[0] + 0.1), PICTURE, lit)
    shown = [slices[name] for name in dict.fromkeys((*step.reads, *step.makes))]
    left = PICTURE + GAP
    room = 1 - left - (HEADS + GAP if weights is not None else 0)
    width = min(0.17, (room - GAP * (len(shown) - 1)) / max(1, len(shown)))
    for index, each in enumerate(shown):
        if index == len(step.reads) and index:
            _text(axes, left - GAP / 2, sum(BODY) / 2, "→", theme.muted, LABEL + 3, "center")
        _tensor(axes, each, theme, left, width)
        left += width + GAP
    if weights is not None:
        _heads(axes, panel, weights, theme, 1 - HEADS)
    _text(axes, 0, 0.01, f"{_part(panel)} · {step.title}", theme.ink, LABEL, "left", weight="bold")
    lines = wrap(plain(step.sentence), round(CHARACTERS * _width(axes)))
    _text(axes, 0, 0.97, "\n".join(lines), theme.muted, WORDS, "left")


def _tensor(axes: Axes, shown: WalkTensor, theme: Theme, left: float, width: float) -> None:
    """The rows of a slice with its symbol above and its shape below."""
    top, bottom = BODY
    if len(shown.values) == 1:  # a vector: a strip, not a wall
        bottom = top + 0.08
    axes.imshow(
        theme.paint(shown.values, shown.scale, shown.quantity),
        extent=(left, left + width, bottom, top),
        aspect="auto",
        interpolation="nearest" if len(shown.values) < 200 else "antialiased",
    )
    middle = left + width / 2
    _text(axes, middle, top - 0.03, plain(shown.symbol), theme.colour(shown.quantity), LABEL, "center", weight="bold")
    _text(axes, middle, bottom + 0.04, f"{shown.shape} · {_ends(shown.scale)}", theme.muted, NOTE, "center")


def _heads(axes: Axes, panel: Walk, weights: WalkTensor, theme: Theme, left: float) -> None:
    """The picture once for each head, lit by what it gives to the patches."""
    lines = max(1, round((panel.num_heads * (BODY[1] - BODY[0]) * HEIGHT / (HEADS * _width(axes))) ** 0.5))
    columns = ceil(panel.num_heads / lines)
    pitch = HEADS / columns
    for head in range(panel.num_heads):
        row, column = divmod(head, columns)
        place = (left + column * pitch, BODY[0] + row * (BODY[1] - BODY[0]) / lines)
        side = min(pitch * 0.92, (BODY[1] - BODY[0]) / lines * 0.92 * HEIGHT / _width(axes))
        _picture(axes, panel, theme, place, side, weights.values[1:, head], is_chosen=head == panel.head - 1)


def _picture(
    axes: Axes,
    panel: Walk,
    theme: Theme,
    place: tuple[float, float],
    side: float,
    lit: Values | None,
    is_chosen: bool = False,
) -> None:
    """The picture with its upper left corner at ``place``, ``side`` of the axes wide, lit where there are weights."""
    colours: Colours = panel.pixels / 255.0
    if lit is not None:
        overlay = np.ascontiguousarray(lit.reshape(panel.grid_size, panel.grid_size))
        scale = Scale(0.0, float(overlay.max()) or 1.0)
        colours = theme.overlaid(panel.pixels, overlay, scale, "A", "spotlight")
    left, top = place
    height = side * _width(axes) / HEIGHT
    axes.imshow(colours, extent=(left, left + side, top + height, top), aspect="auto", interpolation="nearest")
    if is_chosen:
        axes.add_patch(Rectangle(place, side, height, fill=False, linewidth=2, edgecolor=theme.colour("A")))


def _text(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    colour: str | tuple[float, ...],
    size: float,
    align: str,
    weight: str = "normal",
) -> None:
    axes.text(x, y, text, color=colour, size=size, ha=align, va="center", weight=weight, parse_math=False)


def _width(axes: Axes) -> float:
    """Inches."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return float(axes.get_position(original=True).width * figure.get_size_inches()[0])


def _shows_weights(reads: tuple[str, ...], makes: tuple[str, ...]) -> bool:
    return any(name.endswith(".weights") for name in (*reads, *makes))


def _ends(scale: Scale) -> str:
    return f"±{scale.high:.2g}" if scale.diverging else f"{scale.low:.2g}…{scale.high:.2g}"


def _part(panel: Walk) -> str:
    layer = panel.steps[panel.start].layer
    if layer == 0:
        return "Before the encoder"
    return "After the encoder" if layer > panel.num_layers else f"Layer {layer} of {panel.num_layers}"


WALK = Drawer(draw=_draw_walk, height=lambda panel, inner: HEIGHT)
