"""Vision Transformers in several people's styles, each with one mistake, and others that are right or wrong elsewhere.

Small: pictures of 32 x 32, D = 24 or 48. An entry is a name, what builds the model, and the shape it is given.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from einops import pack, rearrange, repeat
from einops.layers.torch import Rearrange
from torch import Tensor, nn

Entry = tuple[str, Callable[[], nn.Module], tuple[int, ...]]
PICTURES = (2, 3, 32, 32)
BROKEN: dict[str, list[Entry]] = {}
SOUND: list[Entry] = []  # nothing wrong
ELSEWHERE: list[Entry] = []  # broken by what is in no list


def broken(cause: str, shape: tuple[int, ...] = PICTURES) -> Callable[[Any], Any]:
    def keep(make: Any) -> Any:
        BROKEN.setdefault(cause, []).append((make.__name__, make, shape))
        return make

    return keep


def sound(shape: tuple[int, ...] = PICTURES) -> Callable[[Any], Any]:
    def keep(make: Any) -> Any:
        SOUND.append((make.__name__, make, shape))
        return make

    return keep


def elsewhere(shape: tuple[int, ...] = PICTURES) -> Callable[[Any], Any]:
    def keep(make: Any) -> Any:
        ELSEWHERE.append((make.__name__, make, shape))
        return make

    return keep


# --- blocks in four styles ---


class Fused(nn.Module):
    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        B, N, C = x.shape
        qkv = self.qkv(x).reshape(B, N, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        x = F.scaled_dot_product_attention(q, k, v)
        return self.proj(x.transpose(1, 2).reshape(B, N, C))


class Written(nn.Module):
    def __init__(self, dim: int, heads: int, dim_head: int) -> None:
        super().__init__()
        self.heads, self.scale = heads, dim_head**-0.5
        self.to_qkv = nn.Linear(dim, heads * dim_head * 3, bias=False)
        self.to_out = nn.Linear(heads * dim_head, dim)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (rearrange(t, "b n (h d) -> b h n d", h=self.heads) for t in self.to_qkv(x).chunk(3, dim=-1))
        attn = (torch.matmul(q, k.transpose(-1, -2)) * self.scale).softmax(dim=-1)
        return self.to_out(rearrange(torch.matmul(attn, v), "b h n d -> b n (h d)"))


class Block(nn.Module):
    def __init__(self, dim: int, attention: nn.Module) -> None:
        super().__init__()
        self.norm1, self.norm2, self.attention = nn.LayerNorm(dim), nn.LayerNorm(dim), attention
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Course(nn.Module):
    """Conv, nn.MultiheadAttention with batch_first, class token; hooks to break it."""

    def __init__(
        self, image: int = 32, patch: int = 8, dim: int = 48, heads: int = 4, classes: int = 3, batch_first: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, dim, kernel_size=patch, stride=patch)
        self.flat = nn.Flatten(start_dim=2, end_dim=3)
        self.cls = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos = nn.Parameter(torch.zeros(1, (image // patch) ** 2 + 1, dim))
        self.norm = nn.LayerNorm(dim)
        self.msa = nn.MultiheadAttention(dim, heads, batch_first=batch_first)
        self.mlp = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 96), nn.GELU(), nn.Linear(96, dim))
        self.head = nn.Linear(dim, classes)

    def embed(self, x: Tensor) -> Tensor:
        return self.flat(self.conv(x)).permute(0, 2, 1)

    def join(self, x: Tensor) -> Tensor:
        cls = self.cls.expand(x.shape[0], -1, -1)
        return torch.cat((cls, x), dim=1)

    def place(self, x: Tensor) -> Tensor:
        return x + self.pos

    def encode(self, x: Tensor) -> Tensor:
        y = self.norm(x)
        x = x + self.msa(y, y, y, need_weights=False)[0]
        return x + self.mlp(x)

    def classify(self, x: Tensor) -> Tensor:
        return self.head(x[:, 0])

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.encode(self.place(self.join(self.embed(x)))))


class Lucid(nn.Module):
    """einops and linear patches, attention written out, any dim_head."""

    def __init__(
        self,
        image: int = 32,
        patch: int = 8,
        dim: int = 48,
        heads: int = 4,
        dim_head: int = 12,
        depth: int = 2,
        classes: int = 5,
        channels: int = 3,
    ) -> None:
        super().__init__()
        number = (image // patch) ** 2
        self.to_patch_embedding = nn.Sequential(
            Rearrange("b c (h p1) (w p2) -> b (h w) (p1 p2 c)", p1=patch, p2=patch),
            nn.LayerNorm(channels * patch * patch),
            nn.Linear(channels * patch * patch, dim),
            nn.LayerNorm(dim),
        )
        self.pos_embedding = nn.Parameter(torch.randn(1, number + 1, dim))
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim))
        self.blocks = nn.ModuleList(Block(dim, Written(dim, heads, dim_head)) for _ in range(depth))
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, classes))

    def tokens(self, img: Tensor) -> Tensor:
        x = self.to_patch_embedding(img)
        b, n, _ = x.shape
        x = torch.cat((repeat(self.cls_token, "1 1 d -> b 1 d", b=b), x), dim=1)
        x += self.pos_embedding[:, : (n + 1)]
        return x

    def forward(self, img: Tensor) -> Tensor:
        x = self.tokens(img)
        for block in self.blocks:
            x = block(x)
        return self.head(x[:, 0])


class Plain(nn.Module):
    """Patches by reshape, nn.TransformerEncoder, the mean of the tokens; a buffer of positions."""

    def __init__(
        self, image: int = 32, patch: int = 4, dim: int = 24, heads: int = 3, classes: int = 7, batch_first: bool = True
    ) -> None:
        super().__init__()
        self.p = patch
        self.lift = nn.Linear(3 * patch * patch, dim)
        self.register_buffer("positions", torch.randn((image // patch) ** 2, dim))
        layer = nn.TransformerEncoderLayer(dim, heads, 48, batch_first=batch_first, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(dim, classes)

    def cut(self, x: Tensor) -> Tensor:
        B, C, H, W = x.shape
        p = self.p
        x = x.reshape(B, C, H // p, p, W // p, p).permute(0, 2, 4, 1, 3, 5)
        return x.reshape(B, (H // p) * (W // p), C * p * p)

    def pool(self, z: Tensor) -> Tensor:
        return z.mean(1)

    def forward(self, x: Tensor) -> Tensor:
        z = self.lift(self.cut(x)) + self.positions
        return self.out(self.pool(self.encoder(z)))


class Unfolded(nn.Module):
    """nn.Unfold, fused attention, an nn.Embedding of positions."""

    def __init__(
        self, image: int = 32, patch: int = 8, dim: int = 48, heads: int = 6, classes: int = 4, depth: int = 1
    ) -> None:
        super().__init__()
        self.unfold = nn.Unfold(patch, stride=patch)
        self.linear = nn.Linear(3 * patch**2, dim)
        self.n = (image // patch) ** 2
        self.position = nn.Embedding(self.n, dim)
        self.blocks = nn.Sequential(*(Block(dim, Fused(dim, heads)) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim)
        self.classifier = nn.Linear(dim, classes)

    def embed(self, x: Tensor) -> Tensor:
        return self.linear(self.unfold(x).transpose(1, 2))

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.embed(x)
        tokens = tokens + self.position(torch.arange(self.n, device=x.device))
        return self.classifier(self.norm(self.blocks(tokens)).mean(dim=1))


def variant(base: type[nn.Module], **methods: Any) -> type[nn.Module]:
    return type(base.__name__, (base,), methods)


# --- sound ---

for _base in (Course, Lucid, Plain, Unfolded):
    sound()(_base)
    SOUND.append((f"{_base.__name__} of one picture", _base, (1, 3, 32, 32)))


# --- the patch does not divide the picture ---


@broken("patch-does-not-divide", (2, 3, 33, 33))
def conv_drops_pixels() -> nn.Module:
    return Course(image=33)


@broken("patch-does-not-divide", (2, 3, 36, 36))
def einops_patches() -> nn.Module:
    return Lucid()


@broken("patch-does-not-divide", (2, 3, 30, 30))
def reshaped_patches() -> nn.Module:
    return Plain(image=30)


@broken("patch-does-not-divide", (2, 3, 35, 35))
def unfold_drops_pixels() -> nn.Module:
    return Unfolded(image=35)


@broken("patch-does-not-divide", (2, 3, 50, 50))
def asserted_in_constructor() -> nn.Module:
    class Model(Course):
        def __init__(self, size: int, cell: int) -> None:
            assert size % cell == 0, "no"
            super().__init__(size, cell)

    return Model(50, 8)


@broken("patch-does-not-divide", (2, 3, 36, 36))
def raised_in_forward() -> nn.Module:
    def embed(self: Any, x: Tensor) -> Tensor:
        rest = x.shape[-1] % 8
        if rest != 0:
            raise ValueError("bad picture")
        return Course.embed(self, x)

    return variant(Course, embed=embed)()


@broken("patch-does-not-divide", (2, 3, 34, 34))
def rows_counted_with_the_remainder() -> nn.Module:
    model = Course()
    model.pos = nn.Parameter(torch.zeros(1, int((34 / 8) ** 2) + 1, 48))
    return model


@broken("patch-does-not-divide", (2, 3, 34, 34))
def tensor_unfold() -> nn.Module:
    def cut(self: Any, x: Tensor) -> Tensor:
        x = x.unfold(2, 4, 4).unfold(3, 4, 4)
        return x.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)

    return variant(Plain, cut=cut)(image=34)


# --- flatten ---


@broken("missing-flatten")
def conv_alone() -> nn.Module:
    return variant(Course, embed=lambda self, x: self.conv(x))()


@broken("missing-flatten")
def conv_then_channels_moved() -> nn.Module:
    return variant(Course, embed=lambda self, x: self.conv(x).permute(0, 2, 3, 1))()


@broken("missing-flatten")
def conv_then_transposed() -> nn.Module:
    return variant(Course, embed=lambda self, x: self.conv(x).transpose(1, 2))()


@broken("missing-flatten")
def patch_not_flattened() -> nn.Module:
    def cut(self: Any, x: Tensor) -> Tensor:
        B, C, H, W = x.shape
        x = x.reshape(B, C, H // 4, 4, W // 4, 4).permute(0, 2, 4, 1, 3, 5)
        return x.reshape(B, 64, C, 16)

    return variant(Plain, cut=cut)()


@broken("missing-flatten")
def einops_without_grid() -> nn.Module:
    model = Lucid()
    model.to_patch_embedding[0] = Rearrange("b c (h p1) (w p2) -> b h w (p1 p2 c)", p1=8, p2=8)
    return model


@broken("missing-flatten")
def sequential_conv() -> nn.Module:
    layer = nn.TransformerEncoderLayer(24, 3, 48, batch_first=True)

    class Mean(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean(1)

    return nn.Sequential(
        nn.Conv2d(3, 24, 8, 8), nn.TransformerEncoder(layer, 1, enable_nested_tensor=False), Mean(), nn.Linear(24, 3)
    )


# --- permute ---


@broken("missing-permute")
def flatten_alone() -> nn.Module:
    return variant(Course, embed=lambda self, x: self.flat(self.conv(x)))()


@broken("missing-permute")
def unfold_alone() -> nn.Module:
    return variant(Unfolded, embed=lambda self, x: self.linear(self.unfold(x)))()


@broken("missing-permute")
def flattened_in_front() -> nn.Module:
    return variant(Course, embed=lambda self, x: self.conv(x).flatten(1, 2))()


@broken("missing-permute")
def viewed_as_tokens() -> nn.Module:
    return variant(Course, embed=lambda self, x: self.conv(x).view(x.shape[0], 16, 48))()


@broken("missing-permute")
def patches_cut_across() -> nn.Module:
    def cut(self: Any, x: Tensor) -> Tensor:
        B, C = x.shape[:2]
        return x.reshape(B, C, 8, 4, 8, 4).reshape(B, 64, 48)

    return variant(Plain, cut=cut)()


@broken("missing-permute")
def as_many_patches_as_numbers() -> nn.Module:
    return variant(Course, embed=lambda self, x: self.conv(x).flatten(2))(patch=8, dim=16, heads=2)


class AmongHeads(Fused):
    def forward(self, x: Tensor) -> Tensor:
        B, N, C = x.shape
        q, k, v = self.qkv(x).reshape(B, N, 3, self.heads, C // self.heads).unbind(2)
        return self.proj(F.scaled_dot_product_attention(q, k, v).reshape(B, N, C))


class KeysAsTheyAre(Fused):
    def forward(self, x: Tensor) -> Tensor:
        B, N, C = x.shape
        q, k, v = self.qkv(x).reshape(B, N, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        a = ((q @ k) * 0.3).softmax(-1)
        return self.proj((a @ v).transpose(1, 2).reshape(B, N, C))


class HeadsNotBack(Fused):
    def forward(self, x: Tensor) -> Tensor:
        B, N, C = x.shape
        q, k, v = self.qkv(x).reshape(B, N, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        a = ((q @ k.transpose(-2, -1)) * 0.3).softmax(-1)
        return self.proj((a @ v).reshape(B, N, C))


@broken("missing-permute")
def attention_among_heads() -> nn.Module:
    model = Unfolded()
    model.blocks[0].attention = AmongHeads(48, 6)
    return model


@broken("missing-permute")
def keys_not_transposed() -> nn.Module:
    model = Unfolded()
    model.blocks[0].attention = KeysAsTheyAre(48, 6)
    return model


@broken("missing-permute")
def heads_not_put_back() -> nn.Module:
    model = Unfolded()
    model.blocks[0].attention = HeadsNotBack(48, 6)
    return model


# --- batch ---

for _name, _base in (("course", Course), ("lucid", Lucid), ("plain", Plain), ("unfolded", Unfolded)):
    BROKEN.setdefault("missing-batch", []).append((f"{_name} of one picture", _base, (3, 32, 32)))


@broken("missing-batch", (1, 3, 32, 32))
def squeezed() -> nn.Module:
    return variant(Course, embed=lambda self, x: Course.embed(self, x.squeeze()))()


@broken("missing-batch")
def first_picture_alone() -> nn.Module:
    return variant(Course, embed=lambda self, x: Course.embed(self, x[0]))()


# --- class token ---


@broken("class-token-not-expanded")
def token_of_one() -> nn.Module:
    return variant(Course, join=lambda self, x: torch.cat((self.cls, x), dim=1))()


@broken("class-token-not-expanded", (1, 3, 32, 32))
def token_of_one_fits_one() -> nn.Module:
    return variant(Course, join=lambda self, x: torch.cat([self.cls, x], 1))()


@broken("class-token-not-expanded")
def token_without_axes() -> nn.Module:
    model = variant(Course, join=lambda self, x: torch.hstack([self.cls, x]))()
    model.cls = nn.Parameter(torch.zeros(1, 48))
    return model


@broken("class-token-not-expanded")
def token_packed() -> nn.Module:
    return variant(Course, join=lambda self, x: pack([self.cls, x], "b * d")[0])()


@broken("class-token-not-expanded")
def token_expanded_elsewhere() -> nn.Module:
    def join(self: Any, x: Tensor) -> Tensor:
        cls = self.cls.repeat(1, x.size(0), 1)
        return torch.cat((cls, x), dim=1)

    return variant(Course, join=join)()


# --- positions ---


@broken("positions-of-another-resolution", (2, 3, 64, 64))
def course_of_64() -> nn.Module:
    return Course()


@broken("positions-of-another-resolution", (2, 3, 48, 48))
def buffer_of_32() -> nn.Module:
    return Plain()


@broken("positions-of-another-resolution", (2, 3, 64, 64))
def table_of_32() -> nn.Module:
    return Unfolded()


@broken("positions-of-another-resolution", (2, 3, 64, 64))
def table_asked_beyond_its_end() -> nn.Module:
    def forward(self: Any, x: Tensor) -> Tensor:
        tokens = self.embed(x)
        tokens = tokens + self.position(torch.arange(tokens.shape[1]))
        return self.classifier(self.norm(self.blocks(tokens)).mean(dim=1))

    return variant(Unfolded, forward=forward)()


@broken("positions-of-another-resolution", (2, 3, 64, 64))
def lucid_of_64() -> nn.Module:
    return Lucid()


@broken("positions-of-another-resolution", (2, 3, 16, 16))
def lucid_takes_the_first_rows() -> nn.Module:
    return Lucid()


@broken("positions-of-another-resolution", (2, 3, 32, 64))
def a_wide_picture() -> nn.Module:
    return Course()


# --- heads ---


@broken("heads-do-not-divide")
def torch_asserts() -> nn.Module:
    return Course(heads=5)


@broken("heads-do-not-divide")
def encoder_layer_asserts() -> nn.Module:
    return Plain(heads=5)


@broken("heads-do-not-divide")
def reshape_fails() -> nn.Module:
    return Unfolded(heads=5)


@broken("heads-do-not-divide")
def narrower_out() -> nn.Module:
    model = Lucid()
    model.blocks[0].attention.to_qkv = nn.Linear(48, 3 * 35)
    model.blocks[0].attention.heads = 5
    model.blocks[0].attention.to_out = nn.Linear(48, 48)
    # 5 heads of 48 // 5 = 9
    model.blocks[0].attention.to_qkv = nn.Linear(48, 3 * 45)
    return model


class OneWayHeads(nn.Module):
    def __init__(self, width: int, parts: int) -> None:
        super().__init__()
        if width % parts:
            raise ValueError("no")
        self.parts = parts
        self.q = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        q = self.q(x).view(x.size(0), -1, self.parts, x.size(2) // self.parts).transpose(1, 2)
        return F.scaled_dot_product_attention(q, q, q).transpose(1, 2).flatten(2)


class OpenHeads(OneWayHeads):
    def __init__(self, width: int, parts: int) -> None:
        super().__init__(width, 1)
        self.parts = parts


class MinusOneHeads(OpenHeads):
    def forward(self, x: Tensor) -> Tensor:
        q = self.q(x).view(x.size(0), x.size(1), self.parts, -1).transpose(1, 2)
        return F.scaled_dot_product_attention(q, q, q).transpose(1, 2).flatten(2)


class EinopsHeads(OpenHeads):
    def forward(self, x: Tensor) -> Tensor:
        q = rearrange(self.q(x), "b n (h d) -> b h n d", h=self.parts)
        return rearrange(F.scaled_dot_product_attention(q, q, q), "b h n d -> b n (h d)")


class ChunkHeads(OpenHeads):
    def forward(self, x: Tensor) -> Tensor:
        q = torch.stack(self.q(x).chunk(self.parts, dim=-1), dim=1)
        return F.scaled_dot_product_attention(q, q, q).transpose(1, 2).flatten(2)


def _with_heads(kind: type[nn.Module]) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        model = Unfolded()
        model.blocks[0].attention = kind(48, 5)
        return model

    make.__name__ = kind.__name__
    return make


for _kind in (OneWayHeads, OpenHeads, MinusOneHeads, EinopsHeads, ChunkHeads):
    broken("heads-do-not-divide")(_with_heads(_kind))


# --- batch_first ---


@broken("batch-first")
def forgotten() -> nn.Module:
    return Course(batch_first=False)


@broken("batch-first", (1, 3, 32, 32))
def forgotten_with_one_picture() -> nn.Module:
    return Course(batch_first=False)


@broken("batch-first")
def forgotten_in_an_encoder() -> nn.Module:
    return Plain(batch_first=False)


@broken("batch-first")
def exchanged_though_set() -> nn.Module:
    def encode(self: Any, x: Tensor) -> Tensor:
        y = self.norm(x).transpose(0, 1)
        return x + self.msa(y, y, y)[0].transpose(0, 1)

    return variant(Course, encode=encode)()


@broken("batch-first")
def written_over_the_batch() -> nn.Module:
    def encode(self: Any, x: Tensor) -> Tensor:
        y = self.norm(x).permute(1, 0, 2)
        a = torch.softmax(y @ y.transpose(1, 2) / 7, dim=-1)
        return x + (a @ y).permute(1, 0, 2)

    return variant(Course, encode=encode)()


@broken("batch-first")
def mask_of_tokens() -> nn.Module:
    def encode(self: Any, x: Tensor) -> Tensor:
        mask = torch.zeros(x.shape[0], x.shape[1], dtype=torch.bool)
        return x + self.msa(x, x, x, key_padding_mask=mask)[0]

    return variant(Course, encode=encode)(batch_first=False)


# --- the head ---


@broken("head-reads-all-tokens")
def head_on_the_sequence() -> nn.Module:
    return variant(Course, classify=lambda self, x: self.head(x))()


@broken("head-reads-all-tokens")
def head_on_everything_flat() -> nn.Module:
    return variant(Course, classify=lambda self, x: self.head(x.flatten(1)))()


@broken("head-reads-all-tokens")
def head_without_a_mean() -> nn.Module:
    return variant(Plain, pool=lambda self, z: z)()


@broken("head-reads-all-tokens")
def head_of_one_picture() -> nn.Module:
    return variant(Course, classify=lambda self, x: self.head(x[0]))()


@broken("head-reads-all-tokens")
def head_with_a_norm_of_batches() -> nn.Module:
    model = variant(Course, classify=lambda self, x: self.head(x))()
    model.head = nn.Sequential(nn.BatchNorm1d(48), nn.Linear(48, 3))
    return model.eval()


# --- channels ---

for _name, _base in (("course", Course), ("lucid", Lucid), ("plain", Plain), ("unfolded", Unfolded)):
    BROKEN.setdefault("channels-last", []).append((f"{_name} of H W C", _base, (2, 32, 32, 3)))
    BROKEN.setdefault("rgba", []).append((f"{_name} of RGBA", _base, (2, 4, 32, 32)))
BROKEN["channels-last"].append(("one picture of H W C", Course, (32, 32, 3)))
BROKEN["rgba"].append(("built for RGBA", lambda: Lucid(channels=4), PICTURES))


@broken("channels-last")
def moved_inside() -> nn.Module:
    return variant(Course, embed=lambda self, x: Course.embed(self, x.permute(0, 2, 3, 1)))()


# --- the sequence ---


@broken("sequence-not-joined")
def token_forgotten() -> nn.Module:
    return variant(Course, join=lambda self, x: x)()


@broken("sequence-not-joined")
def token_added() -> nn.Module:
    return variant(Course, join=lambda self, x: x + self.cls)()


@broken("sequence-not-joined")
def joined_along_the_vectors() -> nn.Module:
    return variant(Course, join=lambda self, x: torch.cat((self.cls.expand(x.shape[0], -1, -1), x), dim=-1))()


@broken("sequence-not-joined")
def joined_along_the_batch() -> nn.Module:
    return variant(Course, join=lambda self, x: torch.cat((self.cls.expand(x.shape[0], -1, -1), x)))()


@broken("sequence-not-joined")
def no_place_for_the_token() -> nn.Module:
    model = Course()
    model.pos = nn.Parameter(torch.zeros(1, 16, 48))
    return model


@broken("sequence-not-joined")
def positions_expanded() -> nn.Module:
    return variant(
        Course, join=lambda self, x: x, place=lambda self, x: x + self.pos.expand(x.shape[0], x.shape[1], -1)
    )()


# --- sound, in other structures ---


@sound()
def sequence_first() -> nn.Module:
    """Tokens before the batch, as nn.MultiheadAttention takes them without batch_first."""

    def forward(self: Any, x: Tensor) -> Tensor:
        z = self.place(self.join(self.embed(x))).transpose(0, 1)
        y = self.norm(z)
        z = z + self.msa(y, y, y)[0]
        return self.head(z[0])

    return variant(Course, forward=forward)(batch_first=False)


@sound()
def encoder_alone() -> nn.Module:
    return variant(Course, classify=lambda self, x: x)()


@sound((3, 32, 32))
def takes_one_picture() -> nn.Module:
    def forward(self: Any, x: Tensor) -> Tensor:
        return Course.forward(self, x.unsqueeze(0))[0]

    return variant(Course, forward=forward)()


@sound((2, 32, 32, 3))
def takes_channels_last() -> nn.Module:
    return variant(Course, embed=lambda self, x: Course.embed(self, x.permute(0, 3, 1, 2)))()


@sound((2, 4, 32, 32))
def takes_four_channels() -> nn.Module:
    return Lucid(channels=4)


@sound((2, 17, 48))
def block_on_tokens() -> nn.Module:
    return Block(48, Fused(48, 4))


@sound((17, 2, 48))
def torch_attention_on_tokens() -> nn.Module:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(48, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.attention(x, x, x)[0]

    return Model()


@sound()
def mixer() -> nn.Module:
    class Mixer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 16, 8, 8)
            self.tokens = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))
            self.channels = nn.Sequential(nn.LayerNorm(16), nn.Linear(16, 64), nn.GELU(), nn.Linear(64, 16))
            self.head = nn.Linear(16, 5)

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(x).flatten(2).transpose(1, 2)
            x = x + self.tokens(x.transpose(1, 2)).transpose(1, 2)
            return self.head((x + self.channels(x)).mean(1))

    return Mixer()


@sound()
def windows() -> nn.Module:
    class Windows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 24, 4, 4)
            self.attention = Fused(24, 3)
            self.head = nn.Linear(24, 5)

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(x).permute(0, 2, 3, 1)
            B, H, W, C = x.shape
            w = x.view(B, H // 4, 4, W // 4, 4, C).permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, C)
            w = self.attention(w).view(B, H // 4, W // 4, 4, 4, C).permute(0, 1, 3, 2, 4, 5).reshape(B, H, W, C)
            return self.head(w.mean((1, 2)))

    return Windows()


@sound()
def two_tokens_and_two_heads() -> nn.Module:
    class Distilled(Course):
        def __init__(self) -> None:
            super().__init__()
            self.distillation = nn.Parameter(torch.zeros(1, 1, 48))
            self.pos = nn.Parameter(torch.zeros(1, 18, 48))
            self.other = nn.Linear(48, 3)

        def join(self, x: Tensor) -> Tensor:
            return torch.cat((self.cls.expand(len(x), -1, -1), self.distillation.expand(len(x), -1, -1), x), 1)

        def classify(self, x: Tensor) -> Tensor:
            return (self.head(x[:, 0]) + self.other(x[:, 1])) / 2

    return Distilled()


@sound()
def pixels_of_every_patch() -> nn.Module:
    """A masked autoencoder's end: each token becomes the pixels of its patch."""
    return variant(Course, classify=lambda self, x: self.head(x[:, 1:]))(classes=3 * 8 * 8)


