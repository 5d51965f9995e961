"""Training: what a run has measured so far, as curves, and what its model answered after each epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.notation.wording import number, percent, sentence
from explainer.panels import Frames, Matrix, Panel, Plot, Series, View
from explainer.views.arrays import float_values
from explainer.views.compose import view
from explainer.views.course.charts import LINE_COLOURS, count_bars, curve, over_epochs, trailing_mean
from explainer.views.scales import from_zero
from vit_core.training.runs.metrics import Metrics

MOST_DOTS, MOST_POINTS = 400, 250  # of a cloud and of a line: more cannot be told apart, and all readers fetch them
MOST_FRAMES, MOST_CLASSES = 60, 12
MEASURES = {
    "top-1 accuracy": ("top1", True),
    "mean over batches": ("batch_mean_top1", True),
    "test loss": ("loss", False),
    "training loss": ("train_loss", False),
}

Epochs = Sequence[Mapping[str, Any]]  # the lines of a run's epochs, as the trainer wrote them


def loss(metrics: Metrics) -> View:
    """The loss of the steps, as it is and smoothed, and on the test pictures after each epoch.

    Raises:
        ValueError: if no step has been measured.
    """
    steps, losses = _known(metrics, "loss")
    window = max(1, min(50, len(losses) // 12))
    smooth = trailing_mean(losses, window)
    dots, points = _thinned(len(steps), MOST_DOTS), _thinned(len(steps), MOST_POINTS)
    test = curve(
        "test", [epoch["step"] for epoch in metrics.epochs], [measured(epoch, "loss") for epoch in metrics.epochs], "q"
    )
    plot = Plot(
        title="Loss",
        quantity="z",
        x_label="step",
        y_label="cross-entropy",
        height=300,
        series=(
            Series("training, one batch", float_values(steps[dots]), float_values(losses[dots]), "image", "points"),
            Series("training", float_values(steps[points]), float_values(smooth[points]), "z"),
            *([test] if len(test.y) else []),
        ),
        caption=f"The line is the mean of the last {window} measured steps."
        + (f" Of {len(steps):,} measured steps {len(dots):,} are drawn." if len(dots) < len(steps) else ""),
    )
    return view(
        f"Training loss over {int(steps[-1]):,} steps: {number(smooth[0])} at first, {number(smooth[-1])} now."
        + (f" On the test images {number(test.y[-1])} after epoch {len(test.y)}." if len(test.y) else ""),
        (plot,),
    )


def accuracy(epochs: Epochs, **options: Any) -> View:
    """The share of right answers after each epoch, on test and training pictures, and the course's mean over batches.

    Args:
        epochs: what was measured.
        options: fields of ``Plot``, for a chosen epoch.

    Raises:
        ValueError: if no epoch has been measured.
    """
    if not epochs:
        raise ValueError("no epoch has been measured yet")
    numbers = [epoch["epoch"] for epoch in epochs]
    lines = [
        curve(label, numbers, [measured(epoch, field) for epoch in epochs], colour)
        for label, field, colour in (
            ("test, share of images", "top1", "z"),
            ("test, mean over batches", "batch_mean_top1", "A"),
            ("training, share of images", "train_top1", "z"),
            ("training, mean over batches", "train_batch_mean_top1", "A"),
        )
    ]
    test, means, training, _ = lines
    best, pictures = int(test.y.argmax()), epochs[-1]["validation"]["pictures"]
    plot = over_epochs(
        "Accuracy",
        "share of right answers",
        (line for line in lines if len(line.y)),
        height=300,
        low=0.0,
        high=1.0,
        caption=f"{pictures:,} test images. Best so far {percent(test.y[best])} after epoch {numbers[best]}.",
        **options,
    )
    while_learning = ""
    if len(training.y) and training.x[-1] == numbers[-1]:
        while_learning = f"; {percent(training.y[-1])} of the training images, measured while it learned"
    return view(
        f"Accuracy after epoch {numbers[-1]}: {percent(test.y[-1])} of {pictures:,} test images, "
        f"{percent(means.y[-1])} as the mean over batches{while_learning}. "
        f"Best on the test images: {percent(test.y[best])} after epoch {numbers[best]}.",
        (plot,),
    )


def rate_and_gradient(metrics: Metrics, clip_norm: float | None) -> View:
    """The learning rate, and the norm of all gradients together before clipping, step by step.

    Raises:
        ValueError: if no step has been measured.
    """
    steps, rates = _known(metrics, "learning_rate")
    norm_steps, norms = _known(metrics, "gradient_norm")
    caption = "Not clipped."
    if clip_norm is not None:
        clipped = percent((norms > clip_norm).mean())
        caption = f"Scaled down to {number(clip_norm)} where it is larger: in {clipped} of the measured steps."
    plots = tuple(
        Plot(
            title=title,
            quantity=colour,
            x_label="step",
            y_label=label,
            height=200,
            low=0.0,
            series=(Series("", float_values(x[points]), float_values(y[points]), colour),),
            caption=below,
        )
        for title, label, x, y, colour, below in (
            ("Learning rate", "learning rate", steps, rates, "k", ""),
            ("Norm of the gradients", "norm before clipping", norm_steps, norms, "mlp", caption),
        )
        for points in [_thinned(len(x), MOST_POINTS)]
    )
    return view(
        f"The learning rate is {number(rates[-1])} at step {int(steps[-1]):,}, at most {number(rates.max())} so far; "
        f"the norm of the gradients {number(norms[-1])}, between {number(norms.min())} and {number(norms.max())}.",
        plots,
    )


def answers(epochs: Epochs, labels: Sequence[str]) -> Frames:
    """How often each class was answered, and what for, after each epoch; one moves through them in the browser.

    Raises:
        ValueError: if no epoch has been measured.
    """
    if not epochs:
        raise ValueError("no epoch has been measured yet")
    shown = [epochs[at] for at in _thinned(len(epochs), MOST_FRAMES)]
    return Frames(
        name="epoch",
        places=tuple(epoch["epoch"] for epoch in shown),
        labels=tuple(f"After epoch {epoch['epoch']}" for epoch in shown),
        views=tuple(answers_after(epoch, labels) for epoch in shown),
        has_bar=True,
    )


def answers_after(epoch: Mapping[str, Any], labels: Sequence[str]) -> View:
    """How often each class was answered after one epoch, and what for where there are few classes."""
    found = epoch["validation"]
    predicted, table, pictures = found["predicted"], found["confusion"], found["pictures"]
    order = sorted(range(len(predicted)), key=lambda c: -predicted[c])[:MOST_CLASSES]
    shown, most = sorted(order), order[0]
    never = _never(sum(count == 0 for count in predicted), len(predicted))
    cut = (
        f"{len(shown)} of {len(predicted)} classes, those answered most often. " if len(shown) < len(predicted) else ""
    )
    row: list[Panel] = [
        count_bars(
            "Answered",
            (labels[c] for c in shown),
            (predicted[c] for c in shown),
            high=float(max(predicted)) or 1.0,
            caption=cut + never,
        )
    ]
    summary = (
        f"After epoch {epoch['epoch']} {percent(found['top1'])} of {pictures:,} test images are right. Answered "
        f"most often: {labels[most]}, for {predicted[most]:,}. {never}"
    )
    if table is not None:
        values = np.asarray(table, dtype=np.float32)
        row.append(
            Matrix(
                title="What each class was taken for",
                quantity="z",
                values=values,
                row_axis="true class",
                max_height=300,
                column_axis="predicted class",
                scale=from_zero(values),
                row_names=tuple(labels),
                column_names=tuple(labels),
                caption="The diagonal holds the right answers.",
            )
        )
        of_each = (f"{label} {table[c][c]:,} of {sum(table[c]):,}" for c, label in enumerate(labels))
        summary += f" Right of each class: {', '.join(of_each)}."
    return view(summary, tuple(row))


def compared(runs: Mapping[str, Epochs], measure: str) -> View:
    """One measure of several runs over their epochs.

    Args:
        runs: the epochs of each run, by its name.
        measure: a key of MEASURES.

    Raises:
        ValueError: if no run has measured an epoch.
    """
    plot = measure_of_runs(runs, measure)
    if not plot.series:
        raise ValueError("none of these runs has measured an epoch yet")
    write = percent if MEASURES[measure][1] else number
    ends = (f"{line.label}: {write(line.y[-1])} after epoch {int(line.x[-1])}." for line in plot.series)
    return view(f"{plot.title} of {len(plot.series)} runs. {' '.join(ends)}", (plot,))


def measure_of_runs(runs: Mapping[str, Epochs], measure: str) -> Plot:
    """One measure of several runs over their epochs, without those that have not measured any."""
    field, is_share = MEASURES[measure]
    lines = (
        curve(
            name,
            [epoch["epoch"] for epoch in epochs],
            [measured(epoch, field) for epoch in epochs],
            LINE_COLOURS[index % len(LINE_COLOURS)],
        )
        for index, (name, epochs) in enumerate(runs.items())
    )
    return over_epochs(
        sentence(measure),
        measure,
        (line for line in lines if len(line.y)),
        quantity="y",
        height=320,
        low=0.0 if is_share else None,
        high=1.0 if is_share else None,
    )


def measured(epoch: Mapping[str, Any], field: str) -> float:
    """A number of an epoch, of the training or of the test pictures; "not a number" where it is not known."""
    value = epoch.get(field) if field.startswith("train_") else epoch["validation"][field]
    return float("nan") if value is None else float(value)


def _never(never: int, classes: int) -> str:
    if never == 0:
        return "Every class is answered at least once."
    if never == classes - 1:
        return "All images get the same answer."
    return f"{never} of {classes} classes {'is' if never == 1 else 'are'} never answered."


def _known(metrics: Metrics, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The steps at which a number is known, and it.

    Raises:
        ValueError: if there are none.
    """
    known = np.isfinite(metrics.steps[name])
    if not known.any():
        raise ValueError(f"no step has measured {name} yet")
    return metrics.steps["step"][known], metrics.steps[name][known]


def _thinned(count: int, most: int) -> NDArray[np.int64]:
    """Places of at most ``most`` of ``count``, spread evenly, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))
