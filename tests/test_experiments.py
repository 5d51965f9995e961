"""What the experiments say was measured: against a plain computation, and sentences that follow the numbers."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import interpolate
from torch.testing import assert_close

from explainer.experiments import (
    KnockedOut,
    Prediction,
    Resized,
    Shuffled,
    Unscaled,
    knock_out,
    resize_positions,
    shuffle_patches,
    unscale,
)
from explainer.experiments.patches import RANDOM, RankedPatches, passes_for, patches_so_far, points_for, rank_patches
from tests.conftest import randomised
from tests.plain_vit import PlainPass, plain_pass, resized
from tests.test_trace import inventory, same_bits
from vit_core import ForwardTrace, Interventions, VisionTransformer, ViTConfig, attention_rollout, batches
from vit_core.attention_maps import attention_entropy
from vit_core.batches import pictures_at_once
from vit_core.interventions import knockout
from vit_core.interventions.knockout import knock_out_heads
from vit_core.interventions.occlusion import (
    deletion_and_insertion,
    masked_class,
    masked_logits,
    occlusion,
    rank_correlation,
    shown_counts,
)
from vit_core.positions import sinusoidal_position_embedding
from vit_core.resolution import at_grid

LABELS = ("ant", "bee", "cat", "dog", "elk", "fox", "gnu")
TOLERANCE = {"atol": 5e-5, "rtol": 1e-5}  # 32 bits against 64, numbers up to 10, sums of up to 40 terms in three layers


def plain(model: VisionTransformer, image: Tensor, text: str = "") -> PlainPass:
    return plain_pass(dict(model.state_dict()), image, model.config.num_heads, model.config.patch_size, text)


class Listener:
    """Hears the progress; after ``last`` times it has enough."""

    def __init__(self, last: int | None = None) -> None:
        self.heard: list[float] = []
        self.last = last

    def __call__(self, share: float) -> None:
        self.heard.append(share)
        if len(self.heard) == self.last:
            raise InterruptedError

    def check(self, least: int) -> None:
        assert len(self.heard) >= least
        assert self.heard == sorted(self.heard) and self.heard[0] > 0
        assert self.heard[-1] == pytest.approx(1, abs=1e-9)  # a share of whole numbers


# Heads knocked out


@pytest.mark.parametrize("replacement", ["zero", "mean"])
@pytest.mark.parametrize("small", [False, True])
def test_knocked_out_is_knocked_out_one_by_one(
    replacement: Any,
    small: bool,
    tiny_model: VisionTransformer,
    tiny_trace: ForwardTrace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if small:  # three heads at once, two passes at once: neither divides the number of heads and of passes
        config = tiny_model.config
        monkeypatch.setattr(knockout, "STATES", 3 * 4 * config.num_layers * config.num_tokens * config.hidden_size)
        monkeypatch.setattr(knockout, "pictures_at_once", lambda _: 2)
    listener = Listener()
    logits = knock_out_heads(tiny_model, tiny_trace, replacement, progress=listener)
    assert tuple(logits.shape) == (3, 4, 7)
    for layer in (1, 2, 3):
        for head in (1, 2, 3, 4):
            expected = plain(tiny_model, tiny_trace.image, f"heads={layer}.{head}:{replacement}").logits
            assert_close(logits[layer - 1, head - 1].double(), expected, **TOLERANCE)
    listener.check(least=5)  # three layers, and two in which others have begun


def test_knocking_out_changes_nothing(tiny_config: ViTConfig, tiny_image: Tensor) -> None:
    model = randomised(VisionTransformer(tiny_config))
    trace = model.trace(tiny_image)
    before, kept = inventory(model), [state.clone() for state in trace.hidden_states]
    knock_out_heads(model, trace)
    masked_logits(model, tiny_image, torch.ones(2, 9, dtype=torch.bool))
    assert inventory(model) == before
    assert all(map(torch.equal, kept, trace.hidden_states))
    assert same_bits(trace, model.trace(tiny_image))


def test_a_changed_pass_is_no_beginning(tiny_model: VisionTransformer, tiny_image: Tensor) -> None:
    changed = tiny_model.trace(tiny_image, Interventions.parse("mask=1"))
    for experiment in (
        lambda: knock_out_heads(tiny_model, changed),
        lambda: unscale(tiny_model, changed, LABELS),
        lambda: rank_patches(tiny_model, changed, LABELS),
    ):
        with pytest.raises(ValueError, match="a plain forward pass: give a trace without interventions"):
            experiment()


def test_the_experiment_is_about_the_predicted_class(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    result = knock_out(tiny_model, tiny_trace, LABELS)
    winner = int(tiny_trace.logits.argmax())
    assert result.label == LABELS[winner] and result.logit == float(tiny_trace.logits[winner])
    for layer in (1, 2, 3):
        for head in (1, 2, 3, 4):
            logits = plain(tiny_model, tiny_trace.image, f"heads={layer}.{head}:zero").logits
            change = float(logits[winner]) - result.logit
            assert float(result.change[layer - 1, head - 1]) == pytest.approx(change, abs=1e-4)  # as TOLERANCE, twice
            assert result.predicted[layer - 1][head - 1] == LABELS[int(logits.argmax())]
    layer, head = result.most_needed
    assert result.change[layer - 1, head - 1] == result.change.min()


def test_its_sentence_follows_the_numbers() -> None:
    change = torch.tensor([[0.5, -0.25], [-2.0, -0.5]])
    result = KnockedOut("cat", "zero", 3.0, change, (("cat", "cat"), ("dog", "cat")))
    assert result.most_needed == (2, 1) and result.flips == 1
    assert result.sentence == (
        "Among 4 heads, head 1 of layer 2 matters most: removed, it takes the logit of “cat” from 3 to 1. Half of the "
        "heads change it by at most 0.5, 1 raise it, and 1 of them changes the predicted class."
    )
    harmless = replace(result, change=change.abs(), predicted=(("cat", "cat"),) * 2, replacement="mean")
    assert "none lowers the logit of “cat” (3) when replaced by its mean over the tokens" in harmless.sentence
    assert harmless.sentence.endswith("4 raise it, and none of them change the predicted class.")


# Patches


def test_occlusion_masks_one_patch_after_the_other(tiny_model: VisionTransformer, tiny_image: Tensor) -> None:
    listener = Listener()
    found = occlusion(tiny_model, tiny_image, 2, progress=listener)
    expected = [plain(tiny_model, tiny_image, f"mask={patch}").logits[2] for patch in range(1, 10)]
    assert_close(found.double(), plain(tiny_model, tiny_image).logits[2] - torch.stack(expected), atol=1e-4, rtol=0)
    listener.check(least=1)


def test_masks_come_in_batches_of_any_size(
    tiny_model: VisionTransformer, tiny_image: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks = torch.rand(7, 9, generator=torch.Generator().manual_seed(1)) < 0.5
    whole, _ = masked_class(tiny_model, tiny_image, 2, masks)
    monkeypatch.setattr(batches, "MEMORY", 1)
    assert pictures_at_once(tiny_model.config) == 1
    listener = Listener()
    one_by_one, _ = masked_class(tiny_model, tiny_image, 2, masks, progress=listener)
    assert_close(whole, one_by_one, atol=1e-5, rtol=0)  # the same products, summed in another order
    assert listener.heard == [pytest.approx(count / 7) for count in range(1, 8)]


@pytest.mark.parametrize("points", [2, 4, 10, 50])
def test_the_curves_mask_and_show_in_the_given_order(
    points: int, tiny_model: VisionTransformer, tiny_image: Tensor
) -> None:
    orders = torch.stack([torch.randperm(9, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2)])
    counts = shown_counts(9, points).tolist()
    assert counts[0] == 0 and counts[-1] == 9 and counts == sorted(set(counts)) and len(counts) == min(points, 10)
    deletions, insertions = deletion_and_insertion(tiny_model, tiny_image, orders, 3, points=points)
    for order, deletion, insertion in zip(orders, deletions, insertions, strict=True):
        for index, count in enumerate(counts):
            for found, masked in ((deletion[index], order[:count]), (insertion[index], order[count:])):
                text = f"mask={','.join(str(int(patch) + 1) for patch in masked)}" if len(masked) else ""
                expected = plain(tiny_model, tiny_image, text).logits.softmax(0)[3]
                assert float(found) == pytest.approx(float(expected), abs=1e-5)  # as TOLERANCE, and at most 1/4 of it


def test_a_curve_needs_two_points() -> None:
    with pytest.raises(ValueError, match="a curve needs at least 2 points, got 1"):
        shown_counts(9, 1)


@settings(deadline=None)
@given(pairs=st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=2, max_size=12))
def test_the_rank_correlation_is_spearmans(pairs: list[tuple[int, int]]) -> None:
    a, b = (torch.tensor(column, dtype=torch.float) for column in zip(*pairs, strict=True))
    found = rank_correlation(a, b)
    if a.unique().numel() == 1 or b.unique().numel() == 1:
        assert found == 0  # it has no value there, and a map without differences explains nothing
    else:
        assert found == pytest.approx(scipy.stats.spearmanr(a.numpy(), b.numpy()).statistic, abs=1e-12)


def test_the_maps_are_ranked_and_tried(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    listener = Listener()
    result = rank_patches(tiny_model, tiny_trace, LABELS, seeds=(3, 4), points=5, progress=listener)
    winner = int(tiny_trace.logits.argmax())
    last = torch.stack(plain(tiny_model, tiny_trace.image).weights[-1])
    assert_close(result.maps["attention"].double(), last.mean(0)[0, 1:], **TOLERANCE)
    assert torch.equal(result.maps["rollout"], attention_rollout(tiny_trace)[0, 1:])
    assert torch.equal(result.maps["occlusion"], occlusion(tiny_model, tiny_trace.image, winner))
    assert result.label == LABELS[winner] and result.seeds == (3, 4)
    assert [ranking.name for ranking in result.rankings] == ["attention", "rollout", "occlusion", RANDOM]
    for (a, b), value in result.correlations.items():
        expected = scipy.stats.spearmanr(result.maps[a].numpy(), result.maps[b].numpy()).statistic
        assert value == pytest.approx(expected, abs=1e-9)
    assert set(result.correlations) == {("attention", "rollout"), ("attention", "occlusion"), ("rollout", "occlusion")}
    for ranking in result.rankings:
        orders = (
            [torch.randperm(9, generator=torch.Generator().manual_seed(seed)) for seed in (3, 4)]
            if ranking.name == RANDOM
            else [torch.tensor(sorted(range(9), key=lambda patch, name=ranking.name: -float(result.maps[name][patch])))]
        )
        expected = deletion_and_insertion(tiny_model, tiny_trace.image, torch.stack(orders), winner, points=5)
        for found, curve in zip((ranking.deletions, ranking.insertions), expected, strict=True):
            assert_close(found, curve, atol=1e-6, rtol=0)  # other batches, another order of sums, numbers below 1
        assert_close(ranking.deletion, ranking.deletions.mean(0))
        fractions = ranking.fractions.numpy()
        assert fractions[0] == 0 and fractions[-1] == 1
        for areas, curves in (
            (ranking.deletion_areas, ranking.deletions),
            (ranking.insertion_areas, ranking.insertions),
        ):
            np.testing.assert_allclose(areas, np.trapezoid(curves.numpy(), fractions), atol=1e-6)  # numbers below 1
        # nothing masked is the plain picture; all masked and nothing shown are one
        probability = torch.tensor(result.probability).expand(len(orders))
        assert_close(ranking.deletions[:, 0], probability, atol=1e-6, rtol=0)
        assert_close(ranking.insertions[:, -1], probability, atol=1e-6, rtol=0)
        assert_close(ranking.deletions[:, -1], ranking.insertions[:, 0], atol=1e-6, rtol=0)
    listener.check(least=2)


class Counted(torch.nn.Module):
    """The model, and how many pictures have passed it."""

    def __init__(self, model: VisionTransformer) -> None:
        super().__init__()
        self.model, self.count = model, 0
        model.register_forward_pre_hook(self.add)

    def add(self, _: torch.nn.Module, images: tuple[Tensor, ...]) -> None:
        self.count += len(images[0])


def test_no_mask_is_measured_twice_and_what_was_stopped_goes_on(
    tiny_config: ViTConfig, tiny_image: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MEMORY", 1)  # one picture at a time
    model = randomised(VisionTransformer(tiny_config))
    trace, counted, measured = model.trace(tiny_image), Counted(model), {}
    whole = rank_patches(model, trace, LABELS)
    # 9 patches: all of 10 points are taken, whose second mask is one of the occlusion
    assert counted.count <= passes_for(9) == 9 + 1 + 2 * 8 * (3 + 5) + 1
    once, counted.count = counted.count, 0
    with pytest.raises(InterruptedError):
        rank_patches(model, trace, LABELS, measured=measured, progress=Listener(last=6))
    assert counted.count == 6 == len(measured)
    so_far = patches_so_far(model, trace, LABELS, measured)
    assert so_far.done == 6 and "Stopped after 6 of" in so_far.sentence
    assert list(so_far.maps) == ["attention", "rollout", "occlusion of the first 5 patches"]
    known = so_far.maps["occlusion of the first 5 patches"]
    assert torch.equal(known[:5], whole.maps["occlusion"][:5]) and not known[5:].any()
    again = rank_patches(model, trace, LABELS, measured=measured)
    assert counted.count == once  # nothing anew, and nothing left out
    assert again.sentence == whole.sentence
    for one, other in zip(again.rankings, whole.rankings, strict=True):
        assert torch.equal(one.deletions, other.deletions) and torch.equal(one.insertions, other.insertions)
    assert "occlusion" in patches_so_far(model, trace, LABELS, measured).maps


def test_curves_of_many_patches_have_fewer_points() -> None:
    assert [points_for(count) for count in (4, 64, 100, 196, 576)] == [17, 17, 17, 9, 9]
    assert passes_for(196) == 197 + 2 * 7 * 8 + 1 == 310 and passes_for(576) == 690 and passes_for(64) == 306


def test_its_verdict_follows_the_areas(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    result = rank_patches(tiny_model, tiny_trace, LABELS, seeds=(0, 1), points=3)

    def with_areas(attention: float, *random: float) -> RankedPatches:
        """Flat curves: their height is their area."""
        heights = {"attention": [attention], RANDOM: list(random)}
        rankings = tuple(
            replace(ranking, deletions=torch.tensor(heights[ranking.name])[:, None].expand(-1, 3))
            if ranking.name in heights
            else ranking
            for ranking in result.rankings
        )
        return replace(result, rankings=rankings)

    faster = with_areas(0.125, 0.25, 0.5)
    assert faster.explains and "masking by attention is faster than each of the random orders." in faster.sentence
    assert "attention 0.125, " in faster.sentence
    assert "0.375 ± 0.125 for 2 random orders (seeds 0, 1)" in faster.sentence
    slower = with_areas(0.375, 0.25, 0.5)
    assert not slower.explains and "not faster than each of the random orders, so the map does not" in slower.sentence


def test_random_orders_need_a_seed(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    with pytest.raises(ValueError, match="random orders need at least one seed"):
        rank_patches(tiny_model, tiny_trace, LABELS, seeds=())


# Shuffled


def test_shuffling_is_measured_without_and_with_positions(
    tiny_model: VisionTransformer, tiny_trace: ForwardTrace
) -> None:
    result = shuffle_patches(tiny_model, tiny_trace, LABELS, seed=6)
    image = tiny_trace.image
    bare, plainly = plain(tiny_model, image, "positions=zero"), plain(tiny_model, image)
    moved = plain(tiny_model, image, "shuffle=6")
    assert float((plain(tiny_model, image, "positions=zero;shuffle=6").y - bare.y).abs().max()) < 1e-12  # in 64 bits
    assert 0 < result.difference_without < 2e-5  # in 32 bits, numbers up to 5
    assert result.difference_with == pytest.approx(float((moved.y - plainly.y).abs().max()), abs=1e-4)
    assert result.largest == pytest.approx(float(bare.y.abs().max()), abs=1e-4)
    assert (result.before.label, result.after.label) == tuple(
        LABELS[int(each.logits.argmax())] for each in (plainly, moved)
    )
    assert str(result.without_positions) == "positions=zero;shuffle=6" and str(result.with_positions) == "shuffle=6"
    assert result.is_unchanged and "output does not change when the 9 patches are shuffled" in result.sentence


def test_a_difference_would_be_told() -> None:
    nothing, changes = Interventions(), Interventions.parse("shuffle=1")
    result = Shuffled(9, nothing, changes, 0.5, 2.0, 4.0, Prediction("cat", 0.75), Prediction("dog", 0.5))
    assert result.sentence == (
        "Without E_pos the class token's output changes when the 9 patches are shuffled: the largest difference is "
        "0.5, next to numbers up to 4. With E_pos it changes by up to 2, and “cat” (75.0 %) becomes “dog” (50.0 %)."
    )
    assert "“cat” goes from 75.0 % to 25.0 %." in replace(result, after=Prediction("cat", 0.25)).sentence


# Positions resized


@pytest.mark.parametrize("grid_size", [2, 3, 5])
def test_every_method_predicts_on_the_new_grid(
    grid_size: int, tiny_model: VisionTransformer, tiny_trace: ForwardTrace
) -> None:
    before = inventory(tiny_model)
    picture = torch.randn(3, 4 * grid_size, 4 * grid_size, generator=torch.Generator().manual_seed(1))
    listener = Listener()
    result = resize_positions(tiny_model, tiny_trace, LABELS, grid_size, picture, progress=listener)
    for each in result.methods:
        embedding = resized(tiny_model.position_embedding.detach().double(), grid_size, each.method)
        assert_close(each.embedding.double(), embedding, **TOLERANCE)
        state = dict(tiny_model.state_dict()) | {"position_embedding": embedding}
        expected = plain_pass(state, picture, tiny_model.config.num_heads, 4)
        assert_close(each.logits.double(), expected.logits, **TOLERANCE)
        assert each.prediction.label == LABELS[int(expected.logits.argmax())]
        assert_close(each.norms.double(), embedding[1:].norm(dim=1), **TOLERANCE)
        assert each.method in result.sentence
    assert len(result.methods) == 4 and result.norms.shape == (9,)
    assert (result.difference == 0) == (grid_size == 3)  # its own grid
    assert f"Resized from 3x3 to {grid_size}x{grid_size} patches" in result.sentence
    listener.check(least=4)
    assert inventory(tiny_model) == before


def test_without_a_picture_the_pixels_are_resized(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    larger = interpolate(tiny_trace.image[None], (16, 16), mode="bicubic", antialias=True)[0]
    given, made = (resize_positions(tiny_model, tiny_trace, LABELS, 4, picture) for picture in (larger, None))
    assert all(torch.equal(a.logits, b.logits) for a, b in zip(given.methods, made.methods, strict=True))
    with pytest.raises(ValueError, match=r"expected images of shape \[..., 3, 16, 16\], got \[3, 12, 12\]"):
        resize_positions(tiny_model, tiny_trace, LABELS, 4, tiny_trace.image)


def test_a_model_on_another_grid_shares_its_parameters(tiny_model: VisionTransformer) -> None:
    other = at_grid(tiny_model, 5)
    assert other.config == replace(tiny_model.config, image_size=20) and not other.training
    ours = dict(tiny_model.named_parameters())
    for name, parameter in other.named_parameters():
        assert (parameter.data_ptr() == ours[name].data_ptr()) == (name != "position_embedding")
    with pytest.raises(ValueError, match="grid_size must be at least 1, got 0"):
        at_grid(tiny_model, 0)


# Unscaled


def entropies(weights: list[list[Tensor]]) -> list[float]:
    """Mean over heads and rows, per layer."""
    return [float(np.mean([scipy.stats.entropy(rows.numpy(), axis=1) for rows in heads])) for heads in weights]


def test_entropy_is_that_of_the_rows(tiny_trace: ForwardTrace) -> None:
    for weights in tiny_trace.attention_weights:
        expected = scipy.stats.entropy(weights.double().numpy(), axis=-1).mean(-1)
        np.testing.assert_allclose(attention_entropy(weights), expected, atol=1e-6)  # ten terms below 1/2, in 32 bits
    assert attention_entropy(torch.eye(5)[None]).tolist() == [0.0]
    assert attention_entropy(torch.full((1, 5, 5), 0.2)).item() == pytest.approx(math.log(5), abs=1e-6)


def test_the_scale_is_taken_out_of_each_layer_and_of_all(
    tiny_model: VisionTransformer, tiny_trace: ForwardTrace
) -> None:
    listener = Listener()
    result = unscale(tiny_model, tiny_trace, LABELS, progress=listener)
    scaled, throughout = (plain(tiny_model, tiny_trace.image, text) for text in ("", "temperature=unscaled"))
    tolerance = {"atol": 1e-4}  # of logarithms, on top of TOLERANCE
    np.testing.assert_allclose(result.before, entropies(scaled.weights), **tolerance)
    np.testing.assert_allclose(result.throughout, entropies(throughout.weights), **tolerance)
    for layer in (1, 2, 3):
        alone = plain(tiny_model, tiny_trace.image, f"temperature={layer}:unscaled")
        assert float(result.alone[layer - 1]) == pytest.approx(entropies(alone.weights)[layer - 1], abs=1e-4)
    assert result.prediction.label == LABELS[int(scaled.logits.argmax())]
    assert result.prediction_throughout.label == LABELS[int(throughout.logits.argmax())]
    assert (result.before > result.alone).all()  # sharper rows
    listener.check(least=4)


def test_its_sentence_names_every_mean() -> None:
    result = Unscaled(
        64,
        65,
        torch.tensor([3.0, 2.0]),
        torch.tensor([1.0, 0.5]),
        torch.tensor([1.0, 0.25]),
        Prediction("cat", 0.5),
        Prediction("cat", 0.25),
    )
    assert result.sentence == (
        "Divided by √D_h = 8, the rows of A have a mean entropy of 2.5 nats, of at most ln 65 = 4.17; without the "
        "division the same scores come to 0.75. With no layer dividing it is 0.625, and “cat” goes from 50.0 % to "
        "25.0 %."
    )


# All of them


@pytest.mark.parametrize(
    "experiment",
    [
        lambda model, trace, listener: knock_out(model, trace, LABELS, progress=listener),
        lambda model, trace, listener: rank_patches(model, trace, LABELS, progress=listener),
        lambda model, trace, listener: resize_positions(model, trace, LABELS, 4, progress=listener),
        lambda model, trace, listener: unscale(model, trace, LABELS, progress=listener),
    ],
    ids=["knock_out", "rank_patches", "resize_positions", "unscale"],
)
def test_who_listens_can_end_it(
    experiment: Callable[..., KnockedOut | RankedPatches | Resized | Unscaled],
    tiny_model: VisionTransformer,
    tiny_trace: ForwardTrace,
) -> None:
    with pytest.raises(InterruptedError):
        experiment(tiny_model, tiny_trace, Listener(last=1))


def test_memory_is_bounded() -> None:
    def floats(config: ViTConfig) -> int:
        attention = config.num_heads * config.num_tokens**2
        return 2 * attention + 6 * config.num_tokens * config.hidden_size + config.num_tokens * config.mlp_size

    for name, size in (("Mini/8", 64), ("B/16", 224), ("B/16", 384), ("L/16", 512)):
        config = ViTConfig.named(name, image_size=size)
        count = pictures_at_once(config)
        assert 1 <= count <= 64
        assert count == 1 or 4 * count * floats(config) <= batches.MEMORY
    assert pictures_at_once(ViTConfig.named("Mini/8")) == 64
    assert pictures_at_once(ViTConfig.named("L/16", image_size=512)) == 1


def test_sines_and_cosines_need_a_multiple_of_four() -> None:
    with pytest.raises(ValueError, match=r"hidden_size must be a multiple of 4 for sines and cosines .*, got 6"):
        sinusoidal_position_embedding(3, 6)
