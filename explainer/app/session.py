"""One boundary between the app and the model: every model, image and trace that a page shows comes through here.

All sessions share what is computed, keyed by plain values (checkpoint name, picture name or digest, layer). A class
that looks at the same ten pictures costs ten forward passes. Everything shared is frozen.
"""

import os
import threading
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from explainer.app.checkpoints import find, is_of_a_file, is_of_a_run
from explainer.app.kept import MEGABYTE, kept, results, views
from explainer.app.server.slots import ForwardSlots
from explainer.app.server.store import Store
from explainer.app.server.uploads import picture_source
from explainer.app.state import State
from explainer.app.state import current as current_state
from explainer.proofs import Proof, prove
from explainer.views import depth
from vit_core import AttentionTrace, BlockTrace, Checkpoint, ForwardTrace, VisionTransformer, ViTConfig, load
from vit_core.allowance import MEMORY, MODELS, NotAllowedError
from vit_core.estimates import allow_traces, allow_weights
from vit_core.interventions import Interventions
from vit_core.pictures import open_picture

_models: Store[tuple[VisionTransformer, Checkpoint]] = Store(int(MODELS.most * 1e6))  # L/16 is 1.2 GB, B/16 0.35 GB
_traces: Store[ForwardTrace] = Store(int(MEMORY.most * 1e6))  # L/16 at 224 is 81 MB, B/16 31 MB
_blocks: Store[BlockTrace] = Store(384 * MEGABYTE)  # B/16 15 MB a layer
_stamps: Store[tuple[int, int, int]] = Store(MEGABYTE)  # which file the weights of a run's checkpoint were
_stamps_lock = threading.Lock()

# Forward passes run side by side only as far as the cores allow, and torch's threads are set to match: more threads
# than cores wait for each other at every barrier of OpenMP.
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
CONCURRENT_FORWARDS = min(CORES, 4)
forward_slots = ForwardSlots(CONCURRENT_FORWARDS)

# The errors of a checkpoint, an image or a run that cannot be opened.
UNAVAILABLE = (LookupError, ValueError, OSError, RuntimeError, MemoryError)


@dataclass(frozen=True)
class Session:
    """Everything that the pages need for one choice of the reader; cheap to make on every run."""

    state: State
    checkpoint: Checkpoint
    model: VisionTransformer
    trace: ForwardTrace

    @property
    def config(self) -> ViTConfig:
        """The sizes of the model."""
        return self.model.config

    @property
    def layer(self) -> int:
        """The chosen layer, 1..L."""
        return self.state.layer

    @property
    def head(self) -> int:
        """The chosen attention head, 1..k."""
        return self.state.head

    @property
    def token(self) -> int:
        """The chosen token, 0..N."""
        return self.state.token_in(self.config)

    @cached_property
    def block(self) -> BlockTrace:
        """The insides of the chosen layer."""
        return block(self.state.checkpoint, self.state.picture, self.layer)

    def block_of(self, layer: int) -> BlockTrace:
        """The insides of any layer."""
        return block(self.state.checkpoint, self.state.picture, layer)

    @property
    def attention(self) -> AttentionTrace:
        """The attention of the chosen layer."""
        return self.block.attention

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """The image as the model sees it, [H, W, 3]."""
        return np.asarray(self.checkpoint.preprocess.to_picture(self.trace.image))

    @property
    def norms(self) -> dict[str, NDArray[np.float32]]:
        """Lengths of skip and updates of the chosen token in every layer; one pass over all blocks for a new token."""

        def make() -> dict[str, NDArray[np.float32]]:
            with forward_slots:
                return depth.residual_norms(self.model, self.trace, self.token)

        norms: dict[str, NDArray[np.float32]]
        norms = kept(("norms", self.state.checkpoint, self.state.picture, self.token), make)
        return norms

    @property
    def choice(self) -> tuple[str | int, ...]:
        """Everything that a view depends on."""
        return (self.state.checkpoint, self.state.picture, self.layer, self.head, self.token)


def open_session(state: State) -> tuple[Session, list[str]]:
    """The session for ``state``, and a sentence for each part of it that had to be changed to fit.

    Raises:
        ValueError, OSError: if the checkpoint cannot be loaded or the picture cannot be read; one clear sentence.
    """
    model, checkpoint = load_model(state.checkpoint)
    state, problems = state.fitted(model.config)
    return Session(state, checkpoint, model, trace(state.checkpoint, state.picture)), problems


def load_model(name: str) -> tuple[VisionTransformer, Checkpoint]:
    """The shared model of a checkpoint that is on this machine."""

    def make() -> tuple[tuple[VisionTransformer, Checkpoint], int]:
        if is_of_a_run(name) or is_of_a_file(name):
            record = find(name)
            model, checkpoint = load(record.path)[0], record
        else:
            model, checkpoint = load(name)
        return (model, checkpoint), sum(p.numel() * p.element_size() for p in model.parameters())

    return _models.get_or_make(name, make)


