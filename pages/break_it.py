"""A small Vision Transformer with a mistake in it: predict a shape, run it, read the error, fix it."""

import streamlit as st

from explainer.lessons import TOOLS
from pages import break_it_parts as parts
from pages import break_it_state
from pages.blocks import show_head, show_neighbours, show_section
from pages.foreign import plain

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
