"""The effects of the changes: the new prediction next to the old, the list of changes, every layer, the attention."""

from html import escape

import streamlit as st

from explainer.app import state
from explainer.app.blocks import show_section
from explainer.app.canvas import show as show_canvas
from explainer.app.foreign import plain
from explainer.app.kept import kept_view
from explainer.app.session import Session
from explainer.app.what_if import history
from explainer.app.what_if.applying import PROBLEMS, apply
from explainer.app.what_if.controls import pixels_of
from explainer.experiments.effects import Effect, effect_of
from explainer.lessons import HANDS_ON
from explainer.notation.wording import percent
from explainer.views.changes import effects, what_if
from explainer.views.compose import explained
from vit_core import ForwardTrace
from vit_core.interventions import Interventions
from vit_core.interventions.changes import Change

MOST_UNSCROLLED = 5  # changes; a longer list scrolls by itself
NOTHING = "Nothing is changed yet: change something above, and it appears here."
lesson = HANDS_ON["what_if"]


def show_bar(session: Session, after: ForwardTrace, interventions: Interventions) -> None:
    """The answer in one line, and the way back and forward; it stays in sight while the page scrolls."""
    past = history.steps.now
    with st.container(key="what_if_bar", horizontal=True, vertical_alignment="center", gap="small"):
        answer = _answer(session, after, interventions)
        # The pictures' headings come next, and need one above them.
        heading = '<h2 class="vit-unseen">The changes and the answer</h2>'
        st.html(f'{heading}<p class="vit-answer" role="status">{answer}</p>')
        for label, icon, action, is_possible, shortcut in (
            ("Undo", ":material/undo:", history.steps.undo, bool(past.past), "Mod+Z"),
            ("Redo", ":material/redo:", history.steps.redo, bool(past.future), "Mod+Shift+Z"),
            ("Clear", ":material/delete_sweep:", clear, bool(past.present), None),
        ):
            st.button(
                label,
                icon=icon,
                key=f"what_if_{label.lower()}",
                on_click=action,
                disabled=not is_possible,
                shortcut=shortcut,
                type="tertiary",
            )


def clear() -> None:
    """No changes; this is a step that can be undone, too."""
    history.change(Interventions())


def _answer(session: Session, after: ForwardTrace, interventions: Interventions) -> str:
    before_p, after_p, labels = session.trace.probabilities, after.probabilities, session.checkpoint.labels
    was, now = int(before_p.argmax()), int(after_p.argmax())
    start = f"<b>{escape(labels[was])}</b> {percent(before_p[was])}"
    if not interventions:
        return f"{start}. Nothing is changed yet."
    arrow = f'{start} <span aria-label="becomes">→</span> '
    if was == now:
        return f"{arrow}{percent(after_p[was])}"
    return f"{arrow}<b>{escape(labels[now])}</b> {percent(after_p[now])}"


def show_prediction(session: Session, after: ForwardTrace, interventions: Interventions) -> None:
    """The leading classes before and after, each with its shift."""
    view = kept_view(
        ("what_if.prediction", session.state.checkpoint, session.state.picture, str(interventions)),
        lambda: explained(
            what_if.prediction(session.trace.probabilities, after.probabilities, session.checkpoint.labels), 1
        ),
    )
    show_canvas(view, key="what_if_prediction", on_pick=state.pick)


def show_list(interventions: Interventions) -> None:
    """Every change as a button that removes it; and all of them as text, to be read, edited and copied."""
    show_section(lesson, "list")
    is_long = len(interventions) > MOST_UNSCROLLED
    with st.container(key="what_if_list", gap="xsmall", height=260 if is_long else "content"):
        for change in interventions:
            st.button(
                plain(change.title),
                icon=":material/close:",
                key=f"what_if_remove_{change.key}_{change.item}",
                type="tertiary",
                on_click=_remove,
                args=(change,),
                help="Remove this change",
            )
        if not interventions:
            st.caption("No changes. This is the forward pass of the other pages.")
    if st.session_state.get("what_if_text") != str(history.current()) and "what_if_typed" not in st.session_state:
        st.session_state["what_if_text"] = str(history.current())
    st.session_state.pop("what_if_typed", None)
    st.text_input(
        "The same as text",
        key="what_if_text",
        on_change=_take_text,
        placeholder="mask=12-15;heads=3.1:zero",
        help="Edit it and press Enter. Allowed: mask=12-15, blur=20, swap=3:17, shuffle=7, positions=zero, "
        "temperature=2, heads=3.1:zero, skip=attention.4, residual=mlp.2, with semicolons between kinds.",
    )


def _remove(change: Change) -> None:
    apply(lambda changes: changes.without(change))


def _take_text() -> None:
    """Take over the typed text; text that makes no sense is reported, and stays to be corrected."""
    try:
        history.change(Interventions.parse(st.session_state["what_if_text"].replace(" ", "")))
    except ValueError as error:
        st.session_state.setdefault(PROBLEMS, []).append(f"The text cannot be read: {error}.")
        st.session_state["what_if_typed"] = True


def effect(session: Session, after: ForwardTrace) -> Effect:
    """How far every hidden state has moved."""
    return effect_of(session.trace, after)


def show_difference(session: Session, after: ForwardTrace, interventions: Interventions) -> None:
    """Every layer: how far z has moved, which way it points, and how the change spreads over the image."""
    show_section(lesson, "difference")
    if not interventions:
        st.caption(NOTHING)
        return
    place = (session.state.checkpoint, session.state.picture, str(interventions), session.layer)
    over_layers = kept_view(
        ("what_if.over_layers", *place, session.token),
        lambda: explained(effects.over_layers(effect(session, after), session.layer, session.token), session.layer),
    )
    show_canvas(over_layers, key="what_if_over_layers", on_pick=state.pick)
    spread = kept_view(
        ("what_if.spread", *place),
        lambda: explained(effects.spread(effect(session, after), session.layer, session.pixels), session.layer),
    )
    show_canvas(spread, key="what_if_spread", on_pick=state.pick)


def show_attention(session: Session, after: ForwardTrace, interventions: Interventions) -> None:
    """The attention of the chosen token before and after, in the chosen head."""
    show_section(lesson, "attention")
    if not interventions:
        st.caption(NOTHING)
        return
    view = kept_view(
        ("what_if.attention", *session.choice, str(interventions)),
        lambda: explained(
            what_if.attention(
                session.trace,
                after,
                session.layer,
                session.head,
                session.token,
                (session.pixels, pixels_of(session, after)),
            ),
            session.layer,
        ),
    )
    show_canvas(view, key="what_if_attention", on_pick=state.pick)
