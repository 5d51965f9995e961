"""Changes of the position embedding E_pos: none, another order, sines and cosines, another grid."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from vit_core.config import ViTConfig
from vit_core.interventions.changes import Change, permutation
from vit_core.positions import ResizeMethod, resize_position_embedding, sinusoidal_position_embedding

Positions = Literal["zero", "shuffled", "sinusoidal", "resized"]


@dataclass(frozen=True)
class ChangePositions(Change):
    """Another position embedding E_pos.

    ``zero`` sets all of it to zero, the class token's row too. The others keep that row: ``shuffled`` puts the patches'
    rows in a random order, ``sinusoidal`` replaces them by sines and cosines of row and column as long, on average, as
    the learned ones, and ``resized`` resizes them to another grid and back, so that what that grid cannot hold is lost.
    """

    key: ClassVar[str] = "positions"
    forms: ClassVar[tuple[str, ...]] = ("{kind}", "{kind}.{seed}", "{kind}.{grid_size}.{method}")
    example: ClassVar[str] = (
        f"zero, sinusoidal, shuffled.SEED or resized.GRID.METHOD with a method of {', '.join(get_args(ResizeMethod))}"
    )
    quantity = "E_pos"
    kind: Positions
    seed: int | None = None  # of ``shuffled``
    grid_size: int | None = None  # of ``resized``
    method: ResizeMethod | None = None  # of ``resized``

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.seed is not None) != (self.kind == "shuffled"):
            raise ValueError("positions need a seed if they are shuffled, and only then")
        if ((self.grid_size is not None), (self.method is not None)) != (self.kind == "resized",) * 2:
            raise ValueError("positions need a grid and a method if they are resized, and only then")

    @property
    def title(self) -> str:
        """The new E_pos in words."""
        match self.kind:
            case "zero":
                return "E_pos set to zero"
            case "shuffled":
                return f"Rows of E_pos shuffled (seed {self.seed})"
            case "sinusoidal":
                return "E_pos replaced by sines and cosines"
            case "resized":
                return f"E_pos resized to {self.grid_size}x{self.grid_size} and back ({self.method})"

    def check(self, config: ViTConfig) -> None:
        """Refuse sines and cosines of row and column where D is no multiple of 4."""
        if self.kind == "sinusoidal" and config.hidden_size % 4:
            raise ValueError(
                f"sines and cosines of row and column need D to be a multiple of 4, this model has {config.hidden_size}"
            )

    def change_position_embedding(self, embedding: Float[Tensor, "tokens hidden"]) -> Float[Tensor, "tokens hidden"]:
        """E_pos of Eq. 1."""
        class_row, rows = embedding[:1], embedding[1:]
        grid_size = math.isqrt(len(rows))
        match self.kind:
            case "zero":
                return torch.zeros_like(embedding)
            case "shuffled":
                assert self.seed is not None
                return torch.cat([class_row, rows[permutation(len(rows), self.seed).to(rows.device)]])
            case "sinusoidal":
                sinusoidal = sinusoidal_position_embedding(grid_size, embedding.shape[1]).to(rows)
                length = rows.norm(dim=-1).mean() / sinusoidal.norm(dim=-1).mean()
                return torch.cat([class_row, sinusoidal * length])
            case "resized":
                assert self.grid_size is not None and self.method is not None
                resized = resize_position_embedding(embedding, self.grid_size, self.method)
                return resize_position_embedding(resized, grid_size, self.method)
