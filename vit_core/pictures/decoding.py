"""The pixels of a picture: decoded, halved if it is very large, upright, opaque, 8-bit RGB.

Imports PIL alone, so that this file also runs as a program: a process that may be ended, for pictures whose cost nobody
knows in advance. ``python decoding.py BYTES SECONDS`` reads a picture from the standard input and writes its
size and its pixels, or the sentence that refuses it.
"""

import sys
from io import BytesIO

from PIL import ExifTags, Image, ImageOps, features

MAX_PIXELS = 50_000_000  # more than any phone's camera at its usual setting
MAX_WHOLE_PIXELS = 16_000_000  # above, a picture is halved: models read at most 518x518 of it
MAX_ASPECT = 50  # long side to short side; beyond it, resizing the short side to 224 makes a strip of gigabytes
# What cameras, phones and browsers write, and nothing that PIL hands on to another program (EPS to Ghostscript).
# A name that this PIL cannot read would make Image.open fail for all of them.
# Asked one by one: features.get_supported() also imports tkinter.
_OPTIONAL = ("WEBP", "AVIF")
_READABLE = (name for name in _OPTIONAL if name.lower() in features.modules and features.check(name.lower()))
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", *_READABLE)
STRIP = 1_000_000  # pixels that are converted at a time
REFUSED = 3  # the exit code that goes with a sentence


class PictureError(ValueError):
    """A picture that cannot be used; the message is one sentence for the person who chose it."""


def factor_for(width: int, height: int) -> int:
    """The divisor of both sides while a picture is decoded: 2 above ``MAX_WHOLE_PIXELS``, otherwise 1."""
    return 2 if width * height > MAX_WHOLE_PIXELS else 1


