"""Many forward passes at once, as many as a bounded memory holds."""

from collections.abc import Callable

from vit_core.config import ViTConfig

# Hears the share of the work that is done, from 0 to 1; what it raises ends the work.
Progress = Callable[[float], None]
MEMORY = 128 * 2**20  # bytes for what one layer needs at a time


def unheard(share: float) -> None:
    """The progress of work that nobody waits for."""


def pictures_at_once(config: ViTConfig) -> int:
    """How many pictures go through a layer together: at least one, at most 64."""
    tokens = config.num_tokens
    # scores, weights and the rows that softmax and product need; q, k, v, joined; the MLP before and after the GELU
    floats = 3 * config.num_heads * tokens**2 + 6 * tokens * config.hidden_size + 2 * tokens * config.mlp_size
    return max(1, min(64, MEMORY // (4 * floats)))
