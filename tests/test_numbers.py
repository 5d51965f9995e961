"""Every number explained: recomputed from its row and column, traced back to the pixels, and returned by its line."""

import dataclasses
import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explainer.gallery import GALLERY
from explainer.numbers import YOUR_PICTURE, NumberExplanation, Pass, Reproduction, explain_number
from explainer.numbers.address import TENSORS, Address, checked, shape_of_tensor
from explainer.numbers.html import body
from explainer.numbers.words import text_of
from explainer.palette import QUANTITIES
from tests.conftest import randomised
from vit_core import Checkpoint, ForwardTrace, Interventions, VisionTransformer, ViTConfig, load, open_picture

KINDS = [name for name in TENSORS if name != "trace.head_inputs"]  # that one needs a head with a hidden layer


def addresses(model: VisionTransformer, name: str, count: int, seed: int = 0) -> Iterator[Address]:
    """The first and the last number of a tensor, and some between them, in different layers."""
    dice, shape, first = random.Random(f"{name} {seed}"), shape_of_tensor(model, name), TENSORS[name].first_layer
    last = model.config.num_layers
    corners = [tuple(0 for _ in shape), tuple(size - 1 for size in shape)]
    for index in corners + [tuple(dice.randrange(size) for size in shape) for _ in range(count)]:
        yield Address(name, None if first is None else dice.randint(first, last), index)


def explained(model: VisionTransformer, trace: ForwardTrace, address: Address, **more: Any) -> NumberExplanation:
    return explain_number(address, lambda _: Pass(model, trace, **more))


def explain(
    model: VisionTransformer, trace: ForwardTrace, layer: int | None, tensor: str, index: tuple[int, ...], **more: Any
) -> NumberExplanation:
    return explained(model, trace, Address(tensor, layer, index), **more)


@pytest.fixture(scope="module")
def model_with_hidden_layer(tiny_config: ViTConfig) -> VisionTransformer:
    """A pre-training head, and the paper's own GELU."""
    return randomised(VisionTransformer(replace(tiny_config, representation_size=11, gelu="tanh")), seed=2)


# Recomputed


@pytest.mark.parametrize("name", KINDS)
def test_every_tensor_is_recomputed_to_what_rounding_explains(
    name: str, tiny_model: VisionTransformer, tiny_trace: ForwardTrace
) -> None:
    """The bound is that of the proofs (explainer/proofs/rounding.py): what 32 bits lose in sums of this size."""
    for address in addresses(tiny_model, name, 12):
        found = explained(tiny_model, tiny_trace, address)
        assert found.working is not None
        assert found.is_as_computed, (address, found.difference, found.working.tolerance)
        assert found.working.tolerance < 1e-4  # sharp: the numbers are of size 1
        assert found.value == float(tensor_of(tiny_model, tiny_trace, address)[address.index])


@pytest.mark.parametrize("name", TENSORS)
def test_they_are_recomputed_for_other_models_too(name: str, model_with_hidden_layer: VisionTransformer) -> None:
    image = torch.randn(3, 12, 12, generator=torch.Generator().manual_seed(4))
    trace = model_with_hidden_layer.trace(image)
    for address in addresses(model_with_hidden_layer, name, 4):
        assert explained(model_with_hidden_layer, trace, address).is_as_computed, address


def tensor_of(model: VisionTransformer, trace: ForwardTrace, address: Address) -> Tensor:
    """The tensor of an address, found by the trace's own fields."""
    root, *fields = address.tensor.split(".")
    if address.tensor == "trace.hidden_states":
        return trace.hidden_states[address.layer or 0]
    if address.tensor == "trace.patches":
        size = model.config.patch_size
        cut = trace.image.unfold(1, size, size).unfold(2, size, size)  # channels, rows, columns, rows, columns
        return cut.permute(1, 2, 3, 4, 0).reshape(model.config.num_patches, -1)
    value: Any = trace if root == "trace" else model.trace_block(trace, address.layer or 1)
    for field in fields:
        value = getattr(value, field)
    assert isinstance(value, Tensor)
    return value


