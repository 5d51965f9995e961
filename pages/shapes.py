"""Every operation from picture to logits with its shape, for any sizes, and what moves when a size does."""

import streamlit as st

from explainer.lessons import TOOLS
from explainer.shapes import html
from explainer.shapes.amounts import count_text
from pages import shapes_choice as choice
from pages import shapes_controls as controls
from pages.blocks import show_head, show_neighbours, show_section, show_words
from pages.session import current
from pages.shapes_choice import Sizes
from pages.shapes_ledger import differences_of, ledger_of, opinion_of, show_downloads, show_table
from pages.shapes_own import show_own


def show_moved(sizes: Sizes, before: Sizes | None) -> None:
    """The largest consequences in one sentence, and every total beside what it was."""
    if before is None:
        st.html(f"<style>{html.style()}</style>{html.totals(ledger_of(sizes))}")
        return
    found = differences_of(before, sizes)
    st.html(
        f'<p class="vit-finding" role="status"><b>{choice.what_changed(before, sizes)}</b> {found.sentence}</p>'
        f"<style>{html.style()}</style>{html.totals(ledger_of(sizes))}{html.comparison(found)}"
    )


def show_torchinfo(sizes: Sizes) -> None:
    """What torchinfo says, beside what the ledger says."""
    said = opinion_of(sizes)
    mark, verdict = ("✓", "Both agree") if said.agrees else ("✗", "They do not agree")
    differing = f", {len(said.differing)} of them different: {', '.join(said.differing[:5])}" if said.differing else ""
    show_words(
        f"{mark} **{verdict}** on parameters and on the output of every module that both list "
        f"({said.shapes} modules{differing}).\n\n"
        "| | this ledger | torchinfo |\n|---|---:|---:|\n"
        f"| parameters | {said.parameters:,} | {said.their_parameters:,} |\n"
        f"| multiplications with additions | {said.multiply_adds:,} | {said.their_multiply_adds:,} |"
    )
    same = said.counted_their_way == said.their_multiply_adds
    show_words(
        f"{'✓' if same else '✗'} The ledger's operations counted as torchinfo counts them: "
        f"{said.counted_their_way:,}. It takes every parameter of a dense layer once per picture, not once per token, "
        f"and leaves out the products of attention, which are no module: so it says "
        f"{count_text(said.their_multiply_adds)} where {count_text(said.multiply_adds)} are done.",
        quiet=True,
    )
    with st.expander("torchinfo's own table"):
        st.code(said.summary, language=None)


lesson, session = TOOLS["shapes"], current()
show_head(lesson)
problems = choice.read()
setting = choice.current()
sizes, impossible = choice.shown(session.config)
for sentence in problems:
    st.warning(sentence)
show_section(lesson, "sizes")
controls.show_start(session.state.checkpoint)
controls.show_sizes(choice.start_of(setting, session.config))
if impossible:
    st.warning(f"These sizes do not fit together: {impossible}. You see {sizes.text}.", icon=":material/straighten:")
show_section(lesson, "moved")
controls.show_baseline(sizes.text)
before = choice.baseline(session.config)
show_moved(sizes, before)
show_section(lesson, "ledger")
show_table(sizes, before)
show_downloads(sizes, before)
show_section(lesson, "torchinfo")
show_torchinfo(sizes)
show_section(lesson, "own")
show_own(sizes)
show_neighbours(lesson)
