"""Which patches a prediction needs: found by masking them, not by looking at the attention.

A masked patch is zero, as ``vit_core.interventions`` masks it: the colour that preprocessing subtracts. Deletion and
insertion are those of Petsiuk, Das and Saenko (RISE, arXiv 1806.07421): the patches are masked, or shown on an all
masked picture, in the order of their importance, and the area under the curve of the class's probability says how well
that order was chosen: small for deletion, large for insertion.
"""

from collections.abc import MutableMapping

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vit_core.batches import Progress, pictures_at_once, unheard
from vit_core.model import VisionTransformer
from vit_core.patches import patchify, unpatchify


@torch.no_grad()
def masked_logits(
    model: VisionTransformer,
    image: Float[Tensor, "channels height width"],
    masks: Bool[Tensor, "pictures patches"],
) -> Float[Tensor, "pictures classes"]:
    """The logits of ``image`` with the patches of each mask set to zero."""
    patches = patchify(image, model.config.patch_size).masked_fill(masks[..., None], 0)
    logits: Tensor = model(unpatchify(patches, model.config.patch_size))
    return logits


# What was measured with a mask: the logit and the probability of the class. Whoever keeps it can interrupt the work and
# go on where it was; no mask is measured twice.
Measured = MutableMapping[bytes, tuple[float, float]]


def masked_class(
    model: VisionTransformer,
    image: Float[Tensor, "channels height width"],
    class_index: int,
    masks: Bool[Tensor, "pictures patches"],
    *,
    measured: Measured | None = None,
    progress: Progress = unheard,
) -> tuple[Float[Tensor, " pictures"], Float[Tensor, " pictures"]]:
    """The logit and the probability of a class of ``image`` with the patches of each mask set to zero.

    ``measured`` is what is known of this picture and this class, and takes what is found.
    """
    measured = {} if measured is None else measured
    names = [mask.numpy().tobytes() for mask in masks]
    missing = list({name: place for place, name in enumerate(names) if name not in measured}.items())
    at_once = pictures_at_once(model.config)
    for start in range(0, len(missing), at_once):
        some = missing[start : start + at_once]
        logits = masked_logits(model, image, masks[[place for _, place in some]])
        found = torch.stack([logits[:, class_index], logits.softmax(-1)[:, class_index]], dim=1)
        measured.update(zip((name for name, _ in some), map(tuple, found.tolist()), strict=True))
        progress((start + len(some)) / len(missing))
    if not missing:
        progress(1.0)
    logit, probability = torch.tensor([measured[name] for name in names]).T
    return logit, probability


def single_masks(num_patches: int) -> Bool[Tensor, "pictures patches"]:
    """No patch masked, then each patch alone."""
    return torch.cat([torch.zeros(1, num_patches, dtype=torch.bool), torch.eye(num_patches, dtype=torch.bool)])


def occlusion(
    model: VisionTransformer,
    image: Float[Tensor, "channels height width"],
    class_index: int,
    *,
    measured: Measured | None = None,
    progress: Progress = unheard,
) -> Float[Tensor, " patches"]:
    """How much the logit of a class falls when a patch alone is masked, for every patch."""
    masks = single_masks(model.config.num_patches)
    logits, _ = masked_class(model, image, class_index, masks, measured=measured, progress=progress)
    return logits[0] - logits[1:]


def shown_counts(num_patches: int, points: int) -> Int[Tensor, " points"]:
    """How many patches have been masked, or shown, at each point of a curve: from none to all, evenly.

    Raises:
        ValueError: if there are fewer than two points.
    """
    if points < 2:
        raise ValueError(f"a curve needs at least 2 points, got {points}")
    return torch.linspace(0, num_patches, min(points, num_patches + 1)).round().long()


def deletion_and_insertion(
    model: VisionTransformer,
    image: Float[Tensor, "channels height width"],
    orders: Int[Tensor, "orders patches"],
    class_index: int,
    *,
    points: int = 17,
    measured: Measured | None = None,
    progress: Progress = unheard,
) -> tuple[Float[Tensor, "orders points"], Float[Tensor, "orders points"]]:
    """The probability of a class while patches are masked, and while they are shown, in each order.

    ``orders`` are permutations of the patches, from 0; the first is masked or shown first. All orders share their ends:
    the whole picture, and none of it.
    """
    place = orders.argsort(-1)  # of every patch in its order
    deleted = place[:, None] < shown_counts(orders.shape[1], points)[:, None]
    masks = torch.stack([deleted, ~deleted], dim=1)  # order by order
    _, values = masked_class(model, image, class_index, masks.flatten(0, 2), measured=measured, progress=progress)
    probabilities = rearrange(values, "(orders way points) -> way orders points", way=2, points=masks.shape[2])
    return probabilities[0], probabilities[1]


def rank_correlation(a: Float[Tensor, " values"], b: Float[Tensor, " values"]) -> float:
    """Spearman's correlation: Pearson's of the ranks, equal values sharing the mean of theirs; 0 if all are equal."""
    a, b = (rank - rank.mean() for rank in (_ranks(a), _ranks(b)))
    scale = (a.norm() * b.norm()).item()
    return (a @ b).item() / scale if scale else 0.0


def _ranks(values: Tensor) -> Tensor:
    _, group, count = torch.unique(values, return_inverse=True, return_counts=True)
    last = count.cumsum(0).double()
    return (last - (count - 1) / 2)[group]
