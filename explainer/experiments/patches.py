"""Which patches matter: attention, rollout and occlusion as rankings of the patches, put to the test by masking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from jaxtyping import Float
from torch import Tensor

from explainer.notation.wording import number, percent
from vit_core import ForwardTrace, VisionTransformer, attention_rollout
from vit_core.batches import Progress, unheard
from vit_core.interventions.changes import permutation
from vit_core.interventions.occlusion import (
    Measured,
    deletion_and_insertion,
    occlusion,
    rank_correlation,
    shown_counts,
    single_masks,
)

RANDOM = "random order"
FINE, COARSE, MANY = 17, 9, 100  # points of a curve, and with more patches than so many; their passes cost more


@dataclass(frozen=True, eq=False)
class Ranking:
    """The probability of the class while patches go, or come, in the order of a ranking.

    A ranking has one order, a random one several: the curves are their mean.
    """

    name: str
    fractions: Float[Tensor, " points"]  # of the patches masked, or shown
    deletions: Float[Tensor, "orders points"]
    insertions: Float[Tensor, "orders points"]

    @property
    def deletion(self) -> Float[Tensor, " points"]:
        """The probability while patches are masked, the most important first: it should fall fast."""
        return self.deletions.mean(0)

    @property
    def insertion(self) -> Float[Tensor, " points"]:
        """The probability while patches are shown, the most important first: it should rise fast."""
        return self.insertions.mean(0)

    @property
    def deletion_areas(self) -> Float[Tensor, " orders"]:
        """The area under each deletion curve, between 0 and 1: small is good."""
        return torch.trapezoid(self.deletions, self.fractions)

    @property
    def insertion_areas(self) -> Float[Tensor, " orders"]:
        """The area under each insertion curve, between 0 and 1: large is good."""
        return torch.trapezoid(self.insertions, self.fractions)


@dataclass(frozen=True, eq=False)
class RankedPatches:
    """Three maps of what matters, how they agree, and how each fares as a ranking, compared with random orders."""

    label: str
    probability: float  # with all patches
    maps: Mapping[str, Float[Tensor, " patches"]]  # "attention", "rollout", "occlusion"
    rankings: tuple[Ranking, ...]  # of each map, then the random orders
    seeds: tuple[int, ...]  # of the random orders
    correlations: Mapping[tuple[str, str], float]  # Spearman's, of each pair of maps

    def ranking(self, name: str) -> Ranking:
        """The ranking of that name.

        Raises:
            KeyError: if there is none.
        """
        return {ranking.name: ranking for ranking in self.rankings}[name]

    @property
    def explains(self) -> bool:
        """Whether masking by attention makes the class fall faster than every one of the random orders does."""
        return bool(self.ranking("attention").deletion_areas[0] < self.ranking(RANDOM).deletion_areas.min())

    @property
    def sentence(self) -> str:
        """The result in words."""
        chance = self.ranking(RANDOM).deletion_areas
        areas = ", ".join(f"{name} {number(self.ranking(name).deletion_areas[0])}" for name in self.maps)
        verdict = (
            "masking by attention is faster than each of the random orders"
            if self.explains
            else "masking by attention is not faster than each of the random orders, so the map does not explain it"
        )
        return (
            f"Masked in the order of a map, “{self.label}” ({percent(self.probability)}) falls: area under the curve "
            f"{areas}, and {number(chance.mean())} ± {number(chance.std(correction=0))} for {len(chance)} random "
            f"orders (seeds {', '.join(map(str, self.seeds))}); {verdict}. The rank correlation of attention with "
            f"occlusion is {number(self.correlations['attention', 'occlusion'])}, of rollout with occlusion "
            f"{number(self.correlations['rollout', 'occlusion'])}."
        )


def rank_patches(
    model: VisionTransformer,
    trace: ForwardTrace,
    labels: Sequence[str],
    *,
    seeds: Sequence[int] = range(5),
    points: int | None = None,
    measured: Measured | None = None,
    progress: Progress = unheard,
) -> RankedPatches:
    """Rank the patches of a plain trace's picture by attention, rollout and occlusion, and mask them in that order.

    Attention is the class token's row of A in the last layer, averaged over the heads. Patches that a map holds equal
    keep their order in the picture. Curves have ``points`` points, by default as many as ``points_for`` says.
    ``measured`` keeps what was measured for this picture when the work is interrupted: it goes on where it was.

    Raises:
        ValueError: if the trace is that of a changed pass, there is no seed, or there are fewer than two points.
    """
    if trace.interventions:
        raise ValueError("patches are ranked for a plain forward pass: give a trace without interventions")
    if not seeds:
        raise ValueError("random orders need at least one seed")
    winner, num_patches = int(trace.logits.argmax()), model.config.num_patches
    points = points_for(num_patches) if points is None else points
    measured = {} if measured is None else measured
    counts = shown_counts(num_patches, points)
    passes = (num_patches + 1, _curve_passes(len(counts), len(seeds)))

    def part(before: int, own: int) -> Progress:
        return lambda share: progress((before + share * own) / sum(passes))

    maps = _maps_of(trace)
    maps["occlusion"] = occlusion(model, trace.image, winner, measured=measured, progress=part(0, passes[0]))
    orders = [values.argsort(descending=True, stable=True) for values in maps.values()]
    orders += [permutation(num_patches, seed) for seed in seeds]
    deletions, insertions = deletion_and_insertion(
        model, trace.image, torch.stack(orders), winner, points=points, measured=measured, progress=part(*passes)
    )
    slices = {name: slice(index, index + 1) for index, name in enumerate(maps)} | {RANDOM: slice(len(maps), None)}
    return RankedPatches(
        labels[winner],
        float(trace.probabilities[winner]),
        maps,
        tuple(Ranking(name, counts / num_patches, deletions[own], insertions[own]) for name, own in slices.items()),
        tuple(seeds),
        {(a, b): rank_correlation(maps[a], maps[b]) for a, b in combinations(maps, 2)},
    )


def _maps_of(trace: ForwardTrace) -> dict[str, Tensor]:
    """The maps that take no further pass: what the class token looks at, and what has reached it."""
    return {
        "attention": trace.attention(trace.num_layers).mean(0)[0, 1:],
        "rollout": attention_rollout(trace)[0, 1:],
    }


def points_for(num_patches: int) -> int:
    """How many points a curve has by default."""
    return COARSE if num_patches > MANY else FINE


def passes_for(num_patches: int, seeds: int = 5) -> int:
    """How many forward passes the whole takes: one for each patch, and those of the curves."""
    return num_patches + 1 + _curve_passes(len(shown_counts(num_patches, points_for(num_patches))), seeds)


def _curve_passes(points: int, seeds: int) -> int:
    """All orders share the whole picture, which the occlusion has, and the one of which nothing is left."""
    return 2 * (points - 2) * (3 + seeds) + 1


@dataclass(frozen=True, eq=False)
class PatchesSoFar:
    """The part of a patch ranking that was known when the work was stopped."""

    label: str
    done: int  # forward passes
    passes: int  # of the whole
    maps: Mapping[str, Float[Tensor, " patches"]]

    @property
    def sentence(self) -> str:
        """How far it came."""
        known = " and ".join(self.maps)
        return (
            f"Stopped after {self.done} of {self.passes} forward passes, which are kept: the next start continues "
            f"from there. The result for “{self.label}” so far: {known}."
        )


def patches_so_far(
    model: VisionTransformer, trace: ForwardTrace, labels: Sequence[str], measured: Measured
) -> PatchesSoFar:
    """The maps that are there: attention and rollout, which take no forward pass, and what has been occluded.

    A patch that has not been masked yet has the value 0, as one that does not matter.
    """
    num_patches, winner = model.config.num_patches, int(trace.logits.argmax())
    plain, *single = [measured.get(mask.numpy().tobytes()) for mask in single_masks(num_patches)]
    maps = _maps_of(trace)
    if plain is not None and (known := sum(measurement is not None for measurement in single)):
        name = "occlusion" if known == num_patches else f"occlusion of the first {known} patches"
        maps[name] = torch.tensor([0.0 if measurement is None else plain[0] - measurement[0] for measurement in single])
    return PatchesSoFar(labels[winner], len(measured), passes_for(num_patches), maps)
