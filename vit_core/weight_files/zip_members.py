"""The files in a zip archive of weights, by its table of contents alone: refused unless their sizes can be believed."""

import os
import struct
import zipfile
from io import BufferedIOBase
from pathlib import Path

MAX_CONTENTS_BYTES = 4_000_000  # of the table of contents: 40,000 to 80,000 entries
MAX_RATIO = 20  # unpacked to packed; weights stay near 1, a bomb has 1000
SMALL = 64_000_000  # bytes below which the ratio does not matter: a model that is all zeros packs well


def members_of(path: Path, most: int, *, packed: bool) -> list[zipfile.ZipInfo]:
    """The files in the archive, after their declared sizes were compared with each other and with the file's.

    Args:
        path: the archive.
        most: bytes that they may unpack to.
        packed: whether they may be compressed.

    Raises:
        ValueError: if the sizes cannot be true, or are too large.
        zipfile.BadZipFile: if it is no zip.
    """
    with path.open("rb") as file:
        members = entries_of(file, may_have_comment=packed)
        end = file.seek(0, os.SEEK_END)
    if (total := sum(member.file_size for member in members)) > most:
        raise ValueError(f"it would unpack to {total / 1e9:.1f} GB, at most {most / 1e9:.0f} GB are read")
    if total > max(SMALL, MAX_RATIO * end):
        raise ValueError(
            f"it would unpack to {total / max(end, 1):,.0f} times its size, as a zip bomb does: weights hardly shrink"
        )
    if len({member.filename for member in members}) < len(members):
        raise ValueError("it has two entries of one name")
    ordered = sorted(members, key=lambda member: member.header_offset)
    for member, after in zip(ordered, [*(entry.header_offset for entry in ordered[1:]), end], strict=True):
        shown = member.filename[:80]
        if not 0 <= member.header_offset <= after - member.compress_size:
            raise ValueError(f"its entries overlap, as in a zip bomb, or it was cut off ({shown!r})")
        if member.flag_bits & 0x1:
            raise ValueError("it is encrypted: make one without a password")
        if not packed and (member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size):
            raise ValueError(f"{shown!r} is compressed, which PyTorch never does")
    return members


def entries_of(file: BufferedIOBase, may_have_comment: bool) -> list[zipfile.ZipInfo]:
    """Everything that the table of contents names, with nothing compared yet.

    Raises:
        zipfile.BadZipFile: if it is no zip, or its table of contents is too large.
    """
    check_contents(file, may_have_comment)
    with zipfile.ZipFile(file) as archive:
        return archive.infolist()


def check_contents(file: BufferedIOBase, may_have_comment: bool) -> None:
    """Refuse a table of contents that would fill the memory, before zipfile makes objects of it.

    Raises:
        zipfile.BadZipFile: if there is none, or it is too large.
    """
    end = file.seek(0, os.SEEK_END)
    start = file.seek(max(0, end - 65_557))  # the last record and the longest comment that may follow it
    tail = file.read()
    if (at := tail.rfind(b"PK\x05\x06")) < 0 or len(tail) - at < 22:
        raise zipfile.BadZipFile("it has no table of contents: it was cut off, or is not a zip")
    if not may_have_comment and at != len(tail) - 22:  # two programs could find two tables of contents
        raise zipfile.BadZipFile("something follows its table of contents")
    (size,) = struct.unpack_from("<I", tail, at + 12)
    if at >= 20 and tail[at - 20 : at - 16] == b"PK\x06\x07":  # the numbers are in a larger record
        (place,) = struct.unpack_from("<Q", tail, at - 12)
        if place > end:
            raise zipfile.BadZipFile("its table of contents begins outside of it")
        file.seek(place)
        record = file.read(56)
        if len(record) < 56 or record[:4] != b"PK\x06\x06":
            raise zipfile.BadZipFile("its table of contents is damaged")
        (size,) = struct.unpack_from("<Q", record, 40)
    file.seek(0)
    if size > min(MAX_CONTENTS_BYTES, start + at):
        raise zipfile.BadZipFile("it has too many entries, or is damaged")
