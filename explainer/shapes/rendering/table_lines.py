"""The lines of a ledger's table, for a console and for a page: what each has, and what it had in another ledger."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from explainer.shapes.entries.amounts import bytes_text, count_text
from explainer.shapes.entries.differences import Change, Differences, common_module, inside
from explainer.shapes.entries.ledger import Ledger
from explainer.shapes.entries.operations import Operation, Row, TensorShape

AMOUNTS: dict[str, Callable[[int], str]] = {
    "bytes": bytes_text,
    "parameters": count_text,
    "multiply_adds": count_text,
}


class Amount(NamedTuple):
    """A count of a line, and what it was; None where there is nothing to compare it with."""

    name: str
    now: int
    before: int | None

    @property
    def counts(self) -> list[int]:
        """What it was, if that was another, and what it is."""
        return [self.now] if self.before is None or self.before == self.now else [self.before, self.now]

    def text(self, count: int) -> str:
        """One of the two counts for reading."""
        return AMOUNTS[self.name](count)


@dataclass(frozen=True)
class Line:
    """An operation, by the name that its module has inside of its block."""

    operation: Operation
    module: str
    change: Change | None

    @property
    def before(self) -> Operation | None:
        """The operation as it was; None if it is new, or nothing is compared."""
        return self.change.before if self.change else None

    @property
    def has_moved(self) -> bool:
        """Whether anything of it is another."""
        return self.change is not None and self.change.moved

    @property
    def types(self) -> str:
        """The types of the numbers that it made."""
        return " ".join(dict.fromkeys(shape.dtype for shape in self.operation.outputs))

    @property
    def amounts(self) -> list[Amount]:
        """Its bytes, parameters and multiply-adds."""
        return [
            Amount(name, getattr(self.operation, name), getattr(self.before, name) if self.before else None)
            for name in AMOUNTS
        ]


@dataclass(frozen=True)
class Block:
    """A row of the ledger: equal blocks as one, or an operation by itself."""

    row: Row
    lines: tuple[Line, ...]

    @property
    def is_folded(self) -> bool:
        """Whether it stands for more than one operation."""
        return self.row.repeats > 1 or len(self.lines) > 1

    @property
    def changes(self) -> list[Change]:
        """What is known of its operations in the other ledger."""
        return [line.change for line in self.lines if line.change]

    @property
    def repeats_before(self) -> int:
        """How many equal blocks there were."""
        return self.changes[0].repeats_before if self.changes else self.row.repeats

    @property
    def amounts(self) -> list[Amount]:
        """What all of its blocks have together."""
        pairs = [(change.repeats_before, change.before) for change in self.changes if change.before]
        return [
            Amount(
                name,
                self.row.repeats * sum(getattr(operation, name) for operation in self.row.operations),
                sum(repeats * getattr(before, name) for repeats, before in pairs) if self.changes else None,
            )
            for name in AMOUNTS
        ]


def blocks_of(ledger: Ledger, differences: Differences | None, every: bool) -> Iterator[Block]:
    """The rows of a ledger in order; with ``every``, each operation as a row of its own."""
    changes = differences.before_of if differences else {}
    alone = (Row((operation,), 1, operation.module) for operation in ledger.operations)
    for row in alone if every else ledger.rows():
        prefix = common_module(row) if row.repeats > 1 or len(row.operations) > 1 else ""
        lines = (Line(made, inside(made.module, prefix), changes.get(id(made))) for made in row.operations)
        yield Block(row, tuple(lines))


def gone_from(differences: Differences | None) -> list[Operation]:
    """The operations that the later ledger no longer has."""
    changes = differences.changes if differences else ()
    return [change.before for change in changes if change.after is None and change.before is not None]


def named_inputs(ledger: Ledger) -> list[tuple[str, TensorShape]]:
    """What the model was given, with names: ``input``, ``input 2``."""
    return [
        (shape.name or ("input" if place == 1 else f"input {place}"), shape)
        for place, shape in enumerate(ledger.inputs, 1)
    ]
