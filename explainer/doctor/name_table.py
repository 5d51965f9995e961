"""Every family's names and shapes of the same parameters, from the tables that files are read with."""

import re
from dataclasses import dataclass, replace

from vit_core import ViTConfig
from vit_core.weights.conversion import names_of
from vit_core.weights.renaming import weights_and_biases
from vit_core.weights.sources import SOURCES

_FIRST = ("ours", "course")  # whose columns come before those of the others
TITLES = {source: SOURCES[source].short_title for source in dict.fromkeys((*_FIRST, *SOURCES))}

_SYMBOLS = {  # of the paper, in the order of the forward pass
    "patch_projection.weight": "E",
    "class_token": "x_class",
    "position_embedding": "E_pos",
    "blocks.#.attention.qkv.weight": "U_qkv",
    "blocks.#.attention.projection.weight": "U_msa",
    "blocks.#.attention_norm.weight": "LN of Eq. 2",
    "blocks.#.mlp_norm.weight": "LN of Eq. 3",
    "blocks.#.mlp.expand.weight": "MLP, first layer",
    "blocks.#.mlp.contract.weight": "MLP, second layer",
    "norm.weight": "LN of Eq. 4",
    "head.pre_logits.weight": "MLP head, hidden layer",
    "head.linear.weight": "MLP head",
}


@dataclass(frozen=True)
class Cell:
    """One family's names of a parameter, each with its shape; none if it does not have it."""

    names: tuple[str, ...]
    shape: tuple[int, ...] = ()  # of each of the names

    @property
    def text(self) -> str:
        """Names and shape in one line."""
        return f"{', '.join(self.names)} {list(self.shape)}" if self.names else "none"


@dataclass(frozen=True)
class NameRow:
    """One parameter; ``#`` in the names is the layer, counted from 0 as files do."""

    symbol: str  # of the paper
    cells: dict[str, Cell]  # by source

    def matches(self, words: list[str]) -> bool:
        """Whether every word is in a name, a shape or the symbol."""
        text = " ".join((self.symbol, *(cell.text for cell in self.cells.values()))).casefold()
        return all(word in text for word in words)


def name_table(config: ViTConfig, search: str = "") -> list[NameRow]:
    """All parameters of such a model in the order of the forward pass, and those alone that a search finds.

    A layer's number in a search stands for any: ``blocks.7.attn`` finds ``blocks.#.attn``.
    """
    one_layer = replace(config, num_layers=1)
    columns = {source: _column(source, one_layer) for source in TITLES}
    rows = []
    for name in sorted(columns["ours"], key=_place):
        symbol = _SYMBOLS.get(name) or f"bias of {_SYMBOLS[name.replace('bias', 'weight')]}"
        rows.append(NameRow(symbol, {source: column.get(name, Cell(())) for source, column in columns.items()}))
    words = [_general(word.casefold()) for word in search.split()]
    return [row for row in rows if row.matches(words)]


def _column(source: str, config: ViTConfig) -> dict[str, Cell]:
    """A family's names by ours."""
    try:
        shapes = names_of(source, config)
    except ValueError:  # it has no hidden layer in its head
        shapes = names_of(source, replace(config, representation_size=None))
    return {
        row.ours: Cell(row.theirs, shapes[first])
        for row in weights_and_biases(SOURCES[source].rows)
        if (first := row.theirs[0].replace("#", "0")) in shapes
    }


def _place(name: str) -> tuple[int, bool]:
    is_bias = name.endswith(".bias")
    return list(_SYMBOLS).index(name.replace("bias", "weight") if is_bias else name), is_bias


def _general(word: str) -> str:
    """``blocks.7.attn`` and ``encoder_layer_11`` with the layer left open."""
    before = r"((?:^|\.)(?:blocks|layer|layers|transformer_encoder)\.|(?:encoder_layer|encoderblock)_)"
    return re.sub(before + r"\d+", r"\1#", word)
