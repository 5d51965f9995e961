"""The uses of a file that opens: look at it on every page, or download it under other names."""

from functools import partial
from pathlib import Path

import streamlit as st

from explainer.app.doctor.files import converted, open_file, why_not
from explainer.app.foreign import plain
from explainer.app.server.downloads import offer_file
from explainer.app.server.loopback import for_reader
from explainer.app.state import open_in_explainer
from explainer.doctor.name_table import TITLES
from vit_core.examination import Examination
from vit_core.weights.conversion import FORMATS, card_of, caveats, constructor, how_to_load


def show_open(path: Path, examination: Examination) -> None:
    """The button that makes it an ordinary checkpoint, and the downloads."""
    if examination.checkpoint is None:
        st.markdown("This file does not open, so it can be neither shown nor converted.")
        return
    # A number that no file states stays a guess: the model's description repeats that on every page.
    is_guess, heads = examination.guesses_heads, examination.checkpoint.config.num_heads
    if st.button("Open in the explainer", icon=":material/open_in_new:", type="primary", key="doctor_open"):
        try:
            name = open_file(path, examination)
        except (ValueError, OSError, RuntimeError, MemoryError) as error:
            st.error(plain(f"{examination.name} cannot be opened: {error}"))
        else:
            open_in_explainer(name)
    if is_guess:
        st.caption(
            f"k = {heads} is likely, but no file states it: if you know another, choose it above before you open."
        )
    _show_downloads(path, examination)


def _show_downloads(path: Path, examination: Examination) -> None:
    checkpoint = examination.checkpoint
    assert checkpoint is not None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        source = st.selectbox(
            "Under the names of", list(TITLES), key="doctor_to", format_func=TITLES.__getitem__, width=240
        )
        suffix = st.selectbox("As", FORMATS[source], key=f"doctor_suffix_{FORMATS[source][0]}", width=160)
        reason = why_not(path, examination, source)
        if not reason:
            offer_file(
                "Download the weights",
                partial(converted, path, examination, source, suffix),
                f"{path.stem}_{source}{suffix}",
                "application/octet-stream",
                key="doctor_download",
            )
            if source == "ours":
                offer_file(
                    "Its card",
                    card_of(checkpoint),
                    f"{path.stem}_{source}.json",
                    "application/json",
                    key="doctor_card",
                    icon=":material/description:",
                    help="Keep it next to the weights, under the same name: heads, epsilon, preprocessing and "
                    "classes, which the weights do not contain.",
                )
    if reason:
        st.warning(plain(f"That cannot be written: {reason}."))
        return
    st.caption("The model that such a file belongs to, with the settings that no file contains:")
    st.code(for_reader(constructor(source, checkpoint.config)), language="python", wrap_lines=True)
    if examination.guesses_heads:
        st.caption(f"k = {checkpoint.config.num_heads} in it is a guess: no file states it.")
    if how := how_to_load(source):
        st.caption(how)
    if differences := caveats(source, checkpoint.config):
        st.warning(plain(f"Its own code computes different numbers: {'; '.join(differences)}."))
