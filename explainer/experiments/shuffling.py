"""Shuffle the patches, without position embeddings and with them."""

from collections.abc import Sequence
from dataclasses import dataclass

from explainer.experiments.prediction import ROUNDING, Prediction, largest
from explainer.notation.wording import number
from vit_core import ForwardTrace, VisionTransformer
from vit_core.interventions import ChangePositions, Interventions, ShufflePatches


@dataclass(frozen=True, eq=False)
class Shuffled:
    """The effect of shuffled patches on the class token's output y, without E_pos and with it."""

    num_patches: int
    without_positions: Interventions
    with_positions: Interventions
    difference_without: float  # the largest of y's numbers
    difference_with: float
    largest: float  # number of y without E_pos, to compare the first difference with
    before: Prediction
    after: Prediction  # with E_pos

    @property
    def is_unchanged(self) -> bool:
        """Whether, without E_pos, rounding explains all of the difference."""
        return self.difference_without <= ROUNDING * self.largest

    @property
    def sentence(self) -> str:
        """The result in words."""
        verdict = "does not change" if self.is_unchanged else "changes"
        return (
            f"Without E_pos the class token's output {verdict} when the {self.num_patches} patches are shuffled: the "
            f"largest difference is {number(self.difference_without)}, next to numbers up to {number(self.largest)}. "
            f"With E_pos it changes by up to {number(self.difference_with)}, and {self.before.to(self.after)}."
        )


def shuffle_patches(model: VisionTransformer, trace: ForwardTrace, labels: Sequence[str], seed: int = 0) -> Shuffled:
    """Shuffle the patches of the picture of a plain trace, without E_pos and with it.

    Raises:
        ValueError: if the seed is too large.
    """
    no_positions = Interventions((ChangePositions("zero"),))
    with_positions = Interventions((ShufflePatches(seed),))
    without_positions = no_positions.with_(ShufflePatches(seed))
    plain = model.trace(trace.image, no_positions).representation
    moved = model.trace(trace.image, with_positions)
    return Shuffled(
        model.config.num_patches,
        without_positions,
        with_positions,
        largest(model.trace(trace.image, without_positions).representation - plain),
        largest(moved.representation - trace.representation),
        largest(plain),
        Prediction.of(trace.logits, labels),
        Prediction.of(moved.logits, labels),
    )
