"""The course's published runs on the metric page, epoch by epoch and in other batches; and runs of one's own."""

from time import monotonic

import streamlit as st

from explainer.app import state
from explainer.app.canvas import show as show_canvas
from explainer.app.foreign import plain
from explainer.app.kept import kept_view
from explainer.app.links.controls import choice, segments, whole
from explainer.app.links.parameters import fit, put
from explainer.app.train.controls import run_title, show_damage
from explainer.course.metric_tables import TEST_PICTURES, best_epochs, derivation, verdicts, what_it_says
from explainer.course.results import BATCH_SIZE, RUNS, TEST_SIZES, CourseRun
from explainer.views.course import metric, training
from vit_core.training.runs.listing import all_runs

ORDERS = ("by class", "shuffled")
TITLES = {run.title: run for run in RUNS.values()}
SECONDS = 1.5  # that each epoch stays when the run plays
_PLAYING, _TURNED = "metric_playing", "metric_turned"


def show_averages(name: str, mean: str, share: str) -> None:
    """The mean over batches and the share of pictures side by side; below each other where it is narrow."""
    with st.container(key=f"equation_{name}"):
        left, right = st.columns([3, 2], vertical_alignment="center")
        left.latex(mean)
        right.latex(share)


def show_replay() -> CourseRun:
    """Which published run is looked at, a button that plays it, and what the chosen epoch printed and means."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run = TITLES[segments("Run", list(TITLES), next(iter(TITLES)), key="metric_run")]
        playing = bool(st.session_state.get(_PLAYING))
        icon, label = (":material/pause:", "Pause") if playing else (":material/play_arrow:", "Play")
        st.button(label, icon=icon, key="metric_play", on_click=_play_or_pause)
    st.fragment(_epoch, run_every=SECONDS if playing else None)(run, len(run.epochs))
    return run


def _play_or_pause() -> None:
    last = len(TITLES[st.session_state["metric_run"]].epochs)
    playing = st.session_state[_PLAYING] = not st.session_state.get(_PLAYING)
    st.session_state[_TURNED] = monotonic()
    if playing and st.session_state.get("metric_epoch") == last:
        st.session_state["metric_epoch"] = 1


def _epoch(run: CourseRun, last: int) -> None:
    fit("metric_epoch", 1, last, "epoch")
    st.session_state.setdefault("metric_epoch", 1)
    if st.session_state.get(_PLAYING) and monotonic() - st.session_state[_TURNED] > 0.8 * SECONDS:
        if st.session_state["metric_epoch"] >= last:
            st.session_state[_PLAYING] = False
            st.rerun()  # the whole page: it is where the clock of this part is stopped
        st.session_state["metric_epoch"] += 1
        st.session_state[_TURNED] = monotonic()
    epoch = st.slider(f"Epoch (1 to {last})", 1, last, key="metric_epoch", bind="query-params")
    found = verdicts(run)
    view = kept_view(("metric.replay", run.name, epoch), lambda: metric.replay(run, found, epoch))
    show_canvas(view, key="metric_curves", on_pick=state.pick)
    chosen = found[epoch - 1]
    st.markdown(what_it_says(chosen))
    show_averages("epoch", *derivation(chosen))
    show_canvas(
        kept_view(("metric.epoch_bars", chosen.printed), lambda: metric.epoch_bars(chosen, BATCH_SIZE)),
        key=f"metric_bars_{run.name}",
    )
    st.markdown(best_epochs(run))


def show_what_if() -> None:
    """The same predictions in batches of another size, in the loader's order or another."""
    st.session_state.setdefault("metric_batch", BATCH_SIZE)
    with st.container(horizontal=True):
        name = segments("Every image is called", list(TEST_SIZES), list(TEST_SIZES)[-1], key="metric_class")
        order = segments("Order", ORDERS, "by class", key="metric_order")
        seed = whole("Seed", 0, key="metric_seed", width=120, disabled=order == "by class")
    size = st.slider("Batch size", 1, TEST_PICTURES, key="metric_batch", bind="query-params")
    shuffled = None if order == "by class" else seed
    key = ("metric.what_if", name, size, repr(shuffled))
    view = kept_view(key, lambda: metric.what_if(TEST_SIZES, name, size, shuffled))
    show_canvas(view, key="metric_what_if", on_pick=state.pick)


def show_own() -> None:
    """A run that was trained here: both averages over its epochs, and what the chosen one predicted."""
    runs = {run.name: run for run in all_runs()}
    if not runs:
        st.info("No run has been trained here yet.", icon=":material/model_training:")
        st.page_link("train.py", label="Start one", icon=":material/arrow_forward:", query_params=state.parameters())
        return
    titles = {name: run_title(run) for name, run in runs.items()}
    name = choice("Run", runs, "run", key="metric_own_run", title=titles.__getitem__)
    run = runs[name]
    epochs, labels = {epoch["epoch"]: epoch for epoch in run.epochs()}, run.labels
    if not epochs and run.status == "damaged":
        show_damage(run)
        return
    if not epochs:
        st.info(f"{plain(name)} has not finished an epoch yet.", icon=":material/hourglass_empty:")
        return
    number = _own_epoch(list(epochs))
    key = (name, str(run.facts.get("started")), len(epochs), number)
    view = kept_view(
        ("metric.own_curves", *key),
        lambda: training.accuracy([*epochs.values()], selected_x=float(number), pick="metric_own_epoch"),
    )
    show_canvas(view, key="metric_own_curves", on_pick=state.pick)
    measured = epochs[number]["validation"]
    pictures, times = measured["pictures"], max(measured["predicted"])
    st.markdown(
        f"After epoch {number}, **{measured['top1']:.4f}** of the {pictures:,} images are right; the mean over "
        f"batches is **{measured['batch_mean_top1']:.4f}**. {times:,} of them were called "
        + plain(labels[measured["predicted"].index(times)])
        + (": every image was given the same class." if times == pictures else ", more than any other class.")
    )
    view = kept_view(("metric.own_predictions", *key), lambda: training.answers_after(epochs[number], labels))
    show_canvas(view, key="metric_own_predictions")


def _own_epoch(numbers: list[int]) -> int:
    """The chosen epoch of a run, the last one at first. A bound widget would keep only what is not its first value."""
    key, last = "metric_own_epoch", numbers[-1]
    asked = st.query_params.get(key, "")
    if key not in st.session_state:
        st.session_state[key] = int(asked) if asked else last
    if st.session_state[key] not in numbers:
        st.session_state[key] = last
    number: int = st.session_state[key]
    if len(numbers) > 1:
        number = st.select_slider(f"Epoch ({numbers[0]} to {last})", numbers, key=key)
    put(key, None if number == last else str(number))
    return number
