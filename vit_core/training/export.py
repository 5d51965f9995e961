"""A finished run as two files that any program can read: half-precision weights, and what to know about them."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from vit_core.model import VisionTransformer
from vit_core.training.checkpointing import load_prefixed, read_state, recipe_of
from vit_core.training.config import TrainingConfig
from vit_core.training.data import Loaders, find_pictures, load_pictures
from vit_core.training.loop import evaluate


def export_run(
    run: Path,
    output: Path,
    data: Sequence[Path],
    cache: Path | None = None,
    *,
    description: str = "",
    licence: str = "",
) -> tuple[Path, Path]:
    """Write ``output.safetensors`` and ``output.json``; the accuracy in it is measured on the weights as written.

    Raises:
        ValueError: if the folder holds no run, or the data has other classes than the run was trained for.
    """
    tensors, facts = read_state(run)
    recipe, labels = recipe_of(facts), tuple(facts["labels"])
    model = VisionTransformer(recipe.model_config(len(labels)))
    load_prefixed(model, tensors, "averaged." if recipe.ema_decay is not None else "model.")
    half = {name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}
    if any(not tensor.isfinite().all() for tensor in half.values()):
        raise ValueError(f"the weights of {run} do not fit into half precision")
    model.load_state_dict(half)  # copies into float32: from here on the numbers are those that ship
    files = find_pictures(data, facts["notes"]["held_out"], facts["notes"]["names"])
    loaders, data_labels = load_pictures(files, recipe.preprocess, cache or run / "cache")
    if data_labels != labels:
        raise ValueError(f"{run} was trained for {len(labels)} other classes than the data has")
    card: dict[str, Any] = {
        "config": asdict(model.config),
        "labels": labels,
        "description": description or f"{recipe.model}, {len(labels)} classes, trained by this project",
        "preprocess": asdict(recipe.preprocess),
        "metrics": {
            "validation": measure(model, loaders, recipe, [root.name for root in data]),
            "training_pictures": len(loaders.train),
            "steps": facts["step"],
            "training_seconds": round(facts["seconds"] + sum(record["seconds"] for record in facts["history"])),
        },
        "licence": licence,
        "recipe": asdict(recipe),
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    weights, card_file = output.with_suffix(".safetensors"), output.with_suffix(".json")
    _replace(weights, lambda path: save_file(half, path))
    text = json.dumps(card, indent=1, ensure_ascii=False) + "\n"
    _replace(card_file, lambda path: path.write_text(text, encoding="utf-8"))
    return weights, card_file


def measure(model: VisionTransformer, loaders: Loaders, recipe: TrainingConfig, names: Sequence[str]) -> dict[str, Any]:
    """Accuracy on the pictures held out: on all of them, and on those of each folder; always over all classes."""
    held_out = loaders.validation
    parts = {"all": held_out} | {name: held_out.from_root(number) for number, name in enumerate(names)}
    return {name: evaluate(model, part, recipe)._asdict() for name, part in parts.items()}


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    partial = path.with_name(path.name + ".partial")
    write(partial)
    os.replace(partial, path)
