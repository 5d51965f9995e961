"""The runs of this machine: started, stopped, resumed, deleted and brought back; ``listing`` finds them."""

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from vit_core.training.config import RECIPES, TrainingConfig
from vit_core.training.disk import write_object
from vit_core.training.runs import processes
from vit_core.training.runs.commands import training_command
from vit_core.training.runs.estimate import allow_training, estimate_run
from vit_core.training.runs.listing import (
    DELETED,
    check_name,
    deleted_paths,
    is_run_folder,
    list_runs,
    open_run,
    runs_folder,
)
from vit_core.training.runs.run import START, Run, facts_time

STARTING = ".starting.lock"
KEPT_SECONDS = 24 * 3600  # for how long a deleted run can be brought back
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
MOST_AT_ONCE = max(1, CORES // 2)


def start_run(
    name: str,
    data: Sequence[Path | str],
    recipe_name: str,
    changes: Mapping[str, Any],
    *,
    held_out: int = 10,
    threads: int | None = None,
) -> Run:
    """Start training in a process of its own, which outlives this one.

    Args:
        name: what the run is called; also its folder.
        data: folders of pictures.
        recipe_name: a key of RECIPES.
        changes: fields of the recipe that are different, with their values.
        held_out: pictures per class to measure on, where the data has no test split.
        threads: for torch; by default so many that the app and other runs have room.

    Raises:
        ValueError: if the name, the recipe or the data cannot be used, or too many runs are going on; one sentence.
        NotAllowedError: if it would take more memory, time or disk than a training here may.
        OSError: if the process cannot be started.
    """
    if recipe_name not in RECIPES:
        raise ValueError(f"there is no recipe {recipe_name!r}, there are {', '.join(RECIPES)}")
    recipe = RECIPES[recipe_name].with_values(changes)
    folders = [Path(folder).absolute() for folder in data]
    if not folders:
        raise ValueError("there is nothing to learn from: choose a folder of images")
    if missing := [folder for folder in folders if not folder.is_dir()]:
        raise ValueError(f"{missing[0]} is not a folder on this machine")
    runs_folder().mkdir(parents=True, exist_ok=True)
    _check_estimate(name, recipe, folders, held_out, threads)
    with FileLock(runs_folder() / STARTING, timeout=10):
        check_name(name)
        threads = threads or _threads(_check_room())
        path = runs_folder() / name
        path.mkdir()
        command = training_command(path, folders, recipe_name, changes, held_out=held_out, threads=threads)
        settings = _settings(recipe_name, changes, folders, held_out)
        try:
            _launch(path, settings | {"command": command})
        except OSError:
            shutil.rmtree(path)
            raise
    return Run(path)


def resume_run(run: Run, *, threads: int | None = None) -> None:
    """Go on with a run from where it last saved, or from its beginning if it had not come so far.

    Raises:
        ValueError: if it runs, has finished, or too many runs are going on.
        NotAllowedError: if it takes more than a training here may.
        OSError: if the process cannot be started.
    """
    with FileLock(runs_folder() / STARTING, timeout=10):
        run = open_run(run.name)
        if run.is_example:
            raise ValueError(f"{run.name} is an example that comes with the program: start a run of your own")
        if run.is_alive:
            raise ValueError(f"{run.name} is running already")
        if not run.can_resume:
            raise ValueError(f"{run.name} has finished: start a new run to train for longer")
        _check_estimate(run.name, run.recipe, run.data, run.held_out, threads)
        command = run.command(threads=threads or _threads(_check_room()), resume=True)
        settings = _settings(run.recipe_name, {}, run.data, run.held_out) | dict(run.start)
        _launch(run.path, settings | {"command": command})


def _settings(
    recipe_name: str | None, changes: Mapping[str, Any], data: Sequence[Path], held_out: int
) -> dict[str, Any]:
    names = list(map(str, data))
    return {"recipe_name": recipe_name, "changes": dict(changes), "data": names, "held_out": held_out}


def _launch(path: Path, settings: Mapping[str, Any]) -> None:
    """Note the settings in the run's folder, then start their command."""
    write_object(path / START, {"started": time.time(), **settings, "facts_before": facts_time(path)})
    processes.launch(path, settings["command"])


def stop_run(run: Run) -> bool:
    """Ask a run to save and end, which takes it a moment; whether there was a process to ask."""
    return processes.ask_to_stop(run.path)


def delete_run(run: Run) -> str:
    """Put a run aside; ``undo_delete`` with what this returns brings it back for a day.

    Raises:
        ValueError: if it is running, is no more, or is an example.
    """
    if run.is_example:
        raise ValueError(f"{run.name} is an example that comes with the program: it stays")
    with FileLock(runs_folder() / STARTING, timeout=10):
        if run.is_alive:
            raise ValueError(f"{run.name} is running: stop it first")
        if not is_run_folder(run.path):
            raise ValueError(f"there is no run {run.name!r} any more")
        aside = runs_folder() / DELETED
        aside.mkdir(exist_ok=True)
        for _, path in deleted_paths():
            if time.time() - _deleted_at(path) > KEPT_SECONDS:
                shutil.rmtree(path, ignore_errors=True)
        token = f"{run.name}@{time.time():.6f}"
        os.rename(run.path, aside / token)
    return token


def undo_delete(token: str) -> Run:
    """Bring a deleted run back.

    Raises:
        LookupError: if it is not there any more.
        ValueError: if another run has taken its name.
    """
    with FileLock(runs_folder() / STARTING, timeout=10):
        name, path = token.rpartition("@")[0], runs_folder() / DELETED / token
        if path not in [kept for _, kept in deleted_paths()]:
            raise LookupError(f"the run {name[:60]!r} cannot be brought back any more")
        check_name(name)
        os.rename(path, runs_folder() / name)
    return Run(runs_folder() / name)


def deleted_runs() -> dict[str, str]:
    """The runs that ``undo_delete`` can bring back: token and name, deleted last first."""
    found = sorted(deleted_paths(), key=lambda entry: _deleted_at(entry[1]), reverse=True)
    return {path.name: name for name, path in found if time.time() - _deleted_at(path) <= KEPT_SECONDS}


def _check_estimate(
    name: str, recipe: TrainingConfig, data: Sequence[Path], held_out: int, threads: int | None
) -> None:
    """Refuse a run that takes too much. What cannot be estimated cannot be trained either: the run will say why."""
    try:
        estimate = estimate_run(recipe, data, held_out, threads or _threads(0))
    except (ValueError, OSError):
        return
    allow_training(name, estimate, runs_folder())


def _check_room() -> int:
    """How many runs are going on; refused if these are as many as the machine bears."""
    running = [run.name for run in list_runs() if run.is_alive]
    if len(running) >= MOST_AT_ONCE:
        raise ValueError(
            f"this machine has {CORES} cores and trains {MOST_AT_ONCE} model{'s' if MOST_AT_ONCE > 1 else ''} at a "
            f"time: wait for {', '.join(running)} to end, or stop {'one of them' if len(running) > 1 else 'it'}"
        )
    return len(running)


def _threads(running: int) -> int:
    """Half of the cores, shared with the runs that are going on, so that the app can answer."""
    return max(1, CORES // 2 // (running + 1))


def _deleted_at(path: Path) -> float:
    try:
        return float(path.name.rpartition("@")[2])
    except ValueError:
        return 0.0
