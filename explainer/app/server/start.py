"""Work done once per process, next to the server's own start: the first image is traced before anybody asks.

Importing torch takes seconds, and a class opens the page at once. So this module imports it only when it runs.
"""

import asyncio
import atexit
import gc
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from streamlit.runtime import Runtime

from explainer.app.server import descriptors
from vit_core.allowance import give_back_memory, keep_large_blocks_apart

COLLECT_EVERY = 10.0  # seconds

_lock = threading.Lock()
_is_started = False


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Warm up while the server is already answering; the first visitor waits only for what is left of it."""
    spare_descriptors()
    keep_large_blocks_apart()
    threading.Thread(target=start, name="warm-up", daemon=True).start()
    letting_go = asyncio.create_task(_let_go_on_a_timer())
    yield
    letting_go.cancel()


def spare_descriptors() -> None:
    """Have as many descriptors as may be had, use few of them, report once if none are left; within the event loop."""
    descriptors.raise_limit()
    descriptors.spare_script_loops()
    asyncio.get_running_loop().set_exception_handler(descriptors.SayOnce())


async def _let_go_on_a_timer() -> None:
    while True:
        await asyncio.sleep(COLLECT_EVERY)
        if Runtime.exists():
            let_go(Runtime.instance()._session_mgr)


def let_go(sessions: Any) -> None:
    """Forget the closed sessions whose time is over; Streamlit itself does it only when the next one is closed.

    Args:
        sessions: Streamlit's manager of sessions; what it keeps them in has no public name, and a test looks after it.
    """
    with sessions._storage_lock:
        sessions._session_storage._cache.expire()


def start() -> None:
    """Set torch's threads, trace the first image, and take over the collection of garbage; later calls do nothing."""
    global _is_started
    with _lock:
        if _is_started:
            return
        import torch

        from explainer.app import session, state

        torch.set_num_threads(max(1, session.CORES // session.CONCURRENT_FORWARDS))
        default = state.State()
        session.trace(default.checkpoint, default.picture)
        gc.enable()  # app.py has put it off
        gc.collect()
        gc.freeze()  # torch's some 300,000 objects leave the collector for good, so that a collection takes about 1 ms
        atexit.register(gc.unfreeze)  # otherwise Triton complains at the end that they were not freed
        threading.Thread(target=_collect_on_a_timer, name="garbage collection", daemon=True).start()
        _is_started = True


def _collect_on_a_timer() -> None:
    """Free the cycles that closed sessions leave behind; see runner.postScriptGC in .streamlit/config.toml."""
    while True:
        time.sleep(COLLECT_EVERY)
        gc.collect()
        give_back_memory()
