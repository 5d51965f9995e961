"""Models to ask for the shapes of: every preset, sizes from other papers, and any of them with some sizes changed."""

import re
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple

from vit_core import ViTConfig
from vit_core.config import PRESETS

PAPER = "arXiv 2010.11929, Table 1"
DEIT = "arXiv 2012.12877, Table 1: from the community, not in the paper's table"
GIANT = "arXiv 2106.04560, Table 2: its sizes, in the architecture of arXiv 2010.11929"
LARGEST = (
    "arXiv 2302.05442, Table 1: its sizes, in the architecture of arXiv 2010.11929; the model itself computes "
    "attention and MLP side by side and has norms on q and k"
)
_WORDS = {PAPER: "Table 1", DEIT: "community (DeiT)", GIANT: "arXiv 2106.04560", LARGEST: "arXiv 2302.05442"}
BATCH = "batch"


class Size(NamedTuple):
    """A size that may be changed."""

    label: str  # of its control
    low: int  # the range in which all that is computed stays a number
    high: int
    letter: str  # the paper's, where it has one
    word: str  # in a sentence


FIELDS = MappingProxyType(
    {
        "image_size": Size("Image (pixels)", 1, 4096, "the picture's side", "picture"),
        "patch_size": Size("Patch P (pixels)", 1, 1024, "P", "patch P"),
        "hidden_size": Size("Hidden size D", 1, 32_768, "D", "hidden size D"),
        "num_heads": Size("Heads k", 1, 1024, "k", "heads k"),
        "num_layers": Size("Layers L", 1, 256, "L", "layers"),
        "mlp_size": Size("MLP size", 1, 131_072, "the MLP size", "MLP size"),
        "num_classes": Size("Classes K", 1, 1_000_000, "K", "classes"),
        BATCH: Size("Batch B", 1, 65_536, "B", "batch"),
        "representation_size": Size(
            "Hidden layer of the head", 1, 32_768, "the head's hidden layer", "head's hidden layer"
        ),
        "num_channels": Size("Channels C", 1, 64, "C", "channels C"),
    }
)
MOST_BYTES = 2**62  # of one tensor: what PyTorch can count on the meta device


@dataclass(frozen=True)
class Entry:
    """A model of the catalogue, and where its sizes are printed."""

    name: str
    config: ViTConfig
    source: str

    @property
    def title(self) -> str:
        """The name, with where its sizes are from in a word or two: ``Ti/16 · DeiT``."""
        return f"{self.name} · {_WORDS.get(self.source, 'this program')}"


def _source(size: str) -> str:
    own = {"Mini": "the model that comes with this program", "Nano": "the example run that comes with this program"}
    return {**own, "Ti": DEIT, "S": DEIT}.get(size, PAPER)


_LARGE = (
    Entry(
        "G/14",
        ViTConfig(patch_size=14, num_layers=48, hidden_size=1664, mlp_size=8192, num_heads=16),
        GIANT,
    ),
    Entry(
        "22B",
        ViTConfig(patch_size=14, num_layers=48, hidden_size=6144, mlp_size=24_576, num_heads=48),
        LARGEST,
    ),
)
CATALOGUE = MappingProxyType(
    {name: Entry(name, ViTConfig.named(name), _source(size)) for name, (size, _, _) in PRESETS.items()}
    | {entry.name: entry for entry in _LARGE}
)


