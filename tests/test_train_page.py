"""The Train page and the checkpoints of runs in the explainer, on folders as the trainer leaves them."""

import json
import os
import re
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from explainer.app import checkpoints, kept, session
from explainer.app.foreign import plain
from explainer.app.links.parameters import judge
from explainer.app.server import loopback
from explainer.app.server.store import Store
from explainer.app.state import State
from explainer.app.train.controls import weights_zip
from explainer.app.train.recipe_values import parse, written
from explainer.course.recipes import GROUPS, SOURCES
from explainer.packing import pack
from explainer.panels import Bars, Matrix, Plot
from explainer.views.course import training
from tests.test_pages import app, markup
from vit_core import VisionTransformer
from vit_core.training import RECIPES, TrainingConfig
from vit_core.training.checkpointing import write_weights
from vit_core.training.runs import control as runs
from vit_core.training.runs import listing
from vit_core.training.runs.metrics import Metrics, read_metrics
from vit_core.training.runs.processes import LOG
from vit_core.training.runs.run import Run

LABELS = ("apple", "beet", "chard")
RECIPE = RECIPES["mini"].with_values({"image_size": 16, "steps": None, "epochs": 4, "batch_size": 5})


@pytest.fixture(autouse=True)
def _no_examples(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vit_core.training.runs.listing.EXAMPLES", own_folders / "no-examples")
    checkpoints._latest_of_runs.clear()


def epoch_line(number: int) -> dict[str, Any]:
    table = [[4, 1, 0], [number, 5 - number, 0], [2, 3, 0]]
    right = sum(table[c][c] for c in range(3))
    return {
        "epoch": number,
        "step": 3 * number,
        "train_loss": 2.0 / number,
        "learning_rate": 0.1,
        "seconds": 1.0,
        "train_top1": 0.5,
        "train_batch_mean_top1": 0.52,
        "validation": {
            "loss": 1.5 / number,
            "top1": right / 15,
            "top5": 1.0,
            "pictures": 15,
            "batch_mean_top1": 0.5,
            "predicted": [sum(column) for column in zip(*table, strict=True)],
            "confusion": table,
        },
    }


def step_line(number: int) -> dict[str, Any]:
    return {
        "step": number,
        "loss": 2.0 / number,
        "learning_rate": 0.1,
        "gradient_norm": 1.0 * number,
        "pictures_per_second": 10.0,
        "seconds": 1.0 * number,
    }


def make_run(name: str, epochs: int = 3, seed: int = 0, outcome: str | None = "stopped") -> Run:
    """A run's folder as the trainer leaves it, with weights that nobody has trained."""
    path = listing.runs_folder() / name
    path.mkdir(parents=True)
    facts = {
        "recipe": asdict(RECIPE),
        "recipe_name": "mini",
        "labels": LABELS,
        "data": [str(path)],
        "held_out": 10,
        "pictures": {"train": 15, "test": 15},
        "parameters": {"total": 100, "trainable": 60},
        "total_steps": 12,
        "broken": [],
        "outcome": outcome,
    }
    (path / "run.json").write_text(json.dumps(facts))
    lines = [
        line for n in range(1, epochs + 1) for line in (*map(step_line, (3 * n - 2, 3 * n - 1, 3 * n)), epoch_line(n))
    ]
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    torch.manual_seed(seed)
    config = RECIPE.model_config(3)
    model = VisionTransformer(config)
    torch.nn.init.normal_(model.head.linear.weight)
    for number in range(epochs + 1):
        card = {"config": asdict(config), "labels": LABELS, "preprocess": asdict(RECIPE.preprocess)}
        write_weights(model, path / "epochs" / f"epoch-{number:04d}", card)
    return listing.open_run(name)


def figures(at: AppTest) -> dict[str, str]:
    return {element.label: element.value for element in at.metric}


def test_every_field_of_a_recipe_has_its_place_and_its_words() -> None:
    names = [name for group in GROUPS.values() for name in group]
    assert sorted(names) == sorted(field.name for field in fields(TrainingConfig))
    assert SOURCES.keys() == RECIPES.keys()
    assert all(says.endswith(".") for words in (SOURCES, *GROUPS.values()) for says in words.values())


@pytest.mark.parametrize("name", RECIPES)
def test_values_of_recipes_can_be_written_into_a_link_and_read_back(name: str) -> None:
    for field, value in asdict(RECIPES[name]).items():
        back = parse(field, written(value))
        assert back == (pytest.approx(value, rel=1e-5) if isinstance(value, tuple) else value), field


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("epochs", "x"),
        ("epochs", "1.5"),
        ("flip", "maybe"),
        ("crop_scale", "1"),
        ("optimizer", "adamx"),
        ("nope", "1"),
        ("learning_rate", ""),
        ("mean", "1 2"),
        ("learning_rate", "1 2"),
    ],
)
def test_nonsense_in_a_field_is_one_sentence(field: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|no such field") as refusal:
        parse(field, text)
    assert "\n" not in str(refusal.value)


def test_the_page_without_runs() -> None:
    at = app("train")
    assert not at.warning and not at.error
    assert "There is no run on this machine yet" in at.info[0].value
    assert {"Start a run", "Loss and accuracy", "What it answers"} <= {element.value for element in at.header}


def test_the_page_shows_what_the_newest_run_measured() -> None:
    make_run("older")
    run = make_run("newer")
    os.utime(run.path / "run.json", (4e9, 4e9))
    at = app("train")
    right = (4 + 2 + 0) / 15
    assert figures(at) == {"Test accuracy": f"{right:.1%}", "Batch mean": "50.0%", "Test loss": "0.500"}
    html = markup(at)
    assert "**newer**" in html and "stopped" in html
    assert "60 of 100 parameters learn" in html
    assert "--batch-size 5" in at.code[0].value
    assert "mini" in at.code[0].value


def test_a_run_that_failed_says_why_in_one_sentence() -> None:
    make_run("bad", outcome="error: the loss of step 3 is nan: lower the learning rate")
    at = app("train")
    assert at.error[0].value == "bad has failed: the loss of step 3 is nan: lower the learning rate."
    assert {button.key for button in at.button} >= {"resume_run_bad", "delete_run_bad"}


@pytest.mark.parametrize("is_here", [True, False])
def test_only_readers_on_this_machine_see_its_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_here: bool
) -> None:
    """A run that failed tells its reason, its log and its command; all three name files."""
    monkeypatch.setattr(loopback, "is_on_this_machine", lambda: is_here)
    run = make_run("broken", outcome=f"error: {tmp_path}/pets/a.png cannot be read")
    (run.path / LOG).write_text(f"reading {tmp_path}/pets/a.png\n")
    at = app("train")
    assert not at.exception
    shown = [each.value for each in (*at.error, *at.code, *at.markdown, *at.caption, *at.warning)]
    for part in ("a.png cannot be read", "reading ", "vit_core.training"):
        assert any(part in each for each in shown), part
    assert any(str(tmp_path) in each for each in shown) == is_here


