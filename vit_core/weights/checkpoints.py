"""Checkpoints: weights together with everything that is needed to use them rightly, as their publishers state it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vit_core.config import ViTConfig
from vit_core.cost import count_parameters
from vit_core.preprocess import Preprocess
from vit_core.resources import ASSETS
from vit_core.weights.downloads import cache_folder
from vit_core.weights.published import Published, published
from vit_core.weights.reading import read_json
from vit_core.weights.sources import SOURCES

WEIGHTS = ASSETS / "weights"
EMBEDDED = {  # this repository's own; the card of each is the .json next to it
    "embedded": WEIGHTS / "mini8.safetensors",
    "embedded-foodvision": WEIGHTS / "foodvision.safetensors",
}

LARGEST_RESIZE = 4  # times the model's pixels: more is no preprocessing that anybody trains with


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The record of some weights: their sizes, preprocessing, classes, maker and terms."""

    name: str
    source: str  # a key of SOURCES
    config: ViTConfig
    preprocess: Preprocess
    labels: tuple[str, ...]
    description: str = ""
    licence: str = ""
    url: str = ""  # empty: the file is on this machine
    sha256: str = ""  # as published: all digits, the first ones, or none
    file: Path | None = None  # None: in the cache, once it has been downloaded
    card: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)  # all that came with the file

    @property
    def path(self) -> Path:
        """Where the file is, or will be when it has been downloaded."""
        return self.file or cache_folder() / self.url.split("://")[-1].replace("/resolve/main/", "/").replace("/", "--")

    @property
    def is_here(self) -> bool:
        """Whether it can be loaded without a download."""
        return self.path.exists()

    @property
    def size_mb(self) -> float:
        """Megabytes: of the file if it is here, otherwise 4 bytes a parameter, as all the published ones have."""
        if self.path.is_file():
            return self.path.stat().st_size / 1e6
        return count_parameters(self.config)["total"] * 4 / 1e6


class _Checkpoints(Mapping[str, Checkpoint]):
    """The checkpoints that have a name, the embedded ones first. Records are made when they are asked for."""

    def __getitem__(self, name: str) -> Checkpoint:
        if name in EMBEDDED and name in list(self):
            return _embedded(EMBEDDED[name], name)
        return _published()[name]

    def __iter__(self) -> Iterator[str]:
        yield from (name for name, file in EMBEDDED.items() if file.with_suffix(".json").is_file())
        yield from _published()

    def __len__(self) -> int:
        return sum(1 for _ in self)


CHECKPOINTS: Mapping[str, Checkpoint] = _Checkpoints()


def read_card(path: Path, name: str) -> Checkpoint:
    """The record of one of our own files, from the JSON card next to it.

    Raises:
        ValueError: if the card lacks something or says something impossible.
    """
    card = read_json(path.with_suffix(".json"))
    try:
        config = ViTConfig(**card["config"])
        labels = tuple(map(str, card.get("labels", ()))) or labels_of(config.num_classes)
        if len(labels) != config.num_classes:
            raise ValueError(f"{len(labels)} labels for {config.num_classes} classes")
        preprocess = Preprocess.from_fields(card["preprocess"])
        if preprocess.image_size != config.image_size or preprocess.resize_size > LARGEST_RESIZE * config.image_size:
            raise ValueError(
                f"images are resized to {preprocess.resize_size} and cut to {preprocess.image_size} for a model of "
                f"{config.image_size} pixels"
            )
        return Checkpoint(
            name=name,
            source="ours",
            config=config,
            preprocess=preprocess,
            labels=labels,
            description=str(card.get("description", f"trained by this project, {config.num_classes} classes")),
            licence=str(card.get("licence", "")),
            file=path,
            card=card,
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = str(error)[:200] if isinstance(error, ValueError | TypeError) else repr(error)[:200]
        raise ValueError(f"{path.with_suffix('.json').name} is no card of a checkpoint: {reason}") from error


_embedded = cache(read_card)  # of a file that comes with the toolkit, which does not change while it runs


def labels_of(num_classes: int) -> tuple[str, ...]:
    """Names for a head that came without any: ImageNet's for 1000 classes, otherwise numbers."""
    return imagenet_labels() if num_classes == 1000 else tuple(f"class {number}" for number in range(num_classes))


@cache
def imagenet_labels() -> tuple[str, ...]:
    """The names of ImageNet's 1000 classes, in their usual order (WordNet's first word for each)."""
    return tuple((ASSETS / "labels" / "imagenet1k.txt").read_text(encoding="utf-8").splitlines())


@cache
def _published() -> Mapping[str, Checkpoint]:
    records = map(_record, published())
    return MappingProxyType({record.name: record for record in records})


def _record(file: Published) -> Checkpoint:
    """The record of one published file; what all files of its source have in common is in the source's table."""
    source = SOURCES[file.source]
    common = {"norm_eps": source.norm_eps, "gelu": source.gelu, "image_size": file.preprocess.image_size}
    config = ViTConfig.named(file.preset, **common, **file.sizes)
    return Checkpoint(
        name=f"{file.source}/{file.name}",
        source=file.source,
        config=config,
        preprocess=file.preprocess,
        labels=labels_of(config.num_classes),
        description=file.description,
        licence=file.licence,
        url=file.url,
        sha256=file.sha256,
    )
