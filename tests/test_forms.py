"""What was typed or chosen last counts for the button that is pressed at once, without leaving the field first.

The browser then sends the value and the click with one run of the script, or one run is broken off for the next: the
arguments that a callback was given are those of the run before.
"""

import ast
import shutil
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explainer.app.break_it import state as break_it_state
from explainer.app.transfer import comparison
from explainer.break_it.bugs import BUGS
from explainer.break_it.progress import NEVER
from tests.app_files import app_files, short
from tests.test_pages import app
from vit_core.training.data.datasets import add_folder
from vit_core.training.data.toy import make_toy_pictures
from vit_core.training.runs import control as runs
from vit_core.training.runs import listing

ROOT = Path(__file__).parents[1]

# Callbacks that are given more than constants: what the button's own label names, or the widget that they belong to.
OF_THE_BUTTON = {
    ("data.own", "upload"),
    ("data.own", "path"),
    ("data.datasets", "key"),
    ("predict.chooser", "key"),
    ("doctor.choice", "key"),
    ("server.upload_boxes", "key"),
    ("break_it.parts", "name"),
    ("break_it.parts", "step"),
    ("predict.cards", "sample"),
    ("predict.cards", "place"),
    ("what_if.running", "key"),
    ("what_if.running", "experiment"),
    ("train.controls", "run"),
    ("train.controls", "token"),
    ("transfer.runs", "number"),
    # the sizes that the field's own limits were made of
    ("shapes.controls", "name"),
    ("shapes.controls", "key"),
    ("shapes.controls", "start"),
}


pytestmark = pytest.mark.usefixtures("own_folders")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What would have been trained: no process is started, its folder is as the real one at its beginning."""
    asked: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(runs.processes, "launch", lambda path, command: asked.append((path.name, command)))
    return asked


def word_after(command: Any, option: str) -> str:
    return str(command[command.index(option) + 1])


def field(at: AppTest, label: str) -> Any:
    return next(each for each in at.number_input if label in each.label)


def test_start_trains_by_what_was_typed_last(started: list[tuple[str, Any]]) -> None:
    at = app("train")
    field(at, "Epochs").set_value(3)
    next(each for each in at.text_input if each.label == "Name").set_value("typed")
    at.button(key="start_run").click().run()
    assert not at.exception
    [(name, command)] = started
    assert name == "typed"
    assert word_after(command, "--epochs") == "3"
    assert listing.open_run("typed").recipe.epochs == 3
    assert at.query_params["runs"] == "typed"


def test_start_does_not_train_by_the_recipe_before_when_what_was_typed_is_impossible(
    started: list[tuple[str, Any]],
) -> None:
    at = app("train")
    field(at, "Batch size").set_value(0)
    at.button(key="start_run").click().run()
    assert not at.exception
    assert started == []
    assert "batch_size must be at least 1" in at.warning[0].value


def test_transfer_trains_by_what_was_typed_last(
    started: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "_start_second", lambda number, *_: comparison.forget(number))
    at = app("transfer")
    at.number_input(key="transfer_epochs").set_value(3)
    at.button(key="transfer_start").click().run()
    assert not at.exception
    [(name, command)] = started
    assert name == "transfer-1"
    assert word_after(command, "--epochs") == "3"


def test_remove_removes_the_pictures_that_are_chosen_now(tmp_path: Path) -> None:
    toy = make_toy_pictures()
    for name in ("one", "two"):
        (tmp_path / name).symlink_to(toy)
    first, second = (add_folder(tmp_path / name) for name in ("one", "two"))
    at = app("data", data=first.name)
    at.session_state["datasets_given"] = (first.name, second.name)
    at.run()
    choice = next(each for each in at.selectbox if each.label == "Images to learn from")
    choice.set_value(second.name)
    next(each for each in at.button if each.label == "Remove").click().run()
    assert not at.exception
    assert at.session_state["dataset_removed"].name == second.name


def test_remember_this_remembers_the_number_that_was_typed_last() -> None:
    at = app("shapes")
    at.segmented_control(key="shapes_kind").set_value("Exact numbers").run()
    at.number_input(key="shapes_number_batch").set_value(7)
    at.button(key="shapes_remember").click().run()
    assert not at.exception
    assert "batch=7" in at.query_params["against"]


def test_the_order_that_was_typed_last_is_taken_over_from_an_experiment() -> None:
    at = app("what_if", experiment="Shuffle the patches")
    at.number_input(key="experiment_seed").set_value(7)
    next(each for each in at.button if each.label == "Make these changes above").click().run()
    assert not at.exception
    assert "shuffle=7" in at.query_params["changes"]


def test_the_lab_judges_what_was_said_last() -> None:
    at = app("break_it")
    lab: break_it_state.Lab = at.session_state["lab"]
    key = f"lab_guess_{lab.bug}"
    at.selectbox(key=key).set_value(at.selectbox(key=key).options[0]).run()
    at.selectbox(key=key).set_value(NEVER)
    at.button(key="lab_run").click().run()
    assert not at.exception
    assert at.session_state["lab"].prediction == NEVER
    repair = f"lab_repair_{lab.bug}"
    at.radio(key=repair).set_value(0).run()
    at.radio(key=repair).set_value(1)
    at.button(key="lab_try").click().run()
    assert not at.exception
    assert at.session_state["lab"].repair == 1


def test_next_in_the_lab_is_the_one_after_the_mistake_that_was_chosen_last() -> None:
    names = list(BUGS)
    at = app("break_it")
    at.button_group(key="lab_bug").set_value(names[3])
    at.button(key="lab_next").click().run()
    assert not at.exception
    assert at.session_state["lab"].bug == names[4]


def test_callbacks_are_given_nothing_that_another_widget_says() -> None:
    """A callback with arguments belongs to its button; whatever else it needs it reads when it runs."""
    seen = set()
    for name, path in app_files().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and any(each.arg in ("on_click", "on_change") for each in node.keywords):
                given = [each.value for each in node.keywords if each.arg in ("args", "kwargs")]
                seen |= {(short(name), n.id) for each in given for n in ast.walk(each) if isinstance(n, ast.Name)}
    functions = {place for place in seen if place[1] in ("runs",)}  # a module whose function is named
    assert seen - functions - OF_THE_BUTTON == set()


def test_pictures_without_a_test_split_say_how_many_are_held_out_and_the_reader_changes_it(
    tmp_path: Path, started: list[tuple[str, Any]]
) -> None:
    """60 pictures of three classes are 30 and 30 with the usual ten of each class."""
    for kind in (make_toy_pictures() / "test").iterdir():
        shutil.copytree(kind, tmp_path / "own" / kind.name)
    data = add_folder(tmp_path / "own")
    at = app("train", data=data.name)
    said = "so 10 of each class are held out to measure on: of 60 images 30, and 30 are learned from."
    assert said in " ".join(each.value for each in at.caption)
    at.number_input(key="train_data_held_out").set_value(4)
    at.button(key="start_run").click().run()
    assert not at.exception
    assert "of 60 images 12, and 48 are learned from." in " ".join(each.value for each in at.caption)
    [(_, command)] = started
    assert word_after(command, "--held-out") == "4"
    assert at.query_params["held_out"] == "4"
    by_link = app("data", data=data.name, held_out="4")
    assert "of 60 images 12, and 48" in " ".join(each.value for each in by_link.caption)


def test_toy_pictures_have_a_test_split_and_nothing_is_held_out() -> None:
    at = app("train")
    assert "held out to measure on" not in " ".join(each.value for each in at.caption)
    assert "held_out" not in at.query_params
