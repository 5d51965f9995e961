"""The views of the page What if and of its experiments: finite, in scale, said in words, drawn for export."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor

from explainer import experiments as compute
from explainer.experiments.effects import effect_of
from explainer.experiments.patches import patches_so_far, rank_patches
from explainer.figures import figure
from explainer.notation.wording import number, percent
from explainer.packing import pack, unpack
from explainer.palette import QUANTITIES
from explainer.panels import Bars, Matrix, Picture, Pixels, Tiles, View
from explainer.views.changes import effects, experiments, what_if
from tests.test_views import all_panels, arrays, scaled
from vit_core import ForwardTrace, Interventions, VisionTransformer, ViTConfig

LAYER, HEAD, TOKEN = 2, 3, 6
LABELS = [f"class {c}" for c in range(7)]


def made(
    model: VisionTransformer,
    trace: ForwardTrace,
    changes: str,
    layer: int = LAYER,
    head: int = HEAD,
    token: int = TOKEN,
) -> dict[str, Callable[[], View]]:
    """Name -> how to make the view."""
    after, size = model.trace(trace.image, Interventions.parse(changes)), model.config.image_size
    pixels: Pixels = np.random.default_rng(2).integers(0, 256, (size, size, 3), dtype=np.uint8)
    seen, effect = (pixels, 255 - pixels), effect_of(trace, after)
    start = (model, trace, LABELS)
    y = {"Without E_{pos}": (trace.representation, after.representation)}
    return {
        "what_if.prediction": lambda: what_if.prediction(trace.probabilities, after.probabilities, LABELS),
        "what_if.picture": lambda: what_if.picture(pixels, model.config.grid_size, [1], "Click to mask 1 patch."),
        "what_if.heads": lambda: what_if.heads(after, token, [(1, 1)]),
        "effects.over_layers": lambda: effects.over_layers(effect, layer, token),
        "effects.spread": lambda: effects.spread(effect, layer, pixels),
        "what_if.attention": lambda: what_if.attention(trace, after, layer, head, token, seen),
        "experiments.shuffled": lambda: experiments.shuffled(compute.shuffle_patches(*start), seen, y),
        "experiments.knocked_out": lambda: experiments.knocked_out(compute.knock_out(*start)),
        "experiments.ranked_patches": lambda: experiments.ranked_patches(
            rank_patches(*start, seeds=(0, 1), points=4), pixels
        ),
        "experiments.patches_so_far": lambda: experiments.patches_so_far(patches_so_far(*start, {}), pixels),
        "experiments.resized": lambda: experiments.resized(compute.resize_positions(*start, 4)),
        "experiments.unscaled": lambda: experiments.unscaled(compute.unscale(*start)),
    }


NAMES = (
    "what_if.prediction",
    "what_if.picture",
    "what_if.heads",
    "effects.over_layers",
    "effects.spread",
    "what_if.attention",
    "experiments.shuffled",
    "experiments.knocked_out",
    "experiments.ranked_patches",
    "experiments.patches_so_far",
    "experiments.resized",
    "experiments.unscaled",
)


@pytest.fixture(scope="module")
def views(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> Mapping[str, View]:
    changes = "mask=3;heads=2.1:zero;positions=shuffled.1"
    return MappingProxyType({name: make() for name, make in made(tiny_model, tiny_trace, changes).items()})


def test_every_view_is_looked_at() -> None:
    defined = [
        f"{module.__name__.split('.')[-1]}.{name}"
        for module in (what_if, effects, experiments)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and function.__annotations__.get("return") is View
    ]
    assert sorted(defined) == sorted(NAMES)


def check(view: View) -> None:
    """Finite numbers inside their scales, colours of the palette, a sentence with numbers."""
    for array in arrays(view):
        assert array.dtype in (np.float32, np.uint8) and array.size
        assert np.isfinite(array).all()
    for panel in all_panels(view):
        assert panel.title and panel.quantity in QUANTITIES
        for values, scale in scaled(panel):
            assert scale.low < scale.high
            assert scale.low <= values.min() and values.max() <= scale.high
    assert not view.alt[0].islower() and view.alt.endswith(".") and any(map(str.isdigit, view.alt))
    assert "nan" not in view.alt and "tensor" not in view.alt


@pytest.mark.parametrize("name", NAMES)
def test_a_view_is_finite_in_scale_and_said_in_words(views: Mapping[str, View], name: str) -> None:
    check(views[name])


@pytest.mark.parametrize("name", NAMES)
def test_a_view_travels_and_is_drawn_for_export(views: Mapping[str, View], name: str) -> None:
    view = views[name]
    again = unpack(pack(view))
    assert isinstance(again, View) and again.alt == view.alt and again.picks == view.picks
    drawn = figure(view, "dark")
    assert isinstance(drawn, Figure)
    drawn.canvas.draw()


@pytest.mark.parametrize("name", NAMES[:6])
@pytest.mark.parametrize(
    "sizes", [{}, {"patch_size": 12}, {"num_layers": 1, "num_heads": 1}, {"representation_size": 5}], ids=str
)
def test_views_of_an_untrained_model_of_other_sizes(tiny_config: ViTConfig, sizes: dict[str, Any], name: str) -> None:
    """Class token, biases and head are zero before training: nothing changes the prediction, and it is said so."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = VisionTransformer(dataclasses.replace(tiny_config, **sizes)).eval()
        trace = model.trace(torch.randn(3, 12, 12))
    for changes in ("", "mask=1", "positions=zero;skip=attention.1"):
        check(made(model, trace, changes, 1, 1, 1)[name]())


