"""Numbers as people read them, in Python; ``components/drawing/numbers.js`` writes the same in the browser.

Zero is "0", a number that rounds to nothing has no sign, and a change that rounds to nothing is written as about 0.
"""

import re

_NOTHING = re.compile(r"[+-]?0(?:\.0*)?(?:e[+-]?\d+)?%?")


def written(value: float, style: str) -> str:
    """A number in a format of the mini-language, with a real minus: "−1.2", "0.0 %", "1.1e−07"; zero as "0"."""
    text = format(float(value), style)
    if _NOTHING.fullmatch(text):
        text = "0" if value == 0 and "e" in text else text.lstrip("+-")
    return text.replace("-", "−").replace("%", " %")


def in_powers(value: float) -> str:
    """A small number by its size: "1.1e−07"."""
    return written(value, ".1e")


def written_shift(difference: float, style: str) -> str:
    """A difference with its sign, of shares in points; "0" if there is none, "≈ 0" if it rounds to nothing."""
    size = abs(float(difference))
    text = format(100 * size, style.replace("%", "f")) if style.endswith("%") else format(size, style)
    if _NOTHING.fullmatch(text):
        return "≈ 0" if size else "0"
    return ("+" if difference > 0 else "−") + text.replace("-", "−")
