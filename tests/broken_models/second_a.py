"""The second hold-out, first half: two further models of each of six causes, and six broken in other ways."""

import math
from dataclasses import dataclass

import numpy
import torch
import torch.nn.functional as F
from torch import nn

from tests.broken_models import Spelling

# The patch does not divide the picture: the reshape of a masked autoencoder.


class FillsIn(nn.Module):
    """Sees a quarter of the patches and predicts the pixels of all."""

    def __init__(self, p=8, width=48, narrow=32):
        super().__init__()
        self.p = p
        self.embed = nn.Linear(3 * p * p, width)
        self.places = nn.Parameter(0.02 * torch.randn(36, width))
        self.encoder = nn.TransformerEncoderLayer(width, 4, 96, 0.0, batch_first=True, norm_first=True)
        self.bridge = nn.Linear(width, narrow)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, narrow))
        self.decoder = nn.TransformerEncoderLayer(narrow, 4, 64, 0.0, batch_first=True, norm_first=True)
        self.predict = nn.Linear(narrow, 3 * p * p)

    def patchify(self, imgs):
        n, c, height, width = imgs.shape
        h, w = height // self.p, width // self.p
        x = imgs.reshape(n, c, h, self.p, w, self.p)
        return torch.einsum("nchpwq->nhwpqc", x).reshape(n, h * w, -1)

    def forward(self, imgs):
        x = self.embed(self.patchify(imgs)) + self.places
        n, length, width = x.shape
        order = torch.rand(n, length, device=x.device).argsort(dim=1)
        seen = order[:, : length // 4, None].expand(-1, -1, width)
        latent = self.bridge(self.encoder(torch.gather(x, 1, seen)))
        rest = self.mask_token.expand(n, length - latent.shape[1], -1)
        back = order.argsort(dim=1)[:, :, None].expand(-1, -1, latent.shape[2])
        return self.predict(self.decoder(torch.gather(torch.cat([latent, rest], dim=1), 1, back)))


def fills_in():
    return FillsIn()


# The same in a video: a convolution drops the last columns of every frame, the table of positions does not.


class Tubelets(nn.Module):
    def __init__(self, frames=4, size=(40, 44), patch=8, dim=36, depth=2, classes=11):
        super().__init__()
        self.tubes = nn.Conv3d(3, dim, kernel_size=(2, patch, patch), stride=(2, patch, patch))
        self.where = nn.Parameter(0.02 * torch.randn(1, 1, size[0] * size[1] // patch**2, dim))
        self.when = nn.Parameter(0.02 * torch.randn(1, frames // 2, 1, dim))
        layers = [nn.TransformerEncoderLayer(dim, 3, 2 * dim, 0.0, batch_first=True) for _ in range(depth)]
        self.layers = nn.Sequential(*layers)
        self.classify = nn.Linear(dim, classes)

    def forward(self, clip):
        x = self.tubes(clip).flatten(3).permute(0, 2, 3, 1)
        x = x + self.where + self.when
        return self.classify(self.layers(x.flatten(1, 2)).mean(dim=1))


def tubelets():
    return Tubelets()


# The grid of patches is not flattened: with a configuration and an output class.


@dataclass
class PictureConfig:
    hidden_size: int = 40
    num_hidden_layers: int = 2
    num_attention_heads: int = 5
    intermediate_size: int = 80
    image_size: int = 36
    patch_size: int = 12
    num_labels: int = 4


@dataclass
class PictureOutput:
    logits: torch.Tensor
    hidden_states: tuple


class PictureEmbeddings(nn.Module):
    def __init__(self, config):
        super().__init__()
        size = config.patch_size
        self.projection = nn.Conv2d(3, config.hidden_size, kernel_size=size, stride=size)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, config.hidden_size))
        count = (config.image_size // size) ** 2
        self.position_embeddings = nn.Parameter(torch.zeros(1, count + 1, config.hidden_size))

    def forward(self, pixel_values):
        embeddings = self.projection(pixel_values).transpose(1, 2)
        cls_tokens = self.cls_token.expand(pixel_values.shape[0], -1, -1)
        return torch.cat((cls_tokens, embeddings), dim=1) + self.position_embeddings


class PictureLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.heads = config.num_attention_heads
        self.query = nn.Linear(config.hidden_size, config.hidden_size)
        self.key = nn.Linear(config.hidden_size, config.hidden_size)
        self.value = nn.Linear(config.hidden_size, config.hidden_size)
        self.output = nn.Linear(config.hidden_size, config.hidden_size)
        self.intermediate = nn.Linear(config.hidden_size, config.intermediate_size)
        self.dense = nn.Linear(config.intermediate_size, config.hidden_size)
        self.layernorm_before = nn.LayerNorm(config.hidden_size)
        self.layernorm_after = nn.LayerNorm(config.hidden_size)

    def split(self, states):
        return states.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, states):
        normed = self.layernorm_before(states)
        q, k, v = self.split(self.query(normed)), self.split(self.key(normed)), self.split(self.value(normed))
        weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), dim=-1)
        states = states + self.output((weights @ v).transpose(1, 2).flatten(2))
        return states + self.dense(F.gelu(self.intermediate(self.layernorm_after(states))))


class PictureForClassification(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embeddings = PictureEmbeddings(config)
        self.layer = nn.ModuleList([PictureLayer(config) for _ in range(config.num_hidden_layers)])
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)

    def forward(self, pixel_values):
        states = self.embeddings(pixel_values)
        every = (states,)
        for layer_module in self.layer:
            states = layer_module(states)
            every = (*every, states)
        return PictureOutput(self.classifier(states[:, 0]), every)


class Served(nn.Module):
    """What is asked for over the wire: the logits alone."""

    def __init__(self):
        super().__init__()
        self.model = PictureForClassification(PictureConfig())

    def forward(self, pixel_values):
        return self.model(pixel_values).logits


def served():
    return Served()


# The pixels of each patch are not flattened: functions of a dictionary of parameters.


def start(dim, patch, classes):
    sizes = {"embed": (dim, 3 * patch * patch), "qkv": (3 * dim, dim), "out": (dim, dim), "up": (2 * dim, dim)}
    sizes |= {"down": (dim, 2 * dim), "logits": (classes, dim)}
    return {name: 0.1 * torch.randn(size) for name, size in sizes.items()}


def attend(p, x):
    q, k, v = F.linear(F.layer_norm(x, x.shape[-1:]), p["qkv"]).chunk(3, dim=-1)
    return F.linear(F.scaled_dot_product_attention(q, k, v), p["out"])


def apply(p, pictures, patch):
    tiles = pictures.unfold(2, patch, patch).unfold(3, patch, patch)
    tiles = tiles.permute(0, 2, 3, 1, 4, 5).flatten(1, 2)
    x = F.linear(tiles, p["embed"])
    x = x + attend(p, x)
    x = x + F.linear(F.silu(F.linear(F.layer_norm(x, x.shape[-1:]), p["up"])), p["down"])
    return F.linear(x.mean(dim=1), p["logits"])


class Stateless(nn.Module):
    def __init__(self, patch=6):
        super().__init__()
        self.patch = patch
        self.p = nn.ParameterDict(start(28, patch, 5))

    def forward(self, pictures):
        return apply(self.p, pictures, self.patch)


def stateless():
    return Stateless()


# Channels and tokens are not exchanged: before the class token is joined.


class PatchEmbed(nn.Module):
    def __init__(self, img_size=(32, 48), patch_size=8, in_chans=3, embed_dim=60, norm_layer=None):
        super().__init__()
        self.grid_size = (img_size[0] // patch_size, img_size[1] // patch_size)
        self.num_patches = self.grid_size[0] * self.grid_size[1]
        self.proj = nn.Conv2d(in_chans, embed_dim, kernel_size=patch_size, stride=patch_size)
        self.norm = norm_layer(embed_dim) if norm_layer else nn.Identity()

    def forward(self, x):
        x = self.proj(x)
        x = x.flatten(2)  # BCHW -> BNC
        return self.norm(x)


class FusedAttention(nn.Module):
    def __init__(self, dim, num_heads=4, qkv_bias=True, attn_drop=0.0):
        super().__init__()
        self.num_heads, self.head_dim, self.drop = num_heads, dim // num_heads, attn_drop
        self.qkv = nn.Linear(dim, dim * 3, bias=qkv_bias)
        self.q_norm, self.k_norm = nn.LayerNorm(self.head_dim), nn.LayerNorm(self.head_dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        B, N, C = x.shape
        q, k, v = self.qkv(x).reshape(B, N, 3, self.num_heads, self.head_dim).permute(2, 0, 3, 1, 4).unbind(0)
        x = F.scaled_dot_product_attention(self.q_norm(q), self.k_norm(k), v, dropout_p=self.drop)
        return self.proj(x.transpose(1, 2).reshape(B, N, C))


class FusedBlock(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(dim, eps=1e-6), FusedAttention(dim)
        self.norm2, self.fc1, self.fc2 = nn.LayerNorm(dim, eps=1e-6), nn.Linear(dim, 2 * dim), nn.Linear(2 * dim, dim)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class Wide(nn.Module):
    """For pictures that are wider than high."""

    def __init__(self, num_classes=9, embed_dim=60, depth=2):
        super().__init__()
        self.patch_embed = PatchEmbed(embed_dim=embed_dim)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, embed_dim))
        self.pos_embed = nn.Parameter(torch.randn(1, self.patch_embed.num_patches + 1, embed_dim) * 0.02)
        self.blocks = nn.Sequential(*[FusedBlock(embed_dim) for _ in range(depth)])
        self.norm = nn.LayerNorm(embed_dim)
        self.head = nn.Linear(embed_dim, num_classes)

    def forward_features(self, x):
        x = self.patch_embed(x)
        x = torch.cat((self.cls_token.expand(x.shape[0], -1, -1), x), dim=1)
        return self.norm(self.blocks(x + self.pos_embed))

    def forward(self, x):
        return self.head(self.forward_features(x)[:, 0])


def wide():
    return Wide()


# Channels and tokens are not exchanged: behind a stem of convolutions, with sums over named letters and no class token.


class Letters(nn.Module):
    def __init__(self, c=44, h=4):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 22, 3, stride=2, padding=1), nn.BatchNorm2d(22), nn.ReLU(), nn.Conv2d(22, c, 4, stride=4)
        )
        self.before = nn.LayerNorm(c)
        self.wq, self.wk, self.wv = (nn.Parameter(torch.randn(h, c, c // h) / c**0.5) for _ in range(3))
        self.wo = nn.Parameter(torch.randn(h, c // h, c) / c**0.5)
        self.answer = nn.Linear(c, 13)

    def forward(self, image):
        tokens = self.stem(image).flatten(start_dim=2)
        z = self.before(tokens)
        q, k, v = (torch.einsum("bnc,hce->bhne", z, w) for w in (self.wq, self.wk, self.wv))
        a = torch.einsum("bhne,bhme->bhnm", q, k).mul(q.shape[-1] ** -0.5).softmax(-1)
        mixed = torch.einsum("bhnm,bhme,hec->bnc", a, v, self.wo)
        return self.answer((tokens + mixed).mean(1))


def letters():
    return Letters()


# One picture without an axis for the batch, given to a model with two tokens in front.


class Distilled(nn.Module):
    def __init__(self, dim=30, side=4):
        super().__init__()
        self.to_patches = nn.Conv2d(3, dim, 9, 9)
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim))
        self.dist_token = nn.Parameter(torch.randn(1, 1, dim))
        self.pos = nn.Parameter(torch.randn(1, side * side + 2, dim))
        self.trunk = nn.TransformerEncoderLayer(dim, 3, 60, 0.0, "gelu", batch_first=True)
        self.head, self.head_dist = nn.Linear(dim, 6), nn.Linear(dim, 6)

    def forward(self, x):
        x = self.to_patches(x).flatten(2).transpose(1, 2)
        both = [token.expand(len(x), -1, -1) for token in (self.cls_token, self.dist_token)]
        x = self.trunk(torch.cat([*both, x], dim=1) + self.pos)
        return (self.head(x[:, 0]) + self.head_dist(x[:, 1])) / 2


def distilled():
    return Distilled()


# The same inside a model that takes a photograph as the camera delivers it.


class Camera(nn.Module):
    def __init__(self, side=10, dim=32):
        super().__init__()
        self.side = side
        self.embed = nn.Linear(3 * side * side, dim)
        self.mixer = nn.MultiheadAttention(dim, 2, batch_first=True)
        self.verdict = nn.Linear(dim, 2)

    def prepare(self, photo):
        pixels = photo.float() / 255
        return pixels.permute(2, 0, 1)

    def forward(self, photo):
        image = self.prepare(photo)
        batch, channels, height, width = image.shape
        rows, columns = height // self.side, width // self.side
        cut = image.view(batch, channels, rows, self.side, columns, self.side).permute(0, 2, 4, 1, 3, 5)
        tokens = self.embed(cut.reshape(batch, rows * columns, -1))
        return self.verdict((tokens + self.mixer(tokens, tokens, tokens)[0]).amax(dim=1))


def camera():
    return Camera()


# Two tokens in one parameter, and none for each picture.


class Prefixed(nn.Module):
    def __init__(self, d=26):
        super().__init__()
        self.cut = nn.Unfold(kernel_size=5, stride=5)
        self.embed = nn.Linear(75, d)
        self.prefix = nn.Parameter(torch.randn(1, 2, d))
        self.mix = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(d, 2, 52, batch_first=True), 2, enable_nested_tensor=False
        )
        self.class_head, self.teacher_head = nn.Linear(d, 8), nn.Linear(d, 8)

    def forward(self, images):
        patches = self.embed(self.cut(images).mT)
        seq = torch.cat([self.prefix, patches], dim=1)
        of_class, of_teacher = self.mix(seq)[:, :2].unbind(1)
        return self.class_head(of_class).add(self.teacher_head(of_teacher))


def prefixed():
    return Prefixed()


# The sequence is the first axis, and the class token stands there once instead of once for each picture.


class SequenceFirst(nn.Module):
    def __init__(self, emb=36):
        super().__init__()
        self.conv1 = nn.Conv2d(3, emb, kernel_size=7, stride=7, bias=False)
        self.class_embedding = nn.Parameter(emb**-0.5 * torch.randn(1, 1, emb))
        self.positional_embedding = nn.Parameter(emb**-0.5 * torch.randn(17, 1, emb))
        self.attn, self.ln = nn.MultiheadAttention(emb, 6), nn.LayerNorm(emb)
        self.proj = nn.Parameter(emb**-0.5 * torch.randn(emb, 12))

    def forward(self, x):
        x = self.conv1(x).flatten(2).permute(2, 0, 1)  # NLD would be usual, here it is LND
        x = torch.cat([self.class_embedding, x], dim=0)
        x = x + self.positional_embedding
        y = self.ln(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        return x[0] @ self.proj


def tokens_in_front():
    return SequenceFirst()


# A frozen backbone is shown finer pictures than it was trained on.


class Backbone(nn.Module):
    def __init__(self, image=48, patch=12, width=32):
        super().__init__()
        self.patchify = nn.Conv2d(3, width, patch, patch)
        self.register_parameter("cls", nn.Parameter(torch.zeros(1, 1, width)))
        self.positions = nn.Embedding(1 + (image // patch) ** 2, width)
        self.blocks = nn.ModuleList(nn.TransformerEncoderLayer(width, 4, 64, batch_first=True) for _ in range(2))

    def forward(self, image):
        seq = self.patchify(image).flatten(2).transpose(-2, -1)
        seq = torch.cat((self.cls.repeat(image.size(0), 1, 1), seq), 1) + self.positions.weight
        for block in self.blocks:
            seq = block(seq)
        return seq


class Probe(nn.Module):
    """A linear classifier on features that do not change."""

    def __init__(self):
        super().__init__()
        self.backbone = Backbone().requires_grad_(False)
        self.linear = nn.Sequential(nn.BatchNorm1d(64), nn.Linear(64, 7))

    def forward(self, image):
        with torch.no_grad():
            seq = self.backbone(image)
        return self.linear(torch.cat([seq[:, 0], seq[:, 1:].mean(1)], dim=-1))


def probe():
    return Probe()


# A table for rows and one for columns, of a picture that was less wide.


class RowsAndColumns(nn.Module):
    def __init__(self, grid, dim=20):
        super().__init__()
        self.stem = nn.Conv2d(3, dim, 6, stride=6)
        self.row_table = nn.Parameter(torch.randn(grid[0], 1, dim))
        self.column_table = nn.Parameter(torch.randn(1, grid[1], dim))
        self.qkv, self.back = nn.Linear(dim, 3 * dim, bias=False), nn.Linear(dim, dim)
        self.out = nn.Linear(dim, 4)

    def forward(self, x):
        x = self.stem(x).movedim(1, -1)
        x = x + self.row_table + self.column_table
        x = x.flatten(1, 2)
        q, k, v = self.qkv(x).split(x.size(-1), -1)
        return self.out((x + self.back((q @ k.mT / 20**0.5).softmax(-1) @ v)).sum(1))


def rows_and_columns():
    return RowsAndColumns(grid=(5, 5))


# None of the list: fewer heads of keys than of queries, and they are not repeated.


class Grouped(nn.Module):
    def __init__(self, dim=48, q_heads=6, kv_heads=2):
        super().__init__()
        self.q_heads, self.kv_heads = q_heads, kv_heads
        self.patches = nn.Conv2d(3, dim, 8, 8)
        self.q, self.kv = nn.Linear(dim, dim), nn.Linear(dim, 2 * kv_heads * dim // q_heads)
        self.o, self.fc = nn.Linear(dim, dim), nn.Linear(dim, 5)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        q = self.q(x).unflatten(-1, (self.q_heads, -1)).transpose(1, 2)
        k, v = self.kv(x).unflatten(-1, (2, self.kv_heads, -1)).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.fc((x + self.o(y.transpose(1, 2).flatten(2))).mean(1))


def grouped():
    return Grouped()


# None of the list: what is kept of the patches is picked by an index that lacks the last axis.


class Keeps(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.patches, self.score = nn.Conv2d(3, dim, 6, 6), nn.Linear(dim, 1)
        self.layer = nn.TransformerEncoderLayer(dim, 4, 48, batch_first=True)
        self.fc = nn.Linear(dim, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        best = self.score(x).squeeze(-1).topk(5, dim=1).indices
        kept = torch.gather(x, 1, best)
        return self.fc(self.layer(kept).mean(1))


def keeps():
    return Keeps()


# None of the list: three of four neighbours are merged.


class Merging(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm = nn.LayerNorm(4 * dim)
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x):
        corners = [x[:, i::2, j::2] for i, j in ((0, 0), (0, 1), (1, 1))]
        return self.reduction(self.norm(torch.cat(corners, dim=-1)))


class Hierarchy(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.embed, self.merge = nn.Conv2d(3, dim, 4, 4), Merging(dim)
        self.global_layer = nn.TransformerEncoderLayer(2 * dim, 4, 64, batch_first=True)
        self.fc = nn.Linear(2 * dim, 6)

    def forward(self, x):
        x = self.merge(self.embed(x).permute(0, 2, 3, 1))
        return self.fc(self.global_layer(x.flatten(1, 2)).mean(1))


def hierarchy():
    return Hierarchy()


# None of the list: positions of double precision from numpy.


def waves(count, dim):
    angle = numpy.arange(count)[:, None] / 10000 ** (numpy.arange(dim // 2) / (dim // 2))
    return torch.from_numpy(numpy.concatenate([numpy.sin(angle), numpy.cos(angle)], axis=1))


class Waves(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.embed = nn.Conv2d(3, dim, 8, 8)
        self.register_buffer("waves", waves(16, dim))
        self.layer = nn.TransformerEncoderLayer(dim, 2, 48, batch_first=True)
        self.fc = nn.Linear(dim, 3)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2) + self.waves
        return self.fc(self.layer(x).mean(1))


def double_waves():
    return Waves()


# None of the list: the bytes of a picture.


class Bytes(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.embed, self.fc = nn.Conv2d(3, dim, 8, 8), nn.Linear(dim, 3)
        self.layer = nn.TransformerEncoderLayer(dim, 2, 48, batch_first=True)

    def forward(self, pictures):
        x = self.embed(pictures)
        return self.fc(self.layer(x.flatten(2).mT).mean(1))


def raw_bytes():
    return Bytes()


# None of the list: a view of what does not lie in a row.


class Viewing(nn.Module):
    def __init__(self, dim=40, heads=5):
        super().__init__()
        self.heads = heads
        self.embed, self.fc = nn.Conv2d(3, dim, 10, 10), nn.Linear(dim, 3)
        self.to_q, self.to_k, self.to_v = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, pictures):
        x = self.embed(pictures).flatten(2).mT
        b, n, d = x.shape
        q, k, v = (to(x).view(b, n, self.heads, -1).transpose(1, 2) for to in (self.to_q, self.to_k, self.to_v))
        y = torch.matmul(torch.softmax(q @ k.mT, -1), v).transpose(1, 2).view(b, n, d)
        return self.fc((x + y).mean(1))


def viewing():
    return Viewing()


SPELLINGS = (
    ("patch-does-not-divide", Spelling(fills_in, (2, 3, 50, 50), (2, 36, 192), should_be_given=(2, 3, 48, 48))),
    (
        "patch-does-not-divide",
        Spelling(
            tubelets,
            (1, 3, 4, 40, 44),
            (1, 11),
            fix=(("size=(40, 44), patch=8", "size=(40, 44), patch=4"),),
        ),
    ),
    (
        "missing-flatten",
        Spelling(
            served,
            (5, 3, 36, 36),
            (5, 4),
            fix=(
                (".projection(pixel_values).transpose(1, 2)", ".projection(pixel_values).flatten(2).transpose(1, 2)"),
            ),
        ),
    ),
    (
        "missing-flatten",
        Spelling(
            stateless,
            (2, 3, 24, 30),
            (2, 5),
            fix=(("permute(0, 2, 3, 1, 4, 5).flatten(1, 2)", "permute(0, 2, 3, 1, 4, 5).flatten(1, 2).flatten(2)"),),
        ),
    ),
    (
        "missing-permute",
        Spelling(
            wide,
            (2, 3, 32, 48),
            (2, 9),
            fix=(("x.flatten(2)  # BCHW -> BNC", "x.flatten(2).transpose(1, 2)  # BCHW -> BNC"),),
        ),
    ),
    (
        "missing-permute",
        Spelling(
            letters,
            (5, 3, 40, 48),
            (5, 13),
            fix=(("flatten(start_dim=2)", "flatten(start_dim=2).permute(0, 2, 1)"),),
        ),
    ),
    ("missing-batch", Spelling(distilled, (3, 36, 36), (1, 6), should_be_given=(1, 3, 36, 36))),
    (
        "missing-batch",
        Spelling(
            camera,
            (40, 60, 3),
            (1, 2),
            raises=ValueError,
            fix=(("return pixels.permute(2, 0, 1)", "return pixels.permute(2, 0, 1).unsqueeze(0)"),),
        ),
    ),
    (
        "class-token-not-expanded",
        Spelling(
            prefixed,
            (5, 3, 20, 25),
            (5, 8),
            fix=(("torch.cat([self.prefix, patches]", "torch.cat([self.prefix.expand(len(images), -1, -1), patches]"),),
        ),
    ),
    (
        "class-token-not-expanded",
        Spelling(
            tokens_in_front,
            (3, 3, 28, 28),
            (3, 12),
            fix=(("[self.class_embedding, x]", "[self.class_embedding.expand(-1, x.shape[1], -1), x]"),),
        ),
    ),
    ("positions-of-another-resolution", Spelling(probe, (5, 3, 72, 72), (5, 7), should_be_given=(5, 3, 48, 48))),
    (
        "positions-of-another-resolution",
        Spelling(
            rows_and_columns,
            (2, 3, 30, 48),
            (2, 4),
            fix=(("grid=(5, 5)", "grid=(5, 8)"),),
        ),
    ),
    (
        "none-of-the-list",
        Spelling(
            grouped,
            (2, 3, 32, 32),
            (2, 5),
            fix=(
                (
                    "y = F.scaled_dot_product_attention(q, k, v)",
                    "y = F.scaled_dot_product_attention(q, k.repeat_interleave(3, 1), v.repeat_interleave(3, 1))",
                ),
            ),
        ),
    ),
    (
        "none-of-the-list",
        Spelling(
            keeps,
            (3, 3, 24, 24),
            (3, 10),
            fix=(("gather(x, 1, best)", "gather(x, 1, best[:, :, None].expand(-1, -1, x.size(2)))"),),
        ),
    ),
    (
        "none-of-the-list",
        Spelling(
            hierarchy,
            (2, 3, 32, 32),
            (2, 6),
            fix=(("((0, 0), (0, 1), (1, 1))", "((0, 0), (0, 1), (1, 0), (1, 1))"),),
        ),
    ),
    (
        "none-of-the-list",
        Spelling(
            double_waves,
            (2, 3, 32, 32),
            (2, 3),
            fix=(("waves(16, dim))", "waves(16, dim).float())"),),
        ),
    ),
    (
        "none-of-the-list",
        Spelling(
            raw_bytes,
            (2, 3, 32, 32),
            (2, 3),
            fix=(("x = self.embed(pictures)\n", "x = self.embed(pictures / 255)\n"),),
            dtype=torch.uint8,
        ),
    ),
    (
        "none-of-the-list",
        Spelling(
            viewing,
            (2, 3, 30, 40),
            (2, 3),
            fix=((".transpose(1, 2).view(b, n, d)", ".transpose(1, 2).reshape(b, n, d)"),),
        ),
    ),
)
