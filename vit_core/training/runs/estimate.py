"""The cost of a training, estimated from its recipe and its pictures before it starts.

Memory is counted from what ``loop.py`` keeps for the gradients, time from multiply-adds at a rate that one core
reaches; the run itself is slower on a busy machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from vit_core.allowance import RUNS, TRAINING_MEMORY, allow_disk, allow_hours, allow_memory, bytes_below
from vit_core.config import ViTConfig
from vit_core.cost import count_multiply_adds, count_parameters
from vit_core.estimates import FLOAT, forward_bytes, weights_bytes
from vit_core.training.checkpointing import MOST_EPOCHS
from vit_core.training.config import TrainingConfig
from vit_core.training.data.pictures import find_pictures
from vit_core.training.start import sizes

PROCESS_BYTES = 600 * 10**6  # Python, torch and torchvision, before there is a model
RATE = 30e9  # multiply-adds a second of one core: measured with B/16 and Mini/8 on cores of 2023
DECODE_SECONDS = 0.005  # a picture of a few hundred pixels, read and cropped
MEASURED_AT_ONCE = 250  # pictures, ``loop.evaluate``


@dataclass(frozen=True)
class Estimate:
    """The cost of one run: bytes of memory at its highest point, seconds, and bytes that it leaves on the disk."""

    memory: int
    seconds: float
    disk: int

    @property
    def sentence(self) -> str:
        """For who is about to start it."""
        return (
            f"It takes about {self.memory / 1e6:,.0f} MB of memory, {duration(self.seconds)} on an idle machine, and "
            f"{max(1, self.disk / 1e6):,.0f} MB on the disk."
        )


def duration(seconds: float) -> str:
    """A length of time in its largest unit."""
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{max(1, seconds):.0f} seconds"


def estimate_training(config: ViTConfig, recipe: TrainingConfig, train: int, test: int, threads: int = 1) -> Estimate:
    """The cost of training a model of these sizes.

    Args:
        config: of the model that is trained.
        recipe: how it is trained.
        train: pictures to learn from.
        test: pictures to measure on after each epoch.
        threads: for torch.
    """
    steps = recipe.total_steps(train)
    epochs = ceil(steps / ceil(train / recipe.batch_size))
    batch = min(recipe.batch_size, train)
    all_learn = recipe.freeze == "none"
    counts = count_parameters(config)
    learning = counts["total"] if all_learn else counts["head"] + counts["pre_logits"] + 2 * config.hidden_size
    sums = {"adam": 2, "adamw": 2, "sgd": 1, "muon": 2}[recipe.optimizer]  # numbers a parameter; muon's at most
    copies = 1 + (recipe.ema_decay is not None)
    state = copies * weights_bytes(config) + sums * FLOAT * learning
    activations = batch * activation_bytes(config) if all_learn else forward_bytes(config, batch)
    measuring = forward_bytes(config, min(test, MEASURED_AT_ONCE))
    seen = steps * recipe.batch_size if recipe.steps else epochs * train
    work = count_multiply_adds(config)["total"] * (
        (3 if all_learn else 1) * seen * (1 - recipe.patch_drop * recipe.patch_drop_until) + epochs * test
    )
    kept = min(epochs + 1, MOST_EPOCHS + 2) * weights_bytes(config) // 2  # half precision
    return Estimate(
        memory=PROCESS_BYTES + state + FLOAT * learning + activations + measuring,
        seconds=work / RATE / threads + DECODE_SECONDS * (seen + epochs * test),
        disk=kept + 2 * state,  # the new state is written before the old one goes
    )


def activation_bytes(config: ViTConfig) -> int:
    """The bytes that one picture's forward pass keeps for the gradients.

    Every layer keeps z, both norms, q, k, v and their copies for the products, the heads' outputs before and
    after they are joined; A; the MLP's hidden layer before and after the GELU; with dropout its masks as numbers.
    """
    tokens, hidden, mlp = config.num_tokens, config.hidden_size, config.mlp_size
    numbers = 16 * tokens * hidden + 2 * tokens * mlp + config.num_heads * tokens**2
    masks = 4 * tokens * hidden + 2 * tokens * mlp if config.dropout else 0
    return FLOAT * config.num_layers * (numbers + masks)


def estimate_run(recipe: TrainingConfig, data: Sequence[Path], held_out: int, threads: int = 1) -> Estimate:
    """The cost of a run over these folders.

    Raises:
        ValueError, OSError: if the folders hold no pictures, or the weights cannot be read.
    """
    files = find_pictures(data, held_out)
    train = sum(file.split == "train" for file in files)
    classes = len({file.class_name for file in files})
    return estimate_training(sizes(recipe, classes), recipe, max(1, train), len(files) - train, threads)


def allow_training(name: str, estimate: Estimate, folder: Path) -> None:
    """Refuse a run that takes more than a training here may; ``folder`` is that of all runs and exists.

    Raises:
        NotAllowedError: if it does; the sentence has the estimate and the limit.
    """
    allow_memory(f"the training {name}", estimate.memory, "choose smaller batches or a smaller model", TRAINING_MEMORY)
    allow_hours(f"the training {name}", estimate.seconds, "choose fewer epochs or a smaller model")
    allow_disk(f"the training {name}", estimate.disk, folder, RUNS, bytes_below(folder))
