"""Letters of axes, collapsed rows, and what both are worked out from."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from explainer.shapes import Ledger, Operation, TensorShape, config_ledger, ledger
from explainer.shapes.recording.answers import answer
from tests.ledger_models import MODELS, SIZES, built
from vit_core import ViTConfig, count_parameters

VITS = ["ours", "torchvision", "timm", "hugging face"]


def shapes_of(said: Ledger) -> Iterator[TensorShape]:
    for operation in said.operations:
        yield from (*operation.inputs, *operation.outputs)
    yield from (*said.inputs, *said.outputs)


def values(config: ViTConfig, batch: int) -> dict[str, int]:
    """The paper's letters in numbers, written down independently of how they are found."""
    patches = (config.image_size // config.patch_size) ** 2
    side = config.image_size // config.patch_size
    return {
        "B": batch,
        "C": config.num_channels,
        "H": config.image_size,
        "W": config.image_size,
        "P": config.patch_size,
        "H/P": side,
        "W/P": side,
        "N": patches,
        "N+1": patches + 1,
        "D": config.hidden_size,
        "3D": 3 * config.hidden_size,
        "k": config.num_heads,
        "D_h": config.hidden_size // config.num_heads,
        "D_MLP": config.mlp_size,
        "K": config.num_classes,
        "D_rep": config.representation_size or 0,
        "B·k": batch * config.num_heads,
        "B·(N+1)": batch * (patches + 1),
    }


# Sizes of which many are equal: letters that were guessed from numbers would be mixed up.
EQUAL = ViTConfig(
    image_size=16, patch_size=4, num_channels=4, num_layers=2, hidden_size=16, mlp_size=16, num_heads=4, num_classes=17
)


@pytest.mark.parametrize("config", [SIZES, EQUAL, ViTConfig.named("B/16"), ViTConfig(representation_size=768)])
@pytest.mark.parametrize("batch", [1, 4])
def test_every_letter_has_its_size(config: ViTConfig, batch: int) -> None:
    said = config_ledger(config, batch)
    known = values(config, batch)
    for shape in shapes_of(said):
        assert shape.axes is not None and len(shape.axes) == len(shape.sizes)
        for axis, size in zip(shape.axes, shape.sizes, strict=True):
            assert (int(axis) if axis.isdigit() else known[axis]) == size, shape
            assert not axis.isdigit() or int(axis) in (1, 3)  # one, and q, k, v


def test_letters_are_the_same_whatever_the_sizes() -> None:
    """Also where everything is equal to something else, and where B, k or a layer is 1."""
    one = ViTConfig(
        image_size=4, patch_size=4, num_channels=1, num_layers=2, hidden_size=8, mlp_size=8, num_heads=2, num_classes=1
    )
    plain = ViTConfig(num_layers=2)
    letters = [shape.axes for shape in shapes_of(config_ledger(plain, 3))]
    for config in (EQUAL, one):
        assert [shape.axes for shape in shapes_of(config_ledger(config, 1))] == letters


def by_name(said: Ledger, name: str) -> list[Operation]:
    return [operation for operation in said.operations if operation.name == name]


def test_the_papers_shapes() -> None:
    said = config_ledger(ViTConfig.named("B/16"), 2)
    assert said.inputs[0].axes == ("B", "C", "H", "W")
    assert by_name(said, "conv2d")[0].inputs[1].axes == ("D", "C", "P", "P")
    assert by_name(said, "cat")[0].outputs[0].axes == ("B", "N+1", "D")
    assert by_name(said, "softmax")[0].outputs[0].axes == ("B", "k", "N+1", "N+1")
    assert by_name(said, "unbind")[0].outputs[0].axes == ("B", "k", "N+1", "D_h")
    assert by_name(said, "gelu")[0].outputs[0].axes == ("B", "N+1", "D_MLP")
    assert said.outputs[0].axes == ("B", "K")


@pytest.mark.parametrize("name", VITS)
def test_other_families_get_the_same_letters(name: str) -> None:
    """Proved by one of theirs in other sizes."""
    model, picture = built(name)
    said = ledger(model, picture)
    known = values(SIZES, len(picture))
    for shape in shapes_of(said):
        assert shape.axes is not None
        for axis, size in zip(shape.axes, shape.sizes, strict=True):
            assert (int(axis) if axis.isdigit() else known[axis]) == size
    attention = "softmax" if name == "ours" else "scores"
    assert {operation.outputs[0].axes for operation in by_name(said, attention)} == {("B", "k", "N+1", "N+1")}
    assert said.outputs[0].axes == ("B", "K")


@pytest.mark.parametrize("name", ["einops", "swin"])
def test_of_a_strange_model_only_the_batch_has_a_letter(name: str) -> None:
    model, picture = built(name)
    said, larger = ledger(model, picture), ledger(model, torch.zeros(5, *picture.shape[1:]))
    letters = {axis for shape in shapes_of(said) for axis in shape.axes or () if not axis.isdigit()}
    assert letters <= {"B", "64B", "16B", "4B"} and "B" in letters
    # What is called B, or 64 times B, is so for five pictures as well.
    for shape, other in zip(shapes_of(said), shapes_of(larger), strict=True):
        for axis, size, then in zip(shape.axes or (), shape.sizes, other.sizes, strict=True):
            times = axis.rstrip("B") or "1"
            assert (size, then) == ((2 * int(times), 5 * int(times)) if axis.endswith("B") else (int(axis), size))


def test_tokens_alone_are_not_called_a_batch() -> None:
    """[5, 8] may be five tokens as well as five pictures."""
    assert all(shape.axes is None for shape in shapes_of(ledger(nn.Linear(8, 3), (5, 8))))


def test_equal_blocks_become_one_row() -> None:
    for name, prefix in {
        "ours": "blocks.0–2",
        "timm": "blocks.0–2",
        "torchvision": "encoder.layers.encoder_layer_0–2",
        "hugging face": "vit.layers.0–2",
        "einops": "layers.0–2",
    }.items():
        said = ledger(*built(name))
        repeated = [row for row in said.rows() if row.repeats > 1]
        assert [(row.repeats, row.module) for row in repeated] == [(3, prefix)], name


@pytest.mark.parametrize("name", MODELS)
def test_rows_hold_every_operation(name: str) -> None:
    said = ledger(*built(name))
    unfolded = [operation for row in said.rows() for _ in range(row.repeats) for operation in row.operations]
    plain = [(each.name, each.outputs, each.multiply_adds, each.parameters) for each in unfolded]
    assert plain == [(each.name, each.outputs, each.multiply_adds, each.parameters) for each in said.operations]


def test_swins_blocks_come_in_pairs_of_which_the_second_is_shifted() -> None:
    rows = [row for row in ledger(*built("swin")).rows() if row.repeats > 1]
    assert [(row.module, row.repeats) for row in rows] == [("features.3.0–5", 3), ("features.5.0–1", 2)]
    assert [operation.name for operation in rows[0].operations].count("roll") == 2  # there and back, in every second
    assert {operation.module.split(".")[2] for operation in rows[0].operations} == {"0", "1"}


BIG = [
    ViTConfig.named("H/14"),
    # ViT-22B's sizes (arXiv 2302.05442, Table 1).
    ViTConfig(patch_size=14, num_layers=48, hidden_size=6144, mlp_size=24_576, num_heads=48),
]


def test_big_models_take_neither_time_nor_memory() -> None:
    """In a process of its own, whose memory is nobody else's: 22 billion numbers would be 87 GB."""
    script = f"""
import resource, time
from explainer.shapes import config_ledger
from vit_core import ViTConfig
config_ledger(ViTConfig.named("Mini/8"))
for config in {BIG!r}:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    parameters = config_ledger(config).parameters
    print(parameters, time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=root)
    for config, line in zip(BIG, done.stdout.splitlines(), strict=True):
        parameters, seconds, kilobytes = line.split()
        assert int(parameters) == count_parameters(config)["total"] > 5e8
        assert float(seconds) < 1  # of the processor; measured: 0.11 and 0.29
        assert int(kilobytes) < 100_000  # measured: 4 MB each


def meta(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


def layouts() -> Iterator[Tensor]:
    """One shape, [2, 3, 4, 6], in many layouts."""
    yield meta(2, 3, 4, 6)
    yield meta(2, 4, 3, 6).transpose(1, 2)
    yield meta(6, 4, 3, 2).permute(3, 2, 1, 0)
    yield meta(2, 4, 3, 3, 6).permute(2, 0, 3, 1, 4)[0]
    yield meta(1, 3, 1, 6).expand(2, 3, 4, 6)
    yield meta(2, 3, 8, 6)[:, :, ::2]


def agree(function: object, *args: object, **kwargs: object) -> bool:
    """Whether our answer is torch's; True also where we leave it to torch."""
    ours = answer(function, args, kwargs)
    if ours is None:
        return True
    theirs = function(*args, **kwargs)  # type: ignore[operator]
    assert (ours.shape, ours.dtype, ours.device) == (theirs.shape, theirs.dtype, theirs.device)
    # The stride of an axis of size 1 means nothing, and torch does not always choose the same.
    strides = [
        [stride for stride, size in zip(each.stride(), each.shape, strict=True) if size > 1] for each in (ours, theirs)
    ]
    assert strides[0] == strides[1]
    return True


def test_our_own_answers_are_torchs() -> None:
    """Those given without asking, in every layout, also against the real kernels in ``test_meta_says_the_same``."""
    others = [meta(), meta(6), meta(4, 6), meta(3, 1, 1), meta(1, 1, 1, 1), meta(4, 6).expand(3, 4, 6)]
    for x in layouts():
        for function in (functional.gelu, functional.relu, functional.silu, torch.tanh, Tensor.sigmoid):
            assert agree(function, x)
        for function in (torch.add, Tensor.__mul__, Tensor.__truediv__, Tensor.sub):
            for other in (*others, *layouts()):
                assert agree(function, x, other)
                assert agree(function, other, x)
            assert agree(function, x, 2) and agree(function, x, 0.5)
        assert agree(functional.layer_norm, x, (6,), meta(6), meta(6), eps=1e-6)
        assert agree(functional.layer_norm, x, (4, 6))
        assert agree(functional.linear, x, meta(5, 6), meta(5))
        assert agree(functional.linear, x, meta(6, 5).T)
        for other in layouts():
            for dim in (0, 1, -1):
                assert agree(torch.cat, [x, other, x], dim)
                assert agree(torch.cat, [x[0], other[0]], dim=dim)


def test_our_answer_for_attention_lies_in_memory_as_the_real_one() -> None:
    """Not as that of meta, which takes another way: ``view`` after it would fail there and not here."""
    generator = torch.Generator().manual_seed(0)
    plain = torch.randn(2, 3, 4, 6, generator=generator)
    joined = torch.randn(2, 4, 3, 3, 6, generator=generator).permute(2, 0, 3, 1, 4)
    for query, key, value in ((plain, plain, plain), tuple(joined), (plain, joined[1], joined[2])):
        for mask in (None, torch.zeros(4, 4), torch.zeros(2, 1, 1, 4, dtype=torch.bool)):
            real = functional.scaled_dot_product_attention(query, key, value, mask)
            given = [None if each is None else each.to("meta") for each in (query, key, value, mask)]
            ours = answer(functional.scaled_dot_product_attention, tuple(given), {})
            assert ours is not None and (ours.shape, ours.stride()) == (real.shape, real.stride())


def test_what_does_not_fit_is_left_to_torch() -> None:
    x = meta(2, 3, 4)
    wrong = [
        (functional.linear, (x, meta(5, 6))),
        (functional.linear, (x, meta(5, 4), meta(6))),
        (functional.layer_norm, (x, (5,))),
        (functional.layer_norm, (x, (4,), meta(5))),
        (torch.add, (x, meta(5))),
        (torch.cat, ([x, meta(2, 5, 5)], 1)),
        (torch.cat, ([x], 3)),
        (functional.scaled_dot_product_attention, (meta(1, 2, 3, 4), meta(1, 2, 3, 5), meta(1, 2, 3, 5))),
    ]
    for function, args in wrong:
        assert answer(function, args, {}) is None
        with pytest.raises((RuntimeError, IndexError)):
            function(*args)
