"""Predictions of many pictures: a card for each, who is taken for whom, and what preprocessing changes."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from explainer.notation.wording import number, percent, sentence
from explainer.origins import Origin
from explainer.panels import Bars, Picture, Pixels, View
from explainer.views.arrays import as_values, float_values
from explainer.views.compose import view
from explainer.views.course.charts import PART_COLOURS, share_bars, shrunk, stacked
from vit_core.preprocess import Preprocess

CARD_SIZE = 224  # pixels of a card's picture at most: nine of them are a page
MOST_CONFUSED = 6  # classes that a bar of the confusion tells apart, and then the others


def card(
    pixels: Pixels,
    name: str,
    top: Sequence[tuple[str, float]],
    true: str | None,
    is_right: bool | None,
    origin: Origin | None = None,
) -> View:
    """One picture and its most probable classes.

    Args:
        pixels: the picture as the model sees it.
        name: its file.
        top: classes with their probabilities, the most probable first.
        true: what it shows, if that is known.
        is_right: whether the first class is that; None where the model could not know it.
        origin: of the probabilities, if somebody can show how they were made.
    """
    labels, probabilities = zip(*top, strict=True)
    title, ending = {
        True: ("✓ right", ", which is right."),
        False: ("✗ wrong", ", which is wrong."),
        None: ("Prediction", "."),
    }[is_right]
    caption = "" if true is None else f"It shows: {true}."
    picture = Picture(title=name, quantity="image", pixels=_small(pixels), caption=caption)
    colour = "mlp" if is_right is False else "y"
    bars = share_bars(title, labels, float_values(probabilities), colour, selected=0, origin=origin)
    is_what = "" if true is None else f", which shows {true}"
    return view(
        f"{name}{is_what}: the model predicts {labels[0]} with {percent(probabilities[0])}{ending}", (picture,), (bars,)
    )


def confusion(counts: Mapping[str, Counter[str]], labels: Sequence[str]) -> View:
    """For each true class a bar of what its pictures are taken for.

    Args:
        counts: true class -> predicted class -> pictures.
        labels: the names of the model's classes.
    """
    together = sum(counts.values(), Counter())
    ranked = [*counts, *(name for name, _ in together.most_common() if name not in counts)]
    shown = sorted(ranked, key=lambda name: -together[name])[:MOST_CONFUSED] if len(ranked) > 8 else ranked
    shown = [name for name in ranked if name in shown and together[name]]
    others = {true: row.total() - sum(row[name] for name in shown) for true, row in counts.items()}
    taken = {f"as {name}": [row[name] for row in counts.values()] for name in shown}
    colours = PART_COLOURS[: len(shown)]
    if any(others.values()):
        taken["as others"] = list(others.values())
        colours = (*colours, "image")
    right = sum(row[true] for true, row in counts.items())
    bars = stacked(
        "What the images of each class are taken for",
        counts,
        taken,
        colours,
        totals=tuple(
            f"{row[true]} of {row.total()} right" if true in labels else f"{row.total()}, not among its classes"
            for true, row in counts.items()
        ),
    )
    summary = "; ".join(
        f"of {row.total()} {true}, " + ", ".join(f"{count} as {name}" for name, count in row.most_common(3))
        for true, row in list(counts.items())[:10]
    )
    return view(f"{right} of {together.total()} images are right: {summary}.", (bars,))


def preprocessing(
    seen: Mapping[str, Pixels],
    probabilities: Mapping[str, Float[Tensor, " classes"]],
    labels: Sequence[str],
    count: int = 5,
    side: str = "",
) -> View:
    """The same picture read in several ways: as the model then sees it, its prediction, and by how much that differs.

    Args:
        seen: way -> the picture, turned back with the checkpoint's own mean and deviation; the first way is its own.
        probabilities: way -> the prediction.
        labels: the names of the classes.
        count: how many classes are shown, at least: the answer of each way, then the most probable ones of any.
        side: which forward pass of the page read the picture in the first way; the other ways' passes are not kept.
    """
    own, *others = seen
    answers = [int(p.argmax()) for p in probabilities.values()]
    largest_of_any = torch.stack(list(probabilities.values())).amax(0)
    ranked = dict.fromkeys([*answers, *largest_of_any.argsort(descending=True)[:count].tolist()])
    order = sorted(list(ranked)[: max(count, len(answers))], key=lambda c: -float(probabilities[own][c]))
    names = tuple(labels[c] for c in order)
    pictures = tuple(
        Picture(title=sentence(way), quantity="image", pixels=_small(pixels)) for way, pixels in seen.items()
    )
    bars = tuple(
        share_bars(
            "Says" if way == own else f"Says ({way})",
            names,
            as_values(p[order]),
            selected=order.index(int(p.argmax())),
            origin=probabilities_of(order, side) if side and way == own else None,
        )
        for way, p in probabilities.items()
    )
    largest = max(float((probabilities[way] - probabilities[own]).abs().max()) for way in others)
    differences = tuple(
        Bars(
            title=f"Difference: {way}",
            quantity="mlp",
            labels=names,
            format=".1%",
            values=as_values((probabilities[way] - probabilities[own])[order]),
            low=-(largest or 1.0),
            high=largest or 1.0,
            caption=_differs(seen[own], seen[way], probabilities[own], probabilities[way], labels),
        )
        for way in others
    )
    summary = "; ".join(f"{way}: {labels[int(p.argmax())]} {percent(p.max())}" for way, p in probabilities.items())
    return view(f"One image read in {len(seen)} ways, and the predictions: {summary}.", pictures, bars, differences)


def probabilities_of(classes: Sequence[int], side: str) -> Origin:
    """Where the probabilities of these classes come from: the pass of a picture, as number_words.PICTURE has it."""
    return Origin("trace.probabilities", ("listed",), listed=tuple(classes), side=side)


def preprocessing_words(preprocess: Preprocess) -> str:
    """The preprocessing as a sentence."""
    size, to = preprocess.image_size, preprocess.resize_size
    if not preprocess.keep_aspect:
        fitted = f"both sides to {to} pixels, whatever the shape ({preprocess.interpolation})"
    else:
        fitted = f"the shorter side to {to} pixels ({preprocess.interpolation})"
    cut = f", the middle {size} × {size} of it" if preprocess.keep_aspect or to != size else ""
    if set(preprocess.mean) == {0.0} and set(preprocess.std) == {1.0}:
        return f"{fitted}{cut}, scaled to 0…1 and not normalised"
    mean, std = (", ".join(number(value) for value in values) for values in (preprocess.mean, preprocess.std))
    return f"{fitted}{cut}, scaled to 0…1, minus ({mean}), divided by ({std})"


def _differs(
    own: Pixels,
    other: Pixels,
    p_own: Float[Tensor, " classes"],
    p_other: Float[Tensor, " classes"],
    labels: Sequence[str],
) -> str:
    """What another way changes, in a sentence."""
    if np.array_equal(own, other):
        return "Nothing changes: this image is as large as the model reads it, or square, so nothing is cut off."
    first, then = int(p_own.argmax()), int(p_other.argmax())
    moved = percent((p_own - p_other).abs().sum() / 2)
    if first != then:
        return f"Another answer: {labels[then]} instead of {labels[first]}; {moved} of the probability has moved."
    return f"The same answer; {moved} of the probability has moved between the classes."


def _small(pixels: Pixels) -> Pixels:
    """At most ``CARD_SIZE`` pixels a side."""
    return shrunk(Image.fromarray(pixels), CARD_SIZE)
