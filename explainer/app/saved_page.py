"""Save this page: its parts are noted while it is drawn, and written into one file when a reader asks for it.

Until then nothing is built, and no picture is kept for it that the server would not keep anyway.
"""

from dataclasses import replace
from functools import partial
from urllib.parse import urlencode
from weakref import ReferenceType, ref

import streamlit as st

from explainer.app.session import Session
from explainer.export.saved_parts import Part, SavedPage, Words
from explainer.gallery import GALLERY
from explainer.lessons import Lesson
from explainer.panels import Frames, View
from explainer.stages import Page, Stage

_NOTES = "saved_page"
_GONE = Words("*The server no longer had this figure when the page was saved. Load the page again, then save it.*")

Note = Part | ReferenceType[View | Frames]


def begin() -> None:
    """A page is drawn from its top."""
    st.session_state[_NOTES] = []


def forget() -> None:
    """A page is drawn whose file is made of its steps, when it is asked for."""
    st.session_state.pop(_NOTES, None)


def note(part: Part) -> None:
    """Note a part that is shown. Once the button is there nothing is noted: then a part of the page is drawn again."""
    notes: list[Note] | None = st.session_state.get(_NOTES)
    if notes is not None:
        notes.append(ref(part) if isinstance(part, View | Frames) else part)


def described(stage: Page, session: Session, address: str) -> SavedPage:
    """The file of a page without its parts: what its numbers belong to, and where it came from."""
    layer = f"layer {session.layer}, head {session.head}, " if stage.uses_layer else ""
    picture = GALLERY.get(session.state.picture)
    title = picture.title if picture else "An image of your own"
    model = session.checkpoint
    return SavedPage(
        stage.title,
        (),
        "ViT explainer",
        f"{title} · {model.name} · {layer}token {session.token}",
        (
            f"Image: {title}. {picture.credit}." if picture else f"Image: {title}.",
            f"Model: {model.description or model.name}." + (f" Licence: {model.licence}." if model.licence else ""),
        ),
        address,
    )


def show_button(stage: Stage | Lesson, session: Session) -> None:
    """The button, for what was noted until here."""
    notes = tuple(st.session_state.pop(_NOTES, ()))
    page = described(stage, session, _address())
    with st.container(key="save_page"):
        st.download_button(
            "Save this page",
            partial(_file, page, notes),
            file_name=f"vit-{stage.name}.html",
            mime="text/html",
            on_click="ignore",
            type="tertiary",
            icon=":material/save_alt:",
            help="One HTML file with the words, the equations, the figures that react to the mouse, the "
            "tensors, the code and the proof. It opens without this server and without a network.",
        )


def _address() -> str:
    """The address of this page, with everything that is chosen on it."""
    chosen = [(name, value) for name in st.query_params for value in st.query_params.get_all(name)]
    return f"{(st.context.url or '').partition('?')[0]}?{urlencode(chosen)}".rstrip("?")


def _file(page: SavedPage, notes: tuple[Note, ...]) -> str:
    # Imported when there is something to write: it would cost every start of the app 0.2 s.
    from explainer.html_export import export_html

    parts = (part() or _GONE if isinstance(part, ReferenceType) else part for part in notes)
    return export_html(replace(page, parts=tuple(parts)))
