"""Runs started, stopped, resumed, deleted and brought back, by buttons; what goes wrong is one sentence."""

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from explainer.views.wording import sentence
from pages.datasets import Dataset, inspection
from pages.recipe_form import Choice
from vit_core.training import runs
from vit_core.training.run import METRICS
from vit_core.training.runs import Run

SHOWN = "runs"  # the runs that are looked at, in the URL
_PROBLEM = "run_problem"  # a sentence to say once
_STARTED = "runs_started"  # by this session


def show_start(data: Dataset | None, choice: Choice | None) -> None:
    """The name, how much there is to do, and the button that starts the run."""
    found = inspection(data) if data else None
    if found and found.errors:
        st.error(" ".join(f"{sentence(error).rstrip('.')}." for error in found.errors), icon=":material/photo_library:")
        data = None
    elif found and choice:
        steps = choice.recipe.total_steps(found.total("train"))
        st.caption(
            f"{found.total('train'):,} pictures of {len(found.class_names)} classes to learn from, "
            f"{found.total('test'):,} to measure on: {steps:,} steps of up to {choice.recipe.batch_size:,} pictures."
        )
    suggested = runs.free_name(choice.name if choice else "run")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        # A new key after every start: the field forgets the last name.
        key = f"run_name_{st.session_state.get(_STARTED, 0)}"
        name = st.text_input("Name", placeholder=suggested, key=key, width=280, max_chars=60) or suggested
        st.button(
            "Start", type="primary", icon=":material/play_arrow:", disabled=data is None or choice is None,
            on_click=_start, args=(name, data, choice), key="start_run",
        )  # fmt: skip
    show_problem()


def show_controls(run: Run) -> None:
    """What can be done with this run now."""
    if run.is_alive:
        asked = run.is_stopping
        st.button(
            "Stopping…" if asked else "Stop", icon=":material/stop:", disabled=asked, key="stop_run",
            help="It saves and ends; Resume goes on from there.", on_click=_do, args=(runs.stop_run, run),
        )  # fmt: skip
    elif run.can_resume:
        st.button(
            "Resume", icon=":material/resume:", key="resume_run", help="From the last step that was saved.",
            on_click=_do, args=(runs.resume_run, run),
        )  # fmt: skip
    _show_downloads(run)
    if not run.is_alive:
        st.button(
            "Delete", icon=":material/delete:", key="delete_run", help="It can be brought back for a day.",
            on_click=_delete, args=(run,),
        )  # fmt: skip


def show_problem() -> None:
    """Why the last button did nothing, said once."""
    if problem := st.session_state.pop(_PROBLEM, ""):
        st.error(problem, icon=":material/error:")


def show_deleted() -> None:
    """What was deleted lately, to bring back."""
    deleted = runs.deleted_runs()
    if not deleted:
        return
    with st.popover(f"Deleted ({len(deleted)})", icon=":material/restore_from_trash:"):
        st.caption("Kept for a day.")
        for token, name in deleted.items():
            st.button(f"Bring back {name}", key=f"undo_{token}", on_click=_undo, args=(token,))


def _show_downloads(run: Run) -> None:
    saved = run.saved_epochs()
    with st.popover("Download", icon=":material/download:"):
        st.download_button(
            "Measurements (metrics.jsonl)", lambda: _bytes(run.path / METRICS), f"{run.name}-metrics.jsonl",
            "application/jsonl", on_click="ignore", key="download_metrics",
            disabled=not (run.path / METRICS).exists(),
        )  # fmt: skip
        if saved:
            st.download_button(
                f"Weights after epoch {saved[-1]}, with their card (zip)", lambda: weights_zip(run, saved[-1]),
                f"{run.name}-epoch-{saved[-1]}.zip", "application/zip", on_click="ignore", key="download_weights",
            )  # fmt: skip
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
        runs.start_run(name, [data.path] if data.path else [], choice.name, choice.changes)
        st.session_state[SHOWN] = [name]
        st.session_state[_STARTED] = st.session_state.get(_STARTED, 0) + 1

    _say_problems("The run was not started", start)


def _do(action: Callable[[Run], Any], run: Run) -> None:
    _say_problems(f"Nothing was done to {run.name}", lambda: action(run))


def _delete(run: Run) -> None:
    def delete() -> None:
        runs.delete_run(run)
        st.session_state[SHOWN] = [name for name in st.session_state.get(SHOWN, []) if name != run.name]

    _say_problems(f"{run.name} was not deleted", delete)


def _undo(token: str) -> None:
    def undo() -> None:
        st.session_state[SHOWN] = [runs.undo_delete(token).name]

    _say_problems("The run was not brought back", undo)


def _say_problems(what: str, action: Callable[[], None]) -> None:
    try:
        action()
    except (ValueError, LookupError, OSError) as error:
        st.session_state[_PROBLEM] = f"{what}: {error}."


def status_words(run: Run, facts: Mapping[str, Any]) -> str:
    """How the run is doing, as the page prints it."""
    return {
        "starting": ":material/hourglass_top: starting",
        "running": ":material/directions_run: running",
        "finished": ":material/check_circle: finished",
        "stopped": ":material/pause_circle: stopped",
        "failed": ":material/error: failed",
    }[run.status] + (f" · {facts['recipe_name']}" if facts.get("recipe_name") else "")
