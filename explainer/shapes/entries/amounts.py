"""Counts, bytes and lists of shapes, written for reading."""

from collections import Counter
from collections.abc import Iterable


def count_text(count: int) -> str:
    """``197``, ``86.6 M``, ``17.6 G``."""
    return _scaled(count, ("", "k", "M", "G", "T", "P", "E"))


def bytes_text(count: int) -> str:
    """``588 B``, ``1.42 MB``."""
    return _scaled(count, ("B", "kB", "MB", "GB", "TB", "PB", "EB"))


def _scaled(count: int, units: tuple[str, ...]) -> str:
    if count < 10_000:
        return f"{count:,} {units[0]}".rstrip()
    scaled, unit = float(count), 0
    while scaled >= 999.5 and unit < len(units) - 1:
        scaled, unit = scaled / 1000, unit + 1
    return f"{scaled:.3g} {units[unit]}" if scaled < 999.5 else f"{scaled:,.0f} {units[unit]}"


def counted(shapes: Iterable[str]) -> str:
    """Shapes as a list in which equal ones are counted: ``3 of 1 × 12 × 197 × 64``."""
    return ", ".join(f"{n} of {shape}" if n > 1 else shape for shape, n in Counter(shapes).items())
