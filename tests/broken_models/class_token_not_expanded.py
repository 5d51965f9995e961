"""One class token where every picture of the batch needs one."""

import torch
from einops import pack, rearrange
from torch import nn

from tests.broken_models import Spelling

# The parameter is joined as it is.


class Config:
    image_size = 32
    patch_size = 8
    hidden_size = 32
    num_attention_heads = 4
    num_hidden_layers = 2
    intermediate_size = 64
    num_labels = 5


class Embeddings(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.cls_token = nn.Parameter(torch.randn(1, 1, config.hidden_size))
        self.projection = nn.Conv2d(3, config.hidden_size, config.patch_size, config.patch_size)
        count = (config.image_size // config.patch_size) ** 2
        self.position_embeddings = nn.Parameter(torch.randn(1, count + 1, config.hidden_size))

    def forward(self, pixel_values):
        embeddings = self.projection(pixel_values).flatten(2).transpose(1, 2)
        cls_tokens = self.cls_token
        embeddings = torch.cat((cls_tokens, embeddings), dim=1)
        return embeddings + self.position_embeddings


class ForClassification(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embeddings = Embeddings(config)
        self.encoder = nn.ModuleList(
            nn.TransformerEncoderLayer(
                config.hidden_size, config.num_attention_heads, config.intermediate_size, batch_first=True
            )
            for _ in range(config.num_hidden_layers)
        )
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)

    def forward(self, pixel_values):
        hidden_states = self.embeddings(pixel_values)
        for layer_module in self.encoder:
            hidden_states = layer_module(hidden_states)
        return self.classifier(hidden_states[:, 0, :])


def hugging():
    return ForClassification(Config())


# A vector, joined as a vector.


class Vectorial(nn.Module):
    def __init__(self, d=27, h=3, side=3):
        super().__init__()
        self.h = h
        self.glance = nn.Conv2d(3, d, 5, 5)
        self.summary = nn.Parameter(torch.randn(d))
        self.map = nn.Parameter(torch.randn(side * side + 1, d))
        self.three = nn.Linear(d, 3 * d)
        self.merge = nn.Linear(d, d)
        self.verdict = nn.Linear(d, 2)

    def forward(self, x):
        f = rearrange(self.glance(x), "b d i j -> b (i j) d")
        s = torch.cat([self.summary, f], dim=1)
        s = s + self.map
        q, k, v = rearrange(self.three(s), "b t (z h e) -> z b h t e", z=3, h=self.h)
        a = torch.softmax(q @ rearrange(k, "b h t e -> b h e t") / 3, -1) @ v
        s = s + self.merge(rearrange(a, "b h t e -> b t (h e)"))
        return self.verdict(s[:, 0])


def vectorial():
    return Vectorial()


# einops.pack joins; the token is a buffer.


class Packed(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 48, 16, 16)
        self.register_buffer("query", torch.full((1, 1, 48), 0.1))
        self.transformer = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(48, 12, 48, dropout=0.0, batch_first=True), 1, enable_nested_tensor=False
        )
        self.mlp_head = nn.Sequential(nn.LayerNorm(48), nn.Linear(48, 1000))

    def forward(self, img):
        seq = rearrange(self.patches(img), "b d h w -> b (h w) d")
        seq, _ = pack([self.query, seq], "b * d")
        return self.mlp_head(self.transformer(seq)[:, 0])


def packed():
    return Packed()


# The sequence comes first.


class SequenceFirst(nn.Module):
    def __init__(self, width=40):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 7, bias=False)
        self.class_embedding = nn.Parameter(torch.zeros(1, 1, width))
        self.positional_embedding = nn.Parameter(torch.zeros(17, 1, width))
        self.attn = nn.MultiheadAttention(width, 8)
        self.ln = nn.LayerNorm(width)
        self.proj = nn.Parameter(torch.randn(width, 15))

    def forward(self, x):
        x = self.conv1(x).flatten(2).permute(2, 0, 1)
        cls = self.class_embedding.expand(-1, -1, -1)
        x = torch.cat([cls, x], dim=0) + self.positional_embedding
        y = self.ln(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        return x[0] @ self.proj


def sequence_first():
    return SequenceFirst()


SPELLINGS = (
    Spelling(
        hugging,
        (3, 3, 32, 32),
        (3, 5),
        fix=(("cls_tokens = self.cls_token\n", "cls_tokens = self.cls_token.expand(pixel_values.shape[0], -1, -1)\n"),),
    ),
    Spelling(
        vectorial,
        (2, 3, 15, 15),
        (2, 2),
        raises=IndexError,
        fix=(("torch.cat([self.summary, f]", "torch.cat([self.summary.expand(f.shape[0], 1, -1), f]"),),
    ),
    Spelling(
        packed,
        (2, 3, 64, 64),
        (2, 1000),
        fix=(("pack([self.query, seq]", "pack([self.query.repeat(len(img), 1, 1), seq]"),),
    ),
    Spelling(
        sequence_first,
        (5, 3, 28, 28),
        (5, 15),
        fix=(("self.class_embedding.expand(-1, -1, -1)", "self.class_embedding.expand(-1, x.shape[1], -1)"),),
    ),
)
