"""What all moments of the walk are made with."""

from dataclasses import dataclass, replace

from torch import Tensor

from explainer.notation.wording import number, sentence, the_token
from explainer.panels import WalkStep
from explainer.stages import STAGES


@dataclass(frozen=True)
class Subject:
    """Whose way through the model is shown: one token's, in one head where heads differ."""

    token: int
    head: int
    grid_size: int

    @property
    def name(self) -> str:
        """ "the class token", "the patch in row 2, column 3"."""
        return the_token(self.token, self.grid_size)

    def other(self, token: int) -> str:
        """Another token, or the same."""
        return "itself" if token == self.token else the_token(token, self.grid_size)


def moment(name: str, title: str, words: str, equation: str, lit: str, shape: str, page: str) -> WalkStep:
    """A moment that has no layer yet; ``lit`` are symbols with spaces between them."""
    return WalkStep(name, title, sentence(words), equation, tuple(lit.split()), shape, page, STAGES[page].title)


def deviation(row: Tensor) -> str:
    """The standard deviation of a token's numbers."""
    return number(row.std(unbiased=False))


def placed(step: WalkStep, layer: int, reads: tuple[str, ...], makes: tuple[str, ...]) -> WalkStep:
    """The moment in its layer, with the slices that it reads and makes."""
    named = [tuple(f"{layer}.{name}" for name in names) for names in (reads, makes)]
    return replace(step, layer=layer, reads=named[0], makes=named[1])
