"""Ready experiments, a record each: one click, a picture, and a sentence of measured numbers."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from explainer import experiments as compute
from explainer.app import state
from explainer.app.kept import kept_large
from explainer.app.links.controls import segments
from explainer.app.server.uploads import picture_source
from explainer.app.session import Session, current
from explainer.app.state import NUMBER
from explainer.app.steps import own_choice
from explainer.experiments import Resized, Shuffled
from explainer.experiments.patches import passes_for, patches_so_far, rank_patches
from explainer.experiments.takes import take
from explainer.panels import Pick, Pixels, View
from explainer.steps.what_if import REPLACEMENTS
from explainer.views.changes import experiments, what_if
from vit_core import ForwardTrace, open_picture
from vit_core.interventions import Interventions
from vit_core.interventions.occlusion import Measured

Progress = Callable[[float], None]
Choice = int | str | None


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One question to the model. Its title is its key in ``EXPERIMENTS``, and in the address."""

    name: str  # in the keys of its widgets
    section: str  # of assets/text/what_if.md, which asks the question
    choose: Callable[[Session], Choice] = lambda session: None  # what the reader sets; the result depends on it
    run: Callable[[Session, Any, Progress], Any]  # session, choice, progress -> what is measured
    view: Callable[[Session, Any], View]  # session, what was measured -> its picture
    view_so_far: Callable[[Session], View] | None = None  # of a run that was stopped
    on_pick: Callable[[Pick], None] | None = None
    changes: Callable[[], str] | None = None  # as text, which the reader can make on the page itself


def _seed(session: Session) -> int:
    return int(st.number_input("Seed of the order", 0, 9999, 0, key="experiment_seed", width=160))


def _shuffle(session: Session, seed: int, progress: Progress) -> tuple[Shuffled, list[ForwardTrace]]:
    result = compute.shuffle_patches(session.model, session.trace, session.checkpoint.labels, seed)
    traces: list[ForwardTrace] = []
    for changes in (Interventions.parse("positions=zero"), result.without_positions, result.with_positions):
        progress(0.5 + len(traces) / 6)
        traces.append(session.model.trace(session.trace.image, changes))
    return result, traces


def _view_of_shuffled(session: Session, measured: tuple[Shuffled, list[ForwardTrace]]) -> View:
    result, (plain, without, moved) = measured
    return experiments.shuffled(
        result,
        (session.pixels, _pixels_of(session, moved)),
        {
            "Without E_{pos}": (plain.representation, without.representation),
            "With E_{pos}": (session.trace.representation, moved.representation),
        },
    )


def _pixels_of(session: Session, trace: ForwardTrace) -> Pixels:
    """The image of a trace as the model sees it, [H, W, 3]."""
    return np.asarray(session.checkpoint.preprocess.to_picture(trace.image))


def _replacement(session: Session) -> str:
    words = list(REPLACEMENTS.values())
    chosen = segments("A head that is taken out is", words, words[0], key="experiment_replacement", in_link=False)
    return list(REPLACEMENTS)[words.index(chosen)]


def _take_head(pick: Pick) -> None:
    """Take out the head that the browser names, on the page itself, or bring it back."""
    if NUMBER in pick:
        state.pick({NUMBER: pick[NUMBER]})
    words = list(REPLACEMENTS.values())
    chosen = words.index(st.session_state.get("experiment_replacement") or words[0])
    head = str(pick.get(what_if.HEAD, ""))
    changes = Interventions.parse(own_choice.current("what_if")["changes"])
    with suppress(ValueError):  # it came from a browser
        action = f"head:{head}.{list(REPLACEMENTS)[chosen]}"
        own_choice.choose("what_if", changes=str(take(changes, action, current().config)))


def _masked(session: Session) -> Measured:
    """What is measured stays when somebody stops, for whoever goes on; a hundred bytes or so for each forward pass."""
    size = passes_for(session.config.num_patches) * (150 + session.config.num_patches)
    return kept_large(("masked", session.state.checkpoint, session.state.picture), lambda: ({}, size))


def _say_passes(session: Session) -> None:
    passes = passes_for(session.config.num_patches)
    st.caption(f"{passes} forward passes: one for each patch, the others for the curves.")


def _grid_size(session: Session) -> int:
    own = session.config.grid_size
    return st.slider(
        "Patches a side",
        2,
        2 * own,
        key=f"experiment_grid_{own}",
        value=own + own // 2,
        help="The image is read anew at this size: patches keep their size in pixels, so there are more or "
        "fewer of them.",
    )


def _resize(session: Session, grid_size: int, progress: Progress) -> Resized:
    preprocess = session.checkpoint.preprocess.at(grid_size * session.config.patch_size)
    picture = preprocess(open_picture(picture_source(session.state.picture)))
    labels = session.checkpoint.labels
    return compute.resize_positions(session.model, session.trace, labels, grid_size, picture, progress=progress)


EXPERIMENTS = {
    "Shuffle the patches": Experiment(
        name="shuffle",
        section="shuffle",
        choose=_seed,
        run=_shuffle,
        view=_view_of_shuffled,
        changes=lambda: f"positions=zero;shuffle={int(st.session_state.get('experiment_seed') or 0)}",
    ),
    "Which head matters": Experiment(
        name="heads",
        section="which-head",
        choose=_replacement,
        run=lambda session, replacement, progress: compute.knock_out(
            session.model, session.trace, session.checkpoint.labels, replacement, progress=progress
        ),
        view=lambda session, result: experiments.knocked_out(result),
        on_pick=_take_head,
    ),
    "Which patches matter": Experiment(
        name="patches",
        section="which-patches",
        choose=_say_passes,
        run=lambda session, choice, progress: rank_patches(
            session.model, session.trace, session.checkpoint.labels, measured=_masked(session), progress=progress
        ),
        view=lambda session, result: experiments.ranked_patches(result, session.pixels),
        view_so_far=lambda session: experiments.patches_so_far(
            patches_so_far(session.model, session.trace, session.checkpoint.labels, _masked(session)), session.pixels
        ),
    ),
    "Positions for another grid": Experiment(
        name="grids",
        section="other-grid",
        choose=_grid_size,
        run=_resize,
        view=lambda session, result: experiments.resized(result),
    ),
    "Scores without scaling": Experiment(
        name="scaling",
        section="scaling",
        run=lambda session, choice, progress: compute.unscale(
            session.model, session.trace, session.checkpoint.labels, progress=progress
        ),
        view=lambda session, result: experiments.unscaled(result),
        changes=lambda: "temperature=unscaled",
    ),
}
