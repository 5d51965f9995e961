"""What keeps a click fast for a whole class: one process, shared tensors, forwards only as far as there are cores."""

import gc
import threading
import weakref
from collections.abc import Callable, Mapping
from io import BytesIO

import pytest
import torch
from PIL import Image
from streamlit.navigation.page import Page
from streamlit.testing.v1 import AppTest

from explainer.app import session
from explainer.app.server import start
from explainer.app.server.store import Store
from explainer.app.server.uploads import keep_upload
from explainer.app.state import State
from explainer.stages import STAGES
from vit_core import CHECKPOINTS

WAIT = 0.3  # seconds in which a forward of the embedded model would long have ended


def collectors() -> int:
    return sum(thread.name == "garbage collection" for thread in threading.enumerate())


def test_the_process_is_prepared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "_is_started", False)
    torch.set_num_threads(7)
    before = collectors()
    start.start()
    start.start()
    assert collectors() == before + 1
    assert gc.get_freeze_count() > 10_000  # torch's objects have left the collector
    assert torch.get_num_threads() == max(1, session.CORES // session.CONCURRENT_FORWARDS)
    assert torch.get_num_threads() * session.CONCURRENT_FORWARDS <= session.CORES


def test_the_timer_collects_what_sessions_leave_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    class Node:
        pass

    node = Node()
    node.itself = node  # type: ignore[attr-defined]
    gone = weakref.ref(node)
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            raise InterruptedError

    monkeypatch.setattr(start.time, "sleep", nap)
    del node
    with pytest.raises(InterruptedError):
        start._collect_on_a_timer()
    assert gone() is None
    assert naps == [start.COLLECT_EVERY] * 2


def unseen_picture(shade: int) -> str:
    buffer = BytesIO()
    Image.new("RGB", (70, 70), (shade, 2, 3)).save(buffer, "PNG")
    return keep_upload(buffer.getvalue())


def forward() -> object:
    return session.trace("embedded", unseen_picture(1))


def layer() -> object:
    session.trace("embedded", picture := unseen_picture(2))
    return lambda: session.block("embedded", picture, 3)


def proof() -> object:
    opened, _ = session.open_session(State(picture=unseen_picture(3), layer=2))
    assert opened.block
    return lambda: session.proof(opened, 6)


def norms() -> object:
    opened, _ = session.open_session(State(picture=unseen_picture(4)))
    return lambda: opened.norms


@pytest.mark.parametrize("prepare", [lambda: forward, layer, proof, norms], ids=["forward", "layer", "proof", "norms"])
def test_what_computes_waits_for_a_core(prepare: Callable[[], Callable[[], object]]) -> None:
    compute = prepare()
    done = threading.Event()

    def run() -> None:
        compute()
        done.set()

    for _ in range(session.CONCURRENT_FORWARDS):
        assert session.forward_slots.acquire(timeout=5)
    try:
        threading.Thread(target=run, daemon=True).start()
        assert not done.wait(WAIT)
    finally:
        for _ in range(session.CONCURRENT_FORWARDS):
            session.forward_slots.release()
    assert done.wait(20)


def test_everything_shared_is_bounded_in_bytes_and_counted() -> None:
    stores = {name: value for name, value in vars(session).items() if isinstance(value, Store)}
    assert stores.keys() >= {"_models", "_traces", "_blocks"}
    assert all(0 < store.limit <= 2 * 2**30 for store in stores.values())
    picture = unseen_picture(5)
    before = session._traces.nbytes
    trace = session.trace("embedded", picture)
    assert session._traces.nbytes == before + trace.nbytes
    before = session._blocks.nbytes
    block = session.block("embedded", picture, 1)
    assert session._blocks.nbytes == before + block.nbytes


def is_plain(value: object) -> bool:
    """Numbers, short texts, pages of the menu, and what is made of them."""
    if isinstance(value, Page):
        return True  # a few hundred bytes, made once a session because making them costs milliseconds in each run
    if isinstance(value, Mapping):
        return all(map(is_plain, value.values()))
    if isinstance(value, list | tuple):
        return len(value) < 100 and all(map(is_plain, value))
    if isinstance(value, State):
        return all(map(is_plain, vars(value).values()))
    return value is None or isinstance(value, int | float) or (isinstance(value, str) and len(value) < 500)


@pytest.mark.parametrize("page", STAGES)
def test_a_session_holds_keys_and_no_arrays(page: str) -> None:
    at = AppTest.from_file("../pages/frame.py", default_timeout=120)
    at.run()
    if page != "overview":
        at.switch_page(f"{page}.py").run()
    held = at.session_state._state.filtered_state
    assert set(held) >= {"picture", "checkpoint", "layer", "head", "token"}
    for key, value in held.items():
        assert is_plain(value), f"{key} holds {type(value).__name__}"
    assert next(iter(CHECKPOINTS)) == held["checkpoint"]


def test_a_proof_never_waits_for_a_slot_while_it_holds_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one slot, and a block that nobody has computed yet, it would wait for itself for ever."""
    monkeypatch.setattr(session, "forward_slots", threading.BoundedSemaphore(1))
    monkeypatch.setattr(session, "_blocks", Store(2**24))
    monkeypatch.setattr("explainer.app.kept.results", Store(2**20))
    opened, _ = session.open_session(State(layer=2))
    proved = []
    thread = threading.Thread(target=lambda: proved.append(session.proof(opened, 2)), daemon=True)
    thread.start()
    thread.join(timeout=60)  # it takes milliseconds; without end if it waits for itself
    assert [each.holds for each in proved] == [True]
