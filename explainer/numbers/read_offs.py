"""What the pages read off a trace, by name: the logit lens, rollout, distances, what LayerNorm is before γ and β.

The same operations in the same order as where they are drawn, so that the same bits come out.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from vit_core import BlockTrace, ForwardTrace, VisionTransformer, mean_attention_distance


@torch.no_grad()
def read_off(
    name: str, model: VisionTransformer, trace: ForwardTrace, layer: int, block_of: Callable[[int], BlockTrace]
) -> Tensor | None:
    """A tensor of ``address.READ_OFFS``; None if there is none of that name."""
    match name:
        case "block.attention_normalised":
            return normalised(trace.hidden_states[layer - 1], model.block(layer).attention_norm.eps)
        case "block.mlp_normalised":
            return normalised(block_of(layer).after_attention, model.block(layer).mlp_norm.eps)
        case "block.attention_distance":
            return mean_attention_distance(trace, model.config)[layer - 1]
        case "trace.exponentials":
            return (trace.logits - trace.logits.max()).exp()
        case "trace.positions":
            return positions(model, trace)
        case "lens.representation":
            return model.represent(_class_tokens(trace))[layer]
        case "lens.head_inputs":
            return model.head.inputs(model.represent(_class_tokens(trace)))[layer]
        case "lens.logits":
            return model.classify(_class_tokens(trace))[layer]
        case "lens.probabilities":
            return model.classify(_class_tokens(trace)).softmax(-1)[layer]
        case "rollout.layer":
            return rollout_layer(trace, layer)
        case "rollout.flow":
            return rollout_flow(trace, layer)
    return None


def normalised(z: Tensor, eps: float) -> Tensor:
    """LayerNorm of every row, before γ and β."""
    return torch.nn.functional.layer_norm(z, z.shape[-1:], eps=eps)


def positions(model: VisionTransformer, trace: ForwardTrace) -> Tensor:
    """What was added to the embedded tokens: E_pos, as a change may have left it."""
    if torch.equal(model.embed(trace.patch_embeddings), trace.hidden_states[0]):
        return model.position_embedding.detach()
    return trace.hidden_states[0] - torch.cat([model.class_token.detach(), trace.patch_embeddings])


def rollout_layer(trace: ForwardTrace, layer: int) -> Tensor:
    """One layer of attention rollout: the mean of its heads, half of it the identity; rows sum to 1."""
    mixed = 0.5 * trace.attention(layer).mean(0) + 0.5 * torch.eye(trace.hidden_states[0].shape[0])
    return mixed / mixed.sum(-1, keepdim=True)


def rollout_flow(trace: ForwardTrace, layer: int) -> Tensor:
    """Attention rollout over the first layers, the last of them on the left."""
    flow = torch.eye(trace.hidden_states[0].shape[0])
    for each in range(1, layer + 1):
        flow = rollout_layer(trace, each) @ flow
    return flow


def _class_tokens(trace: ForwardTrace) -> Tensor:
    return torch.stack([z[:1] for z in trace.hidden_states])
