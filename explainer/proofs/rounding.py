r"""Arithmetic in double precision that knows what single precision would have lost.

Every number carries a bound on how far the same computation in 32 bits may be from it. Rounding errors of a sum of n
products are treated as independent, so they grow with the square root of n (Higham and Mary, "A New Approach to
Probabilistic Rounding Error Analysis", SIAM J. Sci. Comput. 2019): for a scalar product of x and w,
\sqrt{n} u \lVert x \rVert \lVert w \rVert, with u = 2^{-24}. Errors that come in are scaled by what the step does to a
small change. The bound at the end is widened by ``SAFETY``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

Values = NDArray[np.float64]

UNIT = 2.0**-24  # the relative error of rounding a number to 32 bits, at most
SAFETY = 2.0  # the errors are only nearly independent; measured differences are a fifth of the bound or less
GELU_SLOPE = 1.13  # the steepest slope of GELU, at sqrt(2)
MOST_BY_PYTHON = 200_000  # numbers; the hidden layer of the embedded model has 66,560
FUNCTION = 8.0  # units of rounding that a 32-bit exp, erf or tanh may cost


@dataclass(frozen=True, eq=False)
class Rounded:
    """Numbers in double precision, and by how much single precision may miss them.

    The error has the numbers' axes, or length 1 along those where one bound serves for all.
    """

    values: Values
    error: Values

    @property
    def tolerance(self) -> float:
        """The largest difference that rounding explains."""
        return SAFETY * float(self.error.max())

    @property
    def T(self) -> "Rounded":
        """The last two axes exchanged."""
        return self.through(lambda values: values.swapaxes(-2, -1))

    def through(self, move: Callable[[Values], Values]) -> "Rounded":
        """The same numbers in other places: cut, reshaped, transposed."""
        return Rounded(move(self.values), move(np.broadcast_to(self.error, self.values.shape)))

    def __add__(self, other: "Rounded") -> "Rounded":
        total = self.values + other.values
        return Rounded(total, self.error + other.error + UNIT * _largest(total))

    def __matmul__(self, other: "Rounded") -> "Rounded":
        rows, columns = _norm(self.values, -1), _norm(other.values, -2).max(-1, keepdims=True)
        terms = self.values.shape[-1]
        error = terms**0.5 * UNIT * rows * columns
        if self.error.any():
            error = error + _carried(self.error, terms, -1, columns, _largest(other.values).max(-2, keepdims=True))
        if other.error.any():
            error = error + _carried(other.error, terms, -2, rows, _largest(self.values))
        return Rounded(self.values @ other.values, error)

    def scaled(self, factor: float) -> "Rounded":
        """All numbers times ``factor``."""
        values = self.values * factor
        return Rounded(values, self.error * abs(factor) + UNIT * _largest(values))


def _largest(values: Values) -> Values:
    """The largest size in each row."""
    return np.maximum(values.max(-1, keepdims=True), -values.min(-1, keepdims=True))


def _norm(values: Values, axis: int) -> Values:
    return np.sqrt(np.square(values).sum(axis, keepdims=True))


def _carried(error: Values, terms: int, axis: int, norms: Values, largest: Values) -> Values:
    """What independent errors of one factor do to a product: the smaller of two bounds on their weighted norm."""
    if error.ndim == 0:
        return error * norms
    one_for_all = terms**0.5 if error.shape[axis] == 1 else 1.0
    return np.minimum(error.max(axis, keepdims=True) * norms, _norm(error, axis) * one_for_all * largest)


def exact(tensor: Tensor | Values) -> Rounded:
    """Numbers as they are, without an error: inputs and parameters."""
    values = tensor.detach().cpu().numpy() if isinstance(tensor, Tensor) else tensor
    return Rounded(values.astype(np.float64), np.zeros(()))


def linear(x: Rounded, layer: nn.Linear) -> Rounded:
    """x W + b."""
    return biased(x @ exact(layer.weight).T, layer.bias)


def biased(product: Rounded, bias: Tensor | None) -> Rounded:
    """A product and the bias of its layer, if that has one."""
    return product if bias is None else product + exact(bias)


def divided(values: Values, terms: int) -> Values:
    """The error of numbers that were divided by a sum, or are a mean, of so many numbers of one sign."""
    error: Values = (terms**0.5 + 3) * UNIT * _largest(values)
    return error


def concatenate(first: Rounded, second: Rounded) -> Rounded:
    """One below the other."""
    errors = [np.broadcast_to(part.error, part.values.shape) for part in (first, second)]
    return Rounded(np.concatenate([first.values, second.values]), np.concatenate(errors))


def layer_norm(z: Rounded, norm: nn.LayerNorm) -> Rounded:
    """LayerNorm over the last axis."""
    scale, shift = exact(norm.weight).values, exact(norm.bias).values
    centred = z.values - z.values.mean(-1, keepdims=True)
    deviation = np.sqrt(np.square(centred).mean(-1, keepdims=True) + norm.eps)
    normalised = centred / deviation
    # a number, its mean and their difference are rounded before the division makes the loss larger
    coming_in = (z.error + 3 * UNIT * _largest(z.values)) / deviation
    statistics = (z.values.shape[-1] ** 0.5 + 3) * UNIT * _largest(normalised)
    values = normalised * scale + shift
    return Rounded(values, (coming_in + statistics) * _largest(scale) + UNIT * _largest(values))


def softmax(scores: Rounded) -> Rounded:
    """Softmax over the last axis. A weight moves by itself times (its score's error less the weighted mean of all)."""
    exponentials = np.exp(scores.values - scores.values.max(-1, keepdims=True))
    values = exponentials / exponentials.sum(-1, keepdims=True)
    error = values * (FUNCTION + values.shape[-1] ** 0.5) * UNIT
    if scores.error.any():
        squares = np.square(scores.error)
        mean = (np.square(values) * squares).sum(-1, keepdims=True)
        error = error + values * np.sqrt(np.maximum((1 - 2 * values) * squares + mean, 0.0))
    return Rounded(values, error)


def gelu(x: Rounded, approximate: str) -> Rounded:
    """GELU by erf, or by tanh as in the paper's code."""
    if approximate == "tanh":
        bend = np.tanh((2 / np.pi) ** 0.5 * x.values * (1 + 0.044715 * np.square(x.values)))
    else:
        bend = _erf(x.values * 0.5**0.5)
    values = 0.5 * x.values * (1 + bend)
    return Rounded(values, GELU_SLOPE * x.error + FUNCTION * UNIT * _largest(x.values))


def _erf(values: Values) -> Values:
    """The error function. Few numbers go through Python's own: importing scipy would take longer than they do."""
    if values.size <= MOST_BY_PYTHON:
        return np.vectorize(math.erf, otypes=[np.float64])(values)
    from scipy.special import erf

    found: Values = erf(values)
    return found
