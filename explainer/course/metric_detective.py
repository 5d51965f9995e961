"""The meaning of a printed accuracy that is a mean over batches, not a share of pictures.

The course sums the accuracies of the batches and divides by their number. A picture in a small last batch then counts
more than the others. Fractions are exact here: only what was printed has been rounded.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import product
from math import comb
from random import Random
from typing import NamedTuple, TypeVar

import numpy as np

T = TypeVar("T")


def batch_sizes(pictures: int, batch_size: int) -> tuple[int, ...]:
    """How many pictures each batch holds; the last one may be smaller.

    Raises:
        ValueError: if there are no pictures, or a batch holds none.
    """
    if pictures < 1 or batch_size < 1:
        raise ValueError(f"expected at least one image and one per batch, got {pictures} and {batch_size}")
    full, rest = divmod(pictures, batch_size)
    return (batch_size,) * full + ((rest,) if rest else ())


def batch_mean(right: Sequence[bool], batch_size: int) -> Fraction:
    """The course's accuracy: the share of right pictures in each batch, averaged over the batches."""
    shares = [Fraction(sum(batch), len(batch)) for batch in _batches(right, batch_size)]
    return sum(shares, Fraction()) / len(shares)


def _batches(values: Sequence[T], batch_size: int) -> Iterator[Sequence[T]]:
    start = 0
    for size in batch_sizes(len(values), batch_size):
        yield values[start : start + size]
        start += size


def picture_weights(pictures: int, batch_size: int) -> tuple[Fraction, ...]:
    """The weight of one picture of each batch in the mean over batches; in the share of pictures it is 1 / pictures."""
    sizes = batch_sizes(pictures, batch_size)
    return tuple(Fraction(1, size * len(sizes)) for size in sizes)


def labels_in_order(sizes: Mapping[str, int]) -> tuple[str, ...]:
    """The labels as a loader that does not shuffle hands them out: class after class."""
    return tuple(name for name, count in sizes.items() for _ in range(count))


def composition(sizes: Mapping[str, int], batch_size: int) -> tuple[dict[str, int], ...]:
    """How many pictures of each class are in each batch, when nothing is shuffled."""
    batches = _batches(labels_in_order(sizes), batch_size)
    return tuple({name: batch.count(name) for name in sizes} for batch in batches)


def one_class_means(sizes: Mapping[str, int], batch_size: int) -> dict[str, Fraction]:
    """The mean over batches of a model that gives every picture the same class, for each class."""
    labels = labels_in_order(sizes)
    return {name: batch_mean([label == name for label in labels], batch_size) for name in sizes}


class Reading(NamedTuple):
    """One way to come to a printed accuracy."""

    full: int  # right pictures in the full batches together
    last: int  # right pictures in the last batch
    arrangements: Fraction  # of all orders of that many right and the wrong pictures, the share that falls so

    @property
    def total(self) -> int:
        """Right pictures in all batches."""
        return self.full + self.last


@cache
def readings(printed: str, pictures: int, batch_size: int) -> tuple[Reading, ...]:
    """Every number of right pictures, in the full batches and in the last, that prints ``printed``; likeliest first.

    The full batches weigh the same, so only their sum matters. What makes one reading likelier than another: of all
    orders in which its right and wrong pictures could come, how many put that number into the last batch.

    Raises:
        ValueError: if ``printed`` is no decimal number.
    """
    last = batch_sizes(pictures, batch_size)[-1]
    before = pictures - last
    target, half = _printed(printed)
    found = []
    for mean, full, rest in _means(pictures, batch_size):
        if abs(mean - target) <= half:  # a tie may be printed either way
            orders = Fraction(comb(before, full) * comb(last, rest), comb(pictures, full + rest))
            found.append(Reading(full, rest, orders))
    return tuple(sorted(found, key=lambda reading: -reading.arrangements))


def _means(pictures: int, batch_size: int) -> Iterator[tuple[Fraction, int, int]]:
    """Every mean over batches, with the right pictures of the full batches and of the last one that give it."""
    sizes = batch_sizes(pictures, batch_size)
    last = sizes[-1]
    for full, rest in product(range(pictures - last + 1), range(last + 1)):
        yield (Fraction(full, batch_size) + Fraction(rest, last)) / len(sizes), full, rest


