"""``load``: a model that is ready to predict, from a name, a file or a folder."""

import os
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vit_core.config import ViTConfig, square_root
from vit_core.cost import count_parameters
from vit_core.model import VisionTransformer
from vit_core.positions import resize_position_embedding
from vit_core.weights.checkpoints import CHECKPOINTS, Checkpoint, labels_of, read_card
from vit_core.weights.downloads import Progress, download
from vit_core.weights.families import recognise
from vit_core.weights.head_candidates import head_candidates
from vit_core.weights.huggingface import Folder
from vit_core.weights.reading import MAX_BYTES, read_folder, read_weights
from vit_core.weights.renaming import load_weights, rename
from vit_core.weights.sources import SOURCES


def load(
    name_or_path: str | Path, *, on_progress: Progress | None = None, part: str | None = None, **config_overrides: Any
) -> tuple[VisionTransformer, Checkpoint]:
    """A model with its weights, ready to predict, and the record of its checkpoint.

    ``name_or_path`` is a name in ``CHECKPOINTS``, a weights file, or a Hugging Face folder. What a file cannot tell
    can be given, ``num_heads=4`` for example; for another ``image_size`` the position embedding is resized as the
    weights' own publisher does. Where a file holds several models, ``part`` says which, ``"model_ema"`` for example.

    Raises:
        ValueError: if the name is unknown, or the weights are not those of a plain ViT or do not fit the overrides.
        DownloadError: if a named checkpoint is not here and cannot be downloaded.
        OSError: if a file cannot be read.
    """
    if unknown := sorted(config_overrides.keys() - {field.name for field in fields(ViTConfig)}):
        raise ValueError(f"unknown size {', '.join(unknown)}: expected fields of ViTConfig such as num_heads=4")
    name, path = str(name_or_path), Path(os.path.expanduser(name_or_path))
    if name in CHECKPOINTS:
        checkpoint = CHECKPOINTS[name]
        if checkpoint.url:
            download(checkpoint.url, checkpoint.path, checkpoint.sha256, on_progress)
        state = _read(checkpoint.path)
        ours = rename(state, checkpoint.source)
        _refuse_damaged(state, checkpoint.source)
    elif name and os.path.exists(path):  # unlike Path.exists, also for names that no file can have
        return open_weights(_read(path, part), path, **config_overrides)
    else:
        close = get_close_matches(name, CHECKPOINTS, n=3, cutoff=0.4)
        hint = f"; close to it are {', '.join(close)}" if close else ""
        raise ValueError(
            f"{name[:80]!r} is neither a file nor a known checkpoint{hint}; known are {', '.join(CHECKPOINTS)}"
        )
    checkpoint = _override(checkpoint, config_overrides)
    return _build(checkpoint, ours), checkpoint


def open_weights(
    state: Mapping[str, Tensor], path: Path, **config_overrides: Any
) -> tuple[VisionTransformer, Checkpoint]:
    """The model of somebody's weights that were read from ``path``, and a record of them.

    Raises:
        ValueError: if they are not those of a plain ViT or do not fit the overrides.
        OSError: if a file next to them cannot be read.
    """
    source = recognise(state)
    ours = rename(state, source)
    checkpoint = _describe(path, source, ours, config_overrides | heads_in_layout(state, config_overrides))
    checkpoint = _override(checkpoint, config_overrides)
    _refuse_damaged(state, source)
    return _build(checkpoint, ours), checkpoint


def _refuse_damaged(state: Mapping[str, Tensor], source: str) -> None:
    """Refuse NaN and infinities where a prediction needs the tensor, by the name that the file has for it."""
    needed = (name for name in state if SOURCES[source].usual(name) not in SOURCES[source].unused)
    if damaged := next((name for name in needed if not state[name].float().sum().isfinite()), None):
        raise ValueError(f"the weights are damaged: {damaged} holds numbers that are not finite")


def _read(path: Path, part: str | None = None) -> dict[str, Tensor]:
    return read_folder(path) if path.is_dir() else dict(read_weights(path, part).state)


