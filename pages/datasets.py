"""Which pictures the lessons train on: chosen in one place, in the URL, the same for every lesson."""

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st

from pages.store import Store
from vit_core.training.datasets import (
    TOY,
    Dataset,
    add_folder,
    add_zip,
    bring_back,
    datasets,
    download_dataset,
    is_own,
    remove_dataset,
    state_of,
)
from vit_core.training.foodvision import FOODVISION
from vit_core.training.inspection import Inspection, inspect_folders

__all__ = [
    "Dataset",
    "choose_dataset",
    "current_dataset",
    "dataset_key",
    "datasets",
    "inspection",
    "is_on_this_machine",
]

PARAMETER = "data"  # in the URL
MOST_OPENED = 3000  # pictures: opening each takes some milliseconds, and the reader waits

_CHOSEN = "dataset"  # in the session: stays when the page changes
_PROBLEM = "dataset_problem"  # a sentence to say once
_GIVEN = "datasets_given"  # names of those that this session brought
_REMOVED = "dataset_removed"  # the one that can be brought back
_WRITTEN = "dataset_written"  # what this session last wrote into the URL
_FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Forwarded", "Via")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}

_inspections: Store[Inspection] = Store(64 * 2**20)


def current_dataset() -> Dataset:
    """The data set that the reader has chosen on any page or by the link; toy pictures at first."""
    known = datasets()
    return known[_current_name(known)]


def choose_dataset(key: str = "data_choice", *, can_add: bool = True) -> Dataset | None:
    """The list to choose from, the download button where one is needed, and the ways to bring pictures.

    None as long as the chosen one is not on this machine. ``key`` is the widget's; the choice itself is shared.
    """
    known = datasets()
    name = _current_name(known)
    st.session_state[key] = name
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Pictures to learn from",
            list(known),
            key=key,
            format_func=lambda each: _label(known[each]),
            on_change=_take_choice,
            args=(key,),
            width=420,
        )
        if can_add:
            _bring_own(key)
            _offer_removal(known[name], key)
    _write_url(name)
    if problem := st.session_state.pop(_PROBLEM, ""):
        st.warning(problem)
    data = known[name]
    if data.is_here:
        return data
    if data.problem:
        st.error(f"{data.title}: {data.problem}.")
    else:
        _offer_download(data, key)
    return None


def inspection(data: Dataset) -> Inspection:
    """What there is to learn from in a data set that is here; looked at once for everybody.

    Raises:
        ValueError: if it is not here.
    """
    path = data.path
    if path is None:
        raise ValueError(f"{data.title} is not on this machine yet: download it first")

    def make() -> tuple[Inspection, int]:
        found = inspect_folders([path], most_opened=MOST_OPENED)
        return found, 4096 + 600 * len(found.files)

    return _inspections.get_or_make(dataset_key(data), make)


def dataset_key(data: Dataset) -> tuple[str, str]:
    """What everything computed from a data set is kept by: its folder, and what is in it."""
    return str(data.path), _state(data)


def is_on_this_machine() -> bool:
    """Whether the reader's browser runs where the server runs: only then may a path of this machine be named.

    A proxy on this machine would look the same, so none may have been passed on the way.
    """
    headers = st.context.headers
    hosts = [urlsplit(headers.get("Origin") or "").hostname, urlsplit(f"//{headers.get('Host') or ''}").hostname]
    return (
        _is_loopback(st.context.ip_address)
        and not any(headers.get(name) for name in _FORWARDED)
        and all(host is None or host in _LOOPBACK for host in hosts)
    )


def _is_loopback(address: str | None) -> bool:
    """Streamlit says None for 127.0.0.1 and ::1, but ::ffff:127.0.0.1 where one socket serves both kinds."""
    if address is None:
        return True
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_loopback


def _current_name(known: Mapping[str, Dataset]) -> str:
    """The URL wins when it differs from what this session last wrote there: then a link was opened."""
    asked = st.query_params.get(PARAMETER)
    if asked is not None and asked != st.session_state.get(_WRITTEN):
        st.session_state[_WRITTEN] = asked
        if asked in known:
            st.session_state[_CHOSEN] = asked
        else:
            st.session_state[_PROBLEM] = (
                f"The link names the pictures {asked[:60]!r}, which are not on this server. You see toy pictures."
            )
            st.session_state[_CHOSEN] = TOY
    name: str = st.session_state.get(_CHOSEN, TOY)
    return name if name in known else TOY


def _choose(name: str) -> None:
    st.session_state[_CHOSEN] = name


def _take_choice(key: str) -> None:
    _choose(st.session_state[key])


def _write_url(name: str) -> None:
    wanted = None if name == TOY else name
    st.session_state[_WRITTEN] = wanted
    if wanted is None:
        st.query_params.pop(PARAMETER, None)
    elif st.query_params.get(PARAMETER) != wanted:
        st.query_params[PARAMETER] = wanted


