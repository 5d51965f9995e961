"""A recipe's fields as options of a command, and back: every field can be changed where a run is started."""

import argparse
from collections.abc import Iterator, Mapping
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
    return list(_words(changes))


def _words(changes: Mapping[str, Any]) -> Iterator[str]:
    off = [name for name, value in changes.items() if value is None]
    if off:
        yield from ("--without", *off)
    for name, value in changes.items():
        if isinstance(value, bool):
            yield _option_name(name) if value else _option_name(f"no_{name}")
        elif value is not None:
            yield from (_option_name(name), *map(str, value if isinstance(value, tuple | list) else (value,)))


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
