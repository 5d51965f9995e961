"""The whole forward pass on one screen, in the order of the paper's Figure 1."""

from explainer.stages import Stage
from explainer.views import overview
from pages.blocks import show_section, show_stage, show_view
from pages.session import current

session = current()


def pictures(stage: Stage) -> None:
    """The pipeline, and what the model says at its end."""
    show_section(stage, "pipeline")
    show_view(
        overview.pipeline(
            session.model,
            session.trace,
            session.block,
            session.pixels,
            session.checkpoint.labels,
            session.layer,
            session.head,
        ),
        key="pipeline",
    )
    show_section(stage, "prediction")
    show_view(overview.prediction(session.trace.probabilities, session.checkpoint.labels), key="prediction")


show_stage("overview", session, pictures, leading=())
