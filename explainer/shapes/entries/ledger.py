"""A ledger: every operation of one forward pass in order, with its shapes, and where it stopped if it broke."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from explainer.shapes.entries.operations import Failure, Operation, Row, TensorShape
from explainer.shapes.entries.rows import collapsed


@dataclass(frozen=True)
class Subject:
    """What was run, to try a repair on: the model, or what builds it, and what it was given."""

    model: Callable[..., Any]  # an nn.Module, or a callable without arguments that makes one
    arguments: tuple[Any, ...] = ()
    named: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ledger:
    """What happened between an input and an output."""

    title: str  # of the model: its class, or "B/16"
    inputs: tuple[TensorShape, ...]
    operations: tuple[Operation, ...]
    outputs: tuple[TensorShape, ...]  # empty if it broke
    device: str  # "meta" or "cpu"
    failure: Failure | None = None
    unused: tuple[TensorShape, ...] = ()  # parameters that no operation read
    other_batch: Failure | None = None  # where it breaks with one picture more, although it ran with these
    subject: Subject | None = field(default=None, compare=False, repr=False)  # for the diagnosis

    @cached_property
    def parameters(self) -> int:
        """Numbers that are learned, each counted once."""
        return sum(operation.parameters for operation in self.operations)

    @cached_property
    def multiply_adds(self) -> int:
        """Of the whole pass."""
        return sum(operation.multiply_adds for operation in self.operations)

    def __repr__(self) -> str:
        """A table as wide as the console."""
        return _SHOWN_AS["text"](self)

    def _repr_html_(self) -> str:
        """What a notebook shows: blocks unfold on a click."""
        return _SHOWN_AS["html"](self)

    def rows(self) -> tuple[Row, ...]:
        """The operations in order, equal blocks in a row as one."""
        return self._rows

    @cached_property
    def _rows(self) -> tuple[Row, ...]:
        return collapsed(self.operations)


# How a ledger shows itself in a console and in a notebook. The renderers read ledgers, so a ledger cannot import them:
# ``explainer.shapes`` puts them here.
_SHOWN_AS: dict[str, Callable[[Ledger], str]] = {}


def show_ledgers_with(*, text: Callable[[Ledger], str], html: Callable[[Ledger], str]) -> None:
    """Set what ``repr`` of a ledger and a notebook show."""
    _SHOWN_AS.update(text=text, html=html)
