"""The limits of this machine: whoever needs much estimates it and asks here before taking it.

A refusal is one sentence with the estimate, the limit, and what to do. A limit is a setting: an environment variable
that the operator may set before the app starts.
"""

import ctypes
import gc
import os
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_C: Any = ctypes.CDLL(None) if sys.platform == "linux" else None
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's numbers of them in malloc.h


class NotAllowedError(ValueError):
    """More than this machine may be asked for; the message is one sentence without a full stop."""


@dataclass(frozen=True)
class Limit:
    """The most that may be taken of one thing; ``variable`` in the environment sets another number of units."""

    variable: str
    default: float
    unit: str

    @property
    def most(self) -> float:
        """The number in force; what cannot be read as a positive number leaves the default."""
        try:
            value = float(os.environ.get(self.variable, ""))
        except ValueError:
            return self.default
        return value if 0 < value < float("inf") else self.default


def _two_thirds_of_memory() -> float:
    """Megabytes: of this machine, or of the container that this process runs in."""
    try:
        installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not every system tells
        installed = 8 * 10**9
    with suppress(OSError, ValueError):  # no container, or one without a limit, which is called "max"
        installed = min(installed, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return round(installed / 1.5e6, 0)


MEMORY = Limit("VIT_EXPLAINER_MEMORY_MB", 1024.0, "MB")  # that one request may take while it is answered
MODELS = Limit("VIT_EXPLAINER_MODELS_MB", 2147.0, "MB")  # of the weights of all models that are kept in memory
TRAINING_MEMORY = Limit("VIT_EXPLAINER_TRAINING_MEMORY_MB", _two_thirds_of_memory(), "MB")  # of one training
TRAINING_HOURS = Limit("VIT_EXPLAINER_TRAINING_HOURS", 48.0, "h")  # of one training
PICTURE_MEMORY = Limit("VIT_EXPLAINER_PICTURE_MB", 270.0, "MB")  # that reading one picture may take
PICTURE_SECONDS = Limit("VIT_EXPLAINER_PICTURE_SECONDS", 5.0, "s")  # that reading a picture of an unusual kind may take
FREE_DISK = Limit("VIT_EXPLAINER_FREE_DISK_MB", 500.0, "MB")  # that stay free on every disk
UPLOADS = Limit("VIT_EXPLAINER_UPLOADS_MB", 8000.0, "MB")  # of unpacked zips and of weights files that readers brought
ARRIVING = Limit("VIT_EXPLAINER_ARRIVING_MB", 512.0, "MB")  # of memory, for visitors' files that no page has taken yet
OPENED = Limit("VIT_EXPLAINER_OPENED_MB", 4000.0, "MB")  # of opened weights; the one not used longest makes room
RUNS = Limit("VIT_EXPLAINER_RUNS_MB", 20_000.0, "MB")  # of all runs together
WEIGHTS = Limit("VIT_EXPLAINER_WEIGHTS_MB", 30_000.0, "MB")  # of all downloaded checkpoints together


def allow_memory(what: str, needed: int, remedy: str, limit: Limit = MEMORY) -> None:
    """Refuse ``what`` if it would take more than ``limit``.

    Args:
        what: the subject of the sentence, as "the ledger of 6,000 pictures".
        needed: bytes at the highest point, estimated.
        remedy: what to do instead, as an imperative.
        limit: the most; that of one request by default.

    Raises:
        NotAllowedError: if it would.
    """
    _allow(what, needed / 1e6, limit, "of memory", remedy)


def allow_hours(what: str, seconds: float, remedy: str) -> None:
    """Refuse a training that would go on for longer than ``TRAINING_HOURS``; otherwise as ``allow_memory``."""
    _allow(what, seconds / 3600, TRAINING_HOURS, "of computing", remedy)


def allow_disk(what: str, needed: int, folder: Path, quota: Limit | None = None, kept: int = 0) -> None:
    """Refuse to write ``needed`` bytes below ``folder`` if the disk, or the quota of that kind, has no room for them.

    Args:
        what: the subject of the sentence.
        needed: bytes.
        folder: where; an existing folder.
        quota: the limit of all that is kept of this kind.
        kept: the bytes of that kind that are there already.

    Raises:
        NotAllowedError: if there is no room.
    """
    free = shutil.disk_usage(folder).free / 1e6 - FREE_DISK.most
    if needed / 1e6 > free:
        raise NotAllowedError(
            f"{what} needs {needed / 1e6:,.0f} MB on the disk, and {max(0, free):,.0f} MB may be used: "
            f"{FREE_DISK.most:,.0f} MB stay free ({FREE_DISK.variable}); delete what is not needed any more"
        )
    if quota is not None:
        _allow(what, (needed + kept) / 1e6, quota, "with what is kept already", "delete what is not needed any more")


def keep_large_blocks_apart() -> None:
    """Have the C library (glibc) take blocks above 4 MB from the system, and return each when it is freed.

    Otherwise, once a large block was freed, it keeps blocks of up to 32 MB in the arenas of its threads, and up to
    64 MB at the end of each arena, which ``malloc_trim`` leaves: up to 150 MB more after a hundred large pictures. (One
    arena for all kept less, too, and made clicks of twenty sessions take 1.5 and 2.3 times as long.)
    """
    if hasattr(_C, "mallopt"):
        _C.mallopt(_MMAP_THRESHOLD, 4 << 20)
        _C.mallopt(_TRIM_THRESHOLD, 8 << 20)  # of each arena; less, and forward passes fetch their memory anew


def give_back_memory() -> None:
    """Give what nobody uses any more back to the system: some 15 ms, where the C library keeps it (glibc)."""
    gc.collect(1)  # an error that was caught lately may hold the picture it was raised for
    if hasattr(_C, "malloc_trim"):
        _C.malloc_trim(0)


def bytes_below(folder: Path) -> int:
    """The bytes of a file, or of all files in a folder and below; 0 if there is none."""
    total = folder.stat().st_size if folder.is_file() else 0
    for parent, _, files in os.walk(folder):
        for file in files:
            try:
                total += os.lstat(os.path.join(parent, file)).st_size
            except FileNotFoundError:  # somebody has deleted it meanwhile
                continue
    return total


def _allow(what: str, needed: float, limit: Limit, of: str, remedy: str) -> None:
    if needed > limit.most:
        raise NotAllowedError(
            f"{what} would take about {needed:,.0f} {limit.unit} {of}, and at most {limit.most:,.0f} {limit.unit} are "
            f"allowed here ({limit.variable}): {remedy}"
        )
