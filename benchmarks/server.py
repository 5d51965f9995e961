"""A Streamlit server for a measurement: started on a free loopback port, asked until it answers, ended by its id."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Server:
    """A running server; ``started`` is the clock's reading when its process was made."""

    port: int
    process: subprocess.Popen[bytes]
    started: float
    base: str = ""  # server.baseUrlPath

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}" + (f"/{self.base}" if self.base else "")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running(script: Path = ROOT / "app.py", folder: Path = ROOT, base: str = "") -> Iterator[Server]:
    """``streamlit run script`` in ``folder``, below the path ``base``, until the block ends."""
    port = free_port()
    arguments = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    arguments += ["--server.address", "127.0.0.1", "--server.headless", "true", "--server.baseUrlPath", base]
    started = time.perf_counter()
    process = subprocess.Popen(
        arguments, cwd=folder, env=os.environ.copy(), stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    server = Server(port, process, started, base)
    try:
        _wait(server)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(server: Server, seconds: float = 120) -> None:
    while time.perf_counter() - server.started < seconds:
        if server.process.poll() is not None:
            raise RuntimeError(f"the server ended with code {server.process.returncode} before it answered")
        try:
            with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.02)
    raise TimeoutError(f"no answer within {seconds:.0f} s")