def test_a_run_is_deleted_and_brought_back() -> None:
    make_run("mine")
    at = app("train", runs="mine")
    at.button(key="delete_run_mine").click().run()
    assert not at.exception
    assert listing.list_runs() == []
    [token] = runs.deleted_runs()
    at.button(key=f"undo_{token}").click().run()
    assert [run.name for run in listing.list_runs()] == ["mine"]
    assert at.multiselect(key="runs").value == ["mine"]


def test_a_link_to_a_run_that_is_gone_is_one_sentence() -> None:
    make_run("here")
    at = app("train", runs="gone")
    assert "names the run 'gone', which is not here" in at.warning[0].value


def test_changed_fields_are_in_the_link_and_said() -> None:
    at = app("train", recipe="mini", set_epochs="3", set_clip_norm="none", set_flip="no")
    assert "**epochs** 10 → 3" in markup(at)
    assert "**clip norm** 1 → none" in markup(at)
    assert f"**steps** {RECIPES['mini'].steps} → none" in markup(at)
    at.button(key="recipe_reset").click().run()
    assert "Changed:" not in markup(at)
    assert not [name for name in at.query_params if name.startswith("set_")]
    field = next(each for each in at.number_input if each.label == "Batch size")
    field.set_value(7).run()
    assert at.query_params["set_batch_size"] == "7"


