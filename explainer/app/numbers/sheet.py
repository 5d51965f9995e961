"""The sheet at the bottom of every page: how one number was made, with ways to the numbers that it was made from."""

from functools import cache
from html import escape
from typing import Any

import streamlit as st

from explainer.app import state
from explainer.app.blocks import scheme
from explainer.app.foreign import plain
from explainer.app.numbers.passes import check_side, pass_of
from explainer.app.server.loopback import for_reader
from explainer.app.session import Session
from explainer.components import number_sheet_script
from explainer.links import of_symbols
from explainer.numbers import NumberExplanation, explain_number
from explainer.numbers.derived import Number, sides_of
from explainer.numbers.expressions import checked_number, parse
from explainer.numbers.html import DIGITS, body

KEY = state.NUMBER  # the name in the URL
_TRAIL = state.NUMBER_TRAIL
_COMPONENT = "vit_explainer.number"


def problem(opened: Session, page: str) -> str | None:
    """A sentence if the link names a number that there is not; then it is taken out of the link.

    A number of another side than the page's own is looked up by ``show``, once the page knows its sides.
    """
    text = st.query_params.get(KEY)
    if text is None:
        return None
    try:
        number = parse(text)
        for side in sides_of(number):
            check_side(side, page)
        if not has_sides():
            checked_number(number, lambda _: opened.model)
    except ValueError as error:
        _close()
        return _sentence(error)
    return None


def has_sides() -> bool:
    """Whether the link's number is of another forward pass than the page's own."""
    try:
        return any(sides_of(parse(st.query_params.get(KEY, ""))))
    except ValueError:
        return False


def _sentence(error: ValueError) -> str:
    return f"The link asks for a number that cannot be explained: {str(error).removesuffix('.')}."


@st.fragment
def show(page: str) -> None:
    """The sheet of a page, if a number is asked for. Going deeper runs the sheet alone."""
    text = st.query_params.get(KEY)
    if text is None:
        return
    try:
        explanation = explain_number(parse(text), lambda side: pass_of(side, page))
    except ValueError as error:
        # The page's model was changed in the meantime, and its next run reports that; or a side has no such number.
        if has_sides():
            _close()
            st.warning(plain(_sentence(error)))
        return
    with st.container(key="number_sheet", gap="small"):
        _head(explanation)
        _component()(
            key="number_body",
            data={"html": body(explanation), "words": _spoken(explanation), "number": text},
            on_number_change=lambda: _deeper(page),
            on_close_change=_close,
        )
        _python(explanation)


def _head(explanation: NumberExplanation) -> None:
    """The number in words, the way back, and the way out."""
    with st.container(key="number_head", horizontal=True, vertical_alignment="center", gap="small"):
        if st.session_state.get(_TRAIL):
            st.button("Back", icon=":material/arrow_back:", key="number_back", on_click=_back)
        with st.container(key="number_title", gap=None):
            symbol = explanation.coloured(explanation.symbol_template, scheme())
            st.markdown(f"${symbol} = {explanation.value:.{DIGITS}g}$")
            formulas = (explanation.symbol_template, *([explanation.working.formula] if explanation.working else []))
            words = escape(f"{explanation.words}. {explanation.equation}".strip())
            st.html(f'<p class="vit-number-words" {of_symbols(*formulas)}>{words}</p>')
        if explanation.working and explanation.working.formula != explanation.symbol_template:
            with st.container(key="number_formula"):
                st.latex(explanation.coloured(explanation.working.formula, scheme()))
        st.button("Close", icon=":material/close:", key="number_close", on_click=_close)


def _spoken(explanation: NumberExplanation) -> str:
    return f"{explanation.value:.{DIGITS}g}: {explanation.words}. {explanation.equation}"


def _python(explanation: NumberExplanation) -> None:
    st.code(for_reader(f"{explanation.python_import}\n{explanation.python}"), language="python", wrap_lines=True)
    if explanation.blanks:
        blanks = " and of ".join(explanation.blanks)
        st.caption(f"Insert the path of {plain(blanks)}: this server does not give it out.")


def _deeper(page: str) -> None:
    """A factor was clicked: explain it, and remember where the reader came from."""
    asked = st.session_state["number_body"].get("number")
    try:
        number: Number = checked_number(parse(str(asked)), lambda side: pass_of(side, page).model)
    except ValueError:
        return  # no link of ours
    before = st.query_params.get(KEY)
    if before is not None and before != str(number):
        st.session_state[_TRAIL] = (*st.session_state.get(_TRAIL, ()), before)[-50:]
    st.query_params[KEY] = str(number)


def _back() -> None:
    *rest, last = st.session_state[_TRAIL]
    st.session_state[_TRAIL] = tuple(rest)
    st.query_params[KEY] = last


def _close() -> None:
    st.session_state.pop(_TRAIL, None)
    st.query_params.pop(KEY, None)


@cache
def _component() -> Any:
    return st.components.v2.component(
        _COMPONENT, html='<div class="vit-number"></div>', js=number_sheet_script(), isolate_styles=False
    )