def begin(data: bytes) -> Image.Image:
    """A picture whose header PIL has read and whose pixels are not decoded.

    Raises:
        PictureError: if it is no picture of a known format, too large, or too long and thin.
    """
    try:
        picture = Image.open(BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        limit = f"at most {MAX_PIXELS // 10**6} million pixels are read"
        raise PictureError(f"the image is too large: {limit}") from error
    except MemoryError:
        raise
    except Exception as error:  # untrusted bytes: PIL's readers raise a dozen types, all of which mean this
        raise PictureError(f"this is not an image that can be read: expected one of {', '.join(FORMATS)}") from error
    check_size(*picture.size)
    return picture


def finish(picture: Image.Image) -> Image.Image:
    """Decode what ``begin`` gave, of an animation its first frame: upright, opaque 8-bit RGB.

    A picture of more than ``MAX_WHOLE_PIXELS`` is halved: a JPEG by its decoder, others by the mean of 2x2 pixels.

    Raises:
        PictureError: if it is damaged, or its pixels have no way to RGB.
    """
    width, height = picture.size
    factor = factor_for(width, height)
    try:
        picture.seek(0)
        if factor > 1:
            picture.draft(None, (width // factor, height // factor))  # JPEG alone can
        picture.load()
    except MemoryError:
        raise
    except Exception as error:  # as in begin: a truncated or lying file fails in as many ways as there are formats
        raise _damaged(width, height, picture.format) from error
    left = factor if picture.width * picture.height > MAX_WHOLE_PIXELS else 1
    return to_rgb(picture, left)


def to_rgb(picture: Image.Image, factor: int = 1) -> Image.Image:
    """The picture upright (EXIF), opaque on white, in 8-bit RGB. Colour profiles are not applied, as by torchvision.

    Args:
        picture: of any mode.
        factor: both sides are divided by it, each pixel the mean of ``factor`` x ``factor``.

    Raises:
        PictureError: if its pixels have no agreed black and white (32-bit numbers), or no way to RGB.
    """
    if picture.mode == "F":
        raise PictureError("its pixels are floating-point numbers without an agreed white: save it with 8 or 16 bits")
    turn = _turn(picture)
    try:
        is_rgb = picture.mode == "RGB" and not picture.has_transparency_data
        result = picture if is_rgb and factor == 1 else _converted(picture, factor)
        if result is picture and picture.format == "WEBP":
            result = picture.copy()  # its decoder keeps two canvases for as long as it lives
    except (PictureError, MemoryError):
        raise
    except Exception as error:  # a palette that is missing, a transparent colour that is none
        raise _damaged(*picture.size, picture.format) from error
    del picture  # if nobody else holds it, it goes before another copy is made
    return result if turn is None else ImageOps.exif_transpose(result) if result.info else result.transpose(turn)


def check_size(width: int, height: int) -> None:
    """Refuse sizes that cannot be processed, before anything of that size is made.

    Raises:
        PictureError: if a side is zero, there are more than ``MAX_PIXELS``, or it is longer than ``MAX_ASPECT`` to 1.
    """
    if min(width, height) < 1:
        raise PictureError(f"the image has no pixels: its header says {width}x{height}")
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"the image is too large: {width}x{height} is {width * height / 1e6:.0f} million pixels, "
            f"at most {MAX_PIXELS // 10**6} million are read"
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise PictureError(
            f"the image is too long and thin: {width}x{height} is more than {MAX_ASPECT}:1, so its middle square "
            "would show almost nothing of it; crop it first"
        )


def _damaged(width: int, height: int, kind: str | None) -> PictureError:
    return PictureError(
        f"the image is damaged or incomplete: its header promises {width}x{height} pixels of {kind or 'an image'}, "
        "and they could not all be read"
    )


def _turn(picture: Image.Image) -> Image.Transpose | None:
    """The turn that sets it upright, from its EXIF orientation; a broken EXIF block turns nothing."""
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    try:
        return turns.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # EXIF is untrusted too, and a picture is worth showing without it
        return None


def _converted(picture: Image.Image, factor: int) -> Image.Image:
    """Some rows at a time, so that no copy next to the result is as large as the picture."""
    width, height = picture.size
    result = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    rows = max(1, STRIP // width // factor) * factor
    for top in range(0, height, rows):
        strip = _opaque(picture.crop((0, top, width, min(top + rows, height))))
        result.paste(strip if factor == 1 else strip.reduce(factor), (0, top // factor))
    return result


def _opaque(picture: Image.Image) -> Image.Image:
    """8-bit RGB, on white."""
    if picture.mode.startswith("I"):
        picture = _from_16_bit(picture)
    if picture.has_transparency_data:
        opaque = Image.new("RGBA", picture.size, "white")
        opaque.alpha_composite(picture.convert("RGBA"))
        picture = opaque
    try:
        return picture.convert("RGB")
    except ValueError as error:
        raise PictureError(f"an image of mode {picture.mode} cannot be turned into RGB: save it as RGB") from error


def _from_16_bit(picture: Image.Image) -> Image.Image:
    """0..65535 to 0..255 (PIL's own conversion clips at 255, which leaves nearly everything white)."""
    import numpy as np  # takes longer to import than PIL, and few pictures need it

    values = np.asarray(picture).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise PictureError("its pixels are 32-bit numbers without an agreed white: save it with 8 or 16 bits")
    return Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))


def _limit_this_process(nbytes: int, seconds: int) -> None:
    """Limit the memory on top of what the program has now, and the time of a processor, where the system can."""
    try:
        import resource  # not on Windows

        with open("/proc/self/statm") as file:  # Linux alone; macOS does not hold a process to RLIMIT_AS
            now = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + nbytes, now + nbytes))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))  # SIGXCPU, and one second later SIGKILL
    except (ImportError, OSError, ValueError):
        return


def _main(nbytes: int, seconds: int) -> int:
    if "AVIF" in FORMATS:
        from PIL import AvifImagePlugin

        AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # each holds pictures of its own
    data = sys.stdin.buffer.read()
    _limit_this_process(nbytes, seconds)
    try:
        picture = finish(begin(data))
    except PictureError as error:
        sys.stdout.buffer.write(str(error).encode())
        return REFUSED
    del data
    width, height = picture.size
    sys.stdout.buffer.write(f"{width} {height}\n".encode())
    rows = max(1, STRIP // width)
    for top in range(0, height, rows):
        sys.stdout.buffer.write(picture.crop((0, top, width, min(top + rows, height))).tobytes())
    return 0


if __name__ == "__main__":
    sys.exit(_main(int(sys.argv[1]), int(sys.argv[2])))
