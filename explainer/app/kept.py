"""Views, measured numbers and ledgers made for one reader and kept for all, in stores bounded in bytes."""

from collections.abc import Callable
from typing import Any, TypeVar

from explainer.app.server.store import Store
from explainer.panels import Frames, View
from vit_core.training.runs.metrics import Metrics
from vit_core.training.runs.run import Run

Shown = TypeVar("Shown", View, Frames, View | Frames)
MEGABYTE = 2**20
results: Store[Any] = Store(8 * MEGABYTE)  # small things, counted as 4 kB each
views: Store[View] = Store(128 * MEGABYTE)  # a page has ten: 0.3 MB in all for the embedded model, 10 MB for B/16
_live: Store[View | Frames] = Store(16 * MEGABYTE)  # curves of runs: apart, so that they do not push out the others
_large: Store[Any] = Store(64 * MEGABYTE)  # ledgers of shapes and their HTML: 0.6 MB for B/16, 3 MB for 48 layers
_metrics: Store[Metrics] = Store(64 * MEGABYTE)  # by the run's folder


def kept_view(key: tuple[str | int, ...], make: Callable[[], View]) -> View:
    """A view, made once for everybody who looks at the same; ``key`` names all that it depends on."""

    return views.get_or_make(key, lambda: _sized(make()))


def kept_live(key: tuple[str | int, ...], make: Callable[[], View | Frames]) -> View | Frames:
    """A view of something that goes on, made once for everybody until it has changed; old ones soon make room."""

    return _live.get_or_make(key, lambda: _sized(make()))


def _sized(view: Shown) -> tuple[Shown, int]:
    return view, view.nbytes + 4096


def metrics_of(run: Run) -> Metrics:
    """The measurements of a run so far; only lines that nobody has read yet are read."""
    before = _metrics.get(str(run.path))
    now = run.metrics(before)
    if now is not before:
        _metrics.put(str(run.path), now, now.nbytes)
    return now


def kept(key: tuple[str | int, ...], make: Callable[[], Any]) -> Any:
    """Something small that takes long to compute, as lists of numbers; ``key`` names all that it depends on."""
    return results.get_or_make(key, lambda: (make(), 4096))


def kept_large(key: tuple[str | int, ...], make: Callable[[], tuple[Any, int]]) -> Any:
    """Something that is made with its size in bytes; ``key`` names all that it depends on."""
    return _large.get_or_make(key, make)


def is_kept(key: tuple[str | int, ...]) -> bool:
    """Whether ``kept_large`` would have it at once."""
    return _large.get(key) is not None
