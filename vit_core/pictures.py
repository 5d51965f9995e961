"""Pictures from anywhere: untrusted bytes to an upright 8-bit RGB picture, or one sentence that says why not."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, features

MAX_BYTES = 50_000_000
MAX_PIXELS = 50_000_000  # 150 MB of RGB: more than any phone's camera at its usual setting
MAX_ASPECT = 50  # long side to short side; beyond it, resizing the short side to 224 makes a strip of gigabytes
# What cameras, phones and browsers write, and nothing that PIL hands on to another program (EPS to Ghostscript).
# A name that this PIL cannot read would make Image.open fail for all of them.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", *(name for name in ("WEBP", "AVIF") if features.check(name.lower())))


class PictureError(ValueError):
    """A picture that cannot be used; the message is one sentence for the person who chose it."""


def open_picture(source: bytes | Path | str) -> Image.Image:
    """Decode a picture and make it upright, opaque 8-bit RGB; of an animation, its first frame.

    The number of bytes and the size that the header declares are checked before any pixel is decoded. A picture of
    1x1 pixels is one: it is resized like every other.

    Raises:
        PictureError: if it is too large, no picture of a known format, damaged, or too long and thin.
        OSError: if ``source`` is a path that cannot be read.
        TypeError: if it is a str: whether that means a path or a picture is not guessed.
    """
    data = _read(source)
    if not data:
        raise PictureError("the file is empty: choose a picture")
    try:
        picture = Image.open(BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        limit = f"at most {MAX_PIXELS // 10**6} million pixels are read"
        raise PictureError(f"the picture is too large: {limit}") from error
    except Exception as error:  # untrusted bytes: PIL's readers raise a dozen types, all of which mean this
        raise PictureError(f"this is no picture that can be read: expected one of {', '.join(FORMATS)}") from error
    check_size(*picture.size)
    try:
        picture.seek(0)
        picture.load()
    except Exception as error:  # as above: a truncated or lying file fails in as many ways as there are formats
        raise PictureError(
            f"the picture is damaged or incomplete: its header promises {picture.width}x{picture.height} pixels of "
            f"{picture.format}, and they could not all be read"
        ) from error
    return to_rgb(picture)


def to_rgb(picture: Image.Image) -> Image.Image:
    """The picture upright (EXIF), opaque on white, in 8-bit RGB. Colour profiles are not applied, as by torchvision.

    Raises:
        PictureError: if its pixels have no agreed black and white (32-bit numbers), or no way to RGB.
    """
    picture = _upright(picture)
    if picture.mode.startswith("I"):
        picture = _from_16_bit(picture)
    if picture.has_transparency_data:
        opaque = Image.new("RGBA", picture.size, "white")
        opaque.alpha_composite(picture.convert("RGBA"))
        picture = opaque
    if picture.mode == "RGB":
        return picture
    if picture.mode == "F":
        raise PictureError("its pixels are floating-point numbers without an agreed white: save it with 8 or 16 bits")
    try:
        return picture.convert("RGB")
    except ValueError as error:
        raise PictureError(f"a picture of mode {picture.mode} cannot be turned into RGB: save it as RGB") from error


def check_size(width: int, height: int) -> None:
    """Refuse sizes that cannot be processed, before anything of that size is made.

    Raises:
        PictureError: if a side is zero, there are more than ``MAX_PIXELS``, or it is longer than ``MAX_ASPECT`` to 1.
    """
    if min(width, height) < 1:
        raise PictureError(f"the picture has no pixels: its header says {width}x{height}")
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"the picture is too large: {width}x{height} is {width * height / 1e6:.0f} million pixels, "
            f"at most {MAX_PIXELS // 10**6} million are read"
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise PictureError(
            f"the picture is too long and thin: {width}x{height} is more than {MAX_ASPECT}:1, so its middle square "
            "would show almost nothing of it; crop it first"
        )


def _read(source: bytes | Path | str) -> bytes:
    """The bytes, at most one more than ``MAX_BYTES`` of them read from a file."""
    if isinstance(source, str):
        raise TypeError(f"expected the bytes of a picture or a Path, got a str: write Path({source[:80]!r})")
    if isinstance(source, Path):
        with source.open("rb") as file:
            source = file.read(MAX_BYTES + 1)
    if len(source) > MAX_BYTES:
        raise PictureError(f"the file is too large: at most {MAX_BYTES // 10**6} MB are read")
    return source


def _upright(picture: Image.Image) -> Image.Image:
    """Turned as its EXIF orientation says; a broken EXIF block turns nothing."""
    try:
        orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
        return picture if orientation == 1 else ImageOps.exif_transpose(picture)
    except Exception:  # EXIF is untrusted too, and a picture is worth showing without it
        return picture


def _from_16_bit(picture: Image.Image) -> Image.Image:
    """0..65535 to 0..255 (PIL's own conversion clips at 255, which leaves nearly everything white)."""
    values = np.asarray(picture).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise PictureError("its pixels are 32-bit numbers without an agreed white: save it with 8 or 16 bits")
    return Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))
