"""Panels put together to a view that knows what a click on it can choose."""

from dataclasses import replace

from explainer.panels import Frames, Panel, View


def view(alt: str, *rows: tuple[Panel, ...]) -> View:
    """A view of these rows; ``picks`` is read from the panels, so the two cannot disagree."""
    keys = {key for row in rows for panel in row for key in panel.pick_keys}
    return View(rows=rows, alt=alt, picks=tuple(sorted(keys)))


def explained(view: View, layer: int) -> View:
    """The same view, whose numbers are those of a forward pass, so that a click on one explains it."""
    return replace(view, explains=layer, picks=(*view.picks, "number"))


def explained_frames(frames: Frames) -> Frames:
    """The same frames, a click on whose numbers explains them. Their origins say which layer they are of."""
    return replace(frames, views=tuple(explained(each, 1) for each in frames.views))
