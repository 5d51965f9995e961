"""Weights under anybody's names: the rows of ``SOURCES`` read from right to left."""

import json
import re
from dataclasses import asdict, replace
from io import BytesIO
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from einops import rearrange
from torch import Tensor

from vit_core.config import ViTConfig
from vit_core.model import VisionTransformer
from vit_core.weights.checkpoints import Checkpoint
from vit_core.weights.renaming import expand, find_source, some_of, weights_and_biases
from vit_core.weights.sources import SOURCES
from vit_core.weights.weight_source import Row

_METADATA = {"format": "pt"}  # without which transformers refuses the file
FORMATS = {source: table.formats for source, table in SOURCES.items()}


def convert(model: VisionTransformer, source: str) -> dict[str, Tensor]:
    """The weights of ``model`` under the names and in the layout of ``source``, to the bit; ``rename`` is the inverse.

    Raises:
        ValueError: if the source is unknown, or has no place for a part of the weights.
    """
    ours = {name: tensor.detach() for name, tensor in model.state_dict().items()}
    config, table = model.config, find_source(source)
    theirs: dict[str, Tensor] = {}
    for name, names, pattern in expand(table.rows, config.num_layers):
        if name not in ours:  # the hidden layer of a head
            continue
        parts = ours.pop(name).chunk(len(names))
        theirs |= {key: _laid_out(part, pattern, config.num_heads) for key, part in zip(names, parts, strict=True)}
    may_be_zero = {
        name
        for absent, kind in table.absent
        if kind == "zeros"
        for name, *_ in expand((Row(absent, ()),), config.num_layers)
    }
    # A bias of zeros adds nothing; shapes alone (meta) are taken for zeros.
    lost = [name for name, tensor in ours.items() if name not in may_be_zero or (not tensor.is_meta and tensor.any())]
    if lost:
        raise ValueError(f"{table.title} has no place for {some_of(lost)}, and without it the logits would be others")
    return theirs


def names_of(source: str, config: ViTConfig) -> dict[str, tuple[int, ...]]:
    """The parameters of a model of these sizes as ``source`` names and shapes them. Takes no memory.

    Raises:
        ValueError: if the source is unknown, or has no place for a part of such a model.
    """
    table, one_layer = find_source(source), replace(config, num_layers=1)
    with torch.device("meta"):  # every layer has the same shapes, so one tells them all
        shapes = {name: tuple(tensor.shape) for name, tensor in convert(VisionTransformer(one_layer), source).items()}
    return {
        name.replace("#", str(layer)): shapes[first]
        for row in weights_and_biases(table.rows)
        for layer in range(config.num_layers if "#" in row.ours else 1)
        for name in row.theirs
        if (first := name.replace("#", "0")) in shapes
    }


def write(state: dict[str, Tensor], file: Path | BytesIO, suffix: str) -> None:
    """Write tensors as a file of that kind.

    Raises:
        ValueError: if ``suffix`` is none of ``FORMATS``.
        OSError: if it cannot be written.
    """
    try:
        match suffix:
            case ".safetensors" if isinstance(file, Path):
                safetensors.torch.save_file(state, file, _METADATA)
            case ".safetensors":
                file.write(safetensors.torch.save(state, _METADATA))  # type: ignore[union-attr]
            case ".pth":
                torch.save(state, file)
            case ".npz":
                np.savez(file, **{name: tensor.numpy() for name, tensor in state.items()})  # type: ignore[arg-type]
            case _:
                raise ValueError(f"unknown kind of file {suffix!r}, known are .safetensors, .pth, .npz")
    except (RuntimeError, safetensors.SafetensorError) as error:  # what torch and safetensors make of a full disk
        reason = re.sub(r"^\[[^\]]*\] \. *", "", str(error).partition("\n")[0])  # without the line of their code
        raise OSError(f"{file.name if isinstance(file, Path) else 'it'} cannot be written: {reason}") from error


def card_of(checkpoint: Checkpoint) -> str:
    """The JSON next to our own files, with what no weights show: heads, epsilon, preprocessing, labels."""
    card = {
        "config": asdict(checkpoint.config),
        "labels": checkpoint.labels,
        "description": checkpoint.description,
        "preprocess": asdict(checkpoint.preprocess),
        "licence": checkpoint.licence,
    }
    return json.dumps(card, indent=1, ensure_ascii=False) + "\n"


def constructor(source: str, config: ViTConfig) -> str:
    """The line of Python that builds the model which such a file belongs to, with everything that no file states."""
    table = SOURCES[source]
    return table.constructor.format(
        **asdict(config),
        head_size=config.head_size,
        mlp_ratio=config.mlp_size / config.hidden_size,
        representation=f", representation_size={config.representation_size}" if config.representation_size else "",
        norm_layer=""
        if config.norm_eps == 1e-6
        else f", norm_layer=partial(torch.nn.LayerNorm, eps={config.norm_eps:g})",
        gelu_argument=table.tanh_argument if config.gelu == "tanh" else "",
    )


def caveats(source: str, config: ViTConfig) -> tuple[str, ...]:
    """The differences of the source's own model that its constructor cannot remove: its code has to change."""
    table = SOURCES[source]
    notes = []
    if config.norm_eps != table.norm_eps and not table.takes_epsilon:
        notes.append(f"its LayerNorms add {table.norm_eps:g} to the variance, these weights expect {config.norm_eps:g}")
    if config.gelu != table.gelu and not table.takes_gelu:
        names = {"none": "erf", "tanh": "tanh"}
        notes.append(f"its GELU is computed with {names[table.gelu]}, these weights expect {names[config.gelu]}")
    if table.hidden_layer_caveat and config.representation_size:
        notes.append(table.hidden_layer_caveat)
    return tuple(notes)


def how_to_load(source: str) -> str:
    """The way to load such a file; empty if it is ``load_state_dict`` of the family's model."""
    return SOURCES[source].how_to_load


def _laid_out(tensor: Tensor, pattern: str, num_heads: int) -> Tensor:
    """One of our tensors in their layout."""
    if not pattern:
        return tensor.contiguous()
    theirs, ours = pattern.split(" -> ")
    heads = {"h": num_heads} if "(h e)" in ours else {}
    return rearrange(tensor, f"{ours} -> {theirs}", **heads).contiguous()
