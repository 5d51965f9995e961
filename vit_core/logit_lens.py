"""The logit lens: the head read off every hidden state, as if each were the last."""

import torch
from jaxtyping import Float
from torch import Tensor

from vit_core.model import VisionTransformer
from vit_core.trace import ForwardTrace


@torch.no_grad()
def lens_probabilities(model: VisionTransformer, trace: ForwardTrace) -> Float[Tensor, "states classes"]:
    """The head read off z_0 ... z_L as if each were the last: final norm, head, softmax."""
    return model.classify(torch.stack([z[:1] for z in trace.hidden_states])).softmax(-1)


def most_probable(probabilities: Float[Tensor, " classes"], count: int) -> list[int]:
    """The numbers of the most probable classes, the first one first."""
    classes: list[int] = probabilities.topk(min(count, len(probabilities))).indices.tolist()
    return classes
