"""What a run has measured so far, read while it is being written."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

STEP_NUMBERS = ("step", "loss", "learning_rate", "gradient_norm", "pictures_per_second", "seconds")
_RECENT = 20  # lines from which the speed is told

Columns = Mapping[str, NDArray[np.float64]]


def _no_steps() -> Columns:
    return MappingProxyType({name: np.empty(0) for name in STEP_NUMBERS})


@dataclass(frozen=True, eq=False)
class Metrics:
    """The lines of a ``metrics.jsonl`` up to some byte: of the steps as columns, of the epochs as they are."""

    steps: Columns = field(default_factory=_no_steps)
    epochs: tuple[Mapping[str, Any], ...] = ()
    file: int = 0  # which file it was: a resumed run writes a new one without the lines after its last save
    end: int = 0  # bytes read, always whole lines
    last_line: bytes = b""

    @property
    def last_step(self) -> int:
        """The last step that any line speaks of."""
        of_epochs = int(self.epochs[-1]["step"]) if self.epochs else 0
        return max(int(self.steps["step"][-1]) if len(self.steps["step"]) else 0, of_epochs)

    @property
    def pictures_per_second(self) -> float | None:
        """The speed lately."""
        recent = self.steps["pictures_per_second"][-_RECENT:]
        recent = recent[np.isfinite(recent) & (recent > 0)]
        return float(1 / np.mean(1 / recent)) if len(recent) else None  # as many pictures each: the times add up

    @property
    def nbytes(self) -> int:
        """About how much memory this takes."""
        cells = sum(np.size(epoch["validation"].get("confusion") or ()) for epoch in self.epochs)
        return sum(column.nbytes for column in self.steps.values()) + 4096 * (1 + len(self.epochs)) + 40 * int(cells)


def read_metrics(path: Path, before: Metrics | None = None) -> Metrics:
    """All whole lines of the file; only what is new is read if ``before`` is what was there. No file has no lines.

    Lines that cannot be read are left out: the last may be half-written, and a machine that lost its power may leave
    a broken one in the middle.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return Metrics()
    with file:
        number = os.fstat(file.fileno()).st_ino
        if before is None or before.file != number or not _is_still_there(file.fileno(), before):
            before = Metrics(file=number)
        file.seek(before.end)
        whole = file.read()
    whole = whole[: whole.rfind(b"\n") + 1]
    if not whole:
        return before
    lines = whole.splitlines(keepends=True)
    steps, epochs = _parse(lines)
    columns = {
        name: np.concatenate([before.steps[name], np.array([_number(step.get(name)) for step in steps])])
        for name in STEP_NUMBERS
    }
    return Metrics(
        MappingProxyType(columns), before.epochs + tuple(epochs), number, before.end + len(whole), lines[-1]
    )


def read_records(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The lines of the steps and those of the epochs, as they were written."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return [], []
    return _parse(data.splitlines(keepends=True))


def seconds_left(metrics: Metrics, facts: Mapping[str, Any]) -> float | None:
    """How long the rest takes at the speed of late, measuring included, or None before that can be told."""
    total, per_step = facts.get("total_steps"), _seconds_per_step(metrics)
    return None if not isinstance(total, int) or per_step is None else max(0, total - metrics.last_step) * per_step


def _seconds_per_step(metrics: Metrics) -> float | None:
    known = np.isfinite(metrics.steps["seconds"])
    done, seconds = (np.append(0.0, metrics.steps[name][known]) for name in ("step", "seconds"))
    if len(done) < 2:  # steps are written down seldom when there are many: then the epochs tell, without measuring
        trained = [epoch["seconds"] for epoch in metrics.epochs if "seconds" in epoch]
        return sum(trained) / metrics.last_step if trained and metrics.last_step else None
    # The last epochs' steps, so that the time for measuring them counts as often as it comes.
    begun = int(np.searchsorted(done, metrics.epochs[-3:][0]["step"])) if metrics.epochs else len(done)
    first = max(0, min(begun, len(done) - 1 - _RECENT))
    steps, took = done[-1] - done[first], seconds[-1] - seconds[first]
    return float(took / steps) if steps > 0 and took > 0 else None


def _is_still_there(descriptor: int, before: Metrics) -> bool:
    """Whether the file still holds what was read last, where it was."""
    start = before.end - len(before.last_line)
    return os.pread(descriptor, len(before.last_line), start) == before.last_line


def _parse(lines: list[bytes]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    steps, epochs = [], []
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:  # also bytes that are no UTF-8
            continue
        if not isinstance(record, dict) or not isinstance(record.get("step"), int):
            continue
        if isinstance(record.get("validation"), dict) and isinstance(record.get("epoch"), int):
            epochs.append(record)
        elif "loss" in record:
            steps.append(record)
    return steps, epochs


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
