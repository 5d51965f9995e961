"""What this session has chosen to learn from, and to measure on; every page that trains asks here."""

import streamlit as st

HELD_OUT = "held_out"  # in the URL
USUAL_HELD_OUT = 10

DATASET = "dataset"  # in the session
HELD_OUT_CHOSEN = "held_out_chosen"  # in the session


def choose(name: str) -> None:
    """Choose a data set for every page."""
    st.session_state[DATASET] = name


def held_out() -> int:
    """The number of images of each class that are held out, where the data has no test split of its own."""
    asked = st.query_params.get(HELD_OUT, USUAL_HELD_OUT)
    number: int = st.session_state.setdefault(HELD_OUT_CHOSEN, int(asked))
    return number
