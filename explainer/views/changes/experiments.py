"""The pictures of the ready experiments; what each says in words is the sentence of its measured numbers."""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cosine_similarity

from explainer.experiments import KnockedOut, Resized, Shuffled, Unscaled
from explainer.experiments.patches import RANDOM, PatchesSoFar, RankedPatches, Ranking
from explainer.notation.wording import number, percent
from explainer.panels import Bars, Matrix, Picture, Pixels, Plot, Scale, Series, Strip, Strips, Tiles, View
from explainer.views.arrays import as_values, on_grid
from explainer.views.changes.what_if import HEAD
from explainer.views.compose import view
from explainer.views.scales import from_zero, spanning, symmetric
from vit_core.patches import token_at

QUANTITIES = {"attention": "A", "rollout": "v", "occlusion": "q", RANDOM: "image"}  # one colour in maps and curves
MOST_HEADS = 10  # shown alone

# What panels show, as explainer/links.py names it.
WEIGHTS, LOGITS, PROBABILITIES = ("block.attention.weights",), ("trace.logits",), ("trace.probabilities",)
POSITIONS = ("model.position_embedding",)


def shuffled(result: Shuffled, pixels: tuple[Pixels, Pixels], outputs: Mapping[str, tuple[Tensor, Tensor]]) -> View:
    """Experiment 1: the class token's output for the picture in order and shuffled, without E_pos and with it.

    Args:
        result: what was measured.
        pixels: the picture in order, and shuffled.
        outputs: "Without E_{pos}" and "With E_{pos}" -> y in order, and shuffled.
    """
    strips = [
        Strips(
            title=f"{name}: y in order and shuffled",
            quantity="y",
            tensors=("trace.representation",),
            caption=f"Largest difference between the two rows: {number((moved - plain).abs().max())}.",
            strips=(
                Strip("in order", as_values(plain), symmetric(plain, moved), "y"),
                Strip("shuffled", as_values(moved), symmetric(plain, moved), "y"),
            ),
        )
        for name, (plain, moved) in outputs.items()
    ]
    pictures = [
        Picture(title=title, quantity="image", pixels=each, tensors=("trace.image",))
        for title, each in zip(("In order", "Shuffled"), pixels, strict=True)
    ]
    return view(result.sentence, tuple(pictures), *((each,) for each in strips))


