"""The sources of the Predict page's images: uploaded together, the chosen one, the gallery, a test split."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from explainer.app.server.store import Store
from explainer.app.server.uploads import keep_shown, keep_upload, picture_source, shown_source
from explainer.gallery import GALLERY
from explainer.numbers.words import PICTURE
from vit_core.training.predictions import Sample

MOST_TOGETHER = 200  # images of one upload
MOST_BYTES = 45 * 2**20  # of one upload: less than all readers together have

_batches: Store[tuple[tuple[str, str], ...]] = Store(2**20)  # its owner's name of each image, and ours of its bytes


@dataclass(frozen=True)
class Source:
    """Images to predict: their number, and their sources."""

    key: str  # equal keys stand for equal images
    samples: tuple[Sample, ...]

    def __len__(self) -> int:
        return len(self.samples)


def keep_batch(files: Sequence[tuple[str, bytes]]) -> str:
    """Keep images that were uploaded together, unread, and return the name they have in the URL.

    Raises:
        ValueError: if they are too many or too large to keep.
    """
    if len(files) > MOST_TOGETHER:
        raise ValueError(
            f"{len(files)} images are too many at once: upload at most {MOST_TOGETHER}, or put them into a folder "
            "and choose it as data"
        )
    if (size := sum(len(data) for _, data in files)) > MOST_BYTES:
        raise ValueError(
            f"together these images have {size / 2**20:.0f} MB, at most {MOST_BYTES / 2**20:.0f} MB are kept: "
            "upload fewer at a time"
        )
    batch = tuple((name, keep_shown(data)) for name, data in files)
    key = hashlib.blake2b(repr(batch).encode(), digest_size=12).hexdigest()
    _batches.put(key, batch, 512 * len(batch))
    return key


def uploaded(key: str) -> Source:
    """The images that were uploaded together under that name.

    Raises:
        LookupError: if they are not kept any more.
    """
    batch = _batches.get(key) or ()
    found = ((name, shown_source(digest)) for name, digest in batch)
    samples = tuple(Sample(name, source) for name, source in found if source is not None)
    if not batch or len(samples) < len(batch):
        raise LookupError(
            "The uploaded images of this link are no longer on this server: uploads are kept in memory only. "
            "Upload them again, and the same link works."
        )
    return Source(f"upload {key}", samples)


def chosen(picture: str) -> Source:
    """The image that the sidebar shows."""
    name = GALLERY[picture].title if picture in GALLERY else "Your image"
    return Source(f"picture {picture}", (Sample(name, picture_source(picture)),))


def gallery() -> Source:
    """All photographs of the gallery."""
    return Source("gallery", tuple(Sample(picture.title, picture.path) for picture in GALLERY.values()))


def name_for_explainer(sample: Sample) -> str:
    """The name by which the explainer shows this image.

    Raises:
        ValueError: if it is no image.
        OSError: if its file is gone.
    """
    data = sample.source
    return _in_gallery(sample) or keep_upload(data if isinstance(data, bytes) else data.read_bytes())


def side_of(sample: Sample) -> str:
    """The side of the numbers of this image's forward pass, read as the checkpoint was trained.

    Raises:
        OSError: if its file is gone.
    """
    return PICTURE + (_in_gallery(sample) or keep_shown(sample.source))


def _in_gallery(sample: Sample) -> str | None:
    return next((name for name, picture in GALLERY.items() if sample.source == picture.path), None)
