"""A small ViT, and what is easily done wrong in it without a single shape being another."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class Right(nn.Module):
    """As it should be; everything that may go wrong is a method of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 24, 8, 8)
        self.positions = nn.Parameter(torch.randn(1, 16, 24))
        self.norm = nn.LayerNorm(24)
        with torch.no_grad():
            self.norm.weight.uniform_(0.5, 2)
        self.qkv = nn.Linear(24, 72)
        self.merge = nn.Linear(24, 24)
        self.head = nn.Linear(24, 5)

    def place(self, tokens: Tensor) -> Tensor:
        return tokens + self.positions

    def normed(self, tokens: Tensor) -> Tensor:
        return self.norm(tokens)

    def weights(self, query: Tensor, key: Tensor) -> Tensor:
        return (query @ key.transpose(-2, -1) / 8**0.5).softmax(-1)

    def mixed(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return self.weights(query, key) @ value

    def update(self, tokens: Tensor, attended: Tensor) -> Tensor:
        return tokens + attended

    def forward(self, pictures: Tensor) -> Tensor:
        tokens = self.place(self.patches(pictures).flatten(2).transpose(1, 2))
        query, key, value = self.qkv(self.normed(tokens)).unflatten(-1, (3, 3, 8)).permute(2, 0, 3, 1, 4)
        attended = self.merge(self.mixed(query, key, value).transpose(1, 2).flatten(2))
        return self.head(self.update(tokens, attended).mean(1))


class SoftmaxOfColumns(Right):
    def weights(self, query: Tensor, key: Tensor) -> Tensor:
        return (query @ key.transpose(-2, -1) / 8**0.5).softmax(-2)


class SoftmaxOfHeads(Right):
    def weights(self, query: Tensor, key: Tensor) -> Tensor:
        return functional.softmax(query @ key.transpose(-2, -1) / 8**0.5, dim=1)


class WithoutScale(Right):
    def weights(self, query: Tensor, key: Tensor) -> Tensor:
        return (query @ key.transpose(-2, -1)).softmax(-1)


class FusedWithoutScale(Right):
    def mixed(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(query, key, value, scale=1.0)


class WithoutLayerNorm(Right):
    def normed(self, tokens: Tensor) -> Tensor:
        return tokens


class WithoutPositions(Right):
    def place(self, tokens: Tensor) -> Tensor:
        return tokens


class WithoutSkip(Right):
    def update(self, tokens: Tensor, attended: Tensor) -> Tensor:
        return attended


class KeysForQueries(Right):
    def mixed(self, query: Tensor, key: Tensor, value: Tensor) -> Any:
        return self.weights(key, query) @ value


WRONG = (
    "SoftmaxOfColumns",
    "SoftmaxOfHeads",
    "WithoutScale",
    "FusedWithoutScale",
    "WithoutLayerNorm",
    "WithoutPositions",
    "WithoutSkip",
    "KeysForQueries",
)
