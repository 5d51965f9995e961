"""Folders of pictures as one label space: read once, kept as bytes, handed out in batches."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from vit_core.pictures import PictureError, open_picture
from vit_core.preprocess import Preprocess

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
SPLITS = ("train", "test")


class PictureFile(NamedTuple):
    """One picture on disk: where it is, what it shows, and which split it belongs to."""

    path: Path
    class_name: str
    split: Literal["train", "test"]
    root: int  # which of the folders it came from


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of one size with their labels; ``rows`` says which of the stored ones belong to this set."""

    pixels: UInt8[Tensor, "stored channels height width"]
    labels: Int64[Tensor, " stored"]
    roots: Int64[Tensor, " stored"]
    class_names: tuple[str, ...]
    rows: Int64[Tensor, " pictures"]

    def __len__(self) -> int:
        return len(self.rows)

    def from_root(self, root: int) -> "Pictures":
        """Those that came from the folder of that number, from 0."""
        return replace(self, rows=self.rows[self.roots[self.rows] == root])

    def batches(
        self, order: Int64[Tensor, " pictures"], batch_size: int, first: int = 0
    ) -> Iterator[tuple[UInt8[Tensor, "batch channels height width"], Int64[Tensor, " batch"]]]:
        """Pixels and labels in that order, from batch number ``first``; the last batch may be smaller."""
        for start in range(first * batch_size, len(order), batch_size):
            rows = self.rows[order[start : start + batch_size]]
            yield self.pixels[rows], self.labels[rows]


class Loaders(NamedTuple):
    """What ``fit`` learns from and what it is measured on."""

    train: Pictures
    validation: Pictures


def find_pictures(
    roots: Sequence[Path], held_out: int = 10, names: Mapping[str, str] | None = None
) -> list[PictureFile]:
    """All pictures below the folders, as ``class/picture`` or ``train|test/class/picture``, with plain class names.

    A folder called ``apple_pie`` is the class "apple pie". Where a root holds ``classes.tsv`` (folder, tab, names
    divided by commas), the first name counts; ``names`` replaces some. Classes of the same name in several roots are
    one class. A root without splits gives ``held_out`` pictures of each class folder to the test split: those whose
    file name has the smallest SHA-256.

    Raises:
        ValueError: if a folder is missing or holds no pictures in class folders.
    """
    found: list[PictureFile] = []
    for number, root in enumerate(roots):
        if not root.is_dir():
            raise ValueError(f"{root} is not a folder: give a folder of class folders with pictures in them")
        table = read_names(root / "classes.tsv")
        split = [root / name for name in SPLITS if (root / name).is_dir()]
        before = len(found)
        for parent in split or [root]:
            for folder in sorted(path for path in parent.iterdir() if path.is_dir()):
                paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
                test = set(paths if parent.name == "test" and split else () if split else _smallest(paths, held_out))
                name = table.get(folder.name, folder.name).split(",")[0].strip().replace("_", " ")
                name = (names or {}).get(name, name)
                found += [PictureFile(p, name, "test" if p in test else "train", number) for p in paths]
        if len(found) == before:
            raise ValueError(f"{root} holds no pictures: expected {root}/class/picture.jpg or {root}/train/class/...")
    return found


def load_pictures(files: Sequence[PictureFile], preprocess: Preprocess, cache: Path) -> tuple[Loaders, tuple[str, ...]]:
    """Decode all pictures once into ``cache`` and hand out both splits; the second time nothing is decoded.

    What is stored are the pixels that the model sees at inference: resized and cut as ``preprocess`` says.

    Raises:
        ValueError: if the test split or the training split is empty, or a picture cannot be read.
    """
    class_names = tuple(sorted({file.class_name for file in files}, key=str.casefold))
    pixels = _cached_pixels(files, preprocess, cache)
    index = {name: label for label, name in enumerate(class_names)}
    stored = Pictures(
        pixels=pixels,
        labels=torch.tensor([index[file.class_name] for file in files]),
        roots=torch.tensor([file.root for file in files]),
        class_names=class_names,
        rows=torch.arange(len(files)),
    )
    rows = {split: torch.tensor([i for i, f in enumerate(files) if f.split == split]).long() for split in SPLITS}
    for split in SPLITS:
        if not len(rows[split]):
            raise ValueError(f"the {split} split is empty: each class needs more pictures than are held out")
    return Loaders(replace(stored, rows=rows["train"]), replace(stored, rows=rows["test"])), class_names


def read_names(table: Path | None) -> dict[str, str]:
    """The lines ``old, tab, new`` of a file; none if there is no file.

    Raises:
        ValueError: if a line has no tab.
    """
    if table is None or not table.exists():
        return {}
    lines = [line for line in table.read_text(encoding="utf-8").splitlines() if line.strip()]
    if bad := [line for line in lines if "\t" not in line]:
        raise ValueError(f"{table}: expected lines of a name, a tab and a name, got {bad[0]!r}")
    return {old.strip(): new.strip() for old, _, new in (line.partition("\t") for line in lines)}


def _smallest(paths: Sequence[Path], count: int) -> list[Path]:
    return sorted(paths, key=lambda path: hashlib.sha256(path.name.encode()).hexdigest())[:count]


def _cached_pixels(
    files: Sequence[PictureFile], preprocess: Preprocess, cache: Path
) -> UInt8[Tensor, "stored channels height width"]:
    size, method = preprocess.image_size, [preprocess.resize_size, preprocess.interpolation, preprocess.keep_aspect]
    listing = json.dumps([size, method, [[str(file.path), file.path.stat().st_size] for file in files]])
    path = cache / f"pictures-{hashlib.sha256(listing.encode()).hexdigest()[:16]}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        shape = (len(files), 3, size, size)
        pixels = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
        for row, file in enumerate(files):
            pixels[row] = _decode(file.path, preprocess)
        pixels.flush()
        os.replace(partial, path)
    return torch.from_numpy(np.load(path, mmap_mode="c"))  # "c": torch wants memory that it may write to


def _decode(path: Path, preprocess: Preprocess) -> UInt8[np.ndarray, "channels height width"]:
    try:
        picture = open_picture(path)
    except PictureError as error:
        raise ValueError(f"{path} cannot be trained on: {error}") from error
    if picture.size != (preprocess.image_size, preprocess.image_size):
        picture = preprocess.crop(picture)
    return np.asarray(picture).transpose(2, 0, 1)
