"""Runs as command lines: what is typed to train the same again."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vit_core.training.config import RECIPES, TrainingConfig
from vit_core.training.runs.options import arguments_for


def training_command(
    path: Path,
    data: Sequence[Path],
    recipe_name: str,
    changes: Mapping[str, Any],
    *,
    held_out: int = 10,
    threads: int | None = None,
    resume: bool = False,
) -> list[str]:
    """The command line that trains so."""
    words = [sys.executable, "-m", "vit_core.training", "--recipe", recipe_name, "--data", *map(str, data)]
    words += ["--output", str(path), "--held-out", str(held_out)]
    words += ["--threads", str(threads)] if threads else []
    return words + arguments_for(changes) + (["--resume"] if resume else [])


def written(command: Sequence[str]) -> str:
    """A command as it is typed: with ``python`` for the interpreter, and quotes where they are needed."""
    return shlex.join(["python", *command[1:]])


def changes_to(recipe_name: str, recipe: TrainingConfig) -> dict[str, Any]:
    """The fields in which ``recipe`` differs from the known one of that name."""
    known = asdict(RECIPES[recipe_name])
    return {field: value for field, value in asdict(recipe).items() if known[field] != value}


def closest_recipe(recipe: TrainingConfig) -> str:
    """The name of the known recipe that fewest fields have to be changed of."""
    return min(RECIPES, key=lambda name: len(changes_to(name, recipe)))
