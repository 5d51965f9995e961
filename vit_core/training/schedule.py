"""The learning rate at every step: pure functions of the step."""

import math

from vit_core.training.config import TrainingConfig


def warmup(step: int, warmup_steps: int) -> float:
    """The share of the learning rate at ``step``, counted from 0: from 1 / warmup_steps up to 1."""
    return 1.0 if step >= warmup_steps else (step + 1) / warmup_steps


def linear_decay(progress: float) -> float:
    """1 at the start, 0 at the end, a straight line."""
    return 1.0 - progress


def cosine_decay(progress: float) -> float:
    """1 at the start, 0 at the end, half a cosine wave (arXiv 1608.03983, without restarts)."""
    return 0.5 * (1.0 + math.cos(math.pi * progress))


def cooldown_decay(progress: float, cooldown: float) -> float:
    """1 until the last ``cooldown`` of the way, then a straight line to 0.

    The number of steps need not be known before the line begins (arXiv 2405.18392).
    """
    return min(1.0, (1.0 - progress) / cooldown) if cooldown else 1.0


def learning_rate(step: int, total_steps: int, recipe: TrainingConfig) -> float:
    """The learning rate of ``step`` (0 .. total_steps - 1). Warm-up and decay share the steps between them.

    Raises:
        ValueError: if ``step`` is not in 0 .. total_steps - 1.
    """
    if not 0 <= step < total_steps:
        raise ValueError(f"step must be in 0..{total_steps - 1}, got {step}")
    if step < recipe.warmup_steps:
        return recipe.learning_rate * warmup(step, recipe.warmup_steps)
    progress = (step - recipe.warmup_steps) / max(1, total_steps - recipe.warmup_steps)
    match recipe.schedule:
        case "constant":
            share = 1.0
        case "linear":
            share = linear_decay(progress)
        case "cosine":
            share = cosine_decay(progress)
        case "cooldown":
            share = cooldown_decay(progress, recipe.cooldown)
    return recipe.learning_rate * share
