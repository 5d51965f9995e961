"""Two of anything, side by side: what is on each side, which classes both know, why sizes keep two apart."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from jaxtyping import Float
from torch import Tensor

from explainer.notation.wording import the_token
from explainer.numbers.rules import positions
from explainer.panels import Pixels
from vit_core.attention_maps import one_head
from vit_core.config import ViTConfig
from vit_core.model import VisionTransformer
from vit_core.trace import ForwardTrace

MEAN = 0  # as a head: the mean over all heads

Size = Literal["pixels", "grid", "hidden", "layers", "heads"]


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two: a picture in a model, and what is looked at there."""

    name: Literal["left", "right"]
    model: VisionTransformer
    trace: ForwardTrace
    pixels: Pixels  # the picture as the model sees it
    labels: tuple[str, ...]
    layer: int  # 1..L
    head: int  # 1..k, or MEAN
    token: int  # 0..N
    marks: tuple[str, ...] = ()  # what is different on this side: "Chelsea the cat", "layer 3"

    @property
    def config(self) -> ViTConfig:
        """The sizes of the model."""
        return self.model.config

    @property
    def title(self) -> str:
        """ "Left: layer 3", or "Left" where the other side is the same."""
        return ": ".join([self.name.capitalize(), *([", ".join(self.marks)] if self.marks else [])])

    @property
    def the_token(self) -> str:
        """The chosen token as the subject of a sentence."""
        return the_token(self.token, self.config.grid_size)

    @property
    def the_head(self) -> str:
        """ "layer 3, head 1" or "layer 3, mean over 4 heads"."""
        which = f"mean over {self.config.num_heads} heads" if self.head == MEAN else f"head {self.head}"
        return f"layer {self.layer}, {which}"

    @property
    def attention(self) -> Float[Tensor, "tokens tokens"]:
        """A of the chosen layer and head, or the mean over its heads."""
        weights = self.trace.attention(self.layer)
        return weights.mean(0) if self.head == MEAN else one_head(weights, self.head)

    @property
    def position_embedding(self) -> Float[Tensor, "tokens hidden"]:
        """The E_pos that was added to the embedded tokens, as a change may have left it."""
        return positions(self.model, self.trace)


class SharedClass(NamedTuple):
    """A class that both models know: its name, and its number on each side."""

    name: str
    left: int
    right: int


def shared_classes(left: Side, right: Side) -> list[SharedClass]:
    """The classes that both know. Two lists that are not the same are matched by names that each has once."""
    if left.labels == right.labels:
        return [SharedClass(name, c, c) for c, name in enumerate(left.labels)]
    counts = [Counter(side.labels) for side in (left, right)]
    return [
        SharedClass(name, c, right.labels.index(name))
        for c, name in enumerate(left.labels)
        if counts[0][name] == counts[1][name] == 1
    ]


def beside_each_other(
    shared: Sequence[SharedClass], chosen: tuple[list[int], list[int]]
) -> tuple[list[SharedClass], tuple[list[int], list[int]]]:
    """The rows of a list in which ``chosen`` are the numbers of some classes of each side.

    Returns:
        Those of them that both know, and for each side the numbers: these, then those that it alone knows.
    """
    of_left, of_right = {row.left: row for row in shared}, {row.right: row for row in shared}
    rows = list(
        dict.fromkeys(
            [of_left[c] for c in chosen[0] if c in of_left] + [of_right[c] for c in chosen[1] if c in of_right]
        )
    )
    return rows, (
        [row.left for row in rows] + [c for c in chosen[0] if c not in of_left],
        [row.right for row in rows] + [c for c in chosen[1] if c not in of_right],
    )


def why_not(left: Side, right: Side, *sizes: Size) -> str:
    """Why two tensors that need the same ``sizes`` cannot be subtracted; empty if they can."""
    a, b = left.config, right.config
    differs = {
        "pixels": (a.image_size != b.image_size, f"the images have {a.image_size} and {b.image_size} pixels a side"),
        "grid": (
            a.grid_size != b.grid_size,
            f"there are {a.grid_size} × {a.grid_size} patches on the left, {b.grid_size} × {b.grid_size} on the right",
        ),
        "hidden": (a.hidden_size != b.hidden_size, f"a token has D = {a.hidden_size} and {b.hidden_size} numbers"),
        "layers": (a.num_layers != b.num_layers, f"there are {a.num_layers} and {b.num_layers} layers"),
        "heads": (a.num_heads != b.num_heads, f"a layer has {a.num_heads} and {b.num_heads} heads"),
    }
    return " and ".join(words for size, (is_other, words) in differs.items() if size in sizes and is_other)


def same_place(token: int, grid_size: int, other_grid_size: int) -> int:
    """The token of another grid in whose patch the middle of this one's lies; the class token stays what it is."""
    if token == 0 or grid_size == other_grid_size:
        return token
    row, column = divmod(token - 1, grid_size)
    place = [int((index + 0.5) / grid_size * other_grid_size) for index in (row, column)]
    return place[0] * other_grid_size + place[1] + 1
