"""What a page lets its reader choose besides the image, the model, the layer, the head and the token.

The browser owns it, as it owns all of the choice, and the address carries it. The session remembers it while other
pages are read. The address wins whenever it differs from what this session knew: then somebody opened a link, went
back, or typed.
"""

from collections.abc import Mapping
from types import MappingProxyType

import streamlit as st

from explainer.app.links.parameters import put
from vit_core.interventions import MAX_TEXT

OWN: Mapping[str, Mapping[str, str]] = {
    "what_if": {"changes": "", "tool": "mask", "first": "", "replacement": "zero", "where": ""},
    "compare": {
        "this_change": "",
        "other_picture": "",
        "other_checkpoint": "",
        "other_layer": "",
        "other_head": "",
        "other_token": "",
        "other_change": "",
        "mean_heads": "",
    },
}
"""Page -> name of a choice -> what it is at first."""


def defaults(page: str) -> Mapping[str, str]:
    """The choices of a page's own as they are at first; none for most pages."""
    return OWN.get(page, {})


def read(page: str, opening: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """The choices of this run; ``opening`` are those of a first visit by no link."""
    known = st.session_state.get(_key(page))
    asked = _asked(page)
    if known is None or (asked and asked != st.session_state.get(_written(page))):
        take(page, {**defaults(page), **(asked or (opening if known is None else {}))})
    return current(page)


def write(page: str) -> None:
    """Put the choices into the address, leaving out what is as it is at first."""
    own = defaults(page)
    for name, value in current(page).items():
        put(name, None if value == own[name] else value)
    st.session_state[_written(page)] = _asked(page)


def choose(page: str, **chosen: str) -> None:
    """Choose from the next run on, for callbacks; the address still has the choice before, and is not to win."""
    take(page, chosen)
    st.session_state[_written(page)] = _asked(page)


def current(page: str) -> dict[str, str]:
    """The choices as they were last known."""
    return {**defaults(page), **st.session_state.get(_key(page), {})}


def take(page: str, chosen: Mapping[str, str]) -> None:
    """Remember what the browser says that was chosen."""
    own = defaults(page)
    if own:
        st.session_state[_key(page)] = current(page) | {name: value for name, value in chosen.items() if name in own}


def is_choice(value: object) -> bool:
    """Whether a value may be of such a choice."""
    return isinstance(value, str) and len(value) <= MAX_TEXT


def _asked(page: str) -> dict[str, str]:
    return {name: st.query_params[name] for name in defaults(page) if name in st.query_params}


def _key(page: str) -> str:
    return f"own_choice_{page}"


def _written(page: str) -> str:
    return f"own_choice_written_{page}"
