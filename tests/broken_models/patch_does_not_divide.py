"""The picture is not a whole number of patches."""

import torch
import torch.nn.functional as F
from einops import EinopsError, rearrange
from torch import nn

from tests.broken_models import Spelling

# Convolution, class token, PyTorch's encoder; the number of positions from areas.


class Tiles(nn.Module):
    def __init__(self, res=30, tile=8, width=40, depth=2, n_out=6):
        super().__init__()
        self.cutter = nn.Conv2d(3, width, tile, stride=tile)
        self.lead = nn.Parameter(torch.zeros(1, 1, width))
        self.where = nn.Parameter(torch.randn(1, res * res // (tile * tile) + 1, width) * 0.02)
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.out = nn.Linear(width, n_out)

    def forward(self, img):
        t = self.cutter(img).flatten(2).transpose(1, 2)
        t = torch.cat([self.lead.expand(t.size(0), -1, -1), t], dim=1)
        return self.out(self.body(t + self.where)[:, 0])


def tiles():
    return Tiles()


# einops cuts, mean pooling, attention by hand with three projections.


class Selfie(nn.Module):
    def __init__(self, dim, n):
        super().__init__()
        self.n = n
        self.a, self.b, self.c = (nn.Linear(dim, dim, bias=False) for _ in range(3))
        self.o = nn.Linear(dim, dim)

    def forward(self, s):
        a, b, c = (rearrange(f(s), "z t (n e) -> z n t e", n=self.n) for f in (self.a, self.b, self.c))
        m = torch.einsum("znte,znue->zntu", a, b).mul(a.shape[-1] ** -0.5).softmax(-1)
        return self.o(rearrange(torch.einsum("zntu,znue->znte", m, c), "z n t e -> z t (n e)"))


class Mosaic(nn.Module):
    side = 7

    def __init__(self):
        super().__init__()
        self.lift = nn.Linear(3 * self.side**2, 36)
        self.mix = nn.ModuleList([Selfie(36, 3) for _ in range(3)])
        self.cls = nn.Linear(36, 5)

    def forward(self, pics):
        s = rearrange(pics, "z c (h p) (w q) -> z (h w) (p q c)", p=self.side, q=self.side)
        s = self.lift(s)
        for m in self.mix:
            s = s + m(s)
        return self.cls(s.mean(1))


def mosaic():
    return Mosaic()


# view and permute, functional weights in a dictionary, a wide picture.


class Flat(nn.Module):
    def __init__(self, e=24, ph=16, k=4):
        super().__init__()
        self.ph, self.k = ph, k
        g = torch.Generator().manual_seed(0)
        for name, shape in {"we": (e, 3 * ph * ph), "wqkv": (3 * e, e), "wo": (e, e), "wc": (7, e)}.items():
            self.register_parameter(name, nn.Parameter(torch.randn(shape, generator=g) * 0.05))

    def forward(self, x):
        bs, ch, hh, ww = x.shape
        q = self.ph
        x = x.view(bs, ch, hh // q, q, ww // q, q).permute(0, 2, 4, 3, 5, 1).reshape(bs, -1, q * q * ch)
        x = F.linear(x, self.we)
        qkv = F.linear(F.layer_norm(x, x.shape[-1:]), self.wqkv).unflatten(-1, (3, self.k, -1)).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(*qkv.unbind(0)).transpose(1, 2).flatten(2)
        return F.linear((x + F.linear(y, self.wo)).mean(dim=1), self.wc)


def flat():
    return Flat()


# F.unfold, nn.MultiheadAttention, positions counted by rounding up, one picture.


class Crop(nn.Module):
    def __init__(self, height=33, step=8, d=32):
        super().__init__()
        self.step = step
        rows = -(-height // step)
        self.proj = nn.Linear(step * step * 3, d)
        self.register_buffer("table", torch.linspace(-1, 1, rows * rows * d).view(rows * rows, d))
        self.attn = nn.MultiheadAttention(d, 2, batch_first=True)
        self.norm = nn.LayerNorm(d)
        self.fc = nn.Linear(d, 11)

    def forward(self, x):
        cols = F.unfold(x, self.step, stride=self.step).mT
        h = self.proj(cols) + self.table
        n = self.norm(h)
        h = h + self.attn(n, n, n, need_weights=False)[0]
        return self.fc(h.mean(1))


def crop():
    return Crop()


SPELLINGS = (
    Spelling(tiles, (2, 3, 30, 30), (2, 6), fix=(("res=30, tile=8, width=40", "res=30, tile=10, width=40"),)),
    Spelling(mosaic, (2, 3, 30, 30), (2, 5), fix=(("side = 7", "side = 6"),), raises=EinopsError),
    Spelling(flat, (3, 3, 48, 40), (3, 7), fix=(("ph=16, k=4", "ph=8, k=4"),)),
    Spelling(crop, (1, 3, 33, 33), (1, 11), fix=(("height=33, step=8, d=32", "height=33, step=11, d=32"),)),
)
