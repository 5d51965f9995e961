r"""Numbers that are worked out from others: lengths, cosines, means, differences; each with its largest terms."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from explainer.numbers.expressions import Cells, Derived, Number
from explainer.numbers.workings import Part, Row, Step, Working, largest

_POSITIONS = ("position_embedding", "trace.positions")  # of whose cosines the page has a formula


@dataclass(frozen=True)
class Operand:
    """What a function takes: a number, or cells; with its symbol as LaTeX and its plain text."""

    of: Number | Cells
    row: Row | None  # of cells
    value: float  # of a number
    symbol: str
    text: str
    words: str  # where it stands

    @property
    def cells(self) -> Row:
        """The numbers of the cells."""
        assert self.row is not None
        return self.row

    def step(self, operator: str = "") -> Step:
        """A line that is this number."""
        assert not isinstance(self.of, Cells)
        return Step(self.words, self.value, operator, self.of)


def _summed(
    formula: str,
    products: np.ndarray,
    factors: Callable[[int], tuple[Part, ...]],
    words: str,
    term_words: str,
    finish: Callable[[float], tuple[tuple[Step, ...], float]],
    equation: str = "",
) -> Working:
    terms, rest, count = largest(products, factors)
    total = float(products.sum())
    steps, value = finish(total)
    return Working(equation, formula, (Step(words, total), *steps), value, 0.0, words, terms, rest, count, term_words)


def _norm(x: Operand) -> Working:
    count = len(x.cells.values)

    def finish(total: float) -> tuple[tuple[Step, ...], float]:
        return (Step("the root of it", sqrt(total), "="),), sqrt(total)

    return _summed(
        rf"\lVert {x.symbol} \rVert = \sqrt{{\sum_m {x.symbol}_m^2}}",
        np.square(x.cells.values),
        lambda j: (x.cells.part(j), x.cells.part(j)),
        f"the {count:,} squares together",
        "square",
        finish,
    )


def _mean(x: Operand) -> Working:
    count = len(x.cells.values)
    return _summed(
        rf"\frac{{1}}{{{count}}} \sum_m {x.symbol}_m",
        x.cells.values,
        lambda j: (x.cells.part(j),),
        f"the {count:,} numbers together",
        "number",
        lambda total: ((Step("how many they are", float(count), "÷"),), total / count),
    )


def _dot(x: Operand, y: Operand) -> Working:
    return _summed(
        rf"\sum_m {x.symbol}_m \, {y.symbol}_m",
        x.cells.values * y.cells.values,
        lambda j: (x.cells.part(j), y.cells.part(j)),
        f"the {len(x.cells.values):,} products together",
        "product",
        lambda total: ((), total),
    )


def _cosine(x: Operand, y: Operand) -> Working:
    lengths = tuple(float(np.linalg.norm(each.cells.values)) for each in (x, y))

    def finish(total: float) -> tuple[tuple[Step, ...], float]:
        steps = tuple(
            Step(f"the length of {each.text}", length, "÷", _length_of(each))
            for each, length in zip((x, y), lengths, strict=True)
        )
        return steps, total / lengths[0] / lengths[1] if all(lengths) else 0.0

    return _summed(
        rf"\frac{{\sum_m {x.symbol}_m \, {y.symbol}_m}}{{\lVert {x.symbol} \rVert \, \lVert {y.symbol} \rVert}}",
        x.cells.values * y.cells.values,
        lambda j: (x.cells.part(j), y.cells.part(j)),
        f"the {len(x.cells.values):,} products together",
        "product",
        finish,
        "cosine_similarity" if isinstance(x.of, Cells) and x.of.tensor in _POSITIONS else "",
    )


def _mean_cosine(x: Operand, y: Operand) -> Working:
    """The mean of the rows' cosines."""
    rows = [_rows(each) for each in (x, y)]
    numbers = [Derived("cosine", pair) for pair in zip(rows[0], rows[1], strict=True)]
    a, b = (each.cells.values.reshape(len(numbers), -1) for each in (x, y))
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosines = np.divide((a * b).sum(1), lengths, out=np.zeros_like(lengths), where=lengths > 0)
    count = len(numbers)
    return _summed(
        rf"\frac{{1}}{{{count}}} \sum_i \cos({x.symbol}_i,\, {y.symbol}_i)",
        cosines,
        lambda j: (Part(float(cosines[j]), numbers[j]),),
        f"the cosines of {count} tokens together",
        "cosine",
        lambda total: ((Step("tokens", float(count), "÷"),), total / count),
    )


def _rows(x: Operand) -> list[Cells]:
    """The rows of cells that have two axes."""
    assert isinstance(x.of, Cells)
    first, last = x.cells.place(0).index[0], x.cells.place(len(x.cells.values) - 1).index[0]
    return [replace(x.of, index=(row, *x.of.index[1:])) for row in range(first, last + 1)]


def _length_of(x: Operand) -> Derived:
    assert isinstance(x.of, Cells)
    return Derived("norm", (x.of,))


