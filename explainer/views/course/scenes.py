"""Runs side by side, a view for each of their epochs: what the views of ``epochs`` are put together with."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from explainer import origins
from explainer.experiments.recordings import Recording, Snapshot
from explainer.notation.wording import percent, sentence
from explainer.origins import Origin, one_each
from explainer.panels import Frames, Plot, Series, View
from explainer.views.arrays import float_values
from explainer.views.compose import view
from explainer.views.course.charts import over_epochs
from vit_core.logit_lens import most_probable

NAME = "epoch"  # what is counted, in picks and in the URL
MOST_CLASSES = 5


@dataclass(frozen=True, eq=False)
class Scene:
    """A recording, and what of it is looked at."""

    recording: Recording
    layer: int
    head: int
    token: int
    picks: bool = True  # whether a click may choose for the whole app: not if its model has other sizes than the app's

    @property
    def final(self) -> Snapshot:
        """The run as it is in the end."""
        return self.recording.snapshots[-1]

    @property
    def classes(self) -> list[int]:
        """The classes that are most probable in the end."""
        return most_probable(self.final.probabilities, MOST_CLASSES)


Scenes = Sequence[Scene]


def frames_of(scenes: Scenes, make: Callable[[int], View], *, has_bar: bool = False) -> Frames:
    """One view for each epoch that any of the runs has a snapshot of."""
    epochs = sorted({snapshot.epoch for _, snapshot in every_snapshot(scenes)})
    labels = tuple(label_of(scenes, epoch) for epoch in epochs)
    return Frames(NAME, tuple(epochs), labels, tuple(map(make, epochs)), has_bar)


def frames_of_runs(scenes: Scenes, make: Callable[[Scene, Snapshot], View]) -> Frames:
    """The same view of each run for each epoch; of two runs side by side."""
    return frames_of(scenes, lambda epoch: _side_by_side(scenes, make, epoch))


def _side_by_side(scenes: Scenes, make: Callable[[Scene, Snapshot], View], epoch: int) -> View:
    """The panels of one run in a row; those of two in two columns, each with its run's name and epoch."""
    columns, sentences = [], []
    for scene in scenes:
        now = scene.recording.at(epoch)
        made = make(scene, now)
        panels = [panel if scene.picks else panel.still(NAME) for panel in made.panels]
        panels = [panel.on_side(side_of(scene.recording, now), scene.layer) for panel in panels]
        columns.append([replace(panel, title=f"{panel.title} · {_of(scenes, scene, now)}") for panel in panels])
        sentences.append(f"{sentence(_of(scenes, scene, now))}: {made.alt}")
    rows = [tuple(columns[0])] if len(scenes) == 1 else [*zip(*columns, strict=True)]
    return view(" ".join(sentences), *rows)


def _of(scenes: Scenes, scene: Scene, now: Snapshot) -> str:
    """ "epoch 3", or with two runs "scratch, epoch 3"."""
    return f"{scene.recording.name}, epoch {now.epoch}" if len(scenes) > 1 else f"epoch {now.epoch}"


def label_of(scenes: Scenes, epoch: int) -> str:
    """ "After epoch 3 of 10 · 62.4 % right", of two runs that of both."""
    last = max(scene.final.epoch for scene in scenes)
    measured = [
        (f"{scene.recording.name} " if len(scenes) > 1 else "") + percent(right) + " right"
        for scene in scenes
        if (right := scene.recording.accuracy(scene.recording.at(epoch).epoch)) is not None
    ]
    place = f"After epoch {epoch} of {last}" if epoch else "Before training"
    return " · ".join([place, *measured])


def at_epoch(title: str, y_label: str, lines: Iterable[Series], now: Snapshot, high: float, **options: Any) -> Plot:
    """Lines over the epochs from 0 to ``high``, with one epoch marked; a click moves to another."""
    marked = float(now.epoch)
    return over_epochs(title, y_label, lines, low=0.0, high=high, selected_x=marked, pick=NAME, **options)


def line_of(
    recording: Recording, label: str, values: Iterable[float], quantity: str, origin: Origin | None = None
) -> Series:
    """A line with a point for each of the recording's snapshots; ``origin`` of one of them, in its own epoch."""
    snapshots = recording.snapshots
    of = one_each(*(origins.on_side(origin, side_of(recording, at)) for at in snapshots)) if origin else None
    return Series(label, float_values(at.epoch for at in snapshots), float_values(values), quantity, origin=of)


def side_of(recording: Recording, now: Snapshot) -> str:
    """The forward pass of one epoch, as a number's address names it: the name of its checkpoint."""
    return f"run:{recording.name}:{now.epoch}"


def named(scenes: Scenes, scene: Scene, label: str) -> str:
    """The label, of two runs with its run's name."""
    return f"{scene.recording.name}, {label}" if len(scenes) > 1 else label


def every_snapshot(scenes: Scenes) -> list[tuple[Scene, Snapshot]]:
    """All snapshots of all runs."""
    return [(scene, snapshot) for scene in scenes for snapshot in scene.recording.snapshots]