@sound()
def positions_by_sine() -> nn.Module:
    def place(self: Any, x: Tensor) -> Tensor:
        n, d = x.shape[1:]
        angles = torch.arange(n)[:, None] / 100 ** (torch.arange(0, d, 2)[None] / d)
        return x + torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1)

    return variant(Course, place=place)()


@sound()
def convolutional_stem() -> nn.Module:
    model = variant(Course)()
    model.conv = nn.Sequential(nn.Conv2d(3, 12, 3, 2, 1), nn.BatchNorm2d(12), nn.ReLU(), nn.Conv2d(12, 48, 4, 4))
    return model


@sound((2, 3, 30, 30))
def convolutional_network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))


@sound()
def as_many_patches_as_numbers_in_order() -> nn.Module:
    return Course(patch=8, dim=16, heads=2)


@sound()
def many_heads_of_two() -> nn.Module:
    return Unfolded(heads=24)


@sound()
def inner_width_of_its_own() -> nn.Module:
    return Lucid(heads=5, dim_head=7)


# --- broken by what is in no list ---


def _with(base: type[nn.Module], change: Callable[[Any], None]) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        model = base()
        change(model)
        return model

    return make


def _set(path: str, module: nn.Module | nn.Parameter) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        owner, _, name = path.rpartition(".")
        setattr(model.get_submodule(owner), name, module)

    return change


