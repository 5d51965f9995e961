"""Every operation from image to logits with its shape, for any sizes, and the consequences of changing one."""

import streamlit as st

from explainer.app.blocks import show_head, show_neighbours, show_section
from explainer.app.foreign import plain
from explainer.app.session import current
from explainer.app.shapes import choice, controls
from explainer.app.shapes.choice import Sizes
from explainer.app.shapes.ledger import differences_of, ledger_of, show_downloads, show_table
from explainer.app.shapes.own import show_own
from explainer.app.shapes.torchinfo import show_torchinfo
from explainer.lessons import TOOLS
from explainer.shapes.catalogue import in_words
from explainer.shapes.rendering import html


def show_moved(sizes: Sizes, before: Sizes | None) -> None:
    """The largest consequences in one sentence, and every total next to its former value."""
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
