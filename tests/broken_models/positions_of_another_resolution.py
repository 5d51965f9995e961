"""The position embedding belongs to pictures of another size."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from tests.broken_models import Spelling

# A model for 32 pixels sees 48.


class Vit32(nn.Module):
    def __init__(self, dim=32, depth=2, heads=4, patch=8, size=32, classes=10):
        super().__init__()
        self.to_patch_embedding = nn.Conv2d(3, dim, patch, patch)
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim))
        self.pos_embedding = nn.Parameter(torch.randn(1, (size // patch) ** 2 + 1, dim))
        self.transformer = nn.ModuleList(
            nn.TransformerEncoderLayer(dim, heads, 2 * dim, batch_first=True, norm_first=True) for _ in range(depth)
        )
        self.mlp_head = nn.Linear(dim, classes)

    def forward(self, img):
        x = self.to_patch_embedding(img).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls_token.repeat(len(x), 1, 1), x), dim=1)
        x += self.pos_embedding
        for block in self.transformer:
            x = block(x)
        return self.mlp_head(x[:, 0])


def other_picture():
    return Vit32()


# An embedding table looked up by a fixed list of places; no class token.


class Lookup(nn.Module):
    def __init__(self, trained_at=40, p=8, d=26):
        super().__init__()
        n = (trained_at // p) ** 2
        self.p = p
        self.pixels = nn.Linear(3 * p * p, d)
        self.places = nn.Embedding(n, d)
        self.register_buffer("ids", torch.arange(n), persistent=False)
        self.self_attention = nn.MultiheadAttention(d, 2, batch_first=True)
        self.label = nn.Linear(d, 3)

    def forward(self, im):
        x = im.unfold(2, self.p, self.p).unfold(3, self.p, self.p)
        x = x.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
        x = self.pixels(x) + self.places(self.ids)
        x = x + self.self_attention(x, x, x)[0]
        return self.label(x.mean(dim=1))


def lookup():
    return Lookup()


# Sine and cosine, a grid of places added to the map before it is flattened.


def waves(channels, side):
    angle = torch.arange(side).float()[None] / 100 ** (torch.arange(channels // 2).float()[:, None] / channels)
    return torch.cat((angle.sin()[:, :, None].expand(-1, -1, side), angle.cos()[:, None].expand(-1, side, -1)))


class Waves(nn.Module):
    def __init__(self, channels=40, grid=4, out=6):
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 16, 16)
        self.register_buffer("grid", waves(channels, grid))
        self.norm = nn.LayerNorm(channels)
        self.to_qkv = nn.Linear(channels, channels * 3)
        self.to_out = nn.Linear(channels, channels)
        self.decide = nn.Linear(channels, out)

    def forward(self, x):
        fmap = self.stem(x)
        fmap = fmap + self.grid
        tok = fmap.flatten(2).mT
        q, k, v = self.to_qkv(self.norm(tok)).split(tok.shape[-1], dim=-1)
        tok = tok + self.to_out(F.softmax(q @ k.mT / math.sqrt(tok.shape[-1]), -1) @ v)
        return self.decide(tok.mean(1))


def waving():
    return Waves()


# Weights of one resolution are loaded into a model of another.


class Student(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.e = nn.Conv2d(3, 24, 8, 8)
        self.c = nn.Parameter(torch.zeros(1, 1, 24))
        self.p = nn.Parameter(torch.zeros(1, size * size // 64 + 1, 24))
        self.b = nn.TransformerEncoderLayer(24, 3, 48, batch_first=True)
        self.h = nn.Linear(24, 10)

    def forward(self, x):
        x = self.e(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.c.expand(x.size(0), 1, 24), x], 1) + self.p
        return self.h(self.b(x)[:, 0])


def finetuned():
    weights = Student(32).state_dict()
    model = Student(64)
    model.load_state_dict(weights)
    return model


RESIZED = """    grid = weights["p"][:, 1:].mT.unflatten(2, (4, 4))
    grid = F.interpolate(grid, size=(8, 8), mode="bicubic").flatten(2).mT
    weights["p"] = torch.cat([weights["p"][:, :1], grid], 1)
    model = Student(64)
"""

SPELLINGS = (
    Spelling(other_picture, (2, 3, 48, 48), (2, 10), should_be_given=(2, 3, 32, 32)),
    Spelling(lookup, (2, 3, 24, 24), (2, 3), fix=(("trained_at=40", "trained_at=24"),)),
    Spelling(waving, (1, 3, 96, 96), (1, 6), fix=(("grid=4, out=6", "grid=6, out=6"),)),
    Spelling(
        finetuned,
        (2, 3, 64, 64),
        (2, 10),
        in_constructor=True,
        fix=(("    model = Student(64)\n    model.load", f"{RESIZED}    model.load"),),
    ),
)
