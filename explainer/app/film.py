"""What the film of the Step through page needs, made while the reader waits."""

import streamlit as st

from explainer.app.session import Session


def prepare(session: Session) -> None:
    """The layers of a large model take some seconds: a bar counts them."""
    if session.config.hidden_size <= 400:
        return
    bar, count = st.empty(), session.config.num_layers
    for layer in range(1, count + 1):
        bar.progress(layer / count, text=f"Layer {layer} of {count}")
        session.block_of(layer)
    bar.empty()
