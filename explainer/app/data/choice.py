"""The data set that this session has chosen: remembered when the page changes, and carried by the link."""

from collections.abc import Mapping

import streamlit as st

from explainer.app.links.parameters import most, put
from vit_core.training.data.datasets import TOY, Dataset

PARAMETER = "data"  # in the URL
PROBLEM = "dataset_problem"  # in the session: a sentence to show once

HELD_OUT = "held_out"  # in the URL
USUAL_HELD_OUT, MOST_HELD_OUT = 10, most("held_out")

_HELD_OUT = "held_out_chosen"  # in the session
_CHOSEN = "dataset"  # in the session
_WRITTEN = "dataset_written"  # the name that this session last wrote into the URL


def current_name(known: Mapping[str, Dataset]) -> str:
    """The chosen one's name; a link that names another than this session last wrote there wins."""
    asked = st.query_params.get(PARAMETER)
    if asked is not None and asked != st.session_state.get(_WRITTEN):
        st.session_state[_WRITTEN] = asked
        if asked in known:
            st.session_state[_CHOSEN] = asked
        else:
            st.session_state[PROBLEM] = (
                f"The link names the images {asked[:60]!r}, which are not on this server. You see toy images."
            )
            st.session_state[_CHOSEN] = TOY
    name: str = st.session_state.get(_CHOSEN, TOY)
    return name if name in known else TOY


def choose(name: str) -> None:
    """Choose a data set for every page."""
    st.session_state[_CHOSEN] = name


def held_out() -> int:
    """The number of images of each class that are held out, where the data has no test split of its own."""
    if _HELD_OUT not in st.session_state:
        st.session_state[_HELD_OUT] = int(st.query_params.get(HELD_OUT, USUAL_HELD_OUT))
    number: int = st.session_state[_HELD_OUT]
    return number


def hold_out(number: int) -> None:
    """Hold out so many from now on, on every page, and in the link."""
    st.session_state[_HELD_OUT] = number


def write_held_out(is_used: bool) -> None:
    """Put the number into the link where it is used and not the usual one."""
    put(HELD_OUT, str(held_out()) if is_used and held_out() != USUAL_HELD_OUT else None)


def write_url(name: str) -> None:
    """Put the choice into the link; toy images need no word there."""
    wanted = None if name == TOY else name
    st.session_state[_WRITTEN] = wanted
    put(PARAMETER, wanted)
