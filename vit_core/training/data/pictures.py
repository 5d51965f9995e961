"""Folders of pictures as one label space, found by torchvision's ImageFolder, decoded when they are asked for."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from vit_core.pictures import PictureError, open_picture
from vit_core.preprocess import Preprocess, Transform
from vit_core.training.config import TrainingConfig

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
SPLITS = ("train", "test")

Batch = tuple[UInt8[Tensor, "batch channels height width"], Int64[Tensor, " batch"]]


class PictureFile(NamedTuple):
    """One picture on disk: where it is, what it shows, and which split it belongs to."""

    path: Path
    class_name: str
    split: Literal["train", "test"]
    root: int  # which of the folders it came from


@dataclass(frozen=True, eq=False)
class Pictures(Dataset[tuple[Tensor, int]]):
    """Pictures with their labels, each decoded and transformed when it is asked for.

    What is random in the transform is drawn from ``seed`` and the picture's number alone: not from the process that
    decodes it, nor from the pictures before it.
    """

    files: tuple[PictureFile, ...]
    class_names: tuple[str, ...]
    transform: Transform  # PIL picture -> bytes
    seed: int = 0

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[UInt8[Tensor, "channels height width"], int]:
        try:
            picture = open_picture(self.files[index].path)
        except (PictureError, OSError) as error:
            raise ValueError(f"{self.files[index].path} cannot be read: {error}") from error
        with torch.random.fork_rng(devices=[]):
            digest = hashlib.blake2b(f"{self.seed}/{index}".encode(), digest_size=8).digest()
            torch.manual_seed(int.from_bytes(digest, "little", signed=True))
            return self.transform(picture), int(self.labels[index])

    @cached_property
    def labels(self) -> Int64[Tensor, " pictures"]:
        """The number of each picture's class in ``class_names``."""
        index = {name: label for label, name in enumerate(self.class_names)}
        return torch.tensor([index[file.class_name] for file in self.files], dtype=torch.int64)

    def from_root(self, root: int) -> "Pictures":
        """Those that came from the folder of that number, from 0."""
        return replace(self, files=tuple(file for file in self.files if file.root == root))

    def batches(self, rows: Sequence[Sequence[int]], workers: int = 0) -> Iterator[Batch]:
        """The batches of those pictures, decoded by so many other processes (0: by this one)."""
        loader: DataLoader[Any] = DataLoader(
            self,
            batch_sampler=[list(batch) for batch in rows],
            num_workers=workers,
            collate_fn=_stack,
            prefetch_factor=4 if workers else None,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),  # else each loader takes a number from torch's own
        )
        yield from loader


class Loaders(NamedTuple):
    """The pictures that ``fit`` learns from, and those that it measures on."""

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
            raise ValueError(f"{root} is not a folder: give a folder of class folders with images in them")
        table = read_names(root / "classes.tsv")
        split = [root / name for name in SPLITS if (root / name).is_dir()]
        before = len(found)
        for parent in split or [root]:
            for folder, paths in class_folders(parent).items():
                taken = sorted(paths, key=lambda path: hashlib.sha256(path.name.encode()).hexdigest())[:held_out]
                test = set(paths if parent.name == "test" and split else () if split else taken)
                name = table.get(folder, folder).split(",")[0].strip().replace("_", " ")
                name = (names or {}).get(name, name)
                found += [PictureFile(p, name, "test" if p in test else "train", number) for p in paths]
        if len(found) == before:
            raise ValueError(f"{root} holds no images: expected {root}/class/picture.jpg or {root}/train/class/...")
    return found


def class_folders(parent: Path) -> dict[str, list[Path]]:
    """The pictures of each class folder in ``parent``, as torchvision's ImageFolder finds them; hidden ones are not."""
    if not any(path.is_dir() for path in parent.iterdir()):
        return {}
    from torchvision.datasets import ImageFolder  # takes longer to import than torch, and few pages need it

    folder = ImageFolder(str(parent), is_valid_file=_is_picture, allow_empty=True)
    paths: dict[str, list[Path]] = {name: [] for name in folder.classes if not name.startswith((".", "__"))}
    for path, label in folder.samples:
        if (name := folder.classes[label]) in paths:
            paths[name].append(Path(path))
    return paths


def load_pictures(files: Sequence[PictureFile], recipe: TrainingConfig, preprocess: Preprocess) -> Loaders:
    """Both splits: the one to learn from with the recipe's random changes, the other as ``preprocess`` sees pictures.

    Raises:
        ValueError: if a split is empty or there are not two classes.
    """
    from vit_core.training.data.transforms import evaluation_transform, training_transform  # as above: torchvision

    class_names = tuple(sorted({file.class_name for file in files}, key=str.casefold))
    if len(class_names) < 2:
        raise ValueError(f"there is only one class, {', '.join(class_names)}: a model learns to distinguish classes")
    parts = {split: tuple(file for file in files if file.split == split) for split in SPLITS}
    for split, part in parts.items():
        if not part:
            raise ValueError(f"the {split} split is empty: each class needs more images than are held out")
    return Loaders(
        Pictures(parts["train"], class_names, training_transform(recipe, preprocess)),
        Pictures(parts["test"], class_names, evaluation_transform(preprocess)),
    )


def broken_pictures(files: Sequence[PictureFile], workers: int = 0) -> dict[Path, str]:
    """The pictures that cannot be read, each with the reason in one sentence."""
    loader: DataLoader[Any] = DataLoader(_Readable(files), batch_size=64, num_workers=workers, collate_fn=list)
    reasons = [reason for batch in loader for reason in batch]
    return {file.path: reason for file, reason in zip(files, reasons, strict=True) if reason is not None}


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


@dataclass(frozen=True)
class _Readable(Dataset[str | None]):
    """Why each picture cannot be read, None if it can."""

    files: Sequence[PictureFile]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> str | None:
        try:
            open_picture(self.files[index].path)
        except (PictureError, OSError) as error:
            return str(error)
        return None


def _stack(samples: Sequence[tuple[Tensor, int]]) -> Batch:
    pictures, labels = zip(*samples, strict=True)
    return torch.stack(pictures), torch.tensor(labels, dtype=torch.int64)


def _is_picture(path: str) -> bool:
    name = Path(path).name
    return name.lower().endswith(PICTURE_SUFFIXES) and not name.startswith(".")
