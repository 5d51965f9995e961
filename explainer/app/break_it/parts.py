"""The parts of the page Break it: sizes and bugs, the change, the prediction, what happens, the repairs."""

from html import escape
from typing import Any

import streamlit as st

from explainer.app.blocks import scheme
from explainer.app.break_it import state as lab_state
from explainer.app.exercises.parts import show_verdict
from explainer.app.foreign import plain
from explainer.break_it.bugs import BUGS
from explainer.break_it.listing import FILE, changed_lines, function_around, listing, one_line
from explainer.break_it.model import NUM_CLASSES
from explainer.break_it.progress import NEVER, UNKNOWN, read_shape, shape_text
from explainer.break_it.runs import Outcome, answer, diagnosis, options, run, source_of
from explainer.break_it.sizes import BATCHES, HIDDEN, PATCHES
from explainer.break_it.windows import ending, surroundings
from explainer.notation.excerpts import Excerpt, highlighted
from explainer.shapes.diagnosis.report import diagnosis_html
from explainer.shapes.rendering.html import style


def show_sizes() -> None:
    """Five sizes, each among those that fit the others."""
    sizes = lab_state.current().sizes
    with st.container(horizontal=True, key="lab_sizes_row"):
        for label, name, values in (
            ("Image H = W", "image_size", tuple(PATCHES)),
            ("Patch P", "patch_size", PATCHES[sizes.image_size]),
            ("Hidden size D", "hidden_size", tuple(HIDDEN)),
            ("Heads k", "num_heads", HIDDEN[sizes.hidden_size]),
            ("Images B", "batch", BATCHES),
        ):
            key = f"lab_{name}"
            _sync(key, getattr(sizes, name))
            st.selectbox(label, values, key=key, width=130, on_change=_take_size, args=(name,))


def show_bugs() -> None:
    """All bugs with a mark for those that are repaired, how many are, and the way to the next."""
    lab = lab_state.current()
    numbers = {name: number for number, name in enumerate(BUGS, 1)}
    _sync("lab_bug", lab.bug)
    st.pills(
        "Mistake",
        list(BUGS),
        key="lab_bug",
        on_change=_take_bug,
        required=True,
        label_visibility="collapsed",
        format_func=lambda name: f"{'✓' if name in lab.progress.repaired else f'{numbers[name]:d}'} {BUGS[name].title}",
    )
    predicted = len(lab.progress.predicted)
    with st.container(horizontal=True, vertical_alignment="center", key="lab_bar"):
        for label, icon, step in (("Previous", ":material/arrow_back:", -1), ("Next", ":material/arrow_forward:", 1)):
            key, is_last = f"lab_{label.lower()}", lab.neighbour(step) is None
            st.button(label, icon=icon, key=key, disabled=is_last, on_click=lab.choose_neighbour, args=(step,))
        st.button(
            "Begin again",
            icon=":material/restart_alt:",
            key="lab_reset",
            on_click=lab.reset,
            disabled=not str(lab.progress),
            help="Forget what you have predicted and repaired.",
        )
        st.html(
            f'<p class="vit-answer" role="status"><b>{len(lab.progress.repaired)}</b> of {len(BUGS)} fixed, '
            f"<b>{lab.progress.right}</b> of {predicted} predictions right</p>"
        )


def show_change() -> None:
    """The changed lines of the file, and all of it folded up."""
    lab = lab_state.current()
    sound, broken = source_of(lab.sizes), source_of(lab.sizes, lab.chosen.edits)
    st.html(f'<p class="vit-source">{FILE}</p>{listing(sound, broken, scheme())}')
    with st.expander("The whole file", key="lab_code", on_change="rerun") as expander:
        if expander.open:
            marked = {line.index for place in changed_lines(sound, broken) for line in place if line.sign == "+"}
            st.html(highlighted(Excerpt(broken, None, 1, FILE), scheme(), marked))


def show_prediction() -> bool:
    """The question, and the button that runs the code; whether it has run."""
    lab = lab_state.current()
    code, line = function_around(source_of(lab.sizes, lab.chosen.edits), lab.chosen.place)
    st.markdown(f"Which shape has {lab.chosen.question}? The line is marked.")
    st.html(highlighted(code, scheme(), [line]))
    shapes = [shape_text(shape) for shape in options(lab.sizes, lab.chosen)]
    key = f"lab_guess_{lab.bug}"
    if lab.prediction is not None and key not in st.session_state:
        st.session_state[key] = lab.prediction
    with st.container(horizontal=True, vertical_alignment="bottom"):
        guess = st.selectbox(
            "Your prediction",
            [*shapes, NEVER, UNKNOWN],
            index=None,
            key=key,
            accept_new_options=True,
            width=320,
            placeholder="Choose, or type 2, 197, 192",
        )
        problem = _problem(guess)
        st.button(
            "Run it",
            icon=":material/play_arrow:",
            type="primary",
            key="lab_run",
            on_click=_predict,
            disabled=guess is None or bool(problem),
        )
    if problem:
        st.warning(plain(problem))
    if lab.prediction is None:
        return False
    correct = escape(shape_text(answer(lab.sizes, lab.chosen)))
    if lab.is_right(lab.prediction):
        show_verdict(True, f"Right: {correct}", "")
    else:
        show_verdict(False, f"The right answer is: {correct}", f"you predicted {escape(lab.prediction)}")
    return True


