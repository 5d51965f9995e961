"""Files that readers bring to the checkpoint doctor: kept in the cache for a while, and examined once for everybody."""

import hashlib
import re
import shutil
import threading
from io import SEEK_END, BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock

from explainer.app.kept import kept_large
from explainer.app.session import check_memory
from explainer.doctor.examples import EXAMPLES
from vit_core import load
from vit_core.examination import Examination, examine
from vit_core.weights.conversion import convert, write
from vit_core.weights.downloads import cache_folder
from vit_core.weights.own_files import keep_opened, make_room
from vit_core.weights.reading import SUFFIXES

MAX_KEPT_BYTES = 2_000_000_000  # of all files together; who has not been looked at for longest goes first
UPLOAD, EXAMPLE, UNFINISHED = "upload-", "example-", "unfinished-"
PART = 2**20  # bytes of an upload that are handled at once
LARGE = 200_000_000  # bytes of a file, from which on one is looked at after the other
_LOCK = ".examined.lock"
# Nobody waits for a file of somebody else, but each may take twice its size in memory.
_places_for_small, _place_for_large = threading.BoundedSemaphore(4), threading.BoundedSemaphore(1)


def keep_file(name: str, data: bytes | BinaryIO) -> str:
    """Keep an uploaded file, part by part, and return what it is called in a link.

    Raises:
        ValueError: if it is no weights file by its name, or too large to be kept.
        OSError: if it cannot be written.
    """
    path = Path(name)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{name[:80]} is no weights file that is known: expected one of {', '.join(SUFFIXES)}")
    file = BytesIO(data) if isinstance(data, bytes) else data
    key = UPLOAD + _digest_of(file)[:24]
    stem = re.sub(r"[^A-Za-z0-9._-]", "_", path.stem)[:60].lstrip(".") or "weights"
    with FileLock(_folder() / _LOCK):
        if not (folder := _folder() / key).is_dir():
            make_room(_folder(), file.seek(0, SEEK_END), MAX_KEPT_BYTES)
            unfinished = _folder() / f"{UNFINISHED}{key}"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            file.seek(0)
            try:
                with (unfinished / f"{stem}{path.suffix.lower()}").open("wb") as kept:
                    shutil.copyfileobj(file, kept, PART)
                unfinished.rename(folder)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    return key


def _digest_of(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while part := file.read(PART):
        digest.update(part)
    return digest.hexdigest()


def path_of(key: str) -> Path:
    """The file that a link names: an upload, or an example, which is made when it is asked for first.

    Raises:
        LookupError: if it is not kept here any more, or there is none of that name.
        OSError: if it cannot be written.
    """
    if key.startswith(EXAMPLE) and (name := key.removeprefix(EXAMPLE)) in EXAMPLES:
        return _example(name)
    if re.fullmatch(UPLOAD + "[0-9a-f]{24}", key) and (files := list((_folder() / key).glob("*"))):
        return files[0]
    raise LookupError(
        "The file of this link is no longer on this server: files are kept only for a while. Upload it again, and "
        "the same link works."
    )


def examination_of(path: Path, part: str | None, num_heads: int | None) -> Examination:
    """The examination of the file, made by the first who asks."""
    given = {} if num_heads is None else {"num_heads": num_heads}

    def make() -> tuple[Examination, int]:
        with _place_for(path):
            found = examine(path, part=part, **given)
        return found, 4096 + 400 * len(found.tensors) + 4096 * len(found.findings)

    found: Examination = kept_large(("doctor", *_stamp(path), str(part), str(num_heads)), make)
    return found


def open_file(path: Path, examination: Examination) -> str:
    """Keep the model as a checkpoint of this server and return its name.

    Raises:
        ValueError: if it does not open, or is too large for this server.
        OSError: if it cannot be read or kept.
    """
    assert examination.checkpoint is not None
    check_memory(examination.checkpoint)
    part, given = _load_options(examination)
    with _place_for(path):
        model, checkpoint = load(path, part=part, **given)
        return keep_opened(model, checkpoint, f"{_content(path)} {part} {given}")


def converted(path: Path, examination: Examination, source: str, suffix: str) -> bytes:
    """The file's weights under the names of another family, as the bytes of a file.

    Raises:
        ValueError: if that family has no place for a part of them.
    """
    part, given = _load_options(examination)
    buffer = BytesIO()
    with _place_for(path):
        model, _ = load(path, part=part, **given)
        write(convert(model, source), buffer, suffix)
    return buffer.getvalue()


def why_not(path: Path, examination: Examination, source: str) -> str:
    """Why the weights cannot have the names of a family; empty if they can."""

    def make() -> tuple[str, int]:
        part, given = _load_options(examination)
        try:
            with _place_for(path):
                convert(load(path, part=part, **given)[0], source)
        except ValueError as error:
            return str(error), 500
        return "", 100

    reason: str = kept_large(("doctor.why_not", *_stamp(path), examination.part, source), make)
    return reason


def _load_options(examination: Examination) -> tuple[str | None, dict[str, Any]]:
    """The arguments of ``load``: the number of heads only if the reader has stated it, so that a guess stays one."""
    assert examination.checkpoint is not None
    heads = {} if examination.guesses_heads else {"num_heads": examination.checkpoint.config.num_heads}
    return examination.part or None, heads


def _place_for(path: Path) -> threading.BoundedSemaphore:
    """The semaphore for examining a file: next to up to three others, or alone if it is large."""
    try:
        size = sum(file.stat().st_size for file in (path.glob("*") if path.is_dir() else [path]))
    except OSError:
        size = 0
    return _place_for_large if size > LARGE else _places_for_small


def _example(name: str) -> Path:
    folder = _folder() / f"{EXAMPLE}{name}"
    path = folder / EXAMPLES[name].file
    with FileLock(_folder() / _LOCK):
        if not path.is_file():
            make_room(_folder(), 50_000_000, MAX_KEPT_BYTES)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            unfinished = folder / f"unfinished{path.suffix}"
            EXAMPLES[name].write(unfinished)
            unfinished.rename(path)
    return path


def _folder() -> Path:
    folder = cache_folder() / "examined"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _stamp(path: Path) -> tuple[str, int, int]:
    """A value that changes when a file on this machine does."""
    try:
        status = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), status.st_mtime_ns, status.st_size


def _content(path: Path) -> str:
    if path.is_dir():
        return " ".join(f"{file.name} {_content(file)}" for file in sorted(path.glob("*")) if file.is_file())
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
