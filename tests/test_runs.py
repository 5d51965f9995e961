"""Runs: real training processes on pictures of a few pixels, and what is left when they are killed or broken."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from vit_core import load
from vit_core.training import RECIPES
from vit_core.training.runs import control as runs
from vit_core.training.runs import listing, processes
from vit_core.training.runs.commands import changes_to, closest_recipe, training_command
from vit_core.training.runs.metrics import Metrics, read_metrics, seconds_left
from vit_core.training.runs.run import Run

TINY = {"image_size": 16, "batch_size": 4, "steps": None, "warmup_steps": 0, "precision": "float32"}
PATIENCE = 120.0  # seconds; a process has to import torch on a machine that may be busy


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("VIT_EXPLAINER_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield
    for run in listing.list_runs():
        if run.is_alive:
            kill(run)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes, bright and dark, 6 + 2 pictures each."""
    root, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for split, count in (("train", 6), ("test", 2)):
        for name, level in (("bright", 180), ("dark", 20)):
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(level, level + 60, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / split / name / f"{number}.png")
    return root


def wait(for_what: Callable[[], Any]) -> None:
    began = time.monotonic()
    while not for_what():
        assert time.monotonic() - began < PATIENCE, "it did not happen"
        time.sleep(0.05)


def kill(run: Run) -> None:
    """kill -9, as far as the process has come."""
    file = run.path / processes.PROCESS
    wait(lambda: file.exists() or not run.is_alive)
    if file.exists() and run.is_alive:
        os.kill(json.loads(file.read_text())["pid"], signal.SIGKILL)
    wait(lambda: not run.is_alive)


def test_a_run_from_start_to_finish_and_back_from_the_dead(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MOST_AT_ONCE", 1)
    # Started by a process that ends at once, as a server that is restarted.
    start = (
        "import sys; from vit_core.training.runs import control as runs; "
        f"runs.start_run('first', [sys.argv[1]], 'mini', {TINY | {'epochs': 1000}!r})"
    )
    subprocess.run([sys.executable, "-c", start, str(pictures)], check=True, cwd=Path(__file__).parents[1])
    run = listing.open_run("first")
    assert run.is_alive
    assert run.recipe == RECIPES["mini"].with_values(TINY | {"epochs": 1000})
    with pytest.raises(ValueError, match="already"):
        runs.start_run("first", [pictures], "mini", TINY)
    with pytest.raises(ValueError, match=r"cores and trains .* at a time: wait for first to end, or stop it"):
        runs.start_run("second", [pictures], "mini", TINY)
    assert not (listing.runs_folder() / "second").exists()

    wait(lambda: len(run.epochs()) >= 2 and 1 in run.saved_epochs())
    assert run.status == "running"
    assert run.labels == ("bright", "dark")
    assert 0 < run.progress_after(run.metrics()) < 1
    assert (seconds_left(run.metrics(), run.facts) or 0) > 0
    epoch = run.epochs()[0]
    assert sum(map(sum, epoch["validation"]["confusion"])) == epoch["validation"]["pictures"] == 4
    with pytest.raises(ValueError, match="running already"):
        runs.resume_run(run)
    with pytest.raises(ValueError, match="stop it first"):
        runs.delete_run(run)
    model, _ = load(run.epoch_file(1))
    assert model.config.num_classes == 2

    wait(lambda: (run.path / "state.safetensors").exists())
    kill(run)
    assert run.status == "failed"
    assert "killed" in run.problem and "\n" not in run.problem
    done = run.metrics().last_step
    runs.resume_run(run)
    wait(lambda: run.status == "running" and run.metrics().last_step > done + 3)
    steps = run.metrics().steps["step"].tolist()
    assert steps == sorted(set(steps))  # what came after the last save was forgotten, and measured again

    assert runs.stop_run(run)
    wait(lambda: not run.is_alive)
    assert run.status == "stopped"
    assert run.can_resume

    before = sorted(path.name for path in run.path.iterdir())
    token = runs.delete_run(run)
    assert listing.list_runs() == []
    assert runs.deleted_runs() == {token: "first"}
    assert listing.free_name("first") == "first-1"
    back = runs.undo_delete(token)
    assert sorted(path.name for path in back.path.iterdir()) == before
    assert back.status == "stopped"
    with pytest.raises(LookupError, match="cannot be brought back"):
        runs.undo_delete(token)


def test_a_run_that_is_starting_stops_when_it_is_asked_to(pictures: Path) -> None:
    run = runs.start_run("hasty", [pictures], "mini", TINY | {"epochs": 1000})
    assert run.status == "starting"  # it takes seconds to import torch
    assert runs.stop_run(run)
    wait(lambda: not run.is_alive)
    assert run.status == "stopped"
    assert run.metrics().last_step == 0
    assert run.can_resume


def test_a_run_that_finishes_and_one_that_cannot_begin(pictures: Path, tmp_path: Path) -> None:
    good = runs.start_run("good", [pictures], "mini", TINY | {"epochs": 2})
    wait(lambda: not good.is_alive)
    assert good.status == "finished"
    assert good.progress_after(good.metrics()) == 1.0
    assert good.saved_epochs() == [0, 1, 2]
    with pytest.raises(ValueError, match="has finished"):
        runs.resume_run(good)
    checkpoint = listing.run_checkpoint(listing.checkpoint_name(good, 2))
    assert checkpoint.name == "run:good:2"
    assert checkpoint.labels == ("bright", "dark")
    assert checkpoint.is_here

    (tmp_path / "one" / "only").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "one" / "only" / "a.png")
    bad = runs.start_run("bad", [tmp_path / "one"], "mini", TINY)
    wait(lambda: not bad.is_alive)
    assert bad.status == "failed"
    assert "class" in bad.problem and "\n" not in bad.problem
    assert [run.name for run in listing.list_runs()] == ["bad", "good"]


