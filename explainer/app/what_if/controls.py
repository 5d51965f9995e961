"""The controls of every change: patches on the image, heads on a grid, small controls for the rest."""

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import streamlit as st

from explainer.app import state
from explainer.app.blocks import show_equation_line, show_section
from explainer.app.canvas import show as show_canvas
from explainer.app.kept import kept_view
from explainer.app.links.controls import segments
from explainer.app.session import Session
from explainer.app.state import NUMBER
from explainer.app.what_if import toggles
from explainer.app.what_if.applying import SWAP_FIRST, apply, sync
from explainer.app.what_if.softmax import softmax
from explainer.lessons import HANDS_ON
from explainer.notation.equations import EQUATIONS
from explainer.panels import Pick, Pixels
from explainer.views.changes import what_if
from explainer.views.compose import explained
from vit_core import ForwardTrace, patchify
from vit_core.interventions import Interventions
from vit_core.interventions.changes import Part
from vit_core.interventions.layers import RemoveResidual, ReplaceHead, Replacement, Skip
from vit_core.interventions.patches import BlurPatches, MaskPatches, ShufflePatches
from vit_core.interventions.positions import ChangePositions
from vit_core.positions import ResizeMethod

# A part of the model -> the equations that its changes affect.
CHANGED = {"Patches": (1,), "Heads": (8,), "Layers": (2, 3), "Positions": (1,), "Softmax": (6,)}
GROUPS = tuple(CHANGED)
TOOLS: dict[str, toggles.PatchesKind | None] = {"Mask": MaskPatches, "Blur": BlurPatches, "Swap": None}
ZERO = "set to zero"
REPLACEMENTS: dict[str, Replacement] = {ZERO: "zero", "replaced by its mean over the tokens": "mean"}
PARTS: dict[str, tuple[toggles.PartKind, Part]] = {
    "Skip the attention in layers": (Skip, "attention"),
    "Skip the MLP in layers": (Skip, "mlp"),
    "Remove the skip path around the attention in layers": (RemoveResidual, "attention"),
    "Remove the skip path around the MLP in layers": (RemoveResidual, "mlp"),
}
POSITIONS = {
    "as learned": None,
    "zero": "zero",
    "shuffled": "shuffled",
    "sines and cosines": "sinusoidal",
    "through another grid": "resized",
}
lesson = HANDS_ON["what_if"]


def choose_group() -> str:
    """Which part of the model is to be changed."""
    return segments("What to change", GROUPS, GROUPS[0], key="what_if_group")


def show(group: str, session: Session, after: ForwardTrace, interventions: Interventions) -> None:
    """The controls of one group, and below them what they mean."""
    match group:
        case "Patches":
            _patches(session, after, interventions)
            show_section(lesson, "patches")
        case "Heads":
            _heads(session, after, interventions)
            show_section(lesson, "heads")
        case "Layers":
            _layers(session, interventions)
            show_section(lesson, "layers")
        case "Positions":
            _positions(session, interventions)
            show_section(lesson, "positions")
        case _:
            softmax(session, interventions)
            show_section(lesson, "softmax")
    for number in CHANGED[group]:
        show_equation_line(EQUATIONS[number])


def changed_patches(session: Session, after: ForwardTrace) -> list[int]:
    """The patches whose pixels are not what they were, 1..N."""
    size = session.config.patch_size
    differ = (patchify(after.image, size) != patchify(session.trace.image, size)).any(-1)
    return [int(place) + 1 for place in differ.nonzero()]


def _patches(session: Session, after: ForwardTrace, interventions: Interventions) -> None:
    question = "What a click on a patch does, or a stroke over several"
    tool = segments(question, list(TOOLS), "Mask", key="what_if_tool", in_link=False)
    first = st.session_state.get(SWAP_FIRST) if tool == "Swap" else None
    words = {
        "Mask": "Click to mask a patch, again to bring it back. Drag over several; on a touch screen, hold first.",
        "Blur": "Click to blur a patch, again to bring it back. Drag over several; on a touch screen, hold first.",
        "Swap": "Drag one patch onto another (on a touch screen, hold first), or click on one and then on the other.",
    }[tool] + (f" Patch {first} waits for the other." if first else "")
    shuffled = any(isinstance(change, ShufflePatches) for change in interventions)
    marked = [] if shuffled else changed_patches(session, after)  # with all of them framed nothing would be seen
    view = kept_view(
        ("what_if.picture", session.state.checkpoint, session.state.picture, str(interventions), tool, first or 0),
        lambda: what_if.picture(
            pixels_of(session, after), session.config.grid_size, [*marked, first] if first else marked, words
        ),
    )
    show_canvas(view, key="what_if_picture", on_pick=lambda pick: _take_stroke(pick, session.config.num_patches))
    shuffle = next((change for change in interventions if isinstance(change, ShufflePatches)), None)
    sync("what_if_shuffle", shuffle is not None)
    if shuffle:
        sync("what_if_shuffle_seed", shuffle.seed)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.toggle(
            "Shuffle all patches",
            key="what_if_shuffle",
            on_change=_take_shuffle,
            help="All patches change places at random. The seed fixes the order, so that you can repeat it.",
        )
        st.number_input(
            "Seed of the order",
            0,
            9999,
            key="what_if_shuffle_seed",
            on_change=_take_shuffle,
            width=150,
            disabled=shuffle is None,
        )


