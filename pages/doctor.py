"""Anybody's weights file: whose it is, what is wrong with it, opened here, and the same under other names."""

from pathlib import Path

import streamlit as st

from explainer import doctor_html
from explainer.doctor_report import candidate_text, standing_text
from explainer.lessons import TOOLS
from pages.blocks import show_head, show_neighbours, show_section
from pages.doctor_choice import choose_file
from pages.doctor_files import examination_of
from pages.doctor_names import show_names
from pages.doctor_open import show_open
from pages.session import current
from vit_core.examination import Examination


def examined(path: Path) -> Examination:
    """The file looked at with the part and the number of heads that the reader has chosen for it."""
    part, heads = (st.session_state.get(f"doctor_{what}_{path}") for what in ("part", "heads"))
    return examination_of(path, part, heads)


def choose_part(path: Path, examination: Examination) -> None:
    """Which of several models in the file."""
    if len(examination.parts) > 1:
        key = f"doctor_part_{path}"
        st.session_state.setdefault(key, examination.part)
        st.selectbox(
            "Which of the weights in the file", examination.parts, key=key, width=320,
            format_func=lambda part: part or "those without a name",
        )  # fmt: skip


def choose_heads(path: Path, examination: Examination) -> None:
    """The candidates for k, what speaks for each, and the choice."""
    candidates = {each.num_heads: each for each in examination.heads}
    first, key = examination.heads[0], f"doctor_heads_{path}"
    if first.is_stated:
        st.session_state.setdefault(key, first.num_heads)
    st.selectbox(
        "Attention heads k",
        list(candidates),
        index=None,  # what is likely is not chosen for the reader
        key=key,
        placeholder="Choose k",
        format_func=lambda number: candidate_text(candidates[number])
        + (f" · {standing_text(candidates[number])}" if candidates[number].reason else ""),
        width=320,
    )
    st.caption(
        f"{standing_text(first).capitalize()} is k = {first.num_heads}: {first.reason}."
        if first.reason
        else "Nothing speaks for one of them: it is written in the code that trained the model."
    )


lesson, session = TOOLS["doctor"], current()
show_head(lesson)
show_section(lesson, "file")
path = choose_file()
if path is not None:
    examination = examined(path)
    show_section(lesson, "report")
    st.html(doctor_html.verdict_html(examination))
    choose_part(path, examination)
    if examination.sizes:
        show_section(lesson, "sizes")
        st.html(doctor_html.sizes_html(examination))
    if examination.heads:
        show_section(lesson, "heads")
        choose_heads(path, examination)
    if examination.expectations:
        show_section(lesson, "unsaid")
        st.html(doctor_html.expectations_html(examination))
    if examination.tensors:
        show_section(lesson, "findings")
        st.html(doctor_html.findings_html(examination))
        with st.expander(f"All {len(examination.tensors):,} tensors"):
            st.html(doctor_html.tensors_html(examination))
    show_section(lesson, "open")
    show_open(path, examination)
show_section(lesson, "names")
show_names(session)
show_neighbours(lesson)
