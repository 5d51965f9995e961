"""The reader's choices for a weights file: which of its weights, and the number of heads."""

from pathlib import Path

import streamlit as st

from explainer.app.doctor.files import examination_of
from explainer.app.foreign import plain
from explainer.doctor.report import standing_text
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
    """The candidates for k, the reasons for each, and the choice."""
    candidates = {
        candidate.num_heads: candidate
        for candidate in sorted(examination.heads, key=lambda candidate: candidate.num_heads)
    }
    first, key = examination.heads[0], f"doctor_heads_{path}"
    if first.reason:
        st.session_state.setdefault(key, first.num_heads)

    def remember_heads() -> None:  # only a number that the reader has changed counts as stated
        st.session_state[f"doctor_said_heads_{path}"] = st.session_state.get(key)

    st.selectbox(
        "Attention heads k",
        list(candidates),
        index=None,
        key=key,
        placeholder="Choose k",
        format_func=lambda number: choice_text(candidates[number]),
        filter_mode="prefix",  # in the order of the numbers: who types 12 gets 12, not 128
        on_change=remember_heads,
        width=320,
    )
    st.caption(
        plain(f"{standing_text(first).capitalize()} is k = {first.num_heads}: {first.reason}.")
        if first.reason
        else "Nothing favours one of them: the number is in the code that trained the model."
    )
