"""The sizes of a Vision Transformer: Table 1 of the paper as a table, and everything that follows from it."""

from dataclasses import dataclass, fields
from math import isqrt
from numbers import Integral
from typing import Any, Literal, NamedTuple


class Size(NamedTuple):
    """One row of the paper's Table 1."""

    num_layers: int
    hidden_size: int
    mlp_size: int
    num_heads: int


SIZES = {
    "Mini": Size(6, 256, 1024, 4),  # the model in this repository, for 64x64 pictures
    "Ti": Size(12, 192, 768, 3),  # DeiT, arXiv 2012.12877, Table 1
    "S": Size(12, 384, 1536, 6),  # DeiT, arXiv 2012.12877, Table 1
    "B": Size(12, 768, 3072, 12),  # ViT, arXiv 2010.11929, Table 1
    "L": Size(24, 1024, 4096, 16),  # ViT, arXiv 2010.11929, Table 1
    "H": Size(32, 1280, 5120, 16),  # ViT, arXiv 2010.11929, Table 1
    "Nano": Size(4, 48, 96, 4),  # of the example run in this repository: its epochs ship with it
}

# Name -> (row of SIZES, patch size, picture size in pixels). "B/16" is the paper's own way to write it.
PRESETS = {
    "Mini/8": ("Mini", 8, 64),
    "Ti/16": ("Ti", 16, 224),
    "S/16": ("S", 16, 224),
    "B/16": ("B", 16, 224),
    "B/32": ("B", 32, 224),
    "L/16": ("L", 16, 224),
    "L/32": ("L", 32, 224),
    "H/14": ("H", 14, 224),
    "Nano/8": ("Nano", 8, 64),
}


@dataclass(frozen=True, kw_only=True)
class ViTConfig:
    """The sizes of one Vision Transformer, checked when they are made. The defaults are B/16 at 224 pixels.

    Raises:
        TypeError: if a size is no whole number.
        ValueError: if a size is not positive, the patch does not divide the picture, or the heads do not divide D.
    """

    image_size: int = 224  # pixels, H = W
    patch_size: int = 16  # pixels, P
    num_channels: int = 3  # C
    num_layers: int = 12  # L
    hidden_size: int = 768  # D
    mlp_size: int = 3072
    num_heads: int = 12  # k
    num_classes: int = 1000  # K
    representation_size: int | None = None  # units of the pre-training head's hidden tanh layer (paper D.3)
    dropout: float = 0.0
    norm_eps: float = 1e-6  # as in the official checkpoints; PyTorch's default is 1e-5
    gelu: Literal["none", "tanh"] = "none"  # erf as in torchvision, timm, Hugging Face; tanh as in the official code

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self) if field.type is int):
            value = getattr(self, name)
            if not isinstance(value, Integral):
                raise TypeError(f"{name} must be a whole number, got {value!r}")
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if self.representation_size is not None and self.representation_size < 1:
            raise ValueError(f"representation_size must be None or at least 1, got {self.representation_size}")
        if self.image_size % self.patch_size:
            raise ValueError(
                f"image_size {self.image_size} is not a multiple of patch_size {self.patch_size}: "
                f"{self.image_size} = {self.image_size // self.patch_size} x {self.patch_size} "
                f"+ {self.image_size % self.patch_size}"
            )
        if self.hidden_size % self.num_heads:
            raise ValueError(f"hidden_size {self.hidden_size} is not a multiple of num_heads {self.num_heads}")
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout}")
        if self.norm_eps <= 0.0:
            raise ValueError(f"norm_eps must be positive, got {self.norm_eps}")
        if self.gelu not in ("none", "tanh"):
            raise ValueError(f"gelu must be 'none' (erf) or 'tanh', got {self.gelu!r}")

    @classmethod
    def named(cls, name: str, **overrides: Any) -> "ViTConfig":
        """The preset the paper calls ``name``, for example ``"B/16"``, with some fields replaced.

        Raises:
            ValueError: if no preset has that name; the message lists those that exist.
        """
        if name not in PRESETS:
            raise ValueError(f"unknown model {name!r}, known are {', '.join(PRESETS)}")
        size, patch_size, image_size = PRESETS[name]
        sizes = {"image_size": image_size, "patch_size": patch_size, **SIZES[size]._asdict()}
        return cls(**(sizes | overrides))

    @property
    def grid_size(self) -> int:
        """Patches per side, the square root of N."""
        return self.image_size // self.patch_size

    @property
    def num_patches(self) -> int:
        """N = HW / P^2."""
        return self.grid_size**2

    @property
    def num_tokens(self) -> int:
        """N + 1: the class token and the patches."""
        return self.num_patches + 1

    @property
    def head_size(self) -> int:
        """D_h = D / k."""
        return self.hidden_size // self.num_heads

    @property
    def patch_dim(self) -> int:
        """P^2 C: how many numbers one flattened patch has."""
        return self.patch_size**2 * self.num_channels

    @property
    def axes(self) -> dict[str, int]:
        """The size of every named axis that appears in a shape annotation."""
        return {
            "channels": self.num_channels,
            "height": self.image_size,
            "width": self.image_size,
            "patches": self.num_patches,
            "tokens": self.num_tokens,
            "hidden": self.hidden_size,
            "heads": self.num_heads,
            "head_size": self.head_size,
            "mlp": self.mlp_size,
            "patch_dim": self.patch_dim,
            "classes": self.num_classes,
        }


def square_root(count: int, what: str) -> int:
    """The side of a square grid of ``count`` cells; ``what`` names them in the error.

    Raises:
        ValueError: if ``count`` is not a square number.
    """
    side = nearest_side(count)
    if side * side != count:
        raise ValueError(f"{count} {what} do not form a square grid: the nearest is {side} x {side} = {side * side}")
    return side


def nearest_side(count: int) -> int:
    """The side of the square grid that has as nearly ``count`` cells as any."""
    side = isqrt(count)
    return side + (count - side * side > (side + 1) ** 2 - count)