def test_the_command_line_trains_the_same(tmp_path: Path) -> None:
    changes = TINY | {"epochs": 3, "clip_norm": None, "crop_scale": (0.5, 1.0), "flip": False}
    recipe = RECIPES["mini"].with_values(changes)
    assert closest_recipe(recipe) == "mini"
    command = training_command(tmp_path / "a run", [tmp_path], "mini", changes_to("mini", recipe), threads=1)
    from vit_core.training.__main__ import _train_parser
    from vit_core.training.runs.commands import recipe_from

    options = _train_parser().parse_args(command[3:])
    assert recipe_from(options) == recipe
    assert (options.output, options.data, options.threads) == (tmp_path / "a run", [tmp_path], 1)


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "a/b", "../up", "a:b", "a b", "-x", "é", "a" * 61, "a\n", "$(x)", "a\0b"]
)
def test_names_with_bad_characters_are_refused(name: str, pictures: Path) -> None:
    with pytest.raises(ValueError, match="a run cannot be called"):
        runs.start_run(name, [pictures], "mini", TINY)
    with pytest.raises(LookupError, match="there is no run"):
        listing.open_run(name)
    assert list(listing.runs_folder().glob("[!.]*")) == []


def test_what_cannot_be_started_says_why(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no recipe 'x', there are"):
        runs.start_run("a", [pictures], "x", {})
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        runs.start_run("a", [pictures], "mini", {"batch_size": 0})
    with pytest.raises(ValueError, match="is not a folder"):
        runs.start_run("a", [tmp_path / "nowhere"], "mini", {})
    with pytest.raises(ValueError, match="nothing to learn from"):
        runs.start_run("a", [], "mini", {})
    assert not (listing.runs_folder() / "a").exists()


def fake(name: str, **facts: Any) -> Run:
    """A run's folder as a process that is gone has left it."""
    path = listing.runs_folder() / name
    path.mkdir(parents=True)
    (path / "run.json").write_text(json.dumps({"outcome": None, **facts}))
    return listing.open_run(name)


def test_a_process_number_that_belongs_to_somebody_else_is_left_alone() -> None:
    run = fake("gone")
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        (run.path / processes.PROCESS).write_text(json.dumps({"pid": stranger.pid}))
        assert not runs.stop_run(run)  # nobody holds the lock
        with FileLock(run.path / processes.LOCK):  # somebody does, but not that process
            assert run.is_running
            assert not runs.stop_run(run)
        assert not run.is_running
        time.sleep(0.2)  # time enough to die from a signal
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_asking_whether_a_run_lives_takes_nothing_from_others() -> None:
    run = fake("asked")
    lock = run.path / processes.LOCK
    lock.touch()
    with lock.open("rb") as one:
        import fcntl

        fcntl.flock(one, fcntl.LOCK_SH)  # somebody else is asking at this moment
        assert not run.is_running


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("finished", "finished"), ("stopped", "stopped"), ("error: no", "failed"), (None, "failed")],
)
def test_how_a_run_ended(outcome: str | None, status: str) -> None:
    run = fake("ended", outcome=outcome)
    assert run.status == status
    assert (run.problem == "no") == (outcome == "error: no")


