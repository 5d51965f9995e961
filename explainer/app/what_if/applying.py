"""How a control makes a change: one step of the history, and how a control follows what the changes say."""

from collections.abc import Callable

import streamlit as st

from explainer.app.what_if import history
from vit_core.interventions import Interventions

SAID, SWAP_FIRST = "what_if_said", "what_if_swap_first"


def apply(make: Callable[[Interventions], Interventions]) -> None:
    """Take one step; what cannot be is reported."""
    try:
        history.change(make(history.shown()))
    except ValueError as error:
        st.session_state.setdefault(SAID, []).append(f"That cannot be changed: {error}.")


def sync(key: str, value: object) -> None:
    """A control shows what the changes say, however they came about: by itself, undone, or from a link."""
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
