"""The training runs of the course chapter as it prints them, and the pictures that it measured on.

Source: "Learn PyTorch for Deep Learning: Zero to Mastery", chapter 08, the notebook 08_pytorch_paper_replicating at
commit baa27b69 of mrdbourke/pytorch-deep-learning (sections 9.3, 10.4 and 10.6), its solutions, and chapter 09. These
numbers are all that is typed in; what they mean is computed in ``explainer/course/metric_detective.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

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
    return tuple(CourseEpoch(number, *line.split()) for number, line in enumerate(printed.strip().splitlines(), 1))


_PRINTED = (
    (
        "scratch",
        "From scratch",
        "9.3",
        """
        4.8759 0.2891 1.0465 0.5417
        1.5900 0.2617 1.5876 0.1979
        1.4644 0.2617 1.2738 0.1979
        1.3159 0.2773 1.7498 0.1979
        1.3114 0.3008 1.7444 0.2604
        1.2445 0.3008 1.9704 0.1979
        1.2050 0.3984 3.5480 0.1979
        1.4368 0.4258 1.8324 0.2604
        1.5757 0.2344 1.2848 0.5417
        1.4658 0.4023 1.2389 0.2604
        """,
    ),
    (
        "transfer",
        "Transfer",
        "10.4",
        """
        0.7665 0.7227 0.5432 0.8665
        0.3428 0.9453 0.3263 0.8977
        0.2064 0.9531 0.2707 0.9081
        0.1556 0.9570 0.2422 0.9081
        0.1246 0.9727 0.2279 0.8977
        0.1216 0.9766 0.2129 0.9280
        0.0938 0.9766 0.2352 0.8883
        0.0797 0.9844 0.2281 0.8778
        0.1098 0.9883 0.2074 0.9384
        0.0650 0.9883 0.1804 0.9176
        """,
    ),
)
RUNS: Mapping[str, CourseRun] = MappingProxyType(
    {name: CourseRun(name, title, section, _epochs(lines)) for name, title, section, lines in _PRINTED}
)

TABLE_ROW = CourseFigure("ViT, new head", "10 %", "0.1084", "0.9384", "table of section 10.6")  # not what the run says

FIGURES = (
    CourseFigure("EfficientNet-B2, new head", "20 %", "0.3906", "0.9384", "table of section 10.6"),
    TABLE_ROW,
    CourseFigure("ViT, new head, last epoch", "20 %", "0.1873", "0.9280", "solution of exercise 3"),
    CourseFigure("ViT, new head, best epoch", "20 %", "", "0.9688", "solution of exercise 3"),
    CourseFigure("ViT with SWAG weights at 384", "20 %", "0.0393", "0.9896", "solution of exercise 4"),
    CourseFigure("EfficientNet-B2, new head", "20 %", "0.2813", "0.9688", "chapter 09"),
    CourseFigure("ViT, new head", "20 %", "0.0642", "0.9847", "chapter 09"),
)
