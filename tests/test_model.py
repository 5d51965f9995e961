"""The model is the paper's: its equations in plain NumPy, its initialisation, its dropout, its symmetries."""

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tests.conftest import randomised
from vit_core import ForwardTrace, VisionTransformer, ViTConfig

Array = NDArray[np.float64]


# The equations


def paper(parameters: dict[str, Array], image: Array, config: ViTConfig) -> dict[str, Array]:
    """Eq. 1-8 as the paper writes them, one head and one patch at a time, with the biases of the authors' code."""

    def layer_norm(z: Array, name: str) -> Array:
        normalised = (z - z.mean(-1, keepdims=True)) / np.sqrt(z.var(-1, keepdims=True) + config.norm_eps)
        return normalised * parameters[f"{name}.weight"] + parameters[f"{name}.bias"]

    def dense(z: Array, name: str) -> Array:
        return z @ parameters[f"{name}.weight"].T + parameters[f"{name}.bias"]

    def gelu(a: Array) -> Array:
        if config.gelu == "tanh":
            return 0.5 * a * (1 + np.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a**3)))
        return 0.5 * a * (1 + np.vectorize(math.erf)(a / math.sqrt(2)))

    def attention(z: Array, name: str) -> Array:
        heads, head_size, hidden = config.num_heads, config.head_size, config.hidden_size
        weights_of, biases_of = (np.split(parameters[f"{name}.qkv.{part}"], 3) for part in ("weight", "bias"))
        outputs = []
        for head in range(heads):
            columns = slice(head * head_size, (head + 1) * head_size)
            q, k, v = ((z @ weight.T + bias)[:, columns] for weight, bias in zip(weights_of, biases_of, strict=True))
            scores = q @ k.T / math.sqrt(head_size)
            weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
            outputs.append(weights @ v)
        assert np.concatenate(outputs, -1).shape[-1] == hidden
        return dense(np.concatenate(outputs, -1), f"{name}.projection")

    size, grid = config.patch_size, config.grid_size
    kernel, bias = parameters["patch_projection.weight"], parameters["patch_projection.bias"]
    rows = [parameters["class_token"][0]]
    for row in range(grid):
        for column in range(grid):
            patch = image[:, row * size : (row + 1) * size, column * size : (column + 1) * size]
            rows.append(np.array([(patch * one).sum() for one in kernel]) + bias)
    z = np.stack(rows) + parameters["position_embedding"]
    made = {"z_0": z}
    for layer in range(config.num_layers):
        name = f"blocks.{layer}"
        z = attention(layer_norm(z, f"{name}.attention_norm"), f"{name}.attention") + z
        hidden = gelu(dense(layer_norm(z, f"{name}.mlp_norm"), f"{name}.mlp.expand"))
        z = dense(hidden, f"{name}.mlp.contract") + z
        made[f"z_{layer + 1}"] = z
    made["y"] = y = layer_norm(z[0], "norm")
    if config.representation_size:
        y = np.tanh(dense(y, "head.pre_logits"))
    made["logits"] = dense(y, "head.linear")
    return made


