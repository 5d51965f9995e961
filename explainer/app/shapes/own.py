"""How to get the same for one's own model: in Python, and as a command. The tests run all of it."""

import shlex

import streamlit as st

from explainer.app.shapes.choice import Sizes
from explainer.commands.shapes import command_of

PYTHON = """\
from explainer.shapes import ledger

model = MyModel()  # any nn.Module
ledger(model, (1, 3, 224, 224), device="meta")  # the last line of a notebook cell shows itself
"""
COMMAND = "python -m explainer shapes my_model.py:MyModel --input 1,3,224,224 --expect 1,1000"


def show_own(sizes: Sizes) -> None:
    """Three lines of Python, and the commands: for code of one's own, and for what is on this page."""
    st.code(PYTHON, language="python")
    st.code(COMMAND, language="bash", wrap_lines=True)
    st.caption("What this page shows, in a terminal:")
    st.code(shlex.join(command_of(sizes.config, sizes.batch)), language="bash", wrap_lines=True)
