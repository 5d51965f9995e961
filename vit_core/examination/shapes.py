"""The sizes of a model, read from the shapes of its weights one by one, and which shapes do not fit the others."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isqrt
from typing import Any

import torch
from einops import EinopsError, rearrange
from torch import Tensor

from vit_core.config import ViTConfig, nearest_side
from vit_core.examination.findings import Finding
from vit_core.weights.conversion import names_of
from vit_core.weights.head_candidates import head_candidates
from vit_core.weights.renaming import expand, flattened_axes, some_of
from vit_core.weights.weight_source import Row, WeightSource, respell

# What shows a size: our parameter, and which of its axes.
_SHOWN_BY: dict[str, tuple[tuple[str, int], ...]] = {
    "hidden_size": (
        ("class_token", 1),
        ("norm.weight", 0),
        ("position_embedding", 1),
        ("patch_projection.weight", 0),
        ("blocks.#.attention_norm.weight", 0),
        ("blocks.#.attention.projection.weight", 0),
        ("blocks.#.mlp.contract.weight", 0),
    ),
    "patch_size": (("patch_projection.weight", 2),),
    "num_channels": (("patch_projection.weight", 1),),
    "num_tokens": (("position_embedding", 0),),
    "mlp_size": (
        ("blocks.#.mlp.expand.weight", 0),
        ("blocks.#.mlp.contract.weight", 1),
        ("blocks.#.mlp.expand.bias", 0),
    ),
    "num_classes": (("head.linear.weight", 0), ("head.linear.bias", 0)),
    "representation_size": (("head.pre_logits.weight", 0),),
}


@dataclass(frozen=True)
class SizeRead:
    """One size, and what it was read from."""

    field: str  # of ViTConfig
    value: int
    name: str  # of the tensor in the file
    shape: tuple[int, ...]
    how: str


class Shapes:
    """The shapes of a file whose names are those of ``source``."""

    def __init__(self, state: Mapping[str, Tensor], table: WeightSource, source: str, stated_heads: int | None) -> None:
        self.table, self.source, self.stated_heads = table, source, stated_heads
        self.present = {name: tuple(tensor.shape) for name, tensor in respell(state, table).items()}
        self.in_file = {table.usual(name): name for name in state}
        self.rows = {
            theirs: (row.ours, row.pattern) for row in expand(table.rows, self.num_layers) for theirs in row.theirs
        }

    @cached_property
    def layers(self) -> list[int]:
        """The numbers of the layers that the names speak of, from 0."""
        patterns = {
            re.compile(re.escape(before) + r"(\d{1,4})" + re.escape(after.replace("*", "")))
            for row in self.table.rows
            for before, mark, after in [row.theirs[0].partition("#")]
            if mark
        }
        matches = (pattern.match(name) for pattern in patterns for name in self.present)
        return sorted({int(found[1]) for found in matches if found})

    @property
    def num_layers(self) -> int:
        """L: also layers in a gap count; names from elsewhere with large numbers do not."""
        return 0 if not self.layers else min(self.layers[-1] + 1, 2 * len(self.layers))

    @cached_property
    def sizes(self) -> dict[str, SizeRead]:
        """Every size that the shapes show, as most of the tensors have it that show it."""
        shapes: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
        for name, shape in self.present.items():
            if name in self.rows and (ours := _our_shape(shape, self.rows[name][1])) is not None:
                shapes.setdefault(re.sub(r"^blocks\.\d+\.", "blocks.#.", self.rows[name][0]), []).append((name, ours))
        sizes = {}
        for field, shown_by in _SHOWN_BY.items():
            candidates = [(name, ours, axis) for shown, axis in shown_by for name, ours in shapes.get(shown, [])]
            if found := [(ours[axis], name) for name, ours, axis in candidates if axis < len(ours)]:
                value = Counter(size for size, _ in found).most_common(1)[0][0]
                sizes[field] = self._read(field, value, next(name for size, name in found if size == value))
        return sizes

    def _read(self, field: str, value: int, name: str) -> SizeRead:
        shape = self.present[name]
        axes = [str(axis + 1) for axis, size in enumerate(shape) if size == value]
        how = f"ax{'is' if len(axes) == 1 else 'es'} {' and '.join(axes)}" if axes else f"{shape[-1]} = P² C"
        return SizeRead(field, value, self.in_file[name], shape, how)

    @cached_property
    def config(self) -> ViTConfig | None:
        """The model that most of the shapes belong to; None if a size is not shown or impossible."""
        sizes: dict[str, Any] = {field: read.value for field, read in self.sizes.items()}
        tokens = sizes.pop("num_tokens", 0)
        try:
            patch_size, hidden_size = sizes["patch_size"], sizes["hidden_size"]
            grid = nearest_side(max(tokens - 1, 1))
            heads = head_candidates(hidden_size, self.num_layers, sizes["mlp_size"], self.stated_heads)
            return ViTConfig(
                **sizes, image_size=patch_size * grid, num_layers=self.num_layers, num_heads=heads[0].num_heads
            )
        except (KeyError, ValueError, TypeError):
            return None

    @cached_property
    def expected(self) -> dict[str, tuple[int, ...]]:
        """The names and shapes of that model; without it the names of the table alone."""
        if self.config is None or self.num_layers > len(self.present):
            return {}
        try:
            return names_of(self.source, self.config)
        except ValueError:
            return {}

    def findings(self) -> Iterator[Finding]:
        """Tensors that are missing, left over, or of another shape than the rest of the model."""
        if not self.num_layers:
            yield Finding("error", "missing", "There is no encoder block in it.")
        known = self.expected.keys() or self.rows.keys()
        absent = [name for name in known if name not in self.present]
        may_lack = {name for ours, _ in self.table.absent for name, *_ in expand((Row(ours, ()),), self.num_layers)}
        left_out = tuple(name for name in absent if self.rows[name][0] in may_lack)
        if left_out:
            why = f"left out, as {self.table.title} does with a single head as wide as D"
            sentence = f"{some_of(left_out)}: {why}. Values that change nothing are put in there."
            yield Finding("note", "missing", sentence, left_out)
        optional = {name for name in absent if self.rows[name][0].startswith("head.pre_logits.")} | set(left_out)
        if missing := tuple(name for name in absent if name not in optional):
            yield Finding("error", "missing", f"{_count(missing)} missing: {some_of(missing)}.", missing)
        surplus = tuple(
            self.in_file[name] for name in self.present if name not in self.rows and name not in self.table.unused
        )
        if surplus:
            sentence = f"{_count(surplus)} left over, for which a plain ViT has no place: {some_of(surplus)}."
            yield Finding("error", "left over", sentence, surplus)
        for name, expected in self.expected.items():
            if (found := self.present.get(name, expected)) != expected:
                reason = self._reason(self.rows[name][0], found, expected)
                sentence = f"{self.in_file[name]} has the shape {list(found)}, expected {list(expected)}: {reason}."
                yield Finding("error", "shape", sentence, (self.in_file[name],))
        tokens = self.sizes.get("num_tokens")
        is_reported = tokens and self.expected.get(self.table.usual(tokens.name), tokens.shape) != tokens.shape
        if tokens and not is_reported and not is_grid(tokens.value):
            yield Finding("error", "shape", f"{tokens.name} {_no_square(tokens.value)}.", (tokens.name,))

    def _reason(self, ours: str, found: tuple[int, ...], expected: tuple[int, ...]) -> str:
        """Why a tensor has another shape, as far as the shapes show."""
        if len(found) > 1 and found == expected[::-1]:
            return "its axes are in the opposite order, so it is transposed"
        if sorted(size for size in found if size > 1) == sorted(size for size in expected if size > 1):
            return "the same numbers, with other axes"
        if ours == "position_embedding":
            tokens = found[-2] if len(found) > 1 else 0
            if not is_grid(tokens):
                return f"it {_no_square(tokens)}"
            return "it is of another D than the rest"
        if ".attention." in ours and len(found) == len(expected) and (wide := _attention_width(found, expected)):
            hidden = expected[-1] if ".qkv." in ours else expected[0]
            return f"its heads are k D_h = {wide} wide together and D = {hidden}; in the paper both are the same"
        if len(found) != len(expected):
            return f"it has {len(found)} axes instead of {len(expected)}"
        differ = [axis for axis, pair in enumerate(zip(found, expected, strict=True)) if pair[0] != pair[1]]
        return " and ".join(
            f"axis {axis + 1} is {found[axis]} where the other tensors have {expected[axis]}" for axis in differ
        )


def _attention_width(found: tuple[int, ...], expected: tuple[int, ...]) -> int:
    """k D_h of a model whose heads are not D wide together; 0 if that is not what the shapes say."""
    if len(found) != 2:
        return 0
    if found[1] == expected[1] and found[0] % 3 == 0 and expected[0] == 3 * expected[1]:
        return found[0] // 3
    return found[1] if found[0] == expected[0] and expected[0] == expected[1] else 0


def _our_shape(shape: tuple[int, ...], pattern: str) -> tuple[int, ...] | None:
    """The shape after the row's pattern; None if it does not have the row's axes."""
    if not pattern:
        return shape
    tensor = torch.empty(shape, device="meta")
    try:
        return tuple(rearrange(tensor, pattern, **flattened_axes(pattern, tensor)).shape)
    except EinopsError:
        # An axis of size 1 is easily lost; the sizes can still be read.
        return shape[-2:] if pattern.startswith("1 ") and len(shape) > 1 else None


def is_grid(tokens: int) -> bool:
    """Whether so many rows are a class token and a square of patches."""
    return tokens > 1 and isqrt(tokens - 1) ** 2 == tokens - 1


def _no_square(tokens: int) -> str:
    side = nearest_side(max(tokens - 1, 1))
    return (
        f"has {tokens} rows, the class token's and {tokens - 1} of patches, and {tokens - 1} is no square number (the "
        f"nearest is {side} x {side} = {side * side}): images are cut into as many rows as columns"
    )


def _count(names: tuple[str, ...]) -> str:
    return f"{len(names)} tensor{'s are' if len(names) > 1 else ' is'}"
