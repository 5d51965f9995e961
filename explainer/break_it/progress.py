"""A reader's progress in the lab, as a word for links; and shapes as readers type them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from explainer.break_it.bugs import BUGS

NEVER = "it is never made"
UNKNOWN = "I do not know"
_SHAPE = re.compile(r"\s*([\[(]?)\s*(\d{1,6}(?:\s*[,x×]\s*\d{1,6}){0,7})\s*,?\s*([\])]?)\s*", re.ASCII)
_PAIRS = {"": "", "[": "]", "(": ")"}


def read_shape(text: str) -> tuple[int, ...]:
    """A shape as it is typed: ``2, 197, 192``, with or without brackets, or with × between the sizes.

    Raises:
        ValueError: if it is anything else.
    """
    match = _SHAPE.fullmatch(text)
    if match is None or _PAIRS[match[1]] != match[3]:
        raise ValueError(f"{text[:60]!r} is no shape: write its sizes with commas, for example 2, 197, 192.")
    return tuple(int(size) for size in re.split(r"[,x×]", match[2]))


def shape_text(shape: tuple[int, ...] | None) -> str:
    """As PyTorch prints it: ``[2, 197, 192]``."""
    return NEVER if shape is None else f"[{', '.join(map(str, shape))}]"


@dataclass(frozen=True)
class Progress:
    """For each bug: whether its first prediction was right, and whether it has been repaired."""

    predicted: Mapping[str, bool] = field(default_factory=lambda: MappingProxyType({}))
    repaired: frozenset[str] = frozenset()

    @property
    def right(self) -> int:
        """How many predictions were right."""
        return sum(self.predicted.values())

    def with_prediction(self, bug: str, is_right: bool) -> "Progress":
        """The first prediction of a bug counts; later ones are practice."""
        return Progress(MappingProxyType({bug: is_right} | dict(self.predicted)), self.repaired)

    def with_repair(self, bug: str) -> "Progress":
        """The bug is repaired."""
        return Progress(self.predicted, self.repaired | {bug})

    def __str__(self) -> str:
        """One digit for each bug: 1 predicted, but not rightly, 2 rightly; 3 more if it is repaired."""
        digits = [
            (1 + self.predicted[bug] if bug in self.predicted else 0) + 3 * (bug in self.repaired) for bug in BUGS
        ]
        return "".join(map(str, digits)) if any(digits) else ""

    @classmethod
    def parse(cls, text: str) -> "Progress":
        """The progress that ``str`` has written.

        Raises:
            ValueError: if it was not.
        """
        if not text:
            return cls()
        if not re.fullmatch(f"[0-5]{{{len(BUGS)}}}", text, re.ASCII):
            raise ValueError(f"The link's progress {text[:40]!r} does not fit the {len(BUGS)} bugs; it is left out.")
        digits = dict(zip(BUGS, map(int, text), strict=True))
        return cls(
            MappingProxyType({bug: digit % 3 == 2 for bug, digit in digits.items() if digit % 3}),
            frozenset(bug for bug, digit in digits.items() if digit >= 3),
        )
