"""The sizes of the model that is broken: what a reader may choose, and the numbers that follow from them."""

import re
from dataclasses import dataclass
from functools import cached_property
from math import prod

# Picture -> patch sizes that divide it. Together with the hidden sizes: N is never D, or a missing transpose would not
# be seen, and there are never 197 tokens, the number of B/16 at 224 pixels, which one of the bugs copies.
PATCHES = {24: (4, 6, 8), 32: (4, 8, 16), 48: (6, 8, 12, 16), 64: (8, 16)}
HIDDEN = {24: (2, 3, 4, 6), 40: (2, 4, 5, 8), 48: (2, 3, 4, 6, 8), 72: (2, 3, 4, 6, 8), 96: (2, 3, 4, 6, 8)}  # D -> k
BATCHES = (2, 3, 4, 6)  # with a batch of one, some of the bugs would hide


@dataclass(frozen=True)
class Sizes:
    """The values of the constants in ``explainer/break_it/model.py``, and the number of pictures."""

    image_size: int = 32
    patch_size: int = 8
    hidden_size: int = 48
    num_heads: int = 4
    batch: int = 2

    def __post_init__(self) -> None:
        if (
            self.patch_size not in PATCHES.get(self.image_size, ())
            or self.num_heads not in HIDDEN.get(self.hidden_size, ())
            or self.batch not in BATCHES
        ):
            raise ValueError(f"not among the sizes that can be chosen: {self}")

    @cached_property
    def letters(self) -> dict[str, int]:
        """The paper's letters and what else the bugs are written with, by name."""
        grid = self.image_size // self.patch_size
        patch, heads = self._odd_patch(), self._odd_heads()
        return {
            "B": self.batch,
            "S": self.image_size,
            "P": self.patch_size,
            "G": grid,
            "N": grid**2,
            "T": grid**2 + 1,  # tokens
            "D": self.hidden_size,
            "k": self.num_heads,
            "odd_patch": patch,  # does not divide the picture
            "odd_grid": self.image_size // patch,
            "odd_area": self.image_size**2 // patch**2,
            "left_over": self.image_size % patch,
            "odd_heads": heads,  # does not divide D
            "odd_left": self.hidden_size % heads,
            "odd_width": self.hidden_size // heads * heads,
        }

    def fill(self, template: str) -> str:
        """The letters in braces replaced by their numbers; ``{B*D}`` is their product."""

        def product(found: re.Match[str]) -> str:
            factors = found[1].split("*")
            return str(prod(int(factor) if factor.isdigit() else self.letters[factor] for factor in factors))

        return re.sub(r"\{([^{}]*)\}", product, template)

    def _odd_patch(self) -> int:
        """The patch size next to P that does not divide the picture, and whose patches are miscounted by areas."""
        size = self.image_size
        steps = (sign * step for step in range(1, size) for sign in (-1, 1))
        candidates = (self.patch_size + step for step in steps if 2 < self.patch_size + step < size)
        return next(candidate for candidate in candidates if size**2 // candidate**2 != (size // candidate) ** 2)

    def _odd_heads(self) -> int:
        return next(number for number in range(self.num_heads + 1, self.hidden_size) if self.hidden_size % number)
