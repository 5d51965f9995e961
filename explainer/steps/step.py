"""What a step is, and the moment of a forward pass that it is shown at."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from explainer.notation.equations import EQUATIONS, FORMULAS, Equation, Formula
from explainer.panels import View
from vit_core import BlockTrace, Checkpoint, ForwardTrace, VisionTransformer, ViTConfig

Reads = frozenset[str]  # names of choices: layer, head, token, and those that a page has of its own

NOTHING: Reads = frozenset()
LAYER: Reads = frozenset({"layer"})
TOKEN: Reads = frozenset({"token"})
HEAD_AND_TOKEN: Reads = frozenset({"layer", "head", "token"})
LAYER_AND_TOKEN: Reads = frozenset({"layer", "token"})
LAYER_AND_HEAD: Reads = frozenset({"layer", "head"})


class Moment(Protocol):
    """One forward pass of one image, looked at in one layer, head and token."""

    @property
    def checkpoint(self) -> Checkpoint:
        """Where the weights come from."""

    @property
    def model(self) -> VisionTransformer:
        """The model that runs."""

    @property
    def trace(self) -> ForwardTrace:
        """Its forward pass of the image."""

    @property
    def config(self) -> ViTConfig:
        """Its sizes."""

    @property
    def block(self) -> BlockTrace:
        """The insides of the layer."""

    def block_of(self, layer: int) -> BlockTrace:
        """The insides of any layer."""

    @property
    def layer(self) -> int:
        """1..L."""

    @property
    def head(self) -> int:
        """1..k."""

    @property
    def token(self) -> int:
        """0..N; 0 is the class token."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The image as the model sees it, [H, W, 3]."""

    @property
    def norms(self) -> dict[str, NDArray[np.float32]]:
        """The lengths of the token and of its updates in every layer, as ``views.depth.residual_norms`` has them."""


@dataclass(frozen=True)
class Picture:
    """The picture of a step: a view of the moment, and what of the choice it has to be made anew for."""

    name: str  # also its links', in explainer/links.py
    make: Callable[[Any], View]  # of the page's moment
    reads: Reads = NOTHING
    follows: Reads = NOTHING  # what of the choice it shows by itself in the browser, without being made anew


@dataclass(frozen=True)
class Step:
    """One step of a stage. Its heading and its words are the section ``slug`` of the stage's text."""

    slug: str
    picture: Picture | None
    equations: tuple[int, ...] = ()
    formulas: tuple[str, ...] | Callable[[Moment], tuple[str, ...]] = ()
    claims: tuple[int | str, ...] = ()  # what is proved here: equations, and keys of proofs.FACTS
    code: tuple[int | str, ...] | None = None  # whose lines are shown; None: those of its equations and formulas
    is_wide: bool = False  # the picture above the mathematics, instead of next to it
    has_pseudocode: bool = False  # below each equation
    is_prose: bool = False  # its words are all there is, or more than fits into a window: none of them is folded
    table: Callable[[Any], str] | None = None  # HTML of what is no picture, of the page's moment
    note: Callable[[Any], str] | None = None  # what else is to be known of the model here
    is_told: bool = False  # what its pictures show is said in sentences next to them: their alternative texts
    is_grouped: bool = False  # each equation with its own line and proof; its claims are its equations
    result: Picture | None = None  # a second picture, below the mathematics: what comes of it
    controls: Callable[[Any], str] | None = None  # HTML of what is chosen here, of the page's moment
    controls_read: Reads = NOTHING

    def written(self, moment: Moment) -> tuple[Equation | Formula, ...]:
        """Its equations, then its formulas."""
        names = self.formulas(moment) if callable(self.formulas) else self.formulas
        return (*(EQUATIONS[number] for number in self.equations), *(FORMULAS[name] for name in names))

    def computed(self, moment: Moment) -> tuple[Equation | Formula, ...]:
        """The equations and formulas whose lines of code it shows."""
        if self.code is None:
            return tuple(item for item in self.written(moment) if item.code is not None)
        return tuple(EQUATIONS[each] if isinstance(each, int) else FORMULAS[each] for each in self.code)
