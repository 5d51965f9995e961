"""The choice of runs, and the views that move with the bar through their epochs."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import streamlit as st

from explainer.app import state
from explainer.app.blocks import show_section
from explainer.app.canvas import show as show_canvas
from explainer.app.epochs.recordings import Shown, kept_frames, record
from explainer.app.foreign import plain
from explainer.app.session import UNAVAILABLE, current
from explainer.app.train.controls import run_title
from explainer.lessons import LESSONS
from explainer.panels import Frames
from explainer.texts import text
from explainer.views.compose import explained_frames
from explainer.views.course import epochs
from explainer.views.course.scenes import NAME, Scenes
from vit_core.training.runs.listing import checkpoint_name
from vit_core.training.runs.run import Run

LOOK_AGAIN = 3.0  # seconds, while a run is training
SHARED = "shared_epochs"


def choose(runs: dict[str, Run]) -> list[Run]:
    """One run, or two side by side; both are in the URL."""
    left, right, option = st.columns([2, 2, 1.5], vertical_alignment="bottom")
    newest = next((name for name, run in runs.items() if run.saved_epochs()), next(iter(runs)))
    if "run" not in st.session_state and "run" not in st.query_params:
        # No default: the link names its run, whichever is the newest by the time that somebody opens it.
        st.query_params["run"] = st.session_state["run"] = newest
    first = (
        left.selectbox(
            "Run",
            list(runs),
            index=None,
            key="run",
            bind="query-params",
            format_func=lambda name: run_title(runs[name]),
        )
        or newest
    )
    second = None
    if len(runs) > 1:
        second = right.selectbox(
            "Next to it",
            [name for name in runs if name != first],
            index=None,
            placeholder="no other run",
            key="beside",
            bind="query-params",
            format_func=lambda name: run_title(runs[name]),
        )
    option.toggle("One scale for all epochs", value=True, key=SHARED, bind="query-params")
    return [runs[name] for name in (first, second) if name]


def open_runs(runs: Sequence[Run]) -> list[Shown]:
    """The runs' epochs, opened by the first who asks; what cannot be shown, or not all of it, is reported."""
    shown: list[Shown] = []
    problems: list[str] = []
    bar = st.empty()
    for run in runs:
        try:
            shown.append(record(run, current(), lambda share, words: bar.progress(share, text=plain(words))))
            problems += shown[-1].notes
        except UNAVAILABLE as error:
            problems.append(f"The run {run.name} cannot be shown: {error}")
    bar.empty()
    for problem in problems:
        st.caption(plain(problem))
    return shown


def show_frames(name: str, shown: Sequence[Shown], make: Callable[[], Frames], *dependencies: str | bool) -> None:
    """Frames that move with the bar; they depend on ``dependencies``: "layer", "head", "token", an option."""
    key = (
        (shown_run.stamps, shown_run.scene.picks, *(getattr(shown_run.scene, str(use), use) for use in dependencies))
        for shown_run in shown
    )
    frames = kept_frames((name, *key), lambda: explained_frames(make()))
    show_canvas(frames, key=f"epochs_{name}", on_pick=state.pick)


@st.fragment  # the bar sends its place to the server; nothing else has to be made for that
def show_bar(shown: list[Shown]) -> None:
    """The slider and the button that plays."""
    show_frames("bar", shown, lambda: epochs.bar([shown_run.scene for shown_run in shown]))


def show_epochs(shown: list[Shown]) -> None:
    """The bar that moves through the epochs, and everything that moves with it."""
    scenes, shared = [shown_run.scene for shown_run in shown], bool(st.session_state[SHARED])
    with st.container(key="scrubber"):
        show_bar(shown)
    if any(shown_run.scene.recording.measured for shown_run in shown):
        show_section(LESSONS["epochs"], "curves")
        show_frames("curves", shown, lambda: epochs.curves(scenes))
    sections: dict[str, tuple[Callable[[Scenes], Frames], tuple[str | bool, ...]]] = {  # and what the frames depend on
        "prediction": (epochs.prediction, ()),
        "attention": (partial(epochs.attention_maps, shared=shared), ("layer", "head", "token", shared)),
        "logit-lens": (epochs.logit_lens, ("layer",)),
        "positions": (epochs.positions, ("token",)),
        "filters": (partial(epochs.filters, shared=shared), (shared,)),
        "movement": (epochs.movement, ("layer", "head")),
    }
    for slug, (make, dependencies) in sections.items():
        show_section(LESSONS["epochs"], slug)
        show_frames(slug.removeprefix("logit-"), shown, partial(make, scenes), *dependencies)


def check_place(shown: list[Shown]) -> None:
    """Report a link's epoch that none of the runs has."""
    asked = st.query_params.get(NAME)
    if asked is None:
        return
    seen = [shown_run.scene.recording.at(int(asked)).epoch for shown_run in shown]
    if int(asked) not in seen:
        st.warning(f"The link names the epoch {int(asked)}, which is not among those saved. You see epoch {seen[0]}.")


def show_way_in(shown: list[Shown]) -> None:
    """The buttons that open the bar's epoch on the pages of the explainer."""
    with st.container(horizontal=True):
        for shown_run in shown:
            name = shown_run.scene.recording.name
            label = f"Open this epoch of {plain(name)} in the explainer"
            hint = "The Attention page with this epoch's weights, and the layer, head and token that are chosen here."
            if st.button(label, key=f"open_{name}", icon=":material/route:", help=hint):
                scene, asked = shown_run.scene, st.query_params.get(NAME)
                epoch = scene.recording.at(int(asked)).epoch if asked else scene.final.epoch
                chosen = replace(state.current(), checkpoint=checkpoint_name(shown_run.run, epoch))
                state.choose(replace(chosen, layer=scene.layer, head=scene.head, token=scene.token))
                st.session_state["page"] = "attention"
                st.rerun()


@st.fragment(run_every=LOOK_AGAIN)
def look_again(saved: dict[str, int], runs: Sequence[Run]) -> None:
    """While a run is training: its next epoch, as soon as that is saved."""
    if any(len(run.saved_epochs()) != saved[run.name] for run in runs):
        st.rerun()
    st.caption("Still training: the next epoch appears here by itself.")


def show_nothing() -> None:
    """Without a run there is nothing to move through: the sections to come, and the way to them."""
    st.info("No run has saved an epoch here yet. The toy images need no download: train on them, then come back.")
    st.page_link("train.py", label="Train a model", icon=":material/model_training:", query_params=state.parameters())
    prose = text("epochs")
    for slug, title in prose.titles.items():
        st.markdown(f"**{title}.** {prose.sections[slug].split('. ')[0].rstrip('.')}.")
