"""The header of a picture, and the memory that decoding it takes, known before any pixel is decoded.

The walk through the parts of a file follows the formats' own rules, so that it sees what the decoder will see. What a
header cannot bound is marked: that is decoded in a process of its own (``vit_core/pictures/opening.py``).
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from vit_core.pictures.decoding import FORMATS, STRIP, PictureError, check_size, factor_for

MAX_PARTS = 100_000  # chunks of a PNG, segments of a JPEG, extensions of a GIF: each costs some microseconds of Python
MAX_SCANS = 200  # of a progressive JPEG; encoders write 10, the most eager optimisers 60
MAX_SCANNED = 4_000_000_000  # pixels times scans
PLAIN_SCANS = 500_000_000  # pixels times scans that are decoded in about a second
MAX_STRIPS = 10_000  # of a TIFF: PIL makes an object of each
PACKED_TEXT = 64 << 20  # PIL unpacks no more text than this
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")  # what ends a run of coded pixels
_MAGIC = {
    "JPEG": (b"\xff\xd8\xff",),
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "GIF": (b"GIF87a", b"GIF89a"),
    "BMP": (b"BM",),
    "TIFF": (b"II*\0", b"MM\0*", b"II\0*", b"MM*\0", b"II+\0", b"MM\0+"),
}


@dataclass(frozen=True)
class Header:
    """The facts about a picture before it is decoded.

    Attributes:
        format: PIL's name of it.
        width: pixels, before the picture is turned upright; 0 if only the decoder can tell.
        height: the same.
        nbytes: memory at the highest point of decoding, on top of the file itself.
        is_plain: whether that bound holds and time follows from the number of pixels.
    """

    format: str
    width: int = 0
    height: int = 0
    nbytes: int = 0
    is_plain: bool = False


def read_header(data: bytes) -> Header:
    """The header of an encoded picture.

    Raises:
        PictureError: if it is of no known format, too large, or has more parts than any picture needs.
    """
    kind = next((kind for kind, magic in _MAGIC.items() if data.startswith(magic)), "")
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        kind = "WEBP"
    elif data[4:8] == b"ftyp":
        kind = "AVIF"
    if kind not in FORMATS:
        raise PictureError(f"this is not an image that can be read: expected one of {', '.join(FORMATS)}")
    readers = {"JPEG": _jpeg, "PNG": _png, "GIF": _gif, "BMP": _bmp, "TIFF": _tiff, "WEBP": _webp}
    try:
        return readers[kind](data) if kind in readers else Header(kind)
    except (struct.error, IndexError, KeyError):  # cut off, or of a kind that is rare
        return Header(kind)


def _header(
    kind: str,
    width: int,
    height: int,
    stored: int | float,
    *,
    extra: int | float = 0,
    is_done: bool = False,
    may_turn: bool = True,
    is_plain: bool = True,
) -> Header:
    """With ``stored`` bytes for each pixel as it is decoded and ``extra`` bytes for what else decoding takes.

    The RGB picture is made next to what was decoded, unless ``is_done``: then it is that already. Turning it upright
    makes it once more, unless ``may_turn`` is false: then nothing in the file can ask for it.
    """
    check_size(width, height)
    factor = factor_for(width, height)
    result = 4 * -(-width // factor) * -(-height // factor)
    strip = 0 if is_done else 12 * min(STRIP, width * height)  # three copies of the rows that are converted at a time
    nbytes = stored * width * height + extra + strip + ((not is_done) + may_turn) * result
    return Header(kind, width, height, int(nbytes), is_plain)


def _too_many(what: str) -> PictureError:
    return PictureError(f"the image's file has more than {MAX_PARTS:,} {what}: save it again with another program")


def _jpeg(data: bytes) -> Header:
    width = height = scans = process = 0
    sampling = [(1, 1)]
    for marker, at in _jpeg_markers(data):
        if marker == 0xDA:
            scans += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and not scans:
            process = marker
            height, width, count = struct.unpack_from(">HHB", data, at + 5)
            sampling = [divmod(data[at + 11 + 3 * component], 16) for component in range(count)]
    if not process:
        return Header("JPEG")
    check_size(width, height)
    if scans > min(MAX_SCANS, MAX_SCANNED // (width * height)):
        raise PictureError(
            f"the image has {scans:,} scans of {width}x{height} pixels, more than can be read in some seconds: save "
            "it again as JPEG"
        )
    samples = sum(h * v for h, v in sampling) / (max(h for h, _ in sampling) * max(v for _, v in sampling))
    # With several scans, all coefficients are kept until the last one: two bytes each.
    coefficients = 2 * samples * width * height if process == 0xC2 or scans > 1 else 0
    return _header(
        "JPEG",
        width,
        height,
        (1 if len(sampling) == 1 else 4) / factor_for(width, height) ** 2,  # the decoder halves
        extra=coefficients,
        is_done=len(sampling) == 3,
        is_plain=process in (0xC0, 0xC1, 0xC2) and width * height * scans <= PLAIN_SCANS,
    )


def _jpeg_markers(data: bytes) -> Iterator[tuple[int, int]]:
    """The markers of a JPEG up to its end, and where their bytes 0xFF lie."""
    at = 2
    for _ in range(MAX_PARTS):
        if (found := _MARKER.search(data, at)) is None:
            return
        at = found.start()
        marker = data[at + 1]
        if marker == 0xD9:
            return
        yield marker, at
        at += 2 if marker == 0xD8 else 2 + int.from_bytes(data[at + 2 : at + 4])
    raise _too_many("parts before its pixels")


def _png(data: bytes) -> Header:
    width, height, bits, colour = struct.unpack_from(">IIBB", data, 16)
    extra, at, colours = 0, 8, {0: 1, 2: 4, 3: 1, 4: 4, 6: 4}
    is_opaque, may_turn = True, False
    for _ in range(MAX_PARTS):
        if at + 8 > len(data):
            break
        length, name = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        if name == b"IEND":
            break
        if name in (b"zTXt", b"iTXt", b"iCCP"):
            is_packed = name != b"iTXt" or data[at + 8 : at + 120].partition(b"\0")[2][:1] != b"\0"
            extra += min(1100 * length, PACKED_TEXT) if is_packed else 2 * length
        elif name != b"IDAT":
            extra += 2 * length
        is_opaque &= name != b"tRNS"
        may_turn |= name in (b"eXIf", b"tEXt", b"zTXt", b"iTXt")  # programs have put EXIF into texts, too
        at += 12 + length
    else:
        raise _too_many("chunks")
    stored = 2 if (bits, colour) == (16, 0) else colours[colour]
    is_done = colour == 2 and is_opaque and factor_for(width, height) == 1
    extra = min(extra, 3 * PACKED_TEXT)
    return _header("PNG", width, height, stored, extra=extra, is_done=is_done, may_turn=may_turn)


def _gif(data: bytes) -> Header:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    for _ in range(MAX_PARTS):
        if data[at] != 0x21:  # no extension: the first frame, which may reach beyond the canvas, and makes it larger
            break
        at += 2
        for _ in range(MAX_PARTS):
            length = data[at]
            at += 1 + length
            if not length:
                break
    else:
        raise _too_many("extensions")
    if data[at] == 0x2C:
        left, top, across, down = struct.unpack_from("<HHHH", data, at + 1)
        width, height = max(width, left + across), max(height, top + down)
    return _header("GIF", width, height, 2)


def _bmp(data: bytes) -> Header:
    (size,) = struct.unpack_from("<I", data, 14)
    if size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        packing = 0
    else:
        width, height, _, bits, packing = struct.unpack_from("<iiHHI", data, 18)
    # Runs are unpacked by PIL in Python, one by one.
    is_plain = packing in (0, 3) or abs(width * height) <= 1_000_000
    stored = (4 if bits > 8 else 1) + (0 if packing in (0, 3) else 3)
    is_done = bits in (16, 24) and factor_for(abs(width), abs(height)) == 1
    return _header("BMP", abs(width), abs(height), stored, is_done=is_done, may_turn=False, is_plain=is_plain)


def _tiff(data: bytes) -> Header:
    order = "<" if data.startswith(b"II*\0") else ">" if data.startswith(b"MM\0*") else ""
    if not order:
        return Header("TIFF")
    (at,) = struct.unpack_from(order + "L", data, 4)
    (entries,) = struct.unpack_from(order + "H", data, at)
    first: dict[int, int] = {}
    counts: dict[int, int] = {}
    for number in range(entries):
        tag, kind, count = struct.unpack_from(order + "HHL", data, at + 2 + 12 * number)
        size = {1: "B", 3: "H", 4: "L"}.get(kind)
        counts[tag] = count
        if size is not None and count:
            place = at + 10 + 12 * number
            if count * struct.calcsize(order + size) > 4:
                (place,) = struct.unpack_from(order + "L", data, place)
            (first[tag],) = struct.unpack_from(order + size, data, place)
    width, height, bits, samples = first[256], first[257], first.get(258, 1), first.get(277, 1)
    is_tiled = 322 in first
    across, down = (first[322], first[323]) if is_tiled else (width, min(first.get(278, height), height))
    buffer = across * down * max(1, bits // 8) * samples
    is_plain = (
        first.get(259, 1) in (1, 5, 8, 32773, 32946)  # no packing, LZW, deflate, PackBits
        and bits in (1, 2, 4, 8, 16, 32)
        and samples <= 4
        and counts.get(324 if is_tiled else 273, 0) <= MAX_STRIPS
        and (not is_tiled or across * down <= 4_000_000)
        and max(counts.values()) <= MAX_STRIPS + len(data) // 64
    )
    stored = 4 if samples > 1 or bits > 16 else 2 if bits == 16 else 1
    if first.get(274, 1) != 1:
        stored *= 2  # PIL turns it upright as it was stored
    return _header(
        "TIFF",
        width,
        height,
        stored,
        extra=buffer,
        is_plain=is_plain,
        is_done=samples == 3 and factor_for(width, height) == 1,
        may_turn=274 in counts or 700 in counts,
    )


def _webp(data: bytes) -> Header:
    kind = data[12:16]
    # PIL knows only the decoder of animations, which keeps two canvases of four bytes a pixel next to PIL's own; while
    # it decodes, it takes as much again as the conversion later does.
    if kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
        return _header("WEBP", width, height, 12, is_done=factor_for(width, height) == 1)
    if kind == b"VP8L":
        (packed,) = struct.unpack_from("<I", data, 21)
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    else:
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    # Lossless: tables of codes of some kilobytes each, at most one for 16 pixels, and 20 bits of the file.
    tables = 8000 * min(width * height // 16, 65536, len(data) * 8 // 20)
    return _header("WEBP", width, height, 12, is_plain=tables <= 32_000_000, extra=min(tables, 32_000_000))
