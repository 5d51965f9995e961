"""The predictions of the Metric page in batches of another size."""

import streamlit as st

from explainer.app import state
from explainer.app.canvas import show as show_canvas
from explainer.app.kept import kept_view
from explainer.app.links.controls import segments, whole
from explainer.app.metric.replay import ORDERS
from explainer.course.metric_tables import TEST_PICTURES
from explainer.course.results import BATCH_SIZE, TEST_SIZES
from explainer.views.course import metric


def show_what_if() -> None:
    """The same predictions in other batches, in the loader's order or another."""
    st.session_state.setdefault("metric_batch", BATCH_SIZE)
    with st.container(horizontal=True):
        name = segments("Every image is called", list(TEST_SIZES), list(TEST_SIZES)[-1], key="metric_class")
        order = segments("Order", ORDERS, "by class", key="metric_order")
        seed = whole("Seed", 0, key="metric_seed", width=120, disabled=order == "by class")
    size = st.slider("Batch size", 1, TEST_PICTURES, key="metric_batch", bind="query-params")
    shuffled = None if order == "by class" else seed
    view = kept_view(
        ("metric.what_if", name, size, repr(shuffled)), lambda: metric.what_if(TEST_SIZES, name, size, shuffled)
    )
    show_canvas(view, key="metric_what_if", on_pick=state.pick)
