"""What a link can ask for: a number of a tensor, cells of one, or a number that a function works out from such."""

from dataclasses import dataclass

from explainer.numbers.address import Address, written

Place = int | tuple[int, int] | None  # one; from the first to the last, both included; None: all


@dataclass(frozen=True)
class Cells:
    """Some numbers of a tensor, in the order in which they lie there."""

    tensor: str
    layer: int | None
    index: tuple[Place, ...]
    side: str = ""

    def __str__(self) -> str:
        places = (place_text(place, "*", "-") for place in self.index)
        return written(self.side, self.tensor, self.layer, places)

    def ranges(self, shape: tuple[int, ...]) -> list[range]:
        """The places on each axis of a tensor of this shape."""
        return [_range(place, size) for place, size in zip(self.index, shape, strict=True)]


@dataclass(frozen=True)
class Derived:
    """A number worked out from others by a function of ``explainer.numbers.functions.FUNCTIONS``."""

    function: str
    of: "tuple[Number | Cells, ...]"

    def __str__(self) -> str:
        return f"{self.function}({';'.join(map(str, self.of))})"


Number = Address | Derived


def addresses_of(number: "Number | Cells") -> tuple[Address | Cells, ...]:
    """All that it is worked out from."""
    if isinstance(number, Derived):
        return tuple(dict.fromkeys(address for operand in number.of for address in addresses_of(operand)))
    return (number,)


def sides_of(number: Number) -> tuple[str, ...]:
    """The sides of its numbers, each once."""
    return tuple(dict.fromkeys(address.side for address in addresses_of(number)))


def _range(place: Place, size: int) -> range:
    if place is None:
        return range(size)
    first, last = place if isinstance(place, tuple) else (place, place)
    return range(first, last + 1)


def place_text(place: Place, everything: str = ":", joint: str = "…") -> str:
    """A place of an index as text: "3", "4…7", ":"."""
    if place is None:
        return everything
    return f"{place[0]}{joint}{place[1]}" if isinstance(place, tuple) else str(place)