def pixels_of(session: Session, trace: ForwardTrace) -> Pixels:
    """The image of a trace as the model sees it, [H, W, 3]."""
    return np.asarray(session.checkpoint.preprocess.to_picture(trace.image))


def _take_stroke(pick: Pick, num_patches: int) -> None:
    """Apply the chosen tool to the patches that the browser names."""
    tool: str = st.session_state.get("what_if_tool") or "Mask"
    numbers = [int(text) for text in str(pick.get(what_if.PATCHES, "")).split(",") if text.isascii() and text.isdigit()]
    stroke = [patch for patch in numbers if 1 <= patch <= num_patches]
    if not stroke:
        return
    if kind := TOOLS[tool]:
        apply(lambda changes: toggles.with_patches(changes, kind, stroke, num_patches))
        return
    first = st.session_state.pop(SWAP_FIRST, None)
    if len(stroke) == 1 and first is None:
        st.session_state[SWAP_FIRST] = stroke[0]
        return
    apply(lambda changes: toggles.with_swap(changes, stroke[0] if len(stroke) > 1 else first, stroke[-1]))


def _take_shuffle() -> None:
    seed = int(st.session_state.get("what_if_shuffle_seed") or 0)
    change = ShufflePatches(seed) if st.session_state["what_if_shuffle"] else None
    apply(lambda changes: toggles.with_one(changes, ShufflePatches, change))


def _heads(session: Session, after: ForwardTrace, interventions: Interventions) -> None:
    segments("A head that is taken out is", list(REPLACEMENTS), ZERO, key="what_if_replacement", in_link=False)
    removed = [(change.layer, change.head) for change in interventions if isinstance(change, ReplaceHead)]
    view = kept_view(
        ("what_if.heads", session.state.checkpoint, session.state.picture, str(interventions), session.token),
        lambda: explained(what_if.heads(after, session.token, removed), session.layer),
    )
    show_canvas(view, key="what_if_heads", on_pick=lambda pick: take_head(pick, "what_if_replacement"))


def take_head(pick: Pick, widget: str) -> None:
    """Take out the head that the browser names, as ``widget`` is set now, or bring it back."""
    replacement = REPLACEMENTS[st.session_state.get(widget) or ZERO]
    if NUMBER in pick:
        state.pick({NUMBER: pick[NUMBER]})
    layer, _, head = str(pick.get(what_if.HEAD, "")).partition(".")
    if layer.isascii() and layer.isdigit() and head.isascii() and head.isdigit():
        apply(lambda changes: toggles.with_head(changes, int(layer), int(head), replacement))


def _layers(session: Session, interventions: Interventions) -> None:
    for label, (kind, part) in PARTS.items():
        key = f"what_if_{kind.key}_{part}"
        chosen = [
            change.layer
            for change in interventions
            if isinstance(change, Skip | RemoveResidual) and type(change) is kind and change.part == part
        ]
        sync(key, sorted(chosen))
        st.pills(
            label,
            range(1, session.config.num_layers + 1),
            selection_mode="multi",
            key=key,
            on_change=_take_parts,
            args=(kind, part, key),
        )


def _take_parts(kind: toggles.PartKind, part: Part, key: str) -> None:
    layers: Sequence[int] = st.session_state[key]
    apply(lambda changes: toggles.with_parts(changes, kind, part, layers))


def _positions(session: Session, interventions: Interventions) -> None:
    change = next((change for change in interventions if isinstance(change, ChangePositions)), None)
    kinds = {kind: words for words, kind in POSITIONS.items()}
    taken: dict[str, Any] = {"on_change": _take_positions, "args": (session.config.grid_size,)}
    sync("what_if_positions", kinds[change.kind if change else None])
    st.segmented_control(
        "The position embedding is",
        list(POSITIONS),
        required=True,
        key="what_if_positions",
        **taken,
    )
    if change is None:
        return
    if change.kind == "shuffled":
        sync("what_if_positions_seed", change.seed)
        st.number_input(
            "Seed of the order",
            0,
            9999,
            key="what_if_positions_seed",
            width=150,
            **taken,
            help="The seed fixes the order, so that you can repeat it.",
        )
    if change.kind == "resized":
        sync("what_if_positions_grid", change.grid_size)
        sync("what_if_positions_method", change.method)
        st.slider(
            "Grid in between, patches a side",
            1,
            max(32, 2 * session.config.grid_size, change.grid_size or 1),
            key="what_if_positions_grid",
            **taken,
        )
        st.selectbox("Method", get_args(ResizeMethod), key="what_if_positions_method", **taken)


def _take_positions(grid_size: int) -> None:
    chosen, change = POSITIONS[st.session_state["what_if_positions"]], None
    if chosen == "shuffled":
        change = ChangePositions("shuffled", seed=int(st.session_state.get("what_if_positions_seed") or 0))
    elif chosen == "resized":
        change = ChangePositions(
            "resized",
            grid_size=int(st.session_state.get("what_if_positions_grid") or max(1, grid_size // 2)),
            method=st.session_state.get("what_if_positions_method") or "bicubic",
        )
    elif chosen is not None:
        change = ChangePositions(chosen)  # type: ignore[arg-type]
    apply(lambda changes: toggles.with_one(changes, ChangePositions, change))
