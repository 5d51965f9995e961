"""The source of a function on the page, read from the running program."""

from collections.abc import Callable
from html import escape
from typing import Any

import streamlit as st

from explainer.app.blocks import scheme
from explainer.notation.excerpts import excerpt_of, highlighted


def show_function(function: Callable[..., Any]) -> None:
    """The place of the function, and its lines in the quantities' colours."""
    code = excerpt_of(function)
    st.html(f'<p class="vit-source">{escape(code.path)}, line {code.number}</p>' + highlighted(code, scheme(), ()))


def show_functions(label: str, key: str, *functions: Callable[..., Any]) -> None:
    """The sources of functions, folded up until somebody wants to read them."""
    with st.expander(label, key=key, on_change="rerun") as expander:
        if expander.open:
            for function in functions:
                show_function(function)
