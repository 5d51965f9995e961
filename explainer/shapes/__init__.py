"""Shapes: those that our model's traces declare, and those of every operation that ran in anybody's model."""

from explainer.notation.declared import AXES, Shape, axes_of, dimensions, letters, shape, shape_of, size_of
from explainer.shapes.ledgers import config_ledger, ledger
from explainer.shapes.mistakes import MISTAKES, Diagnosis, diagnose
from explainer.shapes.operations import Failure, Ledger, Line, Operation, Row, TensorShape

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
