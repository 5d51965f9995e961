"""One publisher's names and layout of the parameters of a ViT, as data.

In a row, ``#`` is the layer (from 0) and ``*`` stands for ``weight`` and for ``bias``. Several names are joined along
the first axis, as q, k and v are. The pattern, where there is one, takes their axes to ours (einops), and read from
right to left, ours to theirs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

from vit_core.positions import ResizeMethod
from vit_core.preprocess import Preprocess

Value = TypeVar("Value")


class Row(NamedTuple):
    """One parameter: our name, their names, and how their axes become ours."""

    ours: str
    theirs: tuple[str, ...]
    pattern: str = ""

    def with_mark(self, mark: str, text: str) -> "Row":
        """The row with a mark of its names replaced."""
        return Row(self.ours.replace(mark, text), tuple(name.replace(mark, text) for name in self.theirs), self.pattern)


@dataclass(frozen=True, kw_only=True)
class WeightSource:
    """One publisher's layout, and what its files leave unsaid."""

    title: str
    short_title: str  # over a column of a table
    signature: str  # a name of its files that no other source's files have
    rows: tuple[Row, ...]
    spellings: tuple[tuple[str, str], ...] = ()  # other names for the same parameter: (regular expression, the row's)
    unused: tuple[str, ...] = ()  # what the publisher's own model leaves out of its logits too
    absent: tuple[tuple[str, Literal["zeros", "identity"]], ...] = ()  # ours that they may lack, and what it is then
    norm_eps: float
    gelu: Literal["none", "tanh"] = "none"
    resize: ResizeMethod = "bicubic"  # the publisher's own way to another grid, if it has one
    preprocess: Preprocess  # at 224 pixels, for a file that does not say
    has_folder: bool = False  # whether config.json and preprocessor_config.json lie beside its files
    expects: tuple[tuple[str, str], ...] = ()  # what else its numbers depend on and no file tells, and what is usual
    formats: tuple[str, ...] = (".safetensors", ".pth")  # that it is written as
    constructor: str  # of its own model, as a line of Python with the sizes of ViTConfig in braces
    tanh_argument: str = ""  # what its constructor takes for the tanh approximation of the GELU
    hidden_layer_caveat: str = ""  # of a head with a hidden layer
    how_to_load: str = ""  # where load_state_dict of its model is not it

    @property
    def takes_epsilon(self) -> bool:
        """Whether its constructor takes that of LayerNorm."""
        return "{norm_" in self.constructor

    @property
    def takes_gelu(self) -> bool:
        """Whether its constructor takes the kind of GELU."""
        return "{gelu" in self.constructor

    def usual(self, name: str) -> str:
        """The table's spelling of a name."""
        for spelling, usual in self.spellings:
            name = re.sub(spelling, usual, name)
        return name


def respell(state: Mapping[str, Value], source: WeightSource) -> dict[str, Value]:
    """``state`` with every other spelling of a name replaced by that of the source's table.

    Raises:
        ValueError: if two names turn out to be spellings of one.
    """
    respelled: dict[str, Value] = {}
    origins: dict[str, str] = {}
    for key, value in state.items():
        name = source.usual(key)
        if name in respelled:
            raise ValueError(
                f"{origins[name]} and {key} both stand for {name} of {source.title}: expected one layer there, not two"
            )
        respelled[name], origins[name] = value, key
    return respelled
