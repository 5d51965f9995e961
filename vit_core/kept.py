"""The things that this program keeps on the disk for its readers, by kind: listed and cleared."""

import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from vit_core.allowance import OPENED, RUNS, UPLOADS, WEIGHTS, Limit, bytes_below
from vit_core.training.data.archives import UPLOAD_PREFIX, pictures_folder, read_record
from vit_core.training.runs import processes
from vit_core.training.runs.listing import DELETED, runs_folder
from vit_core.weights.downloads import cache_folder
from vit_core.weights.own_files import opened_folder


@dataclass(frozen=True)
class Kept:
    """One thing that is kept: a folder or a file, with what belongs to it."""

    name: str
    path: Path
    bytes: int
    changed: float  # seconds since 1970
    in_use: bool = False

    @property
    def days(self) -> float:
        """Its age."""
        return max(0.0, time.time() - self.changed) / 86_400

    def remove(self) -> None:
        """Delete it, if nothing works in it.

        Raises:
            OSError: if it cannot be deleted.
        """
        if self.in_use:
            return
        if self.path.is_dir():
            shutil.rmtree(self.path)
        else:
            self.path.unlink(missing_ok=True)
            self.path.with_suffix(".json").unlink(missing_ok=True)


def _uploads() -> list[Kept]:
    """Unpacked zips, those that were removed last included, and weights files that were examined."""
    folders = [path for path in _entries(pictures_folder()) if UPLOAD_PREFIX in path.name and path.is_dir()]
    folders += [path for path in _entries(cache_folder() / "examined") if path.is_dir()]
    return [_kept(path, str(read_record(path).get("title") or path.name)) for path in folders]


def _weights() -> list[Kept]:
    """Downloaded checkpoints, unfinished ones included: the files in the cache itself."""
    return [_kept(path) for path in _entries(cache_folder()) if path.is_file() and path.suffix != ".lock"]


def _opened() -> list[Kept]:
    """Weights that readers brought and opened in the app."""
    return [_kept(path) for path in _entries(opened_folder()) if path.suffix == ".safetensors"]


def _runs() -> list[Kept]:
    """Training runs, and those that were deleted in the last day."""
    found = [path for path in _entries(runs_folder()) if path.is_dir() and not path.name.startswith(".")]
    runs = [_kept(path, in_use=processes.is_training(path) or processes.is_starting(path)) for path in found]
    return runs + [_kept(path, f"{path.name} (deleted)") for path in _entries(runs_folder() / DELETED)]


KINDS: Mapping[str, tuple[Limit, Callable[[], list[Kept]]]] = MappingProxyType(
    {"uploads": (UPLOADS, _uploads), "weights": (WEIGHTS, _weights), "runs": (RUNS, _runs), "opened": (OPENED, _opened)}
)


def kept_of(kind: str) -> list[Kept]:
    """The things of one of ``KINDS``, the largest first."""
    return sorted(KINDS[kind][1](), key=lambda item: -item.bytes)


def _entries(folder: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(folder.iterdir())
    return []


def _kept(path: Path, name: str = "", *, in_use: bool = False) -> Kept:
    return Kept(name or path.name, path, bytes_below(path), path.stat().st_mtime, in_use)
