"""Models that break, or give something else than was wanted, for reasons outside the list of causes."""

import torch
import torch.nn.functional as F
from torch import nn

from tests.broken_models import Spelling


class Base(nn.Module):
    """A sound model, so that what is changed below is the only thing that is wrong."""

    def __init__(self, d=32, mlp=64, classes=10, heads=4):
        super().__init__()
        self.d, self.heads = d, heads
        self.patch = nn.Conv2d(3, d, 8, 8)
        self.cls = nn.Parameter(torch.zeros(1, 1, d))
        self.pos = nn.Parameter(torch.zeros(1, 17, d))
        self.norm_1, self.norm_2, self.norm = nn.LayerNorm(d), nn.LayerNorm(d), nn.LayerNorm(d)
        self.q, self.k, self.v, self.o = (nn.Linear(d, d) for _ in range(4))
        self.up, self.down = nn.Linear(d, mlp), nn.Linear(mlp, d)
        self.head = nn.Linear(d, classes)

    def split(self, x):
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def merge(self, x):
        return x.transpose(1, 2).flatten(2)

    def attention(self, x):
        q, k, v = self.split(self.q(x)), self.split(self.k(x)), self.split(self.v(x))
        return self.o(self.merge((q @ k.mT / q.shape[-1] ** 0.5).softmax(-1) @ v))

    def mlp(self, x):
        return self.down(F.gelu(self.up(x)))

    def tokens(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        return torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1) + self.pos

    def forward(self, x):
        x = self.tokens(x)
        x = x + self.attention(self.norm_1(x))
        x = x + self.mlp(self.norm_2(x))
        return self.head(self.norm(x[:, 0]))


def mlp_typo():
    model = Base()
    model.down = nn.Linear(46, 32)
    return model


def wrong_number_of_classes():
    model = Base()
    model.head = nn.Linear(32, 9)
    return model


class Transposed(Base):
    def mlp(self, x):
        return F.linear(F.gelu(self.up(x)), self.up.weight)


def transposed_weight():
    return Transposed()


def bytes_as_they_are():
    return Base()


class Picky(Base):
    def forward(self, x):
        if x.min() >= 0:
            raise ValueError("expected pictures that have been normalised")
        return super().forward(x)


def own_exception():
    return Picky()


class Misspelt(Base):
    def forward(self, x):
        return self.hed(self.norm(self.tokens(x)[:, 0]))


def misspelt_name():
    return Misspelt()


class Returnless(Base):
    def mlp(self, x):
        x = self.down(F.gelu(self.up(x)))


def forgotten_return():
    return Returnless()


def norm_of_another_width():
    model = Base()
    model.norm_2 = nn.LayerNorm(48)
    return model


class Narrow(Base):
    def attention(self, x):
        q, k, v = self.q(x), self.k(x), self.v(x)
        return self.o((q @ k.mT).softmax(-1) @ v)


def narrow_keys():
    model = Narrow()
    model.k = nn.Linear(32, 24)
    return model


def gray_pictures():
    return Base()


class MergeTypo(Base):
    def merge(self, x):
        b, h, t, e = x.shape
        assert e <= self.d
        return x.transpose(1, 2).reshape(b, t, h * h)


def merge_typo():
    return MergeTypo()


def half_precision_head():
    model = Base()
    model.head = model.head.half()
    return model


SPELLINGS = (
    Spelling(mlp_typo, (2, 3, 32, 32), (2, 10), fix=(("nn.Linear(46, 32)", "nn.Linear(64, 32)"),)),
    Spelling(wrong_number_of_classes, (2, 3, 32, 32), (2, 10), fix=(("(32, 9)", "(32, 10)"),), raises=None),
    Spelling(
        transposed_weight,
        (2, 3, 32, 32),
        (2, 10),
        fix=(("self.up(x)), self.up.weight)", "self.up(x)), self.up.weight.mT)"),),
    ),
    Spelling(
        bytes_as_they_are,
        (2, 3, 32, 32),
        (2, 10),
        dtype=torch.uint8,
        fix=(("x = self.patch(x).flatten", "x = self.patch(x / 255).flatten"),),
    ),
    Spelling(own_exception, (2, 3, 32, 32), (2, 10), fix=(("x.min() >= 0", "x.min() > 1"),), raises=ValueError),
    Spelling(misspelt_name, (2, 3, 32, 32), (2, 10), fix=(("self.hed(", "self.head("),), raises=AttributeError),
    Spelling(
        forgotten_return,
        (2, 3, 32, 32),
        (2, 10),
        raises=TypeError,
        fix=(("        x = self.down(F.gelu(self.up(x)))", "        return self.down(F.gelu(self.up(x)))"),),
    ),
    Spelling(norm_of_another_width, (2, 3, 32, 32), (2, 10), fix=(("nn.LayerNorm(48)", "nn.LayerNorm(32)"),)),
    Spelling(narrow_keys, (2, 3, 32, 32), (2, 10), fix=(("nn.Linear(32, 24)", "nn.Linear(32, 32)"),)),
    Spelling(gray_pictures, (2, 1, 32, 32), (2, 10), should_be_given=(2, 3, 32, 32)),
    Spelling(merge_typo, (2, 3, 32, 32), (2, 10), fix=(("(b, t, h * h)", "(b, t, h * e)"),)),
    Spelling(half_precision_head, (2, 3, 32, 32), (2, 10), fix=(("model.head.half()", "model.head.float()"),)),
)
