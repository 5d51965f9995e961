"""``python -m vit_core.training``: train a model by a recipe, or export what was trained.

The same command trains with one process or, started by ``torchrun``, with many.
"""

import argparse
import shlex
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from vit_core.training.checkpointing import RunFolder
from vit_core.training.config import TrainingConfig
from vit_core.training.data.pictures import broken_pictures, find_pictures, load_pictures, read_names
from vit_core.training.data.toy import TOY, make_toy_pictures
from vit_core.training.disk import process_lock, write_object
from vit_core.training.distributed import World, join_world
from vit_core.training.export import export_run
from vit_core.training.loop import fit
from vit_core.training.precision import has_bfloat16
from vit_core.training.runs.commands import add_recipe_options, recipe_from
from vit_core.training.runs.files import FACTS, STATE
from vit_core.training.start import begin
from vit_core.training.state import EpochRecord, Stopped
from vit_core.weights.reading import read_json

# How this program was started, for the lines of its help.
_PROGRAM = "vit-explainer train" if Path(sys.argv[0]).stem == "vit-explainer" else "python -m vit_core.training"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status. What is wrong with the input is reported in one sentence."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if arguments[:1] == ["export"]:
            export(_export_parser().parse_args(arguments[1:]))
        else:
            train(_train_parser().parse_args(arguments), arguments)
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def train(options: argparse.Namespace, arguments: Sequence[str]) -> None:
    """Train, or go on with a run that was interrupted.

    Raises:
        ValueError: if the folder already holds a run and ``--resume`` was not given, or the data does not fit.
        OSError: if something cannot be read, written or downloaded.
        FloatingPointError: if the loss is not finite.
    """
    if (options.output / STATE).exists() and not options.resume:
        raise ValueError(f"{options.output} already holds a run: add --resume to go on with it, or name another folder")
    if options.threads:
        torch.set_num_threads(options.threads)
    recipe = recipe_from(options)
    with ExitStack() as stack:
        world = stack.enter_context(join_world(options.device))
        if world.is_first:
            stack.enter_context(process_lock(options.output))
        facts = Facts(options.output, world.is_first)
        data = [TOY if str(root) == TOY else str(root.resolve()) for root in options.data]
        if facts.facts.get("data") != data:
            facts.facts.pop("broken", None)
        facts.write(
            recipe=asdict(recipe),
            recipe_name=options.recipe,
            data=data,
            held_out=options.held_out,
            started=facts.facts.get("started") or datetime.now(UTC).isoformat(timespec="seconds"),
            command=shlex.join(["python", "-m", "vit_core.training", *arguments]),
            outcome=None,
        )
        try:
            run(options, recipe, world, facts)
        except Stopped:
            facts.write(outcome="stopped")
            facts.say(f"stopped; add --resume to go on with {options.output}")
        except (ValueError, OSError, FloatingPointError, RuntimeError, MemoryError) as error:
            facts.write(outcome=f"error: {error}")
            raise
        else:
            facts.write(outcome="finished")


