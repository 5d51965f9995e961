"""Every checkpoint that the app can show, by the name that it has in a link: named ones, of runs, of files."""

import streamlit as st

from vit_core import CHECKPOINTS, Checkpoint
from vit_core.training.runs.listing import PREFIX, all_runs, checkpoint_name, run_checkpoint
from vit_core.weights.checkpoints import EMBEDDED
from vit_core.weights.own_files import PREFIX as FILE_PREFIX
from vit_core.weights.own_files import opened_checkpoint


def find(name: str) -> Checkpoint:
    """The record of ``"embedded"``, of a published checkpoint, of ``"run:NAME:EPOCH"``, or of ``"file:DIGEST"``.

    Raises:
        LookupError: if there is none; one sentence.
        ValueError: if the card of a run's checkpoint is broken; one sentence.
    """
    if name.startswith(PREFIX):
        return run_checkpoint(name)
    if name.startswith(FILE_PREFIX):
        return opened_checkpoint(name)
    if name not in CHECKPOINTS:
        raise LookupError(f"there is no checkpoint {name[:60]!r}")
    return CHECKPOINTS[name]


def is_here(name: str) -> bool:
    """Whether a checkpoint of that name can be opened now: one that was listed a moment ago may be gone."""
    try:
        return find(name).is_here
    except (LookupError, ValueError):
        return False


def is_of_a_run(name: str) -> bool:
    """Whether a run saved the checkpoint of that name."""
    return name.startswith(PREFIX)


def is_of_a_file(name: str) -> bool:
    """Whether somebody opened the checkpoint of that name from a file."""
    return name.startswith(FILE_PREFIX)


def title_of(name: str) -> str:
    """The checkpoint's name, of a run "toy, epoch 3"."""
    if not is_of_a_run(name):
        return name
    _, run, epoch = name.split(":")
    return f"{run}, epoch {epoch}"


def listed(chosen: str) -> list[str]:
    """The names to choose from: the embedded ones, the runs' latest, the one that is chosen, and the published ones."""
    embedded = [name for name in CHECKPOINTS if name in EMBEDDED]
    published = [name for name in CHECKPOINTS if name not in EMBEDDED]
    trained = list(_latest_of_runs())
    if (is_of_a_run(chosen) or is_of_a_file(chosen)) and chosen not in trained:
        trained.insert(0, chosen)
    return [*embedded, *trained, *published]


@st.cache_resource(ttl=2.0, max_entries=1, show_spinner=False)
def _latest_of_runs() -> tuple[str, ...]:
    """The last of each run that has saved weights; asked on every run of every page, so looked up every two seconds."""
    return tuple(checkpoint_name(run, saved[-1]) for run in all_runs() if (saved := run.saved_epochs()))
