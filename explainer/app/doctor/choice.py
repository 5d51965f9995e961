"""The choice of a file for the checkpoint doctor: dropped, from this computer, or an example."""

from pathlib import Path

import streamlit as st

from explainer.app import state
from explainer.app.doctor.files import EXAMPLE, keep_file, path_of
from explainer.app.foreign import plain
from explainer.app.links.parameters import put
from explainer.app.server.loopback import is_on_this_machine
from explainer.app.server.upload_boxes import show_box, take
from explainer.doctor.examples import EXAMPLES
from vit_core.weights.reading import SUFFIXES

FILE = "file"  # in the URL, and in the session
_PATH = "doctor_path"  # of this computer: never in a link
MOST_MEGABYTES = 40  # as everything that strangers upload; a ViT-B has 343
MOST_MEGABYTES_HERE = 1024  # where the reader sits at the server


def choose_file() -> Path | None:
    """The ways to a file, and the one that is chosen; None as long as there is none."""
    is_here = is_on_this_machine()
    key = f"doctor_upload_{st.session_state.get('doctor_uploads', 0)}"  # a new one forgets the last file
    show_box(
        "Drop a file",
        [suffix.removeprefix(".") for suffix in SUFFIXES],
        megabytes=MOST_MEGABYTES_HERE if is_here else MOST_MEGABYTES,
        key=key,
        on_change=_take,
        help="It is kept on this server for a while, under a name that only your link contains, and is not passed on.",
    )
    if is_here:
        st.text_input(
            "Or the path of a file or of a Hugging Face folder on this computer",
            key=_PATH,
            on_change=_take_path,
            help="Nothing is copied; the only limit is 8 GB.",
        )
    else:
        st.caption(
            f"Up to {MOST_MEGABYTES} MB here. For larger files, `python -m explainer doctor FILE` gives the same "
            "report on your own computer."
        )
    chosen = _chosen()
    st.session_state["doctor_example"] = chosen.removeprefix(EXAMPLE) if chosen.startswith(EXAMPLE) else None
    st.pills(
        "Or one of these, made from the embedded model",
        list(EXAMPLES),
        key="doctor_example",
        format_func=lambda name: EXAMPLES[name].title,
        on_change=_take_example,
    )
    if is_here and (text := st.session_state.get("doctor_own_path")):
        return Path(text).expanduser()
    if not chosen:
        return None
    try:
        return path_of(chosen)
    except (LookupError, OSError) as error:
        st.warning(plain(error))
        return None


def _chosen() -> str:
    """The file that the URL names or, without one, the session."""
    chosen = str(st.query_params.get(FILE) or st.session_state.get("doctor_file", ""))
    if chosen:
        _remember(chosen)
    return chosen


def _remember(chosen: str) -> None:
    st.session_state["doctor_file"] = chosen
    put(FILE, chosen)


def _take(widget: str) -> None:
    """Keep the uploaded file, or report why that is not possible."""
    try:
        if not (uploads := take(widget)):
            return
        st.session_state["doctor_uploads"] = st.session_state.get("doctor_uploads", 0) + 1
        chosen = keep_file(uploads[0].name, uploads[0])
    except (ValueError, OSError) as error:
        state.report(f"{error}. Nothing was changed.")
        return
    st.session_state.pop("doctor_own_path", None)
    _remember(chosen)


def _take_path() -> None:
    text = str(st.session_state.get(_PATH, "")).strip().strip("\"'")
    if text and is_on_this_machine():
        st.session_state["doctor_own_path"] = text
        _forget()


def _take_example() -> None:
    name = st.session_state.get("doctor_example")
    st.session_state.pop("doctor_own_path", None)
    if name is None:
        _forget()
    else:
        _remember(f"{EXAMPLE}{name}")


def _forget() -> None:
    st.session_state.pop("doctor_file", None)
    put(FILE, None)
