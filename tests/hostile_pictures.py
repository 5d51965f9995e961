"""Pictures that are broken or mean harm, each with what must come of it: a size, or the words of a refusal."""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from PIL import Image, features

LARGE = (7000, 7000)  # 49 million pixels, just below what is read at all


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@cache
def flat(mode: str, size: tuple[int, int], kind: str, **options: Any) -> bytes:
    """One colour: few bytes, many pixels."""
    return encoded(Image.new(mode, size, 0 if mode in ("1", "L", "P", "I;16", "I", "F") else None), kind, **options)


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.frombytes("RGB", (width, height), random.Random(seed).randbytes(3 * width * height))


# --- JPEG


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def after_start(data: bytes, *segments: bytes) -> bytes:
    """The same JPEG with more between its first marker and the rest."""
    return data[:2] + b"".join(segments) + data[2:]


def with_scans(data: bytes, copies: int, before: bytes = b"") -> bytes:
    """A progressive JPEG whose last scan comes so many times more."""
    at = data.rindex(b"\xff\xda")
    return data[:at] + before + data[at:-2] * (copies + 1) + data[-2:]


def with_size(data: bytes, width: int, height: int) -> bytes:
    """A JPEG whose header says another size."""
    at = next(data.index(bytes((0xFF, kind))) for kind in (0xC0, 0xC2) if bytes((0xFF, kind)) in data)
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]


def exif_loop() -> bytes:
    """An EXIF block whose directories lead to themselves: IFD0 is its own sub-directory and its own successor."""
    entries = struct.pack("<HHLL", 0x8769, 4, 1, 8) + struct.pack("<HHLL", 0x8825, 4, 1, 8)
    return b"Exif\0\0II*\0" + struct.pack("<LH", 8, 2) + entries + struct.pack("<L", 8)


def mpf() -> bytes:
    """A directory of further pictures that says there are four thousand millions of them."""
    return b"MPF\0II*\0" + struct.pack("<LH", 8, 1) + struct.pack("<HHLL", 0xB001, 4, 1, 0xFFFFFFFF) + bytes(4)


def jpegs() -> Iterator[tuple[str, Callable[[], bytes], str]]:
    small = encoded(noise(64, 48), "JPEG")
    progressive = flat("RGB", (2000, 1500), "JPEG", progressive=True)
    yield "scans-1500.jpg", lambda: with_scans(progressive, 1500), "1,5.. scans"
    yield (
        "scans-150.jpg",
        lambda: with_scans(flat("RGB", (6000, 5000), "JPEG", progressive=True), 150),
        "scans of 6000x5000",
    )
    yield "scans-40.jpg", lambda: with_scans(progressive, 30), "2000x1500"
    yield (
        "scans-behind-a-comment.jpg",
        (lambda: with_scans(progressive, 1500, segment(0xFE, b"\xff\xd9"))),
        "1,5.. scans",
    )
    yield (
        "progressive-444.jpg",
        lambda: with_size(flat("RGB", (64, 48), "JPEG", progressive=True, subsampling=0), *LARGE),
        "memory",
    )
    yield "progressive-420.jpg", lambda: flat("RGB", (6000, 5000), "JPEG", progressive=True), "3000x2500"
    yield "baseline.jpg", lambda: flat("RGB", LARGE, "JPEG"), "3500x3500"
    yield "grey.jpg", lambda: flat("L", LARGE, "JPEG"), "3500x3500"
    yield "cmyk.jpg", lambda: flat("CMYK", LARGE, "JPEG"), "3500x3500"
    yield "cmyk-progressive.jpg", lambda: with_size(flat("CMYK", (64, 48), "JPEG", progressive=True), *LARGE), "memory"
    yield "on-its-side.jpg", lambda: flat("RGB", (8000, 6000), "JPEG", exif=rotated().tobytes()), "3000x4000"
    yield "65535.jpg", lambda: with_size(small, 65535, 65535), "too large"
    yield "lies.jpg", lambda: with_size(small, *LARGE), "3500x3500|damaged"
    yield "no-height.jpg", lambda: with_size(small, 64, 0), "no pixels|not an image"
    yield "truncated.jpg", lambda: small[: len(small) // 2], "damaged"
    yield "garbage.jpg", lambda: small[:-600] + random.Random(1).randbytes(598) + small[-2:], "64x48|damaged"
    yield "exif-loop.jpg", lambda: after_start(small, segment(0xE1, exif_loop())), "64x48"
    yield (
        "exif-noise.jpg",
        lambda: after_start(small, segment(0xE1, b"Exif\0\0II*\0" + random.Random(2).randbytes(60_000))),
        "64x48",
    )
    yield (
        "profile.jpg",
        lambda: after_start(
            small, *(segment(0xE2, b"ICC_PROFILE\0" + bytes((part, 255)) + bytes(65_000)) for part in range(1, 150))
        ),
        "64x48",
    )
    yield "comments.jpg", lambda: after_start(small, segment(0xFE, b"") * 2_000_000), "parts"
    yield "mpf.jpg", lambda: after_start(small, segment(0xE2, mpf())), "64x48|not an image"
    yield "arithmetic.jpg", lambda: small.replace(b"\xff\xc0", b"\xff\xc9"), "damaged|64x48"
    yield "lossless.jpg", lambda: small.replace(b"\xff\xc0", b"\xff\xc3"), "damaged|64x48|not an image"
    yield "12-bits.jpg", lambda: small.replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c"), "not an image|damaged"
    yield "film-behind.jpg", lambda: small + b"\xff\xda\x00\x08" * 500_000, "64x48"  # a phone's "motion photo"


def rotated() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


# --- PNG


def chunk(name: bytes, data: bytes, wrong: int = 0) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data) ^ wrong)


