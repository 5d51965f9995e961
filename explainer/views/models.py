"""Models (Table 1): what the variants cost, by part, counted from their sizes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from explainer.notation.wording import number, percent
from explainer.panels import Part, Plot, Series, StackedBars, Values, View
from explainer.views.compose import view
from vit_core.config import ViTConfig
from vit_core.cost import count_multiply_adds, count_parameters

# what is shown -> (its name, the parts of the count that belong to it, its colour)
WORK = {
    "patches": ("x E, patches", ("patches",), "E"),
    "projections": ("U_{qkv} and U_{msa}", ("projections",), "q"),
    "attention": ("q kᵀ and A v", ("attention",), "A"),
    "mlp": ("MLP", ("mlp",), "mlp"),
    "head": ("head", ("head",), "y"),
}
PARAMETERS = {
    "patches": ("E", ("patch_projection",), "E"),
    "position_embedding": ("E_{pos} and class token", ("position_embedding", "class_token"), "E_pos"),
    "attention": ("attention", ("attention",), "A"),
    "mlp": ("MLP", ("mlp",), "mlp"),
    "norms": ("LayerNorms", ("norms",), "z"),
    "head": ("head", ("head", "pre_logits"), "y"),
}


def cost_shares(configs: Mapping[str, ViTConfig]) -> View:
    """What share of multiply-adds and of parameters each part of each model has.

    Args:
        configs: the models by the names to write.
    """
    multiply_adds = _stacked("Multiply-adds for one image", configs, count_multiply_adds, WORK, "multiply-adds")
    parameters = _stacked("Parameters", configs, count_parameters, PARAMETERS, "parameters")
    name, config = next(iter(configs.items()))
    work = count_multiply_adds(config)
    return view(
        f"Cost of {len(configs)} models by part. {name}: {_short(work['total'])} multiply-adds, of which the MLP has "
        f"{percent(work['mlp'] / work['total'])}, the projections {percent(work['projections'] / work['total'])}, "
        f"q kᵀ and A v {percent(work['attention'] / work['total'])}; {_short(count_parameters(config)['total'])} "
        "parameters.",
        (multiply_adds,),
        (parameters,),
    )


def multiply_adds_over_size(config: ViTConfig, image_sizes: Sequence[int]) -> View:
    """How the multiply-adds of each part grow with the picture.

    Args:
        config: sizes of the model; its ``image_size`` is replaced and marked.
        image_sizes: the picture sizes, each a multiple of the patch size.

    Raises:
        ValueError: if the patch does not divide one of the sizes.
    """
    counts = [count_multiply_adds(replace(config, image_size=size)) for size in image_sizes]
    sizes = _float32(image_sizes)
    plot = Plot(
        title="Multiply-adds over image size",
        quantity="A",
        x_label="image size in pixels",
        y_label="billion multiply-adds",
        selected_x=float(config.image_size),
        height=320,
        caption=f"Patch {config.patch_size}, D = {config.hidden_size}, L = {config.num_layers}. Everything grows with "
        "N, only q kᵀ and A v with N².",
        series=tuple(
            Series(name, sizes, _float32([sum(count[key] for key in keys) / 1e9 for count in counts]), quantity)
            for name, keys, quantity in WORK.values()
        ),
    )
    first, last = counts[0], counts[-1]
    return view(
        f"From {image_sizes[0]} to {image_sizes[-1]} pixels the multiply-adds grow from {_short(first['total'])} to "
        f"{_short(last['total'])}, the share of q kᵀ and A v from {percent(first['attention'] / first['total'])} to "
        f"{percent(last['attention'] / last['total'])}.",
        (plot,),
    )


def _stacked(
    title: str,
    configs: Mapping[str, ViTConfig],
    count: Callable[[ViTConfig], dict[str, int]],
    rows: Mapping[str, tuple[str, tuple[str, ...], str]],
    unit: str,
) -> StackedBars:
    counts = [count(config) for config in configs.values()]
    return StackedBars(
        title=title,
        labels=tuple(configs),
        share=True,
        format=".1%",
        quantity="y",
        totals=tuple(f"{_short(each['total'])} {unit}" for each in counts),
        parts=tuple(
            Part(name, _float32([sum(each[key] for key in keys) / each["total"] for each in counts]), quantity)
            for name, keys, quantity in rows.values()
        ),
    )


def _short(count: int) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{number(count / size)} {unit}"
    return str(count)


def _float32(values: Sequence[float]) -> Values:
    return np.asarray(values, dtype=np.float32)
