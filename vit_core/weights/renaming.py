"""Anybody's plain ViT weights into our model: renamed by the table of their source, strictly, or not at all."""

import re
from collections.abc import Iterator, Mapping, Sequence
from math import isqrt

import torch
from einops import EinopsError, rearrange
from torch import Tensor

from vit_core.model import VisionTransformer
from vit_core.weights.families import refuse_other_families
from vit_core.weights.sources import SOURCES
from vit_core.weights.weight_source import Row, WeightSource, respell

SHOWN = 4  # of a long list of names, how many an error spells out


def load_weights(model: VisionTransformer, state: Mapping[str, Tensor], source: str) -> None:
    """Fill ``model`` with ``state``, the names and layout of which are those of ``source``.

    Nothing is changed unless everything fits. A model on the meta device takes the tensors themselves.

    Raises:
        ValueError: if the source is unknown, the weights are not those of a plain ViT, or names are missing, left
            over or of another shape.
    """
    ours = rename(state, source, model.config.num_layers)
    expected = model.state_dict()
    problems = [
        *_listing("missing", sorted(expected.keys() - ours.keys())),
        *_listing("left over", sorted(ours.keys() - expected.keys())),
        *_listing(
            "of another shape",
            [
                f"{name} (expected {list(expected[name].shape)}, got {list(ours[name].shape)})"
                for name in expected
                if name in ours and expected[name].shape != ours[name].shape
            ],
        ),
    ]
    if problems:
        title = SOURCES[source].title
        raise ValueError(f"the weights, named as by {title}, do not fit the model: {'; '.join(problems)}")
    model.load_state_dict(ours, strict=True, assign=model.class_token.is_meta)


def rename(state: Mapping[str, Tensor], source: str, num_layers: int | None = None) -> dict[str, Tensor]:
    """``state`` under our names and in our layout, in 32 bits; ``num_layers`` is counted if it is not given.

    Raises:
        ValueError: if the source is unknown, the weights are not those of a plain ViT, or names are missing, left
            over or of another shape than the source's.
    """
    table = find_source(source)
    refuse_other_families(state)
    left = respell(state, table)
    num_layers = count_layers(left, table) if num_layers is None else num_layers
    ours: dict[str, Tensor] = {}
    missing: list[str] = []
    may_lack = [absent.replace("#.", r"\d+\.") for absent, _ in table.absent]
    for name, theirs, pattern in expand(table.rows, num_layers):
        absent = [key for key in theirs if key not in left]
        if absent == list(theirs) and (
            name.startswith("head.pre_logits.") or any(re.fullmatch(optional, name) for optional in may_lack)
        ):
            continue  # a part that a plain ViT, or this source's, may lack
        missing += absent
        if not absent:
            ours[name] = _convert([(key, left.pop(key)) for key in theirs], pattern)
    problems = [
        *_listing("missing", missing),
        *_listing("left over", [key for key in left if key not in table.unused]),
    ]
    if problems:
        raise ValueError(
            f"these are not the weights of a {num_layers}-layer ViT, named as by {table.title}: {'; '.join(problems)}"
        )
    _fill(ours, table, num_layers)
    return ours


def _fill(ours: dict[str, Tensor], table: WeightSource, num_layers: int) -> None:
    """Put in what the source's own model computes without: a bias of zeros, a map that changes nothing."""
    for absent, kind in table.absent:
        for name, _, _ in expand((Row(absent, ()),), num_layers):
            if name in ours:
                continue
            layer = name.partition(".attention.")[0]
            rows, columns = ours[f"{layer}.attention.qkv.weight"].shape
            if kind == "identity" and rows == 3 * columns:  # so many numbers are in the file already
                ours[name] = torch.eye(columns)
            elif kind == "zeros":
                ours[name] = torch.zeros(rows if ".qkv." in name else columns)


def find_source(source: str) -> WeightSource:
    """The table of ``source``.

    Raises:
        ValueError: if there is none; the message lists those that exist.
    """
    if source not in SOURCES:
        raise ValueError(f"unknown source {source!r}, known are {', '.join(SOURCES)}")
    return SOURCES[source]


def count_layers(state: Mapping[str, Tensor], source: WeightSource) -> int:
    """How many encoder blocks the names speak of, once they are spelled as in the table."""
    row = next(row for row in source.rows if row.ours.startswith("blocks.#.attention_norm"))
    before, after = row.theirs[0].replace("*", "weight").split("#")
    pattern = re.compile(re.escape(before) + r"(\d{1,4})" + re.escape(after))
    return sum(pattern.fullmatch(key) is not None for key in state)


def expand(rows: tuple[Row, ...], num_layers: int) -> Iterator[Row]:
    """Every row for every layer, for weight and bias."""
    for row in weights_and_biases(rows):
        for layer in range(num_layers) if "#" in row.ours else (0,):
            yield row.with_mark("#", str(layer))


def weights_and_biases(rows: tuple[Row, ...]) -> Iterator[Row]:
    """Every row for weight and bias, with the layer left open."""
    for row in rows:
        for kind in ("weight", "bias") if "*" in row.ours else ("",):
            yield row.with_mark("*", kind)


def _convert(parts: list[tuple[str, Tensor]], pattern: str) -> Tensor:
    """Their tensors as our one, in 32 bits and laid out row by row."""
    converted = []
    for key, tensor in parts:
        if not tensor.is_floating_point():
            raise ValueError(f"{key} holds numbers of type {tensor.dtype}, expected floating-point weights")
        try:
            converted.append(rearrange(tensor, pattern, **flattened_axes(pattern, tensor)) if pattern else tensor)
        except EinopsError as error:
            axes = pattern.split(" -> ")[0]
            raise ValueError(f"{key} has shape {list(tensor.shape)}, expected the axes [{axes}]") from error
    if {part.shape[1:] for part in converted} != {converted[0].shape[1:]}:
        raise ValueError(f"{', '.join(key for key, _ in parts)} have different shapes and cannot be joined")
    joined = converted[0] if len(converted) == 1 else torch.cat(converted)
    return joined.float().contiguous()


def flattened_axes(pattern: str, tensor: Tensor) -> dict[str, int]:
    """How a flattened patch is to be cut: the one size that a shape does not show is the number of channels, 3 or 1."""
    if not pattern.startswith("d (p1 p2 c) ") or tensor.dim() != 2:
        return {}
    channels = 3 if tensor.shape[1] % 3 == 0 else 1
    side = isqrt(tensor.shape[1] // channels)
    return {"p1": side, "p2": side, "c": channels}


def some_of(names: Sequence[str], shown: int = SHOWN) -> str:
    """The first few of the names and how many more there are."""
    return ", ".join(names[:shown]) + (f" and {len(names) - shown:,} more" if len(names) > shown else "")


def _listing(what: str, names: list[str]) -> list[str]:
    """Nothing, or one phrase with some of the names."""
    return [f"{what}: {some_of(names)}"] if names else []
