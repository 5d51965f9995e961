"""The menu: one line with the groups of pages, and which page is shown."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from explainer.app import state
from explainer.menu import GROUPS, PAGES
from explainer.stages import Page

HOME = "overview"
_KEPT = "pages_of_the_menu"


def choose_page() -> Any:
    """The page that the address or a view names, in Streamlit's own form: ``run()`` runs it."""
    pages = _streamlit_pages()
    named = st.Page(lambda: None, title=PAGES[HOME].title, url_path=HOME, visibility="hidden")
    groups = {title: [pages[name] for name in group if name != HOME] for title, group in GROUPS.items()}
    page = st.navigation({"": [pages[HOME], named], **groups}, position="top")
    if page == named:
        st.switch_page(pages[HOME], query_params=st.query_params.to_dict())
    if target := st.session_state.pop("page", None):
        st.session_state["from_the_top"] = True
        st.switch_page(pages[target], query_params=state.parameters())
    return page


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
