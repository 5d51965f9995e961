"""The picture of every step of the forward pass, for one choice of the reader; and the arrays of its panels."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.app.session import Session, block, open_session, trace
from explainer.app.state import State
from explainer.app.steps import packets
from explainer.app.steps.route import open_moment
from explainer.numbers import Pass
from explainer.panels import Bars, Flow, Looks, Matrix, Panel, Picture, Plot, StackedBars, Strips, Tiles, View
from explainer.steps.forward_pass import STEPS

Array = NDArray[np.float32] | NDArray[np.uint8]
PICTURES = [(page, step.slug) for page, steps in STEPS.items() for step in steps if step.picture]


@cache
def session() -> Session:
    return open_session(State(picture="cat", layer=3, head=2, token=20))[0]


CHOICE = {"picture": "cat", "layer": "3", "head": "2", "token": "20"}
OWN = {
    "what_if": {"changes": "mask=12-15;heads=3.1:zero"},
    "compare": {"other_picture": "astronaut", "other_layer": "5"},
}


@cache
def moment_of(page: str) -> Any:
    return open_moment(page, CHOICE | OWN.get(page, {}))


@cache
def view_of(page: str, slug: str) -> View:
    return packets.exact_view(packets.find_step(page, slug), moment_of(page))


def pass_of(side: str) -> Pass:
    """The forward pass of a side of the pages that show two: with the changes, or of the other image."""
    picture = "astronaut" if side == "right" else "cat"
    changes = OWN["what_if"]["changes"] if side == "changed" else ""
    forward = trace("embedded", picture, changes)
    return Pass(session().model, forward, lambda layer: block("embedded", picture, layer, changes))


def arrays_of(panel: Panel) -> Iterator[Array]:
    """The numbers of a panel as its files have them, array by array."""
    match panel:
        case Matrix():
            yield panel.values
        case Tiles():
            values = panel.values if panel.pixels is None else panel.pixels
            assert values is not None
            yield values
        case Picture(overlay=None):
            yield panel.pixels
        case Picture(overlay=np.ndarray() as overlay):
            first = panel.class_value
            yield overlay if first is None else np.concatenate([np.float32([first]), overlay.ravel()])
        case Strips():
            yield from (strip.values for strip in panel.strips)
        case Bars():
            yield from [panel.values] if panel.before is None else [panel.values, panel.before]
        case Plot():
            for series in panel.series:
                yield from (series.x, series.y)
        case Looks():
            weights = panel.weights[panel.layers.index(panel.layer)]
            yield from (weights[:, panel.token], weights[:, :, panel.token])
        case StackedBars():
            yield from (part.values for part in panel.parts)
        case Flow():
            pass
        case _:
            raise TypeError(f"say here which numbers a {type(panel).__name__} shows")
