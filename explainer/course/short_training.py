"""A training short enough to watch: a small Vision Transformer learns from which photograph a crop comes.

It learns from crops of the left part of the gallery's photographs and is measured on the right part. Everything but
the three switches is the same in every run, the first weights and the order of the pictures included. Run as
``python -m explainer.course.short_training '{"warm_up": true}'`` it writes one JSON object per step, and one for the
end.
"""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy

from explainer.gallery import GALLERY
from vit_core import VisionTransformer, ViTConfig, open_picture
from vit_core.training.config import TrainingConfig
from vit_core.training.schedule import learning_rate

STEPS, BATCH_SIZE, TEST_PICTURES = 100, 32, 512
SIDE, CUT, LEFT = 96, 32, 0.6  # pixels of a photograph's shorter side and of a crop; the part that is learned from
WARMUP_STEPS, CLIP_NORM = 25, 1.0
CONFIG = ViTConfig(
    image_size=CUT, patch_size=8, num_layers=4, hidden_size=64, mlp_size=128, num_heads=4, num_classes=len(GALLERY)
)

Optimizer = Literal["adam", "sgd"]
Decay = Literal["constant", "linear", "cosine"]
RATES: dict[Optimizer, float] = {"adam": 1e-2, "sgd": 0.3}  # high on purpose: what the switches are for must happen


@dataclass(frozen=True)
class Switches:
    """The switches of one of these trainings."""

    optimizer: Optimizer = "sgd"
    warm_up: bool = False
    decay: Decay = "constant"
    clip: bool = False

    @property
    def recipe(self) -> TrainingConfig:
        """The same as a recipe."""
        return TrainingConfig(
            steps=STEPS,
            batch_size=BATCH_SIZE,
            optimizer=self.optimizer,
            learning_rate=RATES[self.optimizer],
            momentum=0.0,
            warmup_steps=WARMUP_STEPS if self.warm_up else 0,
            schedule=self.decay,
            clip_norm=CLIP_NORM if self.clip else None,
        )

    @property
    def title(self) -> str:
        """The switches that are on, in words."""
        decay = None if self.decay == "constant" else f"{self.decay} decay"
        on = [name for name in ("warm-up" if self.warm_up else None, decay, "clipping" if self.clip else None) if name]
        return ", ".join(on) or "all off"

    @classmethod
    def from_fields(cls, values: dict[str, Any]) -> "Switches":
        """From a JSON object.

        Raises:
            ValueError: if a value is none of those that there are.
        """
        switches = cls(**values)
        if switches.optimizer not in RATES or switches.decay not in get_args(Decay):
            raise ValueError(f"unknown switches {values}")
        return switches


def train(switches: Switches, steps: int = STEPS) -> Iterator[dict[str, float]]:
    """Train, and report each step's loss, learning rate and gradient norm before clipping; last what came of it."""
    generator = Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the model's first weights are drawn by PyTorch's own generator
        model = VisionTransformer(CONFIG)
    recipe, (learned, held_out) = switches.recipe, photographs()
    kind = torch.optim.Adam if switches.optimizer == "adam" else torch.optim.SGD
    optimizer = kind(model.parameters(), lr=recipe.learning_rate)
    for step in range(steps):
        images, labels = cut_out(learned, BATCH_SIZE, generator)
        loss = cross_entropy(model(images), labels)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        norm = nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_norm or torch.inf)
        optimizer.param_groups[0]["lr"] = rate = learning_rate(step, STEPS, recipe)
        optimizer.step()
        yield {"step": step + 1, "loss": loss.item(), "learning_rate": rate, "gradient_norm": norm.item()}
    images, labels = cut_out(held_out, TEST_PICTURES, Generator().manual_seed(1))
    with torch.no_grad():
        logits = model.eval()(images)
    right = (logits.argmax(-1) == labels).float().mean().item()
    yield {"share_right": right, "test_loss": cross_entropy(logits, labels).item()}


def photographs() -> tuple[list[Tensor], list[Tensor]]:
    """The left and the right part of each photograph of the gallery, as numbers from -1 to 1."""
    learned, held_out = [], []
    for photograph in GALLERY.values():
        picture = open_picture(photograph.path)
        scale = SIDE / min(picture.size)
        picture = picture.resize((round(picture.width * scale), round(picture.height * scale)))
        pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 127.5 - 1
        border = int(LEFT * pixels.shape[-1])
        learned.append(pixels[..., :border])
        held_out.append(pixels[..., border:])
    return learned, held_out


def cut_out(
    pictures: list[Tensor], count: int, generator: Generator
) -> tuple[Float[Tensor, "batch channels height width"], Int64[Tensor, " batch"]]:
    """Squares from random places of random pictures, and the numbers of the pictures."""
    labels = torch.randint(len(pictures), (count,), generator=generator)
    places = torch.rand(count, 2, generator=generator)
    cuts = []
    for label, (down, right) in zip(labels.tolist(), places.tolist(), strict=True):
        _, height, width = pictures[label].shape
        top, left = int(down * (height - CUT + 1)), int(right * (width - CUT + 1))
        cuts.append(pictures[label][:, top : top + CUT, left : left + CUT])
    return torch.stack(cuts), labels


def main() -> None:
    """Train with the switches of the command line; others on this machine go first."""
    torch.set_num_threads(1)
    if hasattr(os, "nice"):
        os.nice(10)
    for record in train(Switches.from_fields(json.loads(sys.argv[1]))):
        print(json.dumps(record), flush=True)


def arguments(switches: Switches) -> list[str]:
    """How to start ``main`` with these switches in a process of its own."""
    return [sys.executable, "-m", "explainer.course.short_training", json.dumps(asdict(switches))]


if __name__ == "__main__":
    main()
