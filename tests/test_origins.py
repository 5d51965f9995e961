"""Where an array's cell says that it comes from, there is that very number."""

import random
import re
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from explainer.experiments.effects import effect_of
from explainer.experiments.recordings import Recording, take_snapshot
from explainer.experiments.sides import MEAN, Side
from explainer.numbers import NumberExplanation, Pass, explain_number
from explainer.numbers.address import READ_OFFS, Address
from explainer.numbers.expressions import parse
from explainer.panels import Bars, Flow, Matrix, Origin, Panel, Picture, Plot, Strips, Tiles, View, Walk
from explainer.stages import STAGES, TensorRef
from explainer.tensors import find
from explainer.views.changes import compare_attention, effects, what_if
from explainer.views.compose import explained, explained_frames
from explainer.views.course import epochs, predict
from explainer.views.course.scenes import Scene
from explainer.views.tensor import WINDOW, Slice, heat_map, origin_of, windows
from tests.all_views import all_views
from tests.conftest import randomised
from vit_core import BlockTrace, ForwardTrace, Interventions, VisionTransformer, ViTConfig

LAYER, HEAD, TOKEN = 2, 3, 4


def counted(index: int | str, places: dict[str, int]) -> int | str:
    """What explainer/components/core/origin.js counts in the browser."""
    if isinstance(index, int) or index == "*":
        return index
    if averaged := re.fullmatch(r"([a-z]+)~(\d+)/(\d+)", index):
        whole, shown, at = int(averaged[2]), int(averaged[3]), places[averaged[1]]
        first, last = at * whole // shown, -(-(at + 1) * whole // shown) - 1
        return first if first == last else f"{first}-{last}"
    if re.fullmatch(r"\d+-\d+", index):
        return index
    found = re.fullmatch(r"([a-z]+)(?://(\d+))?(?:%(\d+))?([+-]\d+)?", index)
    assert found, index
    name, divisor, remainder, more = found.groups()
    value = places[name] // int(divisor or 1)
    return (value % int(remainder) if remainder else value) + int(more or 0)


def cells(panel: Panel) -> Iterator[tuple[Origin, dict[str, int], float]]:
    """Every cell of a panel that has an origin: its place by name, and the number that is drawn there."""
    match panel:
        case Matrix(origin=Origin() as origin, values=values):
            for (row, column), value in np.ndenumerate(values):
                place = row * values.shape[1] + column
                at = {"row": row + panel.row_start, "column": column + panel.column_start, "place": place}
                yield origin, at | {"each": min(row + panel.row_start, 1)}, float(value)
        case Tiles(origin=Origin() as origin, values=np.ndarray() as maps):
            for (tile, row, column), value in np.ndenumerate(maps):
                listed = origin.listed[tile] if origin.listed else -1
                at = {"tile": tile, "row": row, "column": column, "listed": listed, "each": tile}
                yield origin, at | {"place": row * maps.shape[2] + column}, float(value)
        case Picture(origin=Origin() as origin, overlay=np.ndarray() as overlay):
            for place, value in enumerate(overlay.reshape(-1)):
                yield origin, {"token": place + 1}, float(value)
            if panel.class_value is not None:
                yield origin, {"token": 0}, panel.class_value
        case Strips(strips=strips):
            for strip in strips:
                for place, value in enumerate(strip.values):
                    if strip.origin:
                        yield strip.origin, {"place": place}, float(value)
        case Bars(origin=Origin() as origin, values=values):
            for bar, value in enumerate(values):
                listed = origin.listed[bar] if origin.listed else -1
                yield origin, {"bar": bar, "listed": listed, "each": bar}, float(value)
        case Plot(series=series):
            for line in series:
                for point, value in enumerate(line.y):
                    if line.origin:
                        yield line.origin, {"point": point, "each": point}, float(value)
        case Walk(slices=slices):
            for tensor in slices:
                for (row, column), value in np.ndenumerate(tensor.values):
                    assert tensor.origin, tensor.name
                    yield tensor.origin, {"row": row, "column": column}, float(value)
        case Flow(nodes=nodes):
            for node in nodes:
                for thumbnail in node.thumbnails:
                    yield from cells(thumbnail)


def number_of(origin: Origin, places: dict[str, int], layer: int) -> str | None:
    """What explainer/components/core/origin.js sends."""
    if origin.function == "each":
        return number_of(origin.of[places["each"]], places, layer)
    if origin.function:
        parts = [number_of(each, places, layer) for each in origin.of]
        return f"{origin.function}({';'.join(map(str, parts))})" if all(parts) else None
    if not origin.tensor:
        return None
    index = [counted(each, places) for each in origin.index]
    is_of_layer = origin.layer is not None or origin.tensor.startswith(("block.", "layer."))
    of_layer = counted(layer if origin.layer is None else origin.layer, places) if is_of_layer else ""
    if any(isinstance(each, int) and each < 0 for each in (*index, of_layer)):
        return None
    side = f"{origin.side}@" if origin.side else ""
    return f"{side}{origin.tensor}:{of_layer}:{','.join(map(str, index))}"


