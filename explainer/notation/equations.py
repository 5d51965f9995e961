"""The paper's eight equations, and the formulas that they lean on: LaTeX, words, pseudocode, and the code itself.

The numbered equations are the paper's to the letter (Section 3.1 and Appendix A). Where the code does more than the
letter says, above all the biases, the formulas and ``docs/deviations.md`` say so. They stand in
``assets/equations.toml``.
"""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import vit_core
from explainer.notation import templates as notation
from explainer.palette import Scheme
from vit_core import ViTConfig
from vit_core.resources import ASSETS


class Written:
    """A template of ``explainer.notation.templates`` and the LaTeX made of it."""

    template: str
    numbers: str  # the same with this model's numbers; empty where that would say nothing more

    @property
    def latex(self) -> str:
        """LaTeX without colours, as the paper prints it."""
        return notation.plain(self.template)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Keys of ``SYMBOLS``, in the order they appear."""
        return notation.symbols_in(self.template)

    @property
    def essence(self) -> str:
        """The template without the sizes and ranges that the paper writes behind it."""
        return self.template.partition(r", \qquad")[0]

    @property
    def lines(self) -> tuple[str, ...]:
        """The templates of what a page writes: the equation, and below it the same with numbers."""
        return (self.template, self.numbers) if self.numbers else (self.template,)

    def coloured(self, scheme: Scheme) -> str:
        """LaTeX in which every quantity wears its colour."""
        return notation.coloured(self.template, scheme)

    def with_numbers(self, config: ViTConfig, scheme: Scheme | None = None, layer: int | None = None) -> str:
        """The same with this model's sizes and the shape below each tensor; ``layer`` replaces its letter."""
        return notation.numbered(self.numbers, config, scheme, layer)


@dataclass(frozen=True)
class Formula(Written):
    """A formula in the paper's notation, what it says in words, and the code that computes it."""

    name: str
    title: str
    template: str
    in_words: str
    code: Callable[..., Any] | None = None
    numbers: str = ""  # the same with this model's numbers, where that says more
    statements: tuple[str, ...] = ()  # how the statements of the code begin that compute it; none: the last one


@dataclass(frozen=True)
class Equation(Written):
    """A numbered equation of the paper and the function that computes it."""

    number: int
    title: str
    template: str
    numbers: str
    code: Callable[..., Any]  # its source has one line that ends with "# Eq. <number>"
    in_words: str
    pseudocode: str
    source: str  # where in the paper


def _read(record: dict[str, Any]) -> dict[str, Any]:
    """A record of the file with its line ends taken out, but those of the pseudocode, and with its code."""
    fields = {
        name: " ".join(text.split()) if isinstance(text, str) and name != "pseudocode" else text
        for name, text in record.items()
    }
    if "statements" in fields:
        fields["statements"] = tuple(fields["statements"])
    return fields | ({"code": attrgetter(fields["code"])(vit_core)} if "code" in fields else {})


_FILE = tomllib.loads((ASSETS / "equations.toml").read_text(encoding="utf-8"))
EQUATIONS = {record["number"]: Equation(**_read(record)) for record in _FILE["equations"]}
FORMULAS = {record["name"]: Formula(**_read(record)) for record in _FILE["formulas"]}
