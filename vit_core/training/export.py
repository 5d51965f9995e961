"""A finished run as two files that any program can read: half-precision weights, and what to know about them."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vit_core.config import ViTConfig
from vit_core.model import VisionTransformer
from vit_core.preprocess import Preprocess
from vit_core.training.checkpointing import load_prefixed, read_state, recipe_of, write_weights
from vit_core.training.data.pictures import Pictures, find_pictures, load_pictures
from vit_core.training.loop import evaluate
from vit_core.weights.loading import load


def export_run(
    run: Path,
    output: Path,
    data: Sequence[Path],
    *,
    description: str = "",
    licence: str = "",
    workers: int = 0,
) -> tuple[Path, Path]:
    """Write ``output.safetensors`` and ``output.json``; the accuracy in it is measured on the weights as written.

    Raises:
        ValueError: if the folder holds no run, or the data has other classes than the run was trained for.
    """
    tensors, facts = read_state(run)
    recipe, labels = recipe_of(facts), tuple(facts["labels"])
    preprocess = Preprocess.from_fields(facts["preprocess"])
    model = VisionTransformer(ViTConfig(**facts["notes"]["config"]))
    load_prefixed(model, tensors, "averaged." if recipe.ema_decay is not None else "model.")
    files = find_pictures(data, facts["notes"]["held_out"], facts["notes"]["names"])
    loaders = load_pictures(files, recipe, preprocess)
    if loaders.train.class_names != labels:
        raise ValueError(f"{run} was trained for {len(labels)} other classes than the data has")
    card: dict[str, Any] = {
        "config": asdict(model.config),
        "labels": labels,
        "description": description or f"{recipe.weights or recipe.model}, trained for {len(labels)} classes",
        "preprocess": asdict(preprocess),
        "metrics": {},
        "licence": licence,
        "recipe": asdict(recipe),
    }
    weights, _ = write_weights(model, output, card)
    written, _ = load(weights)  # from here on the numbers are those that ship
    card["metrics"] = {
        "validation": measure(written, loaders.validation, preprocess, [root.name for root in data], workers),
        "training_pictures": len(loaders.train),
        "steps": facts["step"],
        "training_seconds": round(facts["run_seconds"]),
    }
    return write_weights(written, output, card)


def measure(
    model: VisionTransformer, held_out: Pictures, preprocess: Preprocess, names: Sequence[str], workers: int = 0
) -> dict[str, Any]:
    """Accuracy on the pictures held out: on all of them, and on those of each folder; always over all classes."""
    parts = {"all": held_out} | {name: held_out.from_root(number) for number, name in enumerate(names)}
    results = {name: evaluate(model, part, preprocess, workers=workers) for name, part in parts.items()}
    return {
        name: {"loss": result.loss, "top1": result.top1, "top5": result.top5, "pictures": result.pictures}
        for name, result in results.items()
    }
