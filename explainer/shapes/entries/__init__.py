"""What a ledger holds: operations with their shapes, equal blocks as one row, and what differs between two ledgers."""

from explainer.shapes.entries.amounts import bytes_text, count_text, counted
from explainer.shapes.entries.differences import (
    Change,
    Differences,
    amount,
    common_module,
    differences,
    factor,
    inside,
    output_bytes,
)
from explainer.shapes.entries.ledger import Ledger, Subject
from explainer.shapes.entries.operations import Failure, Line, Operation, Row, TensorShape

__all__ = [
    "Change",
    "Differences",
    "Failure",
    "Ledger",
    "Line",
    "Operation",
    "Row",
    "Subject",
    "TensorShape",
    "amount",
    "bytes_text",
    "common_module",
    "count_text",
    "counted",
    "differences",
    "factor",
    "inside",
    "output_bytes",
]
