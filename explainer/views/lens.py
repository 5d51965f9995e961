"""The logit lens: the prediction read off after every layer."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from explainer.notation.wording import percent
from explainer.panels import Bars, Origin, Plot, Series, View
from explainer.views.arrays import as_values, whole_numbers
from explainer.views.compose import view
from vit_core.logit_lens import lens_probabilities, most_probable
from vit_core.model import VisionTransformer
from vit_core.trace import ForwardTrace, check_layer


def logit_lens(
    model: VisionTransformer, trace: ForwardTrace, labels: Sequence[str], layer: int, count: int = 5
) -> View:
    """The prediction read off after every layer, for the classes that win in the end.

    Args:
        model: the model; its final norm and head are applied to every state.
        trace: one picture's forward pass.
        labels: the names of the classes.
        layer: the chosen layer, marked; a click chooses another.
        count: how many of the final classes get a line.
    """
    probabilities = lens_probabilities(model, trace)
    return read_off(probabilities, labels, layer, most_probable(probabilities[-1], count))


def read_off(
    probabilities: Float[Tensor, "states classes"], labels: Sequence[str], layer: int, classes: Sequence[int]
) -> View:
    """The logit lens as ``lens_probabilities`` gives it.

    Args:
        probabilities: of every class after every layer, before the first in row 0.
        labels: the names of the classes.
        layer: the chosen layer, marked; a click chooses another.
        classes: the numbers of those that get a line.
    """
    num_layers = len(probabilities) - 1
    check_layer(layer, num_layers)
    states = whole_numbers(range(num_layers + 1))
    quantities = ("y", "q", "k", "v", "E_pos")  # told apart by colour; the line's label says the class
    plot = Plot(
        title="The final classes, read off early",
        quantity="y",
        x_label="layer (0: before the first)",
        y_label="probability",
        selected_x=float(layer),
        pick="layer",
        height=340,
        weight=1.4,
        caption="LN and head of the last layer applied to the class token after every layer. Before layer 1 it has "
        "seen nothing of the image.",
        series=tuple(
            Series(
                labels[c],
                states,
                as_values(probabilities[:, c]),
                quantities[index % len(quantities)],
                origin=Origin("lens.probabilities", (c,), "point"),
            )
            for index, c in enumerate(classes)
        ),
    )
    best = probabilities[1:].max(dim=1)
    names = [labels[int(c)] for c in best.indices]
    bars = Bars(
        title="The prediction after each layer",
        quantity="y",
        values=as_values(best.values),
        low=0.0,
        high=1.0,
        labels=tuple(f"{at}: {name}" for at, name in enumerate(names, 1)),
        selected=layer - 1,
        picks=tuple({"layer": at} for at in range(1, num_layers + 1)),
        format=".1%",
        origin=Origin("lens.probabilities", ("listed",), "bar+1", tuple(int(c) for c in best.indices)),
    )
    final = most_probable(probabilities[-1], 1)[0]
    wins = probabilities[1:].argmax(1) == final
    settled = num_layers - int((~wins).flip(0).float().argmax() if bool((~wins).any()) else len(wins)) + 1
    return view(
        f"Read off after layer {layer}, the prediction would be {names[layer - 1]} "
        f"({percent(best.values[layer - 1])}); at the end it is {labels[final]} "
        f"({percent(probabilities[-1, final])}), which leads from layer {settled} on.",
        (plot, bars),
    )
