"""Zips that are broken or mean harm, each with a part of the sentence with which it is refused."""

import io
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from PIL import Image


def picture(colour: str = "red", kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (6, 5), colour).save(buffer, kind)
    return buffer.getvalue()


def zipped(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


GOOD = {f"{name}/{number}.png": picture() for name in ("cat", "dog") for number in (1, 2)}


def beside(name: str) -> Callable[[], bytes]:
    """A good zip with one picture more, under that name."""
    return lambda: zipped(GOOD | {name: picture()})


def zipped_as(info: zipfile.ZipInfo, data: bytes = b"x") -> bytes:
    """A good zip and one entry more, made as given."""
    buffer = io.BytesIO(zipped(GOOD))
    with zipfile.ZipFile(buffer, "a") as archive, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Duplicate name")
        archive.writestr(info, data)
    return buffer.getvalue()


def zero_byte() -> bytes:
    """zipfile cuts a name at the zero byte: "9" would be checked, and something else meant."""
    return beside("cat/9_png.png")().replace(b"cat/9_png.png", b"cat/9\0png.png")


def special(kind: int) -> bytes:
    """An entry that is no file."""
    info = zipfile.ZipInfo("cat/9.png")
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    return zipped_as(info, b"/etc/passwd")


def encrypted() -> bytes:
    data = bytearray(zipped(GOOD))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + flags] |= 1
            at = data.find(signature, at + 4)
    return bytes(data)


def damaged_at_the_end() -> bytes:
    data = bytearray(zipped(GOOD, zipfile.ZIP_STORED))
    data[data.rfind(b"IDAT") + 6] ^= 0xFF
    return bytes(data)


def block_bomb() -> bytes:
    """One megabyte that would be a thousand."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("cat/1.png", "w") as file:
        for _ in range(1000):
            file.write(bytes(1_000_000))
    return buffer.getvalue()


def endless_table() -> bytes:
    """A table of contents with more entries than anybody's pictures."""
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0) + b"c/1.p"
    table = entry * 300_000
    return table + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 65535, 65535, len(table), 0, 0)


def overlapping() -> bytes:
    """As in the zip bombs of David Fifield: one block of data, named by many entries."""
    data = zipped({"cat/1.png": bytes(range(256)) * 40})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        start = archive.start_dir
    record = data[start : data.rfind(b"PK\x05\x06")]
    names = [f"cat/{number:01}.png".encode() for number in range(10)]
    table = b"".join(record.replace(b"cat/1.png", name) for name in names)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, len(names), len(names), len(table), start, 0)
    return data[:start] + table + end


def lying() -> bytes:
    """The table of contents promises fewer bytes than there are."""
    data = zipped(GOOD)
    table = data.find(b"PK\x01\x02")
    return data[:table] + data[table:].replace(struct.pack("<I", len(picture())), struct.pack("<I", 9))


def _all() -> Iterator[tuple[str, Callable[[], bytes], str]]:
    for name in (
        "../cat/1.png",
        "cat/../../1.png",
        "/etc/cat/1.png",
        "..\\cat\\1.png",
        "C:\\cat\\1.png",
        "C:cat/1.png",
        "\\\\server\\cat\\1.png",
        "cat/../dog/9.png",
    ):
        yield f"out of its folder: {name}", beside(name), "leads out of its folder"
    for name in (
        "cat/con.png",
        "cat/LPT1/x.png",
        "cat/a:b.png",
        "cat/a.png.",
        "cat /1.png",
        "cat/a\x01.png",
        "aux/1.png",
    ):
        yield f"impossible on Windows: {name!r}", beside(name), "not every computer can have"
    yield "zero byte", zero_byte, "not every computer can have"
    for kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK):
        yield f"no file: {kind:o}", partial(special, kind), "is a link or a device"
    yield "encrypted", encrypted, "is encrypted"
    for twin in ("cat/1.png", "CAT/1.png", "cat/1.PNG", "./cat/1.png", "cat//1.png", "cat\\1.png"):
        yield f"twin: {twin}", partial(zipped_as, zipfile.ZipInfo(twin), picture("blue")), "two entries"
    spellings = GOOD | {"caf\u00e9/1.png": picture(), "cafe\u0301/1.png": picture()}
    yield "two spellings of one letter", partial(zipped, spellings), "two entries"
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield f"packed by {method}", partial(zipped, GOOD, method), "packed in an unusual way"
    layouts: tuple[tuple[dict[str, bytes], str], ...] = (
        ({}, "no images"),
        ({"README.md": b"hello"}, "no images"),
        ({"more.zip": zipped(GOOD)}, "no images"),
        ({"1.png": picture()}, "in no class folder"),
        ({"a/b/c/cat/1.png": picture()}, "too deep"),
        ({"a/b/c/train/cat/1.png": picture()}, "too deep"),
        (GOOD | {"more/bird/1.png": picture()}, "class folders of one place"),
        (GOOD | {"train/bird/1.png": picture()}, "class folders of one place"),
        ({"train/cat/1.png": picture(), "val/cat/1.png": picture()}, "class folders of one place"),
    )
    for files, words in layouts:
        yield f"layout: {', '.join(files)}", partial(zipped, files), words
    good = zipped(GOOD)
    for name, data in (
        ("empty", b""),
        ("text", b"no zip at all"),
        ("png", picture()),
        ("its beginning", good[:200]),
        ("without its end", good[:-30]),
        ("without its beginning", good[40:]),
        ("an end alone", good[good.rfind(b"PK\x05\x06") :] * 2),
    ):
        yield f"no zip: {name}", partial(bytes, data), "zip"
    yield "damage in the last picture", damaged_at_the_end, "damaged"
    yield "bomb", lambda: zipped({"cat/1.png": bytes(20_000_000), "dog/1.png": picture()}), "zip bomb"
    yield "bomb of one block", block_bomb, "zip bomb"
    yield "endless table", endless_table, "too many entries"
    yield "overlapping", overlapping, "overlap"
    yield "lying size", lying, "damaged"


HOSTILE_ZIPS = {name: (make, words) for name, make, words in _all()}
