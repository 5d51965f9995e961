"""Pictures per second of one training step: ours beside timm's VisionTransformer, and with half of the patches dropped.

python -m benchmarks.training [--rounds 12] [--threads N] [--precision bfloat16]

Width 192, 6 layers, 3 heads, 64x64 pixels, patch 8, batch 128, 298 classes: bytes to normalised pictures, forward,
cross-entropy with label smoothing, backward, clipping, AdamW. All in one process, alternating, so that a machine whose
speed drifts slows all of them; the median of the rounds' ratios is the figure that counts (goal: at least 1.0 beside
timm).
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from timm.models.vision_transformer import VisionTransformer as TimmVisionTransformer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from vit_core import VisionTransformer, ViTConfig
from vit_core.preprocess import normalise
from vit_core.training.config import TrainingConfig
from vit_core.training.data.pictures import Batch
from vit_core.training.loop import Forward, Setup, train_step
from vit_core.training.optimizers import make_optimizers
from vit_core.training.precision import autocast
from vit_core.training.state import TrainingState

BATCH, CLASSES = 128, 298
RECIPE = TrainingConfig(image_size=64, batch_size=BATCH, weight_decay=0.05, clip_norm=1.0, label_smoothing=0.1)
CONFIG = ViTConfig(
    image_size=64, patch_size=8, num_layers=6, hidden_size=192, mlp_size=768, num_heads=3, num_classes=CLASSES
)


def our_step(recipe: TrainingConfig, batch: Batch) -> Callable[[], object]:
    """A step of this project's loop."""
    model = VisionTransformer(CONFIG).train()
    state = TrainingState(model, None, make_optimizers(model, recipe), torch.Generator().manual_seed(0))
    setup = Setup(recipe, recipe.preprocess, Forward(model), total_steps=1_000_000)
    return lambda: train_step(state, batch, setup, BATCH, BATCH)


def timms_step(recipe: TrainingConfig, batch: Batch) -> Callable[[], object]:
    """The same work with timm's model, as one would write it."""
    model = TimmVisionTransformer(
        img_size=64, patch_size=8, embed_dim=192, depth=6, num_heads=3, num_classes=CLASSES
    ).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)

    def step() -> float:
        images = normalise(batch[0], recipe.preprocess)
        with autocast(recipe, torch.device("cpu")):
            logits: Tensor = model(images)
            loss = cross_entropy(logits.float(), batch[1], label_smoothing=recipe.label_smoothing)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    return step


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="bfloat16")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    recipe = RECIPE.with_values({"precision": arguments.precision})
    batch = (torch.randint(0, 256, (BATCH, 3, 64, 64), dtype=torch.uint8), torch.randint(0, CLASSES, (BATCH,)))
    steps = {
        "ours": our_step(recipe, batch),
        "timm": timms_step(recipe, batch),
        "half dropped": our_step(replace(recipe, patch_drop=0.5), batch),
        "three quarters dropped": our_step(replace(recipe, patch_drop=0.75), batch),
    }
    for run in steps.values():
        run()  # the first step of each makes its buffers
    rounds: list[dict[str, float]] = []
    for number in range(arguments.rounds):
        order = list(steps) if number % 2 else list(steps)[::-1]
        rounds.append({name: seconds(steps[name]) for name in order})
    for name in steps:
        rate = BATCH / statistics.median(each[name] for each in rounds)
        print(f"{name}: {rate:.0f} pictures per second ({arguments.threads} threads, {arguments.precision})")
    for name, base in (("ours", "timm"), ("half dropped", "ours"), ("three quarters dropped", "ours")):
        ratios = sorted(each[base] / each[name] for each in rounds)
        middle, low, high = statistics.median(ratios), ratios[len(ratios) // 4], ratios[3 * len(ratios) // 4]
        print(f"{name} / {base}: median {middle:.3f}, quartiles {low:.3f} to {high:.3f}, {len(ratios)} rounds")


if __name__ == "__main__":
    main()