def show_run() -> None:
    """The ledger of the broken model up to where it stopped or went wrong, and the likely mistake."""
    lab = lab_state.current()
    outcome = run(lab.sizes, lab.chosen.edits)
    ledger = outcome.ledger
    if ledger.failure is None:
        st.html(
            f'<p class="vit-finding">No error: the logits have the shape <b>{shape_text(outcome.shape)}</b>. Marked '
            "below is what has another shape than in the model without the mistake.</p>"
        )
        shown = surroundings(ledger, run(lab.sizes, ()).ledger, lab.chosen.place)
    else:
        shown = ending(ledger)
    explanation = diagnosis_html(ledger, diagnosis(lab.sizes, lab.chosen.edits)) or (
        '<div class="vit-diagnosis"><p>The shapes do not show that anything went wrong.</p></div>'
    )
    st.html(f"<style>{style()}</style>{shown}{explanation}")


def show_repairs() -> None:
    """Hints, the candidates, and the real result of the one that was run."""
    lab = lab_state.current()
    asked = lab.hints.get(lab.bug, 0)
    names = ("Which operation", "Which axis", "The rule")
    for name, hint in zip(names[:asked], lab.chosen.hints, strict=False):
        st.markdown(f"**{name}.** {lab.sizes.fill(hint)}")
    st.button(
        f"Hint {asked + 1:d} of 3: {names[asked].lower()}" if asked < 3 else "No more hints",
        disabled=asked == 3,
        icon=":material/lightbulb:",
        key="lab_hint",
        on_click=lab.ask_for_hint,
    )
    broken = source_of(lab.sizes, lab.chosen.edits)
    labels = [one_line(broken, source_of(lab.sizes, edits)) for edits in lab.chosen.repairs]
    key = f"lab_repair_{lab.bug}"
    if lab.repair is not None and key not in st.session_state:
        st.session_state[key] = lab.repair
    chosen = st.radio(
        "Write instead",
        range(len(labels)),
        index=None,
        key=key,
        format_func=lambda index: plain(labels[index]),
    )
    st.button(
        "Run with this change",
        icon=":material/play_arrow:",
        type="primary",
        key="lab_try",
        disabled=chosen is None,
        on_click=_try_repair,
    )
    if lab.repair is not None and lab.repair == chosen:
        edits = lab.chosen.repairs[lab.repair]
        st.html(listing(broken, source_of(lab.sizes, edits), scheme()))
        _show_tried(run(lab.sizes, edits))


def _show_tried(outcome: Outcome) -> None:
    """A repair that was run: whether it is one, its ledger, and the way to the next bug."""
    lab = lab_state.current()
    right, wanted = run(lab.sizes, ()).logits, shape_text((lab.sizes.batch, NUM_CLASSES))
    is_sound, figures = outcome.is_sound(lab.sizes), ""
    assert right is not None
    if is_sound:
        title, figures = f"Fixed: logits {wanted}", "the numbers of the model without the mistake"
    elif outcome.logits is None:
        title = "It still breaks"
    elif outcome.logits.shape != right.shape:
        title, figures = f"Logits {shape_text(outcome.shape)}", f"{wanted} was expected"
    else:
        title = f"Logits {wanted}, but other numbers"
        apart, largest = float((outcome.logits - right).abs().max()), float(right.abs().max())
        figures = (
            f"up to <b>{apart:.2g}</b> from those of the model without the mistake, whose largest is {largest:.2g}"
        )
    show_verdict(is_sound, title, figures)
    st.html(f"<style>{style()}</style>{ending(outcome.ledger)}")
    if is_sound and (name := lab.neighbour(1)) is not None:
        label, icon = f"Next: {BUGS[name].title}", ":material/arrow_forward:"
        st.button(label, icon=icon, key="lab_on", on_click=lab.choose, args=(name,))


def _problem(guess: str | None) -> str:
    """Why this is no answer; empty for one."""
    if guess is None or guess in (NEVER, UNKNOWN):
        return ""
    try:
        read_shape(guess)
    except ValueError as error:
        return str(error)
    return ""


def _predict() -> None:
    lab = lab_state.current()
    guess = st.session_state.get(f"lab_guess_{lab.bug}")
    if guess is not None and not _problem(guess):
        lab.predict(guess)


def _try_repair() -> None:
    lab = lab_state.current()
    chosen = st.session_state.get(f"lab_repair_{lab.bug}")
    if chosen is not None:
        lab.try_repair(chosen)


def _take_size(name: str) -> None:
    lab_state.current().choose_size(name, int(st.session_state[f"lab_{name}"]))
    for bug in BUGS:
        st.session_state.pop(f"lab_guess_{bug}", None)


def _take_bug() -> None:
    lab_state.current().choose(st.session_state["lab_bug"])


def _sync(key: str, value: Any) -> None:
    """Make a control follow the lab's state, however that came about."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value