def knocked_out(result: KnockedOut) -> View:
    """Experiment 2: how the winning logit changes without each head; a click takes a head out."""
    layers, heads = result.change.shape
    flat = result.change.flatten()
    order = flat.argsort()[:MOST_HEADS].tolist()
    places = [(index // heads + 1, index % heads + 1) for index in order]
    matrix = Matrix(
        title=f"Change of the logit of {result.label}",
        quantity="A",
        tensors=LOGITS,
        values=as_values(result.change),
        scale=symmetric(result.change),
        row_axis="layer",
        column_axis="head",
        row_names=tuple(str(layer + 1) for layer in range(layers)),
        column_names=tuple(str(head + 1) for head in range(heads)),
        max_height=420,
        caption=f"One forward pass without each head. The logit is {number(result.logit)} with all heads.",
    )
    bars = Bars(
        title=f"The {len(order)} heads that matter most",
        quantity="A",
        tensors=LOGITS,
        values=as_values(flat[order]),
        labels=tuple(f"layer {layer}, head {head}" for layer, head in places),
        picks=tuple({HEAD: f"{layer}.{head}"} for layer, head in places),
        format=".2f",
        caption="Click on one to take it out of the forward pass of this page.",
    )
    return view(result.sentence, (matrix, bars))


def ranked_patches(result: RankedPatches, pixels: Pixels) -> View:
    """Experiment 3: what attention, rollout and occlusion hold for important, and what masking in that order does.

    Args:
        result: what was measured.
        pixels: the picture as the model sees it.
    """
    points = f"measured at {len(result.rankings[0].fractions)} points"

    def plot(title: str, caption: str, of: str) -> Plot:
        return Plot(
            title=title,
            quantity="y",
            x_label="share of the patches",
            y_label=f"probability of {result.label}",
            low=0.0,
            height=320,
            caption=caption,
            tensors=PROBABILITIES,
            series=tuple(
                Series(
                    ranking.name, as_values(ranking.fractions), as_values(_curve(ranking, of)), QUANTITIES[ranking.name]
                )
                for ranking in result.rankings
            ),
        )

    areas = [
        Bars(
            title=f"Area under the {of} curve",
            quantity="y",
            labels=tuple(ranking.name for ranking in result.rankings),
            values=as_values(torch.tensor([float(_areas(ranking, of).mean()) for ranking in result.rankings])),
            caption=words,
            low=0.0,
            format=".3f",
            tensors=PROBABILITIES,
        )
        for of, words in (
            ("deletion", "Small: the ranking finds what the model needs."),
            ("insertion", "Large: the ranking finds what is enough for the model."),
        )
    ]
    chance = result.ranking(RANDOM)
    agreement = Bars(
        title="Do the maps agree?",
        quantity="A",
        low=-1.0,
        high=1.0,
        format=".2f",
        weight=1.7,
        labels=tuple(f"{a} and {b}" for a, b in result.correlations),
        values=as_values(torch.tensor(list(result.correlations.values()))),
        caption="Rank correlation (Spearman): 1 the same order of patches, 0 unrelated, −1 the opposite order.",
    )
    return view(
        result.sentence,
        _maps(result, pixels),
        (
            plot(
                "Deletion: the first patches of each order masked",
                f"With all patches: {percent(result.probability)}; {points}.",
                "deletion",
            ),
            plot(
                "Insertion: only the first patches shown",
                f"Random: the mean of {len(chance.deletions)} orders; {points}.",
                "insertion",
            ),
        ),
        (*areas, agreement),
    )


def patches_so_far(result: PatchesSoFar, pixels: Pixels) -> View:
    """What of experiment 3 was there when it was stopped."""
    return view(result.sentence, _maps(result, pixels))


def _maps(result: RankedPatches | PatchesSoFar, pixels: Pixels) -> tuple[Picture, ...]:
    """What attention, rollout and occlusion hold for important."""
    captions = {
        "attention": "The class token's row of A in the last layer, mean of the heads.",
        "rollout": "The attention of all layers multiplied.",
        "occlusion": f"How much the logit of {result.label} falls without the patch.",
    }
    return tuple(
        Picture(
            title=name.capitalize(),
            quantity=QUANTITIES[kind],
            pixels=pixels,
            overlay=on_grid(values),
            scale=symmetric(values) if bool((values < 0).any()) else from_zero(values),
            caption=captions[kind],
            tensors=LOGITS if kind == "occlusion" else WEIGHTS,
        )
        for name, values in result.maps.items()
        for kind in [name.partition(" ")[0]]
    )


def resized(result: Resized) -> View:
    """Experiment 4: E_pos on another grid by every method: lengths, neighbours, and what the model predicts."""
    side, names = result.grid_size, tuple(each.method for each in result.methods)
    lengths = on_grid(torch.stack([each.norms for each in result.methods]))
    middle = token_at(side // 2, side // 2, side)
    likeness = on_grid(
        torch.stack(
            [cosine_similarity(each.embedding[middle : middle + 1], each.embedding[1:]) for each in result.methods]
        ).clamp(-1, 1)  # rounding leaves 1.0000001 where a row is compared with itself
    )
    common = {"quantity": "E_pos", "labels": names, "columns": len(names), "tile_size": 190, "tensors": POSITIONS}
    tiles = Tiles(
        title=f"Lengths of the rows of E_{{pos}} on {side} × {side} patches",
        values=lengths,
        scales=(spanning(lengths),),
        **common,  # type: ignore[arg-type]
        caption=f"On the {result.own_grid_size} × {result.own_grid_size} patches that they were learned for they are "
        f"{number(result.norms.mean())} long on average.",
    )
    neighbours = Tiles(
        title="The position in the middle compared with all others",
        values=likeness,
        scales=(Scale(-1.0, 1.0, diverging=True),),
        **common,  # type: ignore[arg-type]
        caption="Cosine from −1 to 1. Near ones should be alike.",
    )
    predictions = [("own grid", result.before), *((each.method, each.prediction) for each in result.methods)]
    bars = Bars(
        title="Prediction",
        quantity="y",
        tensors=PROBABILITIES,
        labels=tuple(f"{name}: {each.label}" for name, each in predictions),
        values=as_values(torch.tensor([each.probability for _, each in predictions])),
        format=".1%",
        low=0.0,
        high=1.0,
        selected=0,
    )
    return view(result.sentence, (tiles,), (neighbours,), (bars,))


def unscaled(result: Unscaled) -> View:
    """Experiment 5: the entropy of attention with and without the division by the root of D_h, layer by layer."""
    layers = as_values(torch.arange(1.0, len(result.before) + 1))
    plot = Plot(
        title="Mean entropy of the rows of A",
        quantity="A",
        tensors=WEIGHTS,
        x_label="layer",
        y_label="nats",
        low=0.0,
        height=340,
        caption=f"0 nats: every token looks at a single other; ln {result.num_tokens} = "
        f"{number(math.log(result.num_tokens))} nats: at all of them equally.",
        series=(
            Series("divided by √D_{h}", layers, as_values(result.before), "A"),
            Series("without, this layer alone", layers, as_values(result.alone), "q"),
            Series("without, in all layers", layers, as_values(result.throughout), "mlp"),
        ),
    )
    return view(result.sentence, (plot,))


def _curve(ranking: Ranking, of: str) -> Float[Tensor, " points"]:
    return ranking.deletion if of == "deletion" else ranking.insertion


def _areas(ranking: Ranking, of: str) -> Float[Tensor, " orders"]:
    return ranking.deletion_areas if of == "deletion" else ranking.insertion_areas
