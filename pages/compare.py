"""Two of anything side by side: pictures, checkpoints, layers, heads, with and without a change."""

from collections.abc import Callable

import streamlit as st

from explainer.lessons import HANDS_ON
from explainer.panels import View
from explainer.sides import Side, Size, why_not
from explainer.similarity import FEWEST_PATCHES
from explainer.views import compare, compare_depth
from pages import compare_choice, compare_controls
from pages.blocks import show_head, show_neighbours, show_section
from pages.canvas import show as show_canvas
from pages.compare_sides import open_pair
from pages.session import current, kept_view

lesson, session = HANDS_ON["compare"], current()
other, problems = compare_choice.read()
pair, more = open_pair(session, other)
compare_choice.write(pair.other)


def show_view(make: Callable[[Side, Side], View], *sizes: Size) -> None:
    """A picture of both sides and the sentence that says what was measured, or why there is none."""
    if obstacle := why_not(pair.left, pair.right, *sizes):
        st.caption(f"Not compared: {obstacle}.")
        return
    name = f"compare_{make.__name__}"
    view = kept_view((name, *pair.key), lambda: make(pair.left, pair.right))
    show_canvas(view, key=name, on_pick=compare_choice.pick)
    st.markdown(view.alt)


show_head(lesson)
for sentence in problems + more:
    st.warning(sentence)
show_section(lesson, "sides")
compare_controls.show_right_side(pair)
compare_controls.show_actions(pair)
if pair.is_same:
    compare_controls.show_beginnings(pair)
show_view(compare.pictures)
show_section(lesson, "prediction")
show_view(compare.predictions)
show_section(lesson, "attention")
compare_controls.show_mean(pair)
show_view(compare.attention)
show_view(compare.heads_moved, "layers", "heads", "grid")
show_section(lesson, "states")
show_view(compare_depth.norms)
show_view(compare_depth.cosines, "layers", "grid", "hidden")
if pair.left.layer != pair.right.layer:
    show_view(compare_depth.across_layers, "grid", "hidden")
show_section(lesson, "cka")
if pair.left.config.num_patches >= FEWEST_PATCHES:
    show_view(compare_depth.layers_alike, "grid")
else:
    st.caption(f"Not compared: that takes at least {FEWEST_PATCHES} patches.")
show_section(lesson, "positions")
show_view(compare.positions)
show_section(lesson, "logit-lens")
show_view(compare_depth.logit_lens)
show_neighbours(lesson)
