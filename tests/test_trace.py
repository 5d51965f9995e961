"""The trace is the forward pass itself, to the bit, and leaves nothing behind."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.conftest import randomised
from vit_core import BlockTrace, ForwardTrace, VisionTransformer, ViTConfig

VARIANTS: list[dict[str, Any]] = [{}, {"gelu": "tanh"}, {"representation_size": 11}, {"num_channels": 1}]


def tensors(value: Any, name: str = "") -> dict[str, Tensor]:
    """All tensors in a trace by the way to them."""
    if isinstance(value, Tensor):
        return {name: value}
    found: dict[str, Tensor] = {}
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            found |= tensors(item, f"{name}[{index}]")
    elif is_dataclass(value):
        for field in fields(value):
            found |= tensors(getattr(value, field.name), f"{name}.{field.name}")
    return found


def same_bits(a: Any, b: Any) -> bool:
    first, second = tensors(a), tensors(b)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("overrides", VARIANTS)
def test_trace_and_forward_give_the_same_bits(tiny_config: ViTConfig, overrides: dict[str, Any]) -> None:
    config = replace(tiny_config, **overrides)
    model = randomised(VisionTransformer(config))
    image = torch.randn(config.num_channels, 12, 12, generator=torch.Generator().manual_seed(3))
    assert torch.equal(model(image), model.trace(image).logits)


def test_a_block_computed_again_gives_the_same_bits(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    for layer in (1, 2, 3):
        block = tiny_model.trace_block(tiny_trace, layer)
        assert torch.equal(block.input, tiny_trace.hidden_states[layer - 1])
        assert torch.equal(block.output, tiny_trace.hidden_states[layer])
        assert torch.equal(block.attention.weights, tiny_trace.attention(layer))
        assert torch.equal(block.output, tiny_model.block(layer)(block.input))


def test_the_steps_of_forward_are_the_states_of_the_trace(
    tiny_model: VisionTransformer, tiny_trace: ForwardTrace
) -> None:
    with torch.no_grad():
        assert torch.equal(tiny_model.embed_patches(tiny_trace.image), tiny_trace.patch_embeddings)
        assert torch.equal(tiny_model.embed(tiny_trace.patch_embeddings), tiny_trace.hidden_states[0])
        assert torch.equal(tiny_model.encode(tiny_trace.hidden_states[0]), tiny_trace.hidden_states[-1])
        assert torch.equal(tiny_model.represent(tiny_trace.hidden_states[-1]), tiny_trace.representation)
        assert torch.equal(tiny_model.classify(tiny_trace.hidden_states[-1]), tiny_trace.logits)


def test_what_must_be_true_of_attention(tiny_trace: ForwardTrace, tiny_block: BlockTrace) -> None:
    for weights in tiny_trace.attention_weights:
        assert (weights >= 0).all()
        torch.testing.assert_close(weights.sum(-1), torch.ones(4, 10), atol=1e-6, rtol=0)  # ten rounded numbers
    torch.testing.assert_close(tiny_trace.probabilities.sum(), torch.tensor(1.0), atol=1e-6, rtol=0)
    # a larger score has a larger weight
    order = tiny_block.attention.scores.argsort(-1)
    ordered = tiny_block.attention.weights.gather(-1, order)
    assert (ordered.diff(dim=-1) >= 0).all()


def test_layers_count_from_one(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    assert tiny_trace.num_layers == 3
    assert tiny_trace.attention(1) is tiny_trace.attention_weights[0]
    for layer in (0, 4, -1):
        with pytest.raises(ValueError, match=rf"layer must be in 1..3, got {layer}"):
            tiny_trace.attention(layer)
        with pytest.raises(ValueError, match=rf"layer must be in 1..3, got {layer}"):
            tiny_model.trace_block(tiny_trace, layer)
        with pytest.raises(ValueError, match=rf"layer must be in 1..3, got {layer}"):
            tiny_model.block(layer)


@pytest.mark.parametrize("shape", [(3, 12, 13), (3, 8, 8), (1, 12, 12)])
def test_one_picture_of_the_right_size_or_a_clear_word(tiny_model: VisionTransformer, shape: tuple[int, ...]) -> None:
    expected = rf"expected one image of shape \[3, 12, 12\], got \[{', '.join(map(str, shape))}\]"
    with pytest.raises(ValueError, match=expected):
        tiny_model.trace(torch.zeros(shape))


def test_dropout_would_make_the_trace_lie(tiny_config: ViTConfig, tiny_image: Tensor) -> None:
    model = VisionTransformer(replace(tiny_config, dropout=0.1))
    with pytest.raises(ValueError, match=r"call eval\(\) on the model first"):
        model.train().trace(tiny_image)
    assert torch.equal(model.eval()(tiny_image), model.trace(tiny_image).logits)


def test_a_trace_needs_no_gradient_and_does_not_change(tiny_trace: ForwardTrace, tiny_block: BlockTrace) -> None:
    for tensor in (tensors(tiny_trace) | tensors(tiny_block)).values():
        assert not tensor.requires_grad
    with pytest.raises(FrozenInstanceError):
        tiny_trace.logits = torch.zeros(7)  # type: ignore[misc]


def test_bytes_are_those_of_all_tensors_each_counted_once(tiny_trace: ForwardTrace) -> None:
    numbers = {
        "image": 3 * 12 * 12,
        "patch_embeddings": 9 * 24,
        "hidden_states": 4 * 10 * 24,
        "attention_weights": 3 * 4 * 10 * 10,
        "representation": 24,
        "logits": 7,
    }
    assert tiny_trace.nbytes == 4 * sum(numbers.values())
    assert replace(tiny_trace, representation=tiny_trace.hidden_states[0][0]).nbytes == tiny_trace.nbytes - 4 * 24


def inventory(model: VisionTransformer) -> dict[str, object]:
    """Everything that hangs on every module: attributes, hooks, and where each parameter's numbers lie."""
    found: dict[str, object] = {}
    for name, module in model.named_modules():
        for key, value in vars(module).items():
            found[f"{name}.{key}"] = tuple(value) if isinstance(value, dict) else repr(value)
    for name, parameter in model.named_parameters():
        found[f"{name}!"] = (parameter.data_ptr(), parameter._version, parameter.grad)
    return found


