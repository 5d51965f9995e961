"""Transfer and scratch, started together and watched together."""

from pathlib import Path

import streamlit as st

from explainer.app.canvas import show as show_canvas
from explainer.app.data.choice import held_out
from explainer.app.foreign import plain
from explainer.app.kept import kept_live, metrics_of
from explainer.app.links.controls import choice
from explainer.app.links.parameters import fit_choice
from explainer.app.state import attempt, open_in_explainer, show_problem
from explainer.app.train.watch import EVERY, show_state
from explainer.app.transfer import comparison
from explainer.app.transfer.comparison import Comparison, Plan, list_comparisons
from explainer.notation.wording import sentence
from explainer.views.course import transfer
from explainer.views.course.transfer import SCRATCH, TRANSFER
from vit_core import Checkpoint
from vit_core.training.data.datasets import Dataset
from vit_core.training.runs.control import stop_run
from vit_core.training.runs.listing import checkpoint_name
from vit_core.training.runs.run import Run

_SHOWN = "transfer_runs"  # the number of the comparison, in the URL
_PROBLEM = "transfer_problem"  # a sentence to show once
_OPEN = {
    "overview": ("Explain", ":material/route:", "Open it in the explainer."),
    "predict": ("Predict", ":material/online_prediction:", "Let it predict images."),
    "epochs": ("Epochs", ":material/history:", "See how it learned."),
}


def show_start(plan: Plan | None, data: Dataset | None, record: Checkpoint) -> None:
    """The button that starts both runs."""
    folder = data.path if data is not None and record.is_here else None
    is_off = plan is None or folder is None
    # Asked here, not in a callback: its arguments would be those of the run of the script before.
    is_asked = st.button(
        "Train both", type="primary", icon=":material/play_arrow:", key="transfer_start", disabled=is_off
    )
    if is_asked and plan is not None and folder is not None:
        _start(plan, folder)
        st.rerun()
    if not record.is_here:
        st.caption(plain(f"{record.name} has to be downloaded first, above."))
    show_problem(_PROBLEM)


def show_comparison() -> None:
    """The runs of the chosen comparison, kept up to date while they train."""
    found = list_comparisons()
    if not found:
        st.info("Nothing has been compared on this machine yet.", icon=":material/swap_horiz:")
        return
    numbers = list(found)
    titles = {number: str(number) if number else "the example" for number in numbers}
    if len(numbers) > 1:
        number = choice("Comparison", numbers, "comparison", key=_SHOWN, title=titles.__getitem__, width=220)
    else:
        [number] = numbers
        fit_choice(_SHOWN, numbers, "comparison", titles.__getitem__)
    if any(run.is_example for run in found[number].runs.values()):
        st.caption(
            "An included example, trained by the project's own command on the toy images; your own run will replace "
            "it here."
        )
    is_alive = found[number].is_alive
    st.fragment(_watch, run_every=EVERY if is_alive else None)(number, is_alive)


def _watch(number: int, was_alive: bool) -> None:
    shown = list_comparisons().get(number)
    if shown is None or shown.is_alive != was_alive:
        st.rerun()  # it was deleted, or has ended: whether to look again is decided outside
    for which in (TRANSFER, SCRATCH):
        _show_run(shown, which)
    metrics = {which: metrics_of(shown.runs[which]) for which in (TRANSFER, SCRATCH) if which in shown.runs}
    epochs = {which: measured.epochs for which, measured in metrics.items()}
    if any(epochs.values()):
        first = next(measured[0] for measured in epochs.values() if measured)
        state = (f"{shown.runs[which].name}:{found.file}:{len(found.epochs)}" for which, found in metrics.items())
        view = kept_live(("transfer_curves", *state), lambda: transfer.curves(epochs, transfer.always_the_same(first)))
        show_canvas(view, key="transfer_curves")
    if verdict := transfer.verdict(epochs):
        st.markdown(verdict)
    if any(run.is_alive for run in shown.runs.values()):
        st.button("Stop", icon=":material/stop:", key=f"transfer_stop_{number}", on_click=_stop, args=(number,))
    if shown.missing and not shown.is_alive:
        st.button(
            "Start the run from scratch",
            icon=":material/play_arrow:",
            key=f"transfer_second_{number}",
            on_click=_start_missing,
            args=(number,),
        )


def _show_run(shown: Comparison, which: str) -> None:
    run = shown.runs.get(which)
    with st.container(border=True, key=f"run_{which.replace(' ', '_')}"):
        if run is None:
            waits = "is started as soon as there is room" if which not in shown.missing else "was never started"
            st.markdown(f"**{plain(sentence(which))}** {waits}.")
            return
        show_state(run, f"**{plain(sentence(which))}** · {plain(run.name)}")
        _show_open(run, which)


def _show_open(run: Run, which: str) -> None:
    saved = run.saved_epochs()
    if not saved:
        return
    name = checkpoint_name(run, saved[-1])
    with st.container(horizontal=True, gap="small"):
        for page, (label, icon, hint) in _OPEN.items():
            tooltip = f"{hint} Weights after epoch {saved[-1]:d}."
            if st.button(label, key=f"open_{page}_{which}", icon=icon, help=tooltip):
                open_in_explainer(name, page)


def _start(plan: Plan, folder: Path) -> None:
    def start() -> None:
        st.session_state[_SHOWN] = comparison.start(plan, folder, held_out())

    attempt(_PROBLEM, "Nothing was started", start)


def _start_missing(number: int) -> None:
    def start() -> None:
        if (shown := list_comparisons().get(number)) is not None:
            comparison.start_missing(shown)

    attempt(_PROBLEM, "The run from scratch was not started", start)


def _stop(number: int) -> None:
    """Both runs: also the second, if it has begun since the page was drawn."""
    comparison.forget(number)
    if (shown := list_comparisons().get(number)) is not None:
        for run in shown.runs.values():
            stop_run(run)
