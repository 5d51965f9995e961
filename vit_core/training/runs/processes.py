"""A training run as a process of its own: started, seen, asked to stop; never another process by mistake.

Two locks tell what lives, because a process number says nothing: it may belong to somebody else by now. The trainer
holds ``process.lock`` as long as it lives. Before it comes that far, while it still imports torch, it holds the lock on
its own log, which it inherits from whoever started it together with its output. The system frees both with the process.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK, PROCESS, LOG, STOP = FILES = "process.lock", "process.json", "log.txt", "stop-asked"
ROOT = Path(__file__).parents[3]  # where ``python -m vit_core.training`` is found
NICENESS = 10  # below the app, which answers readers


class AlreadyRunningError(ValueError):
    """A process works on this run already."""


def is_locked(file: Path) -> bool:
    """Whether some process holds the lock on ``file``. To ask takes nothing from anybody who asks at the same time."""
    if not file.is_file():
        return False
    if fcntl is None:
        return _is_locked_there(file)
    try:
        opened = file.open("rb")
    except OSError:  # it was deleted at this moment
        return False
    with opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _is_locked_there(file: Path) -> bool:
    """The same where only exclusive locks exist."""
    try:
        with FileLock(file, timeout=0):
            return False
    except Timeout:
        return True


def is_training(run: Path) -> bool:
    """Whether a trainer works in this folder."""
    return is_locked(run / LOCK)


def is_starting(run: Path) -> bool:
    """Whether a process was started for this folder and has not ended; it may be training already."""
    return fcntl is not None and is_locked(run / LOG)


def launch(run: Path, command: Sequence[str]) -> None:
    """Start ``command`` for this folder: with its output in the log, in a session of its own, so that it outlives us.

    Raises:
        AlreadyRunningError: if a process works there already.
        OSError: if the command cannot be started.
    """
    if fcntl is None:
        raise OSError("this system has no file locks that a started process inherits: train from the command line")
    with (run / LOG).open("ab") as log:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunningError(f"{run.name} is being started already") from None
        if is_training(run):
            raise AlreadyRunningError(f"{run.name} is running already")
        for left in (PROCESS, STOP):  # by a process that is gone
            (run / left).unlink(missing_ok=True)
        log.write(f"$ {shlex.join(command)}\n".encode())
        log.flush()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
    # The trainer writes the same when it has its lock; so it can be asked to stop while it still imports torch.
    (run / PROCESS).write_text(json.dumps({"pid": process.pid}), encoding="utf-8")
    os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
    # Somebody has to take note of its end, or it stays in the table of processes as long as this one lives.
    threading.Thread(target=process.wait, name=f"training {run.name}", daemon=True).start()


def ask_to_stop(run: Path) -> bool:
    """Ask the trainer of this folder to save and end, or one that is starting to end; whether there was one to ask."""
    if not is_training(run) and not is_starting(run):
        return False
    try:
        number = int(json.loads((run / PROCESS).read_text(encoding="utf-8"))["pid"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return False  # it is being launched at this moment
    if not _is_trainer(number):
        return False
    (run / STOP).touch()  # before it can save anything, it ends without a word
    try:
        os.kill(number, signal.SIGTERM)
    except ProcessLookupError:
        return False
    return True


def output(run: Path, most: int = 20_000) -> str:
    """The end of what the last process wrote that was started here, without its command."""
    if not (run / LOG).is_file():
        return ""
    try:
        with (run / LOG).open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - most))
            text = log.read().decode("utf-8", errors="replace")
    except OSError:  # it was deleted at this moment
        return ""
    lines = text.splitlines()
    begun = max((at for at, line in enumerate(lines) if line.startswith("$ ")), default=-1)
    return "\n".join(lines[begun + 1 :])


def _is_trainer(number: int) -> bool:
    """Whether the process of that number is one of ours, where the system tells."""
    if not sys.platform.startswith("linux"):
        return number > 1
    try:
        words = Path(f"/proc/{number}/cmdline").read_bytes()
    except OSError:
        return False
    return b"vit_core" in words and b"training" in words
