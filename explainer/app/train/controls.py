"""Runs started, stopped, resumed, deleted and brought back, by buttons; each problem is one sentence."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from explainer.app.data.choice import held_out
from explainer.app.data.datasets import inspection
from explainer.app.foreign import plain
from explainer.app.server.downloads import offer_file
from explainer.app.state import attempt, show_problem
from explainer.course.recipes import Choice
from explainer.notation.wording import sentence
from vit_core.allowance import NotAllowedError
from vit_core.training.data.datasets import Dataset
from vit_core.training.data.inspection import Inspection
from vit_core.training.runs import control as runs
from vit_core.training.runs.estimate import allow_training, estimate_training
from vit_core.training.runs.listing import free_name, runs_folder
from vit_core.training.runs.run import METRICS, Run
from vit_core.training.start import sizes

SHOWN = "runs"  # the runs that are looked at, in the URL
PROBLEM = "run_problem"  # a sentence to show once
_STARTED = "runs_started"  # by this session
STATES = {  # how a run is doing, as the pages print it
    "starting": ":material/hourglass_top: starting",
    "running": ":material/directions_run: running",
    "finished": ":material/check_circle: finished",
    "stopped": ":material/pause_circle: stopped",
    "failed": ":material/error: failed",
    "damaged": ":material/broken_image: damaged",
}


def show_start(data: Dataset | None, choice: Choice | None) -> None:
    """The name, the amount of work, and the button that starts the run."""
    found = inspection(data) if data else None
    if found and found.errors:
        sentences = " ".join(f"{sentence(error).rstrip('.')}." for error in found.errors)
        st.error(plain(sentences), icon=":material/photo_library:")
        data = None
    elif found and choice:
        steps = choice.recipe.total_steps(found.total("train"))
        st.caption(
            f"{found.total('train'):,} images of {len(found.class_names)} classes to learn from, "
            f"{found.total('test'):,} to measure on: {steps:,} steps of up to {choice.recipe.batch_size:,} images. "
            f"{plain(_takes(found, choice))}"
        )
    suggested = free_name(choice.name if choice else "run")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        # A new key after every start: the field forgets the last name.
        key = f"run_name_{st.session_state.get(_STARTED, 0)}"
        name = st.text_input("Name", placeholder=suggested, key=key, width=280, max_chars=60) or suggested
        # Asked here, not in a callback: its arguments would be those of the run of the script before, without what was
        # typed last.
        is_asked = st.button(
            "Start",
            type="primary",
            icon=":material/play_arrow:",
            disabled=data is None or choice is None,
            key="start_run",
        )
    if is_asked and data is not None and choice is not None:
        _start(name, data, choice)
        st.rerun()
    show_problem(PROBLEM)


def _takes(found: Inspection, choice: Choice) -> str:
    """Sentences on the memory and space that the run would take, and a warning where that is too much."""
    try:
        config = sizes(choice.recipe, len(found.class_names))
        takes = estimate_training(config, choice.recipe, max(1, found.total("train")), found.total("test"))
        runs_folder().mkdir(parents=True, exist_ok=True)
        allow_training("of this recipe", takes, runs_folder())
    except NotAllowedError as error:
        return f"{takes.sentence} :red[Start will refuse it: {error}.]"
    except (ValueError, OSError, LookupError):  # the run itself will report why it cannot be trained
        return ""
    return takes.sentence


def show_controls(run: Run) -> None:
    """The buttons for this run in its present state."""
    if run.is_alive:
        asked = run.is_stopping
        st.button(
            "Stopping…" if asked else "Stop",
            icon=":material/stop:",
            disabled=asked,
            key=f"stop_run_{run.name}",
            help="It saves and ends; Resume goes on from there.",
            on_click=_do,
            args=(runs.stop_run, run),
        )
    elif run.can_resume:
        st.button(
            "Resume",
            icon=":material/resume:",
            key=f"resume_run_{run.name}",
            help="From the last step that was saved.",
            on_click=_do,
            args=(runs.resume_run, run),
        )
    _show_downloads(run)
    if not run.is_alive and not run.is_example:
        st.button(
            "Delete",
            icon=":material/delete:",
            key=f"delete_run_{run.name}",
            help="It can be brought back for a day.",
            on_click=_delete,
            args=(run,),
        )


def run_title(run: Run) -> str:
    """The name of a run in a list, with what has to be known before it is chosen."""
    if run.is_example:
        return f"{run.name} · came with the program"
    return f"{run.name} · damaged" if run.status == "damaged" else run.name


def show_damage(run: Run, most: int = 6) -> None:
    """The damage to a run's folder, and the remedy."""
    problems = run.damage
    rest = f"\n- and {len(problems) - most} more" if len(problems) > most else ""
    listing = "\n".join(f"- {plain(problem)}" for problem in problems[:most])
    st.error(
        f"The folder of {plain(run.name)} is damaged. The intact parts are shown and can be used; Delete puts all of "
        f"it aside for a day.\n{listing}{rest}",
        icon=":material/broken_image:",
    )


def show_deleted() -> None:
    """The runs deleted lately, to bring back."""
    deleted = runs.deleted_runs()
    if not deleted:
        return
    with st.popover(f"Deleted ({len(deleted)})", icon=":material/restore_from_trash:"):
        st.caption("Kept for a day.")
        for token, name in deleted.items():
            st.button(f"Bring back {plain(name)}", key=f"undo_{token}", on_click=_undo, args=(token,))


def _show_downloads(run: Run) -> None:
    saved = run.saved_epochs()
    with st.popover("Download", icon=":material/download:"):
        measurements = run.path / METRICS
        offer_file(
            "Measurements (metrics.jsonl)",
            lambda: _bytes(measurements),
            f"{run.name}-metrics.jsonl",
            "application/jsonl",
            key="download_metrics",
            icon=None,
            disabled=not measurements.exists(),
        )
        if saved:
            offer_file(
                f"Weights after epoch {saved[-1]:d}, with their card (zip)",
                lambda: weights_zip(run, saved[-1]),
                f"{run.name}-epoch-{saved[-1]}.zip",
                "application/zip",
                key="download_weights",
                icon=None,
            )
        else:
            st.caption("No weights have been saved yet.")


def weights_zip(run: Run, epoch: int) -> bytes:
    """The weights of an epoch and their card, in one file; ``vit_core.load`` opens what is in it."""
    path = run.epoch_file(epoch)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for file in (path, path.with_suffix(".json")):
            archive.write(file, f"{run.name}-epoch-{epoch}{file.suffix}")
    return buffer.getvalue()


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _start(name: str, data: Dataset, choice: Choice) -> None:
    def start() -> None:
        runs.start_run(name, [data.path] if data.path else [], choice.name, choice.changes, held_out=held_out())
        st.session_state[SHOWN] = [name]
        st.session_state[_STARTED] = st.session_state.get(_STARTED, 0) + 1

    attempt(PROBLEM, "The run was not started", start)


def _do(action: Callable[[Run], Any], run: Run) -> None:
    attempt(PROBLEM, f"Nothing was done to {run.name}", lambda: action(run))


def _delete(run: Run) -> None:
    def delete() -> None:
        runs.delete_run(run)
        st.session_state[SHOWN] = [name for name in st.session_state.get(SHOWN, []) if name != run.name]

    attempt(PROBLEM, f"{run.name} was not deleted", delete)


def _undo(token: str) -> None:
    def undo() -> None:
        st.session_state[SHOWN] = [runs.undo_delete(token).name]

    attempt(PROBLEM, "The run was not brought back", undo)