def is_read_off(found: NumberExplanation) -> bool:
    """Whether no tensor of the trace holds the number: then the view has worked it out in 32 bits, in its own order."""
    return found.is_derived or found.address.tensor in READ_OFFS


class Reader:
    """Looks a cell up by the name that its origin gives it."""

    def __init__(self, model: VisionTransformer, trace: ForwardTrace, **others: ForwardTrace) -> None:
        self.model, self.trace = model, trace
        self.passes = {side: self.of(each) for side, each in {"": trace, **others}.items()}

    def of(self, trace: ForwardTrace) -> Pass:
        model = self.model
        blocks = {layer: model.trace_block(trace, layer) for layer in range(1, model.config.num_layers + 1)}
        return Pass(model, trace, blocks.__getitem__)

    def explain(self, number: str) -> NumberExplanation:
        return explain_number(parse(number), self.passes.__getitem__)

    def check(self, view: View, layer: int, most: int = 12, is_exact: bool = True) -> int:
        """Some cells of every panel; how many of them have an address."""
        dice, count = random.Random(0), 0
        for panel in view.panels:
            all_cells = list(cells(panel))
            for origin, places, value in dice.sample(all_cells, min(most, len(all_cells))):
                if (number := number_of(origin, places, layer)) is None:
                    continue
                found = self.explain(number)
                if is_read_off(found) or not is_exact:
                    # Sums of at most some thousand products of size 1 in 32 bits: their rounding is below 1e-5.
                    assert found.value == pytest.approx(value, rel=1e-5, abs=1e-5), (panel.title, number)
                else:
                    assert found.value == value, (panel.title, number)
                count += 1
        return count


