"""D is not a whole number of heads."""

import torch
import torch.nn.functional as F
from einops import EinopsError, rearrange, repeat
from torch import nn

from tests.broken_models import Spelling

# PyTorch's layer, which looks at once.


def ready_made():
    d_model, nhead = 70, 8

    class Tiny(nn.Module):
        def __init__(self):
            super().__init__()
            self.patch = nn.Conv2d(3, d_model, 10, 10)
            self.layers = nn.TransformerEncoder(
                nn.TransformerEncoderLayer(d_model, nhead, 128, batch_first=True), 2, enable_nested_tensor=False
            )
            self.lin = nn.Linear(d_model, 5)

        def forward(self, x):
            return self.lin(self.layers(self.patch(x).flatten(2).transpose(1, 2)).mean(1))

    return Tiny()


# view by hand.


class Mha(nn.Module):
    def __init__(self, size, heads):
        super().__init__()
        self.heads = heads
        self.head_size = size // heads
        self.query, self.key, self.value = nn.Linear(size, size), nn.Linear(size, size), nn.Linear(size, size)
        self.dense = nn.Linear(size, size)

    def shape_up(self, x):
        return x.view(x.size(0), x.size(1), self.heads, self.head_size).permute(0, 2, 1, 3)

    def forward(self, x):
        q, k, v = self.shape_up(self.query(x)), self.shape_up(self.key(x)), self.shape_up(self.value(x))
        probs = nn.functional.softmax(torch.matmul(q, k.transpose(-1, -2)) / self.head_size**0.5, dim=-1)
        ctx = torch.matmul(probs, v).permute(0, 2, 1, 3).contiguous()
        return self.dense(ctx.view(ctx.size(0), ctx.size(1), -1))


class Bertish(nn.Module):
    def __init__(self, size=50, heads=4):
        super().__init__()
        self.embed = nn.Conv2d(3, size, 8, 8)
        self.first = nn.Parameter(torch.zeros(1, 1, size))
        self.att = Mha(size, heads)
        self.ln = nn.LayerNorm(size)
        self.cls = nn.Linear(size, 7)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.first.expand(x.size(0), -1, -1), x), 1)
        x = x + self.att(self.ln(x))
        return self.cls(x[:, 0])


def bertish():
    return Bertish()


# einops.


class Lucid(nn.Module):
    def __init__(self, dim=32, heads=5):
        super().__init__()
        self.h = heads
        self.patch_to_embedding = nn.Linear(3 * 4 * 4, dim)
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim))
        self.norm = nn.LayerNorm(dim)
        self.to_qkv = nn.Linear(dim, dim * 3, bias=False)
        self.to_out = nn.Linear(dim, dim)
        self.mlp_head = nn.Linear(dim, 10)

    def forward(self, img):
        x = rearrange(img, "b c (h p1) (w p2) -> b (h w) (p1 p2 c)", p1=4, p2=4)
        x = self.patch_to_embedding(x)
        x = torch.cat((repeat(self.cls_token, "() n d -> b n d", b=x.shape[0]), x), dim=1)
        q, k, v = (rearrange(t, "b n (h d) -> b h n d", h=self.h) for t in self.to_qkv(self.norm(x)).chunk(3, -1))
        out = F.scaled_dot_product_attention(q, k, v)
        x = x + self.to_out(rearrange(out, "b h n d -> b n (h d)"))
        return self.mlp_head(x[:, 0])


def lucid():
    return Lucid()


# The heads are pieces of a list, stacked.


class Pieces(nn.Module):
    def __init__(self, d=22, n_heads=4, depth=2):
        super().__init__()
        self.n_heads = n_heads
        self.window = nn.Unfold(6, stride=6)
        self.inp = nn.Linear(108, d)
        pair = {"a": 3 * d, "b": d}
        self.steps = nn.ModuleList(
            nn.ModuleDict({key: nn.Linear(d, size) for key, size in pair.items()}) for _ in range(depth)
        )
        self.end = nn.Linear(d, 4)

    def heads(self, t):
        return torch.stack(t.chunk(self.n_heads, dim=-1), dim=1)

    def forward(self, x):
        x = self.inp(self.window(x).transpose(-1, -2))
        for step in self.steps:
            q, k, v = map(self.heads, step["a"](x).chunk(3, dim=-1))
            o = F.scaled_dot_product_attention(q, k, v)
            x = x + step["b"](torch.cat(o.unbind(1), dim=-1))
        return self.end(x.mean(-2))


def pieces():
    return Pieces()


SPELLINGS = (
    Spelling(
        ready_made,
        (2, 3, 30, 30),
        (2, 5),
        fix=(("d_model, nhead = 70, 8", "d_model, nhead = 70, 7"),),
        raises=AssertionError,
        in_constructor=True,
    ),
    Spelling(bertish, (2, 3, 24, 24), (2, 7), fix=(("size=50, heads=4", "size=50, heads=5"),)),
    Spelling(lucid, (2, 3, 16, 16), (2, 10), fix=(("dim=32, heads=5", "dim=32, heads=4"),), raises=EinopsError),
    Spelling(pieces, (1, 3, 18, 18), (1, 4), fix=(("d=22, n_heads=4", "d=24, n_heads=4"),)),
)
