"""The kinds of a link's parameters: a number in a range, one of some words, text of a form."""

import math
import re
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from explainer.app.train import recipe_values


class Kind(Protocol):
    """A kind of parameter: it knows which texts are allowed."""

    def expected(self, text: str) -> str:
        """The expected values in words, instead of ``text``; empty if ``text`` is one of them."""


@dataclass(frozen=True)
class Whole:
    """A whole number in plain digits; ``int`` would also take "１" and "1_0"."""

    low: int
    high: int

    def expected(self, text: str) -> str:
        """The range, if the text is no number in it."""
        if re.fullmatch("[0-9]{1,12}", text) and self.low <= int(text) <= self.high:
            return ""
        return f"a whole number from {self.low:,} to {self.high:,}"


@dataclass(frozen=True)
class Real:
    """A number, which may have a point and a power of ten."""

    low: float
    high: float

    def expected(self, text: str) -> str:
        """The range, if the text is no number in it."""
        is_written = re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,20})?(e[+-]?[0-9]{1,3})?", text)
        if is_written and math.isfinite(float(text)) and self.low <= float(text) <= self.high:
            return ""
        return f"a number from {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class OneOf:
    """One of the words of a constant, ``"package.module:NAME"``, which is looked up when a link has the parameter."""

    constant: str

    @property
    def words(self) -> tuple[str, ...]:
        """The words to choose from."""
        module, _, name = self.constant.partition(":")
        return tuple(map(str, getattr(import_module(module), name)))

    def expected(self, text: str) -> str:
        """The words, if the text is none of them."""
        return "" if text in self.words else f"one of {', '.join(self.words)}"


@dataclass(frozen=True)
class YesNo:
    """A switch."""

    def expected(self, text: str) -> str:
        """The two words, if the text is none of them."""
        return "" if text in ("true", "false") else "true or false"


@dataclass(frozen=True)
class Text:
    """Words that only their page can judge: a name, a search, changes as the app writes them."""

    most: int

    def expected(self, text: str) -> str:
        """The length, if the text has another, or something invisible in it."""
        return "" if 0 < len(text) <= self.most and text.isprintable() else f"1 to {self.most:,} visible characters"


@dataclass(frozen=True)
class Pattern:
    """Text of one form."""

    form: str
    words: str

    def expected(self, text: str) -> str:
        """The form in words, if the text has another."""
        return "" if re.fullmatch(self.form, text, re.ASCII) else self.words


@dataclass(frozen=True)
class RecipeField:
    """The value of a field of a recipe."""

    field: str

    def expected(self, text: str) -> str:
        """The field's expectation, if the text is no value of it."""
        try:
            recipe_values.parse(self.field, text)
        except ValueError as error:
            return str(error)
        return ""
