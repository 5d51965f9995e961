"""Which data set this session has chosen: remembered when the page changes, and carried by the link."""

from collections.abc import Mapping

import streamlit as st

from vit_core.training.datasets import TOY, Dataset

PARAMETER = "data"  # in the URL
PROBLEM = "dataset_problem"  # in the session: a sentence to say once

_CHOSEN = "dataset"  # in the session
_WRITTEN = "dataset_written"  # what this session last wrote into the URL


def current_name(known: Mapping[str, Dataset]) -> str:
    """The chosen one's name; a link that says another than this session last wrote there wins."""
    asked = st.query_params.get(PARAMETER)
    if asked is not None and asked != st.session_state.get(_WRITTEN):
        st.session_state[_WRITTEN] = asked
        if asked in known:
            st.session_state[_CHOSEN] = asked
        else:
            st.session_state[PROBLEM] = (
                f"The link names the pictures {asked[:60]!r}, which are not on this server. You see toy pictures."
            )
            st.session_state[_CHOSEN] = TOY
    name: str = st.session_state.get(_CHOSEN, TOY)
    return name if name in known else TOY


def choose(name: str) -> None:
    """From now on, on every page."""
    st.session_state[_CHOSEN] = name


def write_url(name: str) -> None:
    """Put the choice into the link; toy pictures need no word there."""
    wanted = None if name == TOY else name
    st.session_state[_WRITTEN] = wanted
    if wanted is None:
        st.query_params.pop(PARAMETER, None)
    elif st.query_params.get(PARAMETER) != wanted:
        st.query_params[PARAMETER] = wanted