def test_broken_files_are_no_traceback() -> None:
    run = fake("broken")
    (run.path / "run.json").write_text("{")
    assert run.status == "damaged"
    assert run.labels == ()
    assert run.progress_after(run.metrics()) == 0.0
    assert seconds_left(run.metrics(), run.facts) is None
    with pytest.raises(ValueError, match="does not state its recipe"):
        run.command()
    (run.path / "epochs").mkdir()
    (run.path / "epochs" / "epoch-0001.safetensors").touch()  # its card is not there yet
    assert run.saved_epochs() == []
    with pytest.raises(LookupError, match=r"has no weights of epoch 1: it has saved none yet"):
        run.epoch_file(1)


@pytest.mark.parametrize(
    "name",
    ["run:", "run:x", "run:none:1", "run:x:y", "run:../x:1", "run:x:-1", "run:x:1:2", "run:x:１", "run:x:9999999"],
)
def test_names_of_checkpoints_that_are_none(name: str) -> None:
    with pytest.raises(LookupError, match=r"\w+ \w+") as refusal:
        listing.run_checkpoint(name)
    assert "\n" not in str(refusal.value)


def step(number: int, **more: Any) -> str:
    line = {
        "step": number,
        "loss": 1.0 / number,
        "learning_rate": 0.1,
        "gradient_norm": 2.0,
        "pictures_per_second": 50.0,
        "seconds": 0.5 * number,
    }
    return json.dumps(line | more) + "\n"


def epoch(number: int, at: int) -> str:
    validation = {
        "loss": 1.0,
        "top1": 0.5,
        "top5": 1.0,
        "pictures": 4,
        "batch_mean_top1": 0.5,
        "predicted": [2, 2],
        "confusion": None,
    }
    return json.dumps({"epoch": number, "step": at, "train_loss": 1.0, "validation": validation}) + "\n"


def test_metrics_are_read_from_where_they_were_read_last(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    assert read_metrics(path).last_step == 0
    path.write_text(step(1) + step(2) + epoch(1, 2) + step(3)[:20])
    first = read_metrics(path)
    assert first.steps["step"].tolist() == [1, 2]  # the third is half-written
    assert len(first.epochs) == 1
    assert read_metrics(path, first) is first
    with path.open("a") as file:
        file.write(step(3)[20:] + step(4))
    second = read_metrics(path, first)
    assert second.steps["loss"].tolist() == [1.0, 0.5, 1 / 3, 0.25]
    assert second.epochs == first.epochs
    assert second.last_step == 4


def test_metrics_of_a_resumed_run_are_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(map(step, range(1, 10))))
    before = read_metrics(path)
    partial = tmp_path / "partial"
    partial.write_text("".join(map(step, range(1, 5))))
    os.replace(partial, path)  # a new file: the lines after the last save are gone
    after = read_metrics(path, before)
    assert after.steps["step"].tolist() == [1, 2, 3, 4]
    path.write_text("".join(step(number, loss=7.0) for number in range(1, 12)))  # the same file, other lines
    assert read_metrics(path, before).steps["loss"].tolist() == [7.0] * 11


def test_broken_lines_of_metrics_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(
        step(1).encode()
        + b'{"step": 2, "lo\n'
        + b"\xff\xfe\n"
        + b"[1, 2]\n"
        + b'{"loss": 3}\n'
        + b"\n"
        + b'{"step": 3, "loss": "x"}\n'
        + step(4, gradient_norm=None).encode()
    )
    metrics = read_metrics(path)
    assert metrics.steps["step"].tolist() == [1, 3, 4]
    assert np.isnan(metrics.steps["loss"]).tolist() == [False, True, False]
    assert np.isnan(metrics.steps["gradient_norm"][-1])


def test_time_left_counts_the_time_for_measuring(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    # A step takes half a second and the measuring after every ten steps five: an epoch takes ten.
    lines = [
        step(n, seconds=0.5 * n + 5.0 * ((n - 1) // 10)) + (epoch(n // 10, n) if n % 10 == 0 else "")
        for n in range(1, 41)
    ]
    path.write_text("".join(lines))
    metrics = read_metrics(path)
    left = seconds_left(metrics, {"total_steps": 80})
    assert left == pytest.approx(40.0, rel=0.2)  # four epochs; which part of an epoch was seen last moves it a little
    assert seconds_left(Metrics(), {"total_steps": 80}) is None
    assert metrics.pictures_per_second == pytest.approx(50.0)
