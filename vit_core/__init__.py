"""A Vision Transformer that shows its work: the model of arXiv 2010.11929, its trace, and everybody's weights."""

from vit_core.attention_maps import attention_rollout, mean_attention_distance
from vit_core.config import PRESETS, ViTConfig
from vit_core.cost import count_flops, count_parameters
from vit_core.model import VisionTransformer
from vit_core.patches import grid_position, patchify, token_at, unpatchify
from vit_core.positions import resize_position_embedding
from vit_core.trace import AttentionTrace, BlockTrace, ForwardTrace, MLPTrace

__all__ = [
    "PRESETS",
    "AttentionTrace",
    "BlockTrace",
    "ForwardTrace",
    "MLPTrace",
    "ViTConfig",
    "VisionTransformer",
    "attention_rollout",
    "count_flops",
    "count_parameters",
    "grid_position",
    "mean_attention_distance",
    "patchify",
    "resize_position_embedding",
    "token_at",
    "unpatchify",
]
