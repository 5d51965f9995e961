"""From recorded calls to the operations of a ledger: names, arguments, multiply-adds, rules, and letters of axes."""

from explainer.shapes.describing.families import family_of
from explainer.shapes.describing.from_events import Names, failure_of, operations_of, shapes_of
from explainer.shapes.describing.named_axes import Pass, batch_of, of_another_batch, with_batch_axes, with_config_axes
from explainer.shapes.describing.rules import ROWS_NEED_NOT

__all__ = [
    "ROWS_NEED_NOT",
    "Names",
    "Pass",
    "batch_of",
    "failure_of",
    "family_of",
    "of_another_batch",
    "operations_of",
    "shapes_of",
    "with_batch_axes",
    "with_config_axes",
]
