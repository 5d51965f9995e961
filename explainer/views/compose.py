"""Panels put together to a view that knows what a click on it can choose."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

from explainer import origins
from explainer.panels import Bars, Flow, Frames, Looks, Matrix, Panel, Picture, Plot, Strips, Tiles, View, Walk


def view(alt: str, *rows: tuple[Panel, ...]) -> View:
    """A view of these rows; ``picks`` is read from the panels, so the two cannot disagree."""
    keys = {key for row in rows for panel in row for key in _pick_keys(panel)}
    return View(rows=rows, alt=alt, picks=tuple(sorted(keys)))


def explained(view: View, layer: int) -> View:
    """The same view, whose numbers are those of a forward pass, so that a click on one explains it."""
    return replace(view, explains=layer, picks=(*view.picks, "number"))


def explained_frames(frames: Frames) -> Frames:
    """The same frames, a click on whose numbers explains them. Their origins say which layer they are of."""
    return replace(frames, views=tuple(explained(each, 1) for each in frames.views))


def on_side(panel: Panel, side: str, layer: int) -> Panel:
    """The panel, whose numbers are those of another forward pass of the page."""

    def moved(part: Any) -> Any:
        return replace(part, origin=origins.on_side(part.origin, side, layer)) if part.origin else part

    match panel:
        case Strips(strips=parts):
            return replace(panel, strips=tuple(map(moved, parts)))
        case Plot(series=parts):
            return replace(panel, series=tuple(map(moved, parts)))
        case Picture() | Matrix() | Tiles() | Bars():
            return cast(Panel, moved(panel))
    return panel


def _pick_keys(panel: Panel) -> Iterator[str]:
    match panel:
        case Picture(pick_tokens=True, pick_as=str(key)):
            yield key
        case Matrix(pick="row" | "column"):
            yield "token"
        case Picture(brush=str(key)):
            yield key
        case Tiles(picks=picks) | Bars(picks=picks):
            for pick in picks:
                yield from pick
        case Plot(pick=str(key)):
            yield key
        case Looks():
            yield from ("token", "layer", "head")
        case Flow(nodes=nodes) if any(node.page for node in nodes):
            yield "page"
        case Walk():
            yield from ("head", "layer", "page", "token")