def test_without_changes_nothing_has_moved(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    views = made(tiny_model, tiny_trace, "")
    assert "The prediction stays" in views["what_if.prediction"]().alt
    assert "Nothing has moved." in views["effects.over_layers"]().alt
    assert "No patch has changed." in views["effects.spread"]().alt


def test_what_a_click_chooses(views: Mapping[str, View]) -> None:
    assert views["what_if.picture"].picks == (what_if.PATCHES,)
    assert views["what_if.heads"].picks == (what_if.HEAD,)
    assert views["effects.spread"].picks == views["effects.over_layers"].picks == ("layer",)
    assert views["what_if.attention"].picks == ("token",)
    [tiles] = views["what_if.heads"].panels
    assert isinstance(tiles, Tiles) and tiles.crossed == (0,)
    assert tiles.picks[7] == {what_if.HEAD: "2.4"}
    [spread] = views["effects.spread"].panels
    assert isinstance(spread, Tiles) and [pick["layer"] for pick in spread.picks] == [1, 1, 2, 3]  # z_0 enters layer 1


def test_predictions_are_ordered_and_shifted(tiny_trace: ForwardTrace) -> None:
    before, after = (torch.tensor(p) for p in ([0.5, 0.3, 0.1, 0.06, 0.04], [0.15, 0.1, 0.08, 0.07, 0.6]))
    view = what_if.prediction(before, after, LABELS[:5], count=2)
    [bars] = view.panels
    assert isinstance(bars, Bars) and bars.before is not None
    assert bars.labels == ("class 4", "class 0", "class 1")  # the leaders of both, by their larger probability
    np.testing.assert_array_equal(bars.before, before[[4, 0, 1]].numpy())
    assert "57.0 % of all probability has moved" in view.alt  # half of 0.35 + 0.2 + 0.02 + 0.01 + 0.56
    assert "changes from class 0 (50.0 % before, 15.0 % after) to class 4 (4.0 % before, 60.0 % after)" in view.alt


def test_the_heads_that_are_missed_most_come_first(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    result = compute.knock_out(tiny_model, tiny_trace, LABELS)
    matrix, bars = experiments.knocked_out(result).panels
    assert isinstance(matrix, Matrix) and isinstance(bars, Bars)
    np.testing.assert_array_equal(matrix.values, result.change.numpy())
    assert list(bars.values) == sorted(result.change.flatten().tolist())[:10]
    layer, head = result.most_needed
    assert bars.picks[0] == {what_if.HEAD: f"{layer}.{head}"}
    assert experiments.knocked_out(result).alt == result.sentence


def test_the_spread_over_the_picture_is_that_of_the_patches(
    tiny_model: VisionTransformer, tiny_trace: ForwardTrace
) -> None:
    after = tiny_model.trace(tiny_trace.image, Interventions.parse("mask=5"))
    effect = effect_of(tiny_trace, after)
    view = effects.spread(effect, LAYER, np.zeros((12, 12, 3), np.uint8))
    [tiles] = view.panels
    assert isinstance(tiles, Tiles) and tiles.values is not None
    start: Tensor = effect.moved[0, 1:].reshape(3, 3)
    np.testing.assert_array_equal(tiles.values[0], start.numpy())
    assert np.count_nonzero(tiles.values[0]) == 1 and tiles.values[0, 1, 1] > 0  # patch 5 of 3 x 3 is the middle
    assert "The first state to differ is z₀, in 1 of 9 patches" in view.alt
    lines = effects.over_layers(effect, LAYER, TOKEN).alt
    assert percent(effect.moved_all[-1]) in lines and number(effect.cosines[-1, 0]) in lines
    [picture] = what_if.picture(np.zeros((12, 12, 3), np.uint8), 3, {5}, "Click.").panels
    assert isinstance(picture, Picture) and picture.marked == (5,)
