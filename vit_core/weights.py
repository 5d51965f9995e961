"""Anybody's plain ViT weights into our model: renamed by the table of their source, strictly, or not at all."""

import re
from collections.abc import Iterator, Mapping

import torch
from einops import EinopsError, rearrange
from torch import Tensor

from vit_core.families import refuse_other_families
from vit_core.model import VisionTransformer
from vit_core.sources import SOURCES, Row, WeightSource

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
        *_listing("of another shape", [
            f"{name} (expected {_sizes(expected[name])}, got {_sizes(ours[name])})"
            for name in expected if name in ours and expected[name].shape != ours[name].shape
        ]),
    ]  # fmt: skip
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
    for name, theirs, pattern in _expand(table.rows, num_layers):
        if name.startswith("head.pre_logits.") and not any(key in left for key in theirs):
            continue  # the one part that a plain ViT may lack
        absent = [key for key in theirs if key not in left]
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
    return ours


def find_source(source: str) -> WeightSource:
    """The table of ``source``.

    Raises:
        ValueError: if there is none; the message lists those that exist.
    """
    if source not in SOURCES:
        raise ValueError(f"unknown source {source!r}, known are {', '.join(SOURCES)}")
    return SOURCES[source]


def respell(state: Mapping[str, Tensor], source: WeightSource) -> dict[str, Tensor]:
    """``state`` with every other spelling of a name replaced by that of the source's table."""
    respelled = {}
    for key, tensor in state.items():
        for spelling, usual in source.spellings:
            key = re.sub(spelling, usual, key)
        respelled[key] = tensor
    return respelled


def count_layers(state: Mapping[str, Tensor], source: WeightSource) -> int:
    """How many encoder blocks the names speak of, once they are spelled as in the table."""
    row = next(row for row in source.rows if row.ours.startswith("blocks.#.attention_norm"))
    before, after = row.theirs[0].replace("*", "weight").split("#")
    pattern = re.compile(re.escape(before) + r"(\d{1,4})" + re.escape(after))
    return sum(pattern.fullmatch(key) is not None for key in state)


def _expand(rows: tuple[Row, ...], num_layers: int) -> Iterator[Row]:
    """Every row for every layer, for weight and bias."""
    for row in rows:
        for kind in ("weight", "bias") if "*" in row.ours else ("",):
            for layer in range(num_layers) if "#" in row.ours else (0,):
                ours, *theirs = (
                    name.replace("*", kind).replace("#", str(layer)) for name in (row.ours, *row.theirs)
                )
                yield Row(ours, tuple(theirs), row.pattern)


def _convert(parts: list[tuple[str, Tensor]], pattern: str) -> Tensor:
    """Their tensors as our one, in 32 bits and laid out row by row."""
    converted = []
    for key, tensor in parts:
        if not tensor.is_floating_point():
            raise ValueError(f"{key} holds numbers of type {tensor.dtype}, expected floating-point weights")
        try:
            converted.append(rearrange(tensor, pattern) if pattern else tensor)
        except EinopsError as error:
            axes = pattern.split(" -> ")[0]
            raise ValueError(f"{key} has shape {_sizes(tensor)}, expected the axes [{axes}]") from error
    if {part.shape[1:] for part in converted} != {converted[0].shape[1:]}:
        raise ValueError(f"{', '.join(key for key, _ in parts)} have different shapes and cannot be joined")
    joined = converted[0] if len(converted) == 1 else torch.cat(converted)
    return joined.float().contiguous()


def _listing(what: str, names: list[str]) -> list[str]:
    """Nothing, or one phrase with the first few of the names and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return [f"{what}: {', '.join(names[:SHOWN])}{more}"] if names else []


def _sizes(tensor: Tensor) -> str:
    return "[" + ", ".join(map(str, tensor.shape)) + "]"
