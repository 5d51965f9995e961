"""The choice of the right side: all of it in the URL, and only where it differs from the left.

``other_picture``, ``other_checkpoint``, ``other_layer``, ``other_head``, ``other_token`` are the right side's own.
``other_change`` are its changes as ``vit_core.interventions`` writes them, or ``none``, ``this_change`` those of the
left; without ``other_change`` the right side has them, too. ``mean_heads=true``: attention is the mean of the heads.
"""

from dataclasses import dataclass, replace

import streamlit as st

from explainer.app import checkpoints, state
from explainer.app.state import UPLOAD_PREFIX
from explainer.gallery import GALLERY
from explainer.panels import Pick
from vit_core.interventions import Interventions

NONE = "none"  # of changes, where the other side has some
NUMBERS = ("layer", "head", "token")
KEYS = (
    "this_change",
    "other_picture",
    "other_checkpoint",
    "other_layer",
    "other_head",
    "other_token",
    "other_change",
    "mean_heads",
)
_CHOICE = "compare_choice"
_WRITTEN = "compare_written"


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


def read() -> tuple[Other, list[str]]:
    """The choice of this run, and a sentence for every part of the link that makes no sense."""
    parameters = {key: st.query_params[key] for key in KEYS if key in st.query_params}
    written = st.session_state.get(_WRITTEN)
    if written is None and not parameters:
        return opening(), []
    if written is None or (parameters and parameters != written):
        return _parse(parameters)
    return current(), []


def opening() -> Other:
    """The opening choice: the same model sees another image. Two equal sides would be a page of zeros."""
    return Other(picture=next(name for name in GALLERY if name != state.current().picture))


def write(other: Other) -> None:
    """Put the choice into the session and the URL."""
    st.session_state[_CHOICE] = other
    st.session_state[_WRITTEN] = parameters = other.parameters
    for key in KEYS:
        if key in st.query_params and key not in parameters:
            del st.query_params[key]
    if any(st.query_params.get(key) != value for key, value in parameters.items()):
        st.query_params.update(parameters)


def current() -> Other:
    """The choice as it was last written."""
    choice: Other = st.session_state.get(_CHOICE, Other())
    return choice


def choose(**changes: str | int | bool | None) -> None:
    """Choose this as well, from the next run on; for callbacks."""
    choose_other(replace(current(), **changes))  # type: ignore[arg-type]


def choose_same() -> None:
    """Make the right side the left one, from the next run on."""
    choose_other(Other(this_change=current().this_change, mean_heads=current().mean_heads))


def choose_other(other: Other) -> None:
    """Choose all of this, from the next run on."""
    st.session_state[_CHOICE] = other
    # The URL still has the old choice: it must not be taken for a link that somebody has opened.
    st.session_state[_WRITTEN] = {key: st.query_params[key] for key in KEYS if key in st.query_params}


def pick(chosen: Pick) -> None:
    """Take over the choice of a click on a view, on the left for the whole app, on the right for this page."""
    own = {key.removeprefix("other_"): value for key, value in chosen.items() if key.startswith("other_")}
    if own:
        choose(**own)
    if left := {key: value for key, value in chosen.items() if not key.startswith("other_")}:
        state.pick(left)


def _parse(parameters: dict[str, str]) -> tuple[Other, list[str]]:
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
    values |= {key: int(text) for key in NUMBERS if (text := parameters.get(f"other_{key}"))}
    if parameters.get("mean_heads") == "true":
        values["mean_heads"] = True
    for key, field in (("this_change", "this_change"), ("other_change", "change")):
        if text := parameters.get(key):
            try:
                values[field] = "" if text == NONE else str(Interventions.parse(text))
            except ValueError as error:
                problems.append(f"The link's {key} is left out: {error}.")
    return Other(**values), problems  # type: ignore[arg-type]
