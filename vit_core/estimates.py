"""How much memory a Vision Transformer takes, counted from its sizes before any of it is made.

All numbers are of 32 bits. What a forward pass takes at its highest point was counted from ``vit_core/model.py`` and
held against measured peaks (``tests/test_bounds.py``).
"""

from vit_core.allowance import MODELS, allow_memory
from vit_core.config import ViTConfig
from vit_core.cost import count_parameters

FLOAT = 4  # bytes


def weights_bytes(config: ViTConfig) -> int:
    """The parameters."""
    return FLOAT * count_parameters(config)["total"]


def forward_bytes(config: ViTConfig, pictures: int = 1) -> int:
    """The memory of one layer at its highest point, without gradients, and of the pictures themselves.

    That is z and its norm, q, k, v and their copies for the products, scores and A, the heads' outputs; or z and the
    MLP's hidden layer before and after the GELU.
    """
    tokens, hidden = config.num_tokens, config.hidden_size
    attention = 10 * tokens * hidden + 2 * config.num_heads * tokens**2
    mlp = 4 * tokens * hidden + 2 * tokens * config.mlp_size
    return FLOAT * pictures * (max(attention, mlp) + 2 * config.num_channels * config.image_size**2)


def trace_bytes(config: ViTConfig) -> int:
    """The memory of a ``ForwardTrace`` of one picture: z and A of every layer."""
    tokens, hidden = config.num_tokens, config.hidden_size
    layers = config.num_layers * (config.num_heads * tokens**2 + tokens * hidden)
    return FLOAT * (layers + 2 * tokens * hidden + config.num_channels * config.image_size**2)


def allow_weights(whose: str, *configs: ViTConfig) -> None:
    """Refuse models whose weights together are more than is kept in memory.

    Raises:
        NotAllowedError: if they are.
    """
    needed = sum(map(weights_bytes, configs))
    allow_memory(f"the weights of {whose}", needed, "choose a smaller model, or use this one from Python", MODELS)


def allow_traces(whose: str, *configs: ViTConfig) -> None:
    """Refuse pictures whose traces together, with the pass that makes them, take more memory than one request may.

    Raises:
        NotAllowedError: if they do.
    """
    needed = sum(map(trace_bytes, configs)) + max(map(forward_bytes, configs))
    allow_memory(f"the trace of one image of {whose}", needed, "choose a smaller model, or use this one from Python")


def allow_forward(what: str, config: ViTConfig, remedy: str, pictures: int = 1) -> None:
    """Refuse a forward pass that takes more memory than one request may; ``remedy`` is what to do instead.

    Raises:
        NotAllowedError: if it does.
    """
    allow_memory(what, forward_bytes(config, pictures), remedy)
