"""What an accuracy means: the course's published runs, taken apart."""

import streamlit as st

from explainer.course_results import BATCH_SIZE, TEST_SIZES
from explainer.lessons import LESSONS
from explainer.metric_detective import batch_mean, readings
from explainer.metric_tables import (
    MEAN_OVER_BATCHES,
    SHARE_OF_PICTURES,
    TEST_PICTURES,
    case_for_one_class,
    contradiction,
    figures_table,
    reading_table,
    training_table,
    weight_of_the_single_picture,
)
from explainer.views import metric
from pages import state
from pages.blocks import show_head, show_neighbours, show_section
from pages.canvas import show as show_canvas
from pages.link_parameters import whole_limits
from pages.listing import show_function
from pages.metric_replay import ORDERS, show_averages, show_own, show_replay
from pages.session import kept_view


def show_table(name: str, markdown: str) -> None:
    """A table whose rows stay one line high."""
    with st.container(key=f"table_{name}"):
        st.markdown(markdown)


def show_what_if() -> None:
    """The same predictions in other batches, in the loader's order or another."""
    st.session_state.setdefault("metric_batch", BATCH_SIZE)
    with st.container(horizontal=True):
        predicted = st.segmented_control(
            "Every image is called",
            list(TEST_SIZES),
            default=list(TEST_SIZES)[-1],
            required=True,
            key="metric_class",
            bind="query-params",
        )
        order = st.segmented_control(
            "Order",
            ORDERS,
            default="by class",
            required=True,
            key="metric_order",
            bind="query-params",
        )
        seed = int(
            st.number_input(
                "Seed",
                *whole_limits("metric_seed"),
                0,
                key="metric_seed",
                bind="query-params",
                width=120,
                disabled=order == "by class",
            )
        )
    size = st.slider("Batch size", 1, TEST_PICTURES, key="metric_batch", bind="query-params")
    name, shuffled = predicted or list(TEST_SIZES)[-1], None if order == "by class" else seed
    view = kept_view(
        ("metric.what_if", name, size, repr(shuffled)), lambda: metric.what_if(TEST_SIZES, name, size, shuffled)
    )
    show_canvas(view, key="metric_what_if", on_pick=state.pick)


lesson = LESSONS["metric"]
show_head(lesson)
show_section(lesson, "averages")
show_averages("averages", MEAN_OVER_BATCHES, SHARE_OF_PICTURES)
show_canvas(kept_view(("metric.batches",), lambda: metric.batches(TEST_SIZES, BATCH_SIZE)), key="metric_batches")
show_section(lesson, "replay")
run = show_replay()
show_section(lesson, "readings")
show_table("readings", reading_table(run))
st.markdown(case_for_one_class(run))
show_section(lesson, "training")
st.markdown(weight_of_the_single_picture())
show_table("training", training_table(run))
show_section(lesson, "tables")
show_table("figures", figures_table())
st.markdown(contradiction())
show_section(lesson, "what-if")
show_what_if()
show_section(lesson, "own")
show_own()
show_section(lesson, "lessons")
st.header("The code that computes it", anchor="code")
show_function(batch_mean)
show_function(readings)
show_neighbours(lesson)
