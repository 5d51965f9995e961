"""Leave the division by sqrt(D_h) out of the softmax of Eq. 6."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from explainer.experiments.prediction import Prediction
from explainer.notation.wording import number
from vit_core import ForwardTrace, VisionTransformer
from vit_core.attention_maps import attention_entropy
from vit_core.batches import Progress, unheard
from vit_core.interventions import Interventions, Temperature


@dataclass(frozen=True, eq=False)
class Unscaled:
    """The entropy of attention, in nats, per layer and averaged over heads and tokens."""

    head_size: int
    num_tokens: int
    before: Float[Tensor, " layers"]
    alone: Float[Tensor, " layers"]  # this layer's softmax alone without the division, on the scores that it had
    throughout: Float[Tensor, " layers"]  # all layers without it, each on what the layers before have made
    prediction: Prediction
    prediction_throughout: Prediction

    @property
    def sentence(self) -> str:
        """The result in words."""
        return (
            f"Divided by √D_h = {number(math.sqrt(self.head_size))}, the rows of A have a mean entropy of "
            f"{number(self.before.mean())} nats, of at most ln {self.num_tokens} = "
            f"{number(math.log(self.num_tokens))}; without the division the same scores come to "
            f"{number(self.alone.mean())}. With no layer dividing it is {number(self.throughout.mean())}, and "
            f"{self.prediction.to(self.prediction_throughout)}."
        )


def unscale(
    model: VisionTransformer,
    trace: ForwardTrace,
    labels: Sequence[str],
    *,
    progress: Progress = unheard,
) -> Unscaled:
    """Leave the division by sqrt(D_h) out of the softmax of Eq. 6, in each layer alone and in all of them.

    Raises:
        ValueError: if the trace is that of a changed pass.
    """
    if trace.interventions:
        raise ValueError("the scale is taken out of a plain forward pass: give a trace without interventions")
    temperature, num_layers = Temperature("unscaled"), trace.num_layers
    alone = []
    for layer in range(1, num_layers + 1):
        scores = model.trace_block(trace, layer).attention.scores
        unscaled = temperature.change_scores(scores, layer, model.config.head_size)
        alone.append(attention_entropy(unscaled.softmax(-1)).mean())
        progress(layer / (num_layers + 1))
    changed = model.trace(trace.image, Interventions((temperature,)))
    progress(1.0)
    before, throughout = (
        torch.stack([attention_entropy(weights).mean() for weights in traced.attention_weights])
        for traced in (trace, changed)
    )
    return Unscaled(
        model.config.head_size,
        model.config.num_tokens,
        before,
        torch.stack(alone),
        throughout,
        Prediction.of(trace.logits, labels),
        Prediction.of(changed.logits, labels),
    )
