"""Every number explained: its address, the rule that computes it, the working in words and HTML.

What reads an address alone imports ``explainer.numbers.address``, which needs nothing of the rest.
"""

from explainer.numbers.explaining import NumberExplanation, Pass, explain_number
from explainer.numbers.lines import YOUR_PICTURE, YOUR_WEIGHTS, Reproduction

__all__ = ["YOUR_PICTURE", "YOUR_WEIGHTS", "NumberExplanation", "Pass", "Reproduction", "explain_number"]
