"""The learning rate at every step: pure functions of the step."""

import math

from vit_core.training.config import TrainingConfig


def learning_rate(step: int, total_steps: int, recipe: TrainingConfig) -> float:
    """The learning rate of ``step`` (0 .. total_steps - 1). Warm-up and decay share the steps between them.

    Raises:
        ValueError: if ``step`` is not in 0 .. total_steps - 1.
    """
    if not 0 <= step < total_steps:
        raise ValueError(f"step must be in 0..{total_steps - 1}, got {step}")
    if step < recipe.warmup_steps:
        return recipe.learning_rate * ((step + 1) / recipe.warmup_steps)
    progress = (step - recipe.warmup_steps) / max(1, total_steps - recipe.warmup_steps)
    match recipe.schedule:
        case "constant":
            share = 1.0
        case "linear":
            share = 1.0 - progress
        case "cosine":  # half a wave (arXiv 1608.03983, without restarts)
            share = 0.5 * (1.0 + math.cos(math.pi * progress))
        case "cooldown":  # the number of steps need not be known before the line begins (arXiv 2405.18392)
            share = min(1.0, (1.0 - progress) / recipe.cooldown) if recipe.cooldown else 1.0
    return recipe.learning_rate * share
