"""Exercise 5 on its page: warm-up, decay and clipping, switched on and off."""

from typing import get_args

import streamlit as st

from explainer.app.canvas import show as show_canvas
from explainer.app.exercises.short_runs import ShortRun, all_runs, ask_for, find
from explainer.app.foreign import plain
from explainer.app.kept import kept, kept_view
from explainer.app.links.controls import real, segments, whole
from explainer.app.listing import show_functions, show_table
from explainer.app.session import Session, forward_slots, load_model, trace
from explainer.course import exercises as compute
from explainer.course.short_training import BATCH_SIZE, RATES, STEPS, Decay, Optimizer, Switches, train
from explainer.notation.wording import percent
from explainer.views.course import exercises
from vit_core.training import RECIPES
from vit_core.training.config import TrainingConfig
from vit_core.training.schedule import learning_rate

LARGEST = 30_000_000  # parameters: the gradient of a larger model is as large, and the reader waits
REFRESH = 1.0  # seconds between two looks at a training
DECAYS: dict[str, Decay] = {"off" if decay == "constant" else decay: decay for decay in get_args(Decay)}
OPTIMIZERS: dict[str, Optimizer] = {"Adam": "adam", "SGD": "sgd"}
ANSWERS = ("believed most", "believed least")


def show_schedule() -> None:
    """The learning rate over the steps, with the switches and without."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        total = whole("Steps", 500, 10, key="exercise_steps", width=130)
        usual = RECIPES["course"].learning_rate
        rate = real("Learning rate", usual, 1e-3, key="exercise_rate", format="%.4f", width=150)
        warm_up = st.toggle("Warm-up", True, key="exercise_warm_up", bind="query-params")
        steps = whole("Warm-up steps", 100, key="exercise_warm_up_steps", width=140, disabled=not warm_up)
        decay = DECAYS[segments("Decay", list(DECAYS), "cosine", key="exercise_decay")]
    chosen = TrainingConfig(
        steps=total, learning_rate=rate, warmup_steps=min(steps, total) if warm_up else 0, schedule=decay
    )
    off = TrainingConfig(steps=total, learning_rate=rate, warmup_steps=0, schedule="constant")
    recipes = {"switched off": off, "as chosen": chosen} if chosen != off else {"switched off": off}
    key = ("exercises.schedules", total, repr(rate), chosen.warmup_steps, decay)
    show_canvas(kept_view(key, lambda: exercises.schedules(recipes, total)), key="exercise_schedules")
    show_functions("The code: the learning rate of a step", "exercise_code_schedule", learning_rate)


def show_clipping(session: Session) -> None:
    """The gradient of one image's loss, by part of the model, before and after clipping."""
    name = session.state.checkpoint
    if sum(parameter.numel() for parameter in session.model.parameters()) > LARGEST:
        name = "embedded"
        st.caption(f"Gradients of more than {LARGEST:,} parameters take seconds: you see those of the embedded model.")
    model, record = load_model(name)
    seen = trace(name, session.state.picture)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        answer = segments("The right answer is", ANSWERS, "believed least", key="exercise_answer")
        limit = real("Largest norm", 1.0, 0.5, key="exercise_clip", width=140)
    label = int(seen.logits.argmax() if answer == "believed most" else seen.logits.argmin())

    def make() -> tuple[dict[str, float], dict[str, float], float]:
        with forward_slots:
            found = compute.gradients(model, seen.image, label)
        clipped, norm = compute.clip(found, limit)
        return compute.norms_by_part(found), compute.norms_by_part(clipped), norm

    place = (name, session.state.picture, label, repr(limit))
    before, after, norm = kept(("exercise.clip", *place), make)
    view = kept_view(("exercises.clipping", *place), lambda: exercises.clipping(before, after, norm, limit))
    st.markdown(
        f"If the right answer were **{plain(record.labels[label])}**, to which the model gives "
        f"{percent(seen.probabilities[label])}, these would be the gradients. {plain(view.alt)}"
    )
    show_canvas(view, key="exercise_clipping")
    show_functions(
        "The code: gradients, and how they are clipped", "exercise_code_clip", compute.gradients, compute.clip
    )


def show_trainings() -> None:
    """Switches, a button that trains with them and without them, and the curves of all trainings so far."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        optimizer = OPTIMIZERS[segments("Optimiser", list(OPTIMIZERS), "SGD", key="exercise_optimizer")]
        warm_up = st.toggle("Warm-up", key="exercise_train_warm_up", bind="query-params")
        decay = DECAYS[segments("Decay", list(DECAYS), "off", key="exercise_train_decay")]
        clip = st.toggle("Clipping", True, key="exercise_train_clip", bind="query-params")
    chosen = Switches(optimizer, bool(warm_up), decay, bool(clip))
    off = Switches(chosen.optimizer)
    wanted = list(dict.fromkeys((off, chosen)))
    missing = [switches for switches in wanted if (run := find(switches)) is None or run.status == "failed"]
    label = f"Train: {plain(' and '.join(switches.title for switches in missing))}" if missing else "Trained"
    if st.button(label, icon=":material/play_arrow:", type="primary", disabled=not missing, key="exercise_train"):
        for switches in missing:
            ask_for(switches)
        st.rerun()
    st.caption(f"Learning rate {RATES[chosen.optimizer]:g}, {STEPS} steps of {BATCH_SIZE} crops.")
    runs = [run for run in all_runs() if run.switches.optimizer == chosen.optimizer]
    is_going_on = any(not run.is_over for run in runs)
    st.fragment(_watch, run_every=REFRESH if is_going_on else None)(runs, is_going_on)
    show_functions("The code: the whole training", "exercise_code_train", train)


def _watch(runs: list[ShortRun], was_going_on: bool) -> None:
    if was_going_on and all(run.is_over for run in runs):
        st.rerun()  # the whole page, once: then nobody looks again every second
    for run in runs:
        if run.status == "failed":
            sentence = f"The training with {run.switches.title} ended early: {run.problem}"
            st.warning(plain(sentence), icon=":material/error:")
        elif not run.is_over:
            status = "waits for the one before" if run.status == "waiting" else "trains"
            st.progress(run.progress, text=plain(f"{run.switches.title}: {status}"))
    begun = {run.switches.title: list(run.steps) for run in runs if run.steps}
    if not begun:
        return
    results = {run.switches.title: run.result for run in runs if run.result}
    show_canvas(exercises.short_trainings(begun, results), key="exercise_trainings")
    lines = [
        "| switched on | loss, largest | loss, last ten steps | gradient norm, largest | right, unseen crops |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in results:
        steps = begun[name]
        last = [step["loss"] for step in steps[-10:]]
        lines.append(
            f"| {plain(name)} | {max(step['loss'] for step in steps):.3f} | {sum(last) / len(last):.3f} "
            f"| {max(step['gradient_norm'] for step in steps):.2f} | {percent(results[name]['share_right'])} |"
        )
    if results:
        show_table("trainings", lines)
