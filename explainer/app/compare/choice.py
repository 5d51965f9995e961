"""The choice of the right side, and only where it differs from the left.

``other_picture``, ``other_checkpoint``, ``other_layer``, ``other_head``, ``other_token`` are the right side's own.
``other_change`` are its changes as ``vit_core.interventions`` writes them, or ``none``, ``this_change`` those of the
left; without ``other_change`` the right side has them, too. ``mean_heads=true``: attention is the mean of the heads.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from explainer.app import checkpoints
from explainer.app.state import UPLOAD_PREFIX
from explainer.gallery import GALLERY
from vit_core.interventions import Interventions

NONE = "none"  # of changes, where the other side has some
NUMBERS = ("layer", "head", "token")


@dataclass(frozen=True)
class Other:
    """The right side's own choices; None: as on the left. The last two are not about the right side alone."""

    picture: str | None = None
    checkpoint: str | None = None
    layer: int | None = None
    head: int | None = None
    token: int | None = None
    change: str | None = None
    this_change: str = ""
    mean_heads: bool = False

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of a link."""
        own = {f"other_{name}": getattr(self, name) for name in ("picture", "checkpoint", *NUMBERS)}
        own["other_change"] = NONE if self.change == "" else self.change
        own["this_change"] = self.this_change or None
        own["mean_heads"] = "true" if self.mean_heads else None
        return {key: str(value) for key, value in own.items() if value is not None}


def opening(picture: str) -> Other:
    """The opening choice: the same model sees another image. Two equal sides would be a page of zeros."""
    return Other(picture=next(name for name in GALLERY if name != picture))


def parse(parameters: Mapping[str, str]) -> tuple[Other, list[str]]:
    """The choice as an address has it, and a sentence for every part that makes no sense."""
    values: dict[str, str | int | bool] = {}
    problems = []
    if name := parameters.get("other_picture"):
        if name in GALLERY or name.startswith(UPLOAD_PREFIX):
            values["picture"] = name
        else:
            problems.append(f"The link names the image {name[:60]!r} for the right side, which does not exist here.")
    if name := parameters.get("other_checkpoint"):
        try:
            values["checkpoint"] = checkpoints.find(name).name
        except (LookupError, ValueError) as error:
            problems.append(f"The link names the checkpoint {name[:80]!r} for the right side: {error.args[0]}.")
    for key in NUMBERS:
        if text := parameters.get(f"other_{key}"):
            if text.isascii() and text.isdecimal() and len(text) < 7:
                values[key] = int(text)
            else:
                problems.append(f"The {key} on the right must be a whole number, got {text[:40]!r}.")
    if parameters.get("mean_heads") == "true":
        values["mean_heads"] = True
    for key, field in (("this_change", "this_change"), ("other_change", "change")):
        if text := parameters.get(key):
            try:
                values[field] = "" if text == NONE else str(Interventions.parse(text))
            except ValueError as error:
                problems.append(f"The link's {key} is left out: {error}.")
    return Other(**values), problems  # type: ignore[arg-type]
