"""The training runs of the course chapter as it prints them, and the pictures that it measured on.

``assets/course_results.toml`` holds the numbers and their source. What they mean is computed in
``explainer/course/metric_detective.py``.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from vit_core.resources import ASSETS
from vit_core.training.data.foodvision import FOODVISION

BATCH_SIZE = 32


def _sizes(data: str, split: str) -> Mapping[str, int]:
    """Pictures per class in the order of the names, in which a loader that does not shuffle hands them out."""
    counts = FOODVISION[data].counts
    return MappingProxyType({name: count for (which, name), count in sorted(counts.items()) if which == split})


TRAIN_SIZES, TEST_SIZES = _sizes("foodvision-10", "train"), _sizes("foodvision-10", "test")
TEST_PICTURES_20 = sum(_sizes("foodvision-20", "test").values())


class CourseEpoch(NamedTuple):
    """One line that the course's training loop printed."""

    epoch: int
    train_loss: str
    train_accuracy: str
    test_loss: str
    test_accuracy: str


@dataclass(frozen=True)
class CourseRun:
    """One of the course's two runs: ten epochs on the data set with 10 % of the pictures."""

    name: str
    title: str
    section: str  # of the course chapter
    epochs: tuple[CourseEpoch, ...]


class CourseFigure(NamedTuple):
    """A test result that the chapter states in a table or a solution, not as an epoch of one of its runs."""

    model: str
    data: str  # what it was trained on
    loss: str  # empty: not stated
    accuracy: str
    place: str


def _epochs(printed: str) -> tuple[CourseEpoch, ...]:
    return tuple(CourseEpoch(number, *line.split()) for number, line in enumerate(printed.splitlines(), 1))


_PRINTED = tomllib.loads((ASSETS / "course_results.toml").read_text(encoding="utf-8"))
RUNS: Mapping[str, CourseRun] = MappingProxyType(
    {
        name: CourseRun(name, run["title"], run["section"], _epochs(run["epochs"]))
        for name, run in _PRINTED["runs"].items()
    }
)
FIGURES = tuple(CourseFigure(*row) for row in _PRINTED["figures"]["rows"])
TABLE_ROW = FIGURES[1]  # of the transfer run, and not what that run says
