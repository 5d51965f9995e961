"""The class token is joined along the wrong axis, or forgotten, or its position is."""

import torch
import torch.nn.functional as F
from torch import nn

from tests.broken_models import Spelling

# Along the last axis.


class Along(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.to_patches = nn.Conv2d(3, dim, 8, 8)
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim))
        self.pos = nn.Parameter(torch.randn(1, 17, dim))
        self.enc = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(dim, 8, dim, batch_first=True), 2, enable_nested_tensor=False
        )
        self.fc = nn.Linear(dim, 10)

    def forward(self, x):
        x = self.to_patches(x).flatten(2).transpose(1, 2)
        cls = self.cls_token.expand(x.size(0), -1, -1)
        x = torch.cat((cls, x), dim=-1)
        return self.fc(self.enc(x + self.pos)[:, 0])


def along():
    return Along()


# Forgotten.


class Forgetful(nn.Module):
    def __init__(self, p=6, e=21, grid=4):
        super().__init__()
        self.p = p
        self.pix = nn.Linear(3 * p * p, e)
        self.start = nn.Parameter(torch.zeros(e))
        self.place = nn.Parameter(torch.zeros(grid * grid + 1, e))
        self.att = nn.MultiheadAttention(e, 3, batch_first=True)
        self.guess = nn.Linear(e, 5)

    def forward(self, x):
        b, c, h, w = x.shape
        x = x.view(b, c, h // self.p, self.p, w // self.p, self.p).permute(0, 2, 4, 1, 3, 5)
        x = self.pix(x.reshape(b, -1, c * self.p * self.p))
        x = x + self.place
        x = x + self.att(x, x, x, need_weights=False)[0]
        return self.guess(x[:, 0])


def forgetful():
    return Forgetful()


# Joined, but there are only as many positions as patches; functional.


class Places(nn.Module):
    def __init__(self, size=35, p=7, d=40):
        super().__init__()
        self.p = p
        self.kernel = nn.Parameter(torch.randn(d, 3, p, p) * 0.03)
        self.summary = nn.Parameter(torch.randn(d) * 0.03)
        self.register_buffer("table", torch.zeros((size // p) ** 2, d))
        self.w = nn.Parameter(torch.randn(3, 4, d // 4, d) * 0.1)
        self.u = nn.Parameter(torch.randn(11, d) * 0.1)

    def forward(self, x):
        patches = F.conv2d(x, self.kernel, stride=self.p).flatten(2).mT
        first = self.summary.expand(x.shape[0], 1, -1)
        z = torch.cat([first, patches], 1)
        z = z + self.table
        q, k, v = torch.einsum("btd,zhed->zbhte", F.layer_norm(z, z.shape[-1:]), self.w)
        z = z + F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return F.linear(z[:, 0], self.u)


def places():
    return Places()


# The sequence comes first, and the token is joined along the batch.


class Upright(nn.Module):
    def __init__(self, m=45):
        super().__init__()
        self.unfold = nn.Unfold(kernel_size=9, stride=9)
        self.lin = nn.Linear(243, m)
        self.head_token = nn.Parameter(torch.randn(1, 1, m))
        self.order = nn.Parameter(torch.randn(10, 1, m))
        self.layer = nn.TransformerEncoderLayer(m, 9, m)
        self.out = nn.Linear(m, 7)

    def forward(self, x):
        seq = self.lin(self.unfold(x).permute(2, 0, 1))
        tok = self.head_token.repeat(1, seq.size(1), 1)
        seq = torch.cat([tok, seq], 1)
        seq = self.layer(seq + self.order)
        return self.out(seq[0])


def upright():
    return Upright()


SPELLINGS = (
    Spelling(along, (2, 3, 32, 32), (2, 10), fix=(("(cls, x), dim=-1)", "(cls, x), dim=1)"),)),
    Spelling(
        forgetful,
        (2, 3, 24, 24),
        (2, 5),
        fix=(("x = x + self.place\n", "x = torch.cat([self.start.expand(b, 1, -1), x], 1) + self.place\n"),),
    ),
    Spelling(places, (1, 3, 35, 35), (1, 11), fix=(("(size // p) ** 2, d)", "(size // p) ** 2 + 1, d)"),)),
    Spelling(upright, (3, 3, 27, 27), (3, 7), fix=(("torch.cat([tok, seq], 1)", "torch.cat([tok, seq], 0)"),)),
)
