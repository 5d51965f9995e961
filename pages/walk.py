"""The forward pass as a film, from pixels to prediction."""

import streamlit as st

from explainer.app import state
from explainer.app.blocks import show_head, show_neighbours, show_section
from explainer.app.canvas import show as show_canvas
from explainer.app.film import film
from explainer.app.kept import kept_view
from explainer.app.session import current
from explainer.lessons import HANDS_ON
from explainer.panels import Pick
from explainer.views.compose import explained
from explainer.views.walk import walk

ENTERED = "walk_entered"  # the model, the layer that the reader has entered in the browser, the layer that was sent

lesson, session = HANDS_ON["walk"], current()
token = session.state.token or 0  # who has chosen none follows the class token
same = ("walk", session.state.checkpoint, session.state.picture, session.head, token)


def sent_layer() -> int:
    """The layer shown in full when the film is sent; not sent again where the browser has entered another."""
    model, chosen, sent = st.session_state.get(ENTERED, (None, None, session.layer))
    is_on_screen = "walk" in st.session_state  # what is no longer drawn has no state
    if is_on_screen and (model, chosen) == (session.state.checkpoint, session.layer):
        return int(sent)
    st.session_state.pop(ENTERED, None)
    return session.layer


def picked(pick: Pick) -> None:
    """The choice, for the sidebar, too; the browser enters a layer before the server knows."""
    if "layer" in pick:
        st.session_state[ENTERED] = (session.state.checkpoint, pick["layer"], layer)
    state.pick(pick)


show_head(lesson)
show_section(lesson, "film")
layer = sent_layer()
view = kept_view(
    (*same, layer), lambda: explained(walk.entered(kept_view(same, lambda: film(session, token)), layer), layer)
)
show_canvas(view, key="walk", on_pick=picked)
show_section(lesson, "drawn")
show_neighbours(lesson)
