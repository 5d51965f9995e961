"""The feature map, or a patch, keeps axes that should have become one."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from tests.broken_models import Spelling

# Convolution and class token; the map stays two-dimensional.


class ImageEncoder(nn.Module):
    def __init__(self, hidden=48, blocks=2, classes=10):
        super().__init__()
        self.stem = nn.Conv2d(3, hidden, kernel_size=8, stride=8)
        self.cls = nn.Parameter(torch.zeros(1, 1, hidden))
        self.pos = nn.Parameter(torch.zeros(1, 26, hidden))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(hidden, 6, 96, 0.0, F.gelu, batch_first=True, norm_first=True)
            for _ in range(blocks)
        )
        self.head = nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, classes))

    def forward(self, x):
        x = self.stem(x)
        x = x.permute(0, 2, 3, 1)
        x = torch.cat((self.cls.repeat(x.shape[0], 1, 1), x), dim=1) + self.pos
        for layer in self.layers:
            x = layer(x)
        return self.head(x[:, 0])


def image_encoder():
    return ImageEncoder()


# No class token: positions are added, tokens are averaged; nn.MultiheadAttention.


class Pooler(nn.Module):
    def __init__(self, c, hw, d, h):
        super().__init__()
        self.to_map = nn.Conv2d(c, d, 4, 4)
        self.coords = nn.Parameter(0.02 * torch.randn(hw * hw, d))
        self.sa = nn.MultiheadAttention(d, h, batch_first=True)
        self.ff = nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))
        self.n1, self.n2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.logits = nn.Linear(d, 4)

    def forward(self, x):
        m = self.to_map(x)
        u = m.movedim(1, -1)
        u = u + self.coords
        v = self.n1(u)
        u = u + self.sa(v, v, v)[0]
        u = u + self.ff(self.n2(u))
        return self.logits(u.mean(1))


def pooler():
    return Pooler(3, 6, 32, 4)


# nn.Sequential all the way.


class Move(nn.Module):
    def __init__(self, *order):
        super().__init__()
        self.order = order

    def forward(self, x):
        return x.permute(self.order)


class Average(nn.Module):
    def forward(self, x):
        return x.mean(dim=-2)


def stacked():
    d = 20
    return nn.Sequential(
        nn.Conv2d(3, d, 5, 5),
        Move(0, 2, 3, 1),
        nn.LayerNorm(d),
        nn.TransformerEncoder(nn.TransformerEncoderLayer(d, 5, 40, batch_first=True), 2, enable_nested_tensor=False),
        Average(),
        nn.Linear(d, 8),
    )


# Patches by reshape; their pixels are not made one vector.


class Linearised(nn.Module):
    def __init__(self, size=16, p=4, w=28, heads=7):
        super().__init__()
        self.p, self.heads = p, heads
        self.embed = nn.Linear(p * p * 3, w)
        self.qkv = nn.Linear(w, 3 * w)
        self.back = nn.Linear(w, w)
        self.top = nn.Linear(w, 3)

    def forward(self, im):
        b, c, h, _ = im.shape
        g = h // self.p
        x = im.reshape(b, c, g, self.p, g, self.p).permute(0, 2, 4, 3, 5, 1)
        x = x.flatten(1, 2)
        x = self.embed(x)
        q, k, v = self.qkv(x).view(b, g * g, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        a = (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=-1) @ v
        x = x + self.back(a.transpose(1, 2).reshape(b, g * g, -1))
        return self.top(x.amax(1))


def linearised():
    return Linearised()


SPELLINGS = (
    Spelling(
        image_encoder, (2, 3, 40, 40), (2, 10), fix=(("x.permute(0, 2, 3, 1)", "x.permute(0, 2, 3, 1).flatten(1, 2)"),)
    ),
    Spelling(pooler, (2, 3, 24, 24), (2, 4), fix=(("u = m.movedim(1, -1)", "u = m.flatten(2).movedim(1, -1)"),)),
    Spelling(
        stacked,
        (1, 3, 20, 20),
        (1, 8),
        fix=(("Move(0, 2, 3, 1),", "nn.Flatten(2),\n        Move(0, 2, 1),"),),
        raises=AssertionError,
    ),
    Spelling(linearised, (2, 3, 16, 16), (2, 3), fix=(("x = x.flatten(1, 2)", "x = x.flatten(1, 2).flatten(2)"),)),
)
