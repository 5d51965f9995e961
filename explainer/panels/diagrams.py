"""Diagrams of the whole model: the flow through it, and the walk that plays it moment by moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from explainer.origins import Origin
from explainer.panels.panel import Panel, Pixels, Scale, Values


@dataclass(frozen=True, eq=False)
class Node:
    """One part of a flow diagram: its symbol and name, small pictures of its real tensors, the page it leads to."""

    name: str
    label: str
    symbol: str  # "z₀", "A", "x_{class}"
    quantity: str
    shape: str  # "65 × 192"
    page: str | None = None
    thumbnails: tuple[Panel, ...] = ()
    group: str | None = None  # nodes of one group are framed together: "Transformer encoder: layer 3 of 6"
    page_title: str = ""  # of the page it leads to
    joins: Literal["", ";", "+"] = ""  # not made of the node before it: comes in beside it, by this sign of Eq. 1
    tensors: tuple[str, ...] = ()  # keys of what it stands for, as explainer/links.py makes them


@dataclass(frozen=True, kw_only=True, eq=False)
class Flow(Panel):
    """A diagram of nodes in reading order, joined by arrows; skips are extra arrows (from, to) by node name."""

    nodes: tuple[Node, ...]
    skips: tuple[tuple[str, str], ...] = ()
    columns: int | None = None  # the most nodes in a line, where their number depends on what is chosen

    @property
    def pick_keys(self) -> set[str]:
        """The page that a node leads to."""
        return {"page"} if any(node.page for node in self.nodes) else set()

    @property
    def quantities(self) -> set[str]:
        """Its own, those of its nodes and of their thumbnails."""
        small = (thumbnail.quantities for node in self.nodes for thumbnail in node.thumbnails)
        return {self.quantity, *(node.quantity for node in self.nodes)}.union(*small)


@dataclass(frozen=True, eq=False)
class WalkTensor:
    """A tensor of the forward pass, or the first columns of it: a row for each token, unless it has no tokens."""

    name: str  # "3.attention_input": the layer, 0 before the first, and the field of the trace
    symbol: str  # "LN(z₂)"
    quantity: str
    values: Values  # [rows, columns that are drawn]
    scale: Scale
    shape: str  # of the whole tensor, "65 × 256"
    note: str = ""  # what of it is drawn: "columns 0…47 of 256"
    origin: Origin | None = None
    tensors: tuple[str, ...] = ()  # its key, as explainer/links.py makes it


@dataclass(frozen=True, eq=False)
class WalkStep:
    """One moment of the forward pass: what is computed from what, as an equation, in words, and in numbers."""

    name: str  # "weights"
    title: str
    sentence: str
    equation: str  # a key of Walk.equations
    lit: tuple[str, ...]  # the symbols of the equation that are computed now
    shape: str  # of what the moment makes
    page: str
    page_title: str
    layer: int = 0  # 1..L inside the encoder, 0 before it, L + 1 behind it
    is_detail: bool = False  # passed over in layers that the reader has not entered
    reads: tuple[str, ...] = ()  # names of Walk.slices
    makes: tuple[str, ...] = ()
    tensors: tuple[str, ...] = ()  # keys of what it makes, as explainer/links.py makes them
    sources: tuple[str, ...] = ()  # and of what it makes that of


@dataclass(frozen=True, eq=False)
class CodeLine:
    """A line of the program, cut where its names have the colour of a quantity; "" for what has none."""

    path: str
    number: int
    pieces: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Walk(Panel):
    """The forward pass of one picture, moment by moment: played, stepped and scrubbed in the browser."""

    pixels: Pixels
    grid_size: int
    steps: tuple[WalkStep, ...]  # in the order of computation
    slices: tuple[WalkTensor, ...]  # of the tensors, by name
    equations: Mapping[str, str]  # MathML by key
    equation_titles: Mapping[str, str]
    labels: tuple[str, ...]  # of the classes
    num_layers: int
    num_heads: int
    layer: int  # entered at first
    head: int
    token: int  # whose way is followed
    start: int = 0  # the number of the step that is shown first, and drawn where nothing moves
    symbols: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)  # of an equation -> their keys
    code: Mapping[str, CodeLine] = field(default_factory=dict)  # by the name of a step

    @property
    def pick_keys(self) -> set[str]:
        """What the reader may choose for the whole app, and the page of a moment."""
        return {"head", "layer", "page", "token"}

    @property
    def quantities(self) -> set[str]:
        """Its own and those of its slices."""
        return {self.quantity, *(one.quantity for one in self.slices)}
