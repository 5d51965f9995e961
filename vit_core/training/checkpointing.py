"""A run on disk: one file with all of its state, replaced atomically, its weights epoch by epoch, its metrics."""

import json
from collections.abc import Mapping
from dataclasses import KW_ONLY, asdict, dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.optim import Optimizer

from vit_core.model import VisionTransformer
from vit_core.preprocess import Preprocess
from vit_core.training.config import TrainingConfig
from vit_core.training.disk import DiskFullError, is_disk_full, replace_file, write_object
from vit_core.training.runs.files import EPOCHS, METRICS, STATE
from vit_core.training.state import EpochRecord, Evaluation, StepRecord, Stopped, TrainingState

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

MOST_EPOCHS = 64  # whose weights are kept


@dataclass(eq=False)
class RunFolder:
    """The folder of one training run. ``fit`` saves to it at least every ``save_seconds`` and goes on from it.

    The state is a safetensors file (weights, their average, the optimiser's sums, the generator) with everything else
    as JSON in its header, so that a run that is killed at any moment leaves one whole, consistent file.
    """

    path: Path
    recipe: TrainingConfig
    labels: tuple[str, ...]
    preprocess: Preprocess
    _: KW_ONLY
    save_seconds: float = 45.0
    log_steps: int = 50
    is_first: bool = True  # of several processes one writes, all read
    notes: Mapping[str, Any] = field(default_factory=dict)  # whatever the run should tell about itself
    stop_requested: bool = False

    def __post_init__(self) -> None:
        self.began = self.saved = self.logged = monotonic()
        self.before = 0.0  # seconds that the run had taken when this process went on with it
        self.pictures = 0  # since the last logged line
        self.board: SummaryWriter | None = None

    def restore(self, state: TrainingState) -> None:
        """Fill ``state`` from the last save, if there is one, and forget the metrics that came after it.

        Raises:
            ValueError: if the run was made by another recipe or for other labels. How long to train may differ.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self.began = self.saved = self.logged = monotonic()
        if (self.path / STATE).exists():
            tensors, facts = read_state(self.path)
            self._check(facts)
            load_prefixed(state.model, tensors, "model.")
            if state.averaged is not None:
                load_prefixed(state.averaged, tensors, "averaged.")
            for number, optimizer in enumerate(state.optimizers):
                _restore_optimizer(optimizer, tensors, f"optimizer.{number}.")
            state.generator.set_state(tensors["generator"])
            state.epoch_start = tensors["epoch_start"]
            for name in _COUNTERS:
                setattr(state, name, facts[name])
            state.history = tuple(map(_epoch_record, facts["history"]))
            self.before = facts["run_seconds"]
        if self.is_first:
            from torch.utils.tensorboard import SummaryWriter  # takes a second, which only who trains should wait

            self._forget_after(state.step, len(state.history))
            self.board = SummaryWriter(str(self.path / "tensorboard"), purge_step=state.step + 1)

    def before_training(self, state: TrainingState) -> None:
        """Keep the weights as they were drawn, as epoch 0."""
        if self.is_first:
            self._keep_epoch(state, None)

    def after_step(self, state: TrainingState, record: StepRecord) -> None:
        """Write a line of metrics every ``log_steps`` steps, and save every ``save_seconds`` seconds.

        Raises:
            Stopped: if ``stop_requested`` is set; then everything is saved.
        """
        self.pictures += record.pictures
        if record.step % self.log_steps == 0 and self.is_first:
            speed = self.pictures / max(1e-9, monotonic() - self.logged)
            self.logged, self.pictures = monotonic(), 0
            self._log_step(record, speed)
        if self.stop_requested or monotonic() - self.saved >= self.save_seconds:
            self.save(state)
        if self.stop_requested:
            raise Stopped

    def after_epoch(self, state: TrainingState) -> None:
        """Keep the epoch's weights and figures, then save."""
        record = state.history[-1]
        if self.is_first:
            self._keep_epoch(state, record)
            self._log_epoch(record)
        self.save(state)
        if self.stop_requested:
            raise Stopped

    def save(self, state: TrainingState) -> None:
        """Write the whole state to a new file, which then replaces the old one."""
        self.saved = monotonic()
        if not self.is_first:
            return
        tensors = {f"model.{name}": tensor for name, tensor in state.model.state_dict().items()}
        if state.averaged is not None:
            tensors |= {f"averaged.{name}": tensor for name, tensor in state.averaged.state_dict().items()}
        for number, optimizer in enumerate(state.optimizers):
            for index, values in optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer.{number}.{index}.{n}": v for n, v in values.items() if v is not None}
        tensors |= {"generator": state.generator.get_state(), "epoch_start": state.epoch_start}
        facts = {
            "recipe": asdict(self.recipe),
            "labels": self.labels,
            "preprocess": asdict(self.preprocess),
            "notes": self.notes,
            "run_seconds": self.before + monotonic() - self.began,
            **{name: getattr(state, name) for name in _COUNTERS},
            "history": [record._asdict() | {"validation": record.validation._asdict()} for record in state.history],
        }
        whole = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
        replace_file(self.path / STATE, lambda path: save_file(whole, path, {"facts": json.dumps(facts)}))
        self.saved = monotonic()

    def _keep_epoch(self, state: TrainingState, record: EpochRecord | None) -> None:
        """The weights after an epoch, as a checkpoint that ``vit_core.load`` opens."""
        number = 0 if record is None else record.epoch
        metrics = {} if record is None else {"validation": {"all": record.validation._asdict()}, "steps": record.step}
        card = {
            "config": asdict(state.model.config),
            "labels": self.labels,
            "description": f"{self.path.name} after epoch {number}",
            "preprocess": asdict(self.preprocess),
            "metrics": metrics,
            "licence": "",
            "recipe": asdict(self.recipe),
        }
        write_weights(state.best, self.path / EPOCHS / f"epoch-{number:04d}", card)
        self._thin_out(number)

    def _thin_out(self, latest: int) -> None:
        """For a long run keep every second epoch, or every fourth, and so on, and the latest: disks are not endless."""
        every = 1
        while latest // every >= MOST_EPOCHS:
            every *= 2
        for path in (self.path / EPOCHS).glob("epoch-*"):
            number = int(path.stem.removeprefix("epoch-"))
            if number % every and number != latest:
                path.unlink()

    def _log_step(self, record: StepRecord, speed: float) -> None:
        line = {
            "step": record.step,
            "loss": record.loss,
            "learning_rate": record.learning_rate,
            "gradient_norm": record.gradient_norm,
            "pictures_per_second": round(speed, 1),
            "seconds": round(self.before + monotonic() - self.began, 2),
        }
        self._write_line(line)
        self._to_board("step/", line, record.step)

    def _log_epoch(self, record: EpochRecord) -> None:
        self._write_line(record._asdict() | {"validation": record.validation._asdict()})
        self._to_board("epoch/", record._asdict(), record.step)
        self._to_board("epoch/validation_", record.validation._asdict(), record.step)
        if self.board:
            self.board.flush()

    def _to_board(self, prefix: str, values: Mapping[str, Any], step: int) -> None:
        for name, value in values.items():
            if self.board and isinstance(value, float):
                self.board.add_scalar(prefix + name, value, step)

    def _write_line(self, record: Mapping[str, Any]) -> None:
        try:
            with (self.path / METRICS).open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
        except OSError as error:
            if is_disk_full(error):
                raise DiskFullError(self.path) from None
            raise

    def _forget_after(self, step: int, epochs: int) -> None:
        """Drop the lines of metrics and the weights that the run will write again."""
        file = self.path / METRICS
        if file.exists():
            lines = [line for line in file.read_text(encoding="utf-8").splitlines() if _is_whole(line)]
            facts = [(line, json.loads(line)) for line in lines]
            kept = [line for line, fact in facts if fact["step"] <= step and fact.get("epoch", 0) <= epochs]
            replace_file(file, lambda path: path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8"))
        for path in (self.path / EPOCHS).glob("epoch-*"):
            if int(path.stem.removeprefix("epoch-")) > epochs:
                path.unlink()

    def _check(self, facts: Mapping[str, Any]) -> None:
        if tuple(facts["labels"]) != self.labels:
            raise ValueError(f"{self.path} was trained for {len(facts['labels'])} other classes than the data now has")
        saved, own = facts["recipe"], json.loads(json.dumps(asdict(self.recipe)))
        for name in own:
            if name not in _MAY_CHANGE and saved.get(name) != own[name]:
                raise ValueError(
                    f"{self.path} was begun with {name} {saved.get(name)}, now it is {own[name]}: "
                    f"go on with the same recipe, or train into another folder"
                )


# How long to train may be decided while it trains: the rest of the recipe may not.
_MAY_CHANGE = frozenset({"epochs", "steps", "cooldown", "patch_drop_until"})
_COUNTERS = ("step", "seen", "loss_sum", "right", "batch_shares", "seconds")


def read_state(run: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """All tensors of a run, and the facts next to them.

    Raises:
        ValueError: if the folder holds no run, or its file is damaged.
    """
    path = run / STATE
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})["facts"])
            return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118  (a file has no items())
    except FileNotFoundError as error:
        raise ValueError(f"{run} holds no run: {STATE} is missing") from error
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is damaged or not of a run: {error}") from error


