"""``python -m vit_core.training``: train a model by a recipe, or export what was trained."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import torch

from vit_core.model import VisionTransformer
from vit_core.training.checkpointing import STATE, RunFolder
from vit_core.training.config import RECIPES, TrainingConfig
from vit_core.training.data import Loaders, find_pictures, load_pictures, read_names
from vit_core.training.export import export_run
from vit_core.training.loop import fit
from vit_core.training.state import EpochRecord


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status. What is wrong with the input is said in one sentence."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if arguments[:1] == ["export"]:
            export(_export_parser().parse_args(arguments[1:]))
        else:
            train(_train_parser().parse_args(arguments))
    except (ValueError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def train(options: argparse.Namespace) -> None:
    """Train, or go on with a run that was interrupted.

    Raises:
        ValueError: if the folder already holds a run and ``--resume`` was not given, or the data does not fit.
    """
    if (options.output / STATE).exists() and not options.resume:
        raise ValueError(f"{options.output} already holds a run: add --resume to go on with it, or name another folder")
    if options.threads:
        torch.set_num_threads(options.threads)
    recipe, loaders, labels = prepare(options)
    torch.manual_seed(recipe.seed)  # the first weights
    model = VisionTransformer(recipe.model_config(len(labels)))
    names = read_names(options.names)
    notes = {"data": [root.name for root in options.data], "held_out": options.held_out, "names": names}
    run = RunFolder(options.output, recipe, labels, save_seconds=options.save_seconds, notes=notes)
    print(f"{recipe.model}: {sum(p.numel() for p in model.parameters()):,} parameters, {len(labels)} classes, "
          f"{len(loaders.train):,} pictures to learn from, {len(loaders.validation):,} to measure on, "
          f"{recipe.total_steps(len(loaders.train)):,} steps of {recipe.batch_size}", flush=True)  # fmt: skip

    def on_epoch(record: EpochRecord) -> None:
        run.on_epoch(record)
        print(f"epoch {record.epoch}, step {record.step}: loss {record.train_loss:.4f}, validation loss "
              f"{record.validation.loss:.4f}, top-1 {record.validation.top1:.2%}, top-5 {record.validation.top5:.2%} "
              f"of {record.validation.pictures:,}, {record.seconds:.0f} s", flush=True)  # fmt: skip

    generator = torch.Generator().manual_seed(recipe.seed)
    fit(model, loaders, recipe, generator=generator, on_epoch=on_epoch, checkpoints=run)


def export(options: argparse.Namespace) -> None:
    """Measure a run's weights in half precision and write them for use."""
    if options.threads:
        torch.set_num_threads(options.threads)
    said = {"description": options.description, "licence": options.licence}
    for path in export_run(options.run, options.output, options.data, options.cache, **said):
        print(f"{path}: {path.stat().st_size:,} bytes")


def prepare(options: argparse.Namespace) -> tuple[TrainingConfig, Loaders, tuple[str, ...]]:
    """The recipe with the options' changes, and the pictures at its size."""
    options_given = {field.name: getattr(options, field.name) for field in fields(TrainingConfig)}
    changes = {name: value for name, value in options_given.items() if value is not None}
    if "epochs" in changes and "steps" not in changes:
        changes["steps"] = None  # who asks for epochs does not want the recipe's number of steps
    recipe = RECIPES[options.recipe].with_values(changes)
    files = find_pictures(options.data, options.held_out, read_names(options.names))
    cache = options.cache or options.output / "cache"
    loaders, labels = load_pictures(files, recipe.preprocess, cache)
    return recipe, loaders, labels


def _train_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m vit_core.training",
        description=__doc__,
        epilog="To export: python -m vit_core.training export --help",
    )
    parser.add_argument("--recipe", choices=RECIPES, default="mini", help="where the options below start from")
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="class/picture folders")
    parser.add_argument("--output", type=Path, required=True, metavar="RUN", help="folder of the run")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="folder for the decoded pictures (RUN/cache)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in that folder")
    parser.add_argument("--held-out", type=int, default=10, metavar="N", help="pictures per class to measure on (10)")
    parser.add_argument("--names", type=Path, metavar="TSV", help="better names for classes: old, tab, new")
    parser.add_argument("--threads", type=int, metavar="N", help="threads for torch (as many as it likes)")
    parser.add_argument("--save-seconds", type=float, default=45.0, metavar="S", help="longest time unsaved (45)")
    group = parser.add_argument_group("changes to the recipe")
    for name, hint in get_type_hints(TrainingConfig).items():
        group.add_argument(f"--{name.replace('_', '-')}", dest=name, **_option(hint))
    return parser


def _export_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m vit_core.training export", description=export.__doc__)
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("output", type=Path, help="where to: assets/weights/mini8 becomes mini8.safetensors and .json")
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="as given to the training")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="as given to the training (RUN/cache)")
    parser.add_argument("--description", default="", help="what the model is, one sentence for the file")
    parser.add_argument("--licence", default="", help="the terms of use, one sentence for the file")
    parser.add_argument("--threads", type=int, metavar="N", help="threads for torch (as many as it likes)")
    return parser


def _option(hint: Any) -> dict[str, Any]:
    """How argparse reads a field of that type."""
    if NoneType in get_args(hint):
        (hint,) = (kind for kind in get_args(hint) if kind is not NoneType)
    if get_origin(hint) is Literal:
        return {"choices": get_args(hint)}
    if get_origin(hint) is tuple:
        return {"type": get_args(hint)[0], "nargs": len(get_args(hint)), "metavar": "X"}
    if hint is bool:
        return {"action": argparse.BooleanOptionalAction, "default": None}
    return {"type": hint, "metavar": hint.__name__.upper()}


if __name__ == "__main__":
    sys.exit(main())
