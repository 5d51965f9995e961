"""Transfer: what of a model learns, how it and the same sizes from scratch get on, what they cost."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from explainer.course.model_parts import ModelPart
from explainer.notation.wording import number, percent
from explainer.panels import Bars, Flow, Node, Tiles, View
from explainer.stages import STAGES
from explainer.views.arrays import float_values, grid_size_of, on_grid
from explainer.views.compose import view
from explainer.views.course.charts import curve
from explainer.views.course.training import Epochs, measure_of_runs, measured
from explainer.views.scales import symmetric
from vit_core.patches import token_at

TRANSFER, SCRATCH = "transfer", "from scratch"


class Cost(NamedTuple):
    """What a model takes: the file in bytes, and the seconds for one picture."""

    name: str
    file: int
    seconds: float


# part -> (label, symbol, colour, page that explains it)
_PARTS = {
    "patch_projection": ("Linear projection", "E", "E", "patches"),
    "class_token": ("Class token", "x_{class}", "class_token", "embedding"),
    "position_embedding": ("Position embedding", "E_{pos}", "E_pos", "embedding"),
    "blocks": ("Encoder", "z_{1} … z_{L}", "z", "encoder"),
    "norm": ("Last LayerNorm", "y", "y", "head"),
    "head": ("New head", "W", "y", "head"),
}


def learning_parts(parts: Sequence[ModelPart], num_classes: int) -> View:
    """The model from left to right: what stays as it is, and what learns.

    Args:
        parts: by the names of the model's modules, in the order of the model.
        num_classes: of the new head.
    """
    nodes = []
    for part in parts:
        label, symbol, colour, page = _PARTS[part.name]
        shape, group = f"{part.parameters:,} {_state(part)}", "learns" if part.learning else "stays as it is"
        nodes.append(Node(part.name, label, symbol, colour, shape, page, page_title=STAGES[page].title, group=group))
    total, learning = sum(part.parameters for part in parts), sum(part.learning for part in parts)
    flow = Flow(
        title=f"{learning:,} of {total:,} parameters learn",
        nodes=tuple(nodes),
        columns=len(nodes),
        caption=f"The new head has one row for each of the {num_classes} classes.",
    )
    summary = ", ".join(f"{node.label} {node.shape}" for node in nodes)
    return view(f"{learning:,} of {total:,} parameters learn: {summary}.", (flow,))


def position_resized(before: Float[Tensor, "tokens hidden"], after: Float[Tensor, "new_tokens hidden"]) -> View:
    """How similar the position in the middle is to all others, on the grid of the weights and on the new one."""
    panels, names = [], []
    for what, embedding in (("As trained", before), ("Resized", after)):
        side = grid_size_of(len(embedding))
        units = normalize(embedding.detach()[1:], dim=-1)
        similarity = on_grid(units @ units[token_at(side // 2, side // 2, side) - 1])
        names.append(f"{side} × {side}")
        panels.append(
            Tiles(
                title=f"{what}: {names[-1]}",
                quantity="E_pos",
                values=similarity[None],
                scales=(symmetric(similarity),),
                columns=1,
                tile_size=220,
                labels=("the middle with all",),
            )
        )
    return view(
        f"Cosine similarity of the position in the middle with all others, on a grid of {names[0]} and on one of "
        f"{names[1]}: resizing keeps near positions alike.",
        tuple(panels),
    )


def curves(runs: Mapping[str, Epochs], constant: float | None = None) -> View:
    """Accuracy and loss on the test images after each epoch, both runs on one chart.

    Args:
        runs: TRANSFER and SCRATCH -> the lines of their epochs, as the trainer wrote them.
        constant: what is right for a model that always says the most frequent class.
    """
    last = {name: epochs[-1] for name, epochs in runs.items() if epochs}
    accuracy, loss = measure_of_runs(runs, "top-1 accuracy"), measure_of_runs(runs, "test loss")
    if constant is not None:
        ends = 1, max(2, *(epoch["epoch"] for epoch in last.values()))
        accuracy = replace(
            accuracy, series=(*accuracy.series, curve("always the same", ends, [constant, constant], "image"))
        )
    summary = "; ".join(
        f"{name} after {epoch['epoch']} epochs {percent(measured(epoch, 'top1'))}, loss "
        f"{number(measured(epoch, 'loss'))}"
        for name, epoch in last.items()
    )
    return view(f"Accuracy and loss on the test images: {summary}.", (accuracy, replace(loss, low=0.0)))


def costs(models: Sequence[Cost]) -> View:
    """The size of the file and the time for one picture of each model."""
    names = tuple(model.name for model in models)
    files = float_values(model.file / 2**20 for model in models)
    times = float_values(1000 * model.seconds for model in models)
    bars = (
        Bars(title="File in MiB: 4 bytes a parameter", quantity="E", labels=names, values=files, format=",.1f"),
        Bars(
            title="Milliseconds for one image, measured here", quantity="q", labels=names, values=times, format=",.1f"
        ),
    )
    summary = "; ".join(
        f"{model.name} {model.file / 2**20:,.1f} MiB, {1000 * model.seconds:,.1f} ms an image" for model in models
    )
    return view(f"Size and time: {summary}.", bars)


def verdict(runs: Mapping[str, Epochs]) -> str:
    """Both runs in a sentence, with the figures of their last epochs; empty if one of them has none."""
    if not all(runs.get(name) for name in (TRANSFER, SCRATCH)):
        return ""
    (n, right), (_, right_scratch) = (_right(runs[name][-1]) for name in (TRANSFER, SCRATCH))
    epochs = int(runs[TRANSFER][-1]["epoch"]), int(runs[SCRATCH][-1]["epoch"])
    after = f"after {epochs[0]} epochs each" if epochs[0] == epochs[1] else f"after {epochs[0]} and {epochs[1]} epochs"
    ahead = right - right_scratch
    ending = f"{ahead} more with transfer" if ahead > 0 else f"{-ahead} fewer with transfer" if ahead else "as many"
    return f"Transfer has **{right} of {n}** right, from scratch **{right_scratch} of {n}**, {after}: {ending}."


def always_the_same(epoch: Mapping[str, Any]) -> float | None:
    """What share is right for a model that always says the most frequent class, from an epoch's confusion."""
    confusion = epoch["validation"].get("confusion")
    if not confusion:
        return None
    rows = [sum(row) for row in confusion]
    return max(rows) / max(1, sum(rows))


def _right(epoch: Mapping[str, Any]) -> tuple[int, int]:
    pictures = int(epoch["validation"]["pictures"])
    return pictures, round(epoch["validation"]["top1"] * pictures)


def _state(part: ModelPart) -> str:
    return "learn" if part.learning else "frozen"
