"""Pictures from anywhere: untrusted bytes to an upright 8-bit RGB picture, or one sentence that says why not.

What a picture costs is estimated from its header and allowed before anything is decoded. Where no header can tell
(AVIF, odd kinds, tables of codes, many scans), a process of its own decodes it, which is held to the same bounds and
ended beyond them.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from weakref import WeakValueDictionary

from PIL import Image

from vit_core.allowance import PICTURE_MEMORY, PICTURE_SECONDS, give_back_memory
from vit_core.pictures import decoding
from vit_core.pictures.decoding import PictureError, begin, finish
from vit_core.pictures.headers import Header, read_header

MAX_BYTES = 50_000_000
_AT_ONCE = 2  # pictures that are not small
_SMALL = 24_000_000  # bytes: what takes less waits for nobody
_BESIDE = 70_000_000  # bytes for Python and PIL in the process that decodes, and for the pixels that arrive here
_BY_THE_CLOCK = 1.6  # times the seconds of a processor that a picture may take: others use it, too
_LOOKING = 1.0  # seconds that a picture waits for those before to be let go: resizing one takes a tenth of that
_PATIENCE = 2  # times the seconds of one picture that a picture waits for its turn


def open_picture(source: bytes | Path | str) -> Image.Image:
    """Decode a picture and make it upright, opaque 8-bit RGB; of an animation, its first frame.

    The number of bytes, and the size and the cost that the header declares, are checked before any pixel is decoded. A
    picture of more than ``decoding.MAX_WHOLE_PIXELS`` is halved while it is decoded, all others come pixel for
    pixel. A picture of 1x1 pixels is one: it is resized like every other.

    Raises:
        PictureError: if it is too large or costs too much, no picture of a known format, damaged, or too long and thin.
        OSError: if ``source`` is a path that cannot be read.
        TypeError: if it is a str: whether that means a path or a picture is not guessed.
    """
    data = _read(source)
    if not data:
        raise PictureError("the file is empty: choose an image")
    header = read_header(data)
    if header.nbytes > 1e6 * PICTURE_MEMORY.most:
        raise PictureError(
            f"the image is too large: decoding {header.width}x{header.height} pixels of this {header.format} would "
            f"take {header.nbytes / 1e6:.0f} MB of memory, at most {PICTURE_MEMORY.most:.0f} MB are allowed: make it "
            "smaller, or save it as a plain JPEG"
        )
    if header.is_plain:
        with _turn(header.nbytes):
            if (picture := _decode(data, header)) is not None:
                return _taken.remember(picture)
    with _turn(int(1e6 * PICTURE_MEMORY.most)):
        return _taken.remember(_decode_apart(data))


def _read(source: bytes | Path | str) -> bytes:
    """The bytes, at most one more than ``MAX_BYTES`` of them read from a file."""
    if isinstance(source, str):
        raise TypeError(f"expected the bytes of an image or a Path, got a str: write Path({source[:80]!r})")
    if isinstance(source, Path):
        with source.open("rb") as file:
            source = file.read(MAX_BYTES + 1)
    if len(source) > MAX_BYTES:
        raise PictureError(f"the file is too large: at most {MAX_BYTES // 10**6} MB are read")
    return source


def _decode(data: bytes, header: Header) -> Image.Image | None:
    """Decoded here; None if the decoder finds another size than the header says.

    A function of its own: when it has returned, what decoding took is free, and the next picture may have its turn.
    """
    picture = begin(data)
    return finish(picture) if sorted(picture.size) == sorted((header.width, header.height)) else None


def _decode_apart(data: bytes) -> Image.Image:
    """Decoded by a process that is ended when it takes more memory or time than a picture may."""
    seconds = PICTURE_SECONDS.most
    memory = max(1e7, 1e6 * PICTURE_MEMORY.most - _BESIDE - len(data))
    # -P: this folder's modules must not stand before those of the standard library and of PIL.
    command = [sys.executable, "-P", decoding.__file__, str(int(memory)), str(max(1, round(seconds)))]
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1"}  # else each thread reserves address space
    try:
        done = subprocess.run(
            command, input=data, capture_output=True, timeout=_BY_THE_CLOCK * seconds, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        raise _too_slow(seconds) from None
    if done.returncode == 0:
        size, _, pixels = done.stdout.partition(b"\n")
        del done
        width, height = map(int, size.split())
        return Image.frombytes("RGB", (width, height), pixels)
    if done.returncode == decoding.REFUSED:
        raise PictureError(done.stdout.decode())
    if done.returncode == -getattr(signal, "SIGXCPU", 0) != 0:
        raise _too_slow(seconds)
    raise PictureError(
        f"the image needs more than {PICTURE_MEMORY.most:.0f} MB of memory or {seconds:.0f} s to read, or is "
        "damaged: save it again as a plain JPEG"
    )


def _too_slow(seconds: float) -> PictureError:
    return PictureError(f"the image takes longer than {seconds:.0f} s to read: save it again with another program")


class _Taken:
    """The memory of the pictures that are being decoded now, and of those that somebody still looks at."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.pictures = 0
        self.nbytes = 0
        self._looked_at: WeakValueDictionary[int, Image.Image] = WeakValueDictionary()  # by id

    def remember(self, picture: Image.Image) -> Image.Image:
        """The picture; it counts until nobody has it any more."""
        if 4 * picture.width * picture.height > _SMALL:
            with self.changed:
                self._looked_at[id(picture)] = picture
        return picture

    def looked_at(self) -> int:
        """Bytes of the large pictures that somebody still has."""
        with self.changed:
            return sum(4 * picture.width * picture.height for picture in list(self._looked_at.values()))


_taken = _Taken()


def _forget_taken() -> None:
    global _taken
    _taken = _Taken()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_taken)  # the pictures of another process are not decoded in this one


@contextmanager
def _turn(nbytes: int) -> Iterator[None]:
    """Wait until there is room for a picture of so many bytes: small ones at once, others two at a time."""
    if nbytes <= _SMALL:
        yield
        return
    taken, most = _taken, 2e6 / 3 * PICTURE_MEMORY.most  # of two together; one alone may take all
    with taken.changed:
        is_free = taken.changed.wait_for(
            lambda: taken.pictures == 0 or (taken.pictures < _AT_ONCE and taken.nbytes + nbytes <= most),
            timeout=_PATIENCE * PICTURE_SECONDS.most,
        )
        if not is_free:
            raise PictureError("other large images are being read at this moment: try again in some seconds")
        taken.pictures += 1
        taken.nbytes += nbytes
    try:
        until = monotonic() + _LOOKING
        while taken.looked_at() + nbytes > 1e6 * PICTURE_MEMORY.most and monotonic() < until:
            sleep(0.01)
        give_back_memory()  # what the pictures before were looked at with
        yield
    finally:
        give_back_memory()
        with taken.changed:
            taken.pictures -= 1
            taken.nbytes -= nbytes
            taken.changed.notify_all()
