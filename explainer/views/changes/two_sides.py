"""What the views of two forward passes share: how a difference is drawn, and where it comes from."""

from jaxtyping import Float
from torch import Tensor

from explainer.experiments.sides import Side
from explainer.origins import Origin, on_side, worked_out
from explainer.panels import Tiles
from explainer.views.arrays import as_values
from explainer.views.scales import symmetric

PICK = {"left": "token", "right": "other_token"}  # what a click on a side's picture chooses
DIFFERENCE = "Right minus left"


def refuse(obstacle: str) -> None:
    """Raise the obstacle, if there is one.

    Raises:
        ValueError: if ``obstacle`` is not empty.
    """
    if obstacle:
        raise ValueError(f"cannot be compared: {obstacle}")


def difference_of(right: Origin, left: Origin) -> Origin:
    """The right minus the left."""
    return worked_out("difference", on_side(right, "right"), on_side(left, "left"))


def difference_tiles(
    values: Float[Tensor, "rows columns"], quantity: str, caption: str, token: int = 0, origin: Origin | None = None
) -> Tiles:
    """A signed map with zero in the middle of its scale."""
    return Tiles(
        title=DIFFERENCE,
        quantity=quantity,
        values=as_values(values)[None],
        scales=(symmetric(values),),
        columns=1,
        token=token or None,
        tile_size=460,
        caption=caption,
        origin=origin,
        tensors=("trace.image",) if quantity == "image" else (),
    )


def of_token(left: Side, right: Side) -> str:
    """ " of the class token", where both sides have chosen the same."""
    return f" of {left.the_token}" if left.token == right.token else ""
