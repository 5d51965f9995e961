"""One colour per quantity, the same in equation, code, table, diagram and picture; light and dark."""

from dataclasses import dataclass
from typing import Literal

Scheme = Literal["light", "dark"]


@dataclass(frozen=True)
class Quantity:
    """A tensor of the paper that has a colour of its own, as text on the page's background in both schemes."""

    name: str
    light: str
    dark: str

    def colour(self, scheme: Scheme) -> str:
        """The hexadecimal colour for ``scheme``."""
        return self.light if scheme == "light" else self.dark


QUANTITIES = {
    quantity.name: quantity
    for quantity in (
        Quantity("image", "#44546a", "#b6c2d2"),  # x, x_p
        Quantity("E", "#5a3fc0", "#b3a6ff"),
        Quantity("class_token", "#007a8c", "#56d3e6"),
        Quantity("E_pos", "#b8246b", "#ff93bf"),
        Quantity("z", "#0b5cad", "#74b9ff"),
        Quantity("q", "#b34700", "#ffa05c"),
        Quantity("k", "#2f7a1f", "#93d96c"),
        Quantity("v", "#8d3f9e", "#e3a0ee"),
        Quantity("A", "#8a6500", "#f5cf57"),
        Quantity("mlp", "#99342c", "#ff9a8d"),
        Quantity("y", "#22303f", "#f0ece4"),  # y, logits, probabilities
    )
}
