"""How a number came about: a sum with its largest terms, the steps before and after it, in double precision."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from torch import nn

from explainer.numbers.address import Address
from explainer.numbers.derived import Number
from explainer.proofs import rounding
from explainer.proofs.rounding import Rounded, exact

LARGEST = 10  # terms of a sum that are shown alone
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """A number that another was made from, and where it is found itself."""

    value: float
    address: Number | None  # None: it has none, such as the distance between two patches


@dataclass(frozen=True)
class Term:
    """One term of a sum: the product of its factors, or what became of one number."""

    index: int  # what the sum runs over
    factors: tuple[Part, ...]
    value: float


@dataclass(frozen=True)
class Step:
    """One line of the calculation: an operator, words, a number, and where it is found if it has a place."""

    words: str
    value: float
    operator: str = ""
    address: Number | None = None


@dataclass(frozen=True)
class Working:
    """How one number came about."""

    equation: str  # "Eq. 6", or a key of FORMULAS
    formula: str  # a template of explainer.notation.templates, with the number's own indices
    steps: tuple[Step, ...]
    recomputed: float
    tolerance: float  # what rounding to 32 bits explains
    sum_words: str = ""  # what the terms and the rest add up to; empty without terms
    terms: tuple[Term, ...] = ()
    rest: float = 0.0
    rest_count: int = 0
    term_words: str = "product"  # what a term is

    @property
    def total(self) -> float:
        """The terms and the rest."""
        return sum(term.value for term in self.terms) + self.rest


@dataclass(frozen=True, eq=False)
class Row:
    """Numbers that a sum runs over, and the address of each."""

    values: Values
    place: Callable[[int], Address]

    def part(self, index: int) -> Part:
        """One of them."""
        return Part(float(self.values[index]), self.place(index))

    def __mul__(self, other: "Row") -> "Row":
        return replace(self, values=self.values * other.values)


def largest(values: Values, factors: Callable[[int], tuple[Part, ...]]) -> tuple[tuple[Term, ...], float, int]:
    """The largest terms of a sum, by size; the rest of the sum, and how many terms are in it."""
    order = np.argsort(-np.abs(values), kind="stable")
    terms = tuple(Term(int(j), factors(int(j)), float(values[j])) for j in order[:LARGEST])
    return terms, float(values[order[LARGEST:]].sum()), len(values) - len(terms)


def summed(
    equation: str, formula: str, first: Row, second: Row, bias: Part | None = None, divisor: float = 1.0
) -> Working:
    """A sum of products, divided, and a bias."""
    products = first * second
    terms, rest, count = largest(products.values, lambda j: (first.part(j), second.part(j)))
    product = (exact(first.values[None]) @ exact(second.values[:, None])).scaled(1 / divisor)
    total = float(products.values.sum())
    words = f"the {len(products.values)} products together"
    steps = [Step(words, total)]
    if divisor != 1.0:
        steps.append(Step(f"√D_h = √{round(divisor**2)}", divisor, "÷"))
    if bias is not None:
        steps.append(Step("the bias, learned", bias.value, "+", bias.address))
        product = product + exact(np.array([[bias.value]]))
    return Working(
        equation, formula, tuple(steps), float(product.values.item()), product.tolerance, words, terms, rest, count
    )


def added(equation: str, formula: str, first: tuple[str, Part], second: tuple[str, Part]) -> Working:
    """A sum of two numbers."""
    (name, one), (other_name, two) = first, second
    total = one.value + two.value
    return Working(
        equation,
        formula,
        (Step(name, one.value, "", one.address), Step(other_name, two.value, "+", two.address)),
        total,
        rounding.SAFETY * rounding.UNIT * abs(total),
    )


def normalised(equation: str, formula: str, row: Row, index: int, norm: nn.LayerNorm, name: str) -> Working:
    """LayerNorm of one number of a row; ``name`` is the norm's in the state dict; without one, before γ and β."""
    z, size = row.values, len(row.values)
    mean = float(z.mean())
    parts = np.square(z - mean) / size
    variance = float(parts.sum())
    deviation = sqrt(variance + norm.eps)
    scale, shift = (float(each.detach()[index]) for each in (norm.weight, norm.bias))
    normal = (float(z[index]) - mean) / deviation
    terms, rest, count = largest(parts, lambda j: (row.part(j),))
    bound = rounding.layer_norm(exact(z[None]), norm if name else nn.LayerNorm(size, eps=norm.eps))
    steps = (
        Step("the number before", float(z[index]), "", row.place(index)),
        Step(f"μ, the mean of the row's {size} numbers", mean, "−"),
        Step("σ², their variance", variance, "·"),
        Step(f"√(σ² + ε), ε = {norm.eps:g}", deviation, "÷"),
    )
    words = f"σ²: the {size} squares (z − μ)² / {size} together", f"(z − μ)² / {size}"
    if not name:  # before γ and β
        return Working(equation, formula, steps, normal, bound.tolerance, words[0], terms, rest, count, words[1])
    gamma, beta = (
        replace(row.place(index), tensor=f"{name}.{each}", layer=None, index=(index,)) for each in ("weight", "bias")
    )
    return Working(
        equation,
        formula,
        (
            *steps,
            Step("normalised: (z − μ) / √(σ² + ε)", normal, "="),
            Step("γ, learned", scale, "×", gamma),
            Step("β, learned", shift, "+", beta),
        ),
        normal * scale + shift,
        bound.tolerance,
        words[0],
        terms,
        rest,
        count,
        words[1],
    )


def shared_out(equation: str, formula: str, scores: Row, index: int) -> Working:
    """Softmax of one number of a row."""
    values = scores.values
    top = int(values.argmax())
    exponentials = np.exp(values - values[top])
    total = float(exponentials.sum())
    terms, rest, count = largest(exponentials, lambda j: (scores.part(j),))
    bound = rounding.softmax(exact(values))
    return Working(
        equation,
        formula,
        (
            Step("the score before the softmax", float(values[index]), "", scores.place(index)),
            Step("the largest score of the row", float(values[top]), "−", scores.place(top)),
            Step("exp(score − largest)", float(exponentials[index]), "="),
            Step(f"the row's {len(values)} exponentials together", total, "÷"),
        ),
        float(exponentials[index]) / total,
        rounding.SAFETY * float(np.broadcast_to(bound.error, values.shape)[index]),
        f"the row's {len(values)} exponentials together",
        terms,
        rest,
        count,
        "exp(score − largest)",
    )


def bent(equation: str, formula: str, before: Part, approximate: str) -> Working:
    """GELU of one number."""
    after: Rounded = rounding.gelu(exact(np.array([before.value])), approximate)
    value = float(after.values[0])
    share = value / before.value if before.value else 0.5
    words = "Φ(a), the share of a normal distribution below a"
    if approximate == "tanh":
        words += ", by tanh"
    return Working(
        equation,
        formula,
        (Step("a, before the GELU", before.value, "", before.address), Step(words, share, "×")),
        value,
        after.tolerance,
    )


def copied(equation: str, formula: str, part: Part, words: str) -> Working:
    """The same number elsewhere."""
    return Working(equation, formula, (Step(words, part.value, "", part.address),), part.value, 0.0)
