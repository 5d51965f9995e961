"""The file descriptors of this process: raised to the limit at the start, used sparingly, missed with one log line.

A session takes one descriptor for its connection. Streamlit makes an event loop for each of its scripts as well, which
no page of this app runs, and which would take three more.
"""

import asyncio
import errno
import logging
import selectors
import types
from typing import Any

from streamlit.runtime import app_session

try:
    import resource
except ModuleNotFoundError:  # Windows, which has no such limit
    resource = None  # type: ignore[assignment]

_log = logging.getLogger(__name__)


def raise_limit() -> int | None:
    """Let this process have as many descriptors as it may without asking anybody; the number, if there is a limit."""
    if resource is None:
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (ValueError, OSError):  # macOS says "without limit" and allows less
            return soft
    return hard


class SleepingLoop(asyncio.SelectorEventLoop):
    """An event loop that opens its descriptors when it runs, if it ever does."""

    def __init__(self) -> None:
        self._ssock: Any = None
        self._csock: Any = None
        # The usual selector, epoll, is a descriptor itself.
        super().__init__(getattr(selectors, "PollSelector", selectors.SelectSelector)())

    def run_forever(self) -> None:
        """Run as every loop does."""
        if self._ssock is None:
            super()._make_self_pipe()  # type: ignore[misc]
        super().run_forever()

    def _make_self_pipe(self) -> None:
        """By which another thread wakes a loop that runs."""

    def _close_self_pipe(self) -> None:
        if self._ssock is not None:
            super()._close_self_pipe()  # type: ignore[misc]


def spare_script_loops() -> None:
    """Let the scripts of sessions have loops that sleep; what else Streamlit does with asyncio stays as it is."""
    if resource is None:
        return
    module = types.ModuleType("asyncio")
    module.__dict__.update(asyncio.__dict__, new_event_loop=SleepingLoop)
    app_session.asyncio = module  # type: ignore[attr-defined]


class SayOnce:
    """An event loop's handler of errors: that there are no descriptors left is one line in the log, not thousands."""

    def __init__(self) -> None:
        self.is_said = False

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log what went wrong in ``loop``."""
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in (errno.EMFILE, errno.ENFILE):
            loop.default_exception_handler(context)
        elif not self.is_said:
            self.is_said = True
            _log.error(
                "No descriptors are left, so new visitors wait until others go: this process may have %s of them. "
                "Raise the limit (ulimit -n) before the start. This is reported once.",
                resource.getrlimit(resource.RLIMIT_NOFILE)[0] if resource else "a few",
            )
