"""The functions that work a number out from others: a record each in ``FUNCTIONS``, lengths, cosines, differences."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from explainer.numbers.derived import Cells, Derived, Number
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


@dataclass(frozen=True, kw_only=True)
class Function:
    """What one function of numbers is. In ``words`` and ``python``, {0} and {1} stand for its arguments."""

    takes: str  # a letter for each argument: "n" a number, "c" cells of a tensor; two of these have equally many
    title: str
    words: str  # as plain text
    symbol: Callable[..., str]  # its arguments' LaTeX -> its own, inside the formula of yet another number
    python: str
    work: Callable[..., Working]  # its ``Operand``s -> how it came about


FUNCTIONS = {
    "norm": Function(
        takes="c",
        title="Length (norm)",
        words="‖{0}‖",
        symbol=lambda x: rf"\lVert {x} \rVert",
        python="{0}.double().norm().item()",
        work=_norm,
    ),
    "mean": Function(
        takes="c",
        title="Mean",
        words="mean of {0}",
        symbol=lambda x: rf"\operatorname{{mean}}({x})",
        python="{0}.double().mean().item()",
        work=_mean,
    ),
    "dot": Function(
        takes="cc",
        title="Sum of products",
        words="{0} · {1}",
        symbol=lambda x, y: rf"{x} \cdot {y}",
        python="({0}.double() * {1}.double()).sum().item()",
        work=_dot,
    ),
    "cosine": Function(
        takes="cc",
        title="Cosine",
        words="cosine of {0} and {1}",
        symbol=lambda x, y: rf"\cos({x},\, {y})",
        python="((a := {0}.double().flatten()) @ (b := {1}.double().flatten()) / (a.norm() * b.norm())).item()",
        work=_cosine,
    ),
    "mean_cosine": Function(
        takes="cc",
        title="Mean of cosines",
        words="mean cosine of {0} and {1}",
        symbol=lambda x, y: rf"\overline{{\cos}}({x},\, {y})",
        python=("(((a := {0}.double()) * (b := {1}.double())).sum(1) / (a.norm(dim=1) * b.norm(dim=1))).mean().item()"),
        work=_mean_cosine,
    ),
    "moved": Function(
        takes="cc",
        title="How far it has moved",
        words="‖{0} − {1}‖ / ‖{1}‖",
        symbol=lambda x, y: rf"\frac{{\lVert {x} - {y} \rVert}}{{\lVert {y} \rVert}}",
        python="(({0}.double() - (b := {1}.double())).norm() / b.norm()).item()",
        work=_moved,
    ),
    "apart": Function(
        takes="cc",
        title="Length of the difference",
        words="‖{0} − {1}‖",
        symbol=lambda x, y: rf"\lVert {x} - {y} \rVert",
        python="({0}.double() - {1}.double()).norm().item()",
        work=_apart,
    ),
    "elsewhere": Function(
        takes="cc",
        title="Share that has moved",
        words="share that has moved, {0} and {1}",
        symbol=lambda x, y: rf"\operatorname{{elsewhere}}({x},\, {y})",
        python="(({0}.double() - (b := {1}.double())).abs().sum() / 2 / b.sum().round()).item()",
        work=_elsewhere,
    ),
    "product": Function(
        takes="nn",
        title="Product",
        words="{0} · {1}",
        symbol=lambda x, y: rf"{x} \cdot {y}",
        python="({0}) * ({1})",
        work=_product,
    ),
    "difference": Function(
        takes="nn",
        title="Difference",
        words="{0} − {1}",
        symbol=lambda x, y: f"{x} - {y}",
        python="({0}) - ({1})",
        work=_difference,
    ),
    "quotient": Function(
        takes="nn",
        title="Quotient",
        words="{0} / {1}",
        symbol=lambda x, y: rf"\frac{{{x}}}{{{y}}}",
        python="({0}) / ({1})",
        work=_quotient,
    ),
}
