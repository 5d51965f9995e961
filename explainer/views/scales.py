"""Where the ends of a colour scale lie. Always the extremes of what is drawn, so that no value is cut off."""

import numpy as np
from torch import Tensor

from explainer.panels import Scale, Values

Numbers = Tensor | Values


def symmetric(*values: Numbers) -> Scale:
    """For signed values: zero in the middle, the largest magnitude of all ``values`` at both ends."""
    high = max(_largest_magnitude(each) for each in values) or 1.0
    return Scale(-high, high, diverging=True)


def from_zero(*values: Numbers) -> Scale:
    """For values that are never negative, such as attention weights: from 0 to the largest."""
    return Scale(0.0, max(float(each.max()) for each in values) or 1.0)


def spanning(*values: Numbers) -> Scale:
    """From the smallest to the largest, for values whose zero means nothing to the eye."""
    low, high = min(float(each.min()) for each in values), max(float(each.max()) for each in values)
    return Scale(low, high if high > low else low + 1.0)


def each(tiles: Values) -> tuple[Scale, ...]:
    """One scale from zero per tile, so that every tile uses all colours; tiles are then not comparable."""
    return tuple(from_zero(tile) for tile in tiles)


def _largest_magnitude(values: Numbers) -> float:
    array = values.detach().numpy() if isinstance(values, Tensor) else values
    return float(np.abs(array).max())
