"""PyTorch's attention is told, or left to assume, the wrong order of batch and sequence."""

import torch
from einops.layers.torch import Rearrange
from torch import nn

from tests.broken_models import Spelling

# The argument is left out. Nothing is raised: the pictures of the batch attend to each other.


class Plain(nn.Module):
    def __init__(self, d=32, layers=2):
        super().__init__()
        self.project = nn.Conv2d(3, d, 8, 8)
        self.cls = nn.Parameter(torch.zeros(1, 1, d))
        self.pos = nn.Parameter(torch.randn(1, 26, d))
        encoder_layer = nn.TransformerEncoderLayer(d_model=d, nhead=4, dim_feedforward=64, activation="gelu")
        self.encoder = nn.TransformerEncoder(encoder_layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(d, 10)

    def forward(self, x):
        x = self.project(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], dim=1) + self.pos
        return self.head(self.encoder(x)[:, 0])


def plain():
    return Plain()


# A mask over the tokens meets an attention over the batch.


class Near(nn.Module):
    """Every patch attends to those around it."""

    def __init__(self, g=5, d=30):
        super().__init__()
        self.cut = nn.Sequential(Rearrange("b c (i p) (j q) -> b (i j) (c p q)", p=4, q=4), nn.Linear(48, d))
        row = torch.arange(g * g) // g
        self.register_buffer("far", (row[:, None] - row[None]).abs() > 1)
        self.look = nn.MultiheadAttention(d, 3)
        self.say = nn.Linear(d, 6)

    def forward(self, x):
        t = self.cut(x)
        s, _ = self.look(t, t, t, attn_mask=self.far)
        return self.say((t + s).mean(1))


def near():
    return Near()


# The other way round: the sequence comes first, and the layer is told that the batch does.


class ClipLike(nn.Module):
    def __init__(self, width=48, heads=6):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 16, 16, bias=False)
        self.extra = nn.Parameter(torch.randn(width))
        self.pos = nn.Parameter(torch.randn(10, width))
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.out = nn.Linear(width, 20)

    def forward(self, x):
        x = self.conv(x).flatten(2).permute(0, 2, 1)
        x = torch.cat([self.extra.expand(x.shape[0], 1, -1), x], dim=1) + self.pos
        x = x.permute(1, 0, 2)
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        x = x + self.mlp(self.ln_2(x))
        return self.out(x.permute(1, 0, 2)[:, 0])


def clip_like():
    return ClipLike()


# A learned question is put to the tokens.


class Asks(nn.Module):
    def __init__(self, dim=28):
        super().__init__()
        self.tok = nn.Conv2d(3, dim, 7, 7)
        self.question = nn.Parameter(torch.randn(1, 1, dim))
        self.pool = nn.MultiheadAttention(embed_dim=dim, num_heads=4)
        self.fc = nn.Linear(dim, 3)

    def forward(self, x):
        kv = self.tok(x).flatten(2).transpose(1, 2)
        q = self.question.expand(kv.shape[0], -1, -1)
        answer, _ = self.pool(q, kv, kv)
        return self.fc(answer[:, 0])


def asks():
    return Asks()


SPELLINGS = (
    Spelling(
        plain,
        (3, 3, 40, 40),
        (3, 10),
        raises=None,
        fix=(('activation="gelu")', 'activation="gelu", batch_first=True)'),),
    ),
    Spelling(
        near,
        (2, 3, 20, 20),
        (2, 6),
        fix=(("nn.MultiheadAttention(d, 3)", "nn.MultiheadAttention(d, 3, batch_first=True)"),),
    ),
    Spelling(
        clip_like,
        (1, 3, 48, 48),
        (1, 20),
        raises=None,
        fix=(("nn.MultiheadAttention(width, heads, batch_first=True)", "nn.MultiheadAttention(width, heads)"),),
    ),
    Spelling(asks, (3, 3, 28, 28), (3, 3), fix=(("num_heads=4)", "num_heads=4, batch_first=True)"),)),
)