def _moved(x: Operand, y: Operand) -> Working:
    length = float(np.linalg.norm(y.cells.values))

    def finish(total: float) -> tuple[tuple[Step, ...], float]:
        return (
            Step("the root of it: how far it has moved", sqrt(total), "="),
            Step(f"the length of {y.text}", length, "÷", _length_of(y)),
        ), sqrt(total) / length if length else 0.0

    return _summed(
        rf"\frac{{\lVert {x.symbol} - {y.symbol} \rVert}}{{\lVert {y.symbol} \rVert}}",
        np.square(x.cells.values - y.cells.values),
        lambda j: (x.cells.part(j), y.cells.part(j)),
        f"the {len(x.cells.values):,} squared differences together",
        "squared difference",
        finish,
    )


def _apart(x: Operand, y: Operand) -> Working:
    return _summed(
        rf"\lVert {x.symbol} - {y.symbol} \rVert",
        np.square(x.cells.values - y.cells.values),
        lambda j: (x.cells.part(j), y.cells.part(j)),
        f"the {len(x.cells.values):,} squared differences together",
        "squared difference",
        lambda total: ((Step("the root of it", sqrt(total), "="),), sqrt(total)),
    )


def _elsewhere(x: Operand, y: Operand) -> Working:
    """Half the sum of |a - b| along a row of A; on average over the rows, whose sums are 1."""
    rows = max(1, round(float(y.cells.values.sum())))
    return _summed(
        rf"\frac{{1}}{{2 \cdot {rows}}} \sum_m \lvert {x.symbol}_m - {y.symbol}_m \rvert",
        np.abs(x.cells.values - y.cells.values),
        lambda j: (x.cells.part(j), y.cells.part(j)),
        f"the {len(x.cells.values):,} differences together, without their signs",
        "difference",
        lambda total: (
            (Step("each weight that moves is counted twice", 2.0, "÷"), Step("rows", float(rows), "÷")),
            total / 2 / rows,
        ),
    )


def _product(x: Operand, y: Operand) -> Working:
    return Working("", rf"{x.symbol} \cdot {y.symbol}", (x.step(), y.step("×")), x.value * y.value, 0.0)


def _difference(x: Operand, y: Operand) -> Working:
    return Working("", f"{x.symbol} - {y.symbol}", (x.step(), y.step("−")), x.value - y.value, 0.0)


def _quotient(x: Operand, y: Operand) -> Working:
    value = x.value / y.value if y.value else 0.0
    return Working("", rf"\frac{{{x.symbol}}}{{{y.symbol}}}", (x.step(), y.step("÷")), value, 0.0)


@dataclass(frozen=True)
class Function:
    """What it is called, its rule, and the Python of it: {0} and {1} stand for tensors, or for numbers."""

    title: str
    work: Callable[..., Working]
    python: str


FUNCTIONS = {
    "norm": Function("Length (norm)", _norm, "{0}.double().norm().item()"),
    "mean": Function("Mean", _mean, "{0}.double().mean().item()"),
    "dot": Function("Sum of products", _dot, "({0}.double() * {1}.double()).sum().item()"),
    "cosine": Function(
        "Cosine",
        _cosine,
        "((a := {0}.double().flatten()) @ (b := {1}.double().flatten()) / (a.norm() * b.norm())).item()",
    ),
    "mean_cosine": Function(
        "Mean of cosines",
        _mean_cosine,
        "(((a := {0}.double()) * (b := {1}.double())).sum(1) / (a.norm(dim=1) * b.norm(dim=1))).mean().item()",
    ),
    "moved": Function(
        "How far it has moved", _moved, "(({0}.double() - (b := {1}.double())).norm() / b.norm()).item()"
    ),
    "apart": Function("Length of the difference", _apart, "({0}.double() - {1}.double()).norm().item()"),
    "elsewhere": Function(
        "Share that has moved",
        _elsewhere,
        "(({0}.double() - (b := {1}.double())).abs().sum() / 2 / b.sum().round()).item()",
    ),
    "product": Function("Product", _product, "({0}) * ({1})"),
    "difference": Function("Difference", _difference, "({0}) - ({1})"),
    "quotient": Function("Quotient", _quotient, "({0}) / ({1})"),
}


def symbol_of_function(number: Derived, symbols: list[str]) -> str:
    """A number that is worked out from others, as LaTeX inside the formula of yet another."""
    first, *more = symbols
    second = more[0] if more else ""
    return {
        "norm": rf"\lVert {first} \rVert",
        "mean": rf"\operatorname{{mean}}({first})",
        "dot": rf"{first} \cdot {second}",
        "cosine": rf"\cos({first},\, {second})",
        "mean_cosine": rf"\overline{{\cos}}({first},\, {second})",
        "moved": rf"\frac{{\lVert {first} - {second} \rVert}}{{\lVert {second} \rVert}}",
        "apart": rf"\lVert {first} - {second} \rVert",
        "elsewhere": rf"\operatorname{{elsewhere}}({first},\, {second})",
        "product": rf"{first} \cdot {second}",
        "difference": f"{first} - {second}",
        "quotient": rf"\frac{{{first}}}{{{second}}}",
    }[number.function]
