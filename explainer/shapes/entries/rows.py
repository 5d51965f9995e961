"""The collapsed ledger: equal blocks in a row, by what ran in them, as one row with how many they are."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from explainer.shapes.entries.operations import Operation, Row

_NUMBER = re.compile(r"\d+")


class _Repetition(NamedTuple):
    """``period`` operations that come ``repeats`` times, each time in modules of the next number."""

    period: int
    repeats: int
    module: str  # "blocks.0–11"


def collapsed(operations: Sequence[Operation]) -> tuple[Row, ...]:
    """Rows of a ledger: from each operation on, the repetition that holds most of what follows.

    Blocks are equal if the same operations ran in them with the same shapes and arguments, in modules of which the
    paths differ by a number. So blocks of one container collapse whatever it is called, a loop over pairs of modules
    with additions between them does, and of blocks that alternate each pair does.
    """
    numbers: dict[Any, int] = {}
    ids = [numbers.setdefault(_structure(operation), len(numbers)) for operation in operations]
    rows: list[Row] = []
    place = 0
    while place < len(operations):
        found = _repetition(operations, ids, place)
        rows.append(Row(tuple(operations[place : place + found.period]), found.repeats, found.module))
        place += found.period * found.repeats
    return tuple(rows)


def _repetition(operations: Sequence[Operation], ids: list[int], start: int) -> _Repetition:
    """The repetition from here that covers most, with the shortest period; the operation alone if nothing repeats."""
    best = _Repetition(1, 1, operations[start].module)
    for period in range(1, (len(ids) - start) // 2 + 1):
        if ids[start + period] != ids[start]:
            continue
        pattern = ids[start : start + period]
        end = start + period
        while ids[end : end + period] == pattern:
            end += period
        repeats = (end - start) // period
        while repeats > 1 and repeats * period > best.period * best.repeats:
            if module := _numbered(operations[start : start + repeats * period], period):
                best = _Repetition(period, repeats, module)
            repeats -= 1
    return best


def _structure(operation: Operation) -> tuple[Any, ...]:
    return (
        operation.name,
        _NUMBER.sub("#", operation.module),
        operation.module_type,
        operation.arguments,
        tuple([shape.sizes for shape in operation.inputs]),
        tuple([shape.sizes for shape in operation.outputs]),
        operation.parameters,
        operation.fused,
    )


def _numbered(operations: Sequence[Operation], period: int) -> str:
    """The numbers that tell the repeated parts apart, ``blocks.0–11``; empty if they are not told apart by numbers."""
    paths = [operation.module.split(".") for operation in operations]
    changing = [place for place in range(period) if paths[place] != paths[place + period]]
    if not changing:
        return ""
    depth = _difference(paths[changing[0]], paths[changing[0] + period])
    seen: set[str] = set()
    for start in range(0, len(paths), period):
        numbers = {paths[start + place][depth] for place in changing}
        if numbers & seen or any(
            start and _difference(paths[place], paths[start + place]) != depth for place in changing
        ):
            return ""
        seen |= numbers
    first, last = paths[changing[0]], paths[len(paths) - period + changing[-1]]
    return ".".join([*first[:depth], f"{first[depth]}–{_NUMBER.findall(last[depth])[-1]}"])


def _difference(path: list[str], other: list[str]) -> int:
    """The first level at which two paths differ; -1 if they do not."""
    return next((level for level, pair in enumerate(zip(path, other, strict=True)) if pair[0] != pair[1]), -1)
