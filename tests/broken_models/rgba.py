"""Pictures with a fourth channel, opacity."""

import torch
from einops import rearrange
from torch import nn

from tests.broken_models import Spelling

# Into a convolution.


class Conv4(nn.Module):
    def __init__(self, d=30, classes=6):
        super().__init__()
        self.embedding = nn.Conv2d(in_channels=3, out_channels=d, kernel_size=10, stride=10)
        self.cls = nn.Parameter(torch.zeros(1, 1, d))
        self.attention = nn.MultiheadAttention(d, 5, batch_first=True)
        self.output = nn.Linear(d, classes)

    def forward(self, image):
        seq = self.embedding(image).flatten(2).transpose(1, 2)
        seq = torch.cat([self.cls.expand(len(seq), -1, -1), seq], 1)
        return self.output(self.attention(seq, seq, seq)[0][:, 0])


def conv4():
    return Conv4()


# Into a linear layer over the pixels of a patch.


class Pixels(nn.Module):
    def __init__(self, p=4, dim=33):
        super().__init__()
        self.p = p
        self.fc1 = nn.Linear(p * p * 3, dim)
        self.norm = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.fc2 = nn.Linear(dim, 12)

    def forward(self, x):
        t = rearrange(x, "b c (h p) (w q) -> b (h w) (p q c)", p=self.p, q=self.p)
        t = self.fc1(t)
        q, k, v = rearrange(self.qkv(self.norm(t)), "b t (z h d) -> z b h t d", z=3, h=3)
        o = (torch.einsum("bhid,bhjd->bhij", q, k) / 11**0.5).softmax(-1)
        t = t + rearrange(torch.einsum("bhij,bhjd->bhid", o, v), "b h t d -> b t (h d)")
        return self.fc2(t.mean(1))


def pixels():
    return Pixels()


# Into the normalisation by channel, a single picture.


MEANS, STDS = torch.tensor([0.5, 0.4, 0.4])[:, None, None], torch.tensor([0.2, 0.2, 0.2])[:, None, None]


class Inference(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 16, 8, 8)
        self.b = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
        self.c = nn.Linear(16, 9)

    def forward(self, png):
        x = (png / 255 - MEANS) / STDS
        x = self.a(x.unsqueeze(0))
        return self.c(self.b(x.flatten(2).transpose(1, 2)).mean(1))


def inference():
    return Inference()


# Channels last, turned rightly, and one too many.


class FromArray(nn.Module):
    def __init__(self, hidden=26):
        super().__init__()
        self.hidden = hidden
        self.filters = nn.Parameter(torch.randn(hidden, 3, 6, 6) * 0.05)
        self.offset = nn.Parameter(torch.zeros(26))
        self.layers = nn.Sequential(*(nn.TransformerEncoderLayer(hidden, 2, 26, batch_first=True) for _ in range(2)))
        self.final = nn.Linear(hidden, 3)

    def forward(self, array):
        x = array.permute(0, 3, 1, 2)
        x = nn.functional.conv2d(x, self.filters, self.offset, stride=6)
        x = x.reshape(x.shape[0], self.hidden, -1).permute(0, 2, 1)
        return self.final(self.layers(x).mean(dim=1))


def from_array():
    return FromArray()


SPELLINGS = (
    Spelling(conv4, (2, 4, 30, 30), (2, 6), should_be_given=(2, 3, 30, 30)),
    Spelling(pixels, (3, 4, 20, 20), (3, 12), fix=(("rearrange(x, ", "rearrange(x[:, :3], "),)),
    Spelling(inference, (4, 24, 24), (1, 9), fix=(("png / 255", "png[:3] / 255"),)),
    Spelling(from_array, (1, 18, 18, 4), (1, 3), fix=(("array.permute(", "array[..., :3].permute("),)),
)
