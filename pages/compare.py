"""Two of anything side by side: images, checkpoints, layers, heads, with and without a change."""

from functools import partial

import streamlit as st

from explainer.app.blocks import show_equation_line, show_formula, show_head, show_neighbours, show_section
from explainer.app.compare import choice as compare_choice
from explainer.app.compare import controls as compare_controls
from explainer.app.compare.sides import open_pair
from explainer.app.foreign import plain
from explainer.app.session import current
from explainer.experiments.similarity import FEWEST_PATCHES
from explainer.lessons import HANDS_ON
from explainer.notation.equations import EQUATIONS
from explainer.views.changes import compare, compare_attention, compare_depth

lesson, session = HANDS_ON["compare"], current()
other, problems = compare_choice.read()
pair, side_problems = open_pair(session, other)
compare_choice.write(pair.other)
left, right = pair.left, pair.right


show_view = partial(compare_controls.show_view, pair)

show_head(lesson)
for sentence in problems + side_problems:
    st.warning(plain(sentence))
show_section(lesson, "sides")
compare_controls.show_right_side(pair)
compare_controls.show_actions(pair)
compare_controls.show_beginnings(pair)
show_view("pictures", lambda: compare.pictures(left, right))
show_section(lesson, "prediction")
show_formula("softmax_logits")
show_view("predictions", lambda: compare.predictions(left, right))
show_section(lesson, "attention")
show_equation_line(EQUATIONS[6])
compare_controls.show_mean(pair)
show_view("attention", lambda: compare_attention.attention(left, right))
show_view("heads_moved", lambda: compare_attention.heads_moved(left, right), "layers", "heads", "grid")
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
    st.caption(f"Not compared: that takes at least {FEWEST_PATCHES} patches.")
show_section(lesson, "positions")
show_equation_line(EQUATIONS[1])
show_view("positions", lambda: compare.positions(left, right))
show_section(lesson, "logit-lens")
show_formula("logit_lens")
show_view("logit_lens", lambda: compare_depth.logit_lens(left, right))
show_neighbours(lesson)
