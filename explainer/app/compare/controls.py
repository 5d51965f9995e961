"""The controls of the Compare page: the right side, changes on both, swap, the same again."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from explainer.app import checkpoints, state
from explainer.app.canvas import show as show_canvas
from explainer.app.compare import choice as compare_choice
from explainer.app.compare.choice import NONE
from explainer.app.compare.sides import Pair, change_title, picture_title
from explainer.app.foreign import plain
from explainer.app.kept import kept_view
from explainer.app.server.upload_boxes import receive
from explainer.app.server.uploads import keep_upload, show_picture_box
from explainer.experiments.sides import Size, why_not
from explainer.gallery import GALLERY
from explainer.panels import View
from explainer.views.compose import explained
from vit_core import ViTConfig
from vit_core.interventions import Interventions

OPENING = (
    "One model, two images. Look for what the image decides and what it does not: the position embedding below "
    "is the model's own, so its difference is zero, while attention and prediction differ; and follow from layer "
    "to layer how the hidden states of the two separate."
)


def show_right_side(pair: Pair) -> None:
    """Everything that the right side can have of its own."""
    seen, other = pair.seen, pair.other
    left = seen[0].state
    config = pair.right.config
    names = checkpoints.listed(left.checkpoint)
    here = [name for name in names if checkpoints.is_here(name)]
    here += [name for name in (seen[1].state.checkpoint,) if name not in here]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _select("picture", "Image on the right", _pictures(pair), picture_title(left.picture), picture_title, 220)
        _select("checkpoint", "Checkpoint", here, checkpoints.title_of(left.checkpoint), checkpoints.title_of, 220)
        _select("layer", f"Layer (1 to {config.num_layers})", range(1, config.num_layers + 1), left.layer, str, 150)
        _select("head", f"Head (1 to {config.num_heads})", range(1, config.num_heads + 1), left.head, str, 150)
        st.session_state["compare_token"] = other.token
        st.number_input(
            f"Token (0 to {config.num_patches})",
            0,
            config.num_patches,
            None,
            key="compare_token",
            width=150,
            placeholder=f"as left: {seen[1].state.token}",
            on_change=_take,
            args=("token",),
        )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        changes = ready_changes(pair)
        _select_change("this_change", "Change on the left", changes, other.this_change or None, "unchanged")
        shown = NONE if other.change == "" else other.change
        placeholder = f"as left: {change_title(seen[0].change)}"
        ready = [NONE, *changes] if seen[0].change else changes
        _select_change("change", "Change on the right", ready, shown, placeholder)


def show_actions(pair: Pair) -> None:
    """Swap, the same again, the mean of the heads, an image of one's own."""
    is_as_left = not pair.other.parameters.keys() - {"this_change", "mean_heads"}
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Swap sides", icon=":material/swap_horiz:", key="swap_sides", disabled=pair.is_same):
            _swap(pair)
            st.rerun()
        st.button(
            "The same on both sides",
            icon=":material/restart_alt:",
            key="same_sides",
            on_click=compare_choice.choose_same,
            disabled=is_as_left,
        )
        with st.popover("Your own on the right", icon=":material/add_a_photo:"):
            show_picture_box("compare_upload", "compare_uploads", _take_upload)


def show_mean(pair: Pair) -> None:
    """One head, or all of a layer on average."""
    st.session_state["compare_mean_heads"] = pair.other.mean_heads
    st.toggle("Mean over all heads", key="compare_mean_heads", on_change=_take, args=("mean_heads",))


def show_beginnings(pair: Pair) -> None:
    """Single things to switch as long as both sides are the same, and a hint for the pair of a first visit."""
    if not pair.is_same:
        if pair.other == compare_choice.opening():
            st.info(OPENING, icon=":material/compare:")
        return
    left, config = pair.seen[0].state, pair.left.config
    pictures = [name for name in GALLERY if name != left.picture]
    others = [name for name in checkpoints.listed(left.checkpoint) if name != left.checkpoint]
    here = [name for name in others if checkpoints.is_here(name)]
    last, next_head = config.num_layers, left.head % config.num_heads + 1
    beginnings: dict[str, dict[str, str | int]] = {
        f"Image: {picture_title(pictures[0])}": {"picture": pictures[0]},
        **({f"Checkpoint: {checkpoints.title_of(here[0])}": {"checkpoint": here[0]}} if here else {}),
        **({f"Layer {(other := last if left.layer != last else 1)}": {"layer": other}} if last > 1 else {}),
        **({f"Head {next_head}": {"head": next_head}} if config.num_heads > 1 else {}),
        "Without positions": {"change": "positions=zero"},
    }
    st.info("Both sides are the same. Change one thing:", icon=":material/compare:")
    with st.container(horizontal=True):
        for index, (label, choice) in enumerate(beginnings.items()):
            st.button(plain(label), key=f"begin_{index}", on_click=compare_choice.choose, kwargs=choice)


