"""The collapsed ledger: equal blocks in a row, by what ran in them, as one row with how many they are."""

from collections.abc import Sequence
from typing import Any

from explainer.shapes.operations import Operation, Row


def collapsed(operations: Sequence[Operation]) -> tuple[Row, ...]:
    """Rows of a ledger: the outermost level at which parts repeat is the one that collapses."""
    return tuple(_rows(list(operations), 0))


def _rows(operations: list[Operation], depth: int) -> list[Row]:
    parts = _parts(operations, depth)
    rows: list[Row] = []
    place = 0
    while place < len(parts):
        period, repeats = _repetition(parts, place, depth)
        if repeats > 1:
            first = [operation for part in parts[place : place + period] for operation in part]
            last = parts[place + period * repeats - 1][0]
            rows.append(Row(tuple(first), repeats, _range(first[0], last, depth)))
            place += period * repeats
            continue
        part = parts[place]
        if len(part) == 1 or not _has_level(part[0], depth):
            rows += [Row((operation,), 1, operation.module) for operation in part]
        else:
            rows += _rows(part, depth + 1)
        place += 1
    return rows


def _path(operation: Operation) -> list[str]:
    return operation.module.split(".") if operation.module else []


def _has_level(operation: Operation, depth: int) -> bool:
    return len(_path(operation)) > depth


def _parts(operations: list[Operation], depth: int) -> list[list[Operation]]:
    """Operations that follow each other in the same part at this depth; those of the module itself stand alone."""
    parts: list[list[Operation]] = []
    last: str | None = None
    for operation in operations:
        name = _path(operation)[depth] if _has_level(operation, depth) else None
        if name is not None and name == last:
            parts[-1].append(operation)
        else:
            parts.append([operation])
        last = name
    return parts


def _repetition(parts: list[list[Operation]], start: int, depth: int) -> tuple[int, int]:
    """The shortest period from here that repeats, and how often."""
    if not _has_level(parts[start][0], depth):
        return 1, 1
    remaining = len(parts) - start
    for period in range(1, min(4, remaining // 2) + 1):
        pattern = [_structure(part, depth) for part in parts[start : start + period]]
        if any(item is None for item in pattern):
            return 1, 1
        repeats = 1
        while start + (repeats + 1) * period <= len(parts):
            offset = start + repeats * period
            if [_structure(part, depth) for part in parts[offset : offset + period]] != pattern:
                break
            repeats += 1
        names = {_path(parts[start + index][0])[depth] for index in range(period * repeats)}
        if repeats > 1 and len(names) == period * repeats and all(any(c.isdigit() for c in name) for name in names):
            return period, repeats
    return 1, 1


def _structure(part: list[Operation], depth: int) -> tuple[Any, ...] | None:
    if not _has_level(part[0], depth):
        return None
    return tuple(_key(operation, depth) for operation in part)


def _key(operation: Operation, depth: int) -> tuple[Any, ...]:
    return (
        operation.name,
        tuple(_path(operation)[depth + 1 :]),
        operation.module_type,
        operation.arguments,
        tuple(shape.sizes for shape in operation.inputs),
        tuple(shape.sizes for shape in operation.outputs),
        operation.parameters,
        operation.fused,
    )


def _range(first: Operation, last: Operation, depth: int) -> str:
    """``blocks.0–11``."""
    name, end = _path(first)[depth], _path(last)[depth]
    common = 0
    while common < min(len(name), len(end)) and name[common] == end[common] and not name[common].isdigit():
        common += 1
    return ".".join([*_path(first)[:depth], f"{name}–{end[common:]}"])
