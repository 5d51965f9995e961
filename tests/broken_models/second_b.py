"""The second hold-out, second half: two further models of each of six causes, and six broken in other ways."""

from dataclasses import dataclass
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import einsum, nn

from tests.broken_models import Spelling

# The heads do not divide the width: all of them together are narrower than the layer that follows them.


class SelfAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.num_attention_heads = config.num_attention_heads
        self.attention_head_size = int(config.hidden_size / config.num_attention_heads)
        self.all_head_size = self.num_attention_heads * self.attention_head_size
        self.query = nn.Linear(config.hidden_size, self.all_head_size)
        self.key = nn.Linear(config.hidden_size, self.all_head_size)
        self.value = nn.Linear(config.hidden_size, self.all_head_size)

    def transpose_for_scores(self, x):
        x = x.view(x.size(0), x.size(1), self.num_attention_heads, self.attention_head_size)
        return x.permute(0, 2, 1, 3)

    def forward(self, hidden_states):
        context_layer = F.scaled_dot_product_attention(
            self.transpose_for_scores(self.query(hidden_states)),
            self.transpose_for_scores(self.key(hidden_states)),
            self.transpose_for_scores(self.value(hidden_states)),
        )
        context_layer = context_layer.permute(0, 2, 1, 3).contiguous()
        return context_layer.view(*context_layer.shape[:2], self.all_head_size)


class EncoderLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attention = SelfAttention(config)
        self.attention_output = nn.Linear(config.hidden_size, config.hidden_size)
        self.layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, hidden_states):
        return hidden_states + self.attention_output(self.attention(self.layernorm(hidden_states)))


class Configured(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embeddings = nn.Conv2d(3, config.hidden_size, config.patch_size, config.patch_size)
        self.encoder = nn.ModuleList([EncoderLayer(config) for _ in range(config.num_hidden_layers)])
        self.classifier = nn.Linear(config.hidden_size, len(config.id2label))

    def forward(self, pixel_values):
        hidden_states = self.embeddings(pixel_values).flatten(2).transpose(1, 2)
        for layer in self.encoder:
            hidden_states = layer(hidden_states)
        return self.classifier(hidden_states.mean(dim=1))


def configured():
    config = SimpleNamespace(hidden_size=50, num_attention_heads=4, num_hidden_layers=2, patch_size=8)
    config.id2label = {0: "crack", 1: "scratch", 2: "sound"}
    config.layer_norm_eps = 1e-12
    return Configured(config)


# The heads are cut off as pieces of a list, and the last piece is narrower.


class Pieces(nn.Module):
    def __init__(self, dim=40, heads=6):
        super().__init__()
        self.heads = heads
        self.patches = nn.Sequential(nn.Unfold(8, stride=8), nn.Flatten(2))
        self.embed = nn.Linear(192, dim)
        self.keys, self.queries, self.values = (nn.Linear(dim, dim, bias=False) for _ in range(3))
        self.last = nn.Linear(dim, 5)

    def forward(self, x):
        x = self.embed(self.patches(x).transpose(1, 2))
        k, q, v = (torch.stack(m(x).chunk(self.heads, dim=-1)) for m in (self.keys, self.queries, self.values))
        weights = (q @ k.transpose(-2, -1) * k.shape[-1] ** -0.5).softmax(dim=-1)
        x = x + torch.cat((weights @ v).unbind(0), dim=-1)
        return self.last(x.max(dim=1).values)


def narrow_last_piece():
    return Pieces()


# The order of the axes: a mask names the patches to skip, the layer looks for the sequence in front.


class SkipsBlank(nn.Module):
    """Patches without anything in them are not attended to."""

    def __init__(self, patch=10, dim=40):
        super().__init__()
        self.patch = patch
        self.embed = nn.Linear(3 * patch * patch, dim)
        blocks = [nn.TransformerEncoderLayer(dim, 4, 80, dropout=0.0, norm_first=True) for _ in range(2)]
        self.layers = nn.ModuleList(blocks)
        self.head = nn.Linear(dim, 15)

    def forward(self, page):
        cut = F.unfold(page, self.patch, stride=self.patch).transpose(1, 2)
        blank = cut.abs().amax(dim=-1) == 0
        x = self.embed(cut)
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=blank)
        return self.head(x.mean(dim=1))


