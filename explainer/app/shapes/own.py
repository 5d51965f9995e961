"""How to get the same for one's own model: in Python, and as a command."""

import shlex

import streamlit as st

from explainer.app.shapes.choice import Sizes
from explainer.shapes.own_code import COMMAND, PYTHON, command_of


def show_own(sizes: Sizes) -> None:
    """Three lines of Python, and the commands: for code of one's own, and for what is on this page."""
    st.code(PYTHON, language="python")
    st.code(COMMAND, language="bash", wrap_lines=True)
    st.caption("What this page shows, in a terminal:")
    st.code(shlex.join(command_of(sizes.config, sizes.batch)), language="bash", wrap_lines=True)
