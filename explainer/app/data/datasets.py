"""The images that the lessons train on: chosen in one place, in the URL, the same for every lesson."""

from collections.abc import Mapping

import streamlit as st

from explainer.app.data.choice import DATASET, HELD_OUT, HELD_OUT_CHOSEN, USUAL_HELD_OUT, choose, held_out
from explainer.app.data.own import bring_own, offer_download, offer_removal
from explainer.app.foreign import plain
from explainer.app.links.parameters import most, put
from explainer.app.server.store import Store
from vit_core.training.data.datasets import TOY, Dataset, datasets, state_of
from vit_core.training.data.inspection import Inspection, inspect_folders

MOST_OPENED = 3000  # pictures: opening each takes some milliseconds, and the reader waits
PARAMETER = "data"  # in the URL
_WRITTEN = "dataset_written"  # in the session: the name that it last wrote into the URL

_inspections: Store[Inspection] = Store(64 * 2**20)


def choose_dataset(key: str = "data_choice") -> Dataset | None:
    """The list to choose from, the download button where one is needed, and the ways to bring images.

    None as long as the chosen one is not on this machine. ``key`` is the widget's; the choice itself is shared.
    """
    known = datasets()
    name, problem = _chosen_name(known)
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
        bring_own(key)
        offer_removal(known[name], key)
    written = None if name == TOY else name  # toy images need no word in the link
    st.session_state[_WRITTEN] = written
    put(PARAMETER, written)
    if problem:
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


def _chosen_name(known: Mapping[str, Dataset]) -> tuple[str, str]:
    """The name of the chosen one; a link that names another than this session last wrote there wins. And a problem."""
    asked, problem = st.query_params.get(PARAMETER), ""
    if asked is not None and asked != st.session_state.get(_WRITTEN):
        choose(asked if asked in known else TOY)
        if asked not in known:
            problem = f"The link names the images {asked[:60]!r}, which are not on this server. You see toy images."
    name: str = st.session_state.get(DATASET, TOY)
    return (name if name in known else TOY), problem


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
    put(HELD_OUT, str(held_out()) if found.held_out and held_out() != USUAL_HELD_OUT else None)
    if not found.held_out:
        return
    widget = f"{key}_held_out"
    st.session_state[widget] = held_out()
    with st.container(horizontal=True, vertical_alignment="bottom", key="held_out_row"):
        st.number_input(
            "Held out of each class", 1, most(HELD_OUT), key=widget, on_change=_take_held_out, args=(key,), width=180
        )
        train, test = found.total("train"), found.total("test")
        st.caption(
            f"These images have no test split, so {found.held_out} of each class are held out to measure on: of "
            f"{train + test:,} images {test:,}, and {train:,} are learned from. The same ones are taken every time."
        )


def _take_held_out(key: str) -> None:
    st.session_state[HELD_OUT_CHOSEN] = int(st.session_state[f"{key}_held_out"])


def dataset_key(data: Dataset) -> tuple[str, str]:
    """The key of everything computed from a data set: its folder and its contents."""
    assert data.path is not None
    try:
        return str(data.path), state_of(data.path)
    except OSError:
        return str(data.path), "gone"


def _take_choice(key: str) -> None:
    choose(st.session_state[key])


def _label(data: Dataset) -> str:
    return data.title if data.is_here else f"{data.title} · {data.megabytes:,.0f} MB to download"
