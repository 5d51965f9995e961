"""What a ledger says of models that break: where, with which shapes, in whose words."""

import inspect
from typing import Any

import pytest
import torch
from einops import rearrange
from torch import Tensor, nn

from explainer.shapes import Failure, ledger

PICTURE = (1, 3, 16, 16)
DEVICES = pytest.mark.parametrize("device", [None, "meta"])


class Base(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, 4)
        self.head = nn.Linear(8, 3)

    def tokens(self, x: Tensor) -> Tensor:
        return self.patches(x).flatten(2).transpose(1, 2)


class LastAxis(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.tokens(x).transpose(1, 2))  # broken


class Einops(Base):
    def forward(self, x: Tensor) -> Tensor:
        return rearrange(self.patches(x), "b (h d) n -> b h n d", h=2)  # broken


class Positions(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.tokens(x) + torch.zeros(1, 9, 8)  # broken


class Asserts(Base):
    def forward(self, x: Tensor) -> Tensor:
        assert x.shape[1] == 1, f"grey pictures only, got {x.shape[1]} channels"  # broken
        return x


class Attributes(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.tokens(x).shape[7]  # broken


class Attention(Base):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(12, 2)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.tokens(x)
        return self.attention(tokens, tokens, tokens)[0]  # broken


class Endless(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.forward(x)  # broken


class Tries(Base):
    """Handles one error itself, and breaks at another."""

    def forward(self, x: Tensor) -> Tensor:
        try:
            self.head(x)
        except RuntimeError:
            x = self.tokens(x)
        raise KeyError("classes")  # broken


EXPECTED: dict[type[Base], tuple[str, str, str, list[tuple[int, ...]], str]] = {
    # operation, its module, type of the error, shapes of the tensors, a part of the message
    LastAxis: ("linear", "head", "RuntimeError", [(1, 8, 16), (3, 8), (3,)], "cannot be multiplied (8x16 and 8x3)"),
    Einops: ("rearrange", "", "EinopsError", [(1, 8, 4, 4)], "b (h d) n -> b h n d"),
    Positions: ("add", "", "RuntimeError", [(1, 16, 8), (1, 9, 8)], "size of tensor a (16) must match"),
    Asserts: ("", "", "AssertionError", [], "grey pictures only, got 3 channels"),
    Attributes: ("", "", "IndexError", [], "index out of range"),
    Attention: (
        "multi_head_attention_forward",
        "attention",
        "AssertionError",
        [(1, 16, 8)],
        "was expecting embedding dimension of 12, but got 8",
    ),
    Endless: ("", "", "RecursionError", [], "maximum recursion depth"),
    Tries: ("", "", "KeyError", [], "classes"),
}


@DEVICES
@pytest.mark.parametrize("kind", EXPECTED, ids=lambda kind: kind.__name__)
def test_the_failure_says_what_and_where(kind: type[Base], device: str | None) -> None:
    operation, module, error, shapes, message = EXPECTED[kind]
    said = ledger(kind(), PICTURE, device=device)
    failure = said.failure
    assert isinstance(failure, Failure)
    assert (failure.operation, failure.module, failure.error) == (operation, module, error)
    assert [each.sizes for each in failure.inputs][: len(shapes)] == shapes
    assert message in failure.message
    assert failure.advice == ""
    assert failure.line is not None
    source, first = inspect.getsourcelines(kind.forward)
    broken = next(index for index, text in enumerate(source) if "# broken" in text)
    assert (failure.line.number, failure.line.text) == (first + broken, source[broken].strip())
    assert failure.line.function == f"{kind.__name__}.forward"
    assert said.outputs == ()


@DEVICES
def test_what_ran_before_is_kept(device: str | None) -> None:
    said = ledger(LastAxis(), PICTURE, device=device)
    assert [operation.name for operation in said.operations] == ["conv2d", "flatten", "transpose", "transpose"]


def test_parameters_of_a_failed_operation_have_their_names() -> None:
    failure = ledger(LastAxis(), PICTURE).failure
    assert failure and [each.name for each in failure.inputs] == ["", "head.weight", "head.bias"]


@DEVICES
def test_errors_of_the_constructor_are_recorded(device: str | None) -> None:
    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(10, 3)  # broken

    said = ledger(Heads, PICTURE, device=device, title="mine")
    assert (said.title, said.operations) == ("mine", ())
    assert said.failure and said.failure.error == "AssertionError"
    assert said.failure.line and said.failure.line.text.endswith("# broken")
    assert said.subject and said.subject.model is Heads and said.subject.arguments[0].shape == PICTURE


@DEVICES
def test_a_builder_builds(device: str | None) -> None:
    said = ledger(lambda: nn.Sequential(nn.Flatten(), nn.Linear(768, 5)), PICTURE, device=device)
    assert said.failure is None and said.outputs[0].sizes == (1, 5)


def test_a_constructor_that_computes_with_tensors_is_built_where_it_can() -> None:
    """As many models do with ``[x.item() for x in torch.linspace(0, rate, depth)]``."""

    class Rates(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rates = [rate.item() for rate in torch.linspace(0, 0.1, 3)]
            self.head = nn.Linear(16, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(x) * self.rates[1]

    said = ledger(Rates, PICTURE, device="meta")
    assert said.failure is None
    assert [each.name for each in said.operations] == ["linear", "mul"]


class Looks(nn.Module):
    """Asks for numbers, each time in another way."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Tensor) -> Any:
        total = x.sum()
        if self.how == "bool":
            return x if total > 0 else -x
        if self.how == "item":
            return x[: int(total.item())]
        if self.how == "mask":
            return x[x > 0]
        if self.how == "nonzero":
            return x.nonzero()
        return x.tolist()


@pytest.mark.parametrize("how", ["bool", "item", "mask", "nonzero", "list"])
def test_a_model_that_needs_numbers_says_so_on_meta(how: str) -> None:
    meta, real = ledger(Looks(how), (2, 3), device="meta"), ledger(Looks(how), (2, 3))
    assert real.failure is None
    assert meta.failure and "make its ledger with real tensors" in meta.failure.advice
    assert meta.operations == real.operations[: len(meta.operations)] and meta.operations


def test_an_interrupt_is_not_swallowed() -> None:
    class Interrupted(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ledger(Interrupted(), PICTURE)
    # The mode is gone: what follows is not recorded, and runs as ever.
    assert torch.zeros(2).device.type == "cpu"


class ClassToken(Base):
    """Runs with one picture alone."""

    def __init__(self) -> None:
        super().__init__()
        self.class_token = nn.Parameter(torch.zeros(1, 1, 8))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.cat([self.class_token, self.tokens(x)], dim=1)[:, 0])


@DEVICES
def test_what_breaks_with_another_batch_is_told(device: str | None) -> None:
    said = ledger(ClassToken(), PICTURE, device=device)
    assert said.failure is None and said.outputs[0].sizes == (1, 3)
    assert said.other_batch and said.other_batch.operation == "cat"
    assert [each.sizes for each in said.other_batch.inputs] == [(1, 1, 8), (2, 16, 8)]
    assert said.other_batch.line and "torch.cat" in said.other_batch.line.text
