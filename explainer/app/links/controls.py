"""Widgets whose value is a parameter of the link, inside the limits that ``PARAMETERS`` has for it."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from explainer.app.links.parameters import limits


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