_ELSEWHERE: list[tuple[str, type[nn.Module], str, Any]] = [
    ("narrow projection", Unfolded, "blocks.0.attention.proj", nn.Linear(40, 48)),
    ("wide projection", Unfolded, "blocks.0.attention.proj", nn.Linear(48, 64)),
    ("qkv of two", Unfolded, "blocks.0.attention.qkv", nn.Linear(48, 96)),
    ("qkv of another width", Unfolded, "blocks.0.attention.qkv", nn.Linear(32, 144)),
    ("norm of another width", Unfolded, "norm", nn.LayerNorm(64)),
    ("head of another width", Unfolded, "classifier", nn.Linear(64, 4)),
    ("patch layer of another width", Unfolded, "linear", nn.Linear(128, 48)),
    ("positions of another width", Unfolded, "position", nn.Embedding(16, 32)),
    ("mlp out of another width", Plain, "encoder.layers.0.linear2", nn.Linear(40, 24)),
    ("mlp in of another width", Plain, "encoder.layers.1.linear1", nn.Linear(64, 48)),
    ("head of tokens", Plain, "out", nn.Linear(64, 7)),
    ("lift of one channel", Plain, "lift", nn.Linear(16, 24)),
    ("token of another width", Course, "cls", nn.Parameter(torch.zeros(1, 1, 40))),
    ("positions of any number", Course, "pos", nn.Parameter(torch.zeros(1, 23, 48))),
    ("positions two short", Course, "pos", nn.Parameter(torch.zeros(1, 15, 48))),
    ("positions of another width too", Course, "pos", nn.Parameter(torch.zeros(1, 17, 32))),
    ("norm of pictures", Course, "norm", nn.BatchNorm2d(48)),
    ("conv of one channel", Course, "conv", nn.Conv2d(1, 48, 8, 8)),
    ("conv of sixteen channels", Course, "conv", nn.Conv2d(16, 48, 8, 8)),
    ("conv of another width", Course, "conv", nn.Conv2d(3, 40, 8, 8)),
    ("head turned", Course, "head.weight", nn.Parameter(torch.zeros(48, 3))),
    ("head of seventeen", Course, "head", nn.Linear(17, 3)),
    ("attention of another width", Course, "msa", nn.MultiheadAttention(64, 4, batch_first=True)),
    ("mlp typo", Course, "mlp", nn.Sequential(nn.LayerNorm(48), nn.Linear(48, 96), nn.Linear(69, 48))),
    ("norm before the head", Lucid, "head", nn.Sequential(nn.LayerNorm(84), nn.Linear(84, 5))),
    ("to_out of another width", Lucid, "blocks.1.attention.to_out", nn.Linear(84, 48)),
    ("half precision", Lucid, "head", nn.Linear(48, 5).half()),
]
for _name, _base, _path, _module in _ELSEWHERE:
    if _path == "head.weight":
        ELSEWHERE.append((_name, _with(_base, lambda model, m=_module: setattr(model.head, "weight", m)), PICTURES))
    else:
        ELSEWHERE.append((_name, _with(_base, _set(_path, _module)), PICTURES))


