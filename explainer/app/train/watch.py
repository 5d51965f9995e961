"""The runs that the reader looks at, watched while they train: progress, curves, and their models' answers.

Twenty readers of one run cost little more than one: its file of measurements is read once, from where it was read
last, and every picture is made once for all of them and made anew only when there is something new to draw.
"""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from explainer.app.blocks import show_section
from explainer.app.canvas import show as show_canvas
from explainer.app.foreign import plain
from explainer.app.kept import kept_live, metrics_of
from explainer.app.server.loopback import for_reader
from explainer.app.state import open_in_explainer, show_problem
from explainer.app.train.controls import (
    PROBLEM,
    SHOWN,
    STATES,
    run_title,
    show_controls,
    show_damage,
    show_deleted,
)
from explainer.lessons import LESSONS
from explainer.notation.wording import sentence
from explainer.notation.written_numbers import written_shift
from explainer.panels import Frames, View
from explainer.views.course import training
from vit_core.training.runs.commands import written
from vit_core.training.runs.estimate import duration
from vit_core.training.runs.listing import all_runs, checkpoint_name, open_run
from vit_core.training.runs.metrics import Metrics, seconds_left
from vit_core.training.runs.run import Run

EVERY = 1.5  # seconds between two looks at a run that trains

lesson = LESSONS["train"]


def chosen_runs(runs: dict[str, Run]) -> list[str]:
    """The runs that the reader looks at, of those that are here; the newest if none is chosen."""
    names = list(runs)
    known = {*names, *map(run_title, runs.values())}
    if gone := [name for name in st.query_params.get_all(SHOWN) if name not in known]:
        st.warning(plain(f"The link names the run {gone[0][:60]!r}, which is not here: it was deleted, or never was."))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        # Also without any run: the first one that is started is written into the link by a widget that is there.
        hint = "none yet" if not names else run_title(runs[names[0]])
        hint += ", the newest" if names and not runs[names[0]].is_example else ""
        chosen = st.multiselect(
            "Runs",
            names,
            key=SHOWN,
            bind="query-params",
            placeholder=hint,
            width=560,
            format_func=lambda name: run_title(runs[name]),
        )
        show_deleted()
    return chosen or names[:1]


def show_run(name: str) -> None:
    """The whole of one run, kept up to date while it trains."""
    try:
        is_alive = open_run(name).is_alive
    except LookupError as error:  # somebody deleted it at this moment
        st.warning(f"{plain(sentence(str(error)))}.")
        return
    st.fragment(_watch, run_every=EVERY if is_alive else None)(name, is_alive)


def show_no_run() -> None:
    """The empty sections where there is no run yet."""
    for slug in ("run", "curves", "rate", "answers"):
        show_section(lesson, slug)
        if slug == "run":
            st.info("There is no run on this machine yet. Start one above.", icon=":material/model_training:")


def show_compared(names: list[str], measure: str) -> None:
    """Several runs on one chart, kept up to date while one of them trains."""
    is_alive = any(run.is_alive for run in all_runs() if run.name in names)
    st.fragment(_compare, run_every=EVERY if is_alive else None)(names, measure)


def show_command(name: str) -> None:
    """The command that trains the same again."""
    try:
        st.code(for_reader(written(open_run(name).command())), language="bash", wrap_lines=True)
    except (LookupError, ValueError) as error:
        st.caption(plain(f"{error}."))


def _watch(name: str, was_alive: bool) -> None:
    try:
        run = open_run(name)
    except LookupError:
        st.rerun()  # somebody deleted it
    if run.is_alive != was_alive:
        st.rerun()  # what can be done with it, and whether to look again, is decided outside
    metrics = metrics_of(run)
    show_section(lesson, "run")
    show_state(run, f"**{plain(name)}**")
    if run.is_example:
        st.caption(
            "An included example, trained by the command below on images that the program draws. It cannot be "
            "changed; your own runs appear before it."
        )
    with st.container(horizontal=True, key="run_buttons"):
        _show_open(run)
        show_controls(run)
    show_problem(PROBLEM)
    show_section(lesson, "curves")
    _show_figures(metrics)
    clip_norm = run.facts.get("recipe", {}).get("clip_norm")
    state = (name, metrics.file, metrics.end)
    if metrics.knows("loss"):
        _show("loss", state, lambda: training.loss(metrics))
    if metrics.epochs:
        _show("accuracy", (*state[:2], len(metrics.epochs)), lambda: training.accuracy(metrics.epochs))
    show_section(lesson, "rate")
    if metrics.knows("learning_rate", "gradient_norm"):
        _show("rate", state, lambda: training.rate_and_gradient(metrics, clip_norm))
    show_section(lesson, "answers")
    if metrics.epochs and run.labels:
        _show("answers", (*state[:2], len(metrics.epochs)), lambda: training.answers(metrics.epochs, run.labels))
    else:
        st.caption("Measured after every epoch; the first has not finished yet.")


