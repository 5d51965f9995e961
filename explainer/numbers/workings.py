"""How a number came about: a sum with its largest terms, the steps before and after it, in double precision."""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from torch import nn

from explainer.numbers.derived import Number
from explainer.proofs import rounding
from explainer.proofs.rounding import exact

LARGEST = 10  # terms of a sum that are shown alone
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """A number that another was made from, and where it is found itself."""

    value: float
    address: Number | None  # None: it has none, such as the distance between two patches

    def step(self, words: str, operator: str = "") -> "Step":
        """A line of the calculation that is this number."""
        return Step(words, self.value, operator, self.address)


@dataclass(frozen=True, eq=False)
class Row:
    """Numbers that a sum runs over, and the address of each."""

    values: Values
    place: Callable[[int], Number | None]

    def part(self, index: int) -> Part:
        """One of them."""
        return Part(float(self.values[index]), self.place(index))


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
class Sum:
    """A sum over rows of numbers, with its largest terms alone."""

    words: str  # what is added up
    term_words: str  # what a term is
    sign: str  # between the numbers that a term is made of
    terms: tuple[Term, ...]
    rest: float
    rest_count: int
    total: float

    def step(self, operator: str = "") -> Step:
        """A line of the calculation that is this sum."""
        return Step(self.words, self.total, operator)


@dataclass(frozen=True)
class Working:
    """How one number came about."""

    equation: str  # "Eq. 6", or a key of FORMULAS
    formula: str  # a template of explainer.notation.templates, with the number's own indices
    steps: tuple[Step, ...]
    recomputed: float
    tolerance: float = 0.0  # what rounding to 32 bits explains
    sum: Sum | None = None  # the sum among the steps, if there is one


def sum_of(values: Values, rows: tuple[Row, ...], words: str, term_words: str = "product", sign: str = "×") -> Sum:
    """The sum of ``values``, each made of the numbers of ``rows`` at the same place; the largest terms by size."""
    order = np.argsort(-np.abs(values), kind="stable")
    terms = tuple(Term(int(j), tuple(row.part(int(j)) for row in rows), float(values[j])) for j in order[:LARGEST])
    rest = float(values[order[LARGEST:]].sum())
    return Sum(words, term_words, sign, terms, rest, len(values) - len(terms), float(values.sum()))


def summed(
    equation: str, formula: str, first: Row, second: Row, bias: Part | None = None, divisor: float = 1.0
) -> Working:
    """A sum of products, divided, and a bias."""
    products = first.values * second.values
    product = (exact(first.values[None]) @ exact(second.values[:, None])).scaled(1 / divisor)
    total = sum_of(products, (first, second), f"the {len(products)} products together")
    steps = [total.step()]
    if divisor != 1.0:
        steps.append(Step(f"√D_h = √{round(divisor**2)}", divisor, "÷"))
    if bias is not None:
        steps.append(bias.step("the bias, learned", "+"))
        product = product + exact(np.array([[bias.value]]))
    return Working(equation, formula, tuple(steps), float(product.values.item()), product.tolerance, total)


def added(equation: str, formula: str, first: Step, second: Step) -> Working:
    """A sum or a difference of two numbers, as the second one's operator says."""
    value = first.value + (-second.value if second.operator == "−" else second.value)
    return Working(equation, formula, (first, second), value, rounding.SAFETY * rounding.UNIT * abs(value))


def normalised(
    equation: str, formula: str, row: Row, index: int, norm: nn.LayerNorm, learned: tuple[Part, ...]
) -> Working:
    """LayerNorm of one number of a row; ``learned`` are its γ and β; without them it ends before both."""
    z, size = row.values, len(row.values)
    mean = float(z.mean())
    parts = np.square(z - mean) / size
    variance = sum_of(parts, (row,), f"σ²: the {size} squares (z − μ)² / {size} together", f"(z − μ)² / {size}")
    deviation = sqrt(float(parts.sum()) + norm.eps)
    value = (float(z[index]) - mean) / deviation
    bound = rounding.layer_norm(exact(z[None]), norm if learned else nn.LayerNorm(size, eps=norm.eps))
    steps = [
        row.part(index).step("the number before"),
        Step(f"μ, the mean of the row's {size} numbers", mean, "−"),
        Step("σ², their variance", variance.total, "·"),
        Step(f"√(σ² + ε), ε = {norm.eps:g}", deviation, "÷"),
    ]
    if learned:
        gamma, beta = learned
        steps += [
            Step("normalised: (z − μ) / √(σ² + ε)", value, "="),
            gamma.step("γ, learned", "×"),
            beta.step("β, learned", "+"),
        ]
        value = value * gamma.value + beta.value
    return Working(equation, formula, tuple(steps), value, bound.tolerance, variance)


def shared_out(equation: str, formula: str, scores: Row, index: int) -> Working:
    """Softmax of one number of a row."""
    values, top = scores.values, int(scores.values.argmax())
    exponentials = np.exp(values - values[top])
    words, term_words = f"the row's {len(values)} exponentials together", "exp(score − largest)"
    total = sum_of(exponentials, (scores,), words, term_words)
    bound = rounding.softmax(exact(values))
    steps = (
        scores.part(index).step("the score before the softmax"),
        scores.part(top).step("the largest score of the row", "−"),
        Step(term_words, float(exponentials[index]), "="),
        total.step("÷"),
    )
    tolerance = rounding.SAFETY * float(np.broadcast_to(bound.error, values.shape)[index])
    return Working(equation, formula, steps, float(exponentials[index]) / total.total, tolerance, total)


def bent(equation: str, formula: str, before: Part, approximate: str) -> Working:
    """GELU of one number."""
    after = rounding.gelu(exact(np.array([before.value])), approximate)
    value = float(after.values[0])
    share = value / before.value if before.value else 0.5
    words = "Φ(a), the share of a normal distribution below a" + (", by tanh" if approximate == "tanh" else "")
    return Working(
        equation, formula, (before.step("a, before the GELU"), Step(words, share, "×")), value, after.tolerance
    )


def copied(equation: str, formula: str, part: Part, words: str) -> Working:
    """The same number elsewhere."""
    return Working(equation, formula, (part.step(words),), part.value)
