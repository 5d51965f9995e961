"""How captions and alternative texts name tokens and write numbers."""

import numpy as np
from torch import Tensor

from vit_core.patches import grid_position

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def token_name(token: int, grid_size: int) -> str:
    """ "class token", or where the patch lies, counted from 1: "row 2, column 3".

    Raises:
        ValueError: if there is no such token.
    """
    if token == 0:
        return "class token"
    row, column = grid_position(token, grid_size)
    return f"row {row + 1}, column {column + 1}"


def the_token(token: int, grid_size: int) -> str:
    """The token as the subject of a sentence: "the class token", "the patch in row 2, column 3"."""
    return "the class token" if token == 0 else f"the patch in {token_name(token, grid_size)}"


def number(value: float | Tensor | np.float32) -> str:
    """Three significant digits, written out as long as that stays short."""
    value = float(value.detach() if isinstance(value, Tensor) else value)
    if value == 0:
        return "0"
    if abs(value) < 1e-4:
        digits, exponent = format(value, ".1e").split("e")
        return f"{digits} · 10{superscript(int(exponent))}".replace("-", "−")
    return format(value, ",.0f" if abs(value) >= 999.5 else ".3g").replace("-", "−")


def percent(share: float | Tensor | np.float32) -> str:
    """A share of 1 as a percentage with one decimal; what is not quite nothing or everything is not rounded to it."""
    share = float(share)
    if 0 < share < 0.0005:
        return "< 0.1 %"
    return "> 99.9 %" if 0.9995 <= share < 1 else f"{100 * share:.1f} %"


def subscript(count: int) -> str:
    """The number in subscript digits, for symbols in plain text: z₁₂."""
    return str(count).translate(SUBSCRIPTS)


def superscript(count: int) -> str:
    """The number in superscript digits, as the paper counts patches: xₚ⁷."""
    return str(count).translate(SUPERSCRIPTS)


def sentence(text: str) -> str:
    """The text with a capital first letter."""
    return text[0].upper() + text[1:]
