"""The tables of the Metric page, and its predictions in batches of another size."""

import streamlit as st

from explainer.app import state
from explainer.app.canvas import show as show_canvas
from explainer.app.kept import kept_view
from explainer.app.links.parameters import whole_limits
from explainer.app.metric.replay import ORDERS
from explainer.course.metric_tables import (
    TEST_PICTURES,
)
from explainer.course.results import BATCH_SIZE, TEST_SIZES
from explainer.views.course import metric


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
