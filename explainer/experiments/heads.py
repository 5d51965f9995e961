"""Knock out every head, one at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from explainer.notation.wording import number
from vit_core import ForwardTrace, VisionTransformer
from vit_core.batches import Progress, unheard
from vit_core.interventions.knockout import knock_out_heads
from vit_core.interventions.layers import Replacement


@dataclass(frozen=True, eq=False)
class KnockedOut:
    """How the logit of the predicted class changes when one head is replaced, for every head."""

    label: str
    replacement: Replacement
    logit: float  # before
    change: Float[Tensor, "layers heads"]
    predicted: tuple[tuple[str, ...], ...]  # per layer and head: the class that is predicted without it

    @property
    def most_needed(self) -> tuple[int, int]:
        """Layer and head, from 1, without which the logit falls most."""
        layer, head = divmod(int(self.change.argmin()), self.change.shape[1])
        return layer + 1, head + 1

    @property
    def flips(self) -> int:
        """How many heads there are without which another class is predicted."""
        return sum(label != self.label for row in self.predicted for label in row)

    @property
    def sentence(self) -> str:
        """The result in words."""
        layer, head = self.most_needed
        least = float(self.change.min())
        done = "removed" if self.replacement == "zero" else "replaced by its mean over the tokens"
        strongest = (
            f"head {head} of layer {layer} matters most: {done}, it takes the logit of “{self.label}” from "
            f"{number(self.logit)} to {number(self.logit + least)}"
            if least < 0
            else f"none lowers the logit of “{self.label}” ({number(self.logit)}) when {done}"
        )
        flips = "1 of them changes" if self.flips == 1 else f"{self.flips or 'none'} of them change"
        return (
            f"Among {self.change.numel()} heads, {strongest}. Half of the heads change it by at most "
            f"{number(self.change.abs().median())}, {int((self.change > 0).sum())} raise it, and {flips} the "
            "predicted class."
        )


def knock_out(
    model: VisionTransformer,
    trace: ForwardTrace,
    labels: Sequence[str],
    replacement: Replacement = "zero",
    *,
    progress: Progress = unheard,
) -> KnockedOut:
    """Replace every head of the pass of a plain trace, one at a time.

    Raises:
        ValueError: if the trace is that of a changed pass.
    """
    winner = int(trace.logits.argmax())
    logits = knock_out_heads(model, trace, replacement, progress=progress)
    before = float(trace.logits[winner])
    predicted = tuple(tuple(labels[index] for index in row) for row in logits.argmax(-1).tolist())
    return KnockedOut(labels[winner], replacement, before, logits[..., winner] - before, predicted)
