"""The head is given the whole sequence instead of one vector for each picture."""

import torch
import torch.nn.functional as F
from torch import nn

from tests.broken_models import Spelling

# The linear layer is put over every token; nothing is raised.


class Course(nn.Module):
    def __init__(self, img_size=32, patch=16, dim=36, heads=3, layers=2, num_classes=3):
        super().__init__()
        n = img_size**2 // patch**2
        self.patcher = nn.Conv2d(3, dim, patch, patch, padding=0)
        self.flatten = nn.Flatten(start_dim=2, end_dim=3)
        self.class_embedding = nn.Parameter(torch.ones(1, 1, dim))
        self.position_embedding = nn.Parameter(torch.ones(1, n + 1, dim))
        self.transformer_encoder = nn.Sequential(
            *[nn.TransformerEncoderLayer(dim, heads, dim, batch_first=True) for _ in range(layers)]
        )
        self.classifier = nn.Sequential(nn.LayerNorm(normalized_shape=dim), nn.Linear(dim, num_classes))

    def forward(self, x):
        x = self.flatten(self.patcher(x)).permute(0, 2, 1)
        x = torch.cat((self.class_embedding.expand(x.shape[0], -1, -1), x), dim=1)
        x = self.transformer_encoder(x + self.position_embedding)
        x = self.classifier(x)
        return x


def course():
    return Course()


# The average is forgotten; the head has a hidden layer.


class GapHead(nn.Module):
    def __init__(self, c=20, k=4, p=5):
        super().__init__()
        self.p, self.k = p, k
        self.w1 = nn.Linear(3 * p * p, c)
        self.w2 = nn.Linear(c, 3 * c)
        self.w3 = nn.Linear(c, c)
        self.head = nn.Sequential(nn.Linear(c, 2 * c), nn.Tanh(), nn.Linear(2 * c, 14))

    def forward(self, x):
        x = x.unfold(2, self.p, self.p).unfold(3, self.p, self.p)
        x = self.w1(x.permute(0, 2, 3, 4, 5, 1).flatten(3).flatten(1, 2))
        q, k, v = self.w2(x).unflatten(-1, (3, self.k, -1)).permute(2, 0, 3, 1, 4)
        x = x + self.w3(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(-2))
        return self.head(x)


def gap_head():
    return GapHead()


# Flattened into one long vector, as after a convolutional network.


class LongVector(nn.Module):
    def __init__(self, d=16):
        super().__init__()
        self.first = nn.Conv2d(3, d, 4, 4)
        self.token = nn.Parameter(torch.zeros(1, 1, d))
        self.middle = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(d, 4, 4 * d, batch_first=True), 3, enable_nested_tensor=False
        )
        self.norm = nn.LayerNorm(d)
        self.last = nn.Linear(d, 10)

    def forward(self, x):
        x = self.first(x).flatten(2).transpose(1, 2)
        x = self.middle(torch.cat([self.token.expand(len(x), -1, -1), x], 1))
        x = torch.flatten(self.norm(x), 1)
        return self.last(x)


def long_vector():
    return LongVector()


# The loss is computed inside and finds an axis too many.


class WithLoss(nn.Module):
    def __init__(self, labels, d=24):
        super().__init__()
        self.register_buffer("labels", torch.tensor(labels))
        self.embed = nn.Linear(3 * 8 * 8, d)
        self.attend = nn.MultiheadAttention(d, 2, batch_first=True)
        self.weight = nn.Parameter(torch.randn(5, d))

    def features(self, x):
        b = x.shape[0]
        x = x.reshape(b, 3, 3, 8, 3, 8).permute(0, 2, 4, 1, 3, 5).reshape(b, 9, -1)
        x = self.embed(x)
        return x + self.attend(x, x, x)[0]

    def forward(self, x):
        f = self.features(x)
        logits = torch.einsum("...d,kd->...k", f, self.weight)
        return F.cross_entropy(logits, self.labels)


def with_loss():
    return WithLoss([1, 4])


SPELLINGS = (
    Spelling(course, (2, 3, 32, 32), (2, 3), raises=None, fix=(("self.classifier(x)", "self.classifier(x[:, 0])"),)),
    Spelling(gap_head, (1, 3, 20, 20), (1, 14), raises=None, fix=(("self.head(x)", "self.head(x.mean(1))"),)),
    Spelling(long_vector, (2, 3, 16, 16), (2, 10), fix=(("torch.flatten(self.norm(x), 1)", "self.norm(x)[:, 0]"),)),
    Spelling(with_loss, (2, 3, 24, 24), (), fix=(("f = self.features(x)", "f = self.features(x).mean(1)"),)),
)
