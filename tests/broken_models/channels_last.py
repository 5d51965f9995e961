"""Pictures as NumPy and Pillow have them, [H, W, C], where the model wants [C, H, W]."""

import torch
from torch import nn

from tests.broken_models import Spelling

# A batch straight from an array.


class Ordinary(nn.Module):
    def __init__(self, d=24):
        super().__init__()
        self.patch_embeddings = nn.Conv2d(3, d, 8, 8)
        self.tok = nn.Parameter(torch.zeros(1, 1, d))
        self.pe = nn.Parameter(torch.zeros(1, 17, d))
        self.enc = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(d, 4, d, batch_first=True), 1, enable_nested_tensor=False
        )
        self.fc = nn.Linear(d, 10)

    def forward(self, x):
        x = self.patch_embeddings(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.tok.expand(x.size(0), -1, -1), x], 1) + self.pe
        return self.fc(self.enc(x)[:, 0])


def ordinary():
    return Ordinary()


# Windows are unfolded along axes 2 and 3.


class Windows(nn.Module):
    def __init__(self, p=8, d=35):
        super().__init__()
        self.p = p
        self.up = nn.Linear(3 * p * p, d)
        self.mha = nn.MultiheadAttention(d, 5, batch_first=True)
        self.answer = nn.Linear(d, 2)

    def forward(self, batch):
        batch = batch.float() / 255
        w = batch.unfold(2, self.p, self.p).unfold(3, self.p, self.p)
        w = w.permute(0, 2, 3, 1, 4, 5)
        t = self.up(w.reshape(w.shape[0], w.shape[1] * w.shape[2], -1))
        return self.answer((t + self.mha(t, t, t)[0]).mean(1))


def windows():
    return Windows()


# One photograph, made a batch of, and its axes left as they are.


class Predictor(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, array):
        tensor = array.float().div(255).sub(0.5).div(0.5)
        return self.net(tensor[None])


class Mean(nn.Module):
    def forward(self, x):
        return x.flatten(2).mean(-1)


class OnMap(nn.Module):
    """A Transformer layer over the cells of a map."""

    def __init__(self, d):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(d, 3, 2 * d, batch_first=True)

    def forward(self, m):
        return self.layer(m.flatten(2).mT).mT.unflatten(2, m.shape[2:])


def predictor():
    return Predictor(nn.Sequential(nn.Conv2d(3, 21, 10, 10), OnMap(21), OnMap(21), Mean(), nn.Linear(21, 8)))


# Normalisation by channel comes first.


class Normalised(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))
        self.kernel = nn.Parameter(torch.randn(18, 3, 12, 12) * 0.02)
        self.block = nn.TransformerEncoderLayer(18, 2, 18, batch_first=True)
        self.classify = nn.Linear(18, 4)

    def forward(self, pictures):
        pictures = (pictures - self.mean) / self.std
        tokens = torch.conv2d(pictures, self.kernel, stride=12).flatten(2).movedim(2, 1)
        return self.classify(self.block(tokens).mean(1))


def normalised():
    return Normalised()


SPELLINGS = (
    Spelling(ordinary, (2, 32, 32, 3), (2, 10), should_be_given=(2, 3, 32, 32)),
    Spelling(
        windows,
        (4, 24, 24, 3),
        (4, 2),
        dtype=torch.uint8,
        fix=(("batch = batch.float() / 255", "batch = batch.permute(0, 3, 1, 2).float() / 255"),),
    ),
    Spelling(
        predictor,
        (40, 30, 3),
        (1, 8),
        dtype=torch.uint8,
        fix=(("self.net(tensor[None])", "self.net(tensor.permute(2, 0, 1)[None])"),),
    ),
    Spelling(normalised, (2, 36, 36, 3), (2, 4), should_be_given=(2, 3, 36, 36)),
)
