"""Images that readers bring: checked when they come, kept as they came, named by their content."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from explainer.app.server.store import Store
from explainer.app.server.upload_boxes import show_box
from explainer.app.state import UPLOAD_PREFIX
from explainer.gallery import GALLERY
from vit_core.pictures import open_picture

PICTURE_TYPES = ("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif")
MOST_MEGABYTES = 40  # of one image, and of a zip of images
_uploads: Store[bytes] = Store(256 * 2**20)
# What a page shows among many, uploaded or of a data set: apart, so that it does not push out what somebody has chosen.
_shown: Store[bytes | Path] = Store(48 * 2**20)


def show_picture_box(name: str, counter: str, on_change: Callable[[str], None]) -> None:
    """A box for one image, with a new key after each: the uploader forgets the last one, good or bad."""
    show_box(
        "Upload an image",
        PICTURE_TYPES,
        megabytes=MOST_MEGABYTES,
        key=f"{name}_{st.session_state.get(counter, 0)}",
        on_change=on_change,
        help="It stays in this server's memory while there is room, and is not passed on.",
    )


def keep_upload(data: bytes) -> str:
    """Keep an uploaded image for all sessions that have its link, and return the name it has in the URL.

    Raises:
        vit_core.pictures.PictureError: if it is no image, broken, or too large; then nothing is kept.
    """
    name = _name(data)
    if _uploads.get(name) is None:
        open_picture(data)
        _uploads.put(name, data, len(data))
    return name


def keep_shown(source: bytes | Path) -> str:
    """Remember an image that a page shows, and return the name by which ``picture_source`` has it while there is room.

    Raises:
        OSError: if its file cannot be read.
    """
    name = _name(_bytes(source))
    _shown.put(name, source, 512 + (len(source) if isinstance(source, bytes) else 0))
    return name


def shown_source(name: str) -> bytes | Path | None:
    """The source that ``keep_shown`` got under that name; None if it is no longer kept."""
    return _shown.get(name)


def picture_source(name: str) -> bytes:
    """The encoded bytes of an image of the gallery, of an uploaded one, or of one that a page has shown.

    Raises:
        LookupError: if there is none, or it was uploaded and is not kept any more.
    """
    if name in GALLERY:
        return GALLERY[name].path.read_bytes()
    if not name.startswith(UPLOAD_PREFIX):
        raise LookupError(f"there is no image {name[:60]!r}")
    if (data := _uploads.get(name)) is None and (data := _shown_bytes(name)) is None:
        raise LookupError(
            "The uploaded image of this link is no longer on this server: uploads are kept in memory only. "
            "Upload it again, and the same link works."
        )
    return data


def _shown_bytes(name: str) -> bytes | None:
    """The bytes of an image that a page has shown, if they are still the same."""
    source = _shown.get(name)
    try:
        data = None if source is None else _bytes(source)
    except OSError:
        return None
    return data if data is not None and _name(data) == name else None


def _bytes(source: bytes | Path) -> bytes:
    return source if isinstance(source, bytes) else source.read_bytes()


def _name(data: bytes) -> str:
    return UPLOAD_PREFIX + hashlib.blake2b(data, digest_size=12).hexdigest()
