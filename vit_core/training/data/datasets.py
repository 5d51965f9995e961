"""The data sets that this machine can train on: toy pictures, FoodVision Mini, zips and folders that somebody gave."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from vit_core.training.data.archives import UPLOAD_PREFIX, pictures_folder, read_record, unpack
from vit_core.training.data.foodvision import FOODVISION, fetch
from vit_core.training.data.pictures import SPLITS
from vit_core.training.data.toy import TOY as TOY  # theirs is also the first data set's name
from vit_core.training.data.toy import make_toy_pictures, toy_folder
from vit_core.training.disk import write_object
from vit_core.weights.downloads import Progress
from vit_core.weights.reading import read_json

TOY_TITLE = "Toy images (drawn by the program)"
FOLDER_PREFIX = "folder-"
_GIVERS = ".givers"  # in a zip's folder: digests of the secrets of those who gave it
_REMOVED = ".removed-"  # before the name of a zip's folder that was put aside
_FOLDERS = "folders.json"  # in pictures_folder(): the folders that somebody gave, by name


@dataclass(frozen=True)
class Dataset:
    """Pictures to train on, by a name that fits into a link."""

    name: str
    title: str
    path: Path | None  # None: not on this machine yet
    megabytes: float | None = None  # to download
    problem: str = ""  # why it is not here, where a download would not help

    @property
    def is_here(self) -> bool:
        """Whether its pictures are on this machine."""
        return self.path is not None


def datasets() -> Mapping[str, Dataset]:
    """All data sets that can be chosen, in the order of a list: toy pictures, FoodVision Mini, own ones."""
    try:
        found = [Dataset(TOY, TOY_TITLE, make_toy_pictures())]
    except OSError as error:
        problem = f"they could not be written to {toy_folder()} ({error.strerror})"
        found = [Dataset(TOY, TOY_TITLE, None, problem=problem)]
    for data in FOODVISION.values():
        path = data.folder if data.folder.is_dir() else None
        found.append(Dataset(data.name, data.title, path, data.copy_bytes / 1e6))
    zips = sorted(pictures_folder().glob(f"{UPLOAD_PREFIX}*"), key=lambda path: path.stat().st_mtime)
    found += [_unpacked(folder) for folder in zips if folder.is_dir()]
    # A folder that was unplugged or deleted is not offered, and is back when it is there again.
    found += [Dataset(name, f"Folder {path.name}", path) for name, path in _folders().items() if path.is_dir()]
    return {data.name: data for data in found}


def download_dataset(name: str, on_progress: Progress | None = None) -> Dataset:
    """FoodVision Mini, downloaded if need be.

    Raises:
        KeyError: if ``name`` is not one of ``FOODVISION``.
        OSError, ValueError: as ``foodvision.fetch``; one sentence.
    """
    data = FOODVISION[name]
    return Dataset(name, data.title, fetch(data, on_progress), data.copy_bytes / 1e6)


def add_zip(archive: Path | bytes, title: str) -> Dataset:
    """The pictures of a zip, from now on listed.

    Raises:
        ArchiveError, OSError: as ``unpack``.
    """
    return _unpacked(unpack(archive, title=title))


def _unpacked(folder: Path) -> Dataset:
    return Dataset(folder.name, read_record(folder).get("title") or folder.name, folder)


def add_folder(path: Path) -> Dataset:
    """A folder of this machine, from now on listed. Whether it can be trained on is for ``inspect_folders`` to say.

    Raises:
        ValueError: if there is no such folder.
        OSError: if it cannot be read, or the list not be written.
    """
    path = Path(os.path.abspath(path.expanduser()))
    if not path.exists():
        raise ValueError(f"there is no folder {path}: check the path")
    if not path.is_dir():
        raise ValueError(f"{path} is a file: give the folder that holds the class folders, or upload a zip of it")
    try:
        next(path.iterdir(), None)
    except PermissionError as error:
        raise ValueError(f"{path} may not be read by this program: give it the permission, or move it") from error
    name = FOLDER_PREFIX + hashlib.sha256(str(path).encode()).hexdigest()[:12]
    _change_folders({name: path})
    return Dataset(name, f"Folder {path.name}", path)


def remove_dataset(data: Dataset) -> None:
    """No longer list a zip or folder that somebody gave. ``bring_back`` undoes it, until the next one is removed.

    A zip's unpacked pictures are put aside, and those put aside before are deleted; a folder itself is left alone.

    Raises:
        ValueError: if it is neither.
        OSError: if it cannot be moved.
    """
    if data.path is None or not is_own(data):
        raise ValueError(f"{data.title} cannot be removed: only zips and folders that somebody gave can")
    if data.name.startswith(FOLDER_PREFIX):
        _change_folders({data.name: None})
        return
    for before in pictures_folder().glob(f"{_REMOVED}*"):
        shutil.rmtree(before, ignore_errors=True)
    os.replace(data.path, data.path.with_name(_REMOVED + data.name))


def bring_back(data: Dataset) -> None:
    """List again what ``remove_dataset`` removed.

    Raises:
        OSError: if it is not there any more.
    """
    if data.path is None:
        raise ValueError(f"{data.title} was never here")
    if data.name.startswith(FOLDER_PREFIX):
        _change_folders({data.name: data.path})
    elif not data.path.exists():  # otherwise somebody has given the same zip again
        os.replace(data.path.with_name(_REMOVED + data.name), data.path)


def note_giver(data: Dataset, key: str) -> None:
    """Note who gave a zip: whoever tells this secret again may remove it. Only its digest is kept.

    Raises:
        OSError: if it cannot be written.
    """
    if data.path is None or not data.name.startswith(UPLOAD_PREFIX) or was_given_by(data, key):
        return
    with (data.path / _GIVERS).open("a", encoding="ascii") as file:
        file.write(hashlib.sha256(key.encode()).hexdigest() + "\n")


def was_given_by(data: Dataset, key: str) -> bool:
    """Whether ``note_giver`` has noted this secret for it."""
    if data.path is None or not data.name.startswith(UPLOAD_PREFIX):
        return False
    try:
        known = (data.path / _GIVERS).read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return False
    return hashlib.sha256(key.encode()).hexdigest() in known


def is_own(data: Dataset) -> bool:
    """Whether somebody gave it: a zip or a folder."""
    return data.name.startswith((UPLOAD_PREFIX, FOLDER_PREFIX))


def state_of(folder: Path) -> str:
    """Changes when pictures or class folders come or go; only folders are looked at, so it is quick.

    Raises:
        OSError: if the folder is gone or may not be read.
    """
    if folder.parent == pictures_folder():
        return ""  # these never change
    parents = [folder, *(folder / name for name in SPLITS if (folder / name).is_dir())]
    inside = [Path(entry.path) for parent in parents for entry in os.scandir(parent) if entry.is_dir()]
    states = sorted(f"{path} {path.stat().st_mtime_ns}" for path in [folder, *inside])
    return hashlib.sha256("\n".join(states).encode(errors="replace")).hexdigest()


def _change_folders(changes: Mapping[str, Path | None]) -> None:
    """Add folders to the list, or take away those that are None; atomically, one at a time."""
    parent = pictures_folder()
    parent.mkdir(parents=True, exist_ok=True)
    with FileLock(parent / f".{_FOLDERS}.lock"):
        changed: dict[str, Path | None] = {**_folders(), **changes}
        write_object(parent / _FOLDERS, {name: str(path) for name, path in changed.items() if path is not None})


def _folders() -> dict[str, Path]:
    try:
        known = read_json(pictures_folder() / _FOLDERS)
    except (OSError, ValueError):
        return {}
    return {name: Path(str(path)) for name, path in known.items()}
