"""Files that are whole or not there, a full disk distinguished from other errors, and the lock on a run."""

import errno
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from safetensors import SafetensorError

from vit_core.training.runs.processes import LOCK, PROCESS


@contextmanager
def process_lock(run: Path) -> Iterator[None]:
    """Held by the process that trains in a folder, for as long as it lives: also kill -9 gives it back.

    Raises:
        ValueError: if another process trains there.
    """
    run.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(run / LOCK).acquire(timeout=2.0)  # somebody may be looking whether it is held
    except Timeout:
        raise ValueError(f"another process is training in {run}: wait for it, or stop it") from None
    with lock:
        write_object(run / PROCESS, {"pid": os.getpid()})
        yield


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write a partial file next to ``path``, then put it in its place atomically."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        write(partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)  # what was there before stays, and has room again
        if is_disk_full(error):
            raise DiskFullError(path.parent) from None
        raise
    os.replace(partial, path)


def write_object(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON object in the same way."""
    text = json.dumps(values, indent=1, ensure_ascii=False) + "\n"
    replace_file(path, lambda partial: partial.write_text(text, encoding="utf-8"))


class DiskFullError(OSError):
    """Nothing more can be written to the disk of a folder; the message is one sentence."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"the disk of {folder} is full: delete what is not needed any more (python -m explainer kept shows what is "
            "kept), then resume; the run goes on from what it had saved"
        )


def is_disk_full(error: Exception) -> bool:
    """Whether an error says that the disk, or a quota on it, has no room; safetensors says so in its text alone."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "No space left on device" in str(error) or "os error 28" in str(error)