@pytest.mark.parametrize("name", KINDS)
def test_terms_and_rest_are_the_sum_and_the_steps_lead_to_the_number(
    name: str, tiny_model: VisionTransformer, tiny_trace: ForwardTrace
) -> None:
    """All in 64 bits: sums of at most 48 numbers of size 1 differ by their order alone, 1e-12 is ample."""
    for address in addresses(tiny_model, name, 5):
        found = explained(tiny_model, tiny_trace, address)
        working, steps = found.working, list(found.steps)
        assert working is not None
        if working.sum:
            sizes = [abs(term.value) for term in working.sum.terms]
            assert len(sizes) <= 10 and sizes == sorted(sizes, reverse=True)
            assert len({term.index for term in working.sum.terms}) == len(sizes)
            known = {step.value for step in steps}
            assert any(abs(working.sum.total - value) < 1e-12 for value in known), "the sum is one of the steps"
            for term in working.sum.terms:
                if len(term.factors) == 2:
                    assert term.value == pytest.approx(term.factors[0].value * term.factors[1].value, rel=1e-12)
        value = 0.0
        for step in steps:  # what a reader with a pocket calculator would do
            match step.operator:
                case "" | "=":
                    value = step.value
                case "+":
                    value += step.value
                case "−":
                    value -= step.value
                case "×":
                    value *= step.value
                case "÷":
                    value /= step.value
        assert value == pytest.approx(working.recomputed, abs=1e-9)  # GELU's share is divided out and back