def test_impossible_fields_are_one_sentence_and_nothing_can_be_started() -> None:
    at = app("train", set_batch_size="0")
    assert len(at.warning) == 1
    assert "batch_size must be at least 1" in at.warning[0].value


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("set_nonsense", "1", "a recipe has no such field"),
        ("set_crop_scale", "9 x", "expected 2 numbers"),
        ("set_model", "B/99", "expected one of"),
        ("set_weights", "/etc/passwd", "expected a checkpoint's name"),
        ("set_weights", "run:gone:1", "there is no run 'gone'"),
    ],
)
def test_a_field_that_a_recipe_cannot_have_is_left_out_of_the_link(name: str, value: str, sentence: str) -> None:
    assert sentence in judge(name, [value])


def test_a_run_can_start_from_the_weights_of_another() -> None:
    run = make_run("mine")
    assert parse("weights", "run:mine:2") == str(run.epoch_file(2))
    assert written(str(run.epoch_file(2))) == "run:mine:2"
    at = app("train", recipe="mini", set_weights="run:mine:2")
    assert f"**weights** none → {plain('run:mine:2')}" in markup(at)
    assert at.query_params["set_weights"] == "run:mine:2"


def test_runs_beside_each_other() -> None:
    make_run("a"), make_run("b", epochs=2)
    at = AppTest.from_file("../pages/frame.py", default_timeout=120)
    at.query_params["runs"] = ["a", "b"]
    at.run()
    at.switch_page("train.py").run()
    assert not at.exception
    view = training.compared({name: listing.open_run(name).metrics().epochs for name in ("a", "b")}, "test loss")
    [plot] = view.panels
    assert isinstance(plot, Plot)
    assert [series.label for series in plot.series] == ["a", "b"]
    assert plot.series[0].y.tolist() == pytest.approx([1.5, 0.75, 0.5])
    assert len(plot.series[1].y) == 2


def test_the_explainer_opens_a_run_by_its_link() -> None:
    make_run("mine")
    at = app("overview", checkpoint="run:mine:2")
    assert not at.warning
    assert at.query_params["checkpoint"] == "run:mine:2"
    assert "Epoch 2 of the run mine" in " ".join(element.value for element in at.caption)
    opened, _ = session.open_session(State(checkpoint="run:mine:2"))
    assert opened.checkpoint.labels == LABELS
    assert opened.checkpoint.name == "run:mine:2"
    chosen = at.selectbox(key="checkpoint_choice")
    assert chosen.value == "run:mine:2"
    assert "mine, epoch 3" in chosen.options  # the latest, beside the one that is chosen
    assert "mine, epoch 2" in chosen.options


@pytest.mark.parametrize("name", ["run:gone:1", "run:mine:99", "run:../x:1", "run:mine", "run:mine:1 "])
def test_a_link_to_a_checkpoint_that_is_gone_is_one_sentence(name: str) -> None:
    make_run("mine")
    at = AppTest.from_file("../pages/frame.py", default_timeout=120)
    at.query_params["checkpoint"] = name
    at.run()
    assert not at.exception
    assert len(at.warning) == 1
    assert "You see 'embedded'." in at.warning[0].value
    at.run()
    assert not at.warning


def test_the_latest_checkpoint_opens_from_the_page() -> None:
    make_run("mine")
    at = app("train")
    at.button(key="open_checkpoint").click().run()
    assert not at.exception
    assert at.title[0].value == "Attention"
    assert at.query_params["checkpoint"] == "run:mine:3"


def test_another_run_of_the_same_name_is_not_mistaken_for_the_one_before() -> None:
    name = "run:twin:1"
    make_run("twin", seed=1)
    before, _ = session.open_or_explain(State(checkpoint=name))
    logits = before.trace.logits
    runs.delete_run(listing.open_run("twin"))
    missing, problems = session.open_or_explain(State(checkpoint=name))
    assert missing.state.checkpoint == "embedded"
    assert len(problems) == 1
    make_run("twin", seed=2)
    after, problems = session.open_or_explain(State(checkpoint=name))
    assert not problems
    assert not torch.equal(after.trace.logits, logits)


def test_the_same_measurements_are_read_once_for_all_readers() -> None:
    run = make_run("watched")
    first = kept.metrics_of(run)
    assert kept.metrics_of(listing.open_run("watched")) is first
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(step_line(10)) + "\n")
    assert kept.metrics_of(run).last_step == 10


