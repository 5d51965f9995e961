"""Pictures that readers bring: checked when they come, kept as they came, named by their content."""

import hashlib

from explainer.gallery import GALLERY
from pages.state import UPLOAD_PREFIX
from pages.store import Store
from vit_core.pictures import open_picture

PICTURE_TYPES = ("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif")
MOST_MEGABYTES = 10  # of one picture; a zip of pictures may have as much as server.maxUploadSize
_uploads: Store[bytes] = Store(256 * 2**20)


def keep_upload(data: bytes) -> str:
    """Keep an uploaded picture for all sessions that have its link, and return the name it has in the URL.

    Raises:
        vit_core.pictures.PictureError: if it is no picture, broken, or too large; then nothing is kept.
    """
    name = UPLOAD_PREFIX + hashlib.blake2b(data, digest_size=12).hexdigest()
    if _uploads.get(name) is None:
        open_picture(data)
        _uploads.put(name, data, len(data))
    return name


def picture_source(name: str) -> bytes:
    """The encoded bytes of a gallery or uploaded picture.

    Raises:
        LookupError: if it was uploaded and is not kept any more.
    """
    if name in GALLERY:
        return GALLERY[name].path.read_bytes()
    if (data := _uploads.get(name)) is None:
        raise LookupError(
            "The uploaded picture of this link is no longer on this server: uploads are kept in memory only. "
            "Upload it again, and the same link works."
        )
    return data