def skips_blank():
    return SkipsBlank()


# Attention along time among the patches of a place, then along space. Nothing is raised.


class SpaceTime(nn.Module):
    def __init__(self, dim=24, heads=3, n_frames=3, n_patches=12, n_actions=6):
        super().__init__()
        self.per_frame = nn.Conv2d(3, dim, 8, stride=8)
        self.emb_time = nn.Parameter(torch.randn(1, n_frames, 1, dim))
        self.emb_space = nn.Parameter(torch.randn(1, 1, n_patches, dim))
        self.over_time = nn.MultiheadAttention(dim, heads)
        self.over_space = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.ln_time, self.ln_space, self.ln = nn.LayerNorm(dim), nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.actions = nn.Linear(dim, n_actions)

    def forward(self, video):
        b, t = video.shape[:2]
        x = self.per_frame(video.flatten(0, 1)).flatten(2).transpose(1, 2)
        x = x.unflatten(0, (b, t)) + self.emb_time + self.emb_space
        n = x.shape[2]
        tracks = x.transpose(1, 2).reshape(b * n, t, -1)
        y = self.ln_time(tracks)
        tracks = tracks + self.over_time(y, y, y, need_weights=False)[0]
        frames = tracks.unflatten(0, (b, n)).transpose(1, 2).reshape(b * t, n, -1)
        y = self.ln_space(frames)
        frames = frames + self.over_space(y, y, y, need_weights=False)[0]
        return self.actions(self.ln(frames).mean(1).unflatten(0, (b, t)).mean(1))


def space_time():
    return SpaceTime()


# The head reads all tokens: of the output of a frozen backbone.


@dataclass
class Features:
    last_hidden_state: torch.Tensor


class Trunk(nn.Module):
    def __init__(self, hidden=28, registers=3):
        super().__init__()
        self.patch_embeddings = nn.Conv2d(3, hidden, 16, 16)
        self.special = nn.Parameter(torch.randn(1, 1 + registers, hidden))
        self.layer = nn.TransformerEncoderLayer(hidden, 4, 56, 0.0, batch_first=True)

    def forward(self, pixels):
        patches = self.patch_embeddings(pixels).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.special.repeat(len(pixels), 1, 1), patches], dim=1)
        return Features(last_hidden_state=self.layer(tokens))


class Fitted(nn.Module):
    """A new head on a trunk that is not trained."""

    def __init__(self, labels=7):
        super().__init__()
        self.trunk = Trunk()
        for parameter in self.trunk.parameters():
            parameter.requires_grad = False
        self.score = nn.Sequential(nn.LayerNorm(28), nn.Dropout(0.1), nn.Linear(28, labels))

    def forward(self, pixels):
        features = self.trunk(pixels).last_hidden_state
        return self.score(features)


def fitted():
    return Fitted()


# The head reads all tokens: every one of them is compared with the texts.