def test_the_recomputation_uses_none_of_the_models_code(
    tiny_model: VisionTransformer, tiny_trace: ForwardTrace, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = {layer: tiny_model.trace_block(tiny_trace, layer) for layer in range(1, 4)}

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a module was called")

    monkeypatch.setattr(nn.Module, "__call__", refuse)
    monkeypatch.setattr(VisionTransformer, "projection_matrix", property(refuse))
    for name in KINDS:
        for address in addresses(tiny_model, name, 2):
            assert explained(tiny_model, tiny_trace, address, block_of=blocks.__getitem__).is_as_computed


@pytest.mark.parametrize("name", ["block.attention.weights", "block.mlp.output", "trace.logits"])
def test_a_wrong_number_does_not_pass(name: str, tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    address = next(addresses(tiny_model, name, 0))
    layer = address.layer or 1
    block = tiny_model.trace_block(tiny_trace, layer)
    block.attention.weights[address.index if "weights" in name else (0, 0, 0)] += 1e-3
    block.mlp.output[address.index if "mlp" in name else (0, 0)] += 1e-3
    logits = tiny_trace.logits.clone()
    logits[0] += 1e-3
    wrong = replace(tiny_trace, logits=logits)
    found = explained(tiny_model, wrong, address, block_of=lambda _: block)
    assert not found.is_as_computed
    assert "would explain only" in body(found)


# From number to number


def test_probabilities_lead_down_to_pixels(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    """Many ways down, at random, each to a pixel or a learned number: together they pass every kind of tensor."""
    blocks = {layer: tiny_model.trace_block(tiny_trace, layer) for layer in range(1, 4)}
    dice, passed, ends = random.Random(0), set[str](), set[str]()
    for _ in range(60):
        address, value = Address("trace.probabilities", None, (3,)), float(tiny_trace.probabilities[3])
        for _ in range(60):
            assert checked(address, tiny_model) == address  # it has no other name
            passed.add(address.tensor)
            found = explained(tiny_model, tiny_trace, address, block_of=blocks.__getitem__)
            assert found.value == value  # what the number above said stands here
            if not found.sources or address.tensor == "trace.image":
                ends.add(address.tensor)
                break
            parts = [(step.address, step.value) for step in found.steps if isinstance(step.address, Address)]
            parts += [(part.address, part.value) for term in found.terms for part in term.factors if part.address]
            of_trace = [part for part in parts if part[0].tensor in TENSORS]
            address, value = dice.choice(of_trace if of_trace and dice.random() < 0.95 else parts)
        else:
            raise AssertionError("a way without an end")
    assert passed >= set(KINDS)
    assert "trace.image" in ends and any("weight" in name for name in ends)


def test_a_pixel_is_that_of_the_picture(embedded: tuple[VisionTransformer, Checkpoint, ForwardTrace]) -> None:
    model, checkpoint, trace = embedded
    picture = checkpoint.preprocess.crop(open_picture(GALLERY["coffee"].path))
    for address in addresses(model, "trace.image", 8):
        channel, row, column = address.index
        found = explained(model, trace, address, preprocess=checkpoint.preprocess)
        assert found.steps[0].value == picture.getpixel((column, row))[channel]  # type: ignore[index]
        assert found.is_as_computed


# In words and symbols


def test_formulas_and_words_name_the_place(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    found = explain(tiny_model, tiny_trace, 2, "block.attention.weights", (1, 4, 0))
    assert found.words == "layer 2, head 2, query of token 4 (row 2, column 1), key of token 0 (class token)"
    assert found.symbol == r"A^{(2)}[4,\,0]"
    assert r"\exp(\mathbf{S}^{(2)}[4,\,0])" in found.formula and r"\sum_{m=0}^{9}" in found.formula
    assert found.equation == "Eq. 6: Attention weights"
    assert text_of(found.address, lambda _: tiny_model.config) == "A⁽²⁾[4, 0]"
    logit = explain(tiny_model, tiny_trace, None, "logits", (3,), labels=[f"label {i}" for i in range(7)])
    assert logit.words == "class 3 (label 3)"
    learned = explain(tiny_model, tiny_trace, None, "blocks.1.mlp.expand.weight", (30, 5))
    assert learned.working is None and learned.symbol == r"\mathbf{W}_1[5,\,30]"  # the paper writes inputs first
    assert "blocks.1.mlp.expand.weight[30, 5]; stored with its outputs first" in learned.words
    kernel = explain(tiny_model, tiny_trace, None, "patch_projection.weight", (7, 2, 3, 1))
    row = (3 * 4 + 1) * 3 + 2  # rows, columns, channels inside a patch of 4 by 4
    assert kernel.symbol == rf"\mathbf{{E}}[{row},\,7]"
    assert kernel.value == tiny_model.projection_matrix[row, 7].item()
    assert QUANTITIES["E"].light in kernel.coloured(kernel.symbol_template, "light")


@pytest.mark.parametrize("name", KINDS)
def test_the_html_has_a_button_for_every_source(
    name: str, tiny_model: VisionTransformer, tiny_trace: ForwardTrace
) -> None:
    found = explained(tiny_model, tiny_trace, next(addresses(tiny_model, name, 0)))
    html = body(found)
    assert all(f'data-number="{source}"' in html for source in found.sources)
    assert f"{found.value:.6g}".replace("-", "−") in html


def test_explanations_are_frozen(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    found = explain(tiny_model, tiny_trace, None, "logits", (0,))
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.value = 1.0  # type: ignore[misc]


# Changed forward passes


def test_a_changed_pass_says_where_it_was_changed(
    tiny_model: VisionTransformer, tiny_image: Tensor, tiny_trace: ForwardTrace
) -> None:
    text = "heads=2.1:zero;skip=mlp.3"
    trace = tiny_model.trace(tiny_image, Interventions.parse(text))
    zeroed = explain(tiny_model, trace, 2, "block.attention.head_outputs", (0, 3, 1))
    assert zeroed.value == 0.0 and not zeroed.is_as_computed
    assert zeroed.changes == str(trace.interventions) and zeroed.changes in body(zeroed)
    assert "Interventions.parse(" in zeroed.python and "Interventions" in zeroed.python_import
    other = explain(tiny_model, trace, 2, "block.attention.head_outputs", (1, 3, 1))
    assert other.is_as_computed
    before = explain(tiny_model, tiny_trace, 2, "block.attention.head_outputs", (0, 3, 1))
    assert before.is_as_computed and before.changes == ""


# The line of Python


@pytest.fixture(scope="module")
def embedded() -> tuple[VisionTransformer, Checkpoint, ForwardTrace]:
    model, checkpoint = load("embedded")
    return model, checkpoint, model.trace(checkpoint.preprocess(open_picture(GALLERY["coffee"].path)))


def test_every_line_of_python_returns_its_number(
    embedded: tuple[VisionTransformer, Checkpoint, ForwardTrace], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pasted below its import, for every kind of tensor and of parameter; compared to six digits."""
    model, checkpoint, trace = embedded
    parameters = [
        Address(name, None, tuple(size // 2 for size in value.shape))
        for name, value in model.named_parameters()
        if "blocks" not in name or "blocks.3" in name
    ]
    asked = [address for name in KINDS for address in addresses(model, name, 1)] + parameters
    imports: dict[str, None] = {}
    lines = []
    for address in asked:
        found = explained(model, trace, address, preprocess=checkpoint.preprocess)
        assert found.python.count("\n") == 0 and found.python_import.startswith("from vit_core import ")
        assert not found.blanks
        imports[found.python_import] = None
        lines.append((found.python, found.value))
    names: dict[str, Any] = {}
    for line in imports:
        exec(line, names)  # the project's own lines
    names["load"] = cache(names["load"])  # the same model for every line: the file is read once, not 60 times
    for line, value in lines:
        assert f"{eval(line, names):.6g}" == f"{value:.6g}", line


def test_a_line_stands_alone(embedded: tuple[VisionTransformer, Checkpoint, ForwardTrace]) -> None:
    found = explain(embedded[0], embedded[2], 2, "block.attention.weights", (1, 20, 7))
    names: dict[str, Any] = {}
    exec(found.python_import, names)
    assert eval(found.python, names) == found.value


def test_a_line_for_an_upload_asks_for_its_path(
    embedded: tuple[VisionTransformer, Checkpoint, ForwardTrace], tmp_path: Any
) -> None:
    model, _, trace = embedded
    found = explain(model, trace, None, "logits", (5,), reproduction=Reproduction(picture="upload-0123"))
    assert found.blanks == ("your image",) and f'open_picture(Path("{YOUR_PICTURE}"))' in found.python
    path = tmp_path / "mine.png"
    open_picture(GALLERY["coffee"].path).save(path)
    names: dict[str, Any] = {}
    exec(found.python_import, names)
    assert eval(found.python.replace(YOUR_PICTURE, str(path)), names) == found.value


# Nonsense


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "names no number"),
        ("block.attention.weights", "names no number"),
        ("block.attention.weights:3:0,12,-1", "names no number"),
        ("block.attention.weights:3:０,1,2", "names no number"),
        ("block.attention.weights:3:" + "1," * 50 + "1", "names no number"),
        ("__class__::0", "there is no tensor '__class__'"),
        ("block.attention.__class__:1:0", "there is no tensor"),
        ("config.num_layers::0", "there is no tensor"),
        ("blocks.9.mlp.expand.bias::0", "there is no tensor"),
        ("head.linear::0", "there is no tensor"),
        ("block.attention.weights:4:0,0,0", "is there for layers 1 to 3, the link gives layer 4"),
        ("block.input:4:0,0", "is there for layers 1 to 3"),
        ("block.attention.weights::0,0,0", "the link gives no layer"),
        ("block.attention.weights:3:0,0", "has the shape 4 × 10 × 10"),
        ("trace.logits::7", "has the shape 7, so there is no number [7]"),
        ("trace.head_inputs::0", "has the shape 0"),
    ],
)
def test_an_address_that_makes_no_sense_is_one_sentence(
    text: str, sentence: str, tiny_model: VisionTransformer
) -> None:
    with pytest.raises(ValueError, match=r"no number|no tensor|layers") as refusal:
        checked(Address.parse(text), tiny_model)
    assert sentence in str(refusal.value) and "\n" not in str(refusal.value)


def test_addresses_survive_the_link(tiny_model: VisionTransformer) -> None:
    for name in KINDS:
        for address in addresses(tiny_model, name, 2):
            assert Address.parse(str(address)) == address
    assert str(checked(Address.parse("block.input:1:0,3"), tiny_model)) == "trace.hidden_states:0:0,3"
    assert str(checked(Address.parse("block.output:3:0,3"), tiny_model)) == "trace.hidden_states:3:0,3"
    assert str(checked(Address.parse("layer.mlp_norm.bias:2:3"), tiny_model)) == "blocks.1.mlp_norm.bias::3"
