"""Two sides: what is compared is what NumPy computes from the traces, and what cannot be compared is said."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from explainer.experiments.sides import MEAN, Side, beside_each_other, same_place, shared_classes, why_not
from explainer.experiments.similarity import attention_moved, layer_similarity, token_cosines
from explainer.notation.wording import number, percent
from explainer.panels import Bars, Matrix, Picture, Plot, Tiles, View
from explainer.views.changes import compare, compare_attention, compare_depth
from tests.conftest import randomised
from vit_core import ForwardTrace, VisionTransformer, ViTConfig
from vit_core.interventions import Interventions

LABELS = tuple(f"class {c}" for c in range(7))
# Sums of at most some hundred float32 numbers of size 1 (unit 6e-8), taken in another order or in double precision.
CLOSE: dict[str, Any] = {"rtol": 1e-5, "atol": 2e-6}


def side(model: VisionTransformer, trace: ForwardTrace, which: str = "left", **other: Any) -> Side:
    size = model.config.image_size
    pixels = np.random.default_rng(7 if which == "left" else 8).integers(0, 256, (size, size, 3), dtype=np.uint8)
    labels = other.pop("labels", tuple(f"class {c}" for c in range(model.config.num_classes)))
    plain: dict[str, Any] = {"layer": 2, "head": 3, "token": 6} | other
    return Side("left" if which == "left" else "right", model, trace, pixels, labels, **plain)


@pytest.fixture(scope="module")
def pair(tiny_model: VisionTransformer, tiny_image: Tensor) -> tuple[Side, Side]:
    """The same model on two pictures, two layers and two heads."""
    left = side(tiny_model, tiny_model.trace(tiny_image))
    right = side(tiny_model, tiny_model.trace(tiny_image.flip(-1)), "right", layer=3, head=1, marks=("mirrored",))
    return left, right


def of(config: ViTConfig, **other: Any) -> Side:
    """The right side with a model of other sizes."""
    model = randomised(VisionTransformer(config), 3)
    image = torch.randn(3, config.image_size, config.image_size, generator=torch.Generator().manual_seed(4))
    return side(model, model.trace(image), "right", **other)


def array(tensor: Tensor) -> NDArray[np.float64]:
    return tensor.detach().numpy().astype(np.float64)


def panels(view: View, kind: type[Any]) -> list[Any]:
    return [each for each in view.panels if isinstance(each, kind)]


def cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    product: NDArray[np.float64] = (a * b).sum(-1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1))
    return product


# The numbers


def test_attention_on_one_scale_and_the_difference(pair: tuple[Side, Side]) -> None:
    view = compare_attention.attention(*pair)
    rows = [array(pair[0].trace.attention_weights[1])[2, 6], array(pair[1].trace.attention_weights[2])[0, 6]]
    left, right = panels(view, Picture)
    np.testing.assert_allclose(left.overlay.ravel(), rows[0][1:], rtol=1e-6)
    np.testing.assert_allclose(right.overlay.ravel(), rows[1][1:], rtol=1e-6)
    assert left.scale == right.scale
    assert left.scale.low == 0 and left.scale.high == pytest.approx(max(row[1:].max() for row in rows), rel=1e-6)
    [minus] = panels(view, Tiles)
    np.testing.assert_allclose(minus.values.ravel(), (rows[1] - rows[0])[1:], **CLOSE)
    assert minus.scales[0].diverging and minus.scales[0].low == -minus.scales[0].high
    assert f"{percent(np.abs(rows[1] - rows[0]).sum() / 2)} of the attention" in view.alt
    assert (left.pick_as, right.pick_as) == ("token", "other_token")


def test_the_mean_over_heads(pair: tuple[Side, Side]) -> None:
    left, right = (replace(each, head=MEAN) for each in pair)
    first = panels(compare_attention.attention(left, right), Picture)[0]
    wanted = array(left.trace.attention_weights[1]).mean(0)[6, 1:]
    np.testing.assert_allclose(first.overlay.ravel(), wanted, **CLOSE)
    assert "mean over 4 heads" in first.caption


def test_how_much_of_every_head_lies_elsewhere(pair: tuple[Side, Side]) -> None:
    moved = np.stack(
        [
            0.5 * np.abs(array(b) - array(a)).sum(-1).mean(-1)
            for a, b in zip(pair[0].trace.attention_weights, pair[1].trace.attention_weights, strict=True)
        ]
    )
    [matrix] = panels(view := compare_attention.heads_moved(*pair), Matrix)
    np.testing.assert_allclose(matrix.values, moved, **CLOSE)
    assert moved.min() >= 0 and moved.max() <= 1
    layer, head = np.unravel_index(moved.argmax(), moved.shape)
    assert f"most in layer {layer + 1}, head {head + 1} ({percent(moved.max())})" in view.alt
    assert not attention_moved(pair[0].trace, pair[0].trace).any()


def test_predictions_row_by_row(pair: tuple[Side, Side]) -> None:
    view = compare.predictions(*pair, count=3)
    logits = [array(each.trace.logits) for each in pair]
    p, q = (np.exp(each - each.max()) / np.exp(each - each.max()).sum() for each in logits)
    left, right, minus = panels(view, Bars)
    assert left.labels == right.labels == minus.labels
    rows = [LABELS.index(name) for name in left.labels]
    assert set(np.argsort(-p)[:3]) | set(np.argsort(-q)[:3]) == set(rows)
    np.testing.assert_allclose(left.values, p[rows], **CLOSE)
    np.testing.assert_allclose(right.values, q[rows], **CLOSE)
    np.testing.assert_allclose(minus.values, (q - p)[rows], **CLOSE)
    assert minus.low == -minus.high
    assert (left.labels[left.selected], right.labels[right.selected]) == (LABELS[p.argmax()], LABELS[q.argmax()])
    assert f"{LABELS[(q - p).argmax()]} gains {100 * (q - p).max():.1f} percentage points" in view.alt
    assert f"together {percent(np.abs(q - p).sum() / 2)} of the probability" in view.alt


def test_the_brightness_of_the_pictures(pair: tuple[Side, Side]) -> None:
    [minus] = panels(view := compare.pictures(*pair), Tiles)
    wanted = (pair[1].pixels.astype(float) - pair[0].pixels.astype(float)).mean(-1) / 255
    np.testing.assert_allclose(minus.values[0], wanted, **CLOSE)
    assert f"{percent(np.abs(wanted).mean())} of its range on average" in view.alt
    same = replace(pair[1], pixels=pair[0].pixels)
    assert "of its 144 pixels none differs" in compare.pictures(pair[0], same).alt


def test_positions_and_a_change_of_them(pair: tuple[Side, Side], tiny_image: Tensor) -> None:
    model = pair[0].model
    changed = model.trace(tiny_image, Interventions.parse("positions=shuffled.1"))
    right = replace(pair[1], trace=changed)
    e_pos = array(model.position_embedding)
    # What the change has left is what z_0 is more than the class token and the patch embeddings.
    shuffled = array(changed.hidden_states[0])
    shuffled = shuffled - np.concatenate([array(model.class_token), array(changed.patch_embeddings)])
    wanted = [cosine(each[1:], each[6]) for each in (e_pos, shuffled)]
    left_map, right_map, minus = panels(compare.positions(pair[0], right), Tiles)
    np.testing.assert_allclose(left_map.values.ravel(), wanted[0], **CLOSE)
    # E_pos is had back from z_0 by subtracting: that costs some units of float32 of numbers of size 1.
    np.testing.assert_allclose(right_map.values.ravel(), wanted[1], rtol=0, atol=5e-6)
    np.testing.assert_allclose(minus.values.ravel(), wanted[1] - wanted[0], rtol=0, atol=1e-5)
    assert pair[0].position_embedding is not pair[1].position_embedding
    assert "none of 9 similarities differs" in compare.positions(*pair).alt


def test_lengths_and_cosines_of_the_tokens(pair: tuple[Side, Side]) -> None:
    states = [np.stack([array(z) for z in each.trace.hidden_states]) for each in pair]
    plot, minus = panels(compare_depth.norms(*pair), Plot)
    lengths = [np.linalg.norm(each[:, 6], axis=-1) for each in states]
    for series, wanted in zip(plot.series, lengths, strict=True):
        np.testing.assert_allclose(series.y, wanted, rtol=1e-5)
    np.testing.assert_allclose(minus.series[0].y, lengths[1] - lengths[0], rtol=1e-4, atol=1e-5)
    cosines = cosine(states[0], states[1])
    view = compare_depth.cosines(*pair)
    [tiles], [plot] = panels(view, Tiles), panels(view, Plot)
    np.testing.assert_allclose(tiles.values.reshape(4, 9), cosines[:, 1:], **CLOSE)
    np.testing.assert_allclose(plot.series[0].y, cosines[:, 0], **CLOSE)
    np.testing.assert_allclose(plot.series[1].y, cosines[:, 1:].mean(1), **CLOSE)
    [tiles] = panels(compare_depth.across_layers(*pair), Tiles)
    np.testing.assert_allclose(tiles.values.ravel(), cosine(states[0][2], states[1][3])[1:], **CLOSE)


def unbiased_hsic(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """HSIC_1 of Song et al. 2012 (JMLR 13, Eq. 4) with linear kernels, as it is printed there."""
    k, m = x @ x.T, y @ y.T
    np.fill_diagonal(k, 0)
    np.fill_diagonal(m, 0)
    n, ones = len(x), np.ones(len(x))
    inner = np.trace(k @ m) + (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2))
    return float((inner - 2 / (n - 2) * (ones @ k @ m @ ones)) / (n * (n - 3)))


def test_cka_is_that_of_the_papers(pair: tuple[Side, Side]) -> None:
    left, right = ([array(z)[1:] for z in each.trace.hidden_states] for each in pair)
    wanted = [[unbiased_hsic(a, b) / np.sqrt(unbiased_hsic(a, a) * unbiased_hsic(b, b)) for b in right] for a in left]
    shown = layer_similarity(pair[0].trace, pair[1].trace)
    np.testing.assert_allclose(shown, wanted, **CLOSE)
    [matrix] = panels(view := compare_depth.layers_alike(*pair), Matrix)
    np.testing.assert_array_equal(matrix.values, shown)
    assert (matrix.row, matrix.column) == (2, 3)
    assert f"layer 3 on the right: {number(wanted[2][3])}" in view.alt


def test_cka_does_not_mind_turned_axes_but_a_cosine_does(pair: tuple[Side, Side]) -> None:
    trace = pair[0].trace
    turn, _ = torch.linalg.qr(torch.randn(24, 24, generator=torch.Generator().manual_seed(9)))
    turned = replace(trace, hidden_states=tuple(2.5 * z @ turn for z in trace.hidden_states))
    # Turning in float32 moves the tokens by units in the last place of sums of 24 terms.
    np.testing.assert_allclose(layer_similarity(trace, turned), layer_similarity(trace, trace), rtol=0, atol=1e-5)
    np.testing.assert_allclose(layer_similarity(trace, turned).diagonal(), 1, rtol=0, atol=1e-5)
    assert token_cosines(trace, turned).abs().mean() < 0.5


def test_cka_of_tokens_that_have_nothing_to_do_with_each_other_is_about_zero(pair: tuple[Side, Side]) -> None:
    """Over 60 draws: the biased estimate would be near 0.8, with 9 tokens of 24 random numbers."""
    trace, values = pair[0].trace, []
    for seed in range(60):
        draws = torch.randn(2, 10, 24, generator=torch.Generator().manual_seed(seed))
        a, b = (replace(trace, hidden_states=(each,)) for each in draws)
        values.append(float(layer_similarity(a, b)))
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))  # within four standard errors


def test_tokens_that_are_all_alike_have_no_cka(pair: tuple[Side, Side]) -> None:
    alike = replace(pair[0].trace, hidden_states=(torch.full((10, 24), 0.3),))
    assert float(layer_similarity(alike, alike)) == 0


def test_the_logit_lens_of_both(pair: tuple[Side, Side]) -> None:
    model = pair[0].model
    with torch.no_grad():
        read = [
            torch.stack([model.head(model.norm(z[0])) for z in each.trace.hidden_states]).softmax(-1).numpy()
            for each in pair
        ]
    left, right, minus = panels(view := compare_depth.logit_lens(*pair), Plot)
    assert (left.low, left.high) == (right.low, right.high)
    names = [series.label for series in left.series]
    assert names == [series.label for series in right.series] == [series.label for series in minus.series]
    assert {LABELS[c] for p in read for c in np.argsort(-p[-1])[:2]} == set(names)
    for index, c in enumerate(map(LABELS.index, names)):
        np.testing.assert_allclose(left.series[index].y, read[0][:, c], **CLOSE)
        np.testing.assert_allclose(minus.series[index].y, read[1][:, c] - read[0][:, c], **CLOSE)
    winner = int(read[0][-1].argmax())
    leads = [p.argmax() == winner for p in read[0]]
    first = next(layer for layer in range(len(leads)) if all(leads[layer:]))
    assert f"Left, {LABELS[winner]} leads from layer {first} on" in view.alt


# What cannot be compared


def test_other_sizes_are_said_and_the_rest_is_shown(pair: tuple[Side, Side], tiny_config: ViTConfig) -> None:
    left = pair[0]
    other = of(replace(tiny_config, image_size=16, hidden_size=32, num_layers=2, num_heads=2), layer=2, head=2)
    for view, kind, words in (
        (compare.pictures(left, other), Picture, "12 and 16 pixels a side"),
        (compare_attention.attention(left, other), Picture, "3 × 3 patches on the left, 4 × 4 on the right"),
        (compare.positions(left, other), Tiles, "3 × 3 patches on the left, 4 × 4 on the right"),
        (compare_depth.logit_lens(left, other), Plot, "there are 3 and 2 layers"),
    ):
        assert len(panels(view, kind)) == len(view.panels) == 2
        assert "cannot be subtracted" in view.alt and words in view.alt
    [plot] = panels(view := compare_depth.norms(left, other), Plot)
    assert [len(series.y) for series in plot.series] == [4, 3] and "3 and 2 layers" in view.alt
    left_picture, right_picture = panels(compare_attention.attention(left, other), Picture)
    assert left_picture.scale == right_picture.scale
    refused: tuple[tuple[Callable[[Side, Side], View], str], ...] = (
        (compare_attention.heads_moved, "there are 3 and 2 layers and a layer has 4 and 2 heads|3 × 3 patches"),
        (compare_depth.cosines, "D = 24 and 32"),
        (compare_depth.across_layers, "D = 24 and 32"),
        (compare_depth.layers_alike, "3 × 3 patches"),
    )
    for make, words in refused:
        with pytest.raises(ValueError, match=words):
            make(left, other)


def test_cka_of_models_of_other_depth_and_width(pair: tuple[Side, Side], tiny_config: ViTConfig) -> None:
    other = of(replace(tiny_config, hidden_size=32, num_layers=2), layer=1, head=2)
    [matrix] = panels(compare_depth.layers_alike(pair[0], other), Matrix)
    assert matrix.values.shape == (4, 3)
    assert why_not(pair[0], other, "grid", "heads", "pixels") == ""


def test_classes_are_matched_by_name(pair: tuple[Side, Side], tiny_config: ViTConfig) -> None:
    left = replace(pair[0], labels=("pizza", "crane", "sushi", "crane", "steak", "bread", "soup"))
    config = replace(tiny_config, num_classes=3)
    other = of(config, labels=("steak", "crane", "pizza"))
    both = shared_classes(left, other)
    assert both == [("pizza", 0, 2), ("steak", 4, 0)]  # there are two cranes: which of them is meant?
    rows, numbers = beside_each_other(both, ([1, 4], [2, 1]))
    assert rows == [("steak", 4, 0), ("pizza", 0, 2)]
    assert numbers == ([4, 0, 1], [0, 2, 1])
    view = compare.predictions(left, other, count=7)
    p, q = left.trace.probabilities, other.trace.probabilities
    minus = panels(view, Bars)[2]
    assert set(minus.labels) == {"pizza", "steak"}
    wanted = {"pizza": float(q[2] - p[0]), "steak": float(q[0] - p[4])}
    np.testing.assert_allclose(minus.values, [wanted[name] for name in minus.labels], rtol=1e-6)
    assert "2 names in common" in view.alt
    strangers = of(config, labels=("a", "b", "c"))
    view = compare.predictions(left, strangers)
    assert len(view.panels) == 2 and "no name of a class in common" in view.alt
    assert "no class that wins has a name on both sides" in compare_depth.logit_lens(left, strangers).alt


def test_the_same_on_both_sides_is_zero_everywhere(pair: tuple[Side, Side]) -> None:
    left = pair[0]
    right = replace(left, name="right")
    assert not panels(compare_attention.attention(left, right), Tiles)[0].values.any()
    assert not panels(compare_attention.heads_moved(left, right), Matrix)[0].values.any()
    assert not panels(compare.predictions(left, right), Bars)[2].values.any()
    assert not panels(compare_depth.norms(left, right), Plot)[1].series[0].y.any()
    # A cosine of a vector with itself, and CKA of a matrix with itself, are 1 up to rounding.
    np.testing.assert_allclose(panels(compare_depth.cosines(left, right), Tiles)[0].values, 1, rtol=0, atol=1e-6)
    np.testing.assert_allclose(layer_similarity(left.trace, right.trace).diagonal(), 1, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("token", "grid", "other", "wanted"),
    [(0, 8, 14, 0), (1, 8, 14, 1), (64, 8, 14, 196), (37, 8, 8, 37), (5, 3, 1, 1), (1, 1, 3, 5), (196, 14, 8, 64)],
)
def test_the_same_place_in_another_grid(token: int, grid: int, other: int, wanted: int) -> None:
    assert same_place(token, grid, other) == wanted