def recipe_of(facts: Mapping[str, Any]) -> TrainingConfig:
    """The recipe that a run was made by."""
    return TrainingConfig().with_values(facts["recipe"])


def load_prefixed(model: VisionTransformer, tensors: Mapping[str, Tensor], prefix: str) -> None:
    """The weights whose names begin with ``prefix``; strict, as always."""
    model.load_state_dict({n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)})


def write_weights(model: VisionTransformer, path: Path, card: Mapping[str, Any]) -> tuple[Path, Path]:
    """Half-precision weights as ``path.safetensors`` and what to know about them as ``path.json``.

    Raises:
        ValueError: if a weight does not fit into half precision.
    """
    half = {name: tensor.detach().half().cpu().contiguous() for name, tensor in model.state_dict().items()}
    if any(not tensor.isfinite().all() for tensor in half.values()):
        raise ValueError("the weights do not fit into half precision: they are larger than 65,504")
    path.parent.mkdir(parents=True, exist_ok=True)
    weights, card_file = path.with_suffix(".safetensors"), path.with_suffix(".json")
    write_object(card_file, card)
    replace_file(weights, lambda partial: save_file(half, partial))  # last: whoever sees it finds the card
    return weights, card_file


def _is_whole(line: str) -> bool:
    """Whether a line is JSON: the last one of a killed run may be cut off."""
    try:
        return isinstance(json.loads(line), dict)
    except json.JSONDecodeError:
        return False


def _epoch_record(facts: Mapping[str, Any]) -> EpochRecord:
    fields = dict(facts["validation"])
    table = fields["confusion"]
    fields["predicted"] = tuple(fields["predicted"])
    fields["confusion"] = None if table is None else tuple(map(tuple, table))
    return EpochRecord(**{**facts, "validation": Evaluation(**fields)})


def _restore_optimizer(optimizer: Optimizer, tensors: Mapping[str, Tensor], prefix: str) -> None:
    values: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith(prefix):
            index, key = name.removeprefix(prefix).split(".")
            values.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict(optimizer.state_dict() | {"state": values})