def show_state(run: Run, title: str) -> None:
    """How a run is doing: its state and its sizes after ``title``, which is Markdown; why it broke; how far it is."""
    st.markdown(f"{title} · {STATES[run.status]}{plain(_sizes(run.facts))}")
    if run.status == "failed":
        st.error(plain(f"{run.name} has failed: {run.problem}."), icon=":material/error:")
        if log := run.log:
            with st.expander("The end of its log"):
                st.code(for_reader("\n".join(log.splitlines()[-40:])), language=None)
    elif run.status == "damaged":
        show_damage(run)
    _show_progress(run)


def _show(name: str, state: tuple[str | int, ...], make: Callable[[], View | Frames]) -> None:
    show_canvas(kept_live((f"run.{name}", *state), make), key=f"run_{name}")


def _show_progress(run: Run) -> None:
    facts, metrics = run.facts, metrics_of(run)
    total = facts.get("total_steps")
    if run.status == "starting" or (run.status == "running" and not total):
        st.progress(0.0, text="Reading the images and making the model")
        return
    if not total:
        return
    words = [f"step {metrics.last_step:,} of {total:,}", f"epoch {len(metrics.epochs)} of {run.total_epochs}"]
    if run.status == "running":
        if (left := seconds_left(metrics, facts)) is not None:
            words.append(f"{duration(left)} left")
        if (speed := metrics.pictures_per_second) is not None:
            words.append(f"{speed:,.0f} images/s")
    st.progress(run.progress_after(metrics), text=plain(" · ".join(words)))


def _show_open(run: Run) -> None:
    if not (saved := run.saved_epochs()):
        return
    label = f"Open epoch {saved[-1]:d} in the explainer" if saved[-1] else "Open the untrained model in the explainer"
    if st.button(label, icon=":material/visibility:", key="open_checkpoint"):
        open_in_explainer(checkpoint_name(run, saved[-1]), "attention")


def _show_figures(metrics: Metrics) -> None:
    """The latest numbers, with what changed since the epoch before."""
    if not metrics.epochs:
        return
    last, before = metrics.epochs[-1], metrics.epochs[-2] if len(metrics.epochs) > 1 else None
    figures = (
        ("Test accuracy", "top1", "over images", True),
        ("Batch mean", "batch_mean_top1", "the mean over batches: the course's accuracy", True),
        ("Test loss", "loss", "cross-entropy", False),
    )
    with st.container(horizontal=True, gap="small", key="run_figures"):
        for title, field, meaning, is_share in figures:
            value = last["validation"][field]
            change = None if before is None else value - before["validation"][field]
            shift = None
            if change is not None:  # Streamlit finds the direction by the sign, which it knows as a hyphen
                shift = written_shift(change, ".1%" if is_share else ".3f").replace("−", "-")
                shift += " points" if is_share else ""
            st.metric(
                title,
                f"{value:.1%}" if is_share else f"{value:.3f}",
                shift,
                delta_color="off" if shift and shift.startswith(("0", "≈")) else "normal" if is_share else "inverse",
                delta_arrow="off" if shift and shift.startswith(("0", "≈")) else "auto",
                help=f"After epoch {last['epoch']:d}, {meaning}.",
                border=True,
                width=168,
            )


def _compare(names: list[str], measure: str) -> None:
    epochs = {}
    for name in names:
        try:
            epochs[name] = metrics_of(open_run(name)).epochs
        except LookupError:
            st.rerun()
    if not any(epochs.values()):
        st.caption("None of these runs has measured an epoch yet.")
        return
    state = tuple(f"{name}:{len(measured)}" for name, measured in epochs.items())
    _show("compared", (measure, *state), lambda: training.compared(epochs, measure))


def _sizes(facts: Mapping[str, Any]) -> str:
    recipe = f" · {facts['recipe_name']}" if facts.get("recipe_name") else ""
    if not (parameters := facts.get("parameters")) or not (pictures := facts.get("pictures")):
        return recipe
    learn = "" if parameters["trainable"] == parameters["total"] else f"{parameters['trainable']:,} of "
    broken = f" · {len(facts['broken'])} images could not be read and were left out" if facts.get("broken") else ""
    return (
        f"{recipe} · {learn}{parameters['total']:,} parameters learn · {pictures['train']:,} images to learn from, "
        f"{pictures['test']:,} to measure on, {len(facts.get('labels', ()))} classes{broken}"
    )
