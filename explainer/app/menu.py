"""The menu: which page is shown, and the links to all of them, which carry the reader's choice."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from explainer.app import state
from explainer.lessons import HANDS_ON, LESSONS, TOOLS
from explainer.menu import PAGES
from explainer.stages import STAGES, Page

HOME = "overview"
# A row of the menu -> its pages; the key is the row's in the style sheet.
_ROWS = (("menu", STAGES), ("menu_hands_on", HANDS_ON | TOOLS), ("menu_lessons", LESSONS))
_KEPT = "pages_of_the_menu"


def choose_page() -> Any:
    """The page that the address or a view names, in Streamlit's own form: ``run()`` runs it."""
    pages = _streamlit_pages()
    named = st.Page(lambda: None, title=PAGES[HOME].title, url_path=HOME)
    page = st.navigation(
        [*pages.values(), named],
        position="hidden",  # the menu below carries the reader's choice in its links, also into a new tab
    )
    if page == named:
        st.switch_page(pages[HOME], query_params=st.query_params.to_dict())
    if target := st.session_state.pop("page", None):
        st.session_state["from_the_top"] = True
        st.switch_page(pages[target], query_params=state.parameters())
    return page


def show() -> None:
    """The rows of links."""
    parameters, pages = state.parameters(), _streamlit_pages()
    for key, group in _ROWS:
        with st.container(horizontal=True, key=key, gap="xsmall"):
            for name in group:
                st.page_link(pages[name], query_params=parameters)


def _streamlit_pages() -> Mapping[str, Any]:
    """Every page in Streamlit's own form, made once a session: making them costs milliseconds in each run."""
    if _KEPT not in st.session_state:
        # The first page lies at "/" alone, so that its name is free for a page that leads there.
        first = _streamlit_page(PAGES[HOME], default=True, url_path="first")
        others = {name: _streamlit_page(page) for name, page in PAGES.items() if name != HOME}
        st.session_state[_KEPT] = {HOME: first, **others}
    pages: Mapping[str, Any] = st.session_state[_KEPT]
    return pages


def _streamlit_page(page: Page, **options: Any) -> Any:
    return st.Page(f"{page.name}.py", title=page.title, icon=f":material/{page.icon}:", **options)
