"""The meaning of an accuracy: the course's published runs, taken apart."""

import streamlit as st

from explainer.app.blocks import show_head, show_neighbours, show_section
from explainer.app.canvas import show as show_canvas
from explainer.app.kept import kept_view
from explainer.app.listing import show_source, show_table
from explainer.app.metric.replay import show_averages, show_own, show_replay, show_what_if
from explainer.course import metric_tables as tables
from explainer.course.metric_detective import batch_mean, readings
from explainer.course.results import BATCH_SIZE, TEST_SIZES
from explainer.lessons import LESSONS
from explainer.views.course import metric

lesson = LESSONS["metric"]
show_head(lesson)
show_section(lesson, "averages")
show_averages("averages", tables.MEAN_OVER_BATCHES, tables.SHARE_OF_PICTURES)
show_canvas(kept_view(("metric.batches",), lambda: metric.batches(TEST_SIZES, BATCH_SIZE)), key="metric_batches")
show_section(lesson, "replay")
run = show_replay()
show_section(lesson, "readings")
show_table("readings", [tables.reading_table(run)])
st.markdown(tables.case_for_one_class(run))
show_section(lesson, "training")
st.markdown(tables.weight_of_the_single_picture())
show_table("training", [tables.training_table(run)])
show_section(lesson, "tables")
show_table("figures", [tables.figures_table()])
st.markdown(tables.contradiction())
show_section(lesson, "what-if")
show_what_if()
show_section(lesson, "own")
show_own()
show_section(lesson, "lessons")
st.header("The code that computes it", anchor="code")
show_source(batch_mean, readings)
show_neighbours(lesson)
