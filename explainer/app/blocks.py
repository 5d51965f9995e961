"""The parts that every page has: its head, its sections, the way on."""

from collections.abc import Callable
from html import escape

import streamlit as st

from explainer import links
from explainer.app import state
from explainer.app.canvas import show as show_canvas
from explainer.app.foreign import plain
from explainer.app.kept import kept_view
from explainer.app.session import current
from explainer.lessons import Lesson
from explainer.menu import group_of, neighbours
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
    if stage.name not in STEPS:  # otherwise its summary comes with its steps
        with st.container(key="summary"):
            st.markdown(text(stage.name).summary)


def show_section(stage: Stage | Lesson, slug: str) -> None:
    """The heading of one section and its words."""
    prose = text(stage.name)
    st.header(prose.titles[slug], anchor=slug)
    st.markdown(prose.sections[slug])


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
    """The way back and the way on, with everything that is chosen."""
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
