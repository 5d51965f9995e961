"""Train a model: choose images and a recipe, start, watch, stop, go on."""

import streamlit as st

from explainer.app.blocks import show_head, show_neighbours, show_section
from explainer.app.data.datasets import choose_dataset
from explainer.app.foreign import plain
from explainer.app.links.controls import segments
from explainer.app.train.controls import show_start
from explainer.app.train.recipe_form import show_recipe
from explainer.app.train.watch import chosen_runs, show_command, show_compared, show_no_run, show_run
from explainer.lessons import LESSONS
from explainer.views.course.training import MEASURES
from vit_core.training.runs.listing import all_runs

lesson = LESSONS["train"]
show_head(lesson)
show_section(lesson, "start")
data = choose_dataset("train_data")
show_start(data, show_recipe("transfer-small"))
st.header("Runs", anchor="runs")
shown = chosen_runs({run.name: run for run in all_runs()})
if shown:
    watched = shown[0]
    if len(shown) > 1:
        watched = st.segmented_control(
            "Details of", shown, default=shown[0], required=True, key="run", bind="query-params", format_func=plain
        )
    show_run(watched)
else:
    show_no_run()
show_section(lesson, "compare")
if len(shown) > 1:
    measure = segments("Measure", list(MEASURES), next(iter(MEASURES)), key="measure")
    show_compared(shown, measure)
else:
    st.caption("Choose several runs above.")
show_section(lesson, "command")
if shown:
    show_command(watched)
show_neighbours(lesson)
