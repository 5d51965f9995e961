"""Every operation from picture to logits with its shape, for any sizes, and what moves when a size does."""

import streamlit as st

from explainer.lessons import TOOLS
from explainer.shapes.catalogue import in_words
from explainer.shapes.rendering import html
from pages import shapes_choice as choice
from pages import shapes_controls as controls
from pages.blocks import show_head, show_neighbours, show_section
from pages.foreign import plain
from pages.session import current
from pages.shapes_choice import Sizes
from pages.shapes_ledger import differences_of, ledger_of, show_downloads, show_table
from pages.shapes_own import show_own
from pages.shapes_torchinfo import show_torchinfo


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


lesson, session = TOOLS["shapes"], current()
show_head(lesson)
problems = choice.read()
setting = choice.current()
sizes, impossible = choice.shown(session.config)
for sentence in problems:
    st.warning(plain(sentence))
show_section(lesson, "sizes")
controls.show_start(session.state.checkpoint)
place = st.container(key="shapes_problem")  # above the fields: it is seen where they are changed
controls.show_sizes(choice.start_of(setting, session.config))
if impossible:
    place.warning(
        plain(f"These sizes do not fit together: {in_words(impossible)}. Below you still see {sizes.words}."),
        icon=":material/straighten:",
    )
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
