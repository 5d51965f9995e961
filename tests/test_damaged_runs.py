"""A damaged run hurts itself alone: listed with what is wrong, every page opens, it can be deleted and brought back."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explainer.app import checkpoints
from explainer.app.foreign import plain
from explainer.menu import PAGES
from tests.damaged_runs import DAMAGES, EPOCHS, LABELS, SOUND, make_damaged_runs
from vit_core import load
from vit_core.training.runs import control as runs
from vit_core.training.runs import listing
from vit_core.training.runs.metrics import seconds_left

FRAME = "../pages/frame.py"


@pytest.fixture(autouse=True)
def folder(own_folders: Path) -> Path:
    """A folder with the sound run and all damaged ones."""
    make_damaged_runs(own_folders / "runs")
    checkpoints._latest_of_runs.clear()
    return own_folders / "runs"


def test_all_are_listed_and_those_that_are_damaged_say_what_is_wrong(folder: Path) -> None:
    found = {run.name: run for run in listing.list_runs()}
    assert found.keys() == {SOUND, *DAMAGES}
    assert found[SOUND].damage == () and found[SOUND].status == "finished"
    assert found[SOUND].saved_epochs() == list(range(EPOCHS + 1))
    for name in DAMAGES:
        run = found[name]
        assert run.status == "damaged", name
        assert run.damage, name
        for sentence in run.damage:
            assert "\n" not in sentence and len(sentence) < 400, (name, sentence)
            assert str(folder) not in sentence, (name, sentence)


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_asked_of_a_damaged_run_has_the_right_type(name: str) -> None:
    run = listing.open_run(name)
    assert all(isinstance(label, str) for label in run.labels)
    assert all(isinstance(path, Path) for path in run.data)
    assert 0 <= run.held_out < 10**7
    assert 0.0 <= run.progress_after(run.metrics()) <= 1.0
    assert run.total_epochs >= 0
    left = seconds_left(run.metrics(), run.facts)
    assert left is None or 0 <= left < float("inf")
    assert isinstance(run.problem, str) and isinstance(run.log, str)
    metrics = run.metrics()
    for epoch in metrics.epochs:
        measured = epoch["validation"]
        assert len(measured["predicted"]) == len(run.labels) == len(LABELS)
        assert 0.0 <= measured["top1"] <= 1.0
        assert not abs(measured["loss"]) >= 1e30  # of a run that diverged it is no number
        assert measured["confusion"] is None or [len(row) for row in measured["confusion"]] == [len(LABELS)] * 3
    for number in run.saved_epochs():  # what is listed opens
        load(run.epoch_file(number))
        assert listing.run_checkpoint(f"run:{name}:{number}").labels == LABELS
    assert runs.stop_run(run) is False
    try:
        run.command()
    except ValueError as error:
        assert "\n" not in str(error)


def test_the_sound_part_of_a_damaged_run_stays() -> None:
    """A damaged card takes away its own epoch, not the run's others, nor its curves."""
    run = listing.open_run("card-truncated")
    assert run.saved_epochs() == [0, 1]
    assert len(run.metrics().epochs) == EPOCHS
    assert [sentence for sentence in run.damage if "epoch 2" in sentence]
    assert listing.open_run("facts-truncated").saved_epochs() == [0, 1, 2]


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_run_is_deleted_and_brought_back(folder: Path, name: str) -> None:
    token = runs.delete_run(listing.open_run(name))
    assert name not in {run.name for run in listing.list_runs()}
    assert runs.deleted_runs() == {token: name}
    assert runs.undo_delete(token).damage


def test_stray_files_in_the_folder_of_runs_are_no_runs(folder: Path) -> None:
    before = [run.name for run in listing.list_runs()]
    (folder / "loop").symlink_to("loop")
    (folder / "gone").symlink_to("nowhere")
    (folder / "file").write_text("x")
    (folder / "empty").mkdir()
    assert [run.name for run in listing.list_runs()] == before


def test_a_folder_of_runs_that_is_a_file_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("VIT_EXPLAINER_RUNS", str(tmp_path / "file"))
    assert listing.list_runs() == []
    assert runs.deleted_runs() == {}


def test_a_run_that_is_deleted_while_it_is_read_has_nothing_any_more(folder: Path) -> None:
    run = listing.open_run(SOUND)
    assert run.metrics().epochs and run.saved_epochs()
    shutil.rmtree(run.path)
    assert (run.saved_epochs(), run.metrics().epochs, run.log) == ([], (), "")
    assert run.status and run.problem and not run.is_alive
    with pytest.raises(LookupError, match="there is no run"):
        listing.run_checkpoint(f"run:{SOUND}:1")
    with pytest.raises(LookupError, match="has no weights"):
        run.epoch_file(1)
    with pytest.raises(ValueError, match="there is no run"):
        runs.delete_run(run)


@pytest.fixture
def at() -> AppTest:
    return AppTest.from_file(FRAME, default_timeout=300).run()


def open_page(at: AppTest, page: str, **chosen: Any) -> None:
    """Go to a page with what its widgets are to show; the session stays, as it does for a reader."""
    for name, value in chosen.items():
        at.session_state[name] = value
    at.switch_page(f"{page}.py").run()
    assert not at.exception, (page, chosen, [element.message for element in at.exception])


def test_every_page_opens_beside_them(at: AppTest) -> None:
    assert not at.exception
    for page in PAGES:
        open_page(at, page)


def test_the_pages_of_runs_open_on_each_of_them(at: AppTest) -> None:
    open_page(at, "train")
    for name in DAMAGES:
        at.multiselect(key="runs").set_value([name]).run()
        assert not at.exception, name
        assert any(f"The folder of {plain(name)} is damaged" in each.value for each in at.error), name
        assert f"delete_run_{name}" in {button.key for button in at.button}
    open_page(at, "metric")
    for name in DAMAGES:
        at.selectbox(key="metric_own_run").set_value(name).run()
        assert not at.exception, name
    open_page(at, "epochs")
    for name in DAMAGES:
        if listing.open_run(name).saved_epochs():  # others are not offered there
            at.selectbox(key="run").set_value(name).run()
            assert not at.exception, name
    for name in DAMAGES:
        open_page(at, "attention", checkpoint=f"run:{name}:2")


def test_a_damaged_run_is_deleted_on_its_page_and_brought_back(at: AppTest) -> None:
    open_page(at, "train", runs=["facts-noise"])
    at.button(key="delete_run_facts-noise").click().run()
    assert not at.exception
    [token] = runs.deleted_runs()
    at.button(key=f"undo_{token}").click().run()
    assert not at.exception
    assert any(f"The folder of {plain('facts-noise')} is damaged" in each.value for each in at.error)


def test_a_run_that_is_deleted_between_two_looks_is_left_out(folder: Path, at: AppTest) -> None:
    """The list of checkpoints is looked up every two seconds: what it names may be gone by then."""
    assert "run:sound:2" in checkpoints.listed("embedded")
    shutil.rmtree(folder / SOUND)
    for page in ("predict", "compare", "train", "transfer"):
        open_page(at, page)
