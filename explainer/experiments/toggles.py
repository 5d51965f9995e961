"""One click on a control as the changes that it makes: what was changed is brought back, what was not is changed."""

from collections.abc import Iterable, Sequence

from vit_core.interventions import Interventions
from vit_core.interventions.changes import Change, Part, permutation
from vit_core.interventions.layers import RemoveResidual, ReplaceHead, Replacement, Skip
from vit_core.interventions.patches import BlurPatches, MaskPatches, ShufflePatches, SwapPatches

PatchesKind = type[MaskPatches] | type[BlurPatches]
PartKind = type[Skip] | type[RemoveResidual]


def with_patches(
    interventions: Interventions, kind: PatchesKind, stroke: Sequence[int], num_patches: int
) -> Interventions:
    """A stroke changes its patches as it changes the first: all become masked (or blurred), or all are brought back.

    The stroke is over the picture as it is seen: what later swaps and shuffles have moved is found where it came from.
    """
    place = next((i for i, change in enumerate(interventions.changes) if type(change) is kind), None)
    if place is None:
        return Interventions((*interventions.changes, kind(tuple(stroke))))
    before = interventions.changes[place]
    assert isinstance(before, MaskPatches | BlurPatches)
    meant = [_origin(patch, interventions.changes[place + 1 :], num_patches) for patch in stroke]
    chosen = set(before.patches)
    chosen = chosen - set(meant) if meant[0] in chosen else chosen | set(meant)
    return _exchanged(interventions, place, kind(tuple(chosen)) if chosen else None)


def with_swap(interventions: Interventions, first: int, second: int) -> Interventions:
    """Two patches change places; if they have already done so, they go back. A patch stays where it is by itself."""
    if first == second:
        return interventions
    swap = SwapPatches(first, second)
    return interventions.without(swap) if swap in interventions.changes else interventions.with_(swap)


def with_head(interventions: Interventions, layer: int, head: int, replacement: Replacement) -> Interventions:
    """A head is taken out in this way; if it already is, it comes back."""
    change = ReplaceHead(layer, head, replacement)
    return interventions.without(change) if change in interventions.changes else interventions.with_(change)


def with_parts(interventions: Interventions, kind: PartKind, part: Part, layers: Iterable[int]) -> Interventions:
    """This part is skipped (or its residual removed) in these layers and in no others."""
    wanted = [kind(part, layer) for layer in sorted(layers)]
    kept = [
        change for change in interventions if not (type(change) is kind and change.part == part) or change in wanted
    ]
    return Interventions((*kept, *(change for change in wanted if change not in kept)))


def with_one(interventions: Interventions, kind: type[Change], change: Change | None) -> Interventions:
    """The only change of its kind: another one, or none."""
    place = next((i for i, present in enumerate(interventions.changes) if type(present) is kind), None)
    if place is not None:
        return _exchanged(interventions, place, change)
    return interventions if change is None else interventions.with_(change)


def _origin(patch: int, later: Sequence[Change], num_patches: int) -> int:
    """The place that a patch had before ``later`` changes moved it to where it is seen."""
    for change in reversed(later):
        if isinstance(change, SwapPatches) and patch in (change.first, change.second):
            patch = change.first + change.second - patch
        elif isinstance(change, ShufflePatches):
            patch = int(permutation(num_patches, change.seed)[patch - 1]) + 1
    return patch


def _exchanged(interventions: Interventions, place: int, change: Change | None) -> Interventions:
    """Another change, or none, where one was: the order of the others stays."""
    changes = interventions.changes
    return Interventions((*changes[:place], *([] if change is None else [change]), *changes[place + 1 :]))
