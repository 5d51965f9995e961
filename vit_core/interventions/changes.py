"""A change of one forward pass: where it can act, how a link writes it, and the words for refusing one.

A change is frozen and is about one quantity of the paper. It acts at one place of the pass, where
``vit_core.interventions`` hands it the tensor that has just been computed and takes what it gives back; it never
touches the model. Layers and heads count from 1 as everywhere; patch 1 is token 1.
"""

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

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


class Change:
    """A change that changes nothing: the places of the pass, in its order. Every kind replaces one of them."""

    key: ClassVar[str]  # what it is called in a link

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
        raise NotImplementedError

    @property
    def target(self) -> object:
        """The thing that can be changed only once: a second change of it would contradict the first."""
        return type(self)

    @classmethod
    def read(cls, text: str) -> "tuple[Change, ...]":
        """The changes that a link lists after the key.

        Raises:
            ValueError: if it does not say a change of this kind.
        """
        return tuple(cls.from_item(item) for item in text.split(","))

    @classmethod
    def from_item(cls, item: str) -> "Change":
        """One change from its text in a link.

        Raises:
            ValueError: if it does not say a change of this kind.
        """
        raise NotImplementedError

    def check(self, config: ViTConfig) -> None:
        """Refuse a change of what this model does not have.

        Raises:
            ValueError: naming what does not exist.
        """

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


def match_item(key: str, pattern: str, item: str, expected: str) -> Sequence[str]:
    """The groups of ``pattern``, which has to fit all of ``item``; those that are not there are empty.

    Raises:
        ValueError: if it does not fit.
    """
    found = re.fullmatch(pattern, item)
    if not found:
        raise ValueError(f"{key}: expected {expected}, got {shortened(item)}")
    return found.groups(default="")


def shortened(text: str) -> str:
    """Text that somebody else wrote, for a message: in quotes, in one line, not long."""
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
