"""A number that a link can ask for: of a tensor, or worked out from such, as "norm(trace.hidden_states:3:12,*)".

What a number is worked out from are other numbers, or cells of a tensor: a place of an index may be a star, for all of
them, or a range with both its ends, "4-7". For example ``difference(right@trace.logits::5;left@trace.logits::5)``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from explainer.numbers.address import NO_NUMBER, Address, checked, parts_of, shape_of, written
from vit_core import VisionTransformer

MOST_CHARACTERS = 600
MOST_NESTED = 2
Place = int | tuple[int, int] | None  # one; from the first to the last, both included; None: all


@dataclass(frozen=True)
class Cells:
    """Some numbers of a tensor, in the order in which they lie there."""

    tensor: str
    layer: int | None
    index: tuple[Place, ...]
    side: str = ""

    def __str__(self) -> str:
        return written(self.side, self.tensor, self.layer, map(_place_text, self.index))

    def ranges(self, shape: tuple[int, ...]) -> list[range]:
        """The places on each axis of a tensor of this shape."""
        return [_range(place, size) for place, size in zip(self.index, shape, strict=True)]


@dataclass(frozen=True)
class Derived:
    """A number worked out from others by a function of ``number_functions.FUNCTIONS``."""

    function: str
    of: "tuple[Number | Cells, ...]"

    def __str__(self) -> str:
        return f"{self.function}({';'.join(map(str, self.of))})"


Number = Address | Derived

# What each function takes: "n" a number, "c" cells of a tensor; two of these have equally many.
TAKES = {
    "norm": "c",
    "mean": "c",
    "dot": "cc",
    "cosine": "cc",
    "mean_cosine": "cc",
    "moved": "cc",
    "apart": "cc",
    "elsewhere": "cc",
    "product": "nn",
    "difference": "nn",
    "quotient": "nn",
}


def parse(text: str) -> Number:
    """The number that ``text`` writes.

    Raises:
        ValueError: if it writes none; one sentence.
    """
    found = _parse(text, 0) if len(text) <= MOST_CHARACTERS else None
    if found is None or isinstance(found, Cells):
        raise ValueError(NO_NUMBER.format(text[:60]))
    return found


def is_number(text: object) -> bool:
    """Whether somebody has written a number; there may be none such."""
    try:
        parse(text if isinstance(text, str) else "")
    except ValueError:
        return False
    return True


def checked_number(number: Number, model_of: Callable[[str], VisionTransformer]) -> Number:
    """The same number by its one name.

    Args:
        number: as it was asked for.
        model_of: the model of a side; it may raise ValueError with a sentence.

    Raises:
        ValueError: if there is no such number; one sentence.
    """
    if isinstance(number, Address):
        return checked(number, model_of(number.side))
    takes = TAKES.get(number.function)
    if takes is None or len(takes) != len(number.of):
        raise ValueError(NO_NUMBER.format(str(number)[:60]))
    of = tuple(_argument(each, kind, model_of) for each, kind in zip(number.of, takes, strict=True))
    counts = {_count(each, model_of) for each in of if isinstance(each, Cells)}
    if len(counts) > 1:
        raise ValueError(f"{number.function} needs equally many numbers of both, got {' and '.join(map(str, counts))}")
    return Derived(number.function, of)


def addresses_of(number: "Number | Cells") -> tuple[Address | Cells, ...]:
    """All that it is worked out from."""
    if isinstance(number, Derived):
        return tuple(dict.fromkeys(each for one in number.of for each in addresses_of(one)))
    return (number,)


def sides_of(number: Number) -> tuple[str, ...]:
    """The sides of its numbers, each once."""
    return tuple(dict.fromkeys(each.side for each in addresses_of(number)))


def _argument(each: "Number | Cells", kind: str, model_of: Callable[[str], VisionTransformer]) -> "Number | Cells":
    if kind == "n":
        if isinstance(each, Cells):
            raise ValueError(NO_NUMBER.format(str(each)[:60]))
        return checked_number(each, model_of)
    if isinstance(each, Address):
        each = Cells(each.tensor, each.layer, each.index, each.side)
    if isinstance(each, Derived):
        raise ValueError(f"expected cells of a tensor, got {str(each)[:60]!r}")
    first, last = (
        Address(each.tensor, each.layer, tuple(_end(place, end) for place in each.index), each.side) for end in (0, 1)
    )
    start = checked(first, model_of(each.side))
    checked(last, model_of(each.side))
    return Cells(start.tensor, start.layer, each.index, each.side)


def _end(place: Place, end: int) -> int:
    return 0 if place is None else place[end] if isinstance(place, tuple) else place


def _count(cells: Cells, model_of: Callable[[str], VisionTransformer]) -> int:
    count = 1
    for places in cells.ranges(shape_of(model_of(cells.side), cells.tensor)):
        count *= len(places)
    return count


def _range(place: Place, size: int) -> range:
    if place is None:
        return range(size)
    first, last = place if isinstance(place, tuple) else (place, place)
    return range(first, last + 1)


def _place_text(place: Place) -> str:
    if place is None:
        return "*"
    return f"{place[0]}-{place[1]}" if isinstance(place, tuple) else str(place)


@cache
def _call() -> re.Pattern[str]:
    return re.compile(rf"({'|'.join(TAKES)})\((.+)\)", re.ASCII)


def _parse(text: str, depth: int) -> "Number | Cells":
    """A number or cells; functions stand in functions at most ``MOST_NESTED`` deep."""
    if call := _call().fullmatch(text):
        if depth == MOST_NESTED:
            raise ValueError(NO_NUMBER.format(text[:60]))
        return Derived(call[1], tuple(_parse(each, depth + 1) for each in _arguments(call[2])))
    side, tensor, layer, places = parts_of(text)
    if all(place.isdigit() for place in places):
        return Address(tensor, layer, tuple(map(int, places)), side)
    return Cells(tensor, layer, tuple(map(_read_place, places)), side)


def _read_place(text: str) -> Place:
    if text == "*":
        return None
    first, _, last = text.partition("-")
    if last and int(last) < int(first):
        raise ValueError(NO_NUMBER.format(text))
    return (int(first), int(last)) if last else int(first)


def _arguments(text: str) -> list[str]:
    """What stands between semicolons, but for those inside brackets."""
    found, depth = [""], 0
    for letter in text:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == ";" and not depth:
            found.append("")
        else:
            found[-1] += letter
    return found


def of_side(number: Number, side: str) -> Number:
    """The same number of another side."""
    if isinstance(number, Address):
        return replace(number, side=side)
    return Derived(
        number.function,
        tuple(replace(each, side=side) if isinstance(each, Cells) else of_side(each, side) for each in number.of),
    )
