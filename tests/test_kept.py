"""What is kept on the disk: quotas, free space, a full disk, who may remove what, and the command that clears."""

import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from explainer.__main__ import main as explainer
from explainer.app.data import own as own_datasets
from vit_core import kept
from vit_core.allowance import FREE_DISK, OPENED, UPLOADS, WEIGHTS, NotAllowedError, allow_disk
from vit_core.training.__main__ import main as train
from vit_core.training.checkpointing import read_state
from vit_core.training.data.archives import pictures_folder
from vit_core.training.data.datasets import add_zip, datasets, note_giver, was_given_by
from vit_core.training.runs import processes
from vit_core.training.runs.files import STATE
from vit_core.training.runs.listing import runs_folder
from vit_core.training.runs.run import Run
from vit_core.weights.downloads import DownloadError, _check_space
from vit_core.weights.own_files import make_room

MINE, ANOTHER = "0" * 32, "1" * 32  # keys of two browsers

pytestmark = pytest.mark.usefixtures("own_folders")


def zipped(colour: str = "red") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for split in ("train", "test"):
            for name in ("cat", "dog"):
                for number in range(2):
                    picture = io.BytesIO()
                    Image.new("RGB", (16 + number, 16), colour if name == "cat" else "white").save(picture, "PNG")
                    archive.writestr(f"{split}/{name}/{number}.png", picture.getvalue())
    return buffer.getvalue()


