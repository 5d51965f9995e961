"""The contents of a zip from anyone, read from its table of contents and refused unless harmless."""

import os
import re
import stat
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from vit_core.pictures import MAX_BYTES as MAX_PICTURE_BYTES
from vit_core.training.data.pictures import PICTURE_SUFFIXES, SPLITS

MAX_TOTAL_BYTES = 2 * 10**9  # of all pictures, unpacked
MAX_RATIO = 100  # unpacked to packed; photographs stay near 1, flat drawings below 50, a bomb has 1000
MAX_NESTING = 2  # folders around the class folders, or around train and test

_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f\x7f]')


class ArchiveError(ValueError):
    """A zip that is not unpacked; the message is one sentence for the person who chose it."""


@dataclass(frozen=True)
class Layout:
    """The pictures of a zip by the place they get, ``[train|test/]class/picture``."""

    members: Mapping[str, zipfile.ZipInfo]

    @property
    def total_bytes(self) -> int:
        """For all pictures, as the zip declares them."""
        return sum(info.file_size for info in self.members.values())

    @property
    def counts(self) -> dict[tuple[str, str], int]:
        """Pictures by split and class folder; the split is "" where there are none."""
        places = (place.split("/") for place in self.members)
        return dict(Counter((place[0] if len(place) == 3 else "", place[-2]) for place in places))


def read_layout(archive: zipfile.ZipFile) -> Layout:
    """The pictures of a zip and their places: without hidden files, what macOS adds, and what is no picture by name.

    Raises:
        ArchiveError: if any entry is refused, or the pictures do not lie in class folders.
    """
    pictures: dict[tuple[str, ...], zipfile.ZipInfo] = {}
    seen: set[str] = set()
    for info in archive.infolist():
        parts = _checked_parts(info)
        if info.is_dir() or not parts or "__MACOSX" in parts or any(part.startswith(".") for part in parts):
            continue
        # Some file systems do not tell A from a, nor the two spellings of é.
        if (key := unicodedata.normalize("NFC", "/".join(parts)).casefold()) in seen:
            raise ArchiveError(f"the zip has two entries for {'/'.join(parts)!r}: make it again from a folder")
        seen.add(key)
        if parts[-1].lower().endswith(PICTURE_SUFFIXES):
            pictures[parts] = info
    if not pictures:
        raise ArchiveError(f"the zip has no images ({', '.join(PICTURE_SUFFIXES)}): expected class/picture.jpg")
    _check_sizes(archive, pictures.values())
    return Layout(MappingProxyType(_placed(pictures)))


def _checked_parts(info: zipfile.ZipInfo) -> tuple[str, ...]:
    """The path of an entry, folder by folder; refused if it leads outside or to no file, or the entry is encrypted."""
    name = info.orig_filename.replace("\\", "/")  # some programs on Windows write these
    shown = repr(name[:80])
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", name):
        raise ArchiveError(f"the zip has an entry {shown} that leads out of its folder")
    for part in parts:
        if _FORBIDDEN.search(part) or _RESERVED.fullmatch(part) or part[-1] in ". " or len(part.encode()) > 255:
            raise ArchiveError(f"the zip has an entry {shown}, a name that not every computer can have: rename it")
    kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == 3 else 0  # 3: made on Unix
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ArchiveError(f"the zip's entry {shown} is a link or a device: only files and folders are unpacked")
    if info.flag_bits & 0x1:
        raise ArchiveError("the zip is encrypted: make one without a password")
    return parts


def _check_sizes(archive: zipfile.ZipFile, infos: Collection[zipfile.ZipInfo]) -> None:
    unpacked, packed = sum(info.file_size for info in infos), sum(info.compress_size for info in infos)
    end = archive.fp.seek(0, os.SEEK_END) if archive.fp else 0
    if unpacked > MAX_RATIO * packed:
        raise ArchiveError(
            f"the zip would unpack to {unpacked / max(packed, 1):,.0f} times its size, as a zip bomb does: images "
            f"reach at most {MAX_RATIO} times"
        )
    for info in infos:
        if not 0 <= info.header_offset < end:
            raise ArchiveError(f"the zip is damaged: {info.filename!r} should begin outside of it")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ArchiveError(f"{info.filename!r} is packed in an unusual way: make an ordinary zip (deflate)")
        if info.file_size > MAX_PICTURE_BYTES:
            raise ArchiveError(
                f"{info.filename!r} has {info.file_size / 1e6:,.0f} MB: an image may have at most "
                f"{MAX_PICTURE_BYTES / 1e6:.0f} MB"
            )
    if unpacked > MAX_TOTAL_BYTES:
        raise ArchiveError(
            f"the zip would unpack to {unpacked / 1e9:,.1f} GB: at most {MAX_TOTAL_BYTES / 1e9:.0f} GB are allowed"
        )
    if packed > end:
        raise ArchiveError("the entries of the zip overlap, as in a zip bomb: make it again from a folder")


def _placed(pictures: Mapping[tuple[str, ...], zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """The pictures by ``[train|test/]class/picture``, without the folders around that, which are the same for all."""
    placed: dict[str, zipfile.ZipInfo] = {}
    around: dict[tuple[str, ...], str] = {}  # what is around the class folders -> the first picture there
    for parts, info in pictures.items():
        if len(parts) < 2:
            raise ArchiveError(f"{parts[0]!r} lies in no class folder: expected class/{parts[0]}")
        *outer, class_name, name = parts
        split = outer.pop().lower() if outer and outer[-1].lower() in SPLITS else ""
        if len(outer) > MAX_NESTING:
            raise ArchiveError(f"the class folders lie too deep, in {'/'.join(outer)!r}: zip the folder that has them")
        around.setdefault((*outer, "a split" if split else ""), "/".join(parts))
        placed["/".join(filter(None, (split, class_name, name)))] = info
    if len(around) > 1:
        first, second, *_ = around.values()
        raise ArchiveError(
            f"{first!r} and {second!r} do not lie in class folders of one place: expected all images as "
            "class/picture, or all as train/class/picture and test/class/picture"
        )
    if len(placed) < len(pictures):  # Train/ and train/
        raise ArchiveError("the zip has two entries for one image: make it again from a folder")
    return placed
