"""The choice of images to predict: own ones, the chosen one, the gallery, or the test split of a data set."""

from collections.abc import Callable, Mapping

import streamlit as st

from explainer.app import state
from explainer.app.data.datasets import choose_dataset, inspection
from explainer.app.foreign import plain
from explainer.app.links.controls import choice
from explainer.app.links.parameters import put
from explainer.app.predict import sources as picture_sources
from explainer.app.predict.sources import Source
from explainer.app.server.upload_boxes import MEGABYTE, show_box, take
from explainer.app.server.uploads import MOST_MEGABYTES, PICTURE_TYPES
from explainer.app.session import Session
from vit_core.training.data.datasets import Dataset
from vit_core.training.predictions import Sample

MOST_TEST_PICTURES = 600  # of one split: the first ones of every class, as many of each
_BATCH = "predict_batch"


def choose(kind: str, session: Session) -> Source | None:
    """The images, or None as long as none are chosen.

    Raises:
        LookupError, OSError: if they are not there any more; one sentence.
    """
    return KINDS[kind](session)


def choose_kind() -> str:
    """Which of the four."""
    return choice("Images", KINDS, "kind of images", key="predict_of", index=2, width=320)


def _own(_session: Session) -> Source | None:
    key = f"predict_upload_{st.session_state.get('predict_uploads', 0)}"  # a new one after each upload
    show_box(
        f"Upload images (at a time up to {picture_sources.MOST_TOGETHER}, together up to "
        f"{picture_sources.MOST_BYTES // MEGABYTE} MB)",
        PICTURE_TYPES,
        megabytes=MOST_MEGABYTES,
        files=picture_sources.MOST_TOGETHER,
        together=picture_sources.MOST_BYTES // MEGABYTE,
        key=key,
        on_change=_take,
        help="They stay in this server's memory while there is room, and are not passed on.",
    )
    batch = st.query_params.get(_BATCH) or st.session_state.get(_BATCH)
    if batch is None:
        return None
    source = picture_sources.uploaded(batch)
    st.session_state[_BATCH] = batch
    put(_BATCH, batch)
    return source


def _take(widget: str) -> None:
    """Keep the uploaded images, or report why that is not possible."""
    st.session_state["predict_uploads"] = st.session_state.get("predict_uploads", 0) + 1
    try:
        if not (uploads := take(widget)):
            return
        batch = picture_sources.keep_batch([(upload.name, upload.getvalue()) for upload in uploads])
    except ValueError as error:
        state.report(f"{error}.")
        return
    st.session_state[_BATCH] = batch
    st.query_params[_BATCH] = batch
    for key in ("predict_page", "predict_shown"):
        st.session_state.pop(key, None)


def _test_split(_session: Session) -> Source | None:
    dataset = choose_dataset("predict_data")
    return None if dataset is None else test_split(dataset)


def test_split(dataset: Dataset) -> Source | None:
    """The test images of a data set with their classes, and those that cannot be read; None without any."""
    found = inspection(dataset)
    files = [file for file in found.files if file.split == "test"]
    if not files:
        st.info(plain(f"{dataset.title} has no test images: {' '.join(found.errors) or 'the test split is empty.'}"))
        return None
    by_class: dict[str, list[Sample]] = {}
    for file in files:
        by_class.setdefault(file.class_name, []).append(Sample(file.path.name, file.path, file.class_name))
    per_class = max(1, MOST_TEST_PICTURES // len(by_class))
    samples = [sample for group in by_class.values() for sample in group[:per_class]]
    if len(samples) < len(files):
        st.caption(f"The first {per_class} images of each class: {len(samples):,} of {len(files):,}.")
    assert dataset.path is not None
    folder = dataset.path / "test"
    samples += [Sample(path.name, path) for path in found.broken if path.is_relative_to(folder)]
    key = f"test {dataset.name} {hash((tuple(samples), found.is_opened))}"
    return Source(key, tuple(samples))


KINDS: Mapping[str, Callable[[Session], Source | None]] = {
    "your own images": _own,
    "the image in the sidebar": lambda session: picture_sources.chosen(session.state.picture),
    "the gallery": lambda _session: picture_sources.gallery(),
    "the test images of a data set": _test_split,
}
