"""Where an array's cell says that it comes from, there is that very number."""

import random
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from explainer.number_address import Address, checked
from explainer.numbers import explain
from explainer.panels import Bars, Matrix, Origin, Panel, Picture, Strips, Tiles, View
from explainer.stages import STAGES, TensorRef
from explainer.tensors import find
from explainer.views.compose import explained
from explainer.views.tensor import WINDOW, Slice, heat_map, origin_of, windows
from tests.all_views import all_views
from vit_core import BlockTrace, ForwardTrace, VisionTransformer

LAYER, HEAD, TOKEN = 2, 3, 4


def counted(index: int | str, places: dict[str, int]) -> int:
    """What explainer/components/origin.js counts in the browser."""
    if isinstance(index, int):
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
                yield origin, at, float(value)
        case Tiles(origin=Origin() as origin, values=np.ndarray() as maps):
            for (tile, row, column), value in np.ndenumerate(maps):
                listed = origin.listed[tile] if origin.listed else -1
                at = {"tile": tile, "row": row, "column": column, "listed": listed}
                yield origin, at | {"place": row * maps.shape[2] + column}, float(value)
        case Picture(origin=Origin() as origin, overlay=np.ndarray() as overlay):
            for place, value in enumerate(overlay.reshape(-1)):
                yield origin, {"token": place + 1}, float(value)
            assert panel.class_value is not None
            yield origin, {"token": 0}, panel.class_value
        case Strips(strips=strips):
            for strip in strips:
                for place, value in enumerate(strip.values):
                    if strip.origin:
                        yield strip.origin, {"place": place}, float(value)
        case Bars(origin=Origin() as origin, values=values):
            for bar, value in enumerate(values):
                yield origin, {"bar": bar, "listed": origin.listed[bar]}, float(value)


def address_of(origin: Origin, places: dict[str, int], layer: int) -> Address | None:
    index = tuple(counted(each, places) for each in origin.index)
    of_layer = layer if origin.layer is None else counted(origin.layer, places)
    return None if min(index) < 0 else Address(origin.tensor, of_layer, index)


class Reader:
    """Looks a cell up by its address."""

    def __init__(self, model: VisionTransformer, trace: ForwardTrace) -> None:
        self.model, self.trace = model, trace
        self.blocks = {layer: model.trace_block(trace, layer) for layer in range(1, model.config.num_layers + 1)}

    def value(self, address: Address) -> float:
        found = checked(address, self.model)
        numbers: Any = explain(
            self.model, self.trace, found.layer, found.tensor, found.index, block_of=self.blocks.__getitem__
        )
        return float(numbers.value)

    def check(self, view: View, layer: int, most: int = 12) -> int:
        """Some cells of every panel; how many of them have an address."""
        dice, count = random.Random(0), 0
        for panel in view.panels:
            all_cells = list(cells(panel))
            for origin, places, value in dice.sample(all_cells, min(most, len(all_cells))):
                if (address := address_of(origin, places, layer)) is not None:
                    assert self.value(address) == value, (panel.title, origin, places)
                    count += 1
        return count


@pytest.fixture(scope="module")
def reader(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> Reader:
    return Reader(tiny_model, tiny_trace)


WITH_ORIGINS = (
    "patches.grid", "patches.projection", "embedding.sum_of_token", "embedding.sequence", "attention.layer_norm",
    "attention.query_key_value", "attention.score_steps", "attention.over_picture", "attention.heads",
    "attention.head_output", "attention.joined", "residual.norms", "mlp.activations", "mlp.strongest_neurons",
    "depth.layers_by_heads", "head.representation", "head.top_classes", "head.softmax_steps", "head.logit_terms",
)  # fmt: skip


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
    shown = Slice(tensor[fixed] if fixed else tensor, axes[len(fixed) :], origin_of(
        reference, reader.model.config, LAYER, fixed
    ))  # fmt: skip
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
                address = address_of(origin, places, 1)
                assert address is not None and values[address.index] == value
            seen += panel.values.size
    assert seen == values.size


def test_a_view_explains_only_where_it_says_so(reader: Reader) -> None:
    view = all_views(reader.model, reader.trace, np.zeros((12, 12, 3), np.uint8), LAYER, HEAD, TOKEN)[
        "attention.heads"
    ]()
    assert view.explains is None and "number" not in view.picks
    again = explained(view, LAYER)
    assert again.explains == LAYER and set(again.picks) == {*view.picks, "number"}