def test_a_trace_leaves_nothing_on_the_model(tiny_config: ViTConfig, tiny_image: Tensor) -> None:
    model = randomised(VisionTransformer(tiny_config))  # nobody has traced it before: what is left would be there twice
    before = inventory(model)
    trace = model.trace(tiny_image)
    model.trace_block(trace, 1)
    assert inventory(model) == before
    with torch.no_grad():
        model(tiny_image)
    assert inventory(model) == before


def test_the_inventory_sees_what_is_left(tiny_config: ViTConfig) -> None:
    model = VisionTransformer(tiny_config)
    before = inventory(model)
    model.block(1).attention.last_weights = torch.zeros(2)
    assert inventory(model) != before


def test_many_threads_share_one_model(tiny_config: ViTConfig) -> None:
    """Each of them gets, to the bit, what it would have got alone."""
    model = randomised(VisionTransformer(tiny_config))
    generator = torch.Generator().manual_seed(5)
    images = [torch.randn(3, 12, 12, generator=generator) for _ in range(16)]

    def run(image: Tensor) -> tuple[ForwardTrace, BlockTrace]:
        trace = model.trace(image)
        return trace, model.trace_block(trace, 2)

    alone = [run(image) for image in images]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(run, images * 4))
    for index, (trace, block) in enumerate(together):
        expected_trace, expected_block = alone[index % len(images)]
        assert same_bits(trace, expected_trace) and same_bits(block, expected_block)
