"""Metric: a mean over batches beside the share of pictures, and what was predicted."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from explainer.course.metric_detective import (
    OwnEpoch,
    Verdict,
    batch_sizes,
    composition,
    mean_over_sizes,
    picture_weights,
)
from explainer.course.results import CourseRun
from explainer.notation.wording import percent
from explainer.panels import Bars, Matrix, Part, Plot, Scale, Series, StackedBars, View
from explainer.views.arrays import float_values
from explainer.views.compose import view

CLASS_COLOURS = ("mlp", "k", "E", "A", "v", "class_token", "q", "E_pos")  # in the order of the classes, told apart best
MEAN, SHARE = "A", "z"  # the colours of the two averages, on every picture of the page
MOST_STACKED = len(CLASS_COLOURS)  # classes: a table of more is drawn as a matrix


def batches(sizes: Mapping[str, int], batch_size: int) -> View:
    """Which classes are in each batch of a loader that does not shuffle, and what one picture counts there.

    Args:
        sizes: pictures per class, in the loader's order.
        batch_size: pictures per batch.
    """
    table, pictures = composition(sizes, batch_size), sum(sizes.values())
    labels = tuple(f"batch {number}" for number in range(1, len(table) + 1))
    weights = picture_weights(pictures, batch_size)
    stacked = StackedBars(
        title="Images in each batch",
        labels=labels,
        format=".0f",
        quantity="y",
        totals=tuple(f"{sum(batch.values())} images" for batch in table),
        weight=1.3,
        parts=tuple(
            Part(name, float_values([batch[name] for batch in table]), CLASS_COLOURS[i % len(CLASS_COLOURS)])
            for i, name in enumerate(sizes)
        ),
        caption="The test loader hands out class after class.",
    )
    bars = Bars(
        title="The weight of one image",
        quantity=MEAN,
        labels=(*labels, "share of images"),
        values=float_values([*weights, Fraction(1, pictures)]),
        format=".2%",
        low=0.0,
        caption="In the mean over batches it depends on the batch; in the share of images it is the same everywhere.",
    )
    first, last = percent(float(weights[0])), percent(float(weights[-1]))
    return view(
        f"{pictures} images in {len(table)} batches of "
        f"{', '.join(str(sum(batch.values())) for batch in table)}. One image of the last batch counts {last} in the "
        f"mean over batches, one of the first {first}; in the share of images each counts {percent(1 / pictures)}.",
        (stacked, bars),
    )


def replay(run: CourseRun, verdicts: Sequence[Verdict], epoch: int) -> View:
    """The test accuracy of a published run over its epochs: as printed, and as a share of pictures.

    Args:
        run: what was printed.
        verdicts: what each epoch's number means, in the same order.
        epoch: the chosen one, from 1; a click on the plot chooses another.
    """
    x = float_values([line.epoch for line in run.epochs])
    printed = float_values([float(line.test_accuracy) for line in run.epochs])
    shares = float_values([_share(verdict) for verdict in verdicts])
    plot = Plot(
        title=f"{run.title}: test accuracy after each epoch",
        quantity="y",
        x_label="epoch",
        y_label="accuracy",
        selected_x=float(epoch),
        pick="metric_epoch",
        height=270,
        weight=1.4,
        series=(
            Series("printed: mean over batches", x, printed, MEAN),
            Series("share of images", x, shares, SHARE),
        ),
    )
    epochs = StackedBars(
        title="Predicted" if all(verdict.predicted for verdict in verdicts) else "Right and wrong",
        quantity="y",
        labels=tuple(f"epoch {line.epoch}" for line in run.epochs),
        format=".0f",
        weight=0.8,
        parts=_parts(verdicts),
        caption=f"{verdicts[0].pictures} images after every epoch.",
    )
    apart = max(range(len(run.epochs)), key=lambda i: abs(printed[i] - shares[i]))
    return view(
        f"{run.title}, section {run.section}: the printed accuracy runs from {printed.min():.4f} to "
        f"{printed.max():.4f}, the share of images from {percent(shares.min())} to {percent(shares.max())}. They are "
        f"furthest apart in epoch {apart + 1}: {printed[apart]:.4f} printed, {percent(shares[apart])} of the images.",
        (plot, epochs),
    )


def epoch_bars(verdict: Verdict, batch_size: int) -> View:
    """One epoch: both averages; the share of right pictures in the full batches and in the last; the predictions.

    Args:
        verdict: what its printed number means.
        batch_size: pictures per batch.

    Raises:
        ValueError: if no number of right pictures prints it.
    """
    reading, pictures = verdict.reading, verdict.pictures
    if reading is None:
        raise ValueError(f"no number of right images prints {verdict.printed}")
    *full, last = batch_sizes(pictures, batch_size)
    averages = Bars(
        title="Two averages of the same predictions",
        quantity=MEAN,
        labels=("mean over batches", "share of images"),
        values=float_values([float(verdict.printed), reading.total / pictures]),
        format=".2%",
        low=0.0,
        high=1.0,
        caption=f"{reading.total} of {pictures} images are right.",
    )
    parts = Bars(
        title="Right images",
        quantity=SHARE,
        labels=(f"the first {sum(full)}", f"the last {last}"),
        values=float_values([reading.full / sum(full), reading.last / last]),
        format=".1%",
        low=0.0,
        high=1.0,
        caption=f"{reading.full} of {sum(full)} in the full batches, {reading.last} of {last} in the last one.",
    )
    summary = (
        f"The printed number is {verdict.printed}: {reading.full} of {sum(full)} images right in the full batches "
        f"and {reading.last} of {last} in the last: {reading.total} of {pictures}, "
        f"{percent(reading.total / pictures)}."
    )
    if verdict.predicted is None:
        return view(f"{summary} The number does not show which classes were predicted.", (averages, parts))
    histogram = Bars(
        title="Predicted",
        quantity="y",
        labels=tuple(verdict.predicted),
        values=float_values(verdict.predicted.values()),
        format=".0f",
        low=0.0,
        high=float(pictures),
        caption=f"The model calls all {pictures} {verdict.one_class}: right for {verdict.total} of them.",
    )
    return view(
        f"{summary} A model that calls all images {verdict.one_class} gives the same number.",
        (averages, parts, histogram),
    )


def what_if(sizes: Mapping[str, int], predicted: str, batch_size: int, shuffled: int | None) -> View:
    """The mean over batches of predictions that do not change, over the size of the batches.

    Args:
        sizes: pictures per class.
        predicted: the class that every picture is given.
        batch_size: the chosen size, marked; a click chooses another.
        shuffled: None for the loader's order, class after class, else the seed of a random one.
    """
    pictures = sum(sizes.values())
    tried = range(1, pictures + 1)
    means = float_values(mean_over_sizes(sizes, predicted, tried, shuffled))
    share, here = sizes[predicted] / pictures, float(means[batch_size - 1])
    plot = Plot(
        title=f"Every image called {predicted}",
        quantity="y",
        x_label="batch size",
        y_label="accuracy",
        selected_x=float(batch_size),
        pick="metric_batch",
        height=250,
        series=(
            Series("mean over batches", float_values(tried), means, MEAN),
            Series("share of images", float_values(tried), float_values([share] * pictures), SHARE),
        ),
        caption=f"At {batch_size} per batch the mean is {here:.4f}, and the share {share:.4f}, as always.",
    )
    return view(
        f"The same {pictures} predictions, all {predicted}: {percent(share)} are right. The mean over batches lies "
        f"between {means.min():.4f} and {means.max():.4f}, depending on the batch size alone; at {batch_size} it is "
        f"{here:.4f}.",
        (plot,),
    )


def own_curves(epochs: Sequence[OwnEpoch], epoch: int) -> View:
    """Both averages of a run on this machine, over its epochs.

    Args:
        epochs: what was measured.
        epoch: the chosen one; a click chooses another.
    """
    x = float_values([each.epoch for each in epochs])
    shares, means = (float_values([getattr(each, name) for each in epochs]) for name in ("share", "mean"))
    plot = Plot(
        title="Test accuracy after each epoch",
        quantity="y",
        x_label="epoch",
        y_label="accuracy",
        selected_x=float(epoch),
        pick="metric_own_epoch",
        height=230,
        series=(Series("mean over batches", x, means, MEAN), Series("share of images", x, shares, SHARE)),
    )
    apart = float(np.abs(shares - means).max())
    return view(
        f"After {len(epochs)} epochs {percent(shares[-1])} of the images are right and the mean over batches is "
        f"{percent(means[-1])}. The two are at most {percent(apart)} apart.",
        (plot,),
    )


def own_predictions(epoch: OwnEpoch, labels: Sequence[str], count: int = 12) -> View:
    """What a run on this machine predicted in one epoch, by class, and what it took for what.

    Args:
        epoch: what was measured.
        labels: the names of the classes.
        count: how many classes are shown, those that were predicted most often.
    """
    order = sorted(range(len(labels)), key=lambda c: -epoch.predicted[c])[:count]
    shown = sorted(order)
    histogram = Bars(
        title=f"Predicted in epoch {epoch.epoch}",
        quantity="y",
        labels=tuple(labels[c] for c in shown),
        values=float_values([epoch.predicted[c] for c in shown]),
        format=".0f",
        low=0.0,
        high=float(epoch.pictures),
        caption=f"{epoch.pictures} images"
        + (f"; the {count} of {len(labels)} classes that were predicted most often." if count < len(labels) else "."),
    )
    most, times = epoch.largest
    summary = (
        f"In epoch {epoch.epoch} the class predicted most often is {labels[most]}, for {times} of {epoch.pictures} "
        "images."
    )
    if epoch.confusion is None:
        return view(summary, (histogram,))
    return view(f"{summary} {percent(epoch.share)} are right.", (histogram, _confusion(epoch.confusion, labels)))


def _confusion(table: Sequence[Sequence[int]], labels: Sequence[str]) -> StackedBars | Matrix:
    """What each class was taken for: by colours for a few classes, as a matrix for more."""
    title, values = "What each class was taken for", np.asarray(table, dtype=np.float32)
    if len(labels) > MOST_STACKED:
        return Matrix(
            title=title,
            quantity="y",
            values=values,
            scale=Scale(0.0, float(values.max()) or 1.0),
            row_axis="class",
            column_axis="predicted class",
            caption="Classes in alphabetical order, from 0.",
        )
    right = [int(values[c, c]) for c in range(len(labels))]
    return StackedBars(
        title=title,
        quantity="y",
        labels=tuple(labels),
        format=".0f",
        totals=tuple(f"{right[c]} of {int(values[c].sum())} right" for c in range(len(labels))),
        parts=tuple(
            Part(f"taken for {name}", np.ascontiguousarray(values[:, c]), CLASS_COLOURS[c])
            for c, name in enumerate(labels)
        ),
    )


def _parts(verdicts: Sequence[Verdict]) -> tuple[Part, ...]:
    """What was predicted in each epoch, where one class explains all; else how many pictures were right."""
    predicted = [verdict.predicted for verdict in verdicts]
    if all(predicted):
        return tuple(
            Part(
                name,
                float_values([each[name] for each in predicted if each]),
                CLASS_COLOURS[i % len(CLASS_COLOURS)],
            )
            for i, name in enumerate(verdicts[0].sizes)
        )
    right = [verdict.total or 0 for verdict in verdicts]
    wrong = [verdict.pictures - total for verdict, total in zip(verdicts, right, strict=True)]
    return Part("right", float_values(right), SHARE), Part("wrong", float_values(wrong), "mlp")


def _share(verdict: Verdict) -> float:
    return float("nan") if verdict.total is None else verdict.total / verdict.pictures
