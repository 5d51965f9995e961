"""The course's exercises, each of them running."""

import streamlit as st

from explainer.app.blocks import show_head, show_neighbours, show_section
from explainer.app.exercises import parts
from explainer.app.exercises.terms import show_clipping, show_schedule, show_trainings
from explainer.app.session import current
from explainer.lessons import LESSONS

session = current()
lesson = LESSONS["exercises"]
show_head(lesson)
show_section(lesson, "encoder-layer")
parts.show_encoder(session)
show_section(lesson, "classes")
parts.show_classes()
show_section(lesson, "file")
parts.show_file(session)
show_section(lesson, "data-swag")
parts.show_data_and_swag()
show_section(lesson, "terms")
st.page_link("transfer.py", label="Transfer: with and without trained weights", icon=":material/swap_horiz:")
show_section(lesson, "schedule")
show_schedule()
show_section(lesson, "clipping")
show_clipping(session)
show_section(lesson, "training")
show_trainings()
show_neighbours(lesson)