def show_view(pair: Pair, which: str, make: Callable[[], View], *sizes: Size) -> None:
    """A view of both sides and the sentence with its measurements, or the reason why there is none."""
    if obstacle := why_not(pair.left, pair.right, *sizes):
        st.caption(f"Not compared: {plain(obstacle)}.")
        return
    name = f"compare_{which}"
    view = kept_view((name, *pair.key), lambda: explained(make(), pair.left.layer))
    show_canvas(view, key=name, on_pick=compare_choice.pick)
    st.markdown(plain(view.alt, 4000))


def ready_changes(pair: Pair) -> list[str]:
    """Changes worth a look, at the layer and head that are chosen; any other may be typed."""
    config, state = pair.right.config, pair.seen[1].state
    middle = [row * config.grid_size + column + 1 for row in _middle(config) for column in _middle(config)]
    ready = [
        f"mask={','.join(map(str, middle))}",
        "shuffle=1",
        "positions=zero",
        "positions=shuffled.1",
        "positions=sinusoidal",
        "shuffle=1;positions=zero",
        f"heads={state.layer}.{state.head}:zero",
        f"heads={state.layer}.{state.head}:mean",
        f"skip=attention.{state.layer}",
        f"skip=mlp.{state.layer}",
        f"residual=attention.{state.layer}",
        "temperature=unscaled",
        "temperature=2",
    ]
    return [str(Interventions.parse(text).fitted(config)[0]) for text in ready]


def _middle(config: ViTConfig) -> range:
    """The rows, or columns, of the middle of the grid."""
    side = max(1, config.grid_size // 2)
    start = (config.grid_size - side) // 2
    return range(start, start + side)


def _pictures(pair: Pair) -> list[str]:
    own = [side.state.picture for side in pair.seen if side.state.picture not in GALLERY]
    return [*GALLERY, *dict.fromkeys(own)]


def _select(
    field: str, label: str, options: Sequence[str | int], of_left: str | int, title: Callable[[Any], str], width: int
) -> None:
    key = f"compare_{field}"
    st.session_state[key] = getattr(compare_choice.current(), field)
    st.selectbox(
        label,
        options,
        index=None,
        key=key,
        placeholder=f"as left: {of_left}",
        on_change=_take,
        args=(field,),
        format_func=title,
        width=width,
    )


def _select_change(field: str, label: str, ready: list[str], chosen: str | None, placeholder: str) -> None:
    key = f"compare_{field}"
    st.session_state[key] = chosen
    options = ready if chosen is None or chosen in ready else [chosen, *ready]
    st.selectbox(
        label,
        options,
        index=None,
        key=key,
        placeholder=placeholder,
        on_change=_take_change,
        args=(field,),
        format_func=_change_label,
        accept_new_options=True,
        width=430,
        help="Choose one, or type several: " + "`mask=12-15;heads=3.1:zero,3.2:mean;skip=mlp.4`.",
    )


def _change_label(text: str) -> str:
    if text == NONE:
        return "unchanged"
    try:
        return change_title(text)
    except ValueError:
        return text


def _take(field: str) -> None:
    compare_choice.choose(**{field: st.session_state[f"compare_{field}"]})


def _take_change(field: str) -> None:
    text = st.session_state[f"compare_{field}"]
    try:
        change = None if text is None else "" if text == NONE else str(Interventions.parse(text.strip()))
    except ValueError as error:
        state.report(f"The change is left out: {error}.")
        return
    compare_choice.choose(**{field: "" if change is None and field == "this_change" else change})


def _take_upload(widget: str) -> None:
    receive(widget, "compare_uploads", _keep, "The image was not changed.")


def _keep(upload: Any) -> None:
    compare_choice.choose(picture=keep_upload(upload.getvalue()))


def _swap(pair: Pair) -> None:
    choice, other = pair.swapped()
    state.choose(choice)
    compare_choice.choose_other(other)
