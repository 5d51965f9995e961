"""A run on disk: one file with all of its state, replaced in one stroke, and its metrics as lines of JSON."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from vit_core.training.config import TrainingConfig
from vit_core.training.state import EpochRecord, Evaluation, StepRecord, TrainingState

STATE, METRICS = "state.safetensors", "metrics.jsonl"


class RunFolder:
    """The folder of one training run. ``fit`` saves to it at least every ``save_seconds`` and goes on from it.

    The state is a safetensors file (weights, their average, the optimiser's sums, the generator) with everything else
    as JSON in its header, so that a run that is killed at any moment leaves one whole, consistent file.
    """

    def __init__(
        self,
        path: Path,
        recipe: TrainingConfig,
        labels: tuple[str, ...],
        *,
        save_seconds: float = 45.0,
        log_steps: int = 50,
        notes: Mapping[str, Any] | None = None,
    ) -> None:
        self.path, self.recipe, self.labels = path, recipe, labels
        self.save_seconds, self.log_steps = save_seconds, log_steps
        self.notes = dict(notes or {})  # whatever the run should tell about itself: the data, the time
        self.saved = self.logged = monotonic()
        self.pictures = 0  # since the last logged line

    def restore(self, state: TrainingState) -> None:
        """Fill ``state`` from the last save, if there is one, and forget the metrics that came after it.

        Raises:
            ValueError: if the run was made by another recipe or for other labels. How long to train may differ.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self.saved = self.logged = monotonic()
        if not (self.path / STATE).exists():
            return
        tensors, facts = read_state(self.path)
        self._check(facts)
        load_prefixed(state.model, tensors, "model.")
        if state.averaged is not None:
            load_prefixed(state.averaged, tensors, "averaged.")
        _restore_optimizer(state.optimizer, tensors)
        state.generator.set_state(tensors["generator"])
        state.epoch_start = tensors["epoch_start"]
        state.step, state.seen = facts["step"], facts["seen"]
        state.loss_sum, state.seconds = facts["loss_sum"], facts["seconds"]
        state.history = tuple(
            EpochRecord(**(record | {"validation": Evaluation(**record["validation"])})) for record in facts["history"]
        )
        self._forget_after(state.step, len(state.history))

    def after_step(self, state: TrainingState, record: StepRecord) -> None:
        """Write a line of metrics every ``log_steps`` steps, and save every ``save_seconds`` seconds."""
        self.pictures += record.pictures
        if record.step % self.log_steps == 0:
            speed = self.pictures / max(1e-9, monotonic() - self.logged)
            self.logged, self.pictures = monotonic(), 0
            self._write_line({
                "step": record.step, "loss": record.loss, "learning_rate": record.learning_rate,
                "pictures_per_second": round(speed, 1),
            })  # fmt: skip
        if monotonic() - self.saved >= self.save_seconds:
            self.save(state)

    def save(self, state: TrainingState) -> None:
        """Write the whole state beside the old file, then put it in its place."""
        tensors = {f"model.{name}": tensor for name, tensor in state.model.state_dict().items()}
        if state.averaged is not None:
            tensors |= {f"averaged.{name}": tensor for name, tensor in state.averaged.state_dict().items()}
        for index, values in state.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in values.items() if value is not None}
        tensors |= {"generator": state.generator.get_state(), "epoch_start": state.epoch_start}
        facts = {
            "recipe": asdict(self.recipe), "labels": self.labels, "notes": self.notes,
            "step": state.step, "seen": state.seen, "loss_sum": state.loss_sum, "seconds": state.seconds,
            "history": [record._asdict() | {"validation": record.validation._asdict()} for record in state.history],
        }  # fmt: skip
        partial = self.path / f"{STATE}.partial"
        save_file({n: tensor.contiguous() for n, tensor in tensors.items()}, partial, {"facts": json.dumps(facts)})
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, self.path / STATE)
        self.saved = monotonic()

    def on_epoch(self, record: EpochRecord) -> None:
        """Write an epoch's line of metrics."""
        self._write_line(record._asdict() | {"validation": record.validation._asdict()})

    def _write_line(self, record: Mapping[str, Any]) -> None:
        with (self.path / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def _forget_after(self, step: int, epoch: int) -> None:
        metrics = self.path / METRICS
        if not metrics.exists():
            return
        lines = metrics.read_text(encoding="utf-8").splitlines()
        records = [json.loads(line) for line in lines if line.endswith("}")]  # the last may have been cut off
        kept = [record for record in records if record["step"] <= step and record.get("epoch", 0) <= epoch]
        partial = metrics.with_suffix(".partial")
        partial.write_text("".join(json.dumps(record) + "\n" for record in kept), encoding="utf-8")
        os.replace(partial, metrics)

    def _check(self, facts: Mapping[str, Any]) -> None:
        if tuple(facts["labels"]) != self.labels:
            raise ValueError(f"{self.path} was trained for {len(facts['labels'])} other classes than the data now has")
        then, now = (asdict(recipe) for recipe in (recipe_of(facts), self.recipe))
        changed = [name for name in now if now[name] != then[name] and name not in ("steps", "epochs", "cooldown")]
        if changed:
            name = changed[0]
            raise ValueError(
                f"{self.path} was begun with {name} {then[name]}, now it is {now[name]}: "
                f"go on with the same recipe, or train into another folder"
            )


def read_state(run: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the facts of a run's last save.

    Raises:
        ValueError: if the folder holds no saved run, or its file is damaged.
    """
    path = run / STATE
    if not path.exists():
        raise ValueError(f"{run} holds no training run: expected {path}")
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["facts"])  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not the state of a training run: {error}") from error


def recipe_of(facts: Mapping[str, Any]) -> TrainingConfig:
    """The recipe that a run was made by."""
    return TrainingConfig().with_values(facts["recipe"])


def load_prefixed(model: torch.nn.Module, tensors: Mapping[str, Tensor], prefix: str) -> None:
    """Load the weights whose names begin with ``prefix``; strict, as always."""
    model.load_state_dict({n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)})


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    values: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".")
            values.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict(optimizer.state_dict() | {"state": values})
