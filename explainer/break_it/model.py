"""A small Vision Transformer in the manner of the course, to be broken and repaired."""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

IMAGE_SIZE = 32
PATCH_SIZE = 8
HIDDEN_SIZE = 48
NUM_HEADS = 4
NUM_LAYERS = 2
NUM_CLASSES = 10


class PatchEmbedding(nn.Module):
    """Cuts pictures into patches, and makes a vector of each."""

    def __init__(self, patch_size: int, hidden_size: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(3, hidden_size, kernel_size=patch_size, stride=patch_size)

    def forward(self, images: Tensor) -> Tensor:
        """One vector for each patch."""
        feature_map = self.projection(images)
        columns = feature_map.flatten(2)
        return columns.transpose(1, 2)


class EncoderBlock(nn.Module):
    """Attention, then MLP, each after a LayerNorm and with a skip path."""

    def __init__(self, hidden_size: int, num_heads: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(hidden_size)
        self.attention = nn.MultiheadAttention(hidden_size, num_heads, batch_first=True)
        self.mlp_norm = nn.LayerNorm(hidden_size)
        self.expand = nn.Linear(hidden_size, 4 * hidden_size)
        self.contract = nn.Linear(4 * hidden_size, hidden_size)

    def forward(self, z: Tensor) -> Tensor:
        """The tokens after one layer."""
        normed = self.attention_norm(z)
        attended, _ = self.attention(normed, normed, normed, need_weights=False)
        z = attended + z
        hidden = gelu(self.expand(self.mlp_norm(z)))
        return self.contract(hidden) + z


class ViT(nn.Module):
    """From pictures to logits."""

    def __init__(self, image_size: int, patch_size: int, hidden_size: int, num_heads: int, num_classes: int) -> None:
        super().__init__()
        num_patches = image_size * image_size // patch_size**2
        self.patch_embedding = PatchEmbedding(patch_size, hidden_size)
        self.class_token = nn.Parameter(torch.randn(1, 1, hidden_size))
        self.position_embedding = nn.Parameter(torch.randn(1, num_patches + 1, hidden_size))
        self.blocks = nn.Sequential(*(EncoderBlock(hidden_size, num_heads) for _ in range(NUM_LAYERS)))
        self.norm = nn.LayerNorm(hidden_size)
        self.head = nn.Linear(hidden_size, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """The logits of each picture."""
        patches = self.patch_embedding(images)
        class_token = self.class_token.expand(images.shape[0], -1, -1)
        z = torch.cat([class_token, patches], dim=1)
        z = z + self.position_embedding
        z = self.blocks(z)
        y = self.norm(z[:, 0])
        return self.head(y)


class Classifier(nn.Module):
    """From the pixels of PNG files, as NumPy and Pillow give them, to logits."""

    def __init__(self) -> None:
        super().__init__()
        self.vit = ViT(IMAGE_SIZE, PATCH_SIZE, HIDDEN_SIZE, NUM_HEADS, NUM_CLASSES)

    def prepare(self, pixels: Tensor) -> Tensor:
        """One picture as the model wants it: colours without opacity, channels first, from -1 to 1."""
        colours = pixels[:, :, :3]
        image = colours.permute(2, 0, 1)
        return image / 127.5 - 1

    def forward(self, pictures: Tensor) -> Tensor:
        """The logits of each picture."""
        images = torch.stack([self.prepare(pixels) for pixels in pictures])
        return self.vit(images)