def _label(data: Dataset) -> str:
    return data.title if data.is_here else f"{data.title} · {data.megabytes:,.0f} MB to download"


def _state(data: Dataset) -> str:
    assert data.path is not None
    try:
        return state_of(data.path)
    except OSError:
        return "gone"


def _offer_download(data: Dataset, key: str) -> None:
    source = FOODVISION[data.name]
    st.info(
        f"**{data.title}** is the course's own data: photographs of pizza, steak and sushi from Food-101. It is not on "
        f"this server yet. It comes from {source.url}; by hand, save that file as `{source.archive}`.",
        icon=":material/cloud_download:",
    )
    label = f"Get it ({data.megabytes:,.0f} MB)"
    if not st.button(label, icon=":material/download:", key=f"{key}_get", type="primary"):
        return
    bar = st.progress(0.0, text="Connecting")

    def on_progress(done: int, total: int | None) -> None:
        share, of = (min(done / total, 1.0), f" of {total / 1e6:,.1f}") if total else (0.0, "")
        bar.progress(share, text=f"{done / 1e6:,.1f}{of} MB")

    try:
        download_dataset(data.name, on_progress)
    except (OSError, ValueError) as error:
        _say(f"{data.title}: {error}.".replace("..", "."))
    st.rerun()


def _bring_own(key: str) -> None:
    with st.popover("Your own pictures", icon=":material/create_new_folder:", on_change="rerun") as popover:
        if not popover.open:
            return
        st.markdown("Laid out as `class/picture.jpg`, or as `train/class/picture.jpg` and `test/class/picture.jpg`.")
        upload = f"{key}_zip_{st.session_state.get('zips', 0)}"  # a new key forgets the last file
        st.file_uploader(
            "A zip of class folders",
            type=["zip"],
            key=upload,
            on_change=_take_zip,
            args=(upload,),
            help="It is unpacked on this server, where everybody who uses it can choose it, and goes nowhere else.",
        )
        if is_on_this_machine():
            path = f"{key}_path"
            st.text_input("Or the path of a folder on this computer", key=path, on_change=_take_folder, args=(path,))
            st.caption("A path has no limit of size, and nothing is copied.")
        else:
            st.caption(
                "Larger data is best named by its folder's path, without uploading it. That is offered only in a "
                "browser on the computer that runs this server: whoever runs it can add a folder there, or start it "
                "with a higher `--server.maxUploadSize`."
            )


def _offer_removal(data: Dataset, key: str) -> None:
    """For who brought it, and for whoever sits at the server: others may be training on it."""
    if is_own(data) and (data.name in st.session_state.get(_GIVEN, ()) or is_on_this_machine()):
        st.button("Remove", icon=":material/delete:", key=f"{key}_remove", on_click=_remove, args=(data,),
                  help="From this list. A folder's own files are left alone.")  # fmt: skip
    if removed := st.session_state.get(_REMOVED):
        st.button("Undo", icon=":material/undo:", key=f"{key}_undo", on_click=_undo_removal,
                  help=f"Brings {removed.title} back.")  # fmt: skip


def _remove(data: Dataset) -> None:
    try:
        remove_dataset(data)
    except (OSError, ValueError) as error:
        _say(f"{data.title} is still here: {error}.")
        return
    st.session_state[_REMOVED] = data
    _choose(TOY)


def _undo_removal() -> None:
    data: Dataset = st.session_state.pop(_REMOVED)
    try:
        bring_back(data)
    except (OSError, ValueError):
        _say(f"{data.title} cannot be brought back: another one has been removed since. Give it again.")
        return
    _choose(data.name)


def _take_own(data: Dataset) -> None:
    st.session_state[_GIVEN] = (*st.session_state.get(_GIVEN, ()), data.name)
    _choose(data.name)


def _take_zip(widget: str) -> None:
    upload = st.session_state.get(widget)
    if upload is None:
        return
    st.session_state["zips"] = st.session_state.get("zips", 0) + 1
    try:
        _take_own(add_zip(upload.getvalue(), upload.name.removesuffix(".zip")[:60]))
    except (OSError, ValueError) as error:
        _say(f"{upload.name}: {error}. Nothing was changed.")


def _take_folder(widget: str) -> None:
    text = str(st.session_state.get(widget, "")).strip().strip("\"'")
    if not text or not is_on_this_machine():
        return
    try:
        _take_own(add_folder(Path(text)))
    except (OSError, ValueError) as error:
        _say(f"{str(error)[0].upper()}{str(error)[1:]}. Nothing was changed.")


def _say(sentence: str) -> None:
    st.session_state.setdefault("messages", []).append(sentence)
