"""Predicting many pictures: the prediction for each, which of them it gets most wrong, all of it as a table."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from vit_core.model import VisionTransformer
from vit_core.pictures import PictureError, open_picture
from vit_core.preprocess import IMAGENET_MEAN, IMAGENET_STD, Preprocess

BATCH_SIZE = 8  # pictures in memory at a time, and how long a slot is held at most
MOST_NUMBERS = 16 * 2**20  # probabilities of one call: 64 MB


class Sample(NamedTuple):
    """A picture to predict, and what it shows where that is known."""

    name: str  # as its owner knows it
    source: bytes | Path
    class_name: str | None = None


class Unread(NamedTuple):
    """A picture that could not be predicted, and why in one sentence."""

    name: str
    reason: str


class Score(NamedTuple):
    """How many are right, of those whose class is known and one of the model's."""

    right: int
    pictures: int


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions of a model for pictures, in their order; those that could not be read are next to it."""

    labels: tuple[str, ...]  # of the model's classes
    names: tuple[str, ...]  # of the pictures
    class_names: tuple[str | None, ...]  # what they show, where that is known
    places: tuple[int, ...]  # which of the given samples they are, from 0
    probabilities: Float[Tensor, "pictures classes"]
    unread: tuple[Unread, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def predicted(self) -> Int64[Tensor, " pictures"]:
        """The most probable class of each picture."""
        return self.probabilities.argmax(-1)

    @cached_property
    def true(self) -> tuple[int | None, ...]:
        """The class that each picture shows, None where that is unknown or none of the model's."""
        index = {_key(label): number for number, label in reversed(list(enumerate(self.labels)))}
        return tuple(None if name is None else index.get(_key(name)) for name in self.class_names)

    def is_right(self, picture: int) -> bool | None:
        """Whether the most probable class is the true one; None where the model could not know it."""
        true = self.true[picture]
        return None if true is None else true == int(self.predicted[picture])

    @property
    def score(self) -> Score:
        """How many are right."""
        answers = [self.is_right(picture) for picture in range(len(self))]
        return Score(answers.count(True), len(answers) - answers.count(None))

    @cached_property
    def most_wrong(self) -> tuple[int, ...]:
        """The pictures that are wrong, the surest mistake first: by the probability of the wrong class."""
        sure = self.probabilities.amax(-1).tolist()
        wrong = [picture for picture in range(len(self)) if self.is_right(picture) is False]
        return tuple(sorted(wrong, key=lambda picture: -sure[picture]))

    def top(self, picture: int, count: int) -> list[tuple[str, float]]:
        """The most probable classes of a picture with their probabilities."""
        of = self.probabilities[picture]
        return [(self.labels[c], float(of[c])) for c in self.top_classes(picture, count)]

    def top_classes(self, picture: int, count: int) -> tuple[int, ...]:
        """The numbers of the most probable classes of a picture."""
        return tuple(self.probabilities[picture].topk(min(count, len(self.labels))).indices.tolist())

    def confusion(self) -> dict[str, Counter[str]]:
        """For each true class, also those that the model has no word for, which class its pictures are taken for."""
        counts: dict[str, Counter[str]] = {}
        for name, true, predicted in zip(self.class_names, self.true, self.predicted.tolist(), strict=True):
            if name is not None:
                shows = name.replace("_", " ") if true is None else self.labels[true]
                counts.setdefault(shows, Counter())[self.labels[predicted]] += 1
        return dict(sorted(counts.items(), key=lambda row: row[0].casefold()))

    def rows(self, count: int = 5) -> Iterator[list[str]]:
        """The table: a line of headings, then one for each picture, and one for each that could not be read."""
        count = min(count, len(self.labels))
        yield ["file", "true", "predicted", "right"] + [
            f"{what} {place}" for place in range(1, count + 1) for what in ("class", "probability")
        ]
        for picture, (name, true) in enumerate(zip(self.names, self.class_names, strict=True)):
            right, top = self.is_right(picture), self.top(picture, count)
            mark = {True: "yes", False: "no", None: ""}[right]
            yield [name, true or "", top[0][0], mark, *(cell for label, p in top for cell in (label, f"{p:.6f}"))]
        for name, reason in self.unread:
            yield [name, "", f"not read: {reason}", "", *[""] * (2 * count)]


