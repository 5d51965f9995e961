"""The effect of changes to a forward pass: how far every hidden state has moved, and where it points now."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from explainer.experiments.similarity import token_cosines
from vit_core.trace import ForwardTrace


@dataclass(frozen=True, eq=False)
class Effect:
    """z_0 ... z_L of a changed pass against those of the plain one, token by token."""

    moved: Float[Tensor, "states tokens"]  # the length of the difference over the length that the state had
    moved_all: Float[Tensor, " states"]  # the same for all tokens together, as one long vector
    cosines: Float[Tensor, "states tokens"]  # 1 the same direction, 0 at right angles

    @property
    def first(self) -> int | None:
        """The first l whose z_l has changed at all, None if nothing has."""
        changed = self.moved_all > 0
        return int(changed.float().argmax()) if bool(changed.any()) else None


def effect_of(before: ForwardTrace, after: ForwardTrace) -> Effect:
    """How far ``after`` is from ``before``.

    Raises:
        ValueError: if the two do not have the same layers, tokens and hidden size.
    """
    cosines = token_cosines(before, after)
    pairs = list(zip(before.hidden_states, after.hidden_states, strict=True))
    lengths = torch.stack([z.norm(dim=1) for z, _ in pairs])
    distances = torch.stack([(changed - z).norm(dim=1) for z, changed in pairs])
    least = torch.finfo(lengths.dtype).tiny  # a state of nothing but zeros has no length to compare with
    moved_all = distances.norm(dim=1) / lengths.norm(dim=1).clamp_min(least)
    return Effect(distances / lengths.clamp_min(least), moved_all, cosines)
