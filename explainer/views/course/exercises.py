"""Exercises: what comes out when PyTorch's encoder stands beside ours, and when the paper's four terms are switched."""

from collections.abc import Mapping, Sequence
from math import hypot

from explainer.notation.wording import number, percent
from explainer.panels import Bars, Plot, Series, View
from explainer.views.arrays import float_values, whole_numbers
from explainer.views.compose import view
from explainer.views.course.charts import LINE_COLOURS, share_bars, trailing_mean
from vit_core.training.config import TrainingConfig
from vit_core.training.schedule import learning_rate


def encoder_differences(differences: Sequence[float], layer: int) -> View:
    """How far PyTorch's encoder is from the trace after each layer.

    Args:
        differences: the largest one for each layer.
        layer: the chosen one.
    """
    layers = whole_numbers(range(1, len(differences) + 1))
    plot = Plot(
        title="Largest difference after each layer",
        quantity="z",
        x_label="layer",
        y_label="millionths",
        selected_x=float(layer),
        pick="layer",
        height=200,
        series=(Series("", layers, float_values(differences) * 1e6, "z"),),
        caption="In 32 bits. Each layer starts from the one before, so its rounding errors are carried on.",
    )
    return view(
        f"From the same tokens, PyTorch's encoder and ours are {number(differences[0])} apart after layer 1 and "
        f"{number(differences[-1])} after layer {len(differences)}.",
        (plot,),
    )


def schedules(recipes: Mapping[str, TrainingConfig], total_steps: int) -> View:
    """The learning rate at every step, for several recipes.

    Args:
        recipes: by the names to write.
        total_steps: steps of the whole run.
    """
    x = whole_numbers(range(1, total_steps + 1))
    rates = {
        name: float_values(learning_rate(step, total_steps, recipe) for step in range(total_steps))
        for name, recipe in recipes.items()
    }
    plot = Plot(
        title="Learning rate",
        quantity="y",
        x_label="step",
        y_label="learning rate",
        height=230,
        series=tuple(Series(name, x, values, LINE_COLOURS[i]) for i, (name, values) in enumerate(rates.items())),
        caption=f"Computed for each of {total_steps:,} steps by the function that the trainer calls.",
    )
    summary = "; ".join(
        f"{name}: {number(values[0])} at first, at most {number(values.max())}, {number(values[-1])} at the last step"
        for name, values in rates.items()
    )
    return view(f"Learning rate over {total_steps:,} steps. {summary}.", (plot,))


def clipping(before: Mapping[str, float], after: Mapping[str, float], norm: float, largest: float) -> View:
    """The norm of the gradient of each part of the model, before and after clipping all of them together.

    Args:
        before: norm by part.
        after: the same, clipped.
        norm: of all gradients together, before.
        largest: the norm that is allowed.
    """
    high = max(before.values())
    panels = tuple(
        Bars(
            title=title,
            quantity=quantity,
            labels=tuple(norms),
            values=float_values(norms.values()),
            low=0.0,
            high=high,
            caption=f"All together: {number(hypot(*norms.values()))}.",
        )
        for title, quantity, norms in (("Before", "y", before), (f"Clipped at {number(largest)}", "z", after))
    )
    factor = min(1.0, largest / norm) if norm else 1.0
    return view(
        f"The gradients of all parameters together have norm {number(norm)}; the limit is {number(largest)}, so each "
        "is "
        + ("left as it is." if factor == 1.0 else f"multiplied by {number(factor)}: shorter, in the same direction."),
        panels,
    )


def short_trainings(
    steps: Mapping[str, Sequence[Mapping[str, float]]], results: Mapping[str, Mapping[str, float]], average: int = 5
) -> View:
    """Loss and gradient norm over the steps of several short trainings, and what they got right in the end.

    Args:
        steps: each training's steps, by the name to write.
        results: what came of those that have finished.
        average: how many steps a point of the loss is the mean of; single batches jump.
    """
    plots = tuple(
        Plot(
            title=title,
            quantity="y",
            x_label="step",
            y_label=label,
            height=230,
            caption=caption,
            series=tuple(
                Series(
                    name,
                    float_values(line["step"] for line in lines),
                    float_values(trailing_mean((line[field] for line in lines), width)),
                    LINE_COLOURS[i % len(LINE_COLOURS)],
                )
                for i, (name, lines) in enumerate(steps.items())
                if lines
            ),
        )
        for title, label, field, width, caption in (
            ("Loss", "loss", "loss", average, f"Mean of the last {average} steps."),
            ("Gradient norm, before clipping", "norm", "gradient_norm", 1, "For all parameters together."),
        )
    )
    right = "; ".join(f"{name}: {percent(result['share_right'])} right" for name, result in results.items())
    summary = f"Loss and gradient norm of {len(steps)} short trainings. {right or 'None has finished yet'}."
    if not results:
        return view(summary, plots)
    shares = float_values(result["share_right"] for result in results.values())
    return view(summary, plots, (share_bars("Right on crops it has not seen", [*results], shares),))
