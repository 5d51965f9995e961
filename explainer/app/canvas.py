"""A view on the page, or frames of one: packed, sent, drawn in the browser; and the reader's clicks."""

from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import streamlit as st

from explainer.app.server import tensor_route
from explainer.app.state import NUMBER
from explainer.app.steps.exports import FIGURE_PATH
from explainer.components import core, streamlit_adapter
from explainer.numbers.expressions import is_number
from explainer.packing import digest, header_of, pack
from explainer.panels import Frames, Pick, View

INLINE = 64 * 1024  # bytes; a larger view goes by the tensor route
ROOM = 24 * 1024  # characters of a header that goes before it

# The component's text travels in each message of each of its pictures: with the route it is a few lines that fetch the
# canvas once per browser; without it, the whole canvas.
# The bytes of a view and their digest live as long as the view is shared.
_packed: WeakKeyDictionary[View | Frames, tuple[bytes, str]] = WeakKeyDictionary()

_PATH = (
    f'const PATH = "{tensor_route.PATH}", EXACT_PATH = "{tensor_route.EXACT_PATH}", FIGURE_PATH = "{FIGURE_PATH}";\n'
)
_core = core().encode()
_core_digest = tensor_route.keep(_core, "text/javascript")
_by_route = st.components.v2.component(
    "vit_explainer.canvas",
    js=_PATH
    + streamlit_adapter()
    + f'\nconst loadCore = () => import(new URL("{tensor_route.url(_core_digest)}", appAddress()).href);\n',
)
_by_socket = st.components.v2.component(
    "vit_explainer.canvas_by_socket",
    js=core() + _PATH + streamlit_adapter(after_core=True) + "\nconst loadCore = async () => ({ mount });\n",
)


def show(view: View | Frames, *, key: str, on_pick: Callable[[Pick], None] | None = None) -> Pick | None:
    """Draw ``view``; return the choice of a click, on the one run that the click caused, else None.

    ``on_pick`` is called before that run starts, when the values of widgets may still be set. Until the answer of the
    server is there, the browser already shows the choice. The element on the page stays as long as ``key`` does.
    Frames are moved through in the browser; where the reader comes to rest is written into the URL.
    """

    def picked() -> None:
        if on_pick and (pick := _checked(st.session_state[key].get("pick"), view)):
            on_pick(pick)

    def lost() -> None:
        st.session_state[_attempt(key)] = st.session_state.get(_attempt(key), 0) + 1

    def moved() -> None:
        if isinstance(view, Frames):
            _keep_place(view, st.session_state[key].get("place"))

    component, data = _payload(view, st.session_state.get(_attempt(key), 0))
    result = component(key=key, data=data, on_pick_change=picked, on_place_change=moved, on_lost_change=lost)
    return _checked(result.get("pick"), view)


def _attempt(key: str) -> str:
    return f"{key}.attempt"


def _payload(view: View | Frames, attempt: int) -> tuple[Callable[..., Any], bytes | dict[str, str | int]]:
    """The component and what it is given: small views as bytes, large ones as an address."""
    if not tensor_route.is_mounted():
        return _by_socket, pack(view)
    tensor_route.keep(_core, "text/javascript", _core_digest)  # it is in a bounded store, too
    if view not in _packed or attempt:  # a lost view has to be kept anew
        packed = pack(view, tensor_route.keep, tensor_route.offer, tensor_route.offer_view)
        _packed[view] = packed, digest(packed)
    packed, name = _packed[view]
    if len(packed) <= INLINE and not attempt:
        return _by_route, packed
    # Equal data is not sent again: the number of the attempt makes it different when the browser found something gone.
    address: dict[str, str | int] = {"url": tensor_route.url(tensor_route.keep(packed, name=name)), "attempt": attempt}
    if len(room := header_of(packed)) <= ROOM:
        address["room"] = room  # how much room it needs is known before it is here: nothing below it moves
    return _by_route, address


def _keep_place(frames: Frames, place: Any) -> None:
    """Put the frame that the reader has moved to into the URL; the last one goes without saying."""
    if place == "last":
        st.query_params.pop(frames.name, None)
    elif isinstance(place, int) and place in frames.places:
        st.query_params[frames.name] = str(place)


def _checked(pick: Any, view: View | Frames) -> Pick | None:
    """A pick as the browser sent it, if ``view`` can send such a one: names from the view, whole numbers or text."""
    if not isinstance(pick, Mapping) or not pick:
        return None
    for name, value in pick.items():
        if not isinstance(name, str) or isinstance(value, bool) or not isinstance(value, int | str):
            return None
        if view.picks and name not in view.picks:
            return None
        if name == NUMBER and not is_number(value):
            return None
    return dict(pick)