def check_memory(checkpoint: Checkpoint, other: Checkpoint | None = None) -> None:
    """Refuse what one click may not take: it must not end a server that a whole class uses.

    Args:
        checkpoint: the one to show.
        other: another that is shown together with it.

    Raises:
        NotAllowedError: if the weights, or the trace of one picture each, would take too much; a whole sentence.
    """
    checkpoints = [record for record in (checkpoint, other) if record is not None]
    models = {record.name: record.config for record in checkpoints}
    whose = "both" if other else "this model"
    try:
        allow_weights(whose, *models.values())
        allow_traces(whose, *(record.config for record in checkpoints))
    except NotAllowedError as error:
        raise NotAllowedError(f"{error}.") from None


def forget_replaced(checkpoint: Checkpoint) -> None:
    """Forget all that was computed with a run's weights if another file has taken their place.

    A run's name is free again when it has been deleted. Everybody else's files never change.
    """
    if not is_of_a_run(checkpoint.name):
        return
    status = checkpoint.path.stat()
    stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
    with _stamps_lock:
        before = _stamps.get(checkpoint.name)
        _stamps.put(checkpoint.name, stamp, 128)
        if before is not None and before != stamp:
            for store in (_models, _traces, _blocks, results, views):
                store.drop(checkpoint.name)


def trace(checkpoint: str, picture: str, changes: str = "") -> ForwardTrace:
    """The forward pass of an image, computed by the first who asks; with ``changes`` as ``Interventions`` writes them.

    Raises:
        ValueError: if the changes cannot be read or do not fit the model.
    """

    def make() -> tuple[ForwardTrace, int]:
        model, record = load_model(checkpoint)
        if changes:
            image = trace(checkpoint, picture).image
        else:
            image = record.preprocess(open_picture(picture_source(picture)))
        with forward_slots:
            result = model.trace(image, Interventions.parse(changes))
        return result, result.nbytes

    return _traces.get_or_make((checkpoint, picture, changes), make)


def block(checkpoint: str, picture: str, layer: int, changes: str = "") -> BlockTrace:
    """The insides of one layer, computed by the first who asks; with ``changes`` as ``Interventions`` writes them."""

    def make() -> tuple[BlockTrace, int]:
        model, _ = load_model(checkpoint)
        forward = trace(checkpoint, picture, changes)
        with forward_slots:
            result = model.trace_block(forward, layer)
        return result, result.nbytes

    return _blocks.get_or_make((checkpoint, picture, layer, changes), make)


def proof(session: Session, claim: int | str, changes: str = "") -> Proof:
    """An equation or fact recomputed for what is on the screen, by the first who looks at it; with ``changes``, too."""
    place = (session.state.checkpoint, session.state.picture)

    def make() -> Proof:
        # May have to be computed, in a slot of its own: never wait for one while holding one.
        forward, inside = trace(*place, changes), block(*place, session.layer, changes)
        with forward_slots:
            return prove(claim, session.model, forward, inside, session.layer)

    proved: Proof = kept(("proof", *place, session.layer, claim, changes), make)
    return proved


def check_here(checkpoint: Checkpoint) -> None:
    """Refuse a checkpoint that would first have to be downloaded: that takes a click of its own.

    Raises:
        FileNotFoundError: if its weights are not on this machine.
    """
    if not checkpoint.is_here:
        raise FileNotFoundError(
            f"its weights are not on this server yet. Download them in the sidebar ({checkpoint.size_mb:,.0f} MB)."
        )


def open_checkpoint(name: str, other: Checkpoint | None = None) -> Checkpoint:
    """The record of a checkpoint whose model is in memory from now on, ``other`` that of another.

    Raises:
        LookupError, ValueError, OSError, RuntimeError, MemoryError: if it cannot be had.
    """
    record = find(name)
    check_memory(record, other)
    check_here(record)
    forget_replaced(record)
    load_model(name)
    return record


def open_or_explain(state: State) -> tuple[Session, list[str]]:
    """The session for ``state``; a part that cannot be had is replaced by the default, with a sentence why."""
    problems, asked = [], state
    try:
        open_checkpoint(state.checkpoint)
    except UNAVAILABLE as error:
        reason = str(error).rstrip(".")
        problems.append(f"{state.checkpoint} cannot be shown: {reason}. You see {State.checkpoint}.")
        state = replace(state, checkpoint=State.checkpoint, token=None)
    try:
        trace(state.checkpoint, state.picture)
    except UNAVAILABLE as error:
        problems.append(f"{error} You see the image {State.picture!r}.")
        state = replace(state, picture=State.picture)
    session, others = open_session(state)
    # Layer, head and token of a link are about the checkpoint that it names, not about the one shown instead.
    return session, problems + (others if state.checkpoint == asked.checkpoint else [])


def current() -> Session:
    """The session of this run, for a page."""
    return open_session(current_state())[0]
