r"""Arithmetic in double precision that knows what single precision would have lost.

Every number carries a bound on how far the same computation in 32 bits may be from it. Rounding errors of a sum of n
products are treated as independent, so they grow with the square root of n (Higham and Mary, "A New Approach to
Probabilistic Rounding Error Analysis", SIAM J. Sci. Comput. 2019): for a scalar product of x and w,
\sqrt{n} u \lVert x \rVert \lVert w \rVert, with u = 2^{-24}. Errors that come in are scaled by what the step does to a
small change. The bound at the end is widened by ``SAFETY``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf
from torch import Tensor, nn

Values = NDArray[np.float64]

UNIT = 2.0**-24  # the relative error of rounding a number to 32 bits, at most
SAFETY = 2.0  # the errors are only nearly independent; measured differences are a fifth of the bound or less
GELU_SLOPE = 1.13  # the steepest slope of GELU, at sqrt(2)
FUNCTION = 8.0  # units of rounding that a 32-bit exp, erf or tanh may cost


@dataclass(frozen=True, eq=False)
class Rounded:
    """Numbers in double precision, and by how much single precision may miss each (or all, if it is one number)."""

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
        return Rounded(total, self.error + other.error + UNIT * np.abs(total))

    def __matmul__(self, other: "Rounded") -> "Rounded":
        rows, columns = _norm(self.values, -1), _norm(other.values, -2)
        error = self.values.shape[-1] ** 0.5 * UNIT * rows * columns
        if self.error.any():
            error = error + _carried(self.error, other.values, columns, -1, -2)
        if other.error.any():
            error = error + _carried(other.error, self.values, rows, -2, -1)
        return Rounded(self.values @ other.values, error)

    def scaled(self, factor: float) -> "Rounded":
        """All numbers times ``factor``."""
        values = self.values * factor
        return Rounded(values, self.error * abs(factor) + UNIT * np.abs(values))


def _norm(values: Values, axis: int) -> Values:
    return np.sqrt(np.square(values).sum(axis, keepdims=True))


def _carried(error: Values, factor: Values, norms: Values, axis: int, factor_axis: int) -> Values:
    """What independent errors of one factor do to a product: at most the smaller of two bounds on a weighted norm."""
    if error.ndim == 0:
        return error * norms
    spread = error.max(axis, keepdims=True) * norms
    sharp = _norm(error, axis) * np.abs(factor).max(factor_axis, keepdims=True)
    return np.minimum(spread, sharp)


def exact(tensor: Tensor | Values) -> Rounded:
    """Numbers as they are, without an error: inputs and parameters."""
    values = tensor.detach().cpu().numpy() if isinstance(tensor, Tensor) else tensor
    return Rounded(values.astype(np.float64), np.zeros(()))


def linear(x: Rounded, matrix: Rounded, bias: Rounded | None) -> Rounded:
    """x W + b."""
    product = x @ matrix
    return product if bias is None else product + bias


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
    coming_in = (z.error + 3 * UNIT * np.abs(z.values).max(-1, keepdims=True)) / deviation
    statistics = (z.values.shape[-1] ** 0.5 + 3) * UNIT * np.abs(normalised)
    values = normalised * scale + shift
    return Rounded(values, (coming_in + statistics) * np.abs(scale) + UNIT * np.abs(values))


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
        bend = erf(x.values * 0.5**0.5)
    values = 0.5 * x.values * (1 + bend)
    return Rounded(values, GELU_SLOPE * x.error + FUNCTION * UNIT * np.abs(x.values))