def run(options: argparse.Namespace, recipe: TrainingConfig, world: World, facts: "Facts") -> None:
    """Everything between the first look at the pictures and the last epoch."""
    names = read_names(options.names)
    folders = [make_toy_pictures() if str(root) == TOY and not root.exists() else root for root in options.data]
    files = find_pictures(folders, options.held_out, names)
    if "broken" in facts.facts:  # every picture was read once already
        broken = {Path(path): reason for path, reason in facts.facts["broken"]}
    else:
        broken = broken_pictures(files, options.workers)
    for path, reason in broken.items():
        facts.say(f"left out: {path}: {reason}")
    files = [file for file in files if file.path not in broken]
    labels = tuple(sorted({file.class_name for file in files}, key=str.casefold))
    model, preprocess = begin(recipe, len(labels), labels)
    loaders = load_pictures(files, recipe, preprocess)
    total_steps = recipe.total_steps(len(loaders.train))
    total = sum(p.numel() for p in model.parameters())
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    facts.write(
        labels=labels,
        preprocess=asdict(preprocess),
        names=names,
        pictures={"train": len(loaders.train), "test": len(loaders.validation)},
        broken=[[str(path), reason] for path, reason in broken.items()],
        parameters={"total": total, "trainable": trainable},
        total_steps=total_steps,
    )
    facts.say(
        f"{recipe.weights or recipe.model}: {trainable:,} of {total:,} parameters learn, {len(labels)} classes, "
        f"{len(loaders.train):,} images to learn from, {len(loaders.validation):,} to measure on, "
        f"{total_steps:,} steps of {recipe.batch_size}"
    )
    if recipe.precision == "bfloat16" and not has_bfloat16(world.device):
        facts.say("this hardware has no bfloat16: float32 instead")
    folder = RunFolder(
        options.output,
        recipe,
        labels,
        preprocess,
        save_seconds=options.save_seconds,
        log_steps=max(1, min(50, total_steps // 100)),
        is_first=world.is_first,
        notes={"held_out": options.held_out, "names": names, "config": asdict(model.config)},
    )

    def on_epoch(record: EpochRecord) -> None:
        measured = record.validation
        facts.say(
            f"epoch {record.epoch}, step {record.step}: loss {record.train_loss:.4f}, validation loss "
            f"{measured.loss:.4f}, top-1 {measured.top1:.2%}, top-5 {measured.top5:.2%} of "
            f"{measured.pictures:,}, {record.seconds:.0f} s"
        )

    if world.size == 1:
        _stop_on_signal(folder)
    generator = torch.Generator().manual_seed(recipe.seed)
    fit(
        model,
        loaders,
        recipe,
        generator=generator,
        on_epoch=on_epoch,
        checkpoints=folder,
        preprocess=preprocess,
        world=world,
        workers=options.workers,
        compiled=options.compile,
    )


class Facts:
    """``run.json``: what the run is and how it ended, for whoever looks at its folder."""

    def __init__(self, run: Path, is_first: bool) -> None:
        self.path, self.is_first = run / FACTS, is_first
        # Of a run that goes on, what is known stays known while the pictures are looked for again.
        self.facts: dict[str, Any] = read_json(self.path) if self.path.exists() else {}

    def write(self, **facts: Any) -> None:
        """Add these facts."""
        self.facts |= facts
        if self.is_first:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_object(self.path, self.facts)

    def say(self, sentence: str) -> None:
        """Print a line, once for all processes."""
        if self.is_first:
            print(sentence, flush=True)


def export(options: argparse.Namespace) -> None:
    """Measure a run's weights in half precision and write them for use."""
    if options.threads:
        torch.set_num_threads(options.threads)
    texts = {"description": options.description, "licence": options.licence}
    for path in export_run(options.run, options.output, options.data, workers=options.workers, **texts):
        print(f"{path}: {path.stat().st_size:,} bytes")


def _stop_on_signal(folder: RunFolder) -> None:
    """Ctrl+C and a polite kill end the run after the step it is in, with everything saved."""

    def request(number: int, _frame: FrameType | None) -> None:
        folder.stop_requested = True
        signal.signal(number, signal.SIG_DFL)  # who asks twice does not want to wait

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, request)


def _train_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        description=__doc__,
        epilog="To export: python -m vit_core.training export --help",
    )
    parser.add_argument(
        "--data",
        type=Path,
        nargs="+",
        required=True,
        metavar="DIR",
        help="class/picture folders, or toy: images that the program draws",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="RUN", help="folder of the run")
    parser.add_argument("--resume", action="store_true", help="go on with the run in that folder")
    parser.add_argument("--held-out", type=int, default=10, metavar="N", help="images per class to measure on (10)")
    parser.add_argument("--names", type=Path, metavar="TSV", help="better names for classes: old, tab, new")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--threads", type=int, metavar="N", help="threads for torch (as many as it likes)")
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="processes that decode images (0: none)")
    parser.add_argument("--compile", action="store_true", help="compile the model with torch.compile first")
    parser.add_argument("--save-seconds", type=float, default=45.0, metavar="S", help="longest time unsaved (45)")
    add_recipe_options(parser)
    return parser


def _export_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"{_PROGRAM} export", description=export.__doc__)
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("output", type=Path, help="where to: assets/weights/mini8 becomes mini8.safetensors and .json")
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="as given to the training")
    parser.add_argument("--description", default="", help="what the model is, one sentence for the file")
    parser.add_argument("--licence", default="", help="the terms of use, one sentence for the file")
    parser.add_argument("--threads", type=int, metavar="N", help="threads for torch (as many as it likes)")
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="processes that decode images (0: none)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