def zeros(count: int) -> bytes:
    """So many zeros, packed, in little time."""
    packer = zlib.compressobj(wbits=-15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)  # may be repeated as it is
    rest = zlib.compressobj(wbits=-15)
    end = rest.compress(bytes(count % (1 << 20))) + rest.flush()
    return b"\x78\x01" + block * (count >> 20) + end + struct.pack(">HH", count % 65521, 1)  # Adler's sum of zeros


def png(
    size: tuple[int, int],
    bits: int,
    colour: int,
    data: bytes | None = None,
    before: Iterable[bytes] = (),
    interlaced: bool = False,
) -> bytes:
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    if data is None:
        data = zeros(size[1] * (1 + (size[0] * bits * channels + 7) // 8) + (100_000 if interlaced else 0))
    header = struct.pack(">IIBBBBB", *size, bits, colour, 0, 0, interlaced)
    parts = [chunk(b"IHDR", header), *before, chunk(b"IDAT", data), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def pngs() -> Iterator[tuple[str, Callable[[], bytes], str]]:
    small = encoded(noise(64, 48), "PNG")
    palette = chunk(b"PLTE", bytes(range(6)))
    text = b"a\0\0" + zeros(100_000_000)
    yield "16-bit-grey.png", lambda: png(LARGE, 16, 0), "3500x3500"
    yield "16-bit-grey-whole.png", lambda: png((4000, 4000), 16, 0), "4000x4000"
    yield "16-bit-rgb.png", lambda: png(LARGE, 16, 2), "3500x3500"
    yield "16-bit-rgba.png", lambda: png(LARGE, 16, 6), "3500x3500"
    yield "16-bit-interlaced.png", lambda: png(LARGE, 16, 0, interlaced=True), "3500x3500"
    yield "rgba.png", lambda: png(LARGE, 8, 6), "3500x3500"
    yield "rgba-whole.png", lambda: png((4000, 4000), 8, 6), "4000x4000"
    yield "grey-alpha.png", lambda: png(LARGE, 8, 4), "3500x3500"
    yield "palette.png", lambda: png(LARGE, 8, 3, before=[palette, chunk(b"tRNS", b"\0\x80")]), "3500x3500"
    yield "colour-key.png", lambda: png(LARGE, 8, 2, before=[chunk(b"tRNS", bytes(6))]), "3500x3500"
    yield "1-bit.png", lambda: png(LARGE, 1, 0), "3500x3500"
    yield "no-palette.png", lambda: png((100, 100), 8, 3), "100x100|damaged|not an image"
    yield "60000.png", lambda: png((60_000, 60_000), 8, 2, b""), "too large"
    yield "2-to-the-31.png", lambda: png((2**31 - 1, 2**31 - 1), 16, 6, b""), "too large"
    yield "nothing.png", lambda: png((0, 0), 8, 2), "no pixels|not an image"
    yield "1x65535.png", lambda: png((1, 65535), 8, 2), "long and thin"
    yield "a-thread.png", lambda: png((900_000, 1), 8, 2), "long and thin"
    yield "text-bomb.png", lambda: png((64, 48), 8, 2, before=[chunk(b"zTXt", text)] * 20), "not an image|64x48"
    yield (
        "international-text-bomb.png",
        lambda: png((64, 48), 8, 2, before=[chunk(b"iTXt", b"a\0\1\0\0\0" + zeros(100_000_000))] * 20),
        "not an image|64x48",
    )
    yield (
        "texts.png",
        lambda: png((64, 48), 8, 2, before=[chunk(b"zTXt", b"a\0\0" + zeros(1_000_000))] * 300),
        "not an image|64x48",
    )
    yield "long-text.png", lambda: png((64, 48), 8, 2, before=[chunk(b"tEXt", b"a\0" + bytes(9_000_000))]), "64x48"
    yield "profile-bomb.png", lambda: png((64, 48), 8, 2, before=[chunk(b"iCCP", text)]), "64x48|not an image"
    yield "chunks.png", lambda: png((64, 48), 8, 2, before=[chunk(b"teXt", b"") * 800_000]), "100,000 chunks"
    yield "crumbs.png", lambda: png((700, 500), 8, 2, b"", before=crumbs()), "100,000 chunks"
    yield "frames.png", lambda: png((64, 48), 8, 2, before=[chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))]), "64x48"
    yield "truncated.png", lambda: small[: len(small) // 2], "damaged"
    yield "too-much.png", lambda: png((64, 48), 8, 2, zeros(1_000_000_000)), "64x48|damaged"
    yield "wrong-sum.png", lambda: png((64, 48), 8, 2, before=[chunk(b"gAMA", bytes(4), 1)]), "not an image"
    yield "long-chunk.png", lambda: small[:33] + struct.pack(">I", 2**31 - 1) + b"tEXt" + small[33:], "not an image"
    yield "exif-loop.png", lambda: png((64, 48), 8, 2, before=[chunk(b"eXIf", exif_loop()[6:])]), "64x48"


def crumbs() -> list[bytes]:
    """Pixels in pieces of one byte."""
    data = zlib.compress(random.Random(3).randbytes(500_000), 0)
    return [chunk(b"IDAT", data[at : at + 1]) for at in range(len(data))]


# --- GIF, BMP


def gif(size: tuple[int, int], frame: tuple[int, int], data: bytes, between: bytes = b"") -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", *size, 0x80, 0, 0) + bytes(3) + b"\xff" * 3
    return head + between + b"," + struct.pack("<HHHHB", 0, 0, *frame, 0) + data + b";"


def lzw(pixels: int) -> bytes:
    """Zeros for a GIF, two bits of code and no table: each block begins anew."""
    clear_and_four = 0b000_000_100 | 0b000 << 9 | 0b000 << 6
    bits, count = clear_and_four, 9  # clear, 0, 0: three codes of three bits, two pixels
    block = bytearray()
    value = length = 0
    for _ in range(8):
        value |= bits << length
        length += count
    block += value.to_bytes(9, "little")
    packed = bytes(block) * (pixels // 16 + 1)
    blocks = (packed[start : start + 252] for start in range(0, len(packed), 252))
    return b"\x02" + b"".join(bytes((len(part),)) + part for part in blocks) + b"\0"


def gifs() -> Iterator[tuple[str, Callable[[], bytes], str]]:
    tiny = lzw(100)
    small = encoded(noise(64, 48).quantize(16), "GIF")
    yield "canvas.gif", lambda: gif((65535, 65535), (1, 1), tiny), "too large"
    yield "canvas-49.gif", lambda: gif(LARGE, (1, 1), tiny), "3500x3500|damaged"
    yield "flat-49.gif", lambda: flat("P", LARGE, "GIF"), "3500x3500"
    yield "clear-49.gif", lambda: flat("P", LARGE, "GIF", transparency=0), "3500x3500"
    yield "beyond-its-canvas.gif", lambda: gif((10, 10), LARGE, tiny), "damaged"
    yield "far-beyond-its-canvas.gif", lambda: gif((10, 10), (65535, 65535), tiny), "too large"
    yield "extensions.gif", lambda: gif((64, 48), (64, 48), lzw(64 * 48), b"!\xfe\0" * 3_000_000), "100,000 extensions"
    yield (
        "film.gif",
        lambda: encoded(
            Image.new("P", (9, 9)),
            "GIF",
            save_all=True,
            append_images=[Image.new("P", (9, 9), number % 200) for number in range(1, 600)],
        ),
        "9x9",
    )
    yield (
        "noise.gif",
        lambda: gif(
            (700, 700), (700, 700), b"\x08" + b"".join(b"\xff" + random.Random(4).randbytes(255) for _ in range(400))
        ),
        "damaged|700",
    )
    yield "truncated.gif", lambda: small[:-200], "damaged"


def bmp(width: int, height: int, bits: int, compression: int, data: bytes, colours: int = 256) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, colours, 0)
    palette = bytes(4 * min(colours, 256)) if bits <= 8 else b""
    offset = 14 + len(head) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + head + palette + data


def bmps() -> Iterator[tuple[str, Callable[[], bytes], str]]:
    yield "runs-of-one.bmp", lambda: bmp(4000, 4000, 8, 1, b"\1\0" * 16_000_000), "longer|4000x4000"
    yield "runs-of-one-4.bmp", lambda: bmp(5000, 3000, 4, 2, b"\1\0" * 15_000_000, 16), "longer|5000x3000"
    yield "jumps.bmp", lambda: bmp(7000, 7000, 8, 1, b"\0\2\xff\xff" * 40), "3500x3500|damaged"
    yield "ends-of-line.bmp", lambda: bmp(4000, 4000, 8, 1, b"\1\0\0\0" * 4000), "4000x4000|damaged|longer"
    yield "40000.bmp", lambda: bmp(40_000, 40_000, 24, 0, b""), "too large"
    yield "lies.bmp", lambda: bmp(*LARGE, 24, 0, bytes(100)), "damaged"
    yield "colours.bmp", lambda: bmp(64, 48, 8, 0, bytes(64 * 48), 2**32 - 1), "not an image|damaged"
    yield "upside-down.bmp", lambda: bmp(64, -2_000_000_000, 32, 0, bytes(100)), "too large|thin|no pixels"
    yield "1-bit.bmp", lambda: bmp(*LARGE, 1, 0, bytes(7000 * 876), 2), "3500x3500"


# --- TIFF


def tiff(entries: dict[int, tuple[int, list[int]]], data: bytes = b"", following: int = 0, big: bool = False) -> bytes:
    """A directory at byte 8, what does not fit into it, and ``data``; {OFFSET} in the strips stands for its place."""
    letter = {1: "B", 3: "H", 4: "L", 16: "Q"}
    at = 8 + 2 + 12 * len(entries) + 4
    directory, overflow = struct.pack("<H", len(entries)), b""
    for tag, (kind, values) in sorted(entries.items()):
        packed = struct.pack(f"<{len(values)}{letter[kind]}", *values)
        if len(packed) <= 4:
            directory += struct.pack("<HHL", tag, kind, len(values)) + packed.ljust(4, b"\0")
        else:
            directory += struct.pack("<HHLL", tag, kind, len(values), at + len(overflow))
            overflow += packed
    directory += struct.pack("<L", following)
    start = b"II+\0" if big else b"II*\0"
    return start + struct.pack("<L", 8) + directory + overflow + data


def tags(width: int, height: int, **more: tuple[int, list[int]]) -> dict[int, tuple[int, list[int]]]:
    numbers = {
        "packing": 259,
        "strips": 273,
        "rows": 278,
        "counts": 279,
        "tile_width": 322,
        "tile_height": 323,
        "tiles": 324,
        "tile_counts": 325,
    }
    basic = {256: (4, [width]), 257: (4, [height]), 258: (3, [8]), 259: (3, [1]), 262: (3, [1]), 277: (3, [1])}
    return basic | {numbers[name]: value for name, value in more.items()}


def tiffs() -> Iterator[tuple[str, Callable[[], bytes], str]]:
    small = encoded(noise(64, 48), "TIFF", compression="tiff_lzw")
    plain = tags(64, 48, strips=(4, [400]), rows=(4, [48]), counts=(4, [64 * 48]))
    yield "30000.tif", lambda: tiff(tags(30_000, 30_000, strips=(4, [200]), counts=(4, [9]))), "too large"
    yield "directory-loop.tif", lambda: tiff(plain, bytes(9000), following=8), "64x48"
    yield "exif-loop.tif", lambda: tiff(plain | {34665: (4, [8]), 34853: (4, [8])}, bytes(9000)), "64x48"
    yield (
        "strips.tif",
        lambda: tiff(tags(1000, 1000, strips=(4, [200] * 2_000_000), rows=(4, [1]), counts=(4, [1000] * 10))),
        "not an image|1000x1000|damaged|longer|memory",
    )
    yield (
        "tile-of-65520.tif",
        lambda: tiff(
            tags(
                2000,
                2000,
                packing=(3, [8]),
                tile_width=(4, [65520]),
                tile_height=(4, [65520]),
                tiles=(4, [400]),
                tile_counts=(4, [9]),
            ),
            zeros(1_000_000),
        ),
        "damaged|not an image|memory",
    )
    yield (
        "strip-of-2-to-the-31.tif",
        lambda: tiff(
            tags(2000, 2000, packing=(3, [8]), strips=(4, [400]), rows=(4, [2**31 - 1]), counts=(4, [2**31])),
            zeros(5_000_000),
        ),
        "",
    )
    yield "long-tag.tif", lambda: cut_tag(tiff(plain | {270: (1, [65] * 8)}, bytes(9000))), "64x48|not an image|damaged"
    yield "deflated-49.tif", lambda: flat("RGB", LARGE, "TIFF", compression="tiff_adobe_deflate"), "3500x3500"
    yield "lzw-49.tif", lambda: flat("I;16", LARGE, "TIFF", compression="tiff_lzw"), "3500x3500"
    yield "cmyk-49.tif", lambda: flat("CMYK", LARGE, "TIFF", compression="packbits"), "3500x3500"
    yield "32-bit.tif", lambda: flat("I", (4000, 4000), "TIFF", compression="tiff_lzw"), "4000x4000|32-bit"
    yield "floats.tif", lambda: flat("F", (4000, 4000), "TIFF", compression="tiff_lzw"), "floating-point"
    yield "jpeg.tif", lambda: flat("RGB", LARGE, "TIFF", compression="jpeg"), "3500x3500|memory"
    yield "big.tif", lambda: tiff(plain, bytes(9000), big=True), "not an image|damaged"
    yield "truncated.tif", lambda: small[: len(small) // 2], "damaged|not an image"


def cut_tag(data: bytes) -> bytes:
    """A TIFF whose description says that it has 2,147,483,647 bytes."""
    at = data.index(struct.pack("<HHL", 270, 1, 8))
    return data[: at + 4] + struct.pack("<L", 2**31 - 1) + data[at + 8 :]


# --- WebP, AVIF


class Bits:
    """Numbers of few bits, the lowest first."""

    def __init__(self) -> None:
        self.value = self.length = 0
        self.done = bytearray()

    def add(self, *pairs: tuple[int, int]) -> None:
        for number, length in pairs:
            self.value |= number << self.length
            self.length += length
            while self.length >= 8:
                self.done.append(self.value & 255)
                self.value >>= 8
                self.length -= 8

    def bytes(self) -> bytes:
        return bytes(self.done) + bytes((self.value & 255,)) + bytes(8)


ONE_SYMBOL = ((1, 1), (0, 1), (0, 1), (0, 1))  # a simple code of one symbol: each costs no bits


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP" + b"".join(
        name + struct.pack("<L", len(data)) + data + bytes(len(data) % 2) for name, data in chunks
    )
    return b"RIFF" + struct.pack("<L", len(body)) + body


def lossless(width: int, height: int) -> Bits:
    bits = Bits()
    bits.add((0x2F, 8), (width - 1, 14), (height - 1, 14), (0, 1), (0, 3))
    return bits


def bomb() -> bytes:
    """34 bytes of WebP: one colour for 49 million pixels."""
    bits = lossless(*LARGE)
    bits.add((0, 1), (0, 1), (0, 1), *ONE_SYMBOL * 5)
    return riff((b"VP8L", bits.bytes()[:14]))


def groups(side: int = 1024) -> bytes:
    """A WebP with a table of codes of its own for every 4x4 pixels."""
    bits = lossless(side, side)
    bits.add((0, 1), (0, 1), (1, 1), (0, 3), (0, 1))  # no transform, no cache; groups of 2^2 pixels; no cache there
    for symbols in (256, 256):  # green and red: eight bits for each of the first 256 symbols
        # The lengths of the lengths, in the order 17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8: only 8 is used.
        bits.add((0, 1), (8, 4), *[(0, 3)] * 11, (1, 3), (1, 1), (3, 3), (symbols - 2, 8))
    bits.add(*ONE_SYMBOL * 3)
    for number in range((side // 4) ** 2):
        bits.add((number & 0xFFFF, 16))
    for _ in range((side // 4) ** 2):
        bits.add(*ONE_SYMBOL * 5)
    return riff((b"VP8L", bits.bytes()))


def webps() -> Iterator[tuple[str, Callable[[], bytes], str]]:
    small = encoded(noise(64, 48), "WEBP")
    canvas = struct.pack("<L", 0) + (16383).to_bytes(3, "little") * 2
    yield "34-bytes.webp", bomb, "memory"
    yield "groups.webp", groups, "1024x1024|memory|damaged"
    yield "canvas.webp", lambda: riff((b"VP8X", canvas), *chunks_of(small)), "too large"
    yield "animated-canvas.webp", lambda: riff((b"VP8X", b"\2" + canvas[1:]), (b"ANIM", bytes(6))), "too large"
    yield (
        "film.webp",
        lambda: encoded(
            Image.new("RGB", (3000, 3000)),
            "WEBP",
            save_all=True,
            append_images=[Image.new("RGB", (3000, 3000), (number, 0, 0)) for number in range(1, 3)],
            method=0,
        ),
        "3000x3000|memory",
    )
    yield "lossy-49.webp", lambda: flat("RGB", LARGE, "WEBP", method=0, quality=0), "memory"
    yield "lossy-12.webp", lambda: flat("RGB", (4000, 3000), "WEBP", method=0), "4000x3000"
    yield "alpha-12.webp", lambda: flat("RGBA", (4000, 3000), "WEBP", method=0, lossless=True), "4000x3000"
    yield "profile.webp", lambda: flat("RGB", (64, 48), "WEBP", icc_profile=bytes(9_000_000)), "64x48"
    yield "truncated.webp", lambda: small[: len(small) // 2], "damaged|not an image"


def chunks_of(data: bytes) -> list[tuple[bytes, bytes]]:
    return [(data[12:16], data[20 : 20 + struct.unpack("<L", data[16:20])[0]])]


def avifs() -> Iterator[tuple[str, Callable[[], bytes], str]]:
    small = encoded(noise(64, 48), "AVIF")
    at = small.index(b"ispe") + 8

    def claims(width: int, height: int) -> bytes:
        return small[:at] + struct.pack(">LL", width, height) + small[at + 8 :]

    yield "large.avif", lambda: flat("RGB", (5000, 4000), "AVIF", speed=10), "2500x2000|memory"
    yield "whole.avif", lambda: flat("RGB", (4000, 3000), "AVIF", speed=10), "4000x3000|memory"
    yield "claims.avif", lambda: claims(*LARGE), "damaged|not an image|memory"
    yield "claims-65535.avif", lambda: claims(65535, 65535), "too large|not an image"
    yield (
        "claims-little.avif",
        lambda: (lambda data: data.replace(struct.pack(">LL", 5000, 4000), struct.pack(">LL", 64, 48)))(
            flat("RGB", (5000, 4000), "AVIF", speed=10)
        ),
        "64x48|damaged|not an image|memory",
    )
    yield "truncated.avif", lambda: small[: len(small) // 2], "damaged|not an image"
    yield "box.avif", lambda: small[:40] + b"\xff\xff\xff\xff" + small[44:], "not an image|damaged"


# --- not an images


def others() -> Iterator[tuple[str, Callable[[], bytes], str]]:
    yield "empty.jpg", lambda: b"", "is empty"
    yield "noise.jpg", lambda: random.Random(5).randbytes(100_000), "not an image"
    yield (
        "postscript.png",
        lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n",
        "not an image",
    )
    yield (
        "vector.png",
        lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "not an image",
    )
    yield "icon.png", lambda: b"\0\0\1\0\1\0" + bytes(16), "not an image"
    yield (
        "photoshop.jpg",
        lambda: b"8BPS\0\1" + bytes(6) + struct.pack(">HLLHH", 3, 30_000, 30_000, 8, 3),
        "not an image",
    )
    yield "a-zip-behind.png", zip_behind, "64x48"
    yield "portable.png", lambda: b"P6\n100000 100000\n255\n", "not an image"


def zip_behind() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("run.py", "import os")
    return encoded(noise(64, 48), "PNG") + archive.getvalue()


def _all() -> dict[str, tuple[Callable[[], bytes], str]]:
    kinds = [jpegs, pngs, gifs, bmps, tiffs, others]
    kinds += [make for name, make in (("webp", webps), ("avif", avifs)) if name in features.get_supported()]
    return {name: (make, expected) for kind in kinds for name, make, expected in kind()}


# Name -> (its bytes, made when they are asked for; the size that must come of it, or words of the refusal).
HOSTILE_PICTURES = _all()
