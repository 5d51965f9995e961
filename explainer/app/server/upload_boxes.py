"""The boxes that files are dropped into: each states what it takes, and the server enforces it.

Streamlit's server has one limit for all of its boxes and lets whoever knows a session's address send files under any
name. Here a session may send what the boxes of its page take, and nothing where there is no box. ``UploadLimits`` goes
into ``st.App(middleware=...)``.
"""

import re
import threading
from collections import Counter
from collections.abc import Callable, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from streamlit.runtime import Runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explainer.app import state
from explainer.app.server.loopback import is_on_this_machine
from explainer.app.server.store import Store
from vit_core.allowance import ARRIVING, give_back_memory

MEGABYTE = 2**20  # as Streamlit's boxes count
FRAME = MEGABYTE  # bytes that the form around a file may take
RUNS_KEPT = 3  # a box is forgotten when so many runs of the page have gone by without it: a run may end early

_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/([^/]+)/?$")


@dataclass(frozen=True)
class Box:
    """The limits of one box."""

    most: int  # bytes of one file
    files: int  # at a time
    together: int  # bytes of them
    is_here: bool  # for a reader who sits at the server


@dataclass
class _Boxes:
    """The boxes of one session."""

    seen: dict[str, tuple[Box, int]] = field(default_factory=dict)  # by their keys, with the run that drew them last
    run: int = 0
    refused: list[str] = field(default_factory=list)  # sentences that the page has not shown yet


_lock = threading.Lock()
_sessions: Store[_Boxes] = Store(4096)  # so many sessions, by their ids
_arriving: Counter[str] = Counter()  # session -> bytes of files that are on their way
_on_their_way: Counter[str] = Counter()  # session -> how many files that are


def show_box(
    label: str,
    types: Sequence[str],
    *,
    megabytes: int,
    key: str,
    on_change: Callable[[str], None],
    help: str,
    files: int = 1,
    together: int | None = None,
) -> None:
    """Draw a box for files.

    Args:
        label: what is dropped.
        types: the ends of the names, without a dot.
        megabytes: of one file; the box says it, and the browser refuses what is larger before it travels.
        key: of the widget, which ``on_change`` is called with when something has come.
        on_change: takes what has come, by ``take``.
        help: what happens to it.
        files: how many at a time.
        together: megabytes of all of them; as many as of one if it is not given.
    """
    expect(key, megabytes, files, together)
    st.file_uploader(
        label,
        type=list(types),
        max_upload_size=megabytes,
        accept_multiple_files=files > 1,
        key=key,
        on_change=on_change,
        args=(key,),
        help=help,
    )


def expect(key: str, megabytes: int, files: int = 1, together: int | None = None) -> None:
    """Let the session of this run send files for a widget; ``show_box`` does it for its own."""
    if (context := get_script_run_ctx()) is None:
        return
    box = Box(megabytes * MEGABYTE, files, (together or megabytes) * MEGABYTE, is_on_this_machine())
    with _lock:
        boxes = _sessions.get(context.session_id) or _Boxes()
        boxes.seen[key] = (box, boxes.run)
        _sessions.put(context.session_id, boxes, 1)


def begin_run() -> None:
    """Forget the boxes that this session's page has not had for some runs, and report which files were refused."""
    if (context := get_script_run_ctx()) is None:
        return
    with _lock:
        if (boxes := _sessions.get(context.session_id)) is not None:
            boxes.run += 1
            boxes.seen = {key: entry for key, entry in boxes.seen.items() if entry[1] > boxes.run - RUNS_KEPT}
            st.session_state.setdefault("messages", []).extend(boxes.refused)
            boxes.refused.clear()


def take(key: str) -> list[Any]:
    """The files that have come into a box, each a binary file with ``name`` and ``size``; the server lets go of them.

    Raises:
        ValueError: if one is larger than the box takes; a sentence without a full stop.
    """
    given = st.session_state.get(key)
    uploads = [upload for upload in (given if isinstance(given, list) else [given]) if upload is not None]
    if (context := get_script_run_ctx()) is None:
        return uploads
    manager: Any = context.uploaded_file_mgr  # the protocol that Streamlit declares has no way to remove one file
    for upload in uploads:
        manager.remove_file(context.session_id, upload.file_id)
    if sum(upload.size for upload in uploads) > MEGABYTE:
        give_back_memory()  # it has come in several copies
    boxes = _sessions.get(context.session_id)
    box, _ = boxes.seen.get(key, (None, 0)) if boxes else (None, 0)
    if box is not None:
        for upload in uploads:
            if upload.size > box.most:
                raise ValueError(_too_large("the file", upload.size, box.most))
    return uploads


