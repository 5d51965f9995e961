"""The images that the lessons train on: chosen in one place, in the URL, the same for every lesson."""

import streamlit as st

from explainer.app.data.choice import (
    MOST_HELD_OUT,
    PROBLEM,
    choose,
    current_name,
    held_out,
    hold_out,
    write_held_out,
    write_url,
)
from explainer.app.data.own import bring_own, offer_download, offer_removal
from explainer.app.foreign import plain
from explainer.app.server.store import Store
from vit_core.training.data.datasets import Dataset, datasets, state_of
from vit_core.training.data.inspection import Inspection, inspect_folders

__all__ = ["Dataset", "choose_dataset", "dataset_key", "datasets", "inspection"]

MOST_OPENED = 3000  # pictures: opening each takes some milliseconds, and the reader waits

_inspections: Store[Inspection] = Store(64 * 2**20)


def choose_dataset(key: str = "data_choice", *, can_add: bool = True) -> Dataset | None:
    """The list to choose from, the download button where one is needed, and the ways to bring images.

    None as long as the chosen one is not on this machine. ``key`` is the widget's; the choice itself is shared.
    """
    known = datasets()
    name = current_name(known)
    st.session_state[key] = name
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Images to learn from",
            list(known),
            key=key,
            format_func=lambda option: _label(known[option]),
            on_change=_take_choice,
            args=(key,),
            width=420,
        )
        if can_add:
            bring_own(key)
            offer_removal(known[name], key)
    write_url(name)
    if problem := st.session_state.pop(PROBLEM, ""):
        st.warning(plain(problem))
    data = known[name]
    if data.is_here:
        _show_split(data, key)
        return data
    if data.problem:
        st.error(plain(f"{data.title}: {data.problem}."))
    else:
        offer_download(data, key)
    return None


def inspection(data: Dataset) -> Inspection:
    """The inspection of a data set that is here, made once for everybody.

    Raises:
        ValueError: if it is not here.
    """
    path = data.path
    if path is None:
        raise ValueError(f"{data.title} is not on this machine yet: download it first")

    def make() -> tuple[Inspection, int]:
        found = inspect_folders([path], held_out(), most_opened=MOST_OPENED)
        return found, 4096 + 600 * len(found.files)

    return _inspections.get_or_make((*dataset_key(data), held_out()), make)


def _show_split(data: Dataset, key: str) -> None:
    """The number of images held out where there is no test split, in a sentence and a field to change it."""
    found = inspection(data)
    write_held_out(bool(found.held_out))
    if not found.held_out:
        return
    widget = f"{key}_held_out"
    st.session_state[widget] = held_out()
    with st.container(horizontal=True, vertical_alignment="bottom", key="held_out_row"):
        st.number_input(
            "Held out of each class", 1, MOST_HELD_OUT, key=widget, on_change=_take_held_out, args=(key,), width=180
        )
        train, test = found.total("train"), found.total("test")
        st.caption(
            f"These images have no test split, so {found.held_out} of each class are held out to measure on: of "
            f"{train + test:,} images {test:,}, and {train:,} are learned from. The same ones are taken every time."
        )


def _take_held_out(key: str) -> None:
    hold_out(int(st.session_state[f"{key}_held_out"]))


def dataset_key(data: Dataset) -> tuple[str, str]:
    """The key of everything computed from a data set: its folder and its contents."""
    return str(data.path), _state(data)


def _take_choice(key: str) -> None:
    choose(st.session_state[key])


def _label(data: Dataset) -> str:
    return data.title if data.is_here else f"{data.title} · {data.megabytes:,.0f} MB to download"


def _state(data: Dataset) -> str:
    assert data.path is not None
    try:
        return state_of(data.path)
    except OSError:
        return "gone"
