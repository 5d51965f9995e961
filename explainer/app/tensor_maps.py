"""Below the table of a stage's tensors: one of them opened as a heat map, each of whose cells can be explained."""

import streamlit as st

from explainer.app import state
from explainer.app.canvas import show as show_canvas
from explainer.app.foreign import plain
from explainer.app.kept import kept_view
from explainer.app.session import Session
from explainer.notation.symbols import SYMBOLS
from explainer.stages import Stage
from explainer.tensors import TensorRow, find
from explainer.views import tensor
from explainer.views.compose import explained
from explainer.views.tensor import SHARES, WINDOW, Slice, origin_of, windows

COLOURS = ("red", "green", "blue")


def show_map(stage: Stage, session: Session, rows: list[TensorRow]) -> None:
    """Choose a tensor of the table, and the part of it that is looked at."""
    chosen = st.selectbox(
        "Open a tensor as a heat map",
        range(len(rows)),
        index=None,
        format_func=lambda place: f"{rows[place].name}: {rows[place].shape.named}",
        placeholder="Choose a tensor; a click on a cell explains its number",
        key=f"map_{stage.name}",
        width=620,
    )
    if chosen is None:
        return
    reference, row = stage.tensors[chosen], rows[chosen]
    extra = max(0, len(row.sizes) - 2)
    with st.container(horizontal=True, key="map_parts"):
        fixed = tuple(_choose(axis, size, session) for axis, size in zip(row.axes[:extra], row.sizes, strict=False))
        starts = (
            [_window(axis, size) for axis, size in zip(row.axes[extra:], row.sizes[extra:], strict=True)]
            if len(row.sizes) > 1
            else [0, 0]
        )

    def make() -> Slice:
        axes, values = find(session.model, session.trace, session.block, reference, session.layer)
        origin = origin_of(reference, session.config, session.layer, fixed)
        return Slice(values[fixed] if fixed else values, axes[extra:], origin)

    name = f"{row.name}[{', '.join(map(str, fixed))}]" if fixed else row.name
    quantity, is_share = SYMBOLS[reference.symbol].quantity or "z", reference.field in SHARES
    key = ("map", stage.name, chosen, *session.choice, *fixed, *starts)
    view = kept_view(key, lambda: explained(tensor.heat_map(name, quantity, make(), is_share, *starts), session.layer))
    show_canvas(view, key=f"map_of_{stage.name}", on_pick=state.pick)


def is_open(page: str) -> bool:
    """Whether the reader looks at the map of a tensor, which the server draws of the choice that it knows."""
    return st.session_state.get(f"map_{page}") is not None


def _choose(axis: str, size: int, session: Session) -> int:
    """The place on an axis that a heat map has no room for; at first that of the chosen layer or head."""
    labels = {
        "channels": COLOURS if size == len(COLOURS) else tuple(f"channel {i}" for i in range(size)),
        "states": ("before layer 1", *(f"after layer {i}" for i in range(1, size))),
        "layers": tuple(f"layer {i + 1}" for i in range(size)),
        "heads": tuple(f"head {i + 1}" for i in range(size)),
    }[axis]
    first = {"states": session.layer, "layers": session.layer - 1, "heads": session.head - 1}.get(axis, 0)
    return st.selectbox(
        plain(axis.capitalize()),
        range(size),
        index=first,
        format_func=lambda i: labels[i],
        key=f"map_{axis}_{first}_{size}",
        width=180,
    )


def _window(axis: str, size: int) -> int:
    """The beginning of the shown part of a long axis."""
    starts = windows(size)
    if len(starts) == 1:
        return 0
    return st.selectbox(
        f"Part of the axis {plain(axis)}",
        starts,
        key=f"map_part_{axis}_{size}",
        width=220,
        format_func=lambda start: f"{start} to {min(start + WINDOW, size) - 1} of {size}",
    )
