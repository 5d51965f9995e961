"""Weights looked at before they are used: whose naming they have, their sizes, and what is wrong with them."""

from vit_core.examination.examining import Examination, examine
from vit_core.examination.expectations import Expectation
from vit_core.examination.findings import Finding

__all__ = ["Examination", "Expectation", "Finding", "examine"]
