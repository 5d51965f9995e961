"""Changes of the picture, patch by patch: masked, blurred, swapped, shuffled."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from vit_core.config import ViTConfig
from vit_core.interventions.changes import MAX_NUMBER, Change, Picture, check_range, permutation, shortened
from vit_core.patches import patchify, unpatchify


@dataclass(frozen=True)
class _PatchesChange(Change):
    """A change of chosen patches' pixels. The order in which they are given, and repetition, mean nothing."""

    quantity = "x"
    done: ClassVar[str]
    patches: tuple[int, ...]  # 1..N, kept sorted

    def __post_init__(self) -> None:
        object.__setattr__(self, "patches", tuple(sorted(set(self.patches))))
        if not self.patches:
            raise ValueError(f"{self.key} needs at least one patch, for example {self.key}=12-15")
        for patch in (self.patches[0], self.patches[-1]):
            check_range("patch", patch, 1, MAX_NUMBER)

    @property
    def title(self) -> str:
        """The patches and what happens to them."""
        return f"{_patches_title(self.patches)} {self.done}"

    @property
    def item(self) -> str:
        """Runs of patches: ``12-15,20``."""
        return ",".join(f"{first}-{last}" if last > first else f"{first}" for first, last in _runs(self.patches))

    @classmethod
    def read(cls, text: str) -> tuple[Change, ...]:
        """All runs are one change."""
        patches: list[int] = []
        for run in text.split(","):
            if not (found := re.fullmatch(r"([0-9]{1,6})(?:-([0-9]{1,6}))?", run)):
                raise ValueError(f"{cls.key}: expected 12 or 12-15, got {shortened(run)}")
            first, last = found.groups()
            numbers = range(int(first), int(last or first) + 1)
            if not numbers:
                raise ValueError(f"{cls.key}: the patches {run} run backwards, write {last}-{first}")
            check_range("patch", numbers[-1], 1, MAX_NUMBER)
            if len(patches) + len(numbers) > MAX_NUMBER:  # before a link makes the program count for minutes
                raise ValueError(f"{cls.key}: the runs name more than {MAX_NUMBER} patches, name each patch once")
            patches += numbers
        return (cls(tuple(patches)),)

    def check(self, config: ViTConfig) -> None:
        """Refuse patches beyond N."""
        check_range("patch", self.patches[-1], 1, config.num_patches)

    def change_image(self, image: Picture, config: ViTConfig) -> Picture:
        """The chosen patches are taken from another picture."""
        chosen = torch.zeros(config.num_patches, 1, dtype=torch.bool, device=image.device)
        chosen[[patch - 1 for patch in self.patches]] = True
        patches, others = patchify(image, config.patch_size), patchify(self.other(image, config), config.patch_size)
        return unpatchify(torch.where(chosen, others, patches), config.patch_size)

    def other(self, image: Tensor, config: ViTConfig) -> Tensor:
        """The picture that the chosen patches are taken from."""
        raise NotImplementedError


@dataclass(frozen=True)
class MaskPatches(_PatchesChange):
    """Patches set to zero: the colour that preprocessing subtracts, the mean of the training pictures or plain grey."""

    key: ClassVar[str] = "mask"
    done: ClassVar[str] = "masked"

    def other(self, image: Tensor, config: ViTConfig) -> Tensor:
        """No picture."""
        return torch.zeros_like(image)


@dataclass(frozen=True)
class BlurPatches(_PatchesChange):
    """Patches taken from the blurred picture: a Gaussian of standard deviation P/2, cut at P, its edge repeated."""

    key: ClassVar[str] = "blur"
    done: ClassVar[str] = "blurred"

    def other(self, image: Tensor, config: ViTConfig) -> Tensor:
        """The blurred picture."""
        size = config.patch_size
        distance = torch.arange(-size, size + 1, dtype=image.dtype, device=image.device)
        kernel = torch.exp(-0.5 * (distance / (size / 2)) ** 2)
        kernel = kernel / kernel.sum()
        padded = pad(image[:, None], (size, size, size, size), mode="replicate")
        return conv2d(conv2d(padded, kernel[None, None, :, None]), kernel[None, None, None, :])[:, 0]


@dataclass(frozen=True)
class SwapPatches(Change):
    """Two patches change places."""

    key: ClassVar[str] = "swap"
    forms: ClassVar[tuple[str, ...]] = ("{first}:{second}",)
    example: ClassVar[str] = "3:17"
    identity: ClassVar[tuple[str, ...]] = ("first", "second")
    quantity = "x"
    first: int  # kept smaller than ``second``
    second: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.first == self.second:
            raise ValueError(f"patch {self.first} cannot be swapped with itself: name two patches")
        smaller, larger = sorted((self.first, self.second))
        object.__setattr__(self, "first", smaller)
        object.__setattr__(self, "second", larger)

    @property
    def title(self) -> str:
        """Both patches."""
        return f"Patches {self.first} and {self.second} swapped"

    def change_image(self, image: Picture, config: ViTConfig) -> Picture:
        """Their pixels change places."""
        order = list(range(config.num_patches))
        order[self.first - 1], order[self.second - 1] = self.second - 1, self.first - 1
        return _reordered(image, torch.tensor(order), config)


@dataclass(frozen=True)
class ShufflePatches(Change):
    """All patches change places at random: place i gets patch ``permutation(N, seed)[i]``, both from 0."""

    key: ClassVar[str] = "shuffle"
    forms: ClassVar[tuple[str, ...]] = ("{seed}",)
    example: ClassVar[str] = "a seed such as 7"
    quantity = "x"
    seed: int

    @property
    def title(self) -> str:
        """With the seed."""
        return f"Patches shuffled (seed {self.seed})"

    def change_image(self, image: Picture, config: ViTConfig) -> Picture:
        """Their pixels change places."""
        return _reordered(image, permutation(config.num_patches, self.seed), config)


def _reordered(image: Tensor, order: Tensor, config: ViTConfig) -> Tensor:
    """The picture whose patch i is patch ``order[i]`` of ``image``, both from 0."""
    return unpatchify(patchify(image, config.patch_size)[order.to(image.device)], config.patch_size)


def _runs(patches: Sequence[int]) -> list[tuple[int, int]]:
    """The first and last of every run of neighbours in a sorted sequence."""
    runs: list[tuple[int, int]] = []
    for patch in patches:
        if runs and runs[-1][1] == patch - 1:
            runs[-1] = runs[-1][0], patch
        else:
            runs.append((patch, patch))
    return runs


def _patches_title(patches: Sequence[int]) -> str:
    """``Patch 3``, ``Patches 12 to 15 and 20``; where there are many runs, only how many patches."""
    if len(patches) == 1:
        return f"Patch {patches[0]}"
    runs = [f"{first} to {last}" if last > first else f"{first}" for first, last in _runs(patches)]
    if len(runs) > 4:
        return f"{len(patches)} patches"
    return f"Patches {' and '.join([', '.join(runs[:-1]), runs[-1]] if len(runs) > 1 else runs)}"