@elsewhere()
def raises_by_itself() -> nn.Module:
    def join(self: Any, x: Tensor) -> Tensor:
        raise KeyError("cls")

    return variant(Course, join=join)()


@elsewhere()
def name_misspelt() -> nn.Module:
    return variant(Course, join=lambda self, x: self.clss)()


@elsewhere()
def raises_in_constructor() -> nn.Module:
    class Model(Course):
        def __init__(self, depth: int) -> None:
            if depth % 2:
                raise ValueError("an even number of blocks")
            super().__init__()

    return Model(7)


@elsewhere()
def no_such_picture() -> nn.Module:
    def embed(self: Any, x: Tensor) -> Tensor:
        assert bool(torch.isfinite(x).all()) and x.shape[0] > 100, "a larger batch, please"
        return Course.embed(self, x)

    return variant(Course, embed=embed)()


@elsewhere()
def weight_the_wrong_way() -> nn.Module:
    class Product(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(96, 48))

        def forward(self, x: Tensor) -> Tensor:
            return x @ self.weight

    model = Course()
    model.mlp = nn.Sequential(Product(), nn.Linear(96, 48))
    return model


@elsewhere()
def pooled_over_the_vectors() -> nn.Module:
    return variant(Course, classify=lambda self, x: self.head(x.mean(dim=2)))()


