"""Widgets whose value is a parameter of the link, inside the limits that ``PARAMETERS`` has for it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import streamlit as st

from explainer.app.links.parameters import fit_choice, limits

Option = TypeVar("Option")


def whole(
    label: str,
    value: int | None = None,
    step: int | None = None,
    *,
    key: str,
    between: tuple[int, int] | None = None,
    **options: Any,
) -> int:
    """A field for a whole number.

    Args:
        label: what is counted.
        value: at first; the lowest if it is not given. Streamlit warns of a value where the session has set one.
        step: from one number to the next.
        key: the parameter.
        between: the smallest and the largest value, where they are not those of the table.
        options: of ``st.number_input``.
    """
    low, high = map(int, between or limits(key))
    first: Any = "min" if value is None else value
    return int(st.number_input(label, low, high, first, step, key=key, bind="query-params", **options))


def real(label: str, value: float, step: float, *, key: str, **options: Any) -> float:
    """A field for a number."""
    return float(st.number_input(label, *limits(key), value, step, key=key, bind="query-params", **options))


def segments(label: str, options: Sequence[str], default: str, *, key: str, in_link: bool = True) -> str:
    """A row of words, one of which is always chosen; not in the link if ``in_link`` is not set."""
    bind: Any = "query-params" if in_link else None
    return st.segmented_control(label, options, default=default, required=True, key=key, bind=bind) or default


def choice(
    label: str, options: Iterable[Option], what: str, *, key: str, title: Callable[[Option], str] = str, **more: Any
) -> Option:
    """A list to choose one from; a link that asks for another than these is corrected and reported.

    Args:
        label: what is chosen.
        options: what there is, the first of them at first.
        what: one of them, for the sentence: ``"run"``.
        key: the parameter.
        title: what an option is called on the page and in a link.
        more: arguments of ``st.selectbox``.
    """
    listed = list(options)
    fit_choice(key, listed, what, title)
    chosen = st.selectbox(label, listed, key=key, format_func=title, bind="query-params", **more)
    return listed[0] if chosen is None else chosen
