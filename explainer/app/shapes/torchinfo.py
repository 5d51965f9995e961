"""torchinfo's counts for the model of the Shapes page, next to the ledger's."""

import streamlit as st

from explainer.app.foreign import plain
from explainer.app.kept import is_kept, kept_large
from explainer.app.shapes.choice import Sizes
from explainer.app.shapes.ledger import ledger_of
from explainer.shapes.entries.amounts import count_text
from explainer.shapes.second_opinion import SecondOpinion, second_opinion

REST = 0.4  # seconds without a move of a slider, after which torchinfo is asked: it takes longer than the ledger
_ASKED, _MOVED = "shapes_torchinfo_asked", "shapes_torchinfo_moved"


def show_torchinfo(sizes: Sizes) -> None:
    """Both counts side by side and whether they agree; while sliders move, the ledger does not wait for it."""
    waits = bool(st.session_state.get(_ASKED)) and not is_kept(_key(sizes))
    st.session_state[_ASKED] = True
    st.session_state[_MOVED] = True
    st.fragment(_ask, run_every=REST if waits else None)(sizes, waits)


def _ask(sizes: Sizes, waits: bool) -> None:
    if waits and st.session_state.pop(_MOVED, False):
        st.caption("Running torchinfo …")
        return
    opinion = opinion_of(sizes)
    if waits:
        st.rerun()  # the whole page, once: then nobody looks again
    _show(opinion)


def _key(sizes: Sizes) -> tuple[str, str]:
    return ("shapes.torchinfo", repr(sizes))


def opinion_of(sizes: Sizes) -> SecondOpinion:
    """torchinfo's report on the same model."""

    def make() -> tuple[SecondOpinion, int]:
        opinion = second_opinion(sizes.config, sizes.batch, ledger_of(sizes))
        return opinion, 2 * len(opinion.summary)

    opinion: SecondOpinion = kept_large(_key(sizes), make)
    return opinion


def _show(opinion: SecondOpinion) -> None:
    mark, verdict = ("✓", "Both agree") if opinion.agrees else ("✗", "They do not agree")
    differing = (
        f", {len(opinion.differing)} of them different: {plain(', '.join(opinion.differing[:5]))}"
        if opinion.differing
        else ""
    )
    st.markdown(
        f"{mark} **{verdict}** on parameters and on the output of every module that both list "
        f"({opinion.shapes} modules{differing}).\n\n"
        "| | this ledger | torchinfo |\n|---|---:|---:|\n"
        f"| parameters | {opinion.parameters:,} | {opinion.their_parameters:,} |\n"
        f"| multiply-adds | {opinion.multiply_adds:,} | {opinion.their_multiply_adds:,} |"
    )
    same = opinion.counted_their_way == opinion.their_multiply_adds
    st.caption(
        f"{'✓' if same else '✗'} The ledger's operations counted as torchinfo counts them: "
        f"{opinion.counted_their_way:,}. It takes every parameter of a dense layer once per image, not once per token, "
        "and leaves out the products of attention, which are not modules: so it reports "
        f"{count_text(opinion.their_multiply_adds)} where {count_text(opinion.multiply_adds)} are done.",
    )
    with st.expander("torchinfo's own table"):
        st.code(opinion.summary, language=None)