class Residual(nn.Module):
    def __init__(self, d, h):
        super().__init__()
        self.attention, self.ln_a = nn.MultiheadAttention(d, h), nn.LayerNorm(d)
        self.c_fc, self.c_proj, self.ln_m = nn.Linear(d, 2 * d), nn.Linear(2 * d, d), nn.LayerNorm(d)

    def forward(self, x):
        y = self.ln_a(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        y = self.c_fc(self.ln_m(x))
        return x + self.c_proj(y * torch.sigmoid(1.702 * y))


class ZeroShot(nn.Module):
    def __init__(self, width=32, joint=16, prompts=11):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 8, 8, bias=False)
        self.class_embedding = nn.Parameter(torch.randn(width))
        self.positional_embedding = nn.Parameter(torch.randn(21, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = nn.Sequential(Residual(width, 4), Residual(width, 4))
        self.proj = nn.Parameter(torch.randn(width, joint))
        self.register_buffer("text_features", F.normalize(torch.randn(prompts, joint), dim=-1))
        self.logit_scale = nn.Parameter(torch.tensor(2.6))

    def encode_image(self, image):
        x = self.conv1(image).flatten(2).permute(0, 2, 1)
        first = self.class_embedding.expand(x.shape[0], 1, -1)
        x = self.ln_pre(torch.cat([first, x], dim=1) + self.positional_embedding)
        x = self.transformer(x.permute(1, 0, 2)).permute(1, 0, 2)
        return self.ln_post(x) @ self.proj

    def forward(self, image):
        image_features = F.normalize(self.encode_image(image), dim=-1)
        return self.logit_scale.exp() * image_features @ self.text_features.t()


def zero_shot():
    return ZeroShot()


# Channels last: the mean of each colour meets the columns.


class Normalised(nn.Module):
    def __init__(self, d=30):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))
        self.vit = nn.ModuleDict({"embed": nn.Conv2d(3, d, 8, 8), "norm": nn.LayerNorm(d), "head": nn.Linear(d, 4)})
        self.vit["encoder"] = nn.TransformerEncoderLayer(d, 5, 60, batch_first=True)

    def forward(self, pictures):
        x = (pictures - self.mean) / self.std
        x = self.vit["embed"](x).flatten(2).transpose(1, 2)
        x = self.vit["norm"](self.vit["encoder"](x))
        return self.vit["head"](x.mean(dim=-2))


def mean_of_colours():
    return Normalised()


# Channels last: the frames of a video as a decoder of films returns them.


class Film(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.stem = nn.Conv2d(3, width, kernel_size=(8, 12), stride=(8, 12))
        self.pool = nn.Parameter(torch.randn(1, 1, width))
        self.layers = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(width, 4, 64, batch_first=True), num_layers=1, enable_nested_tensor=False
        )
        self.rate = nn.Linear(width, 1)

    def forward(self, film):
        """Frames as batch, time, height, width, colour."""
        shots = film.shape[0]
        frames = film.flatten(0, 1)
        tokens = self.stem(frames).flatten(2).transpose(1, 2)
        tokens = tokens.reshape(shots, -1, tokens.shape[-1])
        tokens = torch.cat((self.pool.expand(shots, 1, -1), tokens), dim=1)
        return self.rate(self.layers(tokens)[:, 0])


def film():
    return Film()


# Four channels: the vectors of pixels are longer than the embedding expects.


class ByHand(nn.Module):
    def __init__(self, p=4, dim=36, heads=4):
        super().__init__()
        self.p, self.h = p, heads
        self.pixels_to_token = nn.Linear(p * p * 3, dim)
        self.first = nn.Parameter(torch.zeros(1, 1, dim))
        self.qkv, self.mlp = nn.Linear(dim, 3 * dim), nn.Sequential(nn.Linear(dim, 72), nn.GELU(), nn.Linear(72, dim))
        self.to_class = nn.Linear(dim, 10)

    def forward(self, x):
        b, c, hh, ww = x.shape
        x = x.reshape(b, c, hh // self.p, self.p, ww // self.p, self.p)
        x = x.permute(0, 2, 4, 3, 5, 1).reshape(b, -1, self.p * self.p * c)
        x = torch.hstack([self.first.expand(b, -1, -1), self.pixels_to_token(x)])
        q, k, v = self.qkv(x).view(b, x.shape[1], 3, self.h, -1).unbind(2)
        a = torch.softmax(einsum("bihd, bjhd -> bhij", q, k) / q.shape[-1] ** 0.5, -1)
        x = x + einsum("bhij, bjhd -> bihd", a, v).reshape(x.shape)
        return self.to_class((x + self.mlp(x))[:, 0])


def by_hand():
    return ByHand()


# Four channels: a screenshot keeps its transparency, three numbers normalise four.


class Screenshots(nn.Module):
    def __init__(self, channels=24):
        super().__init__()
        self.register_buffer("middle", torch.full((3,), 127.5))
        self.tokenise = nn.Conv2d(3, channels, 12, 12)
        self.mix = nn.MultiheadAttention(channels, 2, batch_first=True)
        self.decide = nn.Linear(channels, 2)

    def load(self, screen):
        pixels = screen.to(torch.float32)
        pixels = (pixels - self.middle) / self.middle
        return pixels.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)

    def forward(self, screen):
        tokens = self.tokenise(self.load(screen)).flatten(2).permute(0, 2, 1)
        answer = self.mix(tokens, tokens, tokens)[0]
        return self.decide(tokens.add(answer).mean(1))


