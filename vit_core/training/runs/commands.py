"""Runs as command lines: a recipe's fields as options, read and written, and what is typed to train the same again."""

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from vit_core.training.config import RECIPES, TrainingConfig

_HINTS = get_type_hints(TrainingConfig)
OPTIONAL = tuple(name for name, hint in _HINTS.items() if NoneType in get_args(hint))  # fields that may be off


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """One option for each field of a recipe, one to choose the recipe, and one to switch fields off."""
    parser.add_argument("--recipe", choices=RECIPES, default="mini", help="where the options below start from")
    group = parser.add_argument_group("changes to the recipe")
    group.add_argument(
        "--without", nargs="+", choices=OPTIONAL, default=[], metavar="FIELD", help=f"none of: {', '.join(OPTIONAL)}"
    )
    for name, hint in _HINTS.items():
        group.add_argument(_option_name(name), dest=name, **_how_to_read(hint))


def recipe_from(options: argparse.Namespace) -> TrainingConfig:
    """The named recipe with the options' changes.

    Raises:
        ValueError: if a value is impossible.
    """
    changes = {name: value for name in _HINTS if (value := getattr(options, name)) is not None}
    changes |= {name: None for name in options.without}
    if "epochs" in changes and "steps" not in changes:
        changes["steps"] = None  # who asks for epochs does not want the recipe's number of steps
    return RECIPES[options.recipe].with_values(changes)


def arguments_for(changes: Mapping[str, Any]) -> list[str]:
    """The words of a command line that make these changes to a recipe."""
    words = []
    off = [name for name, value in changes.items() if value is None]
    if off:
        words += ["--without", *off]
    for name, value in changes.items():
        if isinstance(value, bool):
            words.append(_option_name(name) if value else _option_name(f"no_{name}"))
        elif value is not None:
            words += [_option_name(name), *map(str, value if isinstance(value, tuple | list) else (value,))]
    return words


def _option_name(field: str) -> str:
    return f"--{field.replace('_', '-')}"


def _how_to_read(hint: Any) -> dict[str, Any]:
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
    return [*words, *arguments_for(changes), *(["--resume"] if resume else [])]


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