@elsewhere((2, 1, 32, 32))
def one_channel() -> nn.Module:
    return Course()


@elsewhere((2, 32, 32))
def no_channels() -> nn.Module:
    return Course()


@elsewhere((32, 32))
def a_matrix() -> nn.Module:
    return Course()


@elsewhere((2, 5, 32, 32))
def five_channels() -> nn.Module:
    return Course()


@elsewhere((2, 3, 32, 32, 1))
def five_axes() -> nn.Module:
    return Lucid()


@elsewhere()
def added_to_another_width() -> nn.Module:
    def encode(self: Any, x: Tensor) -> Tensor:
        return x + self.mlp[1](x)

    return variant(Course, encode=encode)()


@elsewhere()
def asks_for_a_fifth_axis() -> nn.Module:
    return variant(Course, embed=lambda self, x: self.conv(x).flatten(4))()


@elsewhere()
def reshaped_to_any_size() -> nn.Module:
    return variant(Course, encode=lambda self, x: x.reshape(2, 17, 7, 7))()


class QkvNotMoved(Fused):
    def forward(self, x: Tensor) -> Tensor:
        B, N, C = x.shape
        qkv = self.qkv(x).reshape(B, N, 3, self.heads, C // self.heads)
        q, k, v = qkv[0], qkv[1], qkv[2]
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, N, C))


