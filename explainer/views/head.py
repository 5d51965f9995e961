"""The classification head (Eq. 4): the class token becomes y, y becomes logits, logits become probabilities."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from explainer.notation.wording import number, percent, subscript
from explainer.origins import one_each, worked_out
from explainer.panels import Bars, Origin, Strip, Strips, View
from explainer.views.arrays import as_values
from explainer.views.compose import view
from explainer.views.scales import from_zero, symmetric
from vit_core.trace import ForwardTrace


def representation(trace: ForwardTrace) -> View:
    """Eq. 4: the class token's last state, and y, which is its LayerNorm."""
    state, y = trace.hidden_states[-1][0], trace.representation
    symbol = f"z{subscript(trace.num_layers)}⁰"
    strips = Strips(
        title=f"y = LN({symbol})",
        quantity="y",
        caption=f"The {len(y)} numbers that are all the head sees of the image.",
        strips=(
            Strip(
                symbol,
                as_values(state),
                symmetric(state),
                "class_token",
                origin=Origin("trace.hidden_states", (0, "place"), trace.num_layers),
            ),
            Strip("y", as_values(y), symmetric(y), "y", "=", Origin("trace.representation", ("place",))),
        ),
    )
    return view(
        f"The class token after layer {trace.num_layers}, norm {number(state.norm())}, and its LayerNorm y, norm "
        f"{number(y.norm())}, whose {len(y)} numbers run from {number(y.min())} to {number(y.max())}.",
        (strips,),
    )


def top_classes(probabilities: Float[Tensor, " classes"], labels: Sequence[str], count: int = 5) -> View:
    """The most probable classes.

    Args:
        probabilities: ``trace.probabilities``.
        labels: the names of the classes.
        count: how many.
    """
    top = probabilities.topk(min(count, len(probabilities)))
    names = tuple(labels[int(c)] for c in top.indices)
    bars = Bars(
        title="Prediction",
        quantity="y",
        labels=names,
        values=as_values(top.values),
        format=".1%",
        low=0.0,
        high=1.0,
        caption=f"{len(names)} of {len(probabilities)} classes; together {percent(top.values.sum())}.",
        origin=Origin("trace.probabilities", ("listed",), listed=tuple(int(c) for c in top.indices)),
    )
    others = ", ".join(f"{name} {percent(p)}" for name, p in zip(names[1:], top.values[1:], strict=True))
    return view(
        f"The model predicts {names[0]} with probability {percent(top.values[0])}"
        + (f", then {others}." if others else "."),
        (bars,),
    )


def softmax_steps(logits: Float[Tensor, " classes"], labels: Sequence[str], count: int = 5) -> View:
    """Softmax in numbers: logit, exponential and share of the sum for the leading classes, and all classes as strips.

    Args:
        logits: ``trace.logits``.
        labels: the names of the classes.
        count: how many classes.
    """
    top = logits.topk(min(count, len(logits)))
    names = tuple(labels[int(c)] for c in top.indices)
    exponentials, probabilities = (logits - logits.max()).exp(), logits.softmax(-1)
    classes = tuple(int(c) for c in top.indices)
    total = float(exponentials.sum())
    panels = (
        Bars(
            title="Logits",
            quantity="y",
            labels=names,
            values=as_values(top.values),
            caption="y times W: numbers of any size and sign.",
            origin=Origin("trace.logits", ("listed",), listed=classes),
        ),
        Bars(
            title="exp(logit − largest)",
            quantity="y",
            labels=names,
            values=as_values(exponentials[top.indices]),
            caption=f"Positive; all {len(logits)} classes sum to {number(total)}.",
            low=0.0,
            origin=Origin("trace.exponentials", ("listed",), listed=classes),
        ),
        Bars(
            title="Divided by the sum",
            quantity="y",
            labels=names,
            values=as_values(probabilities[top.indices]),
            format=".1%",
            low=0.0,
            high=1.0,
            caption=f"1 / {number(total)} = {percent(1 / total)} for {names[0]}.",
            origin=Origin("trace.probabilities", ("listed",), listed=classes),
        ),
    )
    strips = Strips(
        title=f"All {len(logits)} classes",
        quantity="y",
        axis="class",
        caption="In the order of the classes' numbers.",
        strips=(
            Strip("logits", as_values(logits), symmetric(logits), "y", origin=Origin("trace.logits", ("place",))),
            Strip(
                "softmax",
                as_values(probabilities),
                from_zero(probabilities),
                "y",
                origin=Origin("trace.probabilities", ("place",)),
            ),
        ),
    )
    return view(
        f"Softmax: the largest logit, {number(top.values[0])} for {names[0]}, becomes exp(0) = 1; all "
        f"exponentials sum to {number(total)}, so its probability is {percent(probabilities.max())}.",
        panels,
        (strips,),
    )


def logit_terms(
    inputs: Float[Tensor, " head_input"],
    weight: Float[Tensor, "classes head_input"],
    bias: Float[Tensor, " classes"],
    logits: Float[Tensor, " classes"],
    class_index: int,
    label: str,
    count: int = 10,
    reads: str = "representation",
) -> View:
    """One logit as a sum: the terms that speak most for it and against it, the rest, the bias.

    Args:
        inputs: what the last linear layer reads, ``model.head.inputs(y)``: y, or a pre-training head's tanh layer.
        weight: ``model.head.linear.weight``.
        bias: ``model.head.linear.bias``.
        logits: ``trace.logits``.
        class_index: the class, from 0.
        label: its name.
        count: how many terms are shown alone, half from each end.
        reads: what the inputs are called in a trace, "head_inputs" for a pre-training head's tanh layer.
    """
    row, offset, logit = weight[class_index].detach(), float(bias[class_index].detach()), float(logits[class_index])
    terms = inputs * row
    order, half = terms.argsort(descending=True), min(count, len(terms)) // 2
    strongest = torch.cat([order[:half], order[len(terms) - half :]])
    others = float(terms.sum() - terms[strongest].sum())
    bars = Bars(
        title=f"The logit of {label}: the largest and smallest of its {len(terms)} terms",
        quantity="y",
        labels=(
            *(f"y{subscript(int(i))} · W = {number(inputs[i])} · {_factor(row[i])}" for i in strongest),
            f"the other {len(terms) - len(strongest)} terms",
            "bias",
            "logit",
        ),
        values=as_values(torch.tensor([*terms[strongest].tolist(), others, offset, logit])),
        selected=len(strongest) + 2,
        origin=one_each(
            *(
                worked_out(
                    "product", Origin(f"trace.{reads}", (int(i),)), Origin("head.linear.weight", (class_index, int(i)))
                )
                for i in strongest
            ),
            Origin(),
            Origin("head.linear.bias", (class_index,)),
            Origin("trace.logits", (class_index,)),
        ),
        caption=f"All bars above the last add up to it: {number(logit)}.",
    )
    largest = int(terms.argmax())
    return view(
        f"The logit of {label}, {number(logit)}, is the sum of {len(terms)} terms and a bias of {number(offset)}. The "
        f"largest term is number {largest}: {number(inputs[largest])} times {number(row[largest])} = "
        f"{number(terms[largest])}; {int((terms > 0).sum())} terms are positive.",
        (bars,),
    )


def _factor(value: Tensor) -> str:
    """A number as the second factor of a product: negative ones in brackets."""
    return f"({number(value)})" if value < 0 else number(value)