def _describe(path: Path, source: str, ours: dict[str, Tensor], given: dict[str, Any]) -> Checkpoint:
    """The record of somebody's own file: from what lies next to it, and for the rest from the shapes."""
    if source == "ours" and path.with_suffix(".json").is_file():
        return read_card(path, path.name)
    folder = Folder.of(path) if SOURCES[source].has_folder else None
    stated = folder.config_fields() if folder else {}
    config = infer_config(ours, source, stated | given)
    preprocess = folder.preprocess(config.image_size) if folder else None
    labels = folder.labels(config.num_classes) if folder else None
    likely = f"D / {config.head_size}"
    guesses = [
        *([f"the number of heads ({likely})"] if "num_heads" not in stated | given else []),
        *(["preprocessing"] if preprocess is None else []),
        *(["class names"] if labels is None else []),
    ]
    return Checkpoint(
        name=path.name,
        source=source,
        config=config,
        preprocess=preprocess or SOURCES[source].preprocess.at(config.image_size),
        labels=labels or labels_of(config.num_classes),
        description=f"weights named as by {SOURCES[source].title}"
        + (f"; the file does not state {', '.join(guesses)}: the usual values are assumed" if guesses else ""),
        file=path,
    )


def infer_config(ours: dict[str, Tensor], source: str, given: dict[str, Any]) -> ViTConfig:
    """The sizes that the shapes show; ``given`` says the rest, and the heads are as many as is likely if nothing does.

    Raises:
        ValueError: if a shape makes no sense, or the heads have to be given.
    """
    try:
        hidden_size, num_channels, patch_size, width = ours["patch_projection.weight"].shape
        tokens, mlp_size = ours["position_embedding"].shape[0], ours["blocks.0.mlp.expand.weight"].shape[0]
        num_classes = ours["head.linear.weight"].shape[0]
    except (KeyError, ValueError) as error:
        raise ValueError(f"the shapes are not those of a ViT: {error}") from error
    if patch_size != width or num_channels != 3:
        raise ValueError(
            f"expected square patches of 3 channels, got {patch_size}x{width} of {num_channels}: "
            "images are read in RGB and cut into squares"
        )
    layers = {int(found[1]) for name in ours if (found := re.match(r"blocks\.(\d+)\.", name))}
    likely = head_candidates(hidden_size, len(layers), mlp_size)[0]
    if not likely.reason and "num_heads" not in given:
        raise ValueError(f"how many heads share D = {hidden_size} cannot be read from the file: give num_heads=")
    pre_logits = ours.get("head.pre_logits.weight")
    inferred = {
        "image_size": patch_size * square_root(tokens - 1, "patch positions (after the class token)"),
        "patch_size": patch_size,
        "num_layers": len(layers),
        "hidden_size": hidden_size,
        "mlp_size": mlp_size,
        "num_heads": likely.num_heads,
        "num_classes": num_classes,
        "representation_size": None if pre_logits is None else pre_logits.shape[0],
        "norm_eps": SOURCES[source].norm_eps,
        "gelu": SOURCES[source].gelu,
    }
    config = ViTConfig(**inferred | {name: value for name, value in given.items() if name != "image_size"})
    if (size := count_parameters(config)["total"] * 4) > MAX_BYTES:
        raise ValueError(f"a model of these sizes would have {size / 1e9:.0f} GB: {config}")
    return config


def heads_in_layout(state: Mapping[str, Tensor], given: Mapping[str, Any]) -> dict[str, int]:
    """The number of heads, where the layout of the file shows it and nobody says otherwise."""
    kernel = next((tensor for key, tensor in state.items() if key.endswith("/query/kernel")), None)
    if "num_heads" in given:
        return {}
    if kernel is not None and kernel.dim() == 3:
        return {"num_heads": kernel.shape[1]}
    # vit-pytorch leaves the projection out where there is one head, as wide as D.
    alone = any(key.endswith("to_qkv.weight") for key in state) and not any(".to_out." in key for key in state)
    return {"num_heads": 1} if alone else {}


def _override(checkpoint: Checkpoint, overrides: dict[str, Any]) -> Checkpoint:
    """The same with some sizes given; another picture size is resized to in proportion."""
    config, preprocess = replace(checkpoint.config, **overrides), checkpoint.preprocess
    if config.image_size != preprocess.image_size:
        preprocess = preprocess.at(config.image_size)
    return replace(checkpoint, config=config, preprocess=preprocess)


def _build(checkpoint: Checkpoint, ours: dict[str, Tensor]) -> VisionTransformer:
    """The model that ``checkpoint`` describes: shapes without memory first, which then take ``ours`` as they are."""
    config = checkpoint.config
    ours["position_embedding"] = resize_position_embedding(
        ours["position_embedding"], config.grid_size, SOURCES[checkpoint.source].resize
    )
    with torch.device("meta"):
        model = VisionTransformer(config)
    load_weights(model, ours, "ours")
    return model.eval()
