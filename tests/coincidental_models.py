"""Models broken by what is in no list, in which sizes that have nothing to do with each other happen to be equal.

So a wrong repair makes some of them run. Others have their numbers in another order in memory than a view needs, or
demand that something else than the heads divides. And a few with a mistake that is in the list.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from tests.mistaken_models import PICTURES, Entry

ELSEWHERE: list[Entry] = []
SOUND: list[Entry] = []
BROKEN: list[tuple[str, str, Callable[[], nn.Module], tuple[int, ...]]] = []


def elsewhere(shape: tuple[int, ...] = PICTURES) -> Callable[[Any], Any]:
    def keep(make: Any) -> Any:
        ELSEWHERE.append((make.__name__, make, shape))
        return make

    return keep


def sound(shape: tuple[int, ...] = PICTURES) -> Callable[[Any], Any]:
    def keep(make: Any) -> Any:
        SOUND.append((make.__name__, make, shape))
        return make

    return keep


def broken(cause: str, shape: tuple[int, ...] = PICTURES) -> Callable[[Any], Any]:
    def keep(make: Any) -> Any:
        BROKEN.append((cause, make.__name__, make, shape))
        return make

    return keep


class Steps(nn.Module):
    """A small Vision Transformer with an encoder layer and a mean; what is tested replaces a step."""

    def __init__(self, dim: int = 24, heads: int = 4, patch: int = 8, classes: int = 3) -> None:
        super().__init__()
        self.heads = heads
        self.conv = nn.Conv2d(3, dim, patch, patch)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, classes)

    def embed(self, x: Tensor) -> Tensor:
        return self.conv(x).flatten(2).transpose(1, 2)

    def split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def attend(self, x: Tensor) -> Tensor:
        q, k, v = (self.split(each) for each in self.qkv(self.norm(x)).chunk(3, -1))
        y = F.scaled_dot_product_attention(q, k, v)
        return self.proj(y.transpose(1, 2).flatten(2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        x = x + self.attend(x)
        return self.head(x.mean(1))


# --- the order in memory ---


@elsewhere((2, 3, 32, 40))
def view_of_patches_moved_last() -> nn.Module:
    class Moved(Steps):
        def embed(self, x: Tensor) -> Tensor:
            x = self.conv(x)
            b, d, h, w = x.shape
            return x.permute(0, 2, 3, 1).transpose(1, 2).view(b, h * w, d)

    return Moved()


@sound((2, 3, 24, 40))
def view_of_a_grid_of_tokens() -> nn.Module:
    """As many tokens as there are numbers in a vector: 15; and their grid of 3 x 5 is written down."""

    class Back(Steps):
        def attend(self, x: Tensor) -> Tensor:
            return self.conv_mix(x.transpose(1, 2).view(len(x), -1, 3, 5)).flatten(2).mT

        def __init__(self) -> None:
            super().__init__(dim=15, heads=3)
            self.conv_mix = nn.Conv2d(15, 15, 3, padding=1)

    return Back()


@elsewhere((1, 3, 32, 32))
def view_of_heads_of_one_picture() -> nn.Module:
    class Viewed(Steps):
        def attend(self, x: Tensor) -> Tensor:
            q, k, v = (self.split(each) for each in self.qkv(self.norm(x)).chunk(3, -1))
            y = F.softmax(q @ k.mT, -1) @ v
            return self.proj(y.permute(0, 2, 1, 3).view(1, 16, -1))

    return Viewed()


@elsewhere((4, 3, 16, 16))
def view_of_patches_of_pixels() -> nn.Module:
    """Four pictures, four patches, patches of four rows and columns in a grid of four."""

    class Pixels(Steps):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(48, 24)

        def embed(self, x: Tensor) -> Tensor:
            x = x.unfold(2, 4, 4).unfold(3, 4, 4).permute(0, 2, 3, 1, 4, 5)
            return self.linear(x.view(len(x), 16, 48))

    return Pixels()


# --- sizes that are equal ---


@elsewhere((2, 3, 40, 64))
def tables_of_the_wrong_axes() -> nn.Module:
    """The table of columns stands along the rows: 5 x 8 patches, tables of 8 and of 5."""

    class Tables(Steps):
        def __init__(self) -> None:
            super().__init__()
            self.rows, self.columns = nn.Parameter(torch.zeros(8, 1, 24)), nn.Parameter(torch.zeros(1, 5, 24))

        def embed(self, x: Tensor) -> Tensor:
            return (self.conv(x).permute(0, 2, 3, 1) + self.rows + self.columns).flatten(1, 2)

    return Tables()


@elsewhere((2, 3, 40, 64))
def as_many_positions_of_rows_as_columns() -> nn.Module:
    """Eight positions stand along the 5 rows: they may be of 8 rows, or belong along the 8 columns."""

    class Along(Steps):
        def __init__(self) -> None:
            super().__init__()
            self.rows = nn.Parameter(torch.zeros(24, 8, 1))

        def embed(self, x: Tensor) -> Tensor:
            return (self.conv(x) + self.rows).flatten(2).mT

    return Along()


@elsewhere((2, 3, 32, 32))
def vector_of_a_mean_meets_tokens() -> nn.Module:
    """One vector of the mean is given where a sequence is wanted: with one picture, an axis in front would run."""

    class Meets(Steps):
        def __init__(self) -> None:
            super().__init__()
            self.cross = nn.MultiheadAttention(24, 4, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            x = self.embed(x)
            return self.head(self.cross(x.mean(1), x, x)[0])

    return Meets()


ELSEWHERE.append(("vector of a mean of one picture", vector_of_a_mean_meets_tokens, (1, 3, 32, 32)))


@elsewhere((4, 3, 16, 16))
def as_many_heads_as_tokens() -> nn.Module:
    """Four pictures, four tokens, four heads: what was not joined again runs with any of them joined."""

    class Unjoined(Steps):
        def attend(self, x: Tensor) -> Tensor:
            q, k, v = (self.split(each) for each in self.qkv(self.norm(x)).chunk(3, -1))
            return self.proj(F.scaled_dot_product_attention(q, k, v))

    return Unjoined()


@elsewhere((2, 3, 32, 32))
def token_left_in_the_grid() -> nn.Module:
    """17 tokens folded to a grid of 4 x 4: 17 = 4 x 4 + 1, and that is not D."""

    class Folds(Steps):
        def __init__(self) -> None:
            super().__init__()
            self.cls = nn.Parameter(torch.zeros(1, 1, 24))

        def embed(self, x: Tensor) -> Tensor:
            x = torch.cat((self.cls.expand(len(x), -1, -1), super().embed(x)), 1)
            return x.mT.reshape(len(x), 24, 4, 4).flatten(2).mT

    return Folds()


@sound((2, 1, 28, 28))
def as_many_pixels_as_numbers_and_one() -> nn.Module:
    """Patches of 49 pixels, D = 48 of 4 heads: 49 = 4 x 12 + 1, and that is not D."""

    class Digits(Steps):
        def __init__(self) -> None:
            super().__init__(dim=48)
            self.pixels = nn.Linear(49, 48)

        def embed(self, x: Tensor) -> Tensor:
            return self.pixels(F.unfold(x, 7, stride=7).mT)

    return Digits()


@elsewhere((2, 3, 48, 64))
def a_projection_of_50_from_48() -> nn.Module:
    """6 x 8 patches are 48, and 50 = 6 x 8 + 2 numbers are wanted: that is no remainder of heads."""

    class Mixes(Steps):
        def __init__(self) -> None:
            super().__init__(dim=50, heads=5)
            self.over_tokens = nn.Linear(50, 50)

        def attend(self, x: Tensor) -> Tensor:
            return self.over_tokens(self.norm(x).mT).mT

    return Mixes()


@elsewhere()
def as_many_channels_as_rows() -> nn.Module:
    """A convolution of 4 channels is given 24; and the grid has 4 rows."""

    class Narrows(Steps):
        def __init__(self) -> None:
            super().__init__()
            self.narrow = nn.Conv2d(4, 24, 1)

        def embed(self, x: Tensor) -> Tensor:
            return self.narrow(self.conv(x)).flatten(2).mT

    return Narrows()


# --- other things that do not divide ---


@elsewhere()
def groups_of_a_norm() -> nn.Module:
    class Normed(Steps):
        def __init__(self) -> None:
            super().__init__()
            self.groups = nn.GroupNorm(5, 24)

    return Normed()


@elsewhere()
def groups_of_a_convolution() -> nn.Module:
    class Grouped(Steps):
        def __init__(self) -> None:
            super().__init__()
            self.depthwise = nn.Conv2d(24, 24, 3, padding=1, groups=5)

    return Grouped()


@elsewhere()
def stages_of_a_depth() -> nn.Module:
    class Staged(Steps):
        def __init__(self, image: int = 32, depth: int = 5, stages: int = 2) -> None:
            super().__init__(patch=image // 4)
            assert depth % stages == 0, "every stage has as many layers"

    return Staged()


@elsewhere((2, 3, 32, 32))
def windows_of_a_grid() -> nn.Module:
    class Windows(Steps):
        def embed(self, x: Tensor) -> Tensor:
            x = rearrange(self.conv(x), "b d (h u) (w v) -> (b h w) (u v) d", u=3, v=3)
            return x

    return Windows(patch=4)


@elsewhere((2, 3, 40, 48))
def windows_of_the_tokens() -> nn.Module:
    """30 tokens, D = 30, and windows of 4 tokens: the 30 that 4 does not divide are the tokens."""

    class Windows(Steps):
        def embed(self, x: Tensor) -> Tensor:
            x = super().embed(x)
            count, window = x.shape[1], 4
            assert count % window == 0, "the windows hold every token"
            return x

    return Windows(dim=30, heads=5)


@elsewhere()
def scale_of_pixels() -> nn.Module:
    """A quarter of 24 channels is made to pixels of 5 x 5 and not of 4 x 4."""

    class Shuffled(Steps):
        def embed(self, x: Tensor) -> Tensor:
            return F.pixel_shuffle(self.conv(x), 5).flatten(2).mT

    return Shuffled()


@sound((4, 3, 16, 16))
def everything_is_four() -> nn.Module:
    """Four pictures of four patches, four heads of four numbers and four classes."""
    return Steps(dim=16, heads=4, classes=4)


@sound((3, 3, 4, 16, 16))
def film_with_time_in_front() -> nn.Module:
    """Time, batch, channels, height, width: attention over the first axis is meant."""

    class TimeFirst(Steps):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 24, 8, 8)
            self.over_time = nn.MultiheadAttention(24, 4)

        def forward(self, x: Tensor) -> Tensor:
            frames = self.embed(x.flatten(0, 1)).mean(1).unflatten(0, x.shape[:2])
            return self.head(self.over_time(frames, frames, frames)[0].mean(0))

    return TimeFirst()


@sound()
def every_head_answers() -> nn.Module:
    """Vectors of another width inside attention than outside: no number of D is lost."""

    class Narrow(Steps):
        def __init__(self) -> None:
            super().__init__(dim=50)
            self.qkv, self.proj = nn.Linear(50, 3 * 32), nn.Linear(32, 50)

    return Narrow()


# --- mistakes of the list ---


@broken("heads-do-not-divide")
def heads_of_a_d_as_large_as_the_picture() -> nn.Module:
    """D = 32, the picture, too, is 32 x 32."""

    class Checked(Steps):
        def __init__(self, dim: int = 32, num_heads: int = 5) -> None:
            assert dim % num_heads == 0
            super().__init__(dim, num_heads)

    return Checked()


@broken("class-token-not-expanded")
def three_tokens_in_front() -> nn.Module:
    class Prompted(Steps):
        def __init__(self) -> None:
            super().__init__()
            self.prompts = nn.Parameter(torch.zeros(1, 3, 24))

        def embed(self, x: Tensor) -> Tensor:
            return torch.cat((self.prompts, super().embed(x)), dim=1)

    return Prompted()


@broken("positions-of-another-resolution", (2, 3, 40, 64))
def table_of_rows_of_another_picture() -> nn.Module:
    """6 rows and 8 columns of positions for 5 x 8 patches."""

    class Tables(Steps):
        def __init__(self) -> None:
            super().__init__()
            self.rows, self.columns = nn.Parameter(torch.zeros(6, 1, 24)), nn.Parameter(torch.zeros(1, 8, 24))

        def embed(self, x: Tensor) -> Tensor:
            return (self.conv(x).permute(0, 2, 3, 1) + self.rows + self.columns).flatten(1, 2)

    return Tables()


@broken("head-reads-all-tokens")
def every_token_is_compared() -> nn.Module:
    class Compared(Steps):
        def __init__(self) -> None:
            super().__init__()
            self.prompts, self.texts = nn.Parameter(torch.zeros(4, 24)), nn.Parameter(torch.zeros(24, 9))

        def forward(self, x: Tensor) -> Tensor:
            x = self.embed(x)
            x = torch.cat((self.prompts.expand(len(x), -1, -1), x), dim=1)
            return (x + self.attend(x)) @ self.texts

    return Compared()


@broken("batch-first", (2, 4, 3, 32, 32))
def film_of_frames() -> nn.Module:
    class Film(Steps):
        def __init__(self) -> None:
            super().__init__()
            self.msa = nn.MultiheadAttention(24, 4)

        def forward(self, x: Tensor) -> Tensor:
            frames = self.embed(x.flatten(0, 1))
            frames = frames + self.msa(frames, frames, frames)[0]
            return self.head(frames.mean(1).unflatten(0, x.shape[:2]).mean(1))

    return Film()


@broken("patch-does-not-divide", (2, 3, 4, 32, 36))
def film_of_boxes() -> nn.Module:
    class Boxes(Steps):
        def __init__(self, height: int = 32, width: int = 36) -> None:
            super().__init__()
            self.conv = nn.Conv3d(3, 24, (2, 8, 8), (2, 8, 8))
            self.pos = nn.Parameter(torch.zeros(1, 2 * height * width // 64, 24))

        def embed(self, x: Tensor) -> Tensor:
            return super().embed(x) + self.pos

    return Boxes()


@broken("positions-of-another-resolution", (2, 3, 40, 32))
def a_square_table_for_each_head() -> nn.Module:
    """A bias for 25 x 25 pairs of tokens and 4 heads has the shape of a kernel of 25 x 25; there are 20 tokens."""

    class Biased(Steps):
        def __init__(self) -> None:
            super().__init__()
            self.bias = nn.Parameter(torch.zeros(1, 4, 25, 25))

        def attend(self, x: Tensor) -> Tensor:
            q, k, v = (self.split(each) for each in self.qkv(self.norm(x)).chunk(3, -1))
            y = F.softmax(q @ k.mT + self.bias, -1) @ v
            return self.proj(y.transpose(1, 2).flatten(2))

    return Biased()


@elsewhere((2, 3, 56, 56))
def windows_of_eight() -> nn.Module:
    """Windows of eight on a grid of seven: biases of 64 numbers and square weights are no positions of 8 x 8."""

    class Windows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches = nn.Conv2d(3, 64, 8, 8)
            self.mix = nn.Linear(64, 64)
            self.head = nn.Linear(64, 10)

        def forward(self, images: Tensor) -> Tensor:
            tokens = self.patches(images)
            count, width, rows, columns = tokens.shape
            cut = tokens.view(count, width, rows // 8, 8, columns // 8, 8).permute(0, 2, 4, 3, 5, 1)
            return self.head(self.mix(cut.reshape(-1, 64, width)).mean(1))

    return Windows()
