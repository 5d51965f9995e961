"""A control makes a change as one step of the history, and follows the changes that there are."""

from collections.abc import Callable

import streamlit as st

from explainer.app.what_if import history
from vit_core.interventions import Interventions

PROBLEMS, SWAP_FIRST = "what_if_said", "what_if_swap_first"


def apply(make: Callable[[Interventions], Interventions]) -> None:
    """Take one step; an impossible one is reported."""
    try:
        history.change(make(history.shown()))
    except ValueError as error:
        st.session_state.setdefault(PROBLEMS, []).append(f"That cannot be changed: {error}.")


def sync(key: str, value: object) -> None:
    """Make a control follow the changes, however they came about: by itself, undone, or from a link."""
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
