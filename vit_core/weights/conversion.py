"""Weights under anybody's names: the rows of ``SOURCES`` read from right to left."""

import json
import re
from dataclasses import asdict, replace
from io import BytesIO
from pathlib import Path
from typing import Any

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
from vit_core.weights.sources import SOURCES, Row

FORMATS = {source: (".npz",) if source == "google" else (".safetensors", ".pth") for source in SOURCES}


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
    lost = [name for name, tensor in ours.items() if name not in may_be_zero or not _is_zero(tensor)]
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
        _write(state, file, suffix)
    except (RuntimeError, safetensors.SafetensorError) as error:  # what torch and safetensors make of a full disk
        reason = re.sub(r"^\[[^\]]*\] \. *", "", str(error).partition("\n")[0])  # without the line of their code
        raise OSError(f"{file.name if isinstance(file, Path) else 'it'} cannot be written: {reason}") from error


def _write(state: dict[str, Tensor], file: Path | BytesIO, suffix: str) -> None:
    match suffix:
        case ".safetensors":
            data = {"tensors": state, "metadata": {"format": "pt"}}  # without which transformers refuses it
            if isinstance(file, Path):
                safetensors.torch.save_file(filename=file, **data)  # type: ignore[arg-type]
            else:
                file.write(safetensors.torch.save(**data))  # type: ignore[arg-type]
        case ".pth":
            torch.save(state, file)
        case ".npz":
            arrays: dict[str, Any] = {name: tensor.numpy() for name, tensor in state.items()}
            np.savez(file, **arrays)
        case _:
            raise ValueError(f"unknown kind of file {suffix!r}, known are .safetensors, .pth, .npz")


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
    c, ratio = config, repr(config.mlp_size / config.hidden_size)
    tanh = c.gelu == "tanh"
    eps = "" if c.norm_eps == 1e-6 else f", norm_layer=partial(torch.nn.LayerNorm, eps={c.norm_eps:g})"
    match source:
        case "torchvision":
            extra = f", representation_size={c.representation_size}" if c.representation_size else ""
            return (
                f"torchvision.models.VisionTransformer({c.image_size}, {c.patch_size}, {c.num_layers}, {c.num_heads}, "
                f"{c.hidden_size}, {c.mlp_size}, num_classes={c.num_classes}{extra}{eps})"
            )
        case "timm":
            activation = ", act_layer=partial(torch.nn.GELU, approximate='tanh')" if tanh else ""
            return (
                f"timm.models.VisionTransformer(img_size={c.image_size}, patch_size={c.patch_size}, "
                f"embed_dim={c.hidden_size}, depth={c.num_layers}, num_heads={c.num_heads}, mlp_ratio={ratio}, "
                f"num_classes={c.num_classes}{eps}{activation})"
            )
        case "huggingface":
            activation = ", hidden_act='gelu_pytorch_tanh'" if tanh else ""
            return (
                f"transformers.ViTForImageClassification(transformers.ViTConfig(image_size={c.image_size}, "
                f"patch_size={c.patch_size}, hidden_size={c.hidden_size}, num_hidden_layers={c.num_layers}, "
                f"num_attention_heads={c.num_heads}, intermediate_size={c.mlp_size}, num_labels={c.num_classes}, "
                f"layer_norm_eps={c.norm_eps:g}{activation}))"
            )
        case "course":
            return (
                f"ViT(img_size={c.image_size}, patch_size={c.patch_size}, num_transformer_layers={c.num_layers}, "
                f"embedding_dim={c.hidden_size}, mlp_size={c.mlp_size}, num_heads={c.num_heads}, "
                f"num_classes={c.num_classes})"
            )
        case "lucidrains":
            return (
                f"ViT(image_size={c.image_size}, patch_size={c.patch_size}, num_classes={c.num_classes}, "
                f"dim={c.hidden_size}, depth={c.num_layers}, heads={c.num_heads}, dim_head={c.head_size}, "
                f"mlp_dim={c.mlp_size})"
            )
        case "google":
            return (
                f"vit_jax.models.VisionTransformer(num_classes={c.num_classes}, hidden_size={c.hidden_size}, "
                f"patches=ConfigDict({{'size': ({c.patch_size}, {c.patch_size})}}), transformer=dict("
                f"num_layers={c.num_layers}, num_heads={c.num_heads}, mlp_dim={c.mlp_size}))"
            )
    return f"vit_core.load(FILE, num_heads={c.num_heads}, norm_eps={c.norm_eps:g}, gelu={c.gelu!r})"


def caveats(source: str, config: ViTConfig) -> tuple[str, ...]:
    """The differences of the source's own model that its constructor cannot remove: its code has to change."""
    table = SOURCES[source]
    can_say_epsilon = source in ("ours", "torchvision", "timm", "huggingface")
    can_say_gelu = source in ("ours", "timm", "huggingface")
    notes = []
    if config.norm_eps != table.norm_eps and not can_say_epsilon:
        notes.append(f"its LayerNorms add {table.norm_eps:g} to the variance, these weights expect {config.norm_eps:g}")
    if config.gelu != table.gelu and not can_say_gelu:
        names = {"none": "erf", "tanh": "tanh"}
        notes.append(f"its GELU is computed with {names[table.gelu]}, these weights expect {names[config.gelu]}")
    if source == "timm" and config.representation_size:
        notes.append("its models have had no hidden layer in the head since version 0.6")
    return tuple(notes)


def how_to_load(source: str) -> str:
    """The way to load such a file; empty if it is ``load_state_dict`` of the family's model."""
    if source != "huggingface":
        return ""
    return (
        "Its names are those of saved files, which from_pretrained of every version of transformers reads; "
        "load_state_dict of transformers 5 expects others. So put the file into a folder as model.safetensors "
        "(a .pth as pytorch_model.bin), write config.json there with model.config.save_pretrained(FOLDER), and call "
        "transformers.ViTForImageClassification.from_pretrained(FOLDER)."
    )


def _is_zero(tensor: Tensor) -> bool:
    """Whether a bias adds nothing; of shapes alone it is taken for so."""
    return tensor.is_meta or not tensor.count_nonzero()


def _laid_out(tensor: Tensor, pattern: str, num_heads: int) -> Tensor:
    """One of our tensors in their layout."""
    if not pattern:
        return tensor.contiguous()
    theirs, ours = pattern.split(" -> ")
    heads = {"h": num_heads} if "(h e)" in ours else {}
    return rearrange(tensor, f"{ours} -> {theirs}", **heads).contiguous()
