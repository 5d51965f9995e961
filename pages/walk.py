"""The forward pass as a film, from pixels to prediction."""

import streamlit as st

from explainer.lessons import HANDS_ON
from explainer.views import walk
from pages import state
from pages.blocks import show_head, show_neighbours, show_section
from pages.canvas import show as show_canvas
from pages.session import current, forward_slots, kept_view

lesson, session = HANDS_ON["walk"], current()
token = session.state.token or 0  # who has chosen none follows the class token
SLOW = 100_000_000  # numbers: above it the layers take seconds


def make() -> walk.View:
    """The film of this picture; large models take a few seconds, and say so."""
    bar = st.empty()
    config = session.config
    is_slow = config.num_layers * config.num_tokens * config.hidden_size * config.mlp_size > SLOW

    def said(share: float) -> None:
        if is_slow:
            bar.progress(share, text=f"Layer {round(share * config.num_layers)} of {config.num_layers}")

    with forward_slots:
        view = walk.forward(
            session.model, session.trace, session.pixels, session.checkpoint.labels, session.layer, session.head, token,
            said,
        )
    bar.empty()
    return view


show_head(lesson)
show_section(lesson, "film")
key = (session.state.checkpoint, session.state.picture, session.layer, session.head, token)
show_canvas(kept_view(("walk", *key), make), key="walk", on_pick=state.pick)
show_section(lesson, "drawn")
show_neighbours(lesson)