def screenshots():
    return Screenshots()


# Tokens and positions differ by one: of two tokens in front one is forgotten.


class Teacher(nn.Module):
    def __init__(self, img=(24, 48), patch=8, dim=42, depth=2, classes=6):
        super().__init__()
        n = (img[0] // patch) * (img[1] // patch)
        self.proj = nn.Conv2d(3, dim, patch, patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.dist_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, n + 2, dim))
        self.blocks = nn.ModuleList(
            [nn.TransformerEncoderLayer(dim, 7, 2 * dim, 0.0, "gelu", batch_first=True) for _ in range(depth)]
        )
        self.head = nn.Linear(dim, classes)
        self.head_dist = nn.Linear(dim, classes)

    def forward_features(self, x):
        b = x.shape[0]
        x = self.proj(x).flatten(2).transpose(1, 2)
        special = [self.cls_token]
        x = torch.cat([token.expand(b, -1, -1) for token in special] + [x], dim=1)
        x = x + self.pos_embed
        for blk in self.blocks:
            x = blk(x)
        return x[:, 0], x[:, 1]

    def forward(self, x):
        x, x_dist = self.forward_features(x)
        return (self.head(x) + self.head_dist(x_dist)) / 2


def teacher():
    return Teacher()


# The class token and the registers are joined along the batch, the axis that is taken where none is named.


