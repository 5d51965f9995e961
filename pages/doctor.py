"""Anybody's weights file: whose it is, what is wrong with it, opened here, and the same under other names."""

from pathlib import Path

import streamlit as st

from explainer import doctor_html
from explainer.doctor_report import standing_text
from explainer.lessons import TOOLS
from pages.blocks import show_head, show_neighbours, show_section
from pages.doctor_choice import choose_file
from pages.doctor_files import examination_of
from pages.doctor_names import show_names
from pages.doctor_open import show_open
from pages.foreign import plain
from pages.session import current
from vit_core.examination import Examination
from vit_core.weights.head_candidates import HeadCandidate


def examined(path: Path) -> Examination:
    """The file looked at with the part and the number of heads that the reader has chosen for it."""
    part, heads = (st.session_state.get(f"doctor_{what}_{path}") for what in ("part", "said_heads"))
    return examination_of(path, part, heads)


def choose_part(path: Path, examination: Examination) -> None:
    """Which of several models in the file."""
    if len(examination.parts) > 1:
        key = f"doctor_part_{path}"
        st.session_state.setdefault(key, examination.part)
        st.selectbox(
            "Which of the weights in the file",
            examination.parts,
            key=key,
            width=320,
            format_func=lambda part: part or "those without a name",
        )


def choice_text(candidate: HeadCandidate) -> str:
    """A number of heads in the list: the number comes first, because that is what is typed."""
    standing = f" · {standing_text(candidate)}" if candidate.reason else ""
    return f"{candidate.num_heads} x D_h = {candidate.head_size}{standing}"


def choose_heads(path: Path, examination: Examination) -> None:
    """The candidates for k, what speaks for each, and the choice."""
    candidates = {each.num_heads: each for each in sorted(examination.heads, key=lambda each: each.num_heads)}
    first, key = examination.heads[0], f"doctor_heads_{path}"
    if first.reason:
        st.session_state.setdefault(key, first.num_heads)

    def say_heads() -> None:  # only what the reader has changed is what the reader has said
        st.session_state[f"doctor_said_heads_{path}"] = st.session_state.get(key)

    st.selectbox(
        "Attention heads k",
        list(candidates),
        index=None,
        key=key,
        placeholder="Choose k",
        format_func=lambda number: choice_text(candidates[number]),
        filter_mode="prefix",  # in the order of the numbers: who types 12 gets 12, not 128
        on_change=say_heads,
        width=320,
    )
    st.caption(
        plain(f"{standing_text(first).capitalize()} is k = {first.num_heads}: {first.reason}.")
        if first.reason
        else "Nothing favours one of them: the number is in the code that trained the model."
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
