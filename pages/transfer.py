"""A head replaced on trained weights, next to the same sizes from scratch."""

import streamlit as st

from explainer.app.blocks import show_head, show_neighbours, show_section
from explainer.app.checkpoints import find
from explainer.app.data.datasets import choose_dataset
from explainer.app.foreign import plain
from explainer.app.transfer import cost as transfer_cost
from explainer.app.transfer import runs as transfer_runs
from explainer.app.transfer.choice import (
    choose_freeze,
    choose_size,
    choose_weights,
    class_count,
    show_choices,
    show_plan,
    show_position,
    show_training,
)
from explainer.app.transfer.comparison import FREEZES, plan_of
from explainer.lessons import LESSONS
from explainer.notation.wording import sentence
from explainer.views.course.predict import preprocessing_words

lesson = LESSONS["transfer"]
show_head(lesson)
show_section(lesson, "weights")
with st.container(horizontal=True, vertical_alignment="bottom"):
    weights, freeze = choose_weights(), FREEZES[choose_freeze()]
record = find(weights)
chosen_data = st.container()
show_section(lesson, "data")
data = choose_dataset("transfer_data")
classes = class_count(data)
size = choose_size(record)
st.caption(plain(f"As these weights were trained: {preprocessing_words(record.preprocess)}."))
show_position(record, size)
plan = None
with chosen_data:
    try:
        plan = plan_of(weights, freeze, 10, size)
        show_plan(plan, classes)
    except (LookupError, ValueError) as error:
        st.warning(plain(sentence(f"{error}.")))
    show_choices(weights, classes)
show_section(lesson, "runs")
plan = show_training(weights, freeze, size) if plan else None
transfer_runs.show_start(plan, data, record)
transfer_runs.show_comparison()
show_section(lesson, "cost")
transfer_cost.show(weights, classes)
show_section(lesson, "course")
transfer_cost.show_course()
show_neighbours(lesson)
