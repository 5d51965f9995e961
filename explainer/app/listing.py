"""Tables, and the source of functions, read from the running program."""

from collections.abc import Callable, Iterable
from functools import cache
from html import escape
from typing import Any

import streamlit as st

from explainer.app.blocks import scheme
from explainer.notation.excerpts import excerpt_of, highlighted
from explainer.palette import Scheme


def show_table(name: str, lines: Iterable[str]) -> None:
    """A table whose rows stay one line high."""
    with st.container(key=f"table_{name}"):
        st.markdown("\n".join(lines))


def show_source(*functions: Callable[..., Any]) -> None:
    """The place of each function, and its lines in the quantities' colours."""
    for function in functions:
        st.html(_source(function, scheme()))


@cache
def _source(function: Callable[..., Any], colours: Scheme) -> str:
    code = excerpt_of(function)
    return f'<p class="vit-source">{escape(code.path)}, line {code.number}</p>' + highlighted(code, colours, ())


def show_functions(label: str, key: str, *functions: Callable[..., Any]) -> None:
    """The sources of functions, folded up until somebody wants to read them."""
    with st.expander(label, key=key, on_change="rerun") as expander:
        if expander.open:
            show_source(*functions)
