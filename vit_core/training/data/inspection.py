"""Folders of pictures looked at before training: what would be learned from, and what stands in the way."""

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from vit_core.training.data.pictures import (
    PICTURE_SUFFIXES,
    SPLITS,
    PictureFile,
    broken_pictures,
    class_folders,
    find_pictures,
)
from vit_core.weights.renaming import some_of

_listed = partial(some_of, shown=5)
LOPSIDED = 10  # times as many pictures in the largest class as in the smallest
_LOOKS_LIKE_SPLIT = {"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"}
_SIDE_FILES = {"thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Inspection:
    """The result of an inspection. With any of ``errors`` training cannot start; ``warnings`` are worth knowing."""

    files: tuple[PictureFile, ...] = ()  # those that can be read
    broken: Mapping[Path, str] = field(default_factory=dict)  # and why
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    is_opened: bool = False  # whether every picture was opened to see if it can be read
    held_out: int = 0  # pictures of each class that are taken for the test; 0 where the folders have a test split

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the labels."""
        return tuple(sorted({file.class_name for file in self.files}, key=str.casefold))

    @cached_property
    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Pictures that can be read, by split and class."""
        found: Counter[tuple[str, str]] = Counter((file.split, file.class_name) for file in self.files)
        return {split: {name: found[split, name] for name in self.class_names} for split in SPLITS}

    def total(self, split: str) -> int:
        """Pictures of a split that can be read."""
        return sum(self.counts[split].values())


def inspect_folders(
    roots: Sequence[Path], held_out: int = 10, names: Mapping[str, str] | None = None, most_opened: int | None = None
) -> Inspection:
    """Look at every picture below the folders, laid out as ``find_pictures`` says. Nothing is raised.

    Opening a picture takes milliseconds; with more than ``most_opened`` of them, none is.
    """
    errors = [sentence for root in roots for sentence in _layout_errors(root)]
    if errors:
        return Inspection(errors=tuple(errors))
    try:
        files = find_pictures(roots, held_out, names)
        is_opened = most_opened is None or len(files) <= most_opened
        broken = broken_pictures(files) if is_opened else {}
        warnings = [sentence for root in roots for sentence in _left_out(root)]
    except (ValueError, OSError) as error:
        return Inspection(errors=(_sentence(error),))
    good = tuple(file for file in files if file.path not in broken)
    found = Inspection(good, broken)
    split = any((root / name).is_dir() for root in roots for name in SPLITS)
    errors = _class_errors(found, files, held_out, split)
    if broken:
        count = "1 image" if len(broken) == 1 else f"{len(broken):,} images"
        warnings.append(f"{count} cannot be read and will be left out: {_listed([path.name for path in broken])}.")
    warnings += _class_warnings(found) + (_same_in_both(good) if is_opened else [])
    return Inspection(good, broken, tuple(errors), tuple(warnings), is_opened, 0 if split else held_out)


def _layout_errors(root: Path) -> list[str]:
    """The faults of the folders, before any picture is opened."""
    try:
        if not root.exists():
            return [f"There is no folder {root}: check the path."]
        if not root.is_dir():
            return [f"{root} is a file: give the folder that holds the class folders."]
        splits = [name for name in SPLITS if (root / name).is_dir()]
        empty: list[str] = []
        found = False
        for parent in [root / name for name in splits] or [root]:
            folders = class_folders(parent)
            if not splits and (odd := [name for name in folders if name.casefold() in _LOOKS_LIKE_SPLIT]):
                return [
                    f"{root} has folders {_listed(odd)}, which look like splits and not like classes: call them train "
                    "and test."
                ]
            found = found or any(folders.values())
            for name, paths in folders.items():
                if paths and all(path.parent != parent / name for path in paths):
                    return [
                        f"{parent / name} has no images itself, only folders with images: give that folder if "
                        "those are the classes, or move the images up."
                    ]
            empty += [str((parent / name).relative_to(root)) for name, paths in folders.items() if not paths]
        if not found:
            return [f"{root} has no images in class folders: expected class/picture.jpg or train/class/picture.jpg."]
        errors = []
        if len(splits) == 1:
            [missing] = set(SPLITS) - set(splits)
            errors.append(
                f"{root} has a folder {splits[0]} but none called {missing}: add it, or give a folder of class folders "
                "without splits, of which some images are held out."
            )
        if empty:
            errors.append(f"No image in {_listed(empty)}: every class folder needs some, or delete the folder.")
        return errors
    except OSError as error:
        return [_sentence(error)]


def _class_errors(found: Inspection, files: Sequence[PictureFile], held_out: int, is_split: bool) -> list[str]:
    """Classes that cannot be learned or measured."""
    errors = []
    there = sorted({file.class_name for file in files}, key=str.casefold)
    if len(there) == 1:
        errors.append(f"There is only one class, {there[0]!r}: a model learns to distinguish at least two.")
    before = Counter(file.class_name for file in files)
    train = found.counts["train"]
    missing = [name for name in there if not train.get(name)]
    if missing and not is_split:
        errors.append(
            f"Of each class {held_out} images are held out to test on, and nothing is left to learn from for "
            f"{_listed([f'{name} ({before[name]})' for name in missing])}."
        )
    elif missing:
        errors.append(
            f"Nothing to learn from for the class {_listed(missing)}: there are test images, but no training "
            "images that can be read."
        )
    if not errors and not found.total("test"):
        errors.append("There is no test image that can be read: nothing to measure on.")
    return errors


def _class_warnings(found: Inspection) -> list[str]:
    warnings = []
    untested = [name for name, count in found.counts["test"].items() if not count]
    if untested and found.total("test"):
        warnings.append(f"The test split has no image of {_listed(untested)}: nothing will be measured there.")
    counts = [count for count in found.counts["train"].values() if count]
    if counts and max(counts) >= LOPSIDED * min(counts):
        warnings.append(
            f"The largest class has {max(counts):,} training images and the smallest {min(counts):,}: always "
            "answering with the largest will look better than it is."
        )
    return warnings


def _left_out(root: Path) -> list[str]:
    """Files next to the pictures that are none by their name."""
    others: Counter[str] = Counter()
    for parent in [root / name for name in SPLITS if (root / name).is_dir()] or [root]:
        for name in class_folders(parent):
            for _, _, files in os.walk(parent / name):
                others.update(
                    Path(file).suffix.lower() or "no suffix"
                    for file in files
                    if not file.lower().endswith(PICTURE_SUFFIXES)
                    and not file.startswith(".")
                    and file.lower() not in _SIDE_FILES
                )
    if not others:
        return []
    return [
        f"{sum(others.values()):,} files in class folders are not images by their names and are left out: "
        f"{_listed([f'{count} {suffix}' for suffix, count in others.most_common()])}."
    ]


def _same_in_both(files: Iterable[PictureFile]) -> list[str]:
    """Files of equal content in both splits; only those of equal size are read."""
    by_size: dict[int, list[PictureFile]] = defaultdict(list)
    for file in files:
        by_size[file.path.stat().st_size].append(file)
    by_content: dict[bytes, list[PictureFile]] = defaultdict(list)
    for group in by_size.values():
        if len({file.split for file in group}) == 2:
            for file in group:
                by_content[hashlib.blake2b(file.path.read_bytes()).digest()].append(file)
    twice = [group[0].path.name for group in by_content.values() if len({file.split for file in group}) == 2]
    return [f"In both splits, so that the test is too easy: {_listed(twice)}."] if twice else []


def _sentence(error: Exception) -> str:
    if isinstance(error, PermissionError):
        return f"{error.filename} may not be read by this program: give it the permission, or choose another folder."
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename} cannot be read: {error.strerror}."
    text = str(error)
    return text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")
