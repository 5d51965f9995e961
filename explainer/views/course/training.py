"""Training: what a run has measured so far, as curves, and what its model answered after each epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.notation.wording import number, percent
from explainer.panels import Bars, Frames, Matrix, Panel, Plot, Scale, Series, Values, View
from explainer.views.arrays import float_values
from explainer.views.compose import view
from vit_core.training.runs.metrics import Metrics

MOST_DOTS, MOST_POINTS = 400, 250  # of a cloud and of a line: more cannot be told apart, and all readers fetch them
MOST_FRAMES, MOST_CLASSES = 60, 12
RUN_COLOURS = ("z", "q", "k", "v", "A", "E_pos", "class_token", "mlp", "E")  # of runs beside each other
MEASURES = {
    "top-1 accuracy": ("top1", True),
    "mean over batches": ("batch_mean_top1", True),
    "test loss": ("loss", False),
    "training loss": ("train_loss", False),
}


def loss(metrics: Metrics) -> View:
    """The loss of the steps, as it is and smoothed, and on the test pictures after each epoch.

    Raises:
        ValueError: if no step has been measured.
    """
    steps, losses = _known(metrics, "loss")
    window = max(1, min(50, len(losses) // 12))
    smooth = _trailing_mean(losses, window)
    dots, points = _thinned(len(steps), MOST_DOTS), _thinned(len(steps), MOST_POINTS)
    held_out = [(epoch["step"], epoch["validation"]["loss"]) for epoch in metrics.epochs]
    measured = [pair for pair in held_out if np.isfinite(pair[1])]  # of a run that diverged some are no number
    series = [
        Series("training, one batch", float_values(steps[dots]), float_values(losses[dots]), "image", "points"),
        Series("training", float_values(steps[points]), float_values(smooth[points]), "z"),
    ]
    if measured:
        series.append(_line("test", measured, "q"))
    plot = Plot(
        title="Loss",
        quantity="z",
        x_label="step",
        y_label="cross-entropy",
        height=300,
        series=tuple(series),
        caption=f"The line is the mean of the last {window} measured steps."
        + (f" Of {len(steps):,} measured steps {len(dots):,} are drawn." if len(dots) < len(steps) else ""),
    )
    return view(
        f"Training loss over {int(steps[-1]):,} steps: {number(smooth[0])} at first, {number(smooth[-1])} now."
        + (f" On the test images {number(measured[-1][1])} after epoch {len(measured)}." if measured else ""),
        (plot,),
    )


def accuracy(epochs: Sequence[Mapping[str, Any]]) -> View:
    """The share of right answers after each epoch, on test and training pictures, and the course's mean over batches.

    Raises:
        ValueError: if no epoch has been measured.
    """
    if not epochs:
        raise ValueError("no epoch has been measured yet")
    x = float_values(epoch["epoch"] for epoch in epochs)
    top1, means = (float_values(epoch["validation"][name] for epoch in epochs) for name in ("top1", "batch_mean_top1"))
    training, training_means = (
        float_values(epoch[name] for epoch in epochs) for name in ("train_top1", "train_batch_mean_top1")
    )
    last, best = epochs[-1], int(top1.argmax())
    pictures = last["validation"]["pictures"]
    plot = Plot(
        title="Accuracy",
        quantity="z",
        x_label="epoch",
        y_label="share of right answers",
        height=300,
        low=0.0,
        high=1.0,
        series=(
            Series("test, share of images", x, top1, "z"),
            Series("test, mean over batches", x, means, "A"),
            *_where_known("training, share of images", x, training, "z"),
            *_where_known("training, mean over batches", x, training_means, "A"),
        ),
        caption=f"{pictures:,} test images. Best so far {percent(top1[best])} after epoch {epochs[best]['epoch']}.",
    )
    return view(
        f"Accuracy after epoch {last['epoch']}: {percent(top1[-1])} of {pictures:,} test images, "
        f"{percent(means[-1])} as the mean over batches"
        + (
            f"; {percent(training[-1])} of the training images, measured while it learned"
            if np.isfinite(training[-1])
            else ""
        )
        + f". Best on the test images: {percent(top1[best])} after epoch {epochs[best]['epoch']}.",
        (plot,),
    )


def rate_and_gradient(metrics: Metrics, clip_norm: float | None) -> View:
    """The learning rate, and the norm of all gradients together before clipping, step by step.

    Raises:
        ValueError: if no step has been measured.
    """
    steps, rates = _known(metrics, "learning_rate")
    norm_steps, norms = _known(metrics, "gradient_norm")
    points, dots = _thinned(len(steps), MOST_POINTS), _thinned(len(norm_steps), MOST_POINTS)
    rate = Plot(
        title="Learning rate",
        quantity="k",
        x_label="step",
        y_label="learning rate",
        height=200,
        low=0.0,
        series=(Series("", float_values(steps[points]), float_values(rates[points]), "k"),),
    )
    clipped = float((norms > clip_norm).mean()) if clip_norm is not None else 0.0
    gradient = Plot(
        title="Norm of the gradients",
        quantity="mlp",
        x_label="step",
        y_label="norm before clipping",
        height=200,
        low=0.0,
        series=(Series("", float_values(norm_steps[dots]), float_values(norms[dots]), "mlp"),),
        caption="Not clipped."
        if clip_norm is None
        else f"Scaled down to {number(clip_norm)} where it is larger: in {percent(clipped)} of the measured steps.",
    )
    return view(
        f"The learning rate is {number(rates[-1])} at step {int(steps[-1]):,}, at most {number(rates.max())} so far; "
        f"the norm of the gradients {number(norms[-1])}, between {number(norms.min())} and {number(norms.max())}.",
        (rate, gradient),
    )


def answers(epochs: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> Frames:
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
        views=tuple(_answers_after(epoch, labels) for epoch in shown),
        has_bar=True,
    )


def compared(runs: Mapping[str, Sequence[Mapping[str, Any]]], measure: str) -> View:
    """One measure of several runs over their epochs.

    Args:
        runs: the epochs of each run, by its name.
        measure: a key of MEASURES.

    Raises:
        ValueError: if no run has measured an epoch.
    """
    field, is_share = MEASURES[measure]
    measured = {name: [(epoch["epoch"], _measured(epoch, field)) for epoch in epochs] for name, epochs in runs.items()}
    curves = {name: [pair for pair in pairs if np.isfinite(pair[1])] for name, pairs in measured.items()}
    curves = {name: pairs for name, pairs in curves.items() if pairs}
    if not curves:
        raise ValueError("none of these runs has measured an epoch yet")
    plot = Plot(
        title=measure[0].upper() + measure[1:],
        quantity="y",
        x_label="epoch",
        y_label=measure,
        height=320,
        low=0.0 if is_share else None,
        high=1.0 if is_share else None,
        series=tuple(
            _line(name, pairs, RUN_COLOURS[list(runs).index(name) % len(RUN_COLOURS)]) for name, pairs in curves.items()
        ),
    )
    write = percent if is_share else number
    return view(
        f"{plot.title} of {len(curves)} runs. "
        + " ".join(f"{name}: {write(pairs[-1][1])} after epoch {pairs[-1][0]}." for name, pairs in curves.items()),
        (plot,),
    )


def _answers_after(epoch: Mapping[str, Any], labels: Sequence[str]) -> View:
    measured = epoch["validation"]
    predicted, table, pictures = measured["predicted"], measured["confusion"], measured["pictures"]
    order = sorted(range(len(predicted)), key=lambda c: -predicted[c])[:MOST_CLASSES]
    shown = sorted(order)
    never = sum(count == 0 for count in predicted)
    bars = Bars(
        title="Answered",
        quantity="y",
        labels=tuple(labels[c] for c in shown),
        format=",.0f",
        low=0.0,
        values=float_values(predicted[c] for c in shown),
        high=float(max(predicted)) or 1.0,
        caption=(
            f"{len(shown)} of {len(predicted)} classes, those answered most often. "
            if len(shown) < len(predicted)
            else ""
        )
        + _never(never, len(predicted)),
    )
    row: tuple[Panel, ...] = (bars,)
    if table is not None:
        values = np.asarray(table, dtype=np.float32)
        row = (
            bars,
            Matrix(
                title="What each class was taken for",
                quantity="z",
                values=values,
                row_axis="true class",
                max_height=300,
                column_axis="predicted class",
                scale=Scale(0.0, float(values.max()) or 1.0),
                row_names=tuple(labels),
                column_names=tuple(labels),
                caption="The diagonal holds the right answers.",
            ),
        )
    most = order[0]
    return view(
        f"After epoch {epoch['epoch']} {percent(measured['top1'])} of {pictures:,} test images are right. Answered "
        f"most often: {labels[most]}, for {predicted[most]:,}. {_never(never, len(predicted))}"
        + (
            ""
            if table is None
            else " Right of each class: "
            + ", ".join(f"{label} {table[c][c]:,} of {sum(table[c]):,}" for c, label in enumerate(labels))
            + "."
        ),
        row,
    )


def _never(never: int, classes: int) -> str:
    if never == 0:
        return "Every class is answered at least once."
    if never == classes - 1:
        return "All images get the same answer."
    return f"{never} of {classes} classes {'is' if never == 1 else 'are'} never answered."


def _measured(epoch: Mapping[str, Any], field: str) -> float:
    value = epoch[field] if field == "train_loss" else epoch["validation"][field]
    return float("nan") if value is None else float(value)


def _known(metrics: Metrics, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The steps at which a number is known, and it.

    Raises:
        ValueError: if there are none.
    """
    known = np.isfinite(metrics.steps[name])
    if not known.any():
        raise ValueError(f"no step has measured {name} yet")
    return metrics.steps["step"][known], metrics.steps[name][known]


def _trailing_mean(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """The mean of each value and those before it, ``window`` in all, fewer at the beginning."""
    sums = np.cumsum(np.insert(values, 0, 0.0))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - window)
    return (sums[ends] - sums[starts]) / (ends - starts)


def _thinned(count: int, most: int) -> NDArray[np.int64]:
    """Places of at most ``most`` of ``count``, spread evenly, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def _where_known(label: str, x: Values, y: Values, quantity: str) -> tuple[Series, ...]:
    """A curve over the epochs at which a number is known; none where it never is."""
    known = np.isfinite(y)
    return (Series(label, x[known], y[known], quantity),) if known.any() else ()


def _line(label: str, pairs: Sequence[tuple[float, float]], quantity: str) -> Series:
    x, y = zip(*pairs, strict=True)
    return Series(label, float_values(x), float_values(y), quantity)
