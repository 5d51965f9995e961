"""Which runs there are, their names, and the names of their checkpoints."""

import os
import re
from dataclasses import replace
from pathlib import Path

from vit_core.training.runs.files import is_run, read_start
from vit_core.training.runs.run import EXAMPLES, FACTS, Run
from vit_core.weights.checkpoints import Checkpoint, read_card

DELETED = ".deleted"  # a folder among the runs
PREFIX = "run:"  # of the names of runs' checkpoints: run:NAME:EPOCH
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


def runs_folder() -> Path:
    """Where the runs are: the environment variable VIT_EXPLAINER_RUNS, or ``runs`` below the working folder."""
    return Path(os.environ.get("VIT_EXPLAINER_RUNS") or "runs").absolute()


def list_runs() -> list[Run]:
    """All runs, the one that was started last first."""
    try:
        paths = [Path(entry.path) for entry in os.scandir(runs_folder())]
    except OSError:
        return []
    return [Run(path) for path in sorted(filter(is_run_folder, paths), key=_begun, reverse=True)]


def list_examples() -> list[Run]:
    """The runs that come with the program. They take no room of the reader's, and nothing can be done to them."""
    return [Run(path) for path in sorted(EXAMPLES.glob("*")) if is_run_folder(path)]


def all_runs() -> list[Run]:
    """The reader's own runs, the one that was started last first, then the examples."""
    own = list_runs()
    names = {run.name for run in own}
    return own + [run for run in list_examples() if run.name not in names]


def open_run(name: str) -> Run:
    """The run of that name, an example if the reader has none of that name.

    Raises:
        LookupError: if there is none.
    """
    path = next((path for parent in (runs_folder(), EXAMPLES) if is_run_folder(path := parent / name)), None)
    if path is None:
        raise LookupError(f"there is no run {name[:60]!r} here: it was never started on this machine, or was deleted")
    return Run(path)


def check_name(name: str) -> None:
    """Refuse a name that no new run can have.

    Raises:
        ValueError: if it has other characters than it may, or is taken.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"a run cannot be called {name[:60]!r}: use up to 60 letters, digits, dots, hyphens and underscores, "
            "beginning with a letter or digit"
        )
    # Names of files differ by more than case only on some systems.
    taken = {path.name.casefold() for path in runs_folder().glob("*")}
    if name.casefold() in {run.name for run in list_examples()}:
        raise ValueError(f"{name!r} is the name of an example that comes with the program: choose another name")
    if name.casefold() in taken:
        raise ValueError(f"there is a run {name!r} already: choose another name, or delete that one")


def free_name(stem: str) -> str:
    """The first of ``stem-1``, ``stem-2``, ... that no run has, deleted ones included."""
    folder = runs_folder()
    taken = {path.name.casefold() for path in folder.glob("*")} | {run.casefold() for run, _ in deleted_paths()}
    taken |= {run.name for run in list_examples()}
    number = 1
    while f"{stem}-{number}".casefold() in taken:
        number += 1
    return f"{stem}-{number}"


def checkpoint_name(run: Run | str, epoch: int) -> str:
    """The name of the weights of an epoch of a run in a link."""
    return f"{PREFIX}{run if isinstance(run, str) else run.name}:{epoch}"


def run_checkpoint(name: str) -> Checkpoint:
    """The checkpoint that ``run:NAME:EPOCH`` stands for.

    Raises:
        LookupError: if there is no such run or epoch here, or the name is none.
        ValueError: if its card is broken.
    """
    found = re.fullmatch(r"run:([^:]{1,60}):([0-9]{1,6})", name, re.ASCII)
    if not found:
        raise LookupError(f"{name[:80]!r} is no checkpoint of a run: they are called run:NAME:EPOCH")
    path = open_run(found[1]).epoch_file(int(found[2]))
    try:
        checkpoint = read_card(path, name)
    except FileNotFoundError:
        raise LookupError(f"the run {found[1]} has been deleted") from None
    return replace(checkpoint, description=f"epoch {found[2]} of the run {found[1]}")


def is_run_folder(path: Path) -> bool:
    """Whether a folder holds a run, and has a name that a run can have."""
    return bool(_NAME.fullmatch(path.name)) and is_run(path)


def _begun(path: Path) -> tuple[float, str]:
    """When the run began: of its folder that is the first file's time, which nothing changes later."""
    started = read_start(path)[0].get("started")
    try:
        return float(started if started is not None else (path / FACTS).stat().st_mtime), path.name
    except OSError:
        return 0.0, path.name


def deleted_paths() -> list[tuple[str, Path]]:
    """The deleted runs that are still kept: the name of each, and where it lies."""
    return [(path.name.rpartition("@")[0], path) for path in (runs_folder() / DELETED).glob("*@*")]
