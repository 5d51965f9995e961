"""Two ledgers side by side: what moved from one to the other, operation by operation and in all."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import takewhile
from math import log

from explainer.shapes.entries.amounts import bytes_text, count_text
from explainer.shapes.entries.ledger import Ledger
from explainer.shapes.entries.operations import Operation, Row


@dataclass(frozen=True)
class Change:
    """An operation before and after; None on the side that does not have it."""

    before: Operation | None
    after: Operation | None
    repeats_before: int  # how many equal blocks it stands for
    repeats_after: int

    @property
    def moved(self) -> bool:
        """Whether anything that the ledger shows of it is another."""
        return self.repeats_before != self.repeats_after or _shown(self.before) != _shown(self.after)


@dataclass(frozen=True)
class Total:
    """One number of the whole pass, before and after."""

    name: str
    before: int
    after: int
    is_bytes: bool = False

    @property
    def factor(self) -> float | None:
        """How many times as much; None where there was nothing before, or is nothing now."""
        return self.after / self.before if self.before and self.after else None

    @property
    def size(self) -> float:
        """How large the change is: the same for twice as much and half as much."""
        return 0.0 if self.before == self.after else abs(log(self.factor)) if self.factor else float("inf")

    @property
    def factor_text(self) -> str:
        """By how much it has changed: ``× 3.94``."""
        if self.factor is None:
            return "new" if self.after else "gone"
        if self.factor >= 1000:
            return f"× {self.factor:,.0f}"
        return f"× {self.factor:.4g}" if 0.95 < self.factor < 1.05 else f"× {self.factor:.3g}"

    def text(self, count: int) -> str:
        """One of the two for reading: ``17.6 G``, ``1.42 MB``."""
        return bytes_text(count) if self.is_bytes else count_text(count)


@dataclass(frozen=True)
class Differences:
    """What moved between two ledgers."""

    changes: tuple[Change, ...]  # every operation of both, in order; those of equal blocks once
    totals: tuple[Total, ...]

    @property
    def moved(self) -> tuple[Change, ...]:
        """The operations that are not as they were."""
        return tuple(change for change in self.changes if change.moved)

    @cached_property
    def before_of(self) -> dict[int, Change]:
        """The change of every operation of the later ledger, by the operation's ``id``."""
        return {id(change.after): change for change in self.changes if change.after is not None}

    @property
    def sentence(self) -> str:
        """The largest consequences, in the numbers of the two ledgers."""
        moved = sorted((total for total in self.totals if total.size), key=lambda total: -total.size)
        still = [total.name for total in self.totals if not total.size]
        if not moved:
            return "Nothing has moved." if not self.moved else "Single operations have moved, no total has."
        texts = [
            f"{total.name} {total.factor_text} ({total.text(total.before)} → {total.text(total.after)})"
            for total in moved[:4]
        ]
        text = "; ".join(texts)
        return f"{text[0].upper()}{text[1:]}" + (f". As before: {', '.join(still)}." if still else ".")


def differences(before: Ledger, after: Ledger) -> Differences:
    """What moved from ``before`` to ``after``; the ledgers may be of any two models."""
    old, new = list(_entries(before)), list(_entries(after))
    matcher = SequenceMatcher(None, [key for key, _, _ in old], [key for key, _, _ in new], autojunk=False)
    changes: list[Change] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            pairs = zip(old[i1:i2], new[j1:j2], strict=True)
            changes += [Change(a, b, times_a, times_b) for (_, a, times_a), (_, b, times_b) in pairs]
        else:
            changes += [Change(a, None, times, 0) for _, a, times in old[i1:i2]]
            changes += [Change(None, b, 0, times) for _, b, times in new[j1:j2]]
    return Differences(tuple(changes), _totals(before, after))


def _entries(ledger: Ledger) -> Iterator[tuple[tuple[str, str], Operation, int]]:
    """Every operation of the collapsed ledger, with what it is known by in another ledger: its name and place."""
    for row in ledger.rows():
        for operation in row.operations:
            yield (operation.name, re.sub(r"\d+", "#", operation.module)), operation, row.repeats


def _shown(operation: Operation | None) -> tuple[object, ...] | None:
    if operation is None:
        return None
    shapes = tuple((shape.sizes, shape.dtype) for shape in operation.outputs)
    return (shapes, operation.bytes, operation.parameters, operation.multiply_adds)


def _totals(before: Ledger, after: Ledger) -> tuple[Total, ...]:
    tokens = Total("tokens", tokens_of(before), tokens_of(after))
    return (
        *((tokens,) if tokens.before and tokens.after else ()),
        Total("multiply-adds", before.multiply_adds, after.multiply_adds),
        Total("parameters", before.parameters, after.parameters),
        Total("attention weights", attention_bytes(before), attention_bytes(after), is_bytes=True),
        Total("outputs of all operations", output_bytes(before), output_bytes(after), is_bytes=True),
        Total("largest tensor", largest_bytes(before), largest_bytes(after), is_bytes=True),
    )


def tokens_of(ledger: Ledger) -> int:
    """N + 1, read from the named axes of the ledger; 0 where it has no such axis."""
    for operation in ledger.operations:
        for shape in operation.outputs:
            if shape.axes and "N+1" in shape.axes:
                return shape.sizes[shape.axes.index("N+1")]
    return 0


def attention_bytes(ledger: Ledger) -> int:
    """Of the attention weights of all layers: what comes out of a softmax."""
    return sum(operation.bytes for operation in ledger.operations if operation.name == "softmax")


def output_bytes(ledger: Ledger) -> int:
    """Of everything that was computed, whether or not it is needed at the same time."""
    return sum(operation.bytes for operation in ledger.operations)


def largest_bytes(ledger: Ledger) -> int:
    """Of the operation whose output is largest."""
    return max((operation.bytes for operation in ledger.operations), default=0)


def common_module(row: Row) -> str:
    """The part of the names that all operations of a block begin with: ``blocks.0``."""
    levels = zip(*(operation.module.split(".") for operation in row.operations), strict=False)
    return ".".join(names[0] for names in takewhile(lambda names: len(set(names)) == 1, levels))


def inside(module: str, prefix: str) -> str:
    """A module's name as it is called inside of another."""
    return module.removeprefix(prefix).removeprefix(".") if prefix else module
