"""Two of anything, side by side: pictures, checkpoints, layers, heads, with and without a change."""

from collections.abc import Callable

import streamlit as st

from explainer.equations import EQUATIONS
from explainer.lessons import HANDS_ON
from explainer.panels import View
from explainer.sides import Size, why_not
from explainer.similarity import FEWEST_PATCHES
from explainer.views import compare, compare_depth
from explainer.views.compose import explained
from pages import compare_choice, compare_controls
from pages.blocks import show_equation_line, show_formula, show_head, show_neighbours, show_section
from pages.canvas import show as show_canvas
from pages.compare_sides import open_pair
from pages.foreign import plain
from pages.session import current, kept_view

lesson, session = HANDS_ON["compare"], current()
other, problems = compare_choice.read()
pair, more = open_pair(session, other)
compare_choice.write(pair.other)
left, right = pair.left, pair.right


def show_view(which: str, make: Callable[[], View], *sizes: Size) -> None:
    """A picture of both sides and the sentence that says what was measured, or why there is none."""
    if obstacle := why_not(left, right, *sizes):
        st.caption(f"Not compared: {plain(obstacle)}.")
        return
    name = f"compare_{which}"
    view = kept_view((name, *pair.key), lambda: explained(make(), left.layer))
    show_canvas(view, key=name, on_pick=compare_choice.pick)
    st.markdown(plain(view.alt, 4000))


show_head(lesson)
for sentence in problems + more:
    st.warning(plain(sentence))
show_section(lesson, "sides")
compare_controls.show_right_side(pair)
compare_controls.show_actions(pair)
if pair.is_same:
    compare_controls.show_beginnings(pair)
elif pair.other == compare_choice.opening():
    st.info(
        "One model, two images. Look for what the image decides and what it does not: the position embedding below "
        "is the model's own, so its difference is zero, while attention and prediction differ; and follow from "
        "layer to layer how the hidden states of the two separate.",
        icon=":material/compare:",
    )
show_view("pictures", lambda: compare.pictures(left, right))
show_section(lesson, "prediction")
show_formula("softmax_logits", session)
show_view("predictions", lambda: compare.predictions(left, right))
show_section(lesson, "attention")
show_equation_line(EQUATIONS[6])
compare_controls.show_mean(pair)
show_view("attention", lambda: compare.attention(left, right))
show_view("heads_moved", lambda: compare.heads_moved(left, right), "layers", "heads", "grid")
show_section(lesson, "states")
show_equation_line(EQUATIONS[3])
show_view("norms", lambda: compare_depth.norms(left, right))
show_view("cosines", lambda: compare_depth.cosines(left, right), "layers", "grid", "hidden")
if left.layer != right.layer:
    show_view("across_layers", lambda: compare_depth.across_layers(left, right), "grid", "hidden")
show_section(lesson, "cka")
if left.config.num_patches >= FEWEST_PATCHES:
    show_view("layers_alike", lambda: compare_depth.layers_alike(left, right), "grid")
else:
    st.caption(f"Not compared: this needs at least {FEWEST_PATCHES} patches.")
show_section(lesson, "positions")
show_equation_line(EQUATIONS[1])
show_view("positions", lambda: compare.positions(left, right))
show_section(lesson, "logit-lens")
show_formula("logit_lens", session)
show_view("logit_lens", lambda: compare_depth.logit_lens(left, right))
show_neighbours(lesson)
