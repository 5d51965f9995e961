"""The chosen experiment: its question, its run with a bar and a way to stop it, its sentence and its picture."""

import time
from html import escape

import streamlit as st

from explainer.app.blocks import show_section
from explainer.app.canvas import show as show_canvas
from explainer.app.foreign import plain
from explainer.app.kept import kept_view
from explainer.app.session import Session, forward_slots
from explainer.app.steps import own_choice
from explainer.app.what_if.experiments import EXPERIMENTS, Choice, Experiment
from explainer.lessons import HANDS_ON
from explainer.notation.wording import sentence
from explainer.panels import View
from vit_core.allowance import NotAllowedError

STOPPED = "experiment_stopped"
PATIENCE = 0.4  # seconds after which a bar shows how far the work is
lesson = HANDS_ON["what_if"]


def show(session: Session) -> None:
    """The choice of an experiment, and the one that is chosen."""
    show_section(lesson, "experiments")
    chosen = st.pills(
        "Experiment", list(EXPERIMENTS), key="experiment", bind="query-params", label_visibility="collapsed"
    )
    if chosen not in EXPERIMENTS:
        return
    experiment = EXPERIMENTS[chosen]
    show_section(lesson, experiment.section)
    _show(session, experiment, experiment.choose(session))
    if experiment.changes:
        st.button(
            "Make these changes above",
            icon=":material/experiment:",
            key=f"experiment_offer_{experiment.name}",
            on_click=_change,
            args=(experiment,),
        )


def _show(session: Session, experiment: Experiment, choice: Choice) -> None:
    """The sentence and the picture, measured by the first who asks.

    Whoever waits can stop it, and sees what was measured so far.
    """
    choices = () if choice is None else (choice,)
    key = ("experiment", experiment.name, session.state.checkpoint, session.state.picture, *choices)
    if st.session_state.get(STOPPED) == key:
        _show_stopped(session, experiment)
        return
    place, stop = st.empty(), st.empty()
    began, waits = time.monotonic(), list[bool]()

    def progress(share: float) -> None:
        forward_slots.dear.release()  # between two batches others have their turn
        try:
            if time.monotonic() - began > PATIENCE:
                place.progress(min(share, 1.0), text=f"{100 * share:.0f} % of the forward passes done")
                if not waits:  # any click ends the run; this one says not to begin anew
                    stop.button("Stop", icon=":material/stop:", on_click=_stop, args=(key,), key="experiment_stop")
                    waits.append(True)
        finally:
            forward_slots.dear.acquire()

    def measure() -> View:
        with forward_slots.dear:
            return experiment.view(session, experiment.run(session, choice, progress))

    try:
        view = kept_view(key, measure)
    except NotAllowedError as error:
        stop.empty()
        place.warning(plain(f"{sentence(str(error))}."), icon=":material/block:")
        return
    stop.empty()
    place.html(_finding(view.alt))
    show_canvas(view, key=f"experiment_{experiment.name}", on_pick=experiment.on_pick)


def _show_stopped(session: Session, experiment: Experiment) -> None:
    view = experiment.view_so_far(session) if experiment.view_so_far else None
    st.html(_finding(view.alt if view else "Stopped before it was done."))
    st.button("Go on", icon=":material/play_arrow:", on_click=_stop, args=(None,), key="experiment_go_on")
    if view:
        show_canvas(view, key=f"experiment_{experiment.name}_so_far")


def _finding(text: str) -> str:
    return f'<p class="vit-finding" role="status">{escape(sentence(text))}</p>'


def _stop(key: tuple[str | int, ...] | None) -> None:
    """Remember which experiment is not to be begun anew; None: none."""
    st.session_state[STOPPED] = key


def _change(experiment: Experiment) -> None:
    """Make the changes of the experiment on the page itself; they are asked for when the button is pressed."""
    assert experiment.changes is not None
    own_choice.choose("what_if", changes=experiment.changes())
