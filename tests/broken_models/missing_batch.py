"""A single picture where a batch of pictures is expected."""

import torch
import torch.nn.functional as F
from einops.layers.torch import Rearrange, Reduce
from torch import nn

from tests.broken_models import Spelling

# The model is right; it is called with one picture as the data set gives it.


class Backbone(nn.Module):
    def __init__(self, d=36, n_layers=2, n_heads=6, n_classes=10):
        super().__init__()
        self.patchify = nn.Conv2d(3, d, 8, 8)
        self.token = nn.Parameter(torch.randn(1, 1, d))
        self.loc = nn.Parameter(torch.randn(1, 17, d))
        self.trunk = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(d, n_heads, 4 * d, batch_first=True, activation="gelu"), n_layers
        )
        self.fc = nn.Linear(d, n_classes)

    def forward(self, x):
        x = self.patchify(x)
        x = x.flatten(2).transpose(1, 2)
        token = self.token.expand(x.shape[0], -1, -1)
        x = torch.cat((token, x), dim=1) + self.loc
        return self.fc(self.trunk(x)[:, 0])


def backbone():
    return Backbone()


# Inference code around a model forgets unsqueeze; the model unpacks four sizes.


class Cutter(nn.Module):
    def __init__(self, p, d):
        super().__init__()
        self.p = p
        self.w = nn.Linear(3 * p * p, d)

    def forward(self, x):
        n, c, h, w = x.shape
        x = x.view(n, c, h // self.p, self.p, w // self.p, self.p)
        return self.w(x.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2))


class Service(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            Cutter(5, 16), nn.TransformerEncoderLayer(16, 2, 16, batch_first=True), nn.LayerNorm(16), nn.Linear(16, 3)
        )

    def forward(self, photo):
        photo = (photo - 0.5) / 0.5
        return self.net(photo).mean(dim=1).softmax(-1)


def service():
    return Service()


# A pipeline of einops layers.


def pipeline():
    return nn.Sequential(
        Rearrange("b c (i p) (j q) -> b (i j) (p q c)", p=8, q=8),
        nn.Linear(192, 50),
        nn.LayerNorm(50),
        nn.TransformerEncoderLayer(50, 10, 100, batch_first=True),
        Reduce("b t d -> b d", "mean"),
        nn.Linear(50, 21),
    )


# Unfold takes a single picture without complaint; the transposition after it does not.


class Stripes(nn.Module):
    def __init__(self, p=12, d=18):
        super().__init__()
        self.p = p
        self.enter = nn.Linear(3 * p * p, d)
        self.q, self.k, self.v = nn.Linear(d, d), nn.Linear(d, d), nn.Linear(d, d)
        self.bye = nn.Linear(d, 4)

    def forward(self, picture):
        cols = F.unfold(picture, self.p, stride=self.p)
        t = self.enter(cols.transpose(1, 2))
        att = torch.bmm(self.q(t), self.k(t).transpose(1, 2)).div(18**0.5).softmax(2)
        return self.bye((t + torch.bmm(att, self.v(t))).mean(1))


def stripes():
    return Stripes()


SPELLINGS = (
    Spelling(backbone, (3, 32, 32), (1, 10), should_be_given=(1, 3, 32, 32)),
    Spelling(
        service,
        (3, 20, 20),
        (1, 3),
        raises=ValueError,
        fix=(("photo = (photo - 0.5) / 0.5", "photo = ((photo - 0.5) / 0.5).unsqueeze(0)"),),
    ),
    Spelling(pipeline, (3, 16, 16), (1, 21), should_be_given=(1, 3, 16, 16), raises=KeyError),
    Spelling(
        stripes, (3, 36, 36), (1, 4), fix=(("F.unfold(picture, ", "F.unfold(picture[None], "),), raises=IndexError
    ),
)
