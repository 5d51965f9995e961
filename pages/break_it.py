"""A small Vision Transformer with a mistake in it: predict a shape, run it, read the error, fix it."""

import streamlit as st

from explainer.app.blocks import show_head, show_neighbours, show_section
from explainer.app.break_it import parts
from explainer.app.break_it import state as break_it_state
from explainer.app.foreign import plain
from explainer.lessons import TOOLS

lesson = TOOLS["break_it"]
show_head(lesson)
for sentence in break_it_state.read():
    st.warning(plain(sentence))
show_section(lesson, "choose")
parts.show_bugs()
parts.show_sizes()
show_section(lesson, "change")
parts.show_change()
show_section(lesson, "predict")
if parts.show_prediction():
    show_section(lesson, "run")
    parts.show_run()
    show_section(lesson, "repair")
    parts.show_repairs()
show_neighbours(lesson)
