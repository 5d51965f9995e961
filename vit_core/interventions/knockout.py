"""Every head of the model knocked out, one at a time, in less time than as many forward passes."""

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from vit_core.batches import Progress, pictures_at_once, unheard
from vit_core.interventions.layers import ReplaceHead, Replacement
from vit_core.model import EncoderBlock, VisionTransformer
from vit_core.trace import ForwardTrace

STATES = 256 * 2**20  # bytes for the tokens of all passes that are under way


@torch.no_grad()
def knock_out_heads(
    model: VisionTransformer,
    trace: ForwardTrace,
    replacement: Replacement = "zero",
    *,
    progress: Progress = unheard,
) -> Float[Tensor, "layers heads classes"]:
    """The logits of ``trace``'s picture with one head replaced, for every head of every layer.

    A pass without a head of layer l is the plain pass up to z_{l-1}, which the trace has, and all heads of a layer
    share what comes before their outputs. After it, the passes that have begun go through each layer together.

    Raises:
        ValueError: if the trace is that of a changed pass.
    """
    if trace.interventions:
        raise ValueError("heads are knocked out of a plain forward pass: give a trace without interventions")
    config = model.config
    num_layers, num_heads, at_once = config.num_layers, config.num_heads, pictures_at_once(config)
    bytes_per_head = 4 * num_layers * config.num_tokens * config.hidden_size
    groups = torch.split(torch.arange(1, num_heads + 1), max(1, STATES // bytes_per_head))
    total = num_heads * num_layers * (num_layers + 1) // 2  # passes through a layer, the knocked out one included
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(done / total)

    logits = torch.empty(num_layers, num_heads, config.num_classes)
    for heads in groups:
        passes = torch.empty(num_layers, len(heads), config.num_tokens, config.hidden_size)
        for layer in range(1, num_layers + 1):
            block, z = model.block(layer), trace.hidden_states[layer - 1]
            begun = passes[: layer - 1].flatten(0, 1)
            for start in range(0, len(begun), at_once):
                part = begun[start : start + at_once]
                part.copy_(block(part))
                advance(len(part))
            head_outputs = block.attention.trace(block.attention_norm(z)).head_outputs
            for start in range(0, len(heads), at_once):
                some = heads[start : start + at_once].tolist()
                changes = [ReplaceHead(layer, head, replacement) for head in some]
                replaced = torch.stack([change.change_head_outputs(head_outputs, layer) for change in changes])
                passes[layer - 1, start : start + at_once] = _from_heads(block, z, replaced)
                advance(len(some))
        logits[:, heads - 1] = model.classify(passes)
    return logits


def _from_heads(
    block: EncoderBlock,
    z: Float[Tensor, "tokens hidden"],
    head_outputs: Float[Tensor, "passes heads tokens head_size"],
) -> Float[Tensor, "passes tokens hidden"]:
    """z_l from z_{l-1} and the heads' outputs: what is left of Eq. 8, 2 and 3."""
    z = block.attention.projection(rearrange(head_outputs, "b h t d -> b t (h d)")) + z
    return block.mlp(block.mlp_norm(z)) + z
