"""Zips of pictures unpacked to class folders in the cache: put in place only whole, kept by their content."""

import hashlib
import json
import os
import shutil
import struct
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from filelock import FileLock

from vit_core.allowance import UPLOADS, allow_disk, bytes_below
from vit_core.training.data.archive_layout import ArchiveError, Layout, read_layout
from vit_core.weight_files.zip_members import check_contents
from vit_core.weights.downloads import cache_folder
from vit_core.weights.reading import read_json

RECORD = "dataset.json"  # next to the class folders: where they came from
UPLOAD_PREFIX = "zip-"

_UNFINISHED = ".unpacking-"
_LOCK = ".unpacking.lock"  # one zip at a time
_ABANDONED_AFTER = 3600.0  # seconds
_CHUNK = 1 << 18
_Counts = Mapping[tuple[str, str], int]


def pictures_folder() -> Path:
    """Where unpacked and drawn pictures are kept."""
    return cache_folder() / "pictures"


def unpack(archive: Path | bytes, folder: Path | None = None, expected: _Counts | None = None, title: str = "") -> Path:
    """The pictures of a zip as class folders in ``folder``; nothing is done if it is there already.

    The whole table of contents is checked before the first byte is written (``read_layout``). While writing, the bytes
    are counted against what was declared, and zipfile checks the CRC of each file. All of it goes to a folder of its
    own, which is renamed in the end: on any failure nothing stays.

    Args:
        archive: the zip's path, or its bytes.
        folder: by default one in ``pictures_folder()`` that is named by the zip's SHA-256.
        expected: if given, exactly so many pictures there must be by (split, class).
        title: what the reader calls it, kept in ``RECORD``.

    Raises:
        ArchiveError: if the zip is refused.
        NotAllowedError: if its pictures take more of the disk than may be kept.
        OSError: if the zip cannot be read or the folder not be written.
    """
    sha256 = digest(archive)
    folder = folder or pictures_folder() / f"{UPLOAD_PREFIX}{sha256[:16]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(_LOCK)):
        if folder.is_dir():  # also if somebody else has unpacked it while this one waited
            return folder
        with _opened(archive) as opened:
            layout = read_layout(opened)
            if expected is not None and layout.counts != dict(expected):
                raise ArchiveError(f"the zip should hold {_listed(expected)}, it holds {_listed(layout.counts)}")
            kept = sum(map(bytes_below, folder.parent.glob(f"*{UPLOAD_PREFIX}*")))  # those put aside included
            allow_disk("the unpacked zip", layout.total_bytes, folder.parent, UPLOADS, kept)
            record = {"title": title, "sha256": sha256, "pictures": len(layout.members), "bytes": layout.total_bytes}
            with place_whole(folder) as unfinished:
                _write(opened, layout, unfinished)
                (unfinished / RECORD).write_text(json.dumps(record), encoding="utf-8")
    return folder


@contextmanager
def place_whole(folder: Path) -> Iterator[Path]:
    """A new folder to fill, which becomes ``folder`` if the ``with`` ends well, and otherwise vanishes."""
    for path in folder.parent.glob(f"{_UNFINISHED}*"):  # left by a process that was ended in the middle
        if path.stat().st_mtime < time.time() - _ABANDONED_AFTER:
            shutil.rmtree(path, ignore_errors=True)
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder.parent))
    try:
        yield unfinished
        unfinished.chmod(0o755)  # mkdtemp makes it for its owner alone
        os.replace(unfinished, folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def read_record(folder: Path) -> dict[str, Any]:
    """Where the pictures of an unpacked folder came from; empty if that is not known."""
    try:
        return read_json(folder / RECORD)
    except (OSError, ValueError):
        return {}


def digest(archive: Path | bytes) -> str:
    """The SHA-256 of a file."""
    if isinstance(archive, bytes):
        return hashlib.sha256(archive).hexdigest()
    with archive.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _opened(archive: Path | bytes) -> Iterator[zipfile.ZipFile]:
    with BytesIO(archive) if isinstance(archive, bytes) else archive.open("rb") as file:
        try:
            check_contents(file, may_have_comment=True)
            opened = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, RuntimeError, EOFError, ValueError, struct.error) as error:
            raise ArchiveError(f"this is not a zip that can be read ({error}): give a .zip of class folders") from error
        with opened:
            yield opened


def _write(archive: zipfile.ZipFile, layout: Layout, folder: Path) -> None:
    for place, info in layout.members.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with archive.open(info) as source, path.open("xb") as target:
                shutil.copyfileobj(source, target, _CHUNK)
                if target.tell() != info.file_size:  # zipfile gives no more than that; it may give less
                    raise EOFError(f"it ends after {target.tell():,} of {info.file_size:,} bytes")
        except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, ValueError, struct.error) as error:
            raise ArchiveError(f"the zip is damaged: {info.filename!r} could not be unpacked ({error})") from error


def _listed(counts: _Counts) -> str:
    parts = (f"{count} {' '.join(filter(None, names))}" for names, count in sorted(counts.items()))
    return ", ".join(parts)