class Registers(nn.Module):
    def __init__(self, dim=32, n_reg=4, grid=3):
        super().__init__()
        self.grid_embed = nn.Conv2d(3, dim, 14, 14)
        self.cls, self.reg = nn.Parameter(torch.randn(dim)), nn.Parameter(torch.randn(n_reg, dim))
        self.pe = nn.Parameter(torch.randn(grid**2, dim))
        self.norm, self.qkv, self.wo = nn.RMSNorm(dim), nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.scale = nn.Parameter(1e-1 * torch.ones(dim))
        self.linear_head = nn.Linear(2 * dim, 8)

    def attention(self, z):
        q, k, v = self.qkv(z).unflatten(-1, (3, 4, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        return self.wo(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(-2))

    def forward(self, img):
        z = self.grid_embed(img).flatten(2).mT + self.pe
        cls = self.cls.expand(img.shape[0], 1, -1)
        reg = self.reg.expand(img.shape[0], -1, -1)
        z = torch.cat((cls, reg, z))
        z = z + self.scale * self.attention(self.norm(z))
        return self.linear_head(torch.cat((z[:, 0], z[:, 1 + len(self.reg) :].mean(1)), dim=-1))


def with_registers():
    return Registers()


# None of the list: the features of picture and text have different widths, the projection is not used.


class TwoTowers(nn.Module):
    def __init__(self):
        super().__init__()
        self.visual_embed = nn.Conv2d(3, 48, 8, 8)
        self.visual = nn.TransformerEncoderLayer(48, 4, 96, batch_first=True)
        self.visual_projection = nn.Linear(48, 20, bias=False)
        self.register_buffer("captions", torch.randn(6, 20))

    def forward(self, image):
        tokens = self.visual(self.visual_embed(image).flatten(2).transpose(1, 2))
        pooled = tokens.mean(dim=1)
        return F.normalize(pooled, dim=-1) @ F.normalize(self.captions, dim=-1).T


def two_towers():
    return TwoTowers()


# None of the list: with a single picture, the batch is squeezed away behind the pooling.


class Pools(nn.Module):
    def __init__(self, d=24):
        super().__init__()
        self.embed, self.block = nn.Conv2d(3, d, 8, 8), nn.TransformerEncoderLayer(d, 2, 48, batch_first=True)
        self.pool, self.fc = nn.AdaptiveAvgPool1d(1), nn.Linear(d, 9)

    def forward(self, x):
        x = self.block(self.embed(x).flatten(2).transpose(1, 2))
        return self.fc(self.pool(x.transpose(1, 2)).squeeze())


def squeezes():
    return Pools()


# None of the list: the weights of attention add up to one over the questions.


class Columns(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.embed, self.ln = nn.Conv2d(3, d, 6, 6), nn.LayerNorm(d)
        self.q, self.k, self.v = nn.Linear(d, d), nn.Linear(d, d), nn.Linear(d, d)
        self.fc = nn.Linear(d, 5)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        y = self.ln(x)
        scores = self.q(y) @ self.k(y).transpose(1, 2)
        return self.fc((x + scores.softmax(dim=1) @ self.v(y))[:, 0])


def wrong_softmax():
    return Columns()


# None of the list: the second convolution of the stem does not take what the first one gives.


class Stem(nn.Module):
    def __init__(self, d=40):
        super().__init__()
        self.conv_a, self.conv_b = nn.Conv2d(3, 16, 3, 2, 1), nn.Conv2d(20, d, 4, 4)
        self.block, self.fc = nn.TransformerEncoderLayer(d, 4, 80, batch_first=True), nn.Linear(d, 3)

    def forward(self, x):
        x = self.conv_b(F.relu(self.conv_a(x))).flatten(2).transpose(1, 2)
        return self.fc(self.block(x).mean(1))


def narrow_stem():
    return Stem()


# None of the list: what puts the patches back together takes every picture for a square.


class PutsBack(nn.Module):
    def __init__(self, p=6, d=32):
        super().__init__()
        self.p, self.embed = p, nn.Conv2d(3, d, p, p)
        self.block, self.to_pixels = nn.TransformerEncoderLayer(d, 4, 64, batch_first=True), nn.Linear(d, 3 * p * p)

    def unpatchify(self, x, height, width):
        rows, columns = int(x.shape[1] ** 0.5), int(x.shape[1] ** 0.5)
        x = x.reshape(len(x), rows, columns, self.p, self.p, 3)
        return x.permute(0, 5, 1, 3, 2, 4).reshape(len(x), 3, rows * self.p, columns * self.p)

    def forward(self, x):
        tokens = self.block(self.embed(x).flatten(2).mT)
        return self.unpatchify(self.to_pixels(tokens), *x.shape[2:])


def puts_back():
    return PutsBack()


# None of the list: the scale of a layer has as many numbers as there are layers.


class Scaled(nn.Module):
    def __init__(self, d=24, depth=3):
        super().__init__()
        self.embed = nn.Conv2d(3, d, 8, 8)
        self.gammas = nn.ParameterList([0.1 * torch.ones(depth) for _ in range(depth)])
        self.mlps = nn.ModuleList(nn.Sequential(nn.LayerNorm(d), nn.Linear(d, d), nn.GELU()) for _ in range(depth))
        self.mixes = nn.ModuleList(nn.MultiheadAttention(d, 3, batch_first=True) for _ in range(depth))
        self.fc = nn.Linear(d, 4)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        for gamma, mlp, mix in zip(self.gammas, self.mlps, self.mixes, strict=True):
            x = x + gamma * mix(x, x, x)[0]
            x = x + mlp(x)
        return self.fc(x.mean(1))


def scaled():
    return Scaled()


SPELLINGS = (
    (
        "heads-do-not-divide",
        Spelling(
            configured,
            (2, 3, 24, 40),
            (2, 3),
            fix=(("hidden_size=50", "hidden_size=48"),),
        ),
    ),
    (
        "heads-do-not-divide",
        Spelling(
            narrow_last_piece,
            (5, 3, 32, 32),
            (5, 5),
            fix=(("dim=40, heads=6", "dim=40, heads=5"),),
        ),
    ),
    (
        "batch-first",
        Spelling(
            skips_blank,
            (5, 3, 30, 40),
            (5, 15),
            raises=AssertionError,
            fix=(("norm_first=True) for", "norm_first=True, batch_first=True) for"),),
        ),
    ),
    (
        "batch-first",
        Spelling(
            space_time,
            (2, 3, 3, 24, 32),
            (2, 6),
            raises=None,
            fix=(
                (
                    "over_time = nn.MultiheadAttention(dim, heads)",
                    "over_time = nn.MultiheadAttention(dim, heads, batch_first=True)",
                ),
            ),
        ),
    ),
    (
        "head-reads-all-tokens",
        Spelling(
            fitted,
            (5, 3, 64, 64),
            (5, 7),
            raises=None,
            fix=(("return self.score(features)", "return self.score(features[:, 0])"),),
        ),
    ),
    (
        "head-reads-all-tokens",
        Spelling(
            zero_shot,
            (1, 3, 32, 40),
            (1, 11),
            raises=None,
            fix=(("self.ln_post(x) @ self.proj", "self.ln_post(x[:, 0]) @ self.proj"),),
        ),
    ),
    ("channels-last", Spelling(mean_of_colours, (2, 32, 48, 3), (2, 4), should_be_given=(2, 3, 32, 48))),
    (
        "channels-last",
        Spelling(
            film,
            (1, 4, 32, 48, 3),
            (1, 1),
            fix=(("frames = film.flatten(0, 1)", "frames = film.flatten(0, 1).permute(0, 3, 1, 2)"),),
        ),
    ),
    ("rgba", Spelling(by_hand, (1, 4, 24, 32), (1, 10), should_be_given=(1, 3, 24, 32))),
    (
        "rgba",
        Spelling(
            screenshots,
            (5, 36, 48, 4),
            (5, 2),
            dtype=torch.uint8,
            fix=(("pixels = screen.to", "pixels = screen[..., :3].to"),),
        ),
    ),
    (
        "sequence-not-joined",
        Spelling(
            teacher,
            (2, 3, 24, 48),
            (2, 6),
            fix=(("= [self.cls_token]", "= [self.cls_token, self.dist_token]"),),
        ),
    ),
    (
        "sequence-not-joined",
        Spelling(
            with_registers,
            (5, 3, 42, 42),
            (5, 8),
            fix=(("torch.cat((cls, reg, z))", "torch.cat((cls, reg, z), dim=1)"),),
        ),
    ),
    (
        "none-of-the-list",
        Spelling(
            two_towers,
            (2, 3, 32, 32),
            (2, 6),
            fix=(("pooled = tokens.mean(dim=1)", "pooled = self.visual_projection(tokens.mean(dim=1))"),),
        ),
    ),
    (
        "none-of-the-list",
        Spelling(
            squeezes,
            (1, 3, 32, 32),
            (1, 9),
            raises=None,
            fix=((".squeeze())", ".squeeze(-1))"),),
        ),
    ),
    (
        "none-of-the-list",
        Spelling(
            wrong_softmax,
            (2, 3, 24, 30),
            (2, 5),
            raises=None,
            fix=(("scores.softmax(dim=1)", "scores.softmax(dim=2)"),),
        ),
    ),
    ("none-of-the-list", Spelling(narrow_stem, (2, 3, 32, 32), (2, 3), fix=(("nn.Conv2d(20, d", "nn.Conv2d(16, d"),))),
    (
        "none-of-the-list",
        Spelling(
            puts_back,
            (2, 3, 24, 36),
            (2, 3, 24, 36),
            fix=(
                (
                    "rows, columns = int(x.shape[1] ** 0.5), int(x.shape[1] ** 0.5)",
                    "rows, columns = height // self.p, width // self.p",
                ),
            ),
        ),
    ),
    ("none-of-the-list", Spelling(scaled, (2, 3, 32, 32), (2, 4), fix=(("torch.ones(depth)", "torch.ones(d)"),))),
)
