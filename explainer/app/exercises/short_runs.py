"""The exercises' short trainings: one at a time, in a process of its own, kept for everybody.

There are as many different ones as there are ways to set the switches, so all that were ever asked for are kept.
"""

import json
import os
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from typing import Literal

from explainer.course.short_training import STEPS, Switches, arguments

ROOT = Path(__file__).parents[3]
TIMEOUT = 300.0  # seconds; a few on a machine that has nothing else to do

Status = Literal["waiting", "running", "finished", "failed"]


@dataclass
class ShortRun:
    """One training and its records so far."""

    switches: Switches
    status: Status = "waiting"
    steps: list[dict[str, float]] = field(default_factory=list)  # only ever grows
    result: dict[str, float] = field(default_factory=dict)
    problem: str = ""

    @property
    def progress(self) -> float:
        """The share of its steps that are done."""
        return len(self.steps) / STEPS

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.status in ("finished", "failed")


_runs: dict[Switches, ShortRun] = {}
_queue: "Queue[ShortRun]" = Queue()
_lock = threading.Lock()
_worker: threading.Thread | None = None


def ask_for(switches: Switches) -> ShortRun:
    """The training with these switches; it is queued if nobody has asked for it before, or if it failed."""
    global _worker
    with _lock:
        run = _runs.get(switches)
        if run is None or run.status == "failed":
            run = _runs[switches] = ShortRun(switches)
            _queue.put(run)
        if _worker is None or not _worker.is_alive():
            _worker = threading.Thread(target=_work, name="short trainings", daemon=True)
            _worker.start()
    return run


def find(switches: Switches) -> ShortRun | None:
    """The training with these switches, if somebody has asked for it."""
    return _runs.get(switches)


def all_runs() -> list[ShortRun]:
    """Every training that anybody has asked for, in that order."""
    return list(_runs.values())


def _work() -> None:
    while True:
        run = _queue.get()
        run.status = "running"
        try:
            _train(run)
        except (OSError, ValueError) as error:
            run.problem = str(error)
        run.status = "failed" if run.problem else "finished"


def _train(run: ShortRun) -> None:
    """Start the process, record its output, and kill it if it does not end by itself."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        arguments(run.switches), cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        alarm = threading.Timer(TIMEOUT, process.kill)
        alarm.start()
        try:
            assert process.stdout is not None and process.stderr is not None
            for line in process.stdout:
                record = json.loads(line)
                if "step" in record:
                    run.steps.append(record)
                else:
                    run.result = record
            errors = process.stderr.read().strip().splitlines()
        finally:
            alarm.cancel()
    if process.returncode or not run.result:
        run.problem = (
            errors[-1] if errors else f"the training ended with code {process.returncode} before its last step"
        )
