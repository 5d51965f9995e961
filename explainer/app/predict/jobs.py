"""Predicting many images in the background: each piece of work is done once, for everybody who asks for it.

A page starts the work and looks again; it never waits for it. So a reload loses nothing, and what nobody looks at any
more is given up.
"""

import threading
from collections.abc import Callable, Hashable, Sequence
from time import monotonic

import streamlit as st

from explainer.app import session
from explainer.app.foreign import plain
from explainer.app.kept import MEGABYTE
from explainer.app.predict.sources import Source
from explainer.app.server.store import Store
from vit_core import Preprocess
from vit_core.training.predictions import Predictions, Sample, predict_pictures

MOST_AT_ONCE = 8  # pieces of work; each takes its forward passes in turn with all other readers
GIVEN_UP_AFTER = 30.0  # seconds in which nobody looked

_jobs: "Store[Job]" = Store(64 * MEGABYTE)
_lock = threading.Lock()


PATIENCE = 0.6  # seconds a page waits before it shows how far the work is


class GivenUp(Exception):
    """Nobody has asked for the work for a while."""


class Job:
    """A piece of work, while it is done and afterwards."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0
        self.result: Predictions | None = None
        self.problem = ""
        self.ended = threading.Event()
        self.asked = monotonic()

    @property
    def was_given_up(self) -> bool:
        """Whether it ended without a result and without anything being wrong."""
        return self.ended.is_set() and self.result is None and not self.problem

    def progress(self, done: int) -> None:
        """Take note of how far it is; the end if nobody looks.

        Raises:
            GivenUp: if nobody has asked for it lately.
        """
        self.done = done
        if monotonic() - self.asked > GIVEN_UP_AFTER:
            raise GivenUp


def job_for(
    key: Hashable, checkpoint: str, preprocess: Preprocess, count: int, samples: Callable[[], Sequence[Sample]]
) -> Job:
    """The work that ``key`` names, begun now if it was not.

    Raises:
        ValueError: if too much is being worked on already.
    """
    classes = len(session.load_model(checkpoint)[1].labels)
    with _lock:
        job = _jobs.get(key)
        if job is None or job.was_given_up:
            if sum(1 for thread in threading.enumerate() if thread.name == _THREAD) >= MOST_AT_ONCE:
                raise ValueError(
                    f"{MOST_AT_ONCE} readers are having many images predicted at this moment: try again in a minute"
                )
            job = Job(count)
            _jobs.put(key, job, 4096 + count * (4 * classes + 256))
            work = (job, checkpoint, preprocess, samples)
            threading.Thread(target=_work, args=work, name=_THREAD, daemon=True).start()
    job.asked = monotonic()
    return job


_THREAD = "predicting many images"


def _work(job: Job, checkpoint: str, preprocess: Preprocess, samples: Callable[[], Sequence[Sample]]) -> None:
    try:
        model, record = session.load_model(checkpoint)
        job.result = predict_pictures(
            model,
            preprocess,
            record.labels,
            samples(),
            slot=lambda: session.forward_slots.dear,
            on_progress=job.progress,
        )
    except GivenUp:
        pass
    except Exception as error:  # whatever it is, the page that waits for it has to report it
        job.problem = str(error) or type(error).__name__
    finally:
        job.ended.set()


def show(reader: session.Session, source: Source, way: str, preprocess: Preprocess) -> Predictions | None:
    """The predictions of the reader's checkpoint, or None, with a bar, while they are being computed.

    Raises:
        ValueError: if it cannot be worked out; one sentence.
    """
    record = reader.checkpoint
    stamp = record.path.stat().st_mtime_ns  # a run that was deleted may have given its name to another
    key = (record.name, stamp, source.key, way)

    def job() -> Job:
        return job_for(key, record.name, preprocess, len(source), lambda: source.samples)

    begun = job()
    if not begun.ended.wait(PATIENCE):
        _show_progress(job, f"{way}: ")
        return None
    if begun.problem:
        raise ValueError(begun.problem)
    return begun.result


@st.fragment(run_every=0.5)
def _show_progress(job: Callable[[], Job], words: str) -> None:
    """A bar that looks again twice a second, and the whole page when the work has ended."""
    begun = job()
    if begun.ended.is_set():
        st.rerun()
    st.progress(begun.done / max(1, begun.total), text=f"{plain(words)} {begun.done:,} of {begun.total:,} images")
