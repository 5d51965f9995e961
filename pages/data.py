"""The images to learn from: their number, their look, and the model's view of them."""

import streamlit as st

from explainer.app.blocks import show_head, show_neighbours
from explainer.app.data import sections
from explainer.app.data.datasets import choose_dataset, inspection
from explainer.app.foreign import plain
from explainer.lessons import LESSONS
from vit_core.training.data.datasets import Dataset


def show_findings(data: Dataset) -> None:
    """The obstacles to training, warnings, and every image that cannot be read."""
    found = inspection(data)
    for sentence in found.errors:
        st.error(plain(f"Training cannot start: {sentence}"), icon=":material/block:")
    for sentence in found.warnings:
        st.warning(plain(sentence), icon=":material/info:")
    if found.broken:
        with st.expander(f"Images that cannot be read: {len(found.broken):,}"):
            lines = [
                f"| {plain(f'{path.parent.name}/{path.name}')} | {plain(reason)} |"
                for path, reason in found.broken.items()
            ]
            st.markdown("\n".join(["| image | why |", "|---|---|", *lines[:200]]))
    if found.files and not found.is_opened:
        st.caption("There are too many images to open each one here; training does that before it starts.")


lesson = LESSONS["data"]
show_head(lesson)
data = choose_dataset()
if data is not None:
    show_findings(data)
    if inspection(data).files:
        sections.show_counts(lesson, data)
        sections.show_sheet(lesson, data)
        sections.show_transform(lesson, data)
        if not inspection(data).errors:
            sections.show_batch(lesson, data)
show_neighbours(lesson)
