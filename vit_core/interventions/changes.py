"""A change of one forward pass: where it can act, how a link writes it, and the words for refusing one.

A change is frozen and is about one quantity of the paper. It acts at one place of the pass, where
``vit_core.interventions`` hands it the tensor that has just been computed and takes what it gives back; it never
touches the model. Layers and heads count from 1 as everywhere; patch 1 is token 1.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import NoneType
from typing import Any, ClassVar, Literal, get_args, get_origin

import torch
from jaxtyping import Float
from torch import Tensor

from vit_core.config import ViTConfig

Part = Literal["attention", "mlp"]
Picture = Float[Tensor, "channels height width"]
Scores = Float[Tensor, "*batch heads tokens tokens"]
HeadOutputs = Float[Tensor, "*batch heads tokens head_size"]
Tokens = Float[Tensor, "*batch tokens hidden"]
MAX_NUMBER = 128**2  # of a patch, layer or head; larger models would not fit into memory
MAX_SEED = 999_999
MAX_GRID = 64

# The fields that count something: what a message calls it, the smallest and the largest.
_RANGES = {
    "layer": ("layer", 1, MAX_NUMBER),
    "head": ("head", 1, MAX_NUMBER),
    "first": ("patch", 1, MAX_NUMBER),
    "second": ("patch", 1, MAX_NUMBER),
    "seed": ("seed", 0, MAX_SEED),
    "grid_size": ("grid", 1, MAX_GRID),
}
_NUMBERS = {int: "[0-9]{1,6}", float: r"[0-9]{1,4}(?:\.[0-9]{1,20})?"}  # as a link writes them


@dataclass(frozen=True)
class Change:
    """A change that changes nothing: the places of the pass, in its order. Every kind replaces one of them.

    Raises:
        ValueError: if a field has a word that does not exist, or a number beyond every model.
    """

    key: ClassVar[str]  # what it is called in a link
    forms: ClassVar[tuple[str, ...]]  # how a link writes its fields; of those that have values, the last form that fits
    example: ClassVar[str]  # of that, in a message
    identity: ClassVar[tuple[str, ...]] = ()  # the fields that say which thing it changes

    def __post_init__(self) -> None:
        for field in fields(self):
            value, words = getattr(self, field.name), _words(field.type)
            if isinstance(value, str) and value not in words:
                raise ValueError(f"{self.key}: {field.name} must be one of {', '.join(words)}, got {value!r}")
        self._check_numbers({})

    @property
    def quantity(self) -> str:
        """The quantity that it changes, by the paper's letter, for example ``"E_pos"``."""
        raise NotImplementedError

    @property
    def title(self) -> str:
        """The change in words."""
        raise NotImplementedError

    @property
    def item(self) -> str:
        """Its text in a link, after the key."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        texts = {name: str(value).removesuffix(".0") for name, value in values.items() if value is not None}
        form = next(form for form in reversed(self.forms) if texts.keys() >= set(re.findall(r"\w+", form)))
        return form.format(**texts)

    @property
    def target(self) -> object:
        """The thing that can be changed only once: a second change of it would contradict the first."""
        return type(self), *(getattr(self, name) for name in self.identity)

    @classmethod
    def read(cls, text: str) -> "tuple[Change, ...]":
        """The changes that a link lists after the key.

        Raises:
            ValueError: if it does not say a change of this kind.
        """
        return tuple(cls._from_item(item) for item in text.split(","))

    @classmethod
    def _from_item(cls, item: str) -> "Change":
        types = {field.name: field.type for field in fields(cls)}
        for form in cls.forms:
            pattern = re.sub(r"\\{(\w+)\\}", lambda name: f"(?P<{name[1]}>{_pattern(types[name[1]])})", re.escape(form))
            if found := re.fullmatch(pattern, item):
                return cls(**{name: _value(text, types[name]) for name, text in found.groupdict().items()})
        raise ValueError(f"{cls.key}: expected {cls.example}, got {shortened(item)}")

    def check(self, config: ViTConfig) -> None:
        """Refuse a change of what this model does not have.

        Raises:
            ValueError: naming what does not exist.
        """
        counts = {"layer": config.num_layers, "head": config.num_heads, "patch": config.num_patches}
        self._check_numbers(counts)

    def _check_numbers(self, counts: Mapping[str, int]) -> None:
        for field, (what, low, high) in _RANGES.items():
            if (number := getattr(self, field, None)) is not None:
                check_range(what, number, low, counts.get(what, high))

    def change_image(self, image: Picture, config: ViTConfig) -> Picture:
        """The picture, x."""
        return image

    def change_position_embedding(self, embedding: Float[Tensor, "tokens hidden"]) -> Float[Tensor, "tokens hidden"]:
        """E_pos of Eq. 1."""
        return embedding

    def change_scores(self, scores: Scores, layer: int, head_size: int) -> Scores:
        """The scores, of which Eq. 6 takes the softmax."""
        return scores

    def change_head_outputs(self, head_outputs: HeadOutputs, layer: int) -> HeadOutputs:
        """SA(z) of Eq. 7, of all heads."""
        return head_outputs

    def change_update(self, update: Tokens, part: Part, layer: int) -> Tokens:
        """MSA(LN(z)) of Eq. 2 or MLP(LN(z')) of Eq. 3: what is added to the tokens."""
        return update

    def change_residual(self, z: Tokens, part: Part, layer: int) -> Tokens:
        """z of Eq. 2 or z' of Eq. 3: what the update is added to."""
        return z


def permutation(count: int, seed: int) -> Tensor:
    """A random order of ``count`` things, the same for the same seed on every machine."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


def check_range(what: str, number: int, low: int, high: int) -> None:
    """Refuse what does not exist.

    Raises:
        ValueError: if ``number`` is not in ``low`` to ``high``.
    """
    if not low <= number <= high:
        raise ValueError(f"{what} must be in {low}..{high}, got {number}")


def shortened(text: str) -> str:
    """Text that somebody else wrote, for a message: in quotes, in one line, not long."""
    return repr(text if len(text) <= 40 else f"{text[:40]}...")


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """The types and the words that a field may be."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    parts = get_args(annotation)
    return tuple(kind for part in parts for kind in _alternatives(part)) if parts else (annotation,)


def _words(annotation: Any) -> list[str]:
    return [word for word in _alternatives(annotation) if isinstance(word, str)]


def _pattern(annotation: Any) -> str:
    """The regular expression of what a link may write for a field."""
    allowed = [kind for kind in _alternatives(annotation) if kind is not NoneType]
    return "|".join(kind if isinstance(kind, str) else _NUMBERS[kind] for kind in allowed)


def _value(text: str, annotation: Any) -> str | int | float:
    if text in _words(annotation):
        return text
    return float(text) if float in _alternatives(annotation) else int(text)