@pytest.mark.parametrize(
    "overrides",
    [{}, {"gelu": "tanh"}, {"representation_size": 11}, {"norm_eps": 1e-2}, {"num_heads": 1}, {"num_heads": 24}],
)
def test_the_model_computes_the_papers_equations(tiny_config: ViTConfig, overrides: dict[str, Any]) -> None:
    config = replace(tiny_config, **overrides)
    model = randomised(VisionTransformer(config)).double()
    image = torch.randn(3, 12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    trace = model.trace(image)
    parameters = {name: parameter.detach().numpy() for name, parameter in model.named_parameters()}
    expected = paper(parameters, image.numpy(), config)
    found = {f"z_{layer}": state for layer, state in enumerate(trace.hidden_states)}
    found |= {"y": trace.representation, "logits": trace.logits}
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        # both in 64 bits: only the order of sums differs, on numbers below 100
        np.testing.assert_allclose(tensor.numpy(), expected[name], atol=1e-11, rtol=0, err_msg=name)


def test_layer_norm_comes_before_each_part(tiny_model: VisionTransformer, tiny_image: Tensor) -> None:
    """Pre-norm: mean 0 and deviation 1 before scale and shift, in front of attention, MLP and head."""
    trace = tiny_model.trace(tiny_image)
    block, module = tiny_model.trace_block(trace, 2), tiny_model.block(2)
    for after, norm in (
        (block.attention_input, module.attention_norm),
        (block.mlp_input, module.mlp_norm),
        (trace.representation, tiny_model.norm),
    ):
        plain = (after - norm.bias) / norm.weight
        torch.testing.assert_close(plain.mean(-1), torch.zeros_like(plain.mean(-1)), atol=1e-5, rtol=0)
        # epsilon makes the deviation a millionth smaller; undoing scale and shift in 32 bits costs more
        torch.testing.assert_close(plain.var(-1, correction=0), torch.ones_like(plain.mean(-1)), atol=1e-4, rtol=0)


def test_only_the_class_token_is_read(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    z = tiny_trace.hidden_states[-1].clone()
    z[1:] = 0
    assert torch.equal(tiny_model.classify(z), tiny_trace.logits)


# Symmetries


def test_without_positions_the_order_of_patches_does_not_matter(tiny_config: ViTConfig, tiny_image: Tensor) -> None:
    model = randomised(VisionTransformer(tiny_config))
    nn.init.zeros_(model.position_embedding)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        patches = model.embed_patches(tiny_image)
        straight, shuffled = model.encode(model.embed(patches)), model.encode(model.embed(patches[order]))
    # sums over tokens in another order, on numbers below 100
    torch.testing.assert_close(shuffled[0], straight[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(shuffled[1:], straight[1:][order], atol=1e-5, rtol=0)


def test_with_positions_it_does(tiny_model: VisionTransformer, tiny_image: Tensor) -> None:
    with torch.no_grad():
        patches = tiny_model.embed_patches(tiny_image)
        straight, flipped = tiny_model.embed(patches), tiny_model.embed(patches.flip(0))
        assert (
            tiny_model.classify(tiny_model.encode(straight)) - tiny_model.classify(tiny_model.encode(flipped))
        ).abs().max() > 0.1


@pytest.mark.parametrize("leading", [(), (1,), (4,), (2, 3), (0,)])
def test_any_leading_axes(tiny_model: VisionTransformer, leading: tuple[int, ...]) -> None:
    images = torch.randn(*leading, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits = tiny_model(images)
        one_by_one = [tiny_model(image) for image in images.reshape(-1, 3, 12, 12)]
    assert logits.shape == (*leading, 7)
    expected = torch.stack(one_by_one).reshape(*leading, 7) if one_by_one else torch.zeros(*leading, 7)
    torch.testing.assert_close(logits, expected, atol=1e-5, rtol=0)  # a batch is multiplied in another order


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 3, 12, 8), (4, 12, 12), (1, 1, 12, 12)])
def test_pictures_of_another_size_are_refused(tiny_model: VisionTransformer, shape: tuple[int, ...]) -> None:
    expected = f"expected images of shape [..., 3, 12, 12], got [{', '.join(map(str, shape))}]"
    with pytest.raises(ValueError, match=re.escape(expected)):
        tiny_model(torch.zeros(shape))


def test_every_parameter_learns(tiny_config: ViTConfig, tiny_image: Tensor) -> None:
    model = randomised(VisionTransformer(tiny_config)).train()
    nn.functional.cross_entropy(model(tiny_image), torch.tensor(2)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        gradient = parameter.grad
        if name.endswith("qkv.bias"):  # a key's bias adds the same to a whole row of scores: softmax takes it away
            gradient = torch.cat([gradient[:24], gradient[48:]])
            assert parameter.grad[24:48].abs().max() < 1e-6
        assert gradient.abs().max() > 1e-6, name


# Dropout (paper, Appendix B.1): after every dense layer but qkv, and after adding the positions


def test_dropout_stands_where_the_paper_puts_it(
    tiny_config: ViTConfig, tiny_image: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = randomised(VisionTransformer(replace(tiny_config, dropout=0.5)))
    trace = model.trace(tiny_image)
    expected = [trace.hidden_states[0]]
    for layer in (1, 2, 3):
        block = model.trace_block(trace, layer)
        expected += [block.attention.output, block.mlp.activated, block.mlp.output]

    dropped: list[Tensor] = []

    def note(_: nn.Dropout, tensor: Tensor) -> Tensor:
        dropped.append(tensor)
        return tensor

    monkeypatch.setattr(nn.Dropout, "forward", note)
    with torch.no_grad():
        logits = model.train()(tiny_image)
    assert len(dropped) == len(expected)
    for found, tensor in zip(dropped, expected, strict=True):
        assert torch.equal(found, tensor)
    assert torch.equal(logits, trace.logits)  # and nothing else is random


def test_dropout_drops_the_given_share(tiny_config: ViTConfig) -> None:
    model = VisionTransformer(replace(tiny_config, dropout=0.3))
    rates = {module.p for module in model.modules() if isinstance(module, nn.Dropout)}
    assert rates == {0.3}


# Initialisation, as in the paper's code: vit_jax/models_vit.py with Flax's defaults


@pytest.fixture(scope="module")
def fresh() -> VisionTransformer:
    torch.manual_seed(0)
    return VisionTransformer(ViTConfig.named("Mini/8", num_classes=10, representation_size=256))


def assert_spread(weight: Tensor, deviation: float, limit: float) -> None:
    """Mean 0, the given deviation, and nothing beyond the limit; within five standard errors of a sample this large."""
    count = weight.numel()
    assert abs(weight.mean().item()) < 5 * deviation / count**0.5
    assert weight.std().item() == pytest.approx(deviation, rel=5 / count**0.5)
    assert weight.abs().max().item() <= limit * (1 + 1e-6)


def xavier(weight: Tensor) -> None:
    limit = math.sqrt(6 / sum(weight.shape))  # uniform in +-limit: deviation limit / sqrt(3)
    assert_spread(weight, limit / math.sqrt(3), limit)


def lecun(weight: Tensor) -> None:
    deviation = (1 / weight[0].numel()) ** 0.5  # of the normal distribution cut at two of its own deviations
    assert_spread(weight, deviation, 2 * deviation / 0.87962566)


@torch.no_grad()
def test_initialisation_of_patches_and_tokens(fresh: VisionTransformer) -> None:
    lecun(fresh.patch_projection.weight)
    assert fresh.patch_projection.bias is not None
    assert not fresh.patch_projection.bias.any() and not fresh.class_token.any()
    assert_spread(fresh.position_embedding, 0.02, 0.02 * 6)


@torch.no_grad()
def test_initialisation_of_the_layers(fresh: VisionTransformer) -> None:
    for layer in range(1, 7):
        block = fresh.block(layer)
        for third in block.attention.qkv.weight.chunk(3):
            xavier(third)  # three D x D maps: one D x 3D map would be spread less
        xavier(block.attention.projection.weight)
        assert not block.attention.qkv.bias.any() and not block.attention.projection.bias.any()
        for dense in (block.mlp.expand, block.mlp.contract):
            xavier(dense.weight)
            assert_spread(dense.bias, 1e-6, 6e-6)
        for norm in (block.attention_norm, block.mlp_norm):
            assert (norm.weight == 1).all() and not norm.bias.any() and norm.eps == 1e-6


@torch.no_grad()
def test_initialisation_of_the_head(fresh: VisionTransformer) -> None:
    assert fresh.head.pre_logits is not None
    lecun(fresh.head.pre_logits.weight)
    assert not fresh.head.pre_logits.bias.any()
    assert not fresh.head.linear.weight.any() and not fresh.head.linear.bias.any()
    probabilities = fresh(torch.rand(3, 64, 64)).softmax(-1)
    assert torch.equal(probabilities, torch.full((10,), probabilities[0].item()))  # it prefers no class


def test_initialisation_follows_the_seed(tiny_config: ViTConfig) -> None:
    def state(seed: int) -> list[Tensor]:
        torch.manual_seed(seed)
        return [parameter.detach().clone() for parameter in VisionTransformer(tiny_config).parameters()]

    assert all(torch.equal(a, b) for a, b in zip(state(1), state(1), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(state(1), state(2), strict=True))
