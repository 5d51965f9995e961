"""The ways to images that are not here yet: a download, a zip, a folder; and how one's own are removed again."""

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from explainer.app import state
from explainer.app.data.choice import choose
from explainer.app.foreign import plain
from explainer.app.server.downloads import show_bytes
from explainer.app.server.loopback import is_on_this_machine
from explainer.app.server.reader import ask_reader, reader_key
from explainer.app.server.upload_boxes import receive, show_box
from explainer.app.server.uploads import MOST_MEGABYTES
from explainer.notation.wording import sentence
from vit_core.training.data.datasets import (
    TOY,
    Dataset,
    add_folder,
    add_zip,
    bring_back,
    download_dataset,
    is_own,
    note_giver,
    remove_dataset,
    was_given_by,
)
from vit_core.training.data.foodvision import FOODVISION

_GIVEN = "datasets_given"  # in the session: names of those that it brought
_REMOVED = "dataset_removed"  # the one that can be brought back


def offer_download(data: Dataset, key: str) -> None:
    """The source of a data set, and the button that downloads it."""
    source = FOODVISION[data.name]
    st.info(
        f"**{plain(data.title)}** is the course's own data: photographs of pizza, steak and sushi from Food-101. It is "
        f"not on this server yet. It comes from {source.url}; by hand, save that file as {plain(source.archive)}.",
        icon=":material/cloud_download:",
    )
    label = f"Get it ({data.megabytes:,.0f} MB)"
    if not st.button(label, icon=":material/download:", key=f"{key}_get", type="primary"):
        return
    bar = st.progress(0.0, text="Connecting")
    try:
        download_dataset(data.name, partial(show_bytes, bar, 1))
    except (OSError, ValueError) as error:
        state.report(f"{data.title}: {error}.".replace("..", "."))
    st.rerun()


def bring_own(key: str) -> None:
    """A zip, or a folder of this computer where it is the reader's."""
    with st.popover("Your own images", icon=":material/create_new_folder:", on_change="rerun") as popover:
        if not popover.open:
            return
        st.markdown("Laid out as `class/picture.jpg`, or as `train/class/picture.jpg` and `test/class/picture.jpg`.")
        upload = f"{key}_zip_{st.session_state.get('zips', 0)}"  # a new key forgets the last file
        show_box(
            "A zip of class folders",
            ["zip"],
            megabytes=MOST_MEGABYTES,
            key=upload,
            on_change=_take_zip,
            help="It is unpacked on this server, where all its users can choose it, and is not passed on.",
        )
        if is_on_this_machine():
            path = f"{key}_path"
            st.text_input("Or the path of a folder on this computer", key=path, on_change=_take_folder, args=(path,))
            st.caption("A path has no limit of size, and nothing is copied.")
        else:
            st.caption(
                "Larger data is best named by its folder's path, without uploading it. That is offered only in a "
                "browser on the computer that runs this server: whoever runs it can add a folder there."
            )


def offer_removal(data: Dataset, key: str) -> None:
    """For who brought it, and for whoever sits at the server: others may be training on it."""
    ask_reader()
    if is_own(data) and _may_remove(data):
        hint = "From this list. The files of a folder stay untouched."
        if st.button("Remove", icon=":material/delete:", key=f"{key}_remove", help=hint):
            _remove(data)
            st.rerun()
    if removed := st.session_state.get(_REMOVED):
        st.button(
            "Undo",
            icon=":material/undo:",
            key=f"{key}_undo",
            on_click=_undo_removal,
            help=f"Brings {plain(removed.title)} back.",
        )


def _may_remove(data: Dataset) -> bool:
    """Whether the reader gave it, in this session or before a reload, or sits at the server."""
    key, is_given = reader_key(), data.name in st.session_state.get(_GIVEN, ())
    if key and is_given:
        with suppress(OSError):  # then this session alone knows
            note_giver(data, key)
    return is_given or bool(key and was_given_by(data, key)) or is_on_this_machine()


def _remove(data: Dataset) -> None:
    try:
        remove_dataset(data)
    except (OSError, ValueError) as error:
        state.report(f"{data.title} is still here: {error}.")
        return
    st.session_state[_REMOVED] = data
    choose(TOY)


def _undo_removal() -> None:
    data: Dataset = st.session_state.pop(_REMOVED)
    try:
        bring_back(data)
    except (OSError, ValueError):
        state.report(f"{data.title} cannot be brought back: another one has been removed since. Give it again.")
        return
    choose(data.name)


def _take_own(data: Dataset) -> None:
    st.session_state[_GIVEN] = (*st.session_state.get(_GIVEN, ()), data.name)
    choose(data.name)


def _take_zip(widget: str) -> None:
    receive(widget, "zips", _keep, "Nothing was changed.")


def _keep(upload: Any) -> None:
    _take_own(add_zip(upload.getvalue(), upload.name.removesuffix(".zip")[:60]))


def _take_folder(widget: str) -> None:
    text = str(st.session_state.get(widget, "")).strip().strip("\"'")
    if not text or not is_on_this_machine():
        return
    try:
        _take_own(add_folder(Path(text)))
    except (OSError, ValueError) as error:
        state.report(f"{sentence(str(error))}. Nothing was changed.")
