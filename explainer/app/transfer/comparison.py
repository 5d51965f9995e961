"""Two runs that differ in one thing: one starts from trained weights, the other, of the same sizes, from scratch.

They are ordinary runs that share a number, ``transfer-3`` and ``scratch-3``. Where the machine bears only one run at a
time the second is started when the first has ended, by a thread of this process; if the process ends before, the page
offers to start it.
"""

import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explainer.app.checkpoints import find, is_of_a_file, is_of_a_run
from explainer.course.model_parts import preset_of
from explainer.course.recipes import Choice
from explainer.views.course.transfer import SCRATCH, TRANSFER
from vit_core.training.runs.control import MOST_AT_ONCE, start_run
from vit_core.training.runs.listing import all_runs, list_runs, runs_folder
from vit_core.training.runs.run import Run

FREEZES = {"only the head": "all-but-head", "the whole model": "none"}
# For a new head alone, where everything else stays: ten times the rate at which the whole model would learn. On the
# course's 225 images, ten epochs, the embedded model and three seeds it had 59.3 of 75 right on average, as many as
# the whole model at 0.0003 with layers decayed by 0.75 (57.7) within the spread of the seeds.
HEAD_RATE = 3e-3
_NAMES = {TRANSFER: "transfer", SCRATCH: "scratch"}  # the first words of the runs' names
_LOOK_AGAIN = 1.0  # seconds
_PATIENCE = 3600.0  # seconds after which a second run that finds no room is not started any more

Plan = Mapping[str, Choice]  # of TRANSFER and of SCRATCH

_waiting: set[int] = set()  # comparisons whose second run will be started
_lock = threading.Lock()


@dataclass(frozen=True)
class Comparison:
    """The two runs of one number, as far as they are here."""

    number: int
    runs: Mapping[str, Run]

    @property
    def is_alive(self) -> bool:
        """Whether one of them is being trained or will be started."""
        return self.number in _waiting or any(run.is_alive for run in self.runs.values())

    @property
    def missing(self) -> tuple[str, ...]:
        """Which was never started and will not be by itself."""
        return () if self.number in _waiting else tuple(name for name in (TRANSFER, SCRATCH) if name not in self.runs)


def plan_of(
    weights: str,
    freeze: str,
    epochs: int,
    image_size: int | None = None,
    learning_rate: float | None = None,
    seed: int = 0,
) -> Plan:
    """The recipes for these weights: the small model's own, or the course's for its size.

    Raises:
        LookupError: if there are no such weights.
        ValueError: if these sizes cannot be trained from scratch, or a value is impossible.
    """
    checkpoint = find(weights)
    preset = preset_of(checkpoint.config)
    is_small = checkpoint.config.hidden_size < 384
    recipes = ("transfer-small", "scratch-small") if is_small else ("course-feature-extractor", "course")
    size = checkpoint.config.image_size if image_size is None else image_size
    common: dict[str, Any] = {"epochs": epochs, "seed": seed, "image_size": size}
    transfer: dict[str, Any] = common | {
        "weights": str(checkpoint.path) if is_of_a_run(weights) or is_of_a_file(weights) else weights,
        "freeze": freeze,
    }
    if is_small and freeze == "all-but-head":
        transfer["learning_rate"] = HEAD_RATE
    if learning_rate is not None:
        transfer["learning_rate"] = learning_rate
    return {
        which: Choice.of(name, values)
        for which, name, values in zip(_NAMES, recipes, (transfer, common | {"model": preset}), strict=True)
    }


def list_comparisons() -> dict[int, Comparison]:
    """All comparisons, the newest first; 0 is the example."""
    found: dict[int, dict[str, Run]] = {}
    for run in all_runs():
        for which, name in _NAMES.items():
            if number := re.fullmatch(rf"{name}-(\d{{1,6}})", run.name):
                found.setdefault(int(number[1]), {})[which] = run
    return {number: Comparison(number, runs) for number, runs in found.items() if TRANSFER in runs}


def start(plan: Plan, data: Path, held_out: int = 10) -> int:
    """Start the transfer, and the run from scratch as soon as there is room; the comparison's number.

    ``held_out`` is the number of images of each class that are measured on, where the data has no test split.

    Raises:
        ValueError, OSError: as ``start_run``; one sentence.
    """
    with _lock:
        taken = {path.name.casefold() for path in runs_folder().glob("*")}
        number = 1
        while {f"transfer-{number}", f"scratch-{number}"} & taken or number in _waiting:
            number += 1
        _start(number, TRANSFER, plan, [data], held_out)
        _waiting.add(number)
    second = (number, plan, data, held_out)
    threading.Thread(target=_start_second, args=second, name=f"scratch-{number}", daemon=True).start()
    return number


def start_missing(comparison: Comparison) -> None:
    """Start the run from scratch that was never started, from the record in the transfer's folder.

    Raises:
        ValueError, OSError: as ``start_run``; one sentence.
        LookupError: if the weights of the transfer are not known any more.
    """
    transfer = comparison.runs[TRANSFER]
    recipe = transfer.recipe
    plan = plan_of(recipe.weights or "", recipe.freeze, recipe.epochs, recipe.image_size, seed=recipe.seed)
    _start(comparison.number, SCRATCH, plan, transfer.data, transfer.held_out)


def forget(number: int) -> None:
    """Do not start the second run of this comparison."""
    _waiting.discard(number)


def _start(number: int, which: str, plan: Plan, data: Sequence[Path], held_out: int) -> None:
    choice = plan[which]
    start_run(f"{_NAMES[which]}-{number}", data, choice.name, choice.changes, held_out=held_out)


def _start_second(number: int, plan: Plan, data: Path, held_out: int) -> None:
    """Wait for room, then start the run from scratch."""
    began = time.monotonic()
    try:
        while number in _waiting and time.monotonic() - began < _PATIENCE:
            if _has_room():
                try:
                    _start(number, SCRATCH, plan, [data], held_out)
                except (ValueError, OSError):
                    if _has_room():  # it is not for want of room: the page reports that this run is missing
                        return
                else:
                    return
            time.sleep(_LOOK_AGAIN)
    finally:
        _waiting.discard(number)


def _has_room() -> bool:
    return sum(run.is_alive for run in list_runs()) < MOST_AT_ONCE
