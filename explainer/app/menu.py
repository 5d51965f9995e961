"""The menu: which page is shown, and the links to all of them, which carry the reader's choice."""

from functools import cache
from typing import Any

import streamlit as st

from explainer.app import state
from explainer.lessons import HANDS_ON, LESSONS, TOOLS
from explainer.menu import PAGES
from explainer.stages import STAGES, Page

HOME = "overview"
# A row of the menu -> its pages; the key is the row's in the style sheet.
_ROWS = (("menu", STAGES), ("menu_hands_on", HANDS_ON | TOOLS), ("menu_lessons", LESSONS))


def choose_page() -> Any:
    """The page that the address or a picture names, in Streamlit's own form: ``run()`` runs it."""
    # The first page lies at "/" alone, so that its name is free for a page that leads there.
    first = _streamlit_page(PAGES[HOME], default=True, url_path="first")
    others = [_streamlit_page(page) for page in PAGES.values() if page.name != HOME]
    named = st.Page(lambda: None, title=PAGES[HOME].title, url_path=HOME)
    page = st.navigation(
        [first, *others, named],
        position="hidden",  # the menu below carries the reader's choice in its links, also into a new tab
    )
    if page == named:
        st.switch_page(first, query_params=st.query_params.to_dict())
    if target := st.session_state.pop("page", None):
        st.session_state["from_the_top"] = True
        st.switch_page(f"{target}.py", query_params=state.parameters())
    return page


def show() -> None:
    """The rows of links."""
    parameters = state.parameters()
    for key, group in _ROWS:
        with st.container(horizontal=True, key=key, gap="xsmall"):
            for page in group.values():
                st.page_link(f"{page.name}.py", icon=_icon(page), query_params=parameters)


def _streamlit_page(page: Page, **options: Any) -> Any:
    return st.Page(f"{page.name}.py", title=page.title, icon=_icon(page), **options)


@cache
def _icon(page: Page) -> str:
    return f":material/{page.icon}:"
