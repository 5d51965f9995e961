"""The names that every family gives to the same parameters, searched, for the chosen sizes."""

import streamlit as st

from explainer.app.foreign import plain
from explainer.app.session import Session
from explainer.doctor.html import names_html
from explainer.doctor.name_table import TITLES, name_table
from vit_core import PRESETS, ViTConfig

CHECKPOINT = "the checkpoint of the sidebar"
SIZES = (*PRESETS, CHECKPOINT)


def show_names(session: Session) -> None:
    """The search, the sizes, the families, and the table."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input("Search", key="doctor_search", bind="query-params", placeholder="in_proj", width=260)
        sizes = st.selectbox("Shapes of", SIZES, index=3, key="doctor_sizes", bind="query-params", width=260)
    chosen = st.pills(
        "Families",
        list(TITLES),
        selection_mode="multi",
        default=list(TITLES),
        key="doctor_families",
        format_func=TITLES.__getitem__,
    )
    config = session.config if sizes == CHECKPOINT else ViTConfig.named(sizes or "B/16")
    rows = name_table(config, (search or "")[:200])
    if not rows:
        st.info(f"No family has a name or a shape with “{plain((search or '')[:60])}” in it.")
        return
    st.caption(f"{len(rows)} of {len(name_table(config))} parameters, each with its shape for {plain(sizes)}.")
    st.html(f'<div class="vit-doctor-scroll" tabindex="0">{names_html(rows, chosen or TITLES)}</div>')
