"""The same model for pictures of another size (paper 3.2)."""

from dataclasses import replace

import torch

from vit_core.model import VisionTransformer
from vit_core.positions import ResizeMethod, resize_position_embedding


def at_grid(model: VisionTransformer, grid_size: int, method: ResizeMethod = "bicubic") -> VisionTransformer:
    """The model for pictures of ``grid_size`` patches a side: its E_pos resized, all else shared and not copied.

    Raises:
        ValueError: if there is no such grid or method.
    """
    embedding = resize_position_embedding(model.position_embedding.detach(), grid_size, method)
    with torch.device("meta"):
        other = VisionTransformer(replace(model.config, image_size=grid_size * model.config.patch_size))
    other.load_state_dict(model.state_dict() | {"position_embedding": embedding}, assign=True)
    return other.train(model.training)