def test_dropping_a_part_leaves_the_rest() -> None:
    store: Store[int] = Store(100)
    for key in ("a", ("a", 1), ("view", "a"), ("view", "ab"), "ab"):
        store.put(key, 1, 1)
    store.drop("a")
    assert [key for key in ("a", ("a", 1), ("view", "a"), ("view", "ab"), "ab") if store.get(key)] == [
        ("view", "ab"),
        "ab",
    ]


def test_weights_come_with_their_card_in_one_file(tmp_path: Path) -> None:
    import io
    import zipfile

    from vit_core import load

    with zipfile.ZipFile(io.BytesIO(weights_zip(make_run("mine"), 3))) as archive:
        archive.extractall(tmp_path)
    _, checkpoint = load(tmp_path / "mine-epoch-3.safetensors")
    assert checkpoint.labels == LABELS


def long_metrics(tmp_path: Path, count: int) -> Metrics:
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps(step_line(number)) + "\n" for number in range(1, count + 1)))
    return read_metrics(path)


def test_the_loss_curve_is_the_mean_of_the_steps_before(tmp_path: Path) -> None:
    metrics = long_metrics(tmp_path, 36)  # a window of three
    [plot] = training.loss(metrics).panels
    assert isinstance(plot, Plot)
    dots, line = plot.series
    losses = 2.0 / np.arange(1, 37)
    assert dots.y == pytest.approx(losses, rel=1e-6)  # float32
    wanted = [losses[max(0, n - 2) : n + 1].mean() for n in range(36)]
    assert line.y == pytest.approx(wanted, rel=1e-6)


def test_long_runs_stay_small_for_every_reader(tmp_path: Path) -> None:
    metrics = long_metrics(tmp_path, 20_000)
    view = training.loss(metrics)
    [plot] = view.panels
    assert isinstance(plot, Plot)
    assert plot.series[1].x[-1] == 20_000  # the last is drawn, whatever is left out
    assert "are drawn" in plot.caption
    assert len(pack(view)) + len(pack(training.rate_and_gradient(metrics, 1.0))) < 16_000  # bytes


def test_answers_are_those_of_the_confusion_matrix() -> None:
    epochs = [epoch_line(number) for number in (1, 2, 3)]
    frames = training.answers(epochs, LABELS)
    assert frames.places == (1, 2, 3)
    for view, line in zip(frames.views, epochs, strict=True):
        bars, matrix = view.panels
        assert isinstance(bars, Bars) and isinstance(matrix, Matrix)
        assert matrix.values.tolist() == line["validation"]["confusion"]
        assert bars.values.tolist() == matrix.values.sum(0).tolist()
        assert matrix.row_names == matrix.column_names == LABELS
        assert "1 of 3 classes is never answered" in view.alt


def test_many_classes_have_no_matrix_and_show_those_answered_most() -> None:
    line = epoch_line(1)
    line["validation"] |= {"confusion": None, "predicted": [c % 7 for c in range(100)]}
    [bars] = training.answers([line], [f"class {c}" for c in range(100)]).views[0].panels
    assert isinstance(bars, Bars)
    assert len(bars.labels) == 12
    assert bars.values.min() == 6  # 14 classes have six answers


def test_accuracy_is_drawn_over_pictures_and_over_batches() -> None:
    view = training.accuracy([epoch_line(number) for number in (1, 2, 3)])
    [plot] = view.panels
    assert isinstance(plot, Plot)
    assert [series.label for series in plot.series] == [
        "test, share of images",
        "test, mean over batches",
        "training, share of images",
        "training, mean over batches",
    ]
    assert plot.series[0].y == pytest.approx([8 / 15, 7 / 15, 6 / 15], rel=1e-6)
    assert re.search(r"Best on the test images: 53\.3 % after epoch 1", view.alt)


def test_nothing_is_drawn_of_nothing() -> None:
    for make in (
        lambda: training.loss(Metrics()),
        lambda: training.accuracy(()),
        lambda: training.answers((), LABELS),
        lambda: training.rate_and_gradient(Metrics(), None),
        lambda: training.compared({"a": ()}, "test loss"),
    ):
        with pytest.raises(ValueError, match=r"has measured|has been measured"):
            make()
