"""The course's ``ViT`` and one in the manner of vit-pytorch, spelled anew: the names and sizes are theirs."""

import torch
from einops import rearrange
from torch import Tensor, nn


class PatchEmbedding(nn.Module):
    def __init__(self, in_channels: int, patch_size: int, embedding_dim: int) -> None:
        super().__init__()
        self.patcher = nn.Conv2d(in_channels, embedding_dim, kernel_size=patch_size, stride=patch_size, padding=0)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.patcher(pictures).flatten(2, 3).permute(0, 2, 1)


class MultiheadSelfAttentionBlock(nn.Module):
    def __init__(self, embedding_dim: int, num_heads: int) -> None:
        super().__init__()
        self.layer_norm = nn.LayerNorm(normalized_shape=embedding_dim)
        self.multihead_attn = nn.MultiheadAttention(embedding_dim, num_heads, batch_first=True)

    def forward(self, z: Tensor) -> Tensor:
        z = self.layer_norm(z)
        return self.multihead_attn(z, z, z, need_weights=False)[0]


class MLPBlock(nn.Module):
    def __init__(self, embedding_dim: int, mlp_size: int) -> None:
        super().__init__()
        self.layer_norm = nn.LayerNorm(normalized_shape=embedding_dim)
        self.mlp = nn.Sequential(
            nn.Linear(embedding_dim, mlp_size),
            nn.GELU(),
            nn.Dropout(0.1),
            nn.Linear(mlp_size, embedding_dim),
            nn.Dropout(0.1),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.mlp(self.layer_norm(z))


class TransformerEncoderBlock(nn.Module):
    def __init__(self, embedding_dim: int, num_heads: int, mlp_size: int) -> None:
        super().__init__()
        self.msa_block = MultiheadSelfAttentionBlock(embedding_dim, num_heads)
        self.mlp_block = MLPBlock(embedding_dim, mlp_size)

    def forward(self, z: Tensor) -> Tensor:
        z = self.msa_block(z) + z
        return self.mlp_block(z) + z


class CourseViT(nn.Module):
    """Section 8 of the chapter. ``with_torchs_layers``: as in its first exercise, of nn.TransformerEncoderLayer."""

    def __init__(
        self,
        img_size: int = 224,
        in_channels: int = 3,
        patch_size: int = 16,
        num_transformer_layers: int = 12,
        embedding_dim: int = 768,
        mlp_size: int = 3072,
        num_heads: int = 12,
        num_classes: int = 1000,
        with_torchs_layers: bool = False,
    ) -> None:
        super().__init__()
        num_patches = img_size * img_size // patch_size**2
        self.class_embedding = nn.Parameter(torch.randn(1, 1, embedding_dim))
        self.position_embedding = nn.Parameter(torch.randn(1, num_patches + 1, embedding_dim))
        self.embedding_dropout = nn.Dropout(0.1)
        self.patch_embedding = PatchEmbedding(in_channels, patch_size, embedding_dim)
        self.transformer_encoder: nn.Module
        if with_torchs_layers:
            layer = nn.TransformerEncoderLayer(
                embedding_dim, num_heads, mlp_size, activation="gelu", batch_first=True, norm_first=True
            )
            self.transformer_encoder = nn.TransformerEncoder(layer, num_transformer_layers, enable_nested_tensor=False)
        else:
            self.transformer_encoder = nn.Sequential(
                *(TransformerEncoderBlock(embedding_dim, num_heads, mlp_size) for _ in range(num_transformer_layers))
            )
        self.classifier = nn.Sequential(nn.LayerNorm(embedding_dim), nn.Linear(embedding_dim, num_classes))

    def forward(self, pictures: Tensor) -> Tensor:
        class_token = self.class_embedding.expand(pictures.shape[0], -1, -1)
        z = torch.cat((class_token, self.patch_embedding(pictures)), dim=1)
        z = self.embedding_dropout(self.position_embedding + z)
        return self.classifier(self.transformer_encoder(z)[:, 0])


class PatchPixels(nn.Module):
    """Pictures as their patches' pixels, row, column, channel; it has no parameters and so no name in a file."""

    def __init__(self, patch_size: int) -> None:
        super().__init__()
        self.patch_size = patch_size

    def forward(self, pictures: Tensor) -> Tensor:
        size = self.patch_size
        return rearrange(pictures, "b c (h p1) (w p2) -> b (h w) (p1 p2 c)", p1=size, p2=size)


class PlainAttention(nn.Module):
    """q, k, v in one map without bias; with a LayerNorm of its own in later versions."""

    def __init__(self, dim: int, heads: int, dim_head: int, has_norm: bool) -> None:
        super().__init__()
        self.heads, self.scale = heads, dim_head**-0.5
        self.norm = nn.LayerNorm(dim) if has_norm else nn.Identity()
        self.to_qkv = nn.Linear(dim, 3 * heads * dim_head, bias=False)
        alone = heads == 1 and dim_head == dim
        self.to_out = nn.Identity() if alone else nn.Sequential(nn.Linear(heads * dim_head, dim), nn.Dropout(0.0))

    def forward(self, z: Tensor) -> Tensor:
        q, k, v = rearrange(self.to_qkv(self.norm(z)), "b t (three h d) -> three b h t d", three=3, h=self.heads)
        weights = (q @ k.transpose(-1, -2) * self.scale).softmax(-1)
        return self.to_out(rearrange(weights @ v, "b h t d -> b t (h d)"))


class PreNorm(nn.Module):
    def __init__(self, dim: int, fn: nn.Module) -> None:
        super().__init__()
        self.norm, self.fn = nn.LayerNorm(dim), fn

    def forward(self, z: Tensor) -> Tensor:
        return self.fn(self.norm(z))


class FeedForward(nn.Module):
    def __init__(self, dim: int, mlp_dim: int, has_norm: bool) -> None:
        super().__init__()
        layers = (nn.Linear(dim, mlp_dim), nn.GELU(), nn.Dropout(0.0), nn.Linear(mlp_dim, dim), nn.Dropout(0.0))
        self.net = nn.Sequential(*((nn.LayerNorm(dim),) if has_norm else ()), *layers)

    def forward(self, z: Tensor) -> Tensor:
        return self.net(z)


class Layers(nn.Module):
    """The encoder; ``later``: the LayerNorms inside the modules, and the last one at its end."""

    def __init__(self, dim: int, depth: int, heads: int, dim_head: int, mlp_dim: int, later: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim) if later else nn.Identity()
        self.layers = nn.ModuleList()
        for _ in range(depth):
            attention, mlp = PlainAttention(dim, heads, dim_head, later), FeedForward(dim, mlp_dim, later)
            pair = (attention, mlp) if later else (PreNorm(dim, attention), PreNorm(dim, mlp))
            self.layers.append(nn.ModuleList(pair))

    def forward(self, z: Tensor) -> Tensor:
        for pair in self.layers:
            attention, mlp = pair.children()
            z = attention(z) + z
            z = mlp(z) + z
        return self.norm(z)


class LucidrainsLikeViT(nn.Module):
    """As vit-pytorch names it, ``later`` or earlier, with or without LayerNorms around the patches."""

    def __init__(
        self,
        *,
        image_size: int,
        patch_size: int,
        num_classes: int,
        dim: int,
        depth: int,
        heads: int,
        mlp_dim: int,
        dim_head: int = 64,
        later: bool = False,
        patch_norms: bool = False,
    ) -> None:
        super().__init__()
        pixels, patches = 3 * patch_size**2, (image_size // patch_size) ** 2
        projection = (nn.Linear(pixels, dim),)
        around = (nn.LayerNorm(pixels), *projection, nn.LayerNorm(dim)) if patch_norms else projection
        self.to_patch_embedding = nn.Sequential(PatchPixels(patch_size), *around)
        self.pos_embedding = nn.Parameter(torch.randn(1, patches + 1, dim))
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim))
        self.transformer = Layers(dim, depth, heads, dim_head, mlp_dim, later)
        head = nn.Linear(dim, num_classes)
        self.mlp_head: nn.Module = head if later else nn.Sequential(nn.LayerNorm(dim), head)

    def forward(self, pictures: Tensor) -> Tensor:
        patches = self.to_patch_embedding(pictures)
        z = torch.cat((self.cls_token.expand(len(patches), -1, -1), patches), dim=1) + self.pos_embedding
        return self.mlp_head(self.transformer(z)[:, 0])
