"""The sidebar: the choice of image, token, layer, head and checkpoint."""

from functools import cache
from typing import Any

import streamlit as st

from explainer.app import state
from explainer.app.canvas import show as show_view
from explainer.app.checkpoints import find, is_of_a_file, is_of_a_run, listed, title_of
from explainer.app.foreign import plain
from explainer.app.kept import kept_view
from explainer.app.server.downloads import offer_weights
from explainer.app.server.upload_boxes import expect, receive
from explainer.app.server.uploads import MOST_MEGABYTES, keep_upload, picture_source, show_picture_box
from explainer.app.session import Session
from explainer.app.steps import choosing, own_choice
from explainer.app.steps.moments import followed
from explainer.app.steps.page import show_choosing
from explainer.menu import PAGES
from explainer.notation.wording import sentence
from explainer.stages import Page
from explainer.steps.forward_pass import STEPS
from vit_core import CHECKPOINTS
from vit_core.pictures import open_picture
from vit_core.weights.sources import SOURCES

SMALLEST = 32  # pixels a side, below which there is nothing to see but blocks


def show(session: Session, page: str) -> None:
    """What changes ``page``, to choose from; layer and head are in the bar of a page of steps.

    A page that nothing changes has no sidebar, unless a link waits for weights that are to be downloaded.
    """
    record = PAGES[page]
    if "image" in record.uses:
        if page in STEPS:
            show_choosing(followed(page, session), "token" in record.uses)
        else:
            _choosing(session, record)
        _own_picture()
    if page == "compare":
        _other_picture()
    if "checkpoint" in record.uses or state.waiting() is not None:
        _checkpoint(session)


def _choosing(session: Session, page: Page) -> None:
    """The image, the layer and the head, and the gallery, on a page that runs anew with each choice."""
    picks, place = "token" in page.uses, (session.state.checkpoint, session.state.picture)
    token = session.token if picks else -1
    image = kept_view(("sidebar", *place, token), lambda: choosing.image(session, has_caption=False, picks_token=picks))
    show_view(image, key="sidebar_picture", on_pick=state.pick)
    if picks:
        st.caption(plain(choosing.chosen_token(session)))  # there at once, while the image is on its way
    for key, label, last in (
        ("layer", "Layer", session.config.num_layers),
        ("head", "Attention head", session.config.num_heads),
    ):
        if page.uses_layer and last > 1:
            st.slider(f"{label} (1 to {last})", 1, last, key=key)
    gallery = kept_view(("gallery", session.state.picture), lambda: choosing.gallery(session))
    show_view(gallery, key="gallery", on_pick=state.pick)


def _own_picture() -> None:
    with st.popover("Your own image", icon=":material/add_a_photo:", width="stretch", on_change="rerun") as popover:
        if popover.open:  # a camera that is not asked for is not opened
            show_picture_box("upload", "uploads", _take)
            if st.toggle("Use the camera", key="with_camera"):
                expect("camera", MOST_MEGABYTES)
                st.camera_input("Take an image", key="camera", on_change=_take, args=("camera",))


def _other_picture() -> None:
    with st.popover("Your own on the right", icon=":material/add_a_photo:", width="stretch"):
        show_picture_box("compare_upload", "compare_uploads", _take_other)


def _take_other(widget: str) -> None:
    receive(widget, "compare_uploads", _keep_other, "The image was not changed.")


def _keep_other(upload: Any) -> None:
    own_choice.choose("compare", other_picture=keep_upload(upload.getvalue()))


def _take(widget: str) -> None:
    """Make an uploaded image the chosen one, or report why that is not possible."""
    receive(widget, "uploads", _keep, "The image was not changed.")


def _keep(upload: Any) -> None:
    st.session_state["picture"] = name = keep_upload(upload.getvalue())
    width, height = open_picture(picture_source(name)).size
    if min(width, height) < SMALLEST:
        state.report(
            f"{upload.name} has only {width} x {height} pixels. It is enlarged to what the model reads; an image of "
            f"at least {SMALLEST} pixels a side shows more."
        )


def _checkpoint(session: Session) -> None:
    chosen = str(st.session_state.get("checkpoint_choice"))
    if chosen not in CHECKPOINTS or CHECKPOINTS[chosen].is_here:  # otherwise it waits to be downloaded
        st.session_state["checkpoint_choice"] = session.state.checkpoint
    st.selectbox(
        "Checkpoint",
        listed(session.state.checkpoint),
        key="checkpoint_choice",
        format_func=_checkpoint_label,
        on_change=_choose_checkpoint,
    )
    chosen = st.session_state.get("checkpoint_choice") or session.state.checkpoint
    record = find(chosen)
    config = record.config
    st.caption(
        f"{SOURCES[record.source].title}, {config.image_size} pixels, patch {config.patch_size}, "
        f"{config.num_layers} layers, {record.size_mb:,.0f} MB. "
        + plain(f"Licence: {record.licence}." if record.licence else f"{sentence(record.description)}.")
    )
    if offer_weights(record, width="stretch"):
        state.choose_checkpoint(chosen)
        st.rerun()


@cache
def _checkpoint_label(name: str) -> str:
    """The name, shortened in its middle, with the size of its file; asked for every name on every run."""
    if is_of_a_run(name):
        return title_of(name)
    if is_of_a_file(name):
        return f"{find(name).card.get('name', 'a file')} · your file"
    short = name if len(name) <= 48 else f"{name[:26]}…{name[-20:]}"
    return f"{short} · {CHECKPOINTS[name].size_mb:,.0f} MB"


def _choose_checkpoint() -> None:
    name = st.session_state["checkpoint_choice"]
    try:
        is_here = find(name).is_here
    except (LookupError, ValueError) as error:
        state.report(f"{error}. You see {state.current().checkpoint}.")
    else:
        if is_here:
            state.choose_checkpoint(name)