@dataclass(frozen=True)
class Setting:
    """A model to begin with and what is changed of it; as text ``"B/16,image_size=384,batch=8"``."""

    start: str
    changes: MappingProxyType[str, int] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def parse(cls, text: str) -> "Setting":
        """The setting that a text describes; whether its sizes fit together is asked of ``config``.

        Raises:
            ValueError: if it cannot be read; the sentence says which part.
        """
        start, *parts = (part.strip() for part in text.split(","))
        changes: dict[str, int] = {}
        for part in parts:
            name, _, value = (text.strip() for text in part.partition("="))
            if name not in FIELDS:
                raise ValueError(f"unknown size {name[:40]!r}: expected one of {', '.join(FIELDS)}")
            if not re.fullmatch(r"[0-9]{1,9}", value):
                raise ValueError(f"{name} must be a whole number, got {value[:40]!r}")
            changes[name] = int(value)
        return cls(start, MappingProxyType(changes))

    @classmethod
    def of(cls, config: ViTConfig, batch: int = 1) -> "Setting":
        """The nearest model of the catalogue, with what it has to be changed by."""
        sizes = {name: _value(config, name, batch) for name in FIELDS}
        settings = []
        for entry in CATALOGUE.values():
            changes = {name: size for name, size in sizes.items() if size not in (None, _value(entry.config, name))}
            settings.append(cls(entry.name, MappingProxyType(changes)))
        return min(settings, key=lambda setting: len(setting.changes))

    def __str__(self) -> str:
        return ",".join([self.start, *(f"{name}={value}" for name, value in self.changes.items())])

    @property
    def words(self) -> str:
        """The same for people: ``"B/16, picture 384, batch B 8"``."""
        return ", ".join([self.start, *(f"{FIELDS[name].word} {value:,}" for name, value in self.changes.items())])

    def with_(self, start: ViTConfig, **values: int) -> "Setting":
        """With these sizes; what is as in ``start`` goes without saying."""
        wanted = {**self.changes, **values}
        kept = {name: wanted[name] for name in FIELDS if name in wanted and wanted[name] != _value(start, name)}
        return replace(self, changes=MappingProxyType(kept))

    def value(self, start: ViTConfig, name: str) -> int:
        """What this setting says of one size."""
        return int(self.changes.get(name, _value(start, name)))

    def config(self, start: ViTConfig | None = None) -> tuple[ViTConfig, int]:
        """The sizes and the batch; ``start`` stands for a name that the catalogue does not know.

        Raises:
            ValueError: if there is no such model, or the sizes do not fit together; one sentence.
        """
        if start is None:
            if self.start not in CATALOGUE:
                raise ValueError(f"unknown model {self.start[:40]!r}, known are {', '.join(CATALOGUE)}")
            start = CATALOGUE[self.start].config
        for name, value in self.changes.items():
            size = FIELDS[name]
            if not size.low <= value <= size.high:
                raise ValueError(f"{name} must be between {size.low:,} and {size.high:,}, got {value:,}")
        sizes: dict[str, Any] = {name: value for name, value in self.changes.items() if name != BATCH}
        config, batch = replace(start, **sizes), self.changes.get(BATCH, 1)
        largest = max(
            config.num_heads * config.num_tokens**2,
            config.num_tokens * max(3 * config.hidden_size, config.mlp_size),
            config.image_size**2 * config.num_channels,
        )
        if (count := 4 * batch * largest) >= MOST_BYTES:
            raise ValueError(
                f"one tensor of these sizes would have {count:.1e} bytes, more than PyTorch can count: "
                "make the picture, the batch or k smaller"
            )
        return config, batch


def in_words(sentence: str) -> str:
    """A sentence about fields of the configuration, with the names that the page gives them."""
    return re.sub(rf"\b({'|'.join(FIELDS)})\b", lambda found: FIELDS[found[0]].word, sentence)


def _value(config: ViTConfig, name: str, batch: int = 1) -> Any:
    return batch if name == BATCH else getattr(config, name)


def changes_between(before: tuple[ViTConfig, int], after: tuple[ViTConfig, int]) -> tuple[str, ...]:
    """What was changed, in the paper's letters: ``("P from 32 to 16", "D from 384 to 768")``."""
    values = [
        (size.letter, *(_value(config, name, batch) for config, batch in (before, after)))
        for name, size in FIELDS.items()
    ]
    return tuple(f"{letter} from {_number(old)} to {_number(new)}" for letter, old, new in values if old != new)


def _number(value: int | None) -> str:
    return "none" if value is None else f"{value:,}"
