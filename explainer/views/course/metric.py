"""Metric: a mean over batches beside the share of pictures, and what was predicted."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from explainer.course.metric_detective import Verdict, batch_sizes, composition, mean_over_sizes, picture_weights
from explainer.course.metric_tables import what_it_says
from explainer.course.results import CourseRun
from explainer.notation.wording import percent
from explainer.panels import Bars, Plot, Series, View
from explainer.views.arrays import float_values
from explainer.views.compose import view
from explainer.views.course.charts import PART_COLOURS, count_bars, curve, over_epochs, share_bars, stacked

MEAN, SHARE = "A", "z"  # the colours of the two averages, on every picture of the page


def batches(sizes: Mapping[str, int], batch_size: int) -> View:
    """Which classes are in each batch of a loader that does not shuffle, and what one picture counts there.

    Args:
        sizes: pictures per class, in the loader's order.
        batch_size: pictures per batch.
    """
    table, pictures = composition(sizes, batch_size), sum(sizes.values())
    totals = [sum(batch.values()) for batch in table]
    labels = tuple(f"batch {number}" for number in range(1, len(table) + 1))
    weights = picture_weights(pictures, batch_size)
    images = stacked(
        "Images in each batch",
        labels,
        {name: [batch[name] for batch in table] for name in sizes},
        totals=tuple(f"{total} images" for total in totals),
        weight=1.3,
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
        f"{pictures} images in {len(table)} batches of {', '.join(map(str, totals))}. One image of the last batch "
        f"counts {last} in the mean over batches, one of the first {first}; in the share of images each counts "
        f"{percent(1 / pictures)}.",
        (images, bars),
    )


def replay(run: CourseRun, verdicts: Sequence[Verdict], epoch: int) -> View:
    """The test accuracy of a published run over its epochs: as printed, and as a share of pictures.

    Args:
        run: what was printed.
        verdicts: what each epoch's number means, in the same order.
        epoch: the chosen one, from 1; a click on the plot chooses another.
    """
    numbers, pictures = [line.epoch for line in run.epochs], verdicts[0].pictures
    means = curve("printed: mean over batches", numbers, [float(line.test_accuracy) for line in run.epochs], MEAN)
    shares = curve("share of images", numbers, [(verdict.total or 0) / pictures for verdict in verdicts], SHARE)
    plot = over_epochs(
        f"{run.title}: test accuracy after each epoch",
        "accuracy",
        (means, shares),
        quantity="y",
        selected_x=float(epoch),
        pick="metric_epoch",
        height=270,
        weight=1.4,
    )
    predicted = [verdict.predicted for verdict in verdicts if verdict.predicted]
    if len(predicted) == len(verdicts):  # one class explains each of the numbers
        title, colours = "Predicted", [*PART_COLOURS]
        counts = {name: [of_class[name] for of_class in predicted] for name in verdicts[0].sizes}
    else:
        title, colours = "Right and wrong", [SHARE, "mlp"]
        right = [verdict.total or 0 for verdict in verdicts]
        counts = {"right": right, "wrong": [pictures - total for total in right]}
    labels = [f"epoch {number}" for number in numbers]
    epochs = stacked(title, labels, counts, colours, weight=0.8, caption=f"{pictures} images after every epoch.")
    printed, found = means.y, shares.y
    apart = int(abs(printed - found).argmax())
    return view(
        f"{run.title}, section {run.section}: the printed accuracy runs from {printed.min():.4f} to "
        f"{printed.max():.4f}, the share of images from {percent(found.min())} to {percent(found.max())}. They are "
        f"furthest apart in epoch {apart + 1}: {printed[apart]:.4f} printed, {percent(found[apart])} of the images.",
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
    last = batch_sizes(pictures, batch_size)[-1]
    full = pictures - last
    averages = share_bars(
        "Two averages of the same predictions",
        ("mean over batches", "share of images"),
        float_values([float(verdict.printed), reading.total / pictures]),
        MEAN,
        format=".2%",
        caption=f"{reading.total} of {pictures} images are right.",
    )
    parts = share_bars(
        "Right images",
        (f"the first {full}", f"the last {last}"),
        float_values([reading.full / full, reading.last / last]),
        SHARE,
        caption=f"{reading.full} of {full} in the full batches, {reading.last} of {last} in the last one.",
    )
    panels = [averages, parts]
    if verdict.predicted is not None:
        caption = f"The model calls all {pictures} {verdict.one_class}: right for {verdict.total} of them."
        counts = verdict.predicted
        panels.append(count_bars("Predicted", counts, counts.values(), high=float(pictures), caption=caption))
    return view(f"{what_it_says(verdict).replace('**', '')} {parts.caption}", tuple(panels))


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
