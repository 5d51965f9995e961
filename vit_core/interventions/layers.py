"""Changes inside a layer: the softmax's temperature, the heads, the updates, and the residuals."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from vit_core.interventions.changes import Change, HeadOutputs, Part, Scores, Tokens

TEMPERATURES = (0.001, 1000.0)  # beyond them the softmax of 32-bit numbers is one-hot or flat


@dataclass(frozen=True)
class Temperature(Change):
    """The scores of one layer, or of all, divided by a temperature before the softmax.

    ``"unscaled"`` is the absence of the division by sqrt(D_h) in Eq. 6, a temperature of 1 / sqrt(D_h). A layer's own
    temperature and that of all layers multiply.
    """

    key: ClassVar[str] = "temperature"
    forms: ClassVar[tuple[str, ...]] = ("{value}", "{layer}:{value}")
    example: ClassVar[str] = "2 or unscaled for all layers, 4:2 or 4:unscaled for layer 4"
    identity: ClassVar[tuple[str, ...]] = ("layer",)
    quantity = "S"
    value: float | Literal["unscaled"]
    layer: int | None = None  # None: all of them

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = TEMPERATURES
        if not isinstance(self.value, str):
            if not low <= self.value <= high:  # what is no number is in no range
                raise ValueError(f"a temperature must be in {low:g}..{high:g}, got {self.value:g}")
            object.__setattr__(self, "value", float(self.value))

    @property
    def title(self) -> str:
        """The temperature and where."""
        where = "in all layers" if self.layer is None else f"in layer {self.layer}"
        if self.value == "unscaled":
            return f"Scores not divided by the root of D_h {where}"
        return f"Softmax temperature {self.value:g} {where}"

    def change_scores(self, scores: Scores, layer: int, head_size: int) -> Scores:
        """The scores, of which Eq. 6 takes the softmax."""
        if self.layer not in (None, layer):
            return scores
        return scores * math.sqrt(head_size) if isinstance(self.value, str) else scores / self.value


Replacement = Literal["zero", "mean"]


@dataclass(frozen=True)
class ReplaceHead(Change):
    """One head's output removed (``zero``), or the same for every token: its mean over the tokens (``mean``)."""

    key: ClassVar[str] = "heads"
    forms: ClassVar[tuple[str, ...]] = ("{layer}.{head}:{replacement}",)
    example: ClassVar[str] = "3.1:zero or 3.1:mean for head 1 of layer 3"
    identity: ClassVar[tuple[str, ...]] = ("layer", "head")
    quantity = "SA(z)"
    layer: int
    head: int
    replacement: Replacement = "zero"

    @property
    def title(self) -> str:
        """The head, and what takes its place."""
        done = "set to zero" if self.replacement == "zero" else "replaced by its mean over the tokens"
        return f"Head {self.head} of layer {self.layer} {done}"

    def change_head_outputs(self, head_outputs: HeadOutputs, layer: int) -> HeadOutputs:
        """SA(z) of Eq. 7, of all heads."""
        if layer != self.layer:
            return head_outputs
        changed = head_outputs.clone()
        own = head_outputs[..., self.head - 1, :, :]
        changed[..., self.head - 1, :, :] = 0 if self.replacement == "zero" else own.mean(-2, keepdim=True)
        return changed


@dataclass(frozen=True)
class _PartChange(Change):
    """A change of the sum in which the attention (Eq. 2) or the MLP (Eq. 3) of one layer stands."""

    forms: ClassVar[tuple[str, ...]] = ("{part}.{layer}",)
    example: ClassVar[str] = "attention.4 or mlp.4"
    identity: ClassVar[tuple[str, ...]] = ("part", "layer")
    part: Part
    layer: int


@dataclass(frozen=True)
class Skip(_PartChange):
    """The attention or the MLP of a layer left out: what it would have added is zero, and the tokens stay as they are.

    It is computed all the same, so that one can look at what is left out.
    """

    key: ClassVar[str] = "skip"

    @property
    def quantity(self) -> str:
        """The update."""
        return "MSA(z)" if self.part == "attention" else "MLP(z)"

    @property
    def title(self) -> str:
        """The part that is left out."""
        return f"{'Attention' if self.part == 'attention' else 'MLP'} of layer {self.layer} skipped"

    def change_update(self, update: Tokens, part: Part, layer: int) -> Tokens:
        """The update that is added to the tokens."""
        return torch.zeros_like(update) if (part, layer) == (self.part, self.layer) else update


@dataclass(frozen=True)
class RemoveResidual(_PartChange):
    """The skip path around the attention or the MLP of a layer removed: only the update is left of the sum."""

    key: ClassVar[str] = "residual"

    @property
    def quantity(self) -> str:
        """What the update is added to."""
        return "z_{l-1}" if self.part == "attention" else "z'_l"

    @property
    def title(self) -> str:
        """Which residual."""
        return f"Residual around the {'attention' if self.part == 'attention' else 'MLP'} of layer {self.layer} removed"

    def change_residual(self, z: Tokens, part: Part, layer: int) -> Tokens:
        """What the update is added to."""
        return torch.zeros_like(z) if (part, layer) == (self.part, self.layer) else z
