"""What a picture of tensors is made of: panels in rows, with one sentence that says what they show.

A view says *what* is drawn, never how: the canvas in ``explainer/components`` draws it in the browser from the bytes
that ``explainer/packing.py`` makes of it, and figures for export draw it with matplotlib. Every number in a panel is a
number of the model or of the picture. Arrays are NumPy: values float32, pixels uint8. Titles, captions, labels and
symbols may mark lowered and raised letters as LaTeX does, "x_{class}"; ``plain`` takes the marks out.
"""

from explainer.origins import Origin
from explainer.panels.charts import Bars, Part, Plot, Series, StackedBars, Strip, Strips
from explainer.panels.diagrams import CodeLine, Flow, Node, Walk, WalkStep, WalkTensor
from explainer.panels.maps import Looks, Matrix, Picture, Tiles
from explainer.panels.panel import Panel, Pick, Pixels, Scale, Values, plain
from explainer.panels.views import Frames, View

__all__ = [
    "Bars",
    "CodeLine",
    "Flow",
    "Frames",
    "Looks",
    "Matrix",
    "Node",
    "Origin",
    "Panel",
    "Part",
    "Pick",
    "Picture",
    "Pixels",
    "Plot",
    "Scale",
    "Series",
    "StackedBars",
    "Strip",
    "Strips",
    "Tiles",
    "Values",
    "View",
    "Walk",
    "WalkStep",
    "WalkTensor",
    "plain",
]