def splits(reading: Reading, pictures: int, batch_size: int) -> int:
    """In how many ways the right pictures of the full batches can be divided among these batches."""
    ways = np.ones(1, dtype=object)  # of each sum of right pictures, as whole numbers of any size
    for size in batch_sizes(pictures, batch_size)[:-1]:
        ways = np.convolve(ways, np.ones(size + 1, dtype=object))
    return int(ways[reading.full])


def odds(found: Sequence[Reading]) -> tuple[Fraction, ...]:
    """How likely each reading is, if nothing else is known: their arrangements, scaled to sum to 1."""
    total = sum((reading.arrangements for reading in found), Fraction())
    return tuple(reading.arrangements / total for reading in found)


@dataclass(frozen=True)
class Verdict:
    """The possible meanings of a printed test accuracy."""

    printed: str
    readings: tuple[Reading, ...]  # likeliest first
    one_class: str | None  # the class that, predicted for every picture, gives this number
    sizes: Mapping[str, int]

    @property
    def pictures(self) -> int:
        """Test pictures."""
        return sum(self.sizes.values())

    @property
    def reading(self) -> Reading | None:
        """The one of the one-class model if that explains the number, else the likeliest."""
        of_class = self.sizes.get(self.one_class or "")
        return next((reading for reading in self.readings if of_class in (None, reading.total)), None)

    @property
    def total(self) -> int | None:
        """Right pictures."""
        return self.reading.total if self.reading else None

    @property
    def predicted(self) -> dict[str, int] | None:
        """How many pictures were given each class, where one class explains the number; otherwise None."""
        if self.one_class is None:
            return None
        return {name: self.pictures if name == self.one_class else 0 for name in self.sizes}


def verdict(printed: str, sizes: Mapping[str, int], batch_size: int) -> Verdict:
    """Which numbers of right pictures give ``printed``, and whether predicting a single class does."""
    target, half = _printed(printed)
    names = [name for name, mean in one_class_means(sizes, batch_size).items() if abs(mean - target) <= half]
    one_class = names[0] if len(names) == 1 else None
    return Verdict(printed, readings(printed, sum(sizes.values()), batch_size), one_class, sizes)


def values_that_can_be_printed(pictures: int, batch_size: int, decimals: int = 4) -> int:
    """How many different numbers the mean over batches can print."""
    means = {mean for mean, _, _ in _means(pictures, batch_size)}
    return len({format(float(mean), f".{decimals}f") for mean in means})


def chance_of_guessing(printed: Iterable[str], sizes: Mapping[str, int], batch_size: int) -> float:
    """How likely a model that guesses every picture's class prints one of these numbers in one epoch."""
    pictures, right = sum(sizes.values()), Fraction(1, len(sizes))
    wrong, chance = 1 - right, Fraction()
    last = batch_sizes(pictures, batch_size)[-1]
    for value in set(printed):
        for reading in readings(value, pictures, batch_size):
            ways = comb(pictures - last, reading.full) * comb(last, reading.last)
            chance += ways * right**reading.total * wrong ** (pictures - reading.total)
    return float(chance)


def mean_over_sizes(
    sizes: Mapping[str, int], predicted: str, batch_sizes_tried: Sequence[int], shuffled: int | None = None
) -> tuple[Fraction, ...]:
    """The mean over batches of the same predictions, all ``predicted``, at each batch size.

    ``shuffled`` None keeps the loader's order, class after class; a number is the seed of a random order.

    Raises:
        ValueError: if there is no such class.
    """
    if predicted not in sizes:
        raise ValueError(f"unknown class {predicted!r}, known are {', '.join(sizes)}")
    right = [label == predicted for label in labels_in_order(sizes)]
    if shuffled is not None:
        Random(shuffled).shuffle(right)
    return tuple(batch_mean(right, size) for size in batch_sizes_tried)


def _printed(text: str) -> tuple[Fraction, Fraction]:
    """The number as it is printed, and half a unit of its last place."""
    try:
        value = Fraction(text)
    except ValueError:
        raise ValueError(f"expected a decimal number such as 0.5417, got {text!r}") from None
    decimals = len(text.partition(".")[2])
    return value, Fraction(1, 2 * 10**decimals)