@pytest.fixture(scope="module")
def reader(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> Reader:
    """With the sides of the views of two passes, as tests/all_views.py has them."""
    return Reader(tiny_model, tiny_trace, left=tiny_trace, right=tiny_model.trace(tiny_trace.image.flip(-1)))


WITH_ORIGINS = (
    "patches.grid",
    "patches.projection",
    "embedding.sum_of_token",
    "embedding.sequence",
    "layer_norm.of_token",
    "self_attention.query_key_value",
    "self_attention.score_steps",
    "attention.over_picture",
    "attention.heads",
    "self_attention.head_output",
    "self_attention.joined",
    "residual.norms",
    "mlp.activations",
    "mlp.strongest_neurons",
    "depth.layers_by_heads",
    "head.representation",
    "head.top_classes",
    "head.softmax_steps",
    "head.logit_terms",
    "embedding.position_similarity",
    "mlp.gelu_curve",
    "depth.update_sizes",
    "depth.class_token_path",
    "lens.logit_lens",
    "lens.read_off",
    "depth.rollout",
    "depth.attention_distance",
    "overview.pipeline",
    "overview.prediction",
    "walk.forward",
    "walk.entered",
    "compare.predictions",
    "compare_attention.attention",
    "compare_attention.heads_moved",
    "compare.positions",
    "compare_depth.norms",
    "compare_depth.cosines",
    "compare_depth.across_layers",
    "compare_depth.logit_lens",
)


@pytest.mark.parametrize("token", [0, TOKEN])
def test_every_origin_leads_to_the_number_that_is_drawn(reader: Reader, token: int) -> None:
    pixels = np.zeros((12, 12, 3), np.uint8)
    views = all_views(reader.model, reader.trace, pixels, LAYER, HEAD, token)
    for name, make in views.items():
        count = reader.check(make(), LAYER)
        assert count or name not in WITH_ORIGINS or (name == "patches.grid" and token == 0), name


def references() -> list[TensorRef]:
    return [reference for stage in STAGES.values() for reference in stage.tensors]


@pytest.mark.parametrize("reference", references(), ids=lambda each: f"{each.source}.{each.field}[{each.index}]")
def test_every_tensor_of_every_stage_can_be_opened_and_explained(
    reference: TensorRef, reader: Reader, tiny_block: BlockTrace
) -> None:
    """tiny_block is the trace of layer 2."""
    axes, tensor = find(reader.model, reader.trace, tiny_block, reference, LAYER)
    fixed = tuple(size - 1 for size in tensor.shape[:-2])
    shown = Slice(
        tensor[fixed] if fixed else tensor, axes[len(fixed) :], origin_of(reference, reader.model.config, LAYER, fixed)
    )
    assert reader.check(heat_map("tensor", "z", shown), LAYER, 40) > 0


def test_a_large_tensor_is_shown_in_parts(reader: Reader) -> None:
    values = np.arange(300 * 520, dtype=np.float32).reshape(300, 520)
    shown = Slice(torch.from_numpy(values), ("rows", "columns"), Origin("x", ("row", "column")))
    seen = 0
    for row in windows(300):
        for column in windows(520):
            view = heat_map("large", "z", shown, row_start=row, column_start=column)
            (panel,) = view.panels
            assert isinstance(panel, Matrix) and max(panel.values.shape) <= WINDOW
            for origin, places, value in list(cells(panel))[:: 97 * 8]:
                number = number_of(origin, places, 1)
                assert number is not None and values[Address.parse(number).index] == value
            seen += panel.values.size
    assert seen == values.size


def test_a_view_explains_only_where_it_says_so(reader: Reader) -> None:
    view = all_views(reader.model, reader.trace, np.zeros((12, 12, 3), np.uint8), LAYER, HEAD, TOKEN)[
        "attention.heads"
    ]()
    assert view.explains is None and "number" not in view.picks
    again = explained(view, LAYER)
    assert again.explains == LAYER and set(again.picks) == {*view.picks, "number"}


# Pages that show other passes than their own


def test_what_if_explains_the_changed_pass_beside_the_plain_one(
    tiny_model: VisionTransformer, tiny_trace: ForwardTrace
) -> None:
    changed = tiny_model.trace(tiny_trace.image, Interventions.parse("heads=2.1:zero;positions=zero"))
    reader = Reader(tiny_model, tiny_trace, changed=changed)
    effect, labels = effect_of(tiny_trace, changed), [f"class {c}" for c in range(tiny_model.config.num_classes)]
    pixels = np.zeros((12, 12, 3), np.uint8)
    views = (
        what_if.prediction(tiny_trace.probabilities, changed.probabilities, labels),
        what_if.heads(changed, TOKEN, [(2, 1)]),
        effects.over_layers(effect, LAYER, TOKEN),
        effects.spread(effect, LAYER, pixels),
        what_if.attention(tiny_trace, changed, LAYER, HEAD, TOKEN, (pixels, pixels)),
    )
    for view in views:
        assert reader.check(view, LAYER, 40) > 0


def test_the_mean_of_all_heads_is_explained_on_both_sides(reader: Reader) -> None:
    pixels = np.zeros((12, 12, 3), np.uint8)
    left, right = (
        Side(name, reader.model, reader.passes[name].trace, pixels, ("a",) * 7, LAYER, MEAN, TOKEN)  # type: ignore[arg-type]
        for name in ("left", "right")
    )
    assert reader.check(compare_attention.attention(left, right), LAYER, 40) > 0


@pytest.mark.parametrize("names", [("toy",), ("toy", "other")])
def test_epochs_explain_the_pass_of_their_own_epoch(
    names: tuple[str, ...], tiny_config: ViTConfig, tiny_image: Tensor
) -> None:
    recordings, passes = [], {}
    for run, name in enumerate(names):
        models = [randomised(VisionTransformer(tiny_config), seed=10 * run + epoch) for epoch in range(3)]
        snapshots = tuple(take_snapshot(epoch, model, tiny_image) for epoch, model in enumerate(models))
        pixels = np.zeros((12, 12, 3), np.uint8)
        labels = tuple(f"class {c}" for c in range(tiny_config.num_classes))
        recordings.append(Recording(name, labels, tiny_config, pixels, snapshots))
        passes |= {f"run:{name}:{epoch}": Pass(model, model.trace(tiny_image)) for epoch, model in enumerate(models)}
    scenes = [Scene(each, LAYER, HEAD, TOKEN) for each in recordings]
    reader = Reader(models[0], models[0].trace(tiny_image))
    reader.passes = passes
    for frames in (
        epochs.prediction(scenes),
        epochs.attention_maps(scenes, shared=True),
        epochs.logit_lens(scenes),
        epochs.positions(scenes),
        epochs.movement(scenes),
    ):
        assert "number" not in frames.picks and "number" in explained_frames(frames).picks
        for view in frames.views:
            # A snapshot reads its probabilities off with all layers at once, in another order than the pass itself.
            assert reader.check(view, LAYER, is_exact=False) > 0


def test_predictions_explain_the_pass_of_their_own_picture_and_no_other_way_of_reading(reader: Reader) -> None:
    pixels, labels = np.zeros((12, 12, 3), np.uint8), ["a", "b", "c", "d", "e", "f", "g"]
    one, other = reader.passes["left"].trace, reader.passes["right"].trace
    there = Reader(reader.model, reader.trace, **{"picture:one": one})
    best = one.probabilities.topk(3)
    top = [(labels[c], float(p)) for c, p in zip(best.indices.tolist(), best.values, strict=True)]
    origin = predict.probabilities_of(best.indices.tolist(), "picture:one")
    assert there.check(predict.card(pixels, "one.png", top, None, None, origin), 1) == 3
    assert there.check(predict.card(pixels, "one.png", top, None, None), 1) == 0
    says = {"as trained": one.probabilities, "squashed": other.probabilities}
    ways = predict.preprocessing(dict.fromkeys(says, pixels), says, labels, side="picture:one")
    assert there.check(ways, 1) == 5  # of the first way; its differences and the other way have none
