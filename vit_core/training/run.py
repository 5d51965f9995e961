"""One run: its folder as the trainer fills it, and everything that can be asked of it."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Literal

from vit_core.training import processes
from vit_core.training.commands import changes_to, closest_recipe, training_command
from vit_core.training.config import RECIPES, TrainingConfig
from vit_core.training.run_metrics import Metrics, read_metrics, read_records, seconds_left

Status = Literal["starting", "running", "finished", "stopped", "failed"]

FACTS, METRICS, START, EPOCHS = "run.json", "metrics.jsonl", "start.json", "epochs"
_EPOCH_FILES = (re.compile(r"epoch-(\d{4,})\.safetensors"), re.compile(r"epoch-(\d{4,})\.json"))


@dataclass(frozen=True)
class Run:
    """One run as it is on disk. Nothing is kept: what is asked for is read."""

    path: Path

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.path.name

    @property
    def facts(self) -> Mapping[str, Any]:
        """The trainer's ``run.json``; empty as long as the trainer has not written it."""
        return read_object(self.path / FACTS)

    @property
    def start(self) -> Mapping[str, Any]:
        """What the run was started with from here; empty if it was started from the command line."""
        return read_object(self.path / START)

    @property
    def recipe_name(self) -> str | None:
        """The recipe it was started by, where that is known."""
        name = self.facts.get("recipe_name") or self.start.get("recipe_name")
        return name if name in RECIPES else None

    @property
    def recipe(self) -> TrainingConfig:
        """The whole recipe, changes included.

        Raises:
            ValueError: if the folder does not tell, or tells something that is no recipe.
        """
        if values := self.facts.get("recipe"):
            return TrainingConfig().with_values(values)
        name = str(self.start.get("recipe_name"))
        if name not in RECIPES:
            raise ValueError(f"the run {self.name} does not tell its recipe: {FACTS} is missing or broken")
        return RECIPES[name].with_values(self.start.get("changes", {}))

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of its classes; none before the trainer has found its pictures."""
        return tuple(map(str, self.facts.get("labels", ())))

    @property
    def data(self) -> tuple[Path, ...]:
        """The folders of its pictures."""
        return tuple(map(Path, self.facts.get("data") or self.start.get("data", ())))

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
        """What it is doing, or how it ended. A run whose process was killed has failed; it can be resumed."""
        if self.is_running:
            return "running"
        outcome = self.outcome if self._facts_are_of_last_start() else None
        if processes.is_starting(self.path) and outcome is None:
            return "starting"
        if outcome == "finished":
            return "finished"
        was_asked = outcome is None and (self.path / processes.STOP).exists()  # before it could note that
        return "stopped" if outcome == "stopped" or was_asked else "failed"

    @property
    def problem(self) -> str:
        """Why a failed run failed, in one sentence."""
        if self._facts_are_of_last_start() and self.outcome and self.outcome.startswith("error: "):
            return self.outcome.removeprefix("error: ")
        said = [line for line in processes.output(self.path).splitlines() if line.strip()]
        if errors := [line for line in said if line.startswith("error: ")]:
            return errors[-1].removeprefix("error: ")
        if said and re.match(r"[\w.]*(Error|Exception|Interrupt)\b", said[-1]):
            return f"the training process broke off: {said[-1]}"
        return (
            "the training process ended without a word: it was killed, or the machine ran out of memory or was "
            "switched off; Resume goes on from what it had saved"
        )

    @property
    def log(self) -> str:
        """The end of what its last process wrote."""
        return processes.output(self.path)

    @property
    def can_resume(self) -> bool:
        """Whether steps are left to do, from where it last saved or from the first."""
        return self.outcome != "finished"

    def metrics(self, before: Metrics | None = None) -> Metrics:
        """What it has measured; given what was read before, only the rest is read."""
        return read_metrics(self.path / METRICS, before)

    def steps(self) -> list[dict[str, Any]]:
        """The lines about single steps, as the trainer wrote them."""
        return read_records(self.path / METRICS)[0]

    def epochs(self) -> list[dict[str, Any]]:
        """The lines about epochs, as the trainer wrote them."""
        return read_records(self.path / METRICS)[1]

    @property
    def progress(self) -> float:
        """The share of all steps that is done."""
        return self.progress_after(self.metrics())

    def progress_after(self, metrics: Metrics) -> float:
        """The same, for metrics that have been read already."""
        total = self.facts.get("total_steps")
        return min(1.0, metrics.last_step / total) if isinstance(total, int) and total > 0 else 0.0

    @property
    def total_epochs(self) -> int:
        """In how many epochs all steps are done; the last may be a part of one. 0 if that is not known yet."""
        total, pictures = self.facts.get("total_steps"), self.facts.get("pictures", {}).get("train")
        return ceil(total / ceil(pictures / self.recipe.batch_size)) if total and pictures else 0

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at the speed of late, or None before that can be told."""
        return seconds_left(self.metrics(), self.facts)

    def saved_epochs(self) -> list[int]:
        """The epochs whose weights are here, 0 for those before training."""
        try:
            names = os.listdir(self.path / EPOCHS)
        except FileNotFoundError:
            return []
        found = {kind: {int(each[1]) for name in names if (each := kind.fullmatch(name))} for kind in _EPOCH_FILES}
        return sorted(set.intersection(*found.values()))

    def epoch_file(self, epoch: int) -> Path:
        """The weights after that epoch; their card lies beside them.

        Raises:
            LookupError: if they have not been saved.
        """
        path = self.path / EPOCHS / f"epoch-{epoch:04d}.safetensors"
        if epoch < 0 or not path.exists() or not path.with_suffix(".json").exists():
            saved = self.saved_epochs()
            raise LookupError(
                f"the run {self.name} has no weights of epoch {epoch}: it has saved "
                + (f"epochs {saved[0]} to {saved[-1]}" if saved else "none yet")
            )
        return path

    def command(self, *, threads: int | None = None, resume: bool = False) -> list[str]:
        """What to type to train the same again, or to go on.

        Raises:
            ValueError: if the folder does not tell the recipe.
        """
        recipe = self.recipe
        name = self.recipe_name or closest_recipe(recipe)
        changes = changes_to(name, recipe)
        return training_command(
            self.path, self.data, name, changes, held_out=self.held_out, threads=threads, resume=resume
        )

    def _facts_are_of_last_start(self) -> bool:
        """Whether the process that was started last has got as far as writing ``run.json``."""
        written = facts_time(self.path)
        return written is not None and written != self.start.get("facts_before")


def read_object(path: Path) -> Mapping[str, Any]:
    """A JSON object, empty if the file is missing or broken."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_object(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON object in one stroke."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(values, indent=1), encoding="utf-8")
    os.replace(partial, path)


def facts_time(path: Path) -> int | None:
    """When the trainer last wrote ``run.json``."""
    try:
        return (path / FACTS).stat().st_mtime_ns
    except FileNotFoundError:
        return None
