"""What is claimed of a forward pass, the case that is looked at, and the proof.

A proof takes the equation's *inputs* from the trace and the parameters from the model, computes the equation in NumPy
in 64 bits, without a line of the model's code, and looks for the largest difference to what the trace holds as its
*outputs*. What is allowed is what rounding to 32 bits explains, carried through each step
(``explainer/proofs/rounding.py``). A tensor that is wrong turns the proof that makes it red, and those that read it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from explainer.notation.written_numbers import in_powers
from explainer.proofs.rounding import Rounded, exact
from vit_core import BlockTrace, ForwardTrace, VisionTransformer, attention_rollout, mean_attention_distance, patchify
from vit_core.logit_lens import lens_probabilities
from vit_core.model import EncoderBlock
from vit_core.positions import position_similarity


@dataclass(frozen=True, eq=False)
class Case:
    """What a proof is about: one model, one picture's trace, and the block of one layer."""

    model: VisionTransformer
    trace: ForwardTrace
    block: BlockTrace
    layer: int

    @property
    def parameters(self) -> EncoderBlock:
        """The parameters of the layer."""
        return self.model.block(self.layer)

    def tensor(self, path: str) -> Tensor:
        """A tensor by the way to it: ``"trace.logits"``, ``"trace.hidden_states[-1]"``, ``"derived.rollout"``."""
        root, _, fields = path.partition(".")
        if root == "derived":
            return DERIVED[fields](self)
        value: Any = self.trace if root == "trace" else self.block
        for field in fields.split("."):
            name, _, index = field.partition("[")
            value = getattr(value, name)
            if index:
                value = value[{"layer]": self.layer, "layer-1]": self.layer - 1, "0]": 0, "-1]": -1}[index]]
        assert isinstance(value, Tensor)
        return value

    def read(self, path: str) -> Rounded:
        """The numbers at ``path``, as they are: the proof starts from them."""
        return exact(self.tensor(path))


# What the pages show besides the tensors of the trace, computed as they compute it.
DERIVED: dict[str, Callable[[Case], Tensor]] = {
    "patches": lambda case: patchify(case.trace.image, case.model.config.patch_size),
    "position_similarity": lambda case: position_similarity(case.model.position_embedding),
    "logit_lens": lambda case: lens_probabilities(case.model, case.trace),
    "rollout": lambda case: attention_rollout(case.trace),
    "distance": lambda case: mean_attention_distance(case.trace, case.model.config),
}


@dataclass(frozen=True)
class Claim:
    """What can be proved: which tensors of the trace it reads, which it makes, and how."""

    name: str  # "Eq. 6", or what the fact is called
    reads: tuple[str, ...]
    makes: tuple[str, ...]
    compute: Callable[..., Rounded | tuple[Rounded, ...]]  # of the case and what it reads: what ``makes`` should hold

    @property
    def per_layer(self) -> bool:
        """Whether it is about one layer."""
        return any(path.startswith("block.") for path in (*self.reads, *self.makes))


@dataclass(frozen=True)
class Proof:
    """How it came out: the largest difference over ``count`` numbers, and what rounding allows."""

    equation: str
    largest_difference: float
    count: int
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether the largest difference is a number, and no larger than rounding explains."""
        return self.largest_difference <= self.tolerance

    @property
    def statement(self) -> str:
        """The proof in one sentence."""
        verdict = "holds" if self.holds else "does not hold"
        return (
            f"{self.equation} {verdict} for these {self.count:,} numbers: the largest difference to the same"
            f" computation in double precision is {in_powers(self.largest_difference)}, rounding to 32 bits explains up"
            f" to {in_powers(self.tolerance)}."
        )


def settle(claim: Claim, case: Case) -> Proof:
    """Compute a claim and compare it with what the trace holds."""
    computed = claim.compute(case, *map(case.read, claim.reads))
    difference, tolerance, count = 0.0, 0.0, 0
    for path, expected in zip(claim.makes, computed if isinstance(computed, tuple) else (computed,), strict=True):
        found = exact(case.tensor(path)).values
        # np.maximum hands on what is no number, so that it can never be missed
        difference = float(np.maximum(difference, np.abs(found - expected.values).max()))
        tolerance = max(tolerance, expected.tolerance)
        count += found.size
    return Proof(claim.name, difference, count, tolerance)
