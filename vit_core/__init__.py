"""A Vision Transformer that shows its work: the model of arXiv 2010.11929, its trace, and everybody's weights."""

from vit_core.attention_maps import attention_rollout, mean_attention_distance
from vit_core.config import PRESETS, ViTConfig
from vit_core.cost import count_flops, count_multiply_adds, count_parameters
from vit_core.examination import Examination, examine
from vit_core.interventions import Interventions
from vit_core.model import VisionTransformer
from vit_core.patches import grid_position, patchify, token_at, unpatchify
from vit_core.pictures import PictureError, open_picture
from vit_core.positions import resize_position_embedding
from vit_core.preprocess import Preprocess
from vit_core.trace import AttentionTrace, BlockTrace, ForwardTrace, MLPTrace
from vit_core.weights.checkpoints import CHECKPOINTS, Checkpoint
from vit_core.weights.downloads import DownloadError
from vit_core.weights.loading import load
from vit_core.weights.renaming import load_weights

__all__ = [
    "CHECKPOINTS",
    "PRESETS",
    "AttentionTrace",
    "BlockTrace",
    "Checkpoint",
    "DownloadError",
    "Examination",
    "ForwardTrace",
    "Interventions",
    "MLPTrace",
    "PictureError",
    "Preprocess",
    "ViTConfig",
    "VisionTransformer",
    "attention_rollout",
    "count_flops",
    "count_multiply_adds",
    "count_parameters",
    "examine",
    "grid_position",
    "load",
    "load_weights",
    "mean_attention_distance",
    "open_picture",
    "patchify",
    "resize_position_embedding",
    "token_at",
    "unpatchify",
]
