"""Two axes are in each other's place."""

import torch
import torch.nn.functional as F
from torch import nn

from tests.broken_models import Spelling

# Convolution, flattened, class token.


class PatchEmbed(nn.Module):
    def __init__(self, img_size, patch_size, in_chans, embed_dim):
        super().__init__()
        self.num_patches = (img_size // patch_size) ** 2
        self.proj = nn.Conv2d(in_chans, embed_dim, patch_size, patch_size)

    def forward(self, x):
        return self.proj(x).flatten(2)


class Net(nn.Module):
    def __init__(self, embed_dim=64, depth=1):
        super().__init__()
        self.patch_embed = PatchEmbed(48, 16, 3, embed_dim)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, embed_dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, self.patch_embed.num_patches + 1, embed_dim))
        self.blocks = nn.Sequential(
            *(nn.TransformerEncoderLayer(embed_dim, 8, 128, batch_first=True) for _ in range(depth))
        )
        self.head = nn.Linear(embed_dim, 100)

    def forward(self, x):
        x = self.patch_embed(x)
        x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], dim=1)
        x = self.blocks(x + self.pos_embed)
        return self.head(x[:, 0])


def timm_like():
    return Net()


# No class token, LayerNorm at once, one picture.


class Gap(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 24, 8, 8)
        self.ln = nn.LayerNorm(24)
        self.qkv = nn.Linear(24, 72)
        self.fc = nn.Linear(24, 2)

    def forward(self, x):
        feats = self.conv(x)
        seq = torch.flatten(feats, start_dim=2)
        seq = self.ln(seq)
        q, k, v = self.qkv(seq).chunk(3, dim=-1)
        seq = seq + F.scaled_dot_product_attention(q, k, v)
        return self.fc(seq.mean(1))


def gap():
    return Gap()


# The heads are split off, and stay behind the tokens: every token attends to its own heads. Nothing is raised.


class Attn(nn.Module):
    def __init__(self, d, h):
        super().__init__()
        self.h, self.d = h, d
        self.in_ = nn.Linear(d, 3 * d)
        self.out = nn.Linear(d, d)

    def forward(self, x):
        B, T, _ = x.shape
        q, k, v = self.in_(x).reshape(B, T, 3, self.h, self.d // self.h).unbind(2)
        w = torch.matmul(q, k.transpose(-2, -1)) * (self.d // self.h) ** -0.5
        w = F.softmax(w, dim=-1)
        y = torch.matmul(w, v)
        return self.out(y.reshape(B, T, self.d))


class HeadMixer(nn.Module):
    def __init__(self, d=30, h=5, layers=2):
        super().__init__()
        self.e = nn.Conv2d(3, d, 6, 6)
        self.t = nn.Parameter(torch.randn(1, 1, d))
        self.p = nn.Parameter(torch.randn(1, 17, d))
        self.a = nn.ModuleList(Attn(d, h) for _ in range(layers))
        self.n = nn.ModuleList(nn.LayerNorm(d) for _ in range(layers))
        self.c = nn.Linear(d, 9)

    def forward(self, x):
        x = self.e(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.t.expand(len(x), -1, -1), x), 1) + self.p
        for a, n in zip(self.a, self.n, strict=True):
            x = x + a(n(x))
        return self.c(x[:, 0])


def head_mixer():
    return HeadMixer()


# nn.Unfold gives columns of pixels; the linear layer wants rows.


class Columns(nn.Module):
    def __init__(self, k=10, m=44):
        super().__init__()
        self.take = nn.Unfold(k, stride=k)
        self.go = nn.Linear(3 * k * k, m)
        self.enc = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(m, 4, m, batch_first=True), 3, enable_nested_tensor=False
        )
        self.score = nn.Linear(m, 12)

    def forward(self, pixels):
        patches = self.take(pixels)
        return self.score(self.enc(self.go(patches)).mean(dim=1))


def columns():
    return Columns()


SPELLINGS = (
    Spelling(
        timm_like,
        (4, 3, 48, 48),
        (4, 100),
        fix=(("self.proj(x).flatten(2)\n", "self.proj(x).flatten(2).transpose(1, 2)\n"),),
    ),
    Spelling(gap, (1, 3, 32, 32), (1, 2), fix=(("start_dim=2)", "start_dim=2).permute(0, 2, 1)"),)),
    Spelling(
        head_mixer,
        (2, 3, 24, 24),
        (2, 9),
        raises=None,
        fix=(
            (".unbind(2)", ".permute(2, 0, 3, 1, 4).unbind(0)"),
            ("y = torch.matmul(w, v)", "y = torch.matmul(w, v).transpose(1, 2)"),
        ),
    ),
    Spelling(columns, (2, 3, 30, 30), (2, 12), fix=(("self.take(pixels)", "self.take(pixels).mT"),)),
)
