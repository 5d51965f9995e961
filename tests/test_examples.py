"""The runs that come with the program: small, marked, untouchable, and what they say is what their weights do."""

import json
import shlex
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest

from explainer.app import checkpoints
from explainer.app.transfer.comparison import list_comparisons
from tests.test_pages import app, markup
from vit_core import load
from vit_core.pictures import open_picture
from vit_core.training.data.toy import make_toy_pictures
from vit_core.training.examples import RECIPES, command
from vit_core.training.runs import control as runs
from vit_core.training.runs import listing
from vit_core.training.runs.run import EXAMPLES

MOST_BYTES = 2_000_000


@pytest.fixture(autouse=True)
def _no_runs_of_ones_own(own_folders: Path) -> None:
    checkpoints._latest_of_runs.clear()


def test_they_are_small_sound_and_finished() -> None:
    assert sum(path.stat().st_size for path in EXAMPLES.rglob("*") if path.is_file()) <= MOST_BYTES
    found = {run.name: run for run in listing.list_examples()}
    assert found.keys() == RECIPES.keys()
    for run in found.values():
        assert (run.status, run.damage, run.is_example) == ("finished", (), True)
        assert run.metrics().last_step == run.facts["total_steps"]
        assert run.total_epochs == len(run.metrics().epochs)


@pytest.mark.parametrize("name", RECIPES)
def test_the_card_says_the_command_and_nothing_of_the_machine_it_ran_on(name: str) -> None:
    typed = shlex.join(command(name))
    assert listing.open_run(name).facts["command"] == typed
    assert typed in (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for path in (EXAMPLES / name).rglob("*.json*"):
        said = path.read_text(encoding="utf-8")
        assert not any(folder in said for folder in ("/home/", "/tmp/", "/root", "/work"))


@pytest.mark.parametrize("epoch", [0, 40])
def test_what_was_measured_is_what_the_weights_do(epoch: int) -> None:
    """On the pictures that the run was measured on; half precision may turn one that was undecided."""
    run = listing.open_run("example")
    model, card = load(run.epoch_file(epoch))
    files = sorted((make_toy_pictures() / "test").glob("*/*.png"))
    pictures = torch.stack([card.preprocess(open_picture(path)) for path in files])
    with torch.no_grad():
        answers = model(pictures).argmax(-1)
    shown = [path.parent.name.replace("_", " ") for path in files]
    right = sum(card.labels[answer] == name for answer, name in zip(answers, shown, strict=True))
    if epoch == 0:
        assert right == 20  # the head is all zeros: always the first class
        return
    said = run.metrics().epochs[-1]["validation"]
    assert abs(right - said["top1"] * said["pictures"]) <= 1.001
    assert right >= 40  # chance is 20 of 60


def test_they_are_not_the_readers_own() -> None:
    example = listing.open_run("example")
    assert listing.list_runs() == []
    assert [run.name for run in listing.all_runs()] == sorted(RECIPES)
    assert not example.can_resume
    for action in (runs.delete_run, runs.resume_run):
        with pytest.raises(ValueError, match="with the program"):
            action(example)
    with pytest.raises(ValueError, match="name of an example"):
        listing.check_name("Example")
    assert not (listing.runs_folder() / ".deleted").exists()


def test_a_run_of_ones_own_stands_before_them_and_hides_one_of_its_name() -> None:
    own = listing.runs_folder() / "example"
    own.mkdir(parents=True)
    (own / "run.json").write_text(json.dumps({"recipe_name": "mini", "outcome": "finished"}))
    found = listing.all_runs()
    assert [run.name for run in found] == ["example", "scratch-0", "transfer-0"]
    assert not found[0].is_example and not listing.open_run("example").is_example


def test_a_first_visit_to_train_finds_curves() -> None:
    at = app("train")
    assert len(at.metric) == 3
    assert "An included example" in " ".join(each.value for each in at.caption)
    keys = {button.key for button in at.button}
    assert not {"delete_run_example", "resume_run_example"} & keys
    assert not at.error and not at.warning
    assert "--data" in at.code[0].value


def test_a_first_visit_to_transfer_finds_both_runs() -> None:
    assert list(list_comparisons()) == [0]
    shown = markup(app("transfer"))
    assert "Transfer has **" in shown and "of 60** right, from scratch **" in shown


def test_a_first_visit_to_metric_and_epochs_finds_the_example() -> None:
    at = app("metric")
    assert "No run has been trained" not in " ".join(each.value for each in at.info)
    assert "of the 60 images are right" in markup(at)
    at = app("epochs")
    assert not at.info
    assert at.query_params["run"] == "example"


def test_an_epoch_opens_where_it_was_looked_at_and_the_way_leads_back() -> None:
    at = app("epochs", epoch="5", layer="2", head="3")
    at.button(key="open_example").click().run()
    assert not at.exception
    assert at.title[0].value == "Attention"
    assert at.query_params["checkpoint"] == "run:example:5"
    assert (at.session_state["layer"], at.session_state["head"]) == (2, 3)
    assert "These are the weights after epoch 5 of the run example." in [each.value for each in at.caption]
    back = next(link for link in at.get("page_link") if link.proto.label == "Back to its epochs")
    assert "run=example" in back.proto.query_string and "epoch=5" in back.proto.query_string


def test_compare_opens_on_a_pair_that_differs() -> None:
    at: AppTest = app("compare")
    assert at.query_params["other_picture"] == "cat"
    assert "One model, two images" in markup(at)
    assert "none differs" not in markup(at)
