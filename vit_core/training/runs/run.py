"""One run: its folder as the trainer fills it, and everything that can be asked of it."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import Any, Literal

from vit_core.resources import ASSETS
from vit_core.training.config import RECIPES, TrainingConfig
from vit_core.training.data.toy import TOY, toy_folder
from vit_core.training.runs import processes
from vit_core.training.runs.commands import changes_to, closest_recipe, training_command
from vit_core.training.runs.files import (
    EPOCHS,
    FACTS,
    METRICS,
    MOST_BYTES,
    START,
    read_facts,
    read_start,
    whole_epochs,
)
from vit_core.training.runs.metrics import Metrics, read_metrics

__all__ = ["EPOCHS", "EXAMPLES", "FACTS", "METRICS", "START", "Run", "Status", "facts_time"]

EXAMPLES = ASSETS / "runs"  # those that come with the program

Status = Literal["starting", "running", "finished", "stopped", "failed", "damaged"]


@dataclass(frozen=True)
class Run:
    """One run as it is on disk. Nothing is kept: what is asked for is read, and what is damaged is as if not there.

    So nothing here raises because of what is in the folder, or because somebody deletes it at this moment.
    """

    path: Path

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.path.name

    @property
    def is_example(self) -> bool:
        """Whether it came with the program: then it is read, and nothing else is done to it."""
        return self.path.parent == EXAMPLES

    @property
    def facts(self) -> Mapping[str, Any]:
        """The trainer's ``run.json``; empty as long as the trainer has not written it. Its fields have their types."""
        return read_facts(self.path)[0]

    @property
    def start(self) -> Mapping[str, Any]:
        """The settings that it was started with from here; empty if it was started from the command line."""
        return read_start(self.path)[0]

    @property
    def damage(self) -> tuple[str, ...]:
        """The faults of the folder, each as the beginning of a sentence; empty for a sound run."""
        problems = [*read_facts(self.path)[1], *read_start(self.path)[1], *whole_epochs(self.path)[1]]
        problems += _metrics_damage(self.path, self._classes)
        if not any(os.path.lexists(self.path / name) for name in (FACTS, START)):
            problems.insert(0, f"{FACTS} is missing")
        problems += [f"{name} is no file" for name in processes.FILES if (self.path / name).is_dir()]
        return tuple(problems)

    @property
    def recipe_name(self) -> str | None:
        """The recipe it was started by, where that is known."""
        name = self.facts.get("recipe_name") or self.start.get("recipe_name")
        return name if name in RECIPES else None

    @property
    def recipe(self) -> TrainingConfig:
        """The whole recipe, changes included.

        Raises:
            ValueError: if the folder does not state it, or states something that is no recipe.
        """
        if values := self.facts.get("recipe"):
            return TrainingConfig().with_values(values)
        name = str(self.start.get("recipe_name"))
        if name not in RECIPES:
            raise ValueError(f"the run {self.name} does not state its recipe: {FACTS} is missing or broken")
        return RECIPES[name].with_values(self.start.get("changes", {}))

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of its classes; none before the trainer has found its pictures.

        Where they are lost and epochs were measured, the classes are numbered.
        """
        if labels := self.facts.get("labels"):
            return tuple(labels)
        return tuple(f"class {number}" for number in range(read_metrics(self.path / METRICS).classes))

    @property
    def data(self) -> tuple[Path, ...]:
        """The folders of its pictures."""
        names = self.facts.get("data") or self.start.get("data", ())
        return tuple(toy_folder() if name == TOY else Path(name) for name in names)

    @property
    def held_out(self) -> int:
        """Pictures per class to measure on, where the data has no test split."""
        return int(self.facts.get("held_out", self.start.get("held_out", 10)))

    @property
    def is_running(self) -> bool:
        """Whether a process trains it at this moment."""
        return processes.is_training(self.path)

    @property
    def is_alive(self) -> bool:
        """Whether a process trains it or is about to."""
        return self.is_running or processes.is_starting(self.path)

    @property
    def is_stopping(self) -> bool:
        """Whether it has been asked to stop and has not ended yet."""
        return (self.path / processes.STOP).exists() and self.is_alive

    @property
    def outcome(self) -> str | None:
        """How it ended, in the trainer's words, or None."""
        outcome = self.facts.get("outcome")
        return None if outcome is None else str(outcome)

    @property
    def status(self) -> Status:
        """Its state, or how it ended. A run whose process was killed has failed; it can be resumed.

        A run that has ended and whose folder is not as the trainer leaves it is damaged.
        """
        if self.is_running:
            return "running"
        outcome = self.outcome if self._facts_are_of_last_start() else None
        if processes.is_starting(self.path) and outcome is None:
            return "starting"
        if self.damage:
            return "damaged"
        if outcome == "finished":
            return "finished"
        was_asked = outcome is None and (self.path / processes.STOP).exists()  # before it could note that
        return "stopped" if outcome == "stopped" or was_asked else "failed"

    @property
    def problem(self) -> str:
        """Why a failed run failed, in one sentence."""
        if self._facts_are_of_last_start() and self.outcome and self.outcome.startswith("error: "):
            return self.outcome.removeprefix("error: ")
        lines = [line for line in processes.output(self.path).splitlines() if line.strip()]
        if errors := [line for line in lines if line.startswith("error: ")]:
            return errors[-1].removeprefix("error: ")
        if lines and re.match(r"[\w.]*(Error|Exception|Interrupt)\b", lines[-1]):
            return f"the training process broke off: {lines[-1]}"
        return (
            "the training process ended without a message: it was killed, or the machine ran out of memory or was "
            "switched off; Resume goes on from what it had saved"
        )

    @property
    def log(self) -> str:
        """The end of what its last process wrote."""
        return processes.output(self.path)

    @property
    def can_resume(self) -> bool:
        """Whether steps are left to do, from where it last saved or from the first."""
        return self.outcome != "finished" and not self.is_example

    def metrics(self, before: Metrics | None = None) -> Metrics:
        """Its measurements; after an earlier reading ``before``, only the rest is read."""
        return read_metrics(self.path / METRICS, before, self._classes)

    def epochs(self) -> list[Mapping[str, Any]]:
        """The lines about epochs, as the trainer wrote them."""
        return list(self.metrics().epochs)

    def progress_after(self, metrics: Metrics) -> float:
        """The share of all steps that is done when these metrics have been measured."""
        total = self.facts.get("total_steps")
        return min(1.0, metrics.last_step / total) if isinstance(total, int) and total > 0 else 0.0

    @property
    def total_epochs(self) -> int:
        """In how many epochs all steps are done; the last may be a part of one. 0 if that is not known yet."""
        total, pictures = self.facts.get("total_steps"), self.facts.get("pictures", {}).get("train")
        try:
            return ceil(total / ceil(pictures / self.recipe.batch_size)) if total and pictures else 0
        except ValueError:  # the recipe is lost
            return 0

    def saved_epochs(self) -> list[int]:
        """The epochs whose weights are here and can be opened, 0 for those before training."""
        return whole_epochs(self.path)[0]

    def epoch_file(self, epoch: int) -> Path:
        """The weights after that epoch; their card lies next to them.

        Raises:
            LookupError: if they have not been saved.
        """
        saved, problems = whole_epochs(self.path)
        if epoch not in saved:
            raise LookupError(
                next((problem for problem in problems if problem.startswith(f"the weights of epoch {epoch} ")), "")
                or f"the run {self.name} has no weights of epoch {epoch}: it has saved "
                + (f"epochs {saved[0]} to {saved[-1]}" if saved else "none yet")
            )
        return self.path / EPOCHS / f"epoch-{epoch:04d}.safetensors"

    def command(self, *, threads: int | None = None, resume: bool = False) -> list[str]:
        """The command that trains the same again, or goes on.

        Raises:
            ValueError: if the folder does not state the recipe.
        """
        recipe = self.recipe
        name = self.recipe_name or closest_recipe(recipe)
        changes = changes_to(name, recipe)
        path = Path("runs") / self.name if self.is_example else self.path
        return training_command(path, self.data, name, changes, held_out=self.held_out, threads=threads, resume=resume)

    @property
    def _classes(self) -> int:
        return len(self.facts.get("labels", ()))

    def _facts_are_of_last_start(self) -> bool:
        """Whether the process that was started last has got as far as writing ``run.json``."""
        written = facts_time(self.path)
        return written is not None and written != self.start.get("facts_before")


def _metrics_damage(run: Path, classes: int) -> list[str]:
    """The faults of the measurements."""
    path = run / METRICS
    try:
        status = path.stat()
    except FileNotFoundError:
        return []
    except OSError as error:
        return [f"{METRICS} cannot be read ({error.strerror})"]
    if not path.is_file():
        return [f"{METRICS} is no file"]
    if not status.st_size:
        return [f"{METRICS} is empty"]
    problems = []
    if status.st_size > MOST_BYTES:
        size, most = status.st_size / 2**20, MOST_BYTES / 2**20
        problems.append(f"{METRICS} has {size:,.0f} MB, the first {most:.0f} are read")
    if left_out := _left_out(path, classes, (status.st_ino, status.st_mtime_ns, status.st_size)):
        problems.append(f"{left_out} lines of {METRICS} cannot be read and are left out")
    return problems


@lru_cache(1024)  # a list of runs asks this for every run, on every run of the page
def _left_out(path: Path, classes: int, _stamp: tuple[int, int, int]) -> int:
    return read_metrics(path, classes=classes).left_out


def facts_time(path: Path) -> int | None:
    """When the trainer last wrote ``run.json``."""
    try:
        return (path / FACTS).stat().st_mtime_ns
    except OSError:
        return None
