"""Rollout and mean distance against their definitions, written out in NumPy."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from vit_core import ForwardTrace, VisionTransformer, ViTConfig, attention_rollout, mean_attention_distance


def rolled_out(weights: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Row-normalised (mean of heads + identity) / 2 of each layer, the last on the left: a recursion over layers."""
    tokens = weights[0].shape[-1]
    if len(weights) == 0:
        return np.eye(tokens)
    layer = (weights[-1].mean(axis=0) + np.eye(tokens)) / 2
    layer = layer / layer.sum(axis=1)[:, None]
    return layer if len(weights) == 1 else layer @ rolled_out(weights[:-1])


def test_rollout_is_the_product_of_the_layers(tiny_trace: ForwardTrace) -> None:
    expected = rolled_out([weights.double().numpy() for weights in tiny_trace.attention_weights])
    # numbers below 1, three products of ten terms each in 32 bits
    np.testing.assert_allclose(attention_rollout(tiny_trace).numpy(), expected, atol=1e-6, rtol=0)


def test_rollout_shares_everything_out(tiny_trace: ForwardTrace) -> None:
    rollout = attention_rollout(tiny_trace)
    assert (rollout >= 0).all()
    torch.testing.assert_close(rollout.sum(-1), torch.ones(10), atol=1e-6, rtol=0)  # ten rounded numbers that sum to 1


def test_the_last_layer_stands_on_the_left(tiny_trace: ForwardTrace) -> None:
    """Token 1 takes from 2 in the first layer, 0 from 1 in the last: so a quarter of 2 reaches 0."""
    first, last = torch.eye(10), torch.eye(10)
    first[1], last[0] = torch.eye(10)[2], torch.eye(10)[1]
    expand = (4, -1, -1)
    trace = replace(tiny_trace, attention_weights=(first.expand(expand), last.expand(expand)))
    assert attention_rollout(trace)[0, 2] == 0.25
    trace = replace(tiny_trace, attention_weights=(last.expand(expand), first.expand(expand)))
    assert attention_rollout(trace)[0, 2] == 0


def test_attention_to_oneself_rolls_out_to_the_identity(tiny_trace: ForwardTrace) -> None:
    alone = tuple(torch.eye(10).expand(4, -1, -1) for _ in range(3))
    assert torch.equal(attention_rollout(replace(tiny_trace, attention_weights=alone)), torch.eye(10))


@pytest.mark.parametrize("renormalise", [False, True])
def test_mean_distance_is_the_weighted_distance_of_patches(
    renormalise: bool, tiny_trace: ForwardTrace, tiny_config: ViTConfig
) -> None:
    grid, size, patches = 3, 4, 9
    expected = np.zeros((3, 4))
    for layer in range(3):
        for head in range(4):
            weights = tiny_trace.attention_weights[layer][head].double().numpy()
            for query in range(patches):
                total = weights[query + 1, 1:].sum() if renormalise else 1.0
                for key in range(patches):
                    rows, columns = query // grid - key // grid, query % grid - key % grid
                    distance = size * (rows**2 + columns**2) ** 0.5
                    expected[layer, head] += weights[query + 1, key + 1] / total * distance / patches
    found = mean_attention_distance(tiny_trace, tiny_config, renormalise=renormalise)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5, rtol=0)  # up to 12 pixels in 32 bits


def test_a_head_that_looks_at_itself_looks_no_distance(tiny_trace: ForwardTrace, tiny_config: ViTConfig) -> None:
    alone = tuple(torch.eye(10).expand(4, -1, -1) for _ in range(3))
    trace = replace(tiny_trace, attention_weights=alone)
    # cdist computes distances from dot products, so that zero is zero but for rounding
    torch.testing.assert_close(mean_attention_distance(trace, tiny_config), torch.zeros(3, 4), atol=1e-5, rtol=0)


def test_a_head_that_looks_at_the_class_token_alone_has_no_distance(
    tiny_trace: ForwardTrace, tiny_config: ViTConfig
) -> None:
    """Its patches give nothing to weigh; without renormalising that reads as zero."""
    weights = torch.zeros(4, 10, 10)
    weights[:, :, 0] = 1
    trace = replace(tiny_trace, attention_weights=(weights,) * 3)
    assert torch.equal(mean_attention_distance(trace, tiny_config), torch.zeros(3, 4))


def test_uniform_attention_has_the_mean_distance_of_the_grid() -> None:
    """A 2x2 grid: of the four places one is the patch itself, two are one patch away, one is sqrt(2) away."""
    config = ViTConfig(image_size=16, patch_size=8, num_layers=1, hidden_size=8, mlp_size=8, num_heads=1, num_classes=2)
    model = VisionTransformer(config).eval()
    torch.nn.init.zeros_(model.block(1).attention.qkv.weight)  # all scores equal
    trace = model.trace(torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0)))
    total = 8 * (1 + 1 + 2**0.5)
    assert mean_attention_distance(trace, config).item() == pytest.approx(total / 5, abs=1e-5)  # a fifth to the class
    assert mean_attention_distance(trace, config, renormalise=True).item() == pytest.approx(total / 4, abs=1e-5)
