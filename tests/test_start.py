"""What the process does for all sessions: closed ones are forgotten, descriptors are asked for and used sparingly."""

import asyncio
import errno
import logging
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import pytest
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.runtime.session_manager import SessionInfo
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

from benchmarks.server import ROOT, running
from explainer.app.server.descriptors import SayOnce, SleepingLoop, raise_limit
from explainer.app.server.start import let_go
from tests.visitors import Visitor

FEW = 144  # descriptors; Python, Streamlit and its files take some 30 of them


class Closed:
    """What a closed session keeps in memory."""

    id = "closed"


def test_a_closed_session_is_forgotten_without_another_one() -> None:
    storage = MemorySessionStorage(ttl_seconds=0)
    manager = WebsocketSessionManager(storage, MemoryUploadedFileManager("/"), ScriptCache(), lambda: None)
    session: Any = Closed()
    kept = weakref.ref(session)
    storage.save(SessionInfo(client=None, session=session, script_run_count=1))
    del session
    time.sleep(0.01)
    assert not storage.list() and kept() is not None  # nobody can have it, and it is there
    let_go(manager)
    assert kept() is None


def run(code: str) -> None:
    """In a process of its own: what it changes holds for a whole process."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_pages_of_the_model_import_nothing_that_trains_or_draws_files() -> None:
    """Torchvision alone takes as long to import as torch, because it imports torch's compiler."""
    run("""
import sys
from explainer.stages import STAGES
from streamlit.testing.v1 import AppTest

page = AppTest.from_file("pages/frame.py", default_timeout=120).run()
for name in STAGES:
    if name != "overview":
        page.switch_page(f"{name}.py").run()
    assert not page.exception and page.title[0].value == STAGES[name].title
late = {"torchvision", "torch._dynamo", "sympy", "matplotlib", "scipy", "tkinter", "transformers", "timm", "torchinfo"}
assert not late & set(sys.modules), late & set(sys.modules)
""")


def test_garbage_is_collected_once_the_app_has_warmed_up() -> None:
    run("""
import gc
import app
from explainer.app.server.start import start

assert not gc.isenabled()
start()
assert gc.isenabled() and gc.get_freeze_count() > 100_000
""")


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone keeps large blocks, and /proc tells the memory")
def test_a_large_block_goes_back_when_it_is_freed() -> None:
    code = """
from threading import Thread
from vit_core.allowance import keep_large_blocks_apart

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6

def work():
    blocks = []
    for _ in range(3):  # having freed the first, glibc would keep the next ones among the small blocks of the thread
        blocks += [b"x" * 30_000_000, b"y" * 100]
        del blocks[-2]
    global left
    left = resident() - before

{}
before, left = resident(), 0.0
thread = Thread(target=work)
thread.start()
thread.join()
assert left {} 20, left
"""
    run(code.format("keep_large_blocks_apart()", "<"))
    run(code.format("pass", ">"))


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")
def test_a_loop_that_sleeps_has_no_descriptor_and_runs_like_any_other() -> None:
    before = open_descriptors()
    loops = [SleepingLoop() for _ in range(20)]
    assert open_descriptors() == before
    loop = loops[0]

    async def answer() -> str:
        said: asyncio.Future[str] = loop.create_future()
        threading.Thread(target=lambda: loop.call_soon_threadsafe(said.set_result, "awake")).start()
        return await said

    assert loop.run_until_complete(answer()) == "awake"
    assert loop.run_until_complete(answer()) == "awake"
    for each in loops:
        each.close()
    assert open_descriptors() == before


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")
def test_sessions_of_streamlit_get_such_loops() -> None:
    """Streamlit has no setting for it: if it makes them elsewhere one day, this fails."""
    code = (
        "from explainer.app.server.descriptors import spare_script_loops, SleepingLoop; spare_script_loops()\n"
        "from streamlit.runtime import app_session; import asyncio, inspect\n"
        "assert 'asyncio.new_event_loop()' in inspect.getsource(app_session.AppSession.__init__)\n"
        "assert type(app_session.asyncio.new_event_loop()) is SleepingLoop\n"
        "assert type(asyncio.new_event_loop()) is not SleepingLoop"
    )
    run(code)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    code = (
        "import resource; hard = min(2000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))\n"
        "from explainer.app.server.descriptors import raise_limit; said = raise_limit()\n"
        "assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard) and said == hard"
    )
    run(code)
    assert raise_limit() is not None


APP = f"""
import resource, sys
sys.path.insert(0, {str(ROOT)!r})
resource.setrlimit(resource.RLIMIT_NOFILE, ({FEW}, {FEW}))
from contextlib import asynccontextmanager
import streamlit as st
from explainer.app.server.start import spare_descriptors

@asynccontextmanager
async def lifespan(app):
    spare_descriptors()
    yield

app = st.App("page.py", lifespan=lifespan)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_session_takes_one_descriptor(tmp_path: Path) -> None:
    """With four each, a quarter of these could come."""
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    (tmp_path / "page.py").write_text('import streamlit as st\nst.json({"welcome": True})\n', encoding="utf-8")
    with running(tmp_path / "app.py", tmp_path) as server:
        visitors = [Visitor(server) for _ in range(FEW - 64)]
        assert all(visitor.says == {"welcome": True} for visitor in visitors)
        for visitor in visitors:
            visitor.socket.close()


def test_that_no_descriptor_is_left_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(SayOnce())
    with caplog.at_level(logging.ERROR):
        for _ in range(1000):
            error = OSError(errno.EMFILE, "Too many open files")
            loop.call_exception_handler({"message": "socket.accept() out of system resource", "exception": error})
        assert len(caplog.records) == 1 and "No descriptors are left" in caplog.text
        loop.call_exception_handler({"message": "something else", "exception": OSError(errno.EIO, "broken")})
        assert len(caplog.records) == 2 and "something else" in caplog.text
    loop.close()
