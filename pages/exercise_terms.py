"""Exercise 5 on its page: warm-up, decay and clipping, switched on and off."""

from typing import get_args

import streamlit as st

from explainer import exercises as compute
from explainer.short_training import BATCH_SIZE, RATES, STEPS, Decay, Switches, train
from explainer.views import exercises
from explainer.views.wording import percent
from pages.canvas import show as show_canvas
from pages.listing import show_functions
from pages.session import Session, forward_slots, kept, kept_view, load_model, trace
from pages.short_runs import ShortRun, all_runs, ask_for, find
from vit_core.training import RECIPES
from vit_core.training.config import TrainingConfig
from vit_core.training.schedule import learning_rate

LARGEST = 30_000_000  # parameters: the gradient of a larger model is as large, and the reader waits
REFRESH = 1.0  # seconds between two looks at a training
_DECAYS = list(get_args(Decay))


def show_schedule() -> None:
    """The learning rate over the steps, with the switches and without."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        total = int(
            st.number_input("Steps", 10, 10_000, 500, 10, key="exercise_steps", bind="query-params", width=130)
        )
        rate = float(
            st.number_input(
                "Learning rate", 1e-6, 10.0, RECIPES["course"].learning_rate, 1e-3, format="%.4f", key="exercise_rate",
                bind="query-params", width=150,
            )
        )  # fmt: skip
        warm_up = st.toggle("Warm-up", True, key="exercise_warm_up", bind="query-params")
        steps = int(
            st.number_input("Warm-up steps", 1, 10_000, 100, key="exercise_warm_up_steps", bind="query-params",
                            width=140, disabled=not warm_up)
        )  # fmt: skip
        decay = _decay("exercise_decay", "cosine")
    chosen = TrainingConfig(
        steps=total, learning_rate=rate, warmup_steps=min(steps, total) if warm_up else 0, schedule=decay
    )
    off = TrainingConfig(steps=total, learning_rate=rate, warmup_steps=0, schedule="constant")
    recipes = {"switched off": off, "as chosen": chosen} if chosen != off else {"switched off": off}
    key = ("exercises.schedules", total, repr(rate), chosen.warmup_steps, decay)
    show_canvas(kept_view(key, lambda: exercises.schedules(recipes, total)), key="exercise_schedules")
    show_functions("The code: the learning rate of a step", "exercise_code_schedule", learning_rate)


def _decay(key: str, default: str) -> Decay:
    chosen = st.segmented_control(
        "Decay", _DECAYS, format_func=lambda each: "off" if each == "constant" else each, default=default,
        required=True, key=key, bind="query-params",
    )  # fmt: skip
    return chosen or "constant"


def show_clipping(session: Session) -> None:
    """The gradient of one picture's loss, by part of the model, before and after clipping."""
    name = session.state.checkpoint
    if sum(parameter.numel() for parameter in session.model.parameters()) > LARGEST:
        name = "embedded"
        st.caption(f"Gradients of more than {LARGEST:,} parameters take seconds: you see those of the embedded model.")
    model, record = load_model(name)
    seen = trace(name, session.state.picture)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        answer = st.segmented_control(
            "The right answer is", ["believed most", "believed least"], default="believed least", required=True,
            key="exercise_answer", bind="query-params",
        )  # fmt: skip
        limit = float(
            st.number_input("Largest norm", 0.01, 1000.0, 1.0, 0.5, key="exercise_clip", bind="query-params", width=140)
        )
    label = int(seen.logits.argmax() if answer == "believed most" else seen.logits.argmin())

    def make() -> tuple[dict[str, float], dict[str, float], float]:
        with forward_slots:
            found = compute.gradients(model, seen.image, label)
        clipped, norm = compute.clip(found, limit)
        return compute.norms_by_part(found), compute.norms_by_part(clipped), norm

    place = (name, session.state.picture, label, repr(limit))
    before, after, norm = kept(("exercise.clip", *place), make)
    st.markdown(
        f"If the right answer were **{record.labels[label]}**, to which the model gives "
        f"{percent(seen.probabilities[label])}, the gradients of all parameters together have norm **{norm:.4g}**, "
        + (
            f"more than {limit:g}: each is multiplied by {limit / norm:.4g}."
            if norm > limit
            else f"no more than {limit:g}: nothing is clipped."
        )
    )
    view = kept_view(("exercises.clipping", *place), lambda: exercises.clipping(before, after, norm, limit))
    show_canvas(view, key="exercise_clipping")
    show_functions(
        "The code: gradients, and how they are clipped", "exercise_code_clip", compute.gradients, compute.clip
    )


def show_trainings() -> None:
    """Switches, a button that trains with them and without them, and the curves of all trainings so far."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        optimizer = st.segmented_control(
            "Optimiser", list(RATES), format_func=lambda each: "SGD" if each == "sgd" else "Adam", default="sgd",
            required=True, key="exercise_optimizer", bind="query-params",
        )  # fmt: skip
        warm_up = st.toggle("Warm-up", key="exercise_train_warm_up", bind="query-params")
        decay = _decay("exercise_train_decay", "constant")
        clip = st.toggle("Clipping", True, key="exercise_train_clip", bind="query-params")
    chosen = Switches(optimizer or "sgd", bool(warm_up), decay, bool(clip))
    off = Switches(chosen.optimizer)
    wanted = list(dict.fromkeys((off, chosen)))
    missing = [each for each in wanted if (run := find(each)) is None or run.status == "failed"]
    label = f"Train: {' and '.join(each.title for each in missing)}" if missing else "Trained"
    if st.button(label, icon=":material/play_arrow:", type="primary", disabled=not missing, key="exercise_train"):
        for each in missing:
            ask_for(each)
        st.rerun()
    st.caption(f"Learning rate {RATES[chosen.optimizer]:g}, {STEPS} steps of {BATCH_SIZE} cut-outs.")
    runs = [run for run in all_runs() if run.switches.optimizer == chosen.optimizer]
    is_going_on = any(not run.is_over for run in runs)
    st.fragment(_watch, run_every=REFRESH if is_going_on else None)(runs, is_going_on)
    show_functions("The code: the whole training", "exercise_code_train", train)


def _watch(runs: list[ShortRun], was_going_on: bool) -> None:
    if was_going_on and all(run.is_over for run in runs):
        st.rerun()  # the whole page, once: then nobody looks again every second
    for run in runs:
        if run.status == "failed":
            st.warning(f"The training with {run.switches.title} ended early: {run.problem}", icon=":material/error:")
        elif not run.is_over:
            said = "waits for the one before" if run.status == "waiting" else "trains"
            st.progress(run.progress, text=f"{run.switches.title}: {said}")
    begun = {run.switches.title: list(run.steps) for run in runs if run.steps}
    if not begun:
        return
    results = {run.switches.title: run.result for run in runs if run.result}
    show_canvas(exercises.short_trainings(begun, results), key="exercise_trainings")
    lines = [
        "| switched on | loss, largest | loss, last ten steps | gradient norm, largest | right, unseen cut-outs |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in results:
        steps = begun[name]
        last = [each["loss"] for each in steps[-10:]]
        lines.append(
            f"| {name} | {max(each['loss'] for each in steps):.3f} | {sum(last) / len(last):.3f} "
            f"| {max(each['gradient_norm'] for each in steps):.2f} | {percent(results[name]['share_right'])} |"
        )
    if results:
        with st.container(key="table_trainings"):
            st.markdown("\n".join(lines))