@broken("missing-permute")
def qkv_not_moved() -> nn.Module:
    model = Unfolded()
    model.blocks[0].attention = QkvNotMoved(48, 6)
    return model


@broken("batch-first")
def one_query_asks_all_tokens() -> nn.Module:
    class Asking(Course):
        def __init__(self) -> None:
            super().__init__(batch_first=False)
            self.query = nn.Parameter(torch.zeros(1, 1, 48))

        def classify(self, x: Tensor) -> Tensor:
            return self.head(self.msa(self.query.expand(len(x), -1, -1), x, x)[0].squeeze(1))

        def encode(self, x: Tensor) -> Tensor:
            return x + self.mlp(x)

    return Asking()


@broken("positions-of-another-resolution")
def weights_of_another_resolution() -> nn.Module:
    model = Course(image=64)
    model.load_state_dict(Course().state_dict())
    return model


class AddsBatch(Course):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(((x - 0.5) / torch.full((3, 1, 1), 0.5))[None])


BROKEN["rgba"].append(("one picture of RGBA", AddsBatch, (4, 32, 32)))
BROKEN["channels-last"].append(
    ("a batch is added to H W C", variant(Course, forward=lambda self, x: Course.forward(self, x[None])), (32, 32, 3))
)


@broken("head-reads-all-tokens")
def loss_of_all_tokens() -> nn.Module:
    def classify(self: Any, x: Tensor) -> Tensor:
        return F.cross_entropy(self.head(x), torch.zeros(len(x), dtype=torch.long))

    return variant(Course, classify=classify)()


@elsewhere()
def weights_of_another_width() -> nn.Module:
    model = Course(dim=64)
    model.load_state_dict(Course().state_dict())
    return model


@elsewhere()
def weights_of_other_classes() -> nn.Module:
    model = Course(classes=4)
    model.load_state_dict(Course().state_dict())
    return model
