"""Transfer and scratch, started together and watched together."""

from collections.abc import Callable

import streamlit as st

from explainer.views import transfer
from explainer.views.transfer import SCRATCH, TRANSFER
from explainer.views.wording import sentence
from pages import comparison
from pages.canvas import show as show_canvas
from pages.checkpoints import open_in_explainer
from pages.comparison import Comparison, Plan, list_comparisons
from pages.session import kept_live, metrics_of
from vit_core import Checkpoint
from vit_core.training.datasets import Dataset
from vit_core.training.run_metrics import seconds_left
from vit_core.training.runs import Run, checkpoint_name, stop_run

EVERY = 1.5  # seconds between two looks at runs that train
_SHOWN = "transfer_runs"  # the number of the comparison, in the URL
_PROBLEM = "transfer_problem"  # a sentence to say once
_STATES = {
    "starting": ":material/hourglass_top: starting",
    "running": ":material/directions_run: running",
    "finished": ":material/check_circle: finished",
    "stopped": ":material/pause_circle: stopped",
    "failed": ":material/error: failed",
}
_OPEN = {
    "overview": ("Explain", ":material/route:", "Open it in the explainer."),
    "predict": ("Predict", ":material/online_prediction:", "Let it predict pictures."),
    "epochs": ("Epochs", ":material/history:", "See how it became what it is."),
}


def show_start(plan: Plan | None, data: Dataset | None, record: Checkpoint) -> None:
    """The button that starts both runs."""
    is_ready = plan is not None and data is not None and record.is_here
    st.button(
        "Train both", type="primary", icon=":material/play_arrow:", key="transfer_start", on_click=_start,
        args=(plan, data), disabled=not is_ready,
    )  # fmt: skip
    if not record.is_here:
        st.caption(f"{record.name} has to be downloaded first, above.")
    if problem := st.session_state.pop(_PROBLEM, ""):
        st.error(problem, icon=":material/error:")


def show_comparison() -> None:
    """The runs of the chosen comparison, kept up to date while they train."""
    found = list_comparisons()
    if not found:
        st.info("Nothing has been compared on this machine yet.", icon=":material/swap_horiz:")
        return
    numbers = list(found)
    if st.session_state.get(_SHOWN) not in (None, *numbers):
        del st.session_state[_SHOWN]
    number = numbers[0]
    if len(numbers) > 1:
        number = st.selectbox("Comparison", numbers, key=_SHOWN, bind="query-params", width=220) or number
    is_alive = found[number].is_alive
    st.fragment(_watch, run_every=EVERY if is_alive else None)(number, is_alive)


def _watch(number: int, was_alive: bool) -> None:
    shown = list_comparisons().get(number)
    if shown is None or shown.is_alive != was_alive:
        st.rerun()  # it was deleted, or has ended: whether to look again is decided outside
    for which in (TRANSFER, SCRATCH):
        _show_run(shown, which)
    epochs = {which: metrics_of(shown.runs[which]).epochs for which in (TRANSFER, SCRATCH) if which in shown.runs}
    if any(epochs.values()):
        first = next(each for each in epochs.values() if each)
        state = tuple(f"{which}:{run.name}:{len(epochs[which])}:{metrics_of(run).file}" for which, run in
                      sorted(shown.runs.items()))  # fmt: skip
        view = kept_live(
            ("transfer_curves", *state), lambda: transfer.curves(epochs, transfer.always_the_same(first[0]))
        )
        show_canvas(view, key="transfer_curves")
    if said := transfer.verdict(epochs):
        st.markdown(said)
    if shown.is_alive and any(run.is_alive for run in shown.runs.values()):
        st.button("Stop", icon=":material/stop:", key="transfer_stop", on_click=_stop, args=(shown,))
    if shown.missing and not shown.is_alive:
        st.button(
            "Start the run from scratch", icon=":material/play_arrow:", key="transfer_second", on_click=_start_missing,
            args=(shown,),
        )  # fmt: skip


def _show_run(shown: Comparison, which: str) -> None:
    run = shown.runs.get(which)
    with st.container(border=True, key=f"run_{which.replace(' ', '_')}"):
        if run is None:
            waits = "is started as soon as there is room" if which not in shown.missing else "was never started"
            st.markdown(f"**{sentence(which)}** {waits}.")
            return
        facts, metrics = run.facts, metrics_of(run)
        counted = facts.get("parameters")
        learn = f" · {counted['trainable']:,} of {counted['total']:,} parameters learn" if counted else ""
        pictures = facts.get("pictures")
        learn += f" · {pictures['train']:,} pictures, measured on {pictures['test']:,}" if pictures else ""
        st.markdown(f"**{sentence(which)}** · {run.name} · {_STATES[run.status]}{learn}")
        if run.status == "failed":
            st.error(f"{sentence(run.problem)}.", icon=":material/error:")
        elif run.is_alive:
            left = seconds_left(metrics, facts)
            words = f"{metrics.last_step} of {facts.get('total_steps', '?')} steps"
            st.progress(run.progress_after(metrics), text=words + (f" · {left:.0f} s left" if left else ""))
        _show_open(run, which)


def _show_open(run: Run, which: str) -> None:
    saved = run.saved_epochs()
    if not saved:
        return
    name = checkpoint_name(run, saved[-1])
    with st.container(horizontal=True, gap="small"):
        for page, (label, icon, hint) in _OPEN.items():
            if st.button(label, key=f"open_{page}_{which}", icon=icon, help=f"{hint} Weights after epoch {saved[-1]}."):
                open_in_explainer(name, page)


def _start(plan: Plan, data: Dataset) -> None:
    def start() -> None:
        assert data.path is not None
        st.session_state[_SHOWN] = comparison.start(plan, data.path)

    _say_problems("Nothing was started", start)


def _start_missing(shown: Comparison) -> None:
    _say_problems("The run from scratch was not started", lambda: comparison.start_missing(shown))


def _stop(shown: Comparison) -> None:
    comparison.forget(shown.number)
    for run in shown.runs.values():
        stop_run(run)


def _say_problems(what: str, action: Callable[[], None]) -> None:
    try:
        action()
    except (LookupError, ValueError, OSError) as error:
        st.session_state[_PROBLEM] = f"{what}: {error}."
