"""Shapes: those that our model's traces declare, and those of every operation that ran in anybody's model."""

from explainer.notation.declared import AXES, Shape, axes_of, dimensions, letters, shape, shape_of, size_of
from explainer.shapes.diagnosis.mistakes import MISTAKES, Diagnosis, diagnose
from explainer.shapes.entries.ledger import Ledger, show_ledgers_with
from explainer.shapes.entries.operations import Failure, Line, Operation, Row, TensorShape
from explainer.shapes.ledgers import config_ledger, ledger
from explainer.shapes.rendering import html, text_table

__all__ = [
    "AXES",
    "MISTAKES",
    "Diagnosis",
    "Failure",
    "Ledger",
    "Line",
    "Operation",
    "Row",
    "Shape",
    "TensorShape",
    "axes_of",
    "config_ledger",
    "diagnose",
    "dimensions",
    "ledger",
    "letters",
    "shape",
    "shape_of",
    "size_of",
]

# Rendering reads ledgers, never the other way round: here a ledger learns how a console and a notebook show it.
show_ledgers_with(text=text_table.for_console, html=html.fragment)
