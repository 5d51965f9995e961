"""The steps of Step through: the whole forward pass as a film, which has its equations and its code inside."""

from collections.abc import Mapping

from explainer.panels import View
from explainer.steps.step import LAYER, Moment, Picture, Reads, Step
from explainer.views.walk import walk

FIRST_TOKEN: Mapping[str, int] = {"walk": 0}  # what a page follows while no token is chosen, where not the middle
HEAD_WITHOUT_LAYER: Reads = frozenset({"head", "token"})


def _film(now: Moment) -> View:
    labels = now.checkpoint.labels
    film = walk.forward(now.model, now.trace, now.pixels, labels, now.head, now.token, now.block_of)
    return walk.entered(film, now.layer)


WALK = (Step("film", Picture("walk", _film, HEAD_WITHOUT_LAYER, LAYER), claims=(1, 2, 3, 4), is_wide=True),)