def full(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": free}))


@pytest.mark.parametrize("what", ["zip", "opened", "download"])
def test_nothing_is_written_where_the_disk_is_nearly_full(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some megabytes stay free for the system, whoever asks."""
    full(monkeypatch, int(FREE_DISK.most * 1e6) + 100)
    folder = tmp_path / "cache"
    folder.mkdir()
    with pytest.raises((NotAllowedError, DownloadError), match=r"on the disk, and 0 MB may be used: 500 MB stay free"):
        match what:
            case "zip":
                add_zip(zipped(), "mine")
            case "opened":
                make_room(folder, 1000, 10**9)
            case "download":
                _check_space(folder / "weights.part", 1000)
    assert not list(pictures_folder().glob("zip-*"))


def test_downloaded_weights_have_a_quota(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder := tmp_path / "cache").mkdir()
    (folder / "kept.safetensors").write_bytes(bytes(600_000))
    monkeypatch.setenv(WEIGHTS.variable, "1")
    _check_space(folder / "other.npz.part", 300_000)
    with pytest.raises(DownloadError, match=r"other.npz would take about 1 MB with what is kept already.*at most 1 MB"):
        _check_space(folder / "other.npz.part", 500_000)


def test_zips_that_were_put_aside_count_until_they_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removing and giving again would otherwise fill the disk."""
    size = kept.bytes_below(add_zip(zipped(), "first").path or Path())
    monkeypatch.setenv(UPLOADS.variable, str(1.5 * size / 1e6))
    from vit_core.training.data.datasets import remove_dataset

    [given] = [each for each in datasets().values() if each.name.startswith("zip-")]
    remove_dataset(given)
    with pytest.raises(NotAllowedError, match=UPLOADS.variable):
        add_zip(zipped("blue"), "second")


def test_a_quota_names_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OPENED.variable, "2")
    allow_disk("the file", 10**6, tmp_path, OPENED, 10**6)
    with pytest.raises(NotAllowedError, match=r"at most 2 MB are allowed here \(VIT_EXPLAINER_OPENED_MB\)"):
        allow_disk("the file", 10**6, tmp_path, OPENED, 1_500_000)


# A disk that is full


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 90 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=90m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("only root may mount a small disk, and not everywhere")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_run_on_a_full_disk_says_so_and_keeps_its_last_state(
    small_disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Mini/8 with AdamW saves 58 MB, once: the second state has no room beside the first."""
    run = small_disk / "run"
    pictures = add_zip(zipped(), "mine").path
    command = [
        "--data",
        str(pictures),
        "--output",
        str(run),
        "--recipe",
        "scratch-small",
        "--image-size",
        "16",
        "--epochs",
        "3",
        "--batch-size",
        "4",
        "--threads",
        "1",
    ]
    assert train(command) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: the disk of ") and "is full: delete what is not needed any more" in said
    assert "Serializ" not in said and "Errno" not in said
    _, facts = read_state(run)  # whole
    assert facts["step"] == 1 and not list(run.rglob("*.partial"))
    assert Run(run).problem.startswith("the disk of ") and Run(run).status == "failed" and Run(run).can_resume
    moved = shutil.copytree(run, tmp_path / "moved")  # to a disk that has room
    assert train(["--resume", *command[:3], str(moved), *command[4:]]) == 0
    assert read_state(moved)[1]["step"] == 3 and (moved / STATE).is_file()


# Who may remove what


def offered(monkeypatch: pytest.MonkeyPatch, key: str | None, name: str, given: tuple[str, ...] = ()) -> bool:
    """Whether a new session, of a browser elsewhere, is offered to remove a data set."""
    monkeypatch.setattr(own_datasets, "is_on_this_machine", lambda: False)
    monkeypatch.setattr(own_datasets, "reader_key", lambda: key)
    at = AppTest.from_file("../pages/frame.py", default_timeout=120)
    at.query_params["data"] = name
    at.session_state["datasets_given"] = given
    at.run()
    at.switch_page("data.py").run()
    assert not at.exception
    return any(button.label == "Remove" for button in at.button)


def test_whoever_gave_a_zip_may_remove_it_after_a_reload_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    name = add_zip(zipped(), "mine").name
    assert not offered(monkeypatch, MINE, name)
    assert offered(monkeypatch, MINE, name, given=(name,))  # the session that brought it; from now on it is noted
    assert offered(monkeypatch, MINE, name)  # after a reload
    assert not offered(monkeypatch, ANOTHER, name) and not offered(monkeypatch, None, name)


def test_a_key_is_kept_as_its_digest() -> None:
    data = add_zip(zipped(), "mine")
    note_giver(data, MINE)
    assert was_given_by(data, MINE) and not was_given_by(data, ANOTHER)
    assert data.path and not any(MINE in each.read_text() for each in data.path.iterdir() if each.is_file())


# The command


def test_the_command_lists_what_is_kept_and_clears_what_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add_zip(zipped(), "holiday pictures")
    (pictures_folder().parent / "huggingface.co--model.safetensors").write_bytes(bytes(2_000_000))
    for name in ("done", "going on"):
        (runs_folder() / name).mkdir(parents=True)
        (runs_folder() / name / "start.json").write_text(json.dumps({"recipe_name": "mini"}))
    monkeypatch.setattr(processes, "is_training", lambda run: run.name == "going on")
    assert explainer(["kept"]) == 0
    said = capsys.readouterr().out
    assert "holiday pictures" in said and "2.0 of at most 30,000 MB (VIT_EXPLAINER_WEIGHTS_MB)" in said
    assert "going on  (running)" in said
    assert explainer(["kept", "--clear", "weights"]) == 2  # nobody is there to ask
    assert "would be deleted for good: add --yes" in capsys.readouterr().err
    assert len(kept.kept_of("weights")) == 1
    assert explainer(["kept", "--clear", "weights", "runs", "--yes"]) == 0
    assert kept.kept_of("weights") == []
    assert [each.name for each in kept.kept_of("runs")] == ["going on"]  # its process writes there
    assert [each.name for each in kept.kept_of("uploads")] == ["holiday pictures"]


def test_what_is_cleared_is_what_is_counted() -> None:
    assert set(kept.KINDS) == {"uploads", "weights", "runs", "opened"}
    assert explainer(["kept", "--clear", "everything"]) == 2
