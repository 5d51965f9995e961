"""The names, sources and effects of the training recipes and their fields; and a recipe with changes to it."""

import tomllib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from vit_core.resources import ASSETS
from vit_core.training import RECIPES, TrainingConfig
from vit_core.training.runs.commands import changes_to

_WORDS = tomllib.loads((ASSETS / "recipes.toml").read_text(encoding="utf-8"))
SOURCES: Mapping[str, str] = MappingProxyType(_WORDS["sources"])  # name of a recipe -> where its numbers come from
GROUPS: Mapping[str, Mapping[str, str]] = MappingProxyType(_WORDS["groups"])  # group -> field -> what it does


class Choice(NamedTuple):
    """A recipe by its name, what of it is changed, and what comes of both."""

    name: str
    changes: Mapping[str, Any]
    recipe: TrainingConfig

    @classmethod
    def of(cls, name: str, values: Mapping[str, Any]) -> "Choice":
        """The recipe of that name with these values of its fields.

        Raises:
            ValueError: if they do not fit together.
        """
        recipe = RECIPES[name].with_values(values)
        return cls(name, changes_to(name, recipe), recipe)


def field_title(name: str) -> str:
    """How a person says it: "learning rate"."""
    return name.replace("_", " ").capitalize()
