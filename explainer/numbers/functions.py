"""The functions that work a number out from others: a record each in ``FUNCTIONS``, lengths, cosines, differences."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from explainer.numbers.address import Address
from explainer.numbers.derived import Cells, Derived, Number
from explainer.numbers.workings import Part, Row, Step, Sum, Values, Working, sum_of

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

    @property
    def values(self) -> Values:
        """The same, without their addresses."""
        return self.cells.values

    @property
    def length(self) -> Part:
        """The norm of the cells."""
        assert isinstance(self.of, Cells)
        return Part(float(np.linalg.norm(self.values)), Derived("norm", (self.of,)))

    def step(self, operator: str = "") -> Step:
        """A line that is this number."""
        assert not isinstance(self.of, Cells)
        return Step(self.words, self.value, operator, self.of)


def _over(values: Values, operands: tuple[Operand, ...], plural: str, term_words: str, sign: str = "×") -> Sum:
    """The sum of what became of each cell, or of each pair of cells."""
    rows = tuple(operand.cells for operand in operands)
    return sum_of(values, rows, f"the {len(values):,} {plural}", term_words, sign)


def _products(x: Operand, y: Operand) -> Sum:
    return _over(x.values * y.values, (x, y), "products together", "product")


def _squared_differences(x: Operand, y: Operand) -> Sum:
    return _over(np.square(x.values - y.values), (x, y), "squared differences together", "squared difference", "−")


def _norm(x: Operand) -> Working:
    total = _over(np.square(x.values), (x, x), "squares together", "square")
    length = sqrt(total.total)
    formula = rf"\lVert {x.symbol} \rVert = \sqrt{{\sum_m {x.symbol}_m^2}}"
    return Working("", formula, (total.step(), Step("the root of it", length, "=")), length, sum=total)


def _mean(x: Operand) -> Working:
    total, count = _over(x.values, (x,), "numbers together", "number"), len(x.values)
    steps = (total.step(), Step("how many they are", float(count), "÷"))
    return Working("", rf"\frac{{1}}{{{count}}} \sum_m {x.symbol}_m", steps, total.total / count, sum=total)


def _dot(x: Operand, y: Operand) -> Working:
    total = _products(x, y)
    return Working("", rf"\sum_m {x.symbol}_m \, {y.symbol}_m", (total.step(),), total.total, sum=total)


def _cosine(x: Operand, y: Operand) -> Working:
    total, lengths = _products(x, y), (x.length, y.length)
    steps = [length.step(f"the length of {operand.text}", "÷") for operand, length in zip((x, y), lengths, strict=True)]
    product = lengths[0].value * lengths[1].value
    return Working(
        "cosine_similarity" if isinstance(x.of, Cells) and x.of.tensor in _POSITIONS else "",
        rf"\frac{{\sum_m {x.symbol}_m \, {y.symbol}_m}}{{\lVert {x.symbol} \rVert \, \lVert {y.symbol} \rVert}}",
        (total.step(), *steps),
        total.total / product if product else 0.0,
        sum=total,
    )


def _mean_cosine(x: Operand, y: Operand) -> Working:
    """The mean of the rows' cosines."""
    numbers = [Derived("cosine", pair) for pair in zip(_rows(x), _rows(y), strict=True)]
    count = len(numbers)
    a, b = (operand.values.reshape(count, -1) for operand in (x, y))
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosines = np.divide((a * b).sum(1), lengths, out=np.zeros_like(lengths), where=lengths > 0)
    total = sum_of(cosines, (Row(cosines, numbers.__getitem__),), f"the cosines of {count} tokens together", "cosine")
    formula = rf"\frac{{1}}{{{count}}} \sum_i \cos({x.symbol}_i,\, {y.symbol}_i)"
    return Working("", formula, (total.step(), Step("tokens", float(count), "÷")), total.total / count, sum=total)


def _rows(x: Operand) -> list[Cells]:
    """The rows of cells that have two axes."""
    first, last = (x.cells.place(j) for j in (0, len(x.values) - 1))
    assert isinstance(x.of, Cells) and isinstance(first, Address) and isinstance(last, Address)
    return [replace(x.of, index=(row, *x.of.index[1:])) for row in range(first.index[0], last.index[0] + 1)]


def _moved(x: Operand, y: Operand) -> Working:
    total, length = _squared_differences(x, y), y.length
    distance = sqrt(total.total)
    return Working(
        "",
        rf"\frac{{\lVert {x.symbol} - {y.symbol} \rVert}}{{\lVert {y.symbol} \rVert}}",
        (
            total.step(),
            Step("the root of it: how far it has moved", distance, "="),
            length.step(f"the length of {y.text}", "÷"),
        ),
        distance / length.value if length.value else 0.0,
        sum=total,
    )


def _apart(x: Operand, y: Operand) -> Working:
    total = _squared_differences(x, y)
    distance = sqrt(total.total)
    formula = rf"\lVert {x.symbol} - {y.symbol} \rVert"
    return Working("", formula, (total.step(), Step("the root of it", distance, "=")), distance, sum=total)


def _elsewhere(x: Operand, y: Operand) -> Working:
    """Half the sum of |a - b| along a row of A; on average over the rows, whose sums are 1."""
    rows = max(1, round(float(y.values.sum())))
    words = "differences together, without their signs"
    total = _over(np.abs(x.values - y.values), (x, y), words, "difference", "−")
    formula = rf"\frac{{1}}{{2 \cdot {rows}}} \sum_m \lvert {x.symbol}_m - {y.symbol}_m \rvert"
    steps = (total.step(), Step("each weight that moves is counted twice", 2.0, "÷"), Step("rows", float(rows), "÷"))
    return Working("", formula, steps, total.total / 2 / rows, sum=total)


def _product(x: Operand, y: Operand) -> Working:
    return Working("", rf"{x.symbol} \cdot {y.symbol}", (x.step(), y.step("×")), x.value * y.value)


def _difference(x: Operand, y: Operand) -> Working:
    return Working("", f"{x.symbol} - {y.symbol}", (x.step(), y.step("−")), x.value - y.value)


def _quotient(x: Operand, y: Operand) -> Working:
    value = x.value / y.value if y.value else 0.0
    return Working("", rf"\frac{{{x.symbol}}}{{{y.symbol}}}", (x.step(), y.step("÷")), value)


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
