"""Recordings of runs, shared by all sessions: every saved epoch is opened once per image, and its model let go."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from explainer.app.kept import MEGABYTE, metrics_of
from explainer.app.server.store import Store
from explainer.app.server.uploads import picture_source
from explainer.app.session import Session, forward_slots
from explainer.experiments.recordings import Recording, Snapshot, snapshot_bytes, take_snapshot, thinned
from explainer.panels import Frames, Pixels
from explainer.views.course.scenes import Scene
from vit_core import grid_position, load, token_at
from vit_core.pictures import open_picture
from vit_core.preprocess import Preprocess
from vit_core.training.runs.run import Run
from vit_core.weights.checkpoints import read_card

MOST_EPOCHS = 21
MOST_BYTES = 192 * MEGABYTE  # of one recording: all 21 epochs of the embedded model's size are 24 MB; B/16 gets 7
_snapshots: Store[Snapshot] = Store(512 * MEGABYTE)
_frames: Store[Frames] = Store(128 * MEGABYTE)  # of one choice of run, layer, head and token 3 MB at the embedded size
_pictures: Store[tuple[Tensor, Pixels]] = Store(16 * MEGABYTE)  # as models see them: normalised, and to look at

Progress = Callable[[float, str], object]
Stamp = tuple[str, int, int]


@dataclass(frozen=True)
class Shown:
    """A run as the epochs page shows it."""

    run: Run
    scene: Scene
    stamps: tuple[Stamp, ...]  # which files it was made of: a deleted run's name may come back with others
    notes: tuple[str, ...]  # a sentence for everything that is not as the reader may expect


def record(run: Run, session: Session, on_progress: Progress) -> Shown:
    """The run seen through the sidebar's image, with its layer, head and token.

    Raises:
        ValueError, OSError: if no epoch of the run can be opened; one sentence.
    """
    picture = session.state.picture
    snapshots: list[Snapshot] = []
    stamps: list[Stamp] = []
    notes = [f"{run.name}: {damage}." for damage in (run.damage if run.status == "damaged" else ())]
    saved = run.saved_epochs()
    epochs = _with_room(run, saved)
    for index, epoch in enumerate(epochs):
        try:
            stamp = _stamp(run.epoch_file(epoch))
            found = _snapshots.get((stamp, picture))
            if found is None:
                on_progress(index / len(epochs), f"{run.name}: opening epoch {epoch} of {epochs[-1]}")
                found = _open(stamp, epoch, picture, snapshots[-1] if snapshots else None)
        except (LookupError, ValueError, OSError) as error:
            notes.append(f"Epoch {epoch} of {run.name} is left out: {error}.")
        else:
            snapshots.append(found)
            stamps.append(stamp)
    if not snapshots:
        raise ValueError(notes[0])
    if len(epochs) < len(saved):
        notes.append(
            f"Of the {len(saved)} epochs that {run.name} has saved, these are shown: {', '.join(map(str, epochs))}."
        )
    card = read_card(Path(stamps[-1][0]), run.name)
    metrics = metrics_of(run)
    _, pixels = _seen(picture, card.preprocess)
    recording = Recording(run.name, card.labels, card.config, pixels, tuple(snapshots), metrics.epochs)
    scene, note = _scene(recording, session)
    return Shown(run, scene, (*stamps, (picture, len(metrics.epochs), metrics.end)), (*notes, *note))


def _with_room(run: Run, saved: list[int]) -> list[int]:
    """The epochs that are opened: all, or evenly spread as many as there is room for."""
    if not saved:
        raise ValueError(next(iter(run.damage), "it has saved no epoch yet"))
    size = snapshot_bytes(read_card(run.epoch_file(saved[0]), run.name).config)
    return thinned(saved, max(2, min(MOST_EPOCHS, MOST_BYTES // size)))


def _open(stamp: Stamp, epoch: int, picture: str, before: Snapshot | None) -> Snapshot:
    def make() -> tuple[Snapshot, int]:
        model, card = load(stamp[0])
        image, _ = _seen(picture, card.preprocess)
        with forward_slots.dear:
            taken = take_snapshot(epoch, model, image, before)
        return taken, taken.nbytes

    return _snapshots.get_or_make((stamp, picture), make)


def _seen(picture: str, preprocess: Preprocess) -> tuple[Tensor, Pixels]:
    def make() -> tuple[tuple[Tensor, Pixels], int]:
        image = preprocess(open_picture(picture_source(picture)))
        pixels = np.asarray(preprocess.to_picture(image))
        return (image, pixels), 4 * image.numel() + pixels.nbytes

    return _pictures.get_or_make((picture, preprocess), make)


def _stamp(path: Path) -> Stamp:
    status = path.stat()
    return str(path), status.st_ino, status.st_mtime_ns


def _scene(recording: Recording, session: Session) -> tuple[Scene, tuple[str, ...]]:
    """The recording with the sidebar's layer, head and token, and a sentence if its model has other sizes."""
    own, theirs = recording.config, session.config
    sizes = [(config.grid_size, config.num_layers, config.num_heads) for config in (own, theirs)]
    if sizes[0] == sizes[1]:
        return Scene(recording, session.layer, session.head, session.token), ()
    layer, head, token = min(session.layer, own.num_layers), min(session.head, own.num_heads), session.token
    if token:  # the patch at the same place of the image
        share = own.grid_size / theirs.grid_size
        row, column = (int((at + 0.5) * share) for at in grid_position(token, theirs.grid_size))
        token = token_at(row, column, own.grid_size)
    note = (
        f"The run {recording.name} has {own.num_layers} layers, {own.num_heads} heads and {own.grid_size} × "
        f"{own.grid_size} patches, unlike the model in the sidebar: you see its layer {layer}, head {head} and the "
        "patch at the same place. To choose freely, open one of its epochs in the explainer and come back."
    )
    return Scene(recording, layer, head, token, picks=False), (note,)


def kept_frames(key: tuple[object, ...], make: Callable[[], Frames]) -> Frames:
    """Frames, made once for everybody who looks at the same; ``key`` names all that they depend on."""

    def make_sized() -> tuple[Frames, int]:
        frames = make()
        return frames, frames.nbytes + 4096 * len(frames.views)

    return _frames.get_or_make(key, make_sized)
