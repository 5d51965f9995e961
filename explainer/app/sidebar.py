"""The sidebar: the choice of image, token, layer, head and checkpoint."""

from functools import cache
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from explainer.app import state
from explainer.app.canvas import show as show_view
from explainer.app.checkpoints import find, is_of_a_file, is_of_a_run, listed, title_of
from explainer.app.foreign import plain
from explainer.app.kept import kept_view
from explainer.app.server.downloads import offer_weights
from explainer.app.server.upload_boxes import expect, receive
from explainer.app.server.uploads import MOST_MEGABYTES, keep_upload, picture_source, show_picture_box
from explainer.app.session import Session
from explainer.gallery import GALLERY
from explainer.notation.wording import sentence, token_name
from explainer.panels import Picture, Tiles, View
from vit_core import CHECKPOINTS
from vit_core.pictures import open_picture
from vit_core.weights.sources import SOURCES

THUMBNAIL = 64  # pixels
SMALLEST = 32  # pixels a side, below which there is nothing to see but blocks


def show(session: Session, uses_layer: bool) -> None:
    """Everything that can be chosen for every page; the layer and head are still where a page does not use them."""
    _picture(session)
    _layer_and_head(session, uses_layer)
    _gallery(session)
    _own_picture()
    _checkpoint(session)


def _picture(session: Session) -> None:
    config = session.config

    def make() -> View:
        picture = Picture(
            title="The image, as the model sees it",
            quantity="image",
            pixels=session.pixels,
            grid_size=config.grid_size,
            token=session.token,
            pick_tokens=True,
        )
        return View(
            rows=((picture,),),
            alt=f"The chosen image at {config.image_size} x {config.image_size} pixels, cut into "
            f"{config.grid_size} x {config.grid_size} patches. Chosen: "
            f"{token_name(session.token, config.grid_size)}.",
            picks=("token",),
        )

    view = kept_view(("sidebar", session.state.checkpoint, session.state.picture, session.token), make)
    show_view(view, key="sidebar_picture", on_pick=state.pick)
    st.caption(plain(f"Token {session.token} of {config.num_patches}: {token_name(session.token, config.grid_size)}"))


def _layer_and_head(session: Session, is_used: bool) -> None:
    for key, label, last in (
        ("layer", "Layer", session.config.num_layers),
        ("head", "Attention head", session.config.num_heads),
    ):
        if last > 1:
            st.slider(f"{label} (1 to {last})", 1, last, key=key, disabled=not is_used)


@st.cache_resource(max_entries=1, show_spinner=False)
def _thumbnails() -> np.ndarray:
    """The gallery as small squares, [pictures, height, width, 3]."""
    return np.stack([np.asarray(_square(open_picture(picture.path))) for picture in GALLERY.values()])


def _square(picture: Image.Image) -> Image.Image:
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    box = (left, top, left + side, top + side)
    return picture.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS, box=box)


def _gallery(session: Session) -> None:
    names = list(GALLERY)
    chosen = session.state.picture
    caption = f"{GALLERY[chosen].title}. {GALLERY[chosen].credit}." if chosen in GALLERY else "Your image"

    def make() -> View:
        tiles = Tiles(
            title="Gallery",
            quantity="image",
            caption=caption,
            pixels=_thumbnails(),
            labels=tuple(names),
            columns=4,
            selected=names.index(chosen) if chosen in names else None,
            picks=tuple({"picture": name} for name in names),
            tile_size=THUMBNAIL,
        )
        return View(
            rows=((tiles,),),
            alt=f"Photographs to choose from: {', '.join(picture.title for picture in GALLERY.values())}.",
            picks=("picture",),
        )

    show_view(kept_view(("gallery", chosen), make), key="gallery", on_pick=state.pick)


def _own_picture() -> None:
    with st.popover("Your own image", icon=":material/add_a_photo:", width="stretch", on_change="rerun") as popover:
        if popover.open:  # a camera that is not asked for is not opened
            show_picture_box("upload", "uploads", _take)
            if st.toggle("Use the camera", key="with_camera"):
                expect("camera", MOST_MEGABYTES)
                st.camera_input("Take an image", key="camera", on_change=_take, args=("camera",))


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
