"""Shapes are read from the annotations of the trace, and are those that the tensors have."""

from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor

from explainer.shapes import AXES, axes_of, letters, shape, shape_of, size_of
from explainer.stages import STAGES, TensorRef
from explainer.tensors import describe, find
from vit_core import AttentionTrace, BlockTrace, ForwardTrace, MLPTrace, VisionTransformer, ViTConfig, patchify

TRACES = (ForwardTrace, BlockTrace, AttentionTrace, MLPTrace)
TENSOR_FIELDS = [
    (trace, field.name)
    for trace in TRACES
    for field in fields(trace)
    if (trace, field.name) not in {(BlockTrace, "attention"), (BlockTrace, "mlp"), (ForwardTrace, "interventions")}
]


@pytest.mark.parametrize(("trace", "field"), TENSOR_FIELDS, ids=lambda value: getattr(value, "__name__", value))
def test_the_annotation_is_the_shape_of_the_tensor(
    trace: type, field: str, tiny_config: ViTConfig, tiny_trace: ForwardTrace, tiny_block: BlockTrace
) -> None:
    holder = {
        ForwardTrace: tiny_trace,
        BlockTrace: tiny_block,
        AttentionTrace: tiny_block.attention,
        MLPTrace: tiny_block.mlp,
    }[trace]
    value = getattr(holder, field)
    for tensor in value if isinstance(value, tuple) else (value,):
        assert tuple(tensor.shape) == shape(trace, field, tiny_config).sizes


def test_axes_are_read_from_the_annotations() -> None:
    assert axes_of(AttentionTrace, "weights") == ("heads", "tokens", "tokens")
    assert axes_of(ForwardTrace, "hidden_states") == ("tokens", "hidden")  # of each in the tuple
    assert axes_of(ForwardTrace, "representation") == ("hidden",)


def test_what_is_no_tensor_has_no_shape() -> None:
    with pytest.raises(TypeError, match=r"BlockTrace.attention is no tensor with a shape"):
        axes_of(BlockTrace, "attention")
    with pytest.raises(KeyError, match="nothing"):
        axes_of(BlockTrace, "nothing")


def test_shapes_are_written_as_in_the_paper() -> None:
    b16 = ViTConfig.named("B/16")
    weights = shape(AttentionTrace, "weights", b16)
    assert weights.latex == r"\mathbb{R}^{k \times (N+1) \times (N+1)}"
    assert weights.plain == "12 × 197 × 197"
    assert weights.named == "heads 12 × tokens 197 × tokens 197"
    assert shape_of(("patch_dim", "hidden"), b16).latex == r"\mathbb{R}^{(P^2 \cdot C) \times D}"  # E, Eq. 1
    assert shape_of(("hidden", "3 head_size"), b16).latex == r"\mathbb{R}^{D \times 3D_h}"  # U_qkv, Eq. 5
    assert shape_of(("heads head_size", "hidden"), b16).latex == r"\mathbb{R}^{k \cdot D_h \times D}"  # U_msa, Eq. 8
    assert letters(("hidden",)) == "D"


def test_shapes_are_named_for_reading() -> None:
    mini = ViTConfig.named("Mini/8")
    assert shape_of(("1", "hidden"), mini).named == "1 × hidden 256"
    assert shape_of(("heads head_size", "hidden"), mini).named == "heads·head_size 256 × hidden 256"
    assert shape_of(("hidden", "3 head_size"), mini).named == "hidden 256 × 3·head_size 192"
    assert shape_of(("hidden", "3 hidden"), mini).named == "hidden 256 × 3·hidden 768"
    assert shape_of((), mini).named == "one number"


def test_every_axis_has_a_letter_and_a_size(tiny_config: ViTConfig) -> None:
    assert set(tiny_config.axes) <= set(AXES)
    for axis in AXES:
        assert size_of(axis, tiny_config) > 0
    assert size_of("3 hidden", tiny_config) == 72


REFERENCES = [(stage.name, reference) for stage in STAGES.values() for reference in stage.tensors]


@pytest.mark.parametrize(
    ("stage", "reference"), REFERENCES, ids=[f"{stage}-{r.source}-{r.field}-{r.index}" for stage, r in REFERENCES]
)
def test_the_table_tells_the_truth_about_every_tensor(
    stage: str, reference: TensorRef, tiny_model: VisionTransformer, tiny_trace: ForwardTrace, tiny_block: BlockTrace
) -> None:
    row = describe(tiny_model, tiny_trace, tiny_block, reference, 2)
    _, tensor = find(tiny_model, tiny_trace, tiny_block, reference, 2)
    assert row.sizes == tuple(tensor.shape)
    assert row.bytes == 4 * tensor.numel() and row.dtype == "float32"
    assert row.minimum == tensor.min().item() and row.maximum == tensor.max().item()
    # the mean of up to a thousand numbers in 32 bits is off by less than a thousand roundings of the largest
    largest = max(abs(row.minimum), abs(row.maximum))
    assert row.mean == pytest.approx(tensor.mean().item(), abs=1000 * 2**-24 * largest)
    # what the row says to write in Python gives that tensor
    value = eval(row.name, {"model": tiny_model, "trace": tiny_trace, "block": tiny_block, "patchify": patchify})
    value = torch.stack(value) if isinstance(value, tuple) else value
    assert torch.equal(value, tensor)
    assert row.learnable == value.requires_grad


def test_the_head_reads_its_hidden_layer_if_it_has_one(tiny_config: ViTConfig, tiny_image: Tensor) -> None:
    weight = TensorRef("model", "head.linear.weight", "W_head")
    for size, axes in ((None, ("hidden", "classes")), (11, ("representation", "classes"))):
        model = VisionTransformer(replace(tiny_config, representation_size=size))
        row = describe(model, model.trace(tiny_image), None, weight)
        assert row.axes == axes and row.sizes == (size or 24, 7)


def test_a_tensor_of_a_block_needs_the_block(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    with pytest.raises(ValueError, match=r"attention.query lies inside a layer: give the trace of that block"):
        describe(tiny_model, tiny_trace, None, TensorRef("attention", "query", "q"))
