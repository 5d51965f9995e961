"""A number that a link can ask for: of a tensor, or worked out from such, as "norm(trace.hidden_states:3:12,*)".

What a number is worked out from are other numbers, or cells of a tensor: a place of an index may be a star, for all of
them, or a range with both its ends, "4-7". For example ``difference(right@trace.logits::5;left@trace.logits::5)``.
"""

import re
from collections.abc import Callable
from functools import cache

from explainer.numbers.address import NO_NUMBER, Address, checked, parts_of, shape_of
from explainer.numbers.derived import Cells, Derived, Number, Place
from explainer.numbers.functions import FUNCTIONS
from vit_core import VisionTransformer

MOST_CHARACTERS = 600
MOST_NESTED = 2


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
    takes = FUNCTIONS[number.function].takes if number.function in FUNCTIONS else ""
    if not takes or len(takes) != len(number.of):
        raise ValueError(NO_NUMBER.format(str(number)[:60]))
    of = tuple(_checked_argument(argument, kind, model_of) for argument, kind in zip(number.of, takes, strict=True))
    counts = {_count(argument, model_of) for argument in of if isinstance(argument, Cells)}
    if len(counts) > 1:
        raise ValueError(f"{number.function} needs equally many numbers of both, got {' and '.join(map(str, counts))}")
    return Derived(number.function, of)


def _checked_argument(
    argument: Number | Cells, kind: str, model_of: Callable[[str], VisionTransformer]
) -> Number | Cells:
    """An argument by its one name; ``kind`` is a letter of ``Function.takes``."""
    if kind == "n":
        if isinstance(argument, Cells):
            raise ValueError(NO_NUMBER.format(str(argument)[:60]))
        return checked_number(argument, model_of)
    if isinstance(argument, Derived):
        raise ValueError(f"expected cells of a tensor, got {str(argument)[:60]!r}")
    tensor, layer, index, side = argument.tensor, argument.layer, argument.index, argument.side
    first, last = (Address(tensor, layer, tuple(_end(place, end) for place in index), side) for end in (0, 1))
    start = checked(first, model_of(side))
    checked(last, model_of(side))
    return Cells(start.tensor, start.layer, index, side)


def _end(place: Place, end: int) -> int:
    return 0 if place is None else place[end] if isinstance(place, tuple) else place


def _count(cells: Cells, model_of: Callable[[str], VisionTransformer]) -> int:
    count = 1
    for places in cells.ranges(shape_of(model_of(cells.side), cells.tensor)):
        count *= len(places)
    return count


@cache
def _call() -> re.Pattern[str]:
    return re.compile(rf"({'|'.join(FUNCTIONS)})\((.+)\)", re.ASCII)


def _parse(text: str, depth: int) -> Number | Cells:
    """A number or cells; functions stand in functions at most ``MOST_NESTED`` deep."""
    if call := _call().fullmatch(text):
        if depth == MOST_NESTED:
            raise ValueError(NO_NUMBER.format(text[:60]))
        return Derived(call[1], tuple(_parse(argument, depth + 1) for argument in _arguments(call[2])))
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
