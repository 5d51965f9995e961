"""Which browser the reader uses: known again after a reload, so that what was given can be removed by its giver."""

import re
from collections.abc import Mapping
from typing import Any

import streamlit as st

from explainer.components import reader_script

KEY = "reader"  # of the component in the session
_component = st.components.v2.component("vit_explainer.reader", js=reader_script())


def reader_key() -> str | None:
    """The browser's own secret; None before it has sent one, or where it keeps nothing."""
    held: Any = st.session_state.get(KEY)
    key = held.get("key") if isinstance(held, Mapping) else None
    return key if isinstance(key, str) and re.fullmatch(r"[0-9a-f]{32}", key) else None


def ask_reader() -> None:
    """Let the browser send its key; the style hides it."""
    _component(key=KEY, data={"known": reader_key()}, on_key_change=lambda: None, width=1, height=1)