def receive(widget: str, counter: str, keep: Callable[[Any], None], consequence: str) -> None:
    """Give the file that has come into a box to ``keep``; a problem is reported, with its consequence.

    ``counter`` is a number of the session that is in the widget's key: a new key forgets the last file.
    """
    upload: Any = st.session_state.get(widget)
    try:
        if take(widget):
            st.session_state[counter] = st.session_state.get(counter, 0) + 1
            keep(upload)
    except (OSError, ValueError) as error:
        state.report(f"{upload.name}: {error}. {consequence}")


class UploadLimits:
    """Middleware that refuses a file, in one sentence, before it is there: by what is declared, and as it arrives."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Answer, or pass on, as every ASGI application."""
        found = _UPLOAD.search(scope["path"]) if scope["type"] == "http" and scope["method"] == "PUT" else None
        if found is None:
            await self.app(scope, receive, send)
            return
        session = found[1]
        if refusal := _refusal(session, _declared(scope), new_files=1):
            _note(session, refusal)
            await PlainTextResponse(refusal, status_code=413)(scope, receive, send)
            return
        arrived = counted_here = 0

        async def counted() -> Any:
            nonlocal arrived, counted_here
            message = await receive()
            size = len(message.get("body", b""))
            arrived, counted_here = arrived + size, counted_here + size
            _arriving[session] += size
            if refusal := _refusal(session, 0, arrived=arrived):
                _note(session, refusal)
                raise HTTPException(status_code=413, detail=refusal)
            if not message.get("more_body"):  # now Streamlit keeps it, and it is counted there
                _subtract(_arriving, session, counted_here)
                counted_here = 0
            return message

        _on_their_way[session] += 1
        try:
            await self.app(scope, counted, send)
        finally:
            _subtract(_arriving, session, counted_here)
            _subtract(_on_their_way, session, 1)


def _refusal(session: str, declared: int, arrived: int = 0, new_files: int = 0) -> str:
    """Why a session may not send (more of) a file; empty if it may."""
    boxes = _sessions.get(session)
    allowed = [box for box, _ in list(boxes.seen.values())] if boxes else []
    if not allowed:
        return "There is no box for files on your page: load the page again, and drop the file into its box."
    most, together = max(box.most for box in allowed), max(box.together for box in allowed)
    if max(declared, arrived) > most + FRAME:
        return f"{_too_large('The file', max(declared, arrived), most)}."
    kept = _kept(session)
    if len(kept) + _on_their_way[session] + new_files > max(box.files for box in allowed) + 1:
        return "Too many files at once: wait until the page has taken those that are here, and send fewer at a time."
    if sum(kept) + _arriving[session] + declared > together + FRAME:
        return (
            f"Too much at once: the box takes {together / MEGABYTE:,.0f} MB together, and has not finished with what "
            "was sent before."
        )
    everything = sum(sum(_kept(other)) for other in list(_storage())) + sum(_arriving.values()) + declared
    if everything > ARRIVING.most * 1e6 and not any(box.is_here for box in allowed):
        return "The server is busy with the files of others: try it again in a minute."
    return ""


def _note(session: str, refusal: str) -> None:
    """Streamlit's box shows only a status: the page shows the sentence when it runs next."""
    if (boxes := _sessions.get(session)) is not None and refusal not in boxes.refused:
        boxes.refused.append(refusal)


def _too_large(what: str, size: int, most: int) -> str:
    return f"{what} has {size / MEGABYTE:,.1f} MB, and the box takes files of at most {most / MEGABYTE:,.0f} MB"


def _declared(scope: MutableMapping[str, Any]) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            with suppress(ValueError):
                return int(value)
    return 0  # then it is counted as it arrives


def _kept(session: str) -> list[int]:
    """The sizes of the files of a session that no page has taken yet."""
    return [len(file.data) for file in list(_storage().get(session, {}).values())]


def _storage() -> dict[str, dict[str, Any]]:
    """The files as Streamlit keeps them, in memory: session -> file -> record."""
    manager: Any = Runtime.instance().uploaded_file_mgr if Runtime.exists() else None
    return getattr(manager, "file_storage", {})


def _subtract(counts: Counter[str], session: str, number: int) -> None:
    counts[session] -= number
    if counts[session] <= 0:
        del counts[session]
