"""The film of the Step through page, made while the reader waits."""

import streamlit as st

from explainer.app.session import Session, block
from explainer.panels import View
from explainer.views.walk import walk
from vit_core import BlockTrace


def film(session: Session, token: int) -> View:
    """The film of this image; for the layers of a large model, which take some seconds, a bar counts them."""
    bar, count = st.empty(), session.config.num_layers

    def block_of(layer: int) -> BlockTrace:
        if session.config.hidden_size > 400:
            bar.progress(layer / count, text=f"Layer {layer} of {count}")
        return block(session.state.checkpoint, session.state.picture, layer)

    labels = session.checkpoint.labels
    view = walk.forward(session.model, session.trace, session.pixels, labels, session.head, token, block_of)
    bar.empty()
    return view
