"""The most probable class before and after a change, in words, and how far apart sums in another order may be."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from explainer.notation.wording import percent

ROUNDING = 1e-4  # of the largest number: what sums in another order can differ by, after all layers


@dataclass(frozen=True, eq=False)
class Prediction:
    """The most probable class."""

    label: str
    probability: float

    @classmethod
    def of(cls, logits: Float[Tensor, " classes"], labels: Sequence[str]) -> "Prediction":
        """The prediction of these logits."""
        probability, index = logits.softmax(-1).max(-1)
        return cls(labels[int(index)], float(probability))

    def __str__(self) -> str:
        return f"“{self.label}” ({percent(self.probability)})"

    def to(self, after: "Prediction") -> str:
        """In words, what has become of it."""
        if self.label == after.label:
            return f"“{self.label}” goes from {percent(self.probability)} to {percent(after.probability)}"
        return f"{self} becomes {after}"


def largest(values: Tensor) -> float:
    """The largest absolute value."""
    return values.abs().max().item()