def predict_pictures(
    model: VisionTransformer,
    preprocess: Preprocess,
    labels: Sequence[str],
    samples: Sequence[Sample],
    *,
    slot: Callable[[], AbstractContextManager[object]] = nullcontext,
    on_progress: Callable[[int], object] | None = None,
) -> Predictions:
    """The predictions of ``model`` for ``samples``, a few at a time; those that cannot be read are named and left out.

    Args:
        model: the model, in eval mode.
        preprocess: how the pictures reach it.
        labels: the names of its classes.
        samples: the pictures.
        slot: entered around each forward pass, so that others get their turn between two batches.
        on_progress: called with the number of samples done after each batch; what it raises ends the work.

    Raises:
        ValueError: if there are more pictures than the memory for their probabilities.
    """
    if (most := MOST_NUMBERS // len(labels)) < len(samples):
        raise ValueError(
            f"{len(samples):,} images times {len(labels):,} classes are too many probabilities at once: choose at "
            f"most {most:,} images for this model"
        )
    read: list[int] = []
    unread: list[Unread] = []
    parts = [torch.empty(0, len(labels))]
    for start in range(0, len(samples), BATCH_SIZE):
        images = []
        for place, sample in enumerate(samples[start : start + BATCH_SIZE], start):
            try:
                images.append(preprocess(open_picture(sample.source)))
                read.append(place)
            except (PictureError, OSError) as error:
                unread.append(Unread(sample.name, _reason(error)))
        if images:
            with slot(), torch.no_grad():
                parts.append(model(torch.stack(images)).softmax(-1))
        if on_progress:
            on_progress(min(start + BATCH_SIZE, len(samples)))
    return Predictions(
        labels=tuple(labels),
        names=tuple(samples[place].name for place in read),
        class_names=tuple(samples[place].class_name for place in read),
        places=tuple(read),
        probabilities=torch.cat(parts),
        unread=tuple(unread),
    )


def as_csv(predictions: Predictions, checkpoint: str, preprocessing: str, count: int = 5) -> str:
    """The table as a file for spreadsheets, which says in each line by which weights and how the picture was read."""
    text = StringIO()
    writer = csv.writer(text)
    headings, *lines = predictions.rows(count)
    writer.writerow([*headings, "checkpoint", "preprocessing"])
    writer.writerows([*map(_harmless, line), checkpoint, preprocessing] for line in lines)
    return text.getvalue()


def other_preprocessing(preprocess: Preprocess) -> dict[str, Preprocess]:
    """Other preprocessing, easily confused with that of the training.

    The course trains its feature extractor on pictures whose middle is cut out and predicts with pictures squashed
    into the square (its section 11); from scratch it trains without normalisation.
    """
    size = preprocess.image_size
    if preprocess.keep_aspect:
        name, fitted = "squashed", replace(preprocess, keep_aspect=False, resize_size=size)
    else:
        name, fitted = "cut out", replace(preprocess, keep_aspect=True, resize_size=round(size * 256 / 224))
    if set(preprocess.mean) == {0.0} and set(preprocess.std) == {1.0}:
        scaled, mean, std = "normalised", IMAGENET_MEAN, IMAGENET_STD
    else:
        scaled, mean, std = "not normalised", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    return {
        name: fitted,
        scaled: replace(preprocess, mean=mean, std=std),
        f"{name} and {scaled}": replace(fitted, mean=mean, std=std),
    }


def _key(name: str) -> str:
    """The name of a class as it is compared: folders have underscores where labels have spaces."""
    return name.replace("_", " ").strip().casefold()


def _reason(error: Exception) -> str:
    """The sentence of a picture's error; the system's own are reported without the path."""
    return str(error) if isinstance(error, PictureError) else "its file cannot be read any more"


def _harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula, whatever somebody called their file."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
