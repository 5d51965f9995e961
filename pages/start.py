"""What the server does before the first visitor comes: load the embedded model and trace the first picture."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Warm up beside the server's own start: importing torch takes seconds, and a class opens the page at once."""
    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()
    yield


def _warm_up() -> None:
    from pages import session  # imports torch

    session.start()
