"""Eq. 1: the class token, the patch embeddings, their positions, and the sum."""

from explainer.app.blocks import show_formula, show_section, show_stage, show_view
from explainer.app.session import current
from explainer.stages import Stage
from explainer.views import embedding

session = current()
model, trace, token = session.model, session.trace, session.token


def pictures(stage: Stage) -> None:
    """One row of the sum, the whole sequence, and how alike the positions are."""
    show_section(stage, "sum")
    show_view("sum", lambda: embedding.sum_of_token(trace, model.class_token, model.position_embedding, token))
    show_section(stage, "sequence")
    show_view("sequence", lambda: embedding.sequence(trace, model.class_token, model.position_embedding, token))
    show_section(stage, "similarity")
    show_formula("cosine_similarity")
    show_view("similarity", lambda: embedding.position_similarity(model.position_embedding, token))


show_stage("embedding", session, pictures)
