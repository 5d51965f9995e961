"""The cost of a Vision Transformer by part: parameters and multiply-adds, counted from its sizes."""

from vit_core.config import ViTConfig


def count_parameters(config: ViTConfig) -> dict[str, int]:
    """Parameters by part, and ``"total"``. The sum is that of ``VisionTransformer(config).parameters()``."""
    hidden, mlp, layers = config.hidden_size, config.mlp_size, config.num_layers
    head_input = config.representation_size or hidden
    parts = {
        "patch_projection": config.patch_dim * hidden + hidden,
        "class_token": hidden,
        "position_embedding": config.num_tokens * hidden,
        "attention": layers * (3 * hidden * hidden + 3 * hidden + hidden * hidden + hidden),
        "mlp": layers * (hidden * mlp + mlp + mlp * hidden + hidden),
        "norms": (2 * layers + 1) * 2 * hidden,
        "pre_logits": hidden * config.representation_size + config.representation_size
        if config.representation_size
        else 0,
        "head": head_input * config.num_classes + config.num_classes,
    }
    return parts | {"total": sum(parts.values())}


def count_multiply_adds(config: ViTConfig) -> dict[str, int]:
    """Multiply-adds for one picture by part, and ``"total"``: a multiplication with its addition is one of them.

    This is the unit of torchvision's ``_ops`` and of torchinfo. Papers often call it FLOPs; torch's ``FlopCounterMode``
    counts the two one by one, and says twice as many. Only matrix products are counted: ``"attention"`` is the part
    that grows with N^2 (q k^T and A v), ``"projections"`` are U_qkv and U_msa.
    """
    tokens, hidden, layers = config.num_tokens, config.hidden_size, config.num_layers
    head_input = config.representation_size or hidden
    parts = {
        "patches": config.num_patches * config.patch_dim * hidden,
        "projections": layers * tokens * 4 * hidden * hidden,
        "attention": layers * 2 * tokens * tokens * hidden,
        "mlp": layers * tokens * 2 * hidden * config.mlp_size,
        "head": head_input * config.num_classes + hidden * (config.representation_size or 0),
    }
    return parts | {"total": sum(parts.values())}


count_flops = count_multiply_adds  # its first name, for code that uses it
