"""The parts of every stage page, in one order: words, equation, views, tensors, code, proof, the way on."""

from collections.abc import Callable
from html import escape

import streamlit as st

from explainer import links
from explainer.app import saved_page, state
from explainer.app.canvas import show as show_canvas
from explainer.app.foreign import plain
from explainer.app.kept import kept_view
from explainer.app.session import current
from explainer.export.saved_parts import Code, Heading, Mathematics, Words
from explainer.lessons import HANDS_ON, Lesson
from explainer.links import Link
from explainer.menu import group_of, neighbours
from explainer.notation import templates as notation
from explainer.notation.equations import FORMULAS, Equation, Formula
from explainer.notation.excerpts import highlighted, line_of
from explainer.palette import Scheme
from explainer.panels import View
from explainer.stages import Stage
from explainer.steps.forward_pass import STEPS
from explainer.texts import text
from explainer.views.compose import explained
from explainer.views.course.scenes import NAME


def scheme() -> Scheme:
    """Whether the page is light or dark in this browser."""
    return "dark" if st.context.theme.type == "dark" else "light"


def show_head(stage: Stage | Lesson) -> None:
    """The page's place in the story, its title, and its summary in plain words."""
    names = list(group_of(stage))
    place = f"{names.index(stage.name) + 1} of {len(names)}" + (f" · {stage.about}" if stage.about else "")
    with st.container(key="page_head", horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.title(stage.title, anchor=False, width="content")
        st.html(f'<p class="vit-kicker">{escape(place)}</p>', width="content")
    if stage.name in STEPS:
        saved_page.forget()
        return  # its summary comes with its steps
    with st.container(key="summary"):
        st.markdown(text(stage.name).summary)
    saved_page.begin()
    saved_page.note(Words(text(stage.name).summary))


def show_formula(name: str) -> None:
    """A formula that has no number in the paper, with this model's numbers where they add something."""
    _show_mathematics(FORMULAS[name].title, FORMULAS[name], name)


def _show_mathematics(title: str, formula: Equation | Formula, name: str) -> None:
    session = current()
    saved_page.note(Mathematics(title, formula, session.config, session.layer))
    with st.container(key=f"equation_{name}", gap="small"):
        show_link(title, links.of_equation(formula), *formula.lines)
        st.latex(formula.coloured(scheme()))
        if formula.numbers:
            with st.container(key=f"numbers_{name}"):
                st.latex(formula.with_numbers(session.config, scheme(), session.layer))


def show_equation_line(equation: Equation) -> None:
    """An equation and its line of code, on pages that are about other things."""
    title, link, code = f"Equation {equation.number} · {equation.title}", links.of_equation(equation), line_of(equation)
    saved_page.note(Mathematics(title, equation))
    saved_page.note(Code(f"{code.path}, line {code.number}", code))
    with st.container(key=f"equation_{equation.number}", gap="small"):
        show_link(title, link, equation.essence)
        st.latex(notation.coloured(equation.essence, scheme()))
        st.html(highlighted(code, scheme(), [0], {0: f'tabindex="0" {link.attributes}'}))


def show_link(title: str, link: Link, *lines: str) -> None:
    """The title of an equation, which the keyboard can go to: what is about the same tensors lights up with it.

    ``lines`` are the templates of the formulas that follow it, whose symbols light up one by one.
    """
    st.html(f'<p class="vit-caption" tabindex="0" {link.attributes} {links.of_symbols(*lines)}>{escape(title)}</p>')


def show_section(stage: Stage | Lesson, slug: str) -> None:
    """The heading of one section and its words."""
    prose = text(stage.name)
    st.header(prose.titles[slug], anchor=slug)
    show_words(prose.sections[slug], Heading(prose.titles[slug]))


def show_words(markdown: str, heading: Heading | None = None, quiet: bool = False) -> None:
    """Words that belong to the page when it is saved; ``quiet`` as a caption."""
    if heading is not None:
        saved_page.note(heading)
    saved_page.note(Words(markdown, quiet))
    (st.caption if quiet else st.markdown)(markdown)


def show_view(name: str, make: Callable[[], View], *dependencies: str | int) -> None:
    """A view of tensors; a click on it chooses for the whole app.

    It is made once for everybody whose choice is the same; it depends on ``dependencies`` as well.
    """
    session = current()
    key = (name, *session.choice, *dependencies)
    view = kept_view(key, lambda: explained(links.linked(make(), name), session.layer))
    show_canvas(view, key=name, on_pick=state.pick)


def show_way_back(name: str) -> None:
    """The run and epoch that a page of the explainer shows, and the way back to the run's epochs."""
    _, run, epoch = name.split(":")
    with st.container(horizontal=True, vertical_alignment="center", key="run_shown"):
        st.caption(f"These are the weights after epoch {plain(epoch)} of the run {plain(run)}.")
        place = state.parameters() | {"run": run, NAME: epoch}
        st.page_link("epochs.py", label="Back to its epochs", icon=":material/history:", query_params=place)


def show_neighbours(stage: Stage | Lesson) -> None:
    """The page as a file, where it is complete in one; the way back and the way on, with everything that is chosen."""
    if stage.name not in STEPS and (isinstance(stage, Stage) or stage.name in HANDS_ON):
        saved_page.show_button(stage, current())
    st.space("medium")
    left, right = st.columns(2)
    parameters = state.parameters()
    before, after = neighbours(stage)
    with left.container(key="back"):
        if before is not None:
            st.page_link(f"{before.name}.py", label=before.title, icon=":material/arrow_back:", query_params=parameters)
    with right.container(key="next"):
        if after is not None:
            st.page_link(
                f"{after.name}.py",
                label=after.title,
                icon=":material/arrow_forward:",
                icon_position="right",
                query_params=parameters,
            )
