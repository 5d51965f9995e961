"""Vision Transformers of other people, small, with weights at random: what a ledger is tried on."""

from collections.abc import Callable

import timm
import torch
from einops import rearrange, repeat
from einops.layers.torch import Rearrange
from torch import Tensor, nn
from torchvision.models import VisionTransformer as TorchvisionViT
from torchvision.models import swin_transformer
from transformers import ViTConfig as HuggingFaceConfig
from transformers import ViTForImageClassification

from vit_core import VisionTransformer, ViTConfig

SIZES = ViTConfig(image_size=24, patch_size=8, num_layers=3, hidden_size=20, mlp_size=48, num_heads=4, num_classes=7)


class EinopsAttention(nn.Module):
    """In the manner of those who write with einops: no bias in q, k, v, one einsum for each product."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(hidden)
        self.to_qkv = nn.Linear(hidden, 3 * hidden, bias=False)
        self.to_out = nn.Sequential(nn.Linear(hidden, hidden), nn.Dropout(0.1))

    def forward(self, x: Tensor) -> Tensor:
        qkv = self.to_qkv(self.norm(x)).chunk(3, dim=-1)
        q, k, v = (rearrange(t, "b n (h d) -> b h n d", h=self.heads) for t in qkv)
        weights = (torch.einsum("b h i d, b h j d -> b h i j", q, k) * q.shape[-1] ** -0.5).softmax(dim=-1)
        return self.to_out(rearrange(torch.einsum("b h i j, b h j d -> b h i d", weights, v), "b h n d -> b n (h d)"))


class EinopsViT(nn.Module):
    """A whole model of that kind."""

    def __init__(self, config: ViTConfig = SIZES) -> None:
        super().__init__()
        side, hidden = config.patch_size, config.hidden_size
        self.to_patches = nn.Sequential(
            Rearrange("b c (h p1) (w p2) -> b (h w) (p1 p2 c)", p1=side, p2=side),
            nn.LayerNorm(config.patch_dim),
            nn.Linear(config.patch_dim, hidden),
        )
        self.positions = nn.Parameter(torch.randn(1, config.num_tokens, hidden))
        self.class_token = nn.Parameter(torch.randn(1, 1, hidden))
        self.layers = nn.ModuleList(
            nn.ModuleList(
                [
                    EinopsAttention(hidden, config.num_heads),
                    nn.Sequential(
                        nn.LayerNorm(hidden),
                        nn.Linear(hidden, config.mlp_size),
                        nn.GELU(),
                        nn.Linear(config.mlp_size, hidden),
                    ),
                ]
            )
            for _ in range(config.num_layers)
        )
        self.head = nn.Linear(hidden, config.num_classes)

    def forward(self, picture: Tensor) -> Tensor:
        x = self.to_patches(picture)
        x = torch.cat((repeat(self.class_token, "1 1 d -> b 1 d", b=len(x)), x), dim=1)
        x += self.positions[:, : x.shape[1]]
        for attention, mlp in self.layers:
            x = attention(x) + x
            x = mlp(x) + x
        return self.head(x[:, 0])


def torchvision_vit() -> nn.Module:
    return TorchvisionViT(
        SIZES.image_size,
        SIZES.patch_size,
        SIZES.num_layers,
        SIZES.num_heads,
        SIZES.hidden_size,
        SIZES.mlp_size,
        num_classes=SIZES.num_classes,
    )


def timm_vit() -> nn.Module:
    return timm.models.vision_transformer.VisionTransformer(
        img_size=SIZES.image_size,
        patch_size=SIZES.patch_size,
        depth=SIZES.num_layers,
        num_heads=SIZES.num_heads,
        embed_dim=SIZES.hidden_size,
        mlp_ratio=SIZES.mlp_size / SIZES.hidden_size,
        num_classes=SIZES.num_classes,
    )


def hugging_face_vit() -> nn.Module:
    config = HuggingFaceConfig(
        image_size=SIZES.image_size,
        patch_size=SIZES.patch_size,
        num_hidden_layers=SIZES.num_layers,
        num_attention_heads=SIZES.num_heads,
        hidden_size=SIZES.hidden_size,
        intermediate_size=SIZES.mlp_size,
        id2label={index: str(index) for index in range(SIZES.num_classes)},
    )
    return ViTForImageClassification(config)


def torchvision_swin() -> nn.Module:
    """Stages of 2, 2 and 6 blocks: windows, shifted windows, and the last stage whose one window cannot be shifted."""
    return swin_transformer.SwinTransformer(
        patch_size=[4, 4], embed_dim=12, depths=[2, 6, 2], num_heads=[1, 2, 4], window_size=[4, 4], num_classes=7
    )


# Name -> how to build it, and the pictures it takes.
MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "ours": (lambda: VisionTransformer(SIZES), (2, 3, 24, 24)),
    "torchvision": (torchvision_vit, (2, 3, 24, 24)),
    "timm": (timm_vit, (2, 3, 24, 24)),
    "hugging face": (hugging_face_vit, (2, 3, 24, 24)),
    "einops": (EinopsViT, (2, 3, 24, 24)),
    "swin": (torchvision_swin, (2, 3, 64, 64)),
}


def built(name: str) -> tuple[nn.Module, Tensor]:
    """A model in eval mode, and pictures for it."""
    torch.manual_seed(0)
    build, shape = MODELS[name]
    return build().eval(), torch.randn(shape)
