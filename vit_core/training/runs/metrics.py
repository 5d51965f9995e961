"""The measurements of a run so far, read while it is being written."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_core.training.runs.files import MOST_BYTES, is_number, is_whole

STEP_NUMBERS = ("step", "loss", "learning_rate", "gradient_norm", "pictures_per_second", "seconds")
MOST_EPOCHS = 10**6
_OF_TRAINING = ("train_loss", "train_top1", "train_batch_mean_top1", "learning_rate", "seconds")
_RECENT = 20  # lines from which the speed is computed

Columns = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Metrics:
    """The lines of a ``metrics.jsonl`` up to some byte: of the steps as columns, of the epochs as they are."""

    steps: Columns = field(default_factory=lambda: MappingProxyType({name: np.empty(0) for name in STEP_NUMBERS}))
    epochs: tuple[Mapping[str, Any], ...] = ()
    file: int = 0  # which file it was: a resumed run writes a new one without the lines after its last save
    end: int = 0  # bytes read, always whole lines
    last_line: bytes = b""
    classes: int = 0  # of the lines of epochs; 0 as long as there is none
    left_out: int = 0  # whole lines that cannot be read

    @property
    def last_step(self) -> int:
        """The last step that any line speaks of."""
        of_epochs = int(self.epochs[-1]["step"]) if self.epochs else 0
        return max(int(self.steps["step"][-1]) if len(self.steps["step"]) else 0, of_epochs)

    def knows(self, *names: str) -> bool:
        """Whether some step has measured each of these."""
        return all(bool(np.isfinite(self.steps[name]).any()) for name in names)

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


def read_metrics(path: Path, before: Metrics | None = None, classes: int = 0) -> Metrics:
    """All whole lines of the file; only what is new is read if ``before`` is what was there. No file has no lines.

    Lines that cannot be read are left out: the last may be half-written, and a machine that lost its power may leave
    a broken one in the middle. So are epochs that were measured over another number of ``classes``, where that is
    known.
    """
    try:
        file = path.open("rb") if path.is_file() else None
    except OSError:  # it was deleted at this moment
        file = None
    if file is None:
        return Metrics()
    with file:
        number = os.fstat(file.fileno()).st_ino
        is_other = before is not None and classes and before.classes not in (0, classes)
        if before is None or is_other or before.file != number or not _is_still_there(file.fileno(), before):
            before = Metrics(file=number, classes=classes)
        file.seek(before.end)
        whole = file.read(max(0, MOST_BYTES - before.end))
    whole = whole[: whole.rfind(b"\n") + 1]
    if not whole:
        return before
    lines = whole.split(b"\n")[:-1]
    last = before.epochs[-1]["epoch"] if before.epochs else -1
    steps, epochs, left_out = _parse(lines, before.classes or classes, last)
    classes = before.classes or (len(epochs[0]["validation"]["predicted"]) if epochs else classes)
    columns = {
        name: np.concatenate([before.steps[name], np.array([_number(step.get(name)) for step in steps])])
        for name in STEP_NUMBERS
    }
    return Metrics(
        MappingProxyType(columns),
        before.epochs + tuple(epochs),
        number,
        before.end + len(whole),
        lines[-1] + b"\n",
        classes,
        before.left_out + left_out,
    )


def seconds_left(metrics: Metrics, facts: Mapping[str, Any]) -> float | None:
    """How long the rest takes at the speed of late, measuring included, or None while that is unknown."""
    total, per_step = facts.get("total_steps"), _seconds_per_step(metrics)
    return None if not isinstance(total, int) or per_step is None else max(0, total - metrics.last_step) * per_step


def _seconds_per_step(metrics: Metrics) -> float | None:
    known = np.isfinite(metrics.steps["seconds"])
    done, seconds = (np.append(0.0, metrics.steps[name][known]) for name in ("step", "seconds"))
    if len(done) < 2:  # steps are written down seldom when there are many: then the epochs tell, without measuring
        trained = [epoch["seconds"] for epoch in metrics.epochs if epoch["seconds"] >= 0]
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


def _parse(lines: list[bytes], classes: int, last_epoch: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    """The records of steps and of epochs, which rise, and how many lines are neither."""
    steps, epochs, left_out = [], [], 0
    for line in filter(None, lines):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):  # also bytes that are no UTF-8
            record = None
        if not isinstance(record, dict) or not is_whole(record.get("step")):
            left_out += 1
        elif "validation" in record:
            if _is_epoch(record, classes) and record["epoch"] > last_epoch:
                last_epoch = record["epoch"]
                classes = classes or len(record["validation"]["predicted"])
                # A number that is missing, or as that of a run that diverged, is not a number.
                numbers = {name: _number(record.get(name)) for name in _OF_TRAINING}
                measured = record["validation"] | {"loss": _number(record["validation"]["loss"])}
                epochs.append(record | numbers | {"validation": measured})
            else:
                left_out += 1
        elif "loss" in record:
            steps.append(record)
            left_out += not is_number(record["loss"])
    return steps, epochs, left_out


def _is_epoch(record: dict[str, Any], classes: int) -> bool:
    """Whether a line tells of an epoch what every page may ask for."""
    measured = record["validation"]
    if not isinstance(measured, dict) or not is_whole(record.get("epoch"), MOST_EPOCHS):
        return False
    predicted: Any = measured.get("predicted")
    if not _are_wholes(predicted, classes or None):
        return False
    table: Any = measured.get("confusion")
    rows = table if isinstance(table, list) and len(table) == len(predicted) else [None]
    shares: list[Any] = [measured.get(name) for name in ("top1", "batch_mean_top1")]
    return (
        all(is_number(share) and 0 <= share <= 1 for share in shares)
        and isinstance(measured.get("loss"), int | float)
        and is_whole(measured.get("pictures"))
        and (table is None or all(_are_wholes(row, len(predicted)) for row in rows))
    )


def _are_wholes(values: Any, count: int | None) -> bool:
    return isinstance(values, list) and len(values) > 0 and count in (None, len(values)) and all(map(is_whole, values))


def _number(value: Any) -> float:
    return float(value) if is_number(value) else float("nan")
