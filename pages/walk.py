"""The forward pass as a film, from pixels to prediction."""

import streamlit as st

from explainer.lessons import HANDS_ON
from explainer.panels import View
from explainer.views import walk
from explainer.views.compose import explained
from pages import state
from pages.blocks import show_head, show_neighbours, show_section
from pages.canvas import show as show_canvas
from pages.session import block, current, kept_view
from vit_core import BlockTrace

lesson, session = HANDS_ON["walk"], current()
token = session.state.token or 0  # who has chosen none follows the class token
same = ("walk", session.state.checkpoint, session.state.picture, session.head, token)


def film() -> View:
    """The film of this picture; the layers of a large model take a few seconds, and say so."""
    bar, count = st.empty(), session.config.num_layers

    def block_of(layer: int) -> BlockTrace:
        if session.config.hidden_size > 400:
            bar.progress(layer / count, text=f"Layer {layer} of {count}")
        return block(session.state.checkpoint, session.state.picture, layer)

    labels = session.checkpoint.labels
    view = walk.forward(session.model, session.trace, session.pixels, labels, session.head, token, block_of)
    bar.empty()
    return view


show_head(lesson)
show_section(lesson, "film")
view = kept_view(
    (*same, session.layer),
    lambda: explained(walk.entered(kept_view(same, film), session.layer), session.layer),
)
show_canvas(view, key="walk", on_pick=state.pick)
show_section(lesson, "drawn")
show_neighbours(lesson)
