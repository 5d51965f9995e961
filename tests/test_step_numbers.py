"""Every number of the picture of every step is that of the forward pass, to the last bit where a tensor holds it."""

from collections import defaultdict

import numpy as np
import pytest
from numpy.typing import NDArray

from explainer.numbers import Pass, explain_number
from explainer.numbers.address import READ_OFFS, Address, checked
from explainer.numbers.expressions import parse
from explainer.origins import Origin
from explainer.panels import Flow, Looks, Panel, Picture
from tests.step_views import PICTURES, pass_of, session, view_of
from tests.test_origins import cells, counted, number_of

DERIVED = 40  # numbers of a kind that are worked out again; what a tensor holds is compared whole
Places = dict[str, int]


def by_origin(panel: Panel) -> dict[Origin, list[tuple[Places, float]]]:
    """The cells of a panel, each with its place and its number, by where their numbers come from."""
    found = defaultdict(list)
    for origin, places, shown in cells(panel):
        while origin.function == "each":
            origin = origin.of[places["each"]]
        if origin.function or origin.tensor:
            found[origin].append((places, shown))
    return found


def check_held(origin: Origin, held: list[tuple[Places, float]], one: Pass, layer: int) -> None:
    """Numbers that a tensor holds."""
    places = {name: np.array([at[name] for at, _ in held]) for name in held[0][0]}
    shown = np.array([value for _, value in held], "f4")
    layers = np.broadcast_to(np.array(counted(layer if origin.layer is None else origin.layer, places)), shown.shape)
    index: list[NDArray[np.int64]] = [np.broadcast_to(counted(each, places), shown.shape) for each in origin.index]
    is_there = np.all([each >= 0 for each in (*index, layers)], axis=0)
    assert is_there.sum() > 0.9 * len(shown)
    for of_layer in np.unique(layers[is_there]).tolist():
        chosen = is_there & (layers == of_layer)
        asked = Address(origin.tensor, of_layer, tuple(int(each[chosen][0]) for each in index))
        address = checked(asked, one.model)
        values = np.asarray(one.numbers("").tensor(address.tensor, address.layer))[
            tuple(each[chosen] for each in index)
        ]
        if origin.tensor in READ_OFFS:  # computed again by other code, in 32 bits: sums of products of size 1
            np.testing.assert_allclose(values, shown[chosen], rtol=1e-5, atol=1e-5)
        else:
            assert values.astype("f4").tobytes() == shown[chosen].tobytes()


@pytest.mark.parametrize(("page", "slug"), PICTURES)
def test_every_number_of_a_panel_is_the_tensors(page: str, slug: str) -> None:
    now, view = session(), view_of(page, slug)
    layer = view.explains or now.layer
    for panel in view.panels:
        if isinstance(panel, Looks):
            assert np.array_equal(panel.weights, np.stack([each.numpy() for each in now.trace.attention_weights]))
        if isinstance(panel, Flow):
            continue  # its small pictures are of neighbours averaged: tests/test_origins.py
        for origin, held in by_origin(panel).items():
            if not origin.function:
                check_held(origin, held, pass_of(origin.side), layer)
                continue
            for places, shown in held[:: max(1, len(held) // DERIVED)]:
                found = explain_number(parse(str(number_of(origin, places, layer))), pass_of)
                # A difference of two lengths near 30 has their rounding in 32 bits, 30 x 2**-24 x a few.
                assert found.value == pytest.approx(shown, rel=1e-5, abs=3e-5), (panel.title, found.number)


def test_the_smooth_map_of_the_rollout_has_the_same_numbers() -> None:
    smooth, cut = view_of("encoder", "rollout").panels[1:]
    assert isinstance(smooth, Picture) and isinstance(cut, Picture) and smooth.overlay is not None
    assert np.array_equal(smooth.overlay, cut.overlay)
