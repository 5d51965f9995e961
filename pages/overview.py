"""The whole forward pass on one screen, in the order of the paper's Figure 1."""

import streamlit as st

from explainer.app.blocks import show_accuracy, show_equation, show_section, show_stage, show_view
from explainer.app.session import current
from explainer.stages import Stage
from explainer.views import overview

session = current()


def pictures(stage: Stage) -> None:
    """The pipeline, and the prediction at its end."""
    with st.expander("Equations 1 to 4, with this model's numbers", icon=":material/function:"):
        for equation in stage.equations:
            show_equation(equation)
    show_section(stage, "pipeline")
    show_view(
        "pipeline",
        lambda: overview.pipeline(
            session.model,
            session.trace,
            session.block,
            session.pixels,
            session.checkpoint.labels,
            session.layer,
            session.head,
        ),
    )
    show_section(stage, "prediction")
    show_view("prediction", lambda: overview.prediction(session.trace.probabilities, session.checkpoint.labels))
    show_accuracy(session)


show_stage("overview", session, pictures, leading=())
