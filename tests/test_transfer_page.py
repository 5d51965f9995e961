"""The Transfer page: what learns is counted, both runs are the same but for where they start, figures are measured."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from explainer.app.transfer import comparison
from explainer.app.transfer.comparison import list_comparisons, plan_of
from explainer.course.model_parts import model_parts, preset_of
from explainer.lessons import LESSONS
from explainer.panels import Bars, Flow, Plot
from explainer.texts import text
from explainer.views.course import transfer
from explainer.views.course.transfer import SCRATCH, TRANSFER, Cost
from vit_core import CHECKPOINTS, VisionTransformer, count_parameters, resize_position_embedding
from vit_core.config import PRESETS, ViTConfig
from vit_core.training import RECIPES, TrainingConfig
from vit_core.training.start import begin

FRAME = "../pages/frame.py"


@pytest.fixture(autouse=True)
def _no_examples(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vit_core.training.runs.listing.EXAMPLES", own_folders / "no-examples")


def tiny(image_size: int, **sizes: int) -> ViTConfig:
    fields = {"patch_size": 4, "num_layers": 1, "hidden_size": 24, "mlp_size": 24, "num_heads": 2, "num_classes": 2}
    return ViTConfig(image_size=image_size, **(fields | sizes))


def app(**query: str) -> AppTest:
    at = AppTest.from_file(FRAME, default_timeout=120)
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    at.switch_page("transfer.py").run()
    assert not at.exception, [element.message for element in at.exception]
    return at


def markup(at: AppTest) -> str:
    return "\n".join(element.value for element in at.markdown)


@pytest.mark.parametrize(
    ("weights", "freeze", "total", "learning"),
    [
        ("torchvision/B/16", "all-but-head", 85_800_963, 2_307),  # as the course prints them (section 10.2)
        ("torchvision/B/16", "none", 85_800_963, 85_800_963),
        ("torchvision/B/16", "backbone", 85_800_963, 2_307 + 2 * 768),  # and the last LayerNorm
    ],
)
def test_the_courses_counts(weights: str, freeze: str, total: int, learning: int) -> None:
    parts = model_parts(TrainingConfig(weights=weights, freeze=freeze), 3)  # type: ignore[arg-type]
    assert sum(part.parameters for part in parts) == total
    assert sum(part.learning for part in parts) == learning


@pytest.mark.parametrize("freeze", ["none", "backbone", "all-but-head"])
def test_what_is_counted_is_what_begins_to_train(freeze: str) -> None:
    recipe = TrainingConfig(weights="embedded", freeze=freeze, epochs=1)  # type: ignore[arg-type]
    model = begin(recipe, 5).model
    parts = model_parts(recipe, 5)
    assert sum(part.parameters for part in parts) == sum(each.numel() for each in model.parameters())
    assert sum(part.learning for part in parts) == sum(e.numel() for e in model.parameters() if e.requires_grad)
    counted = count_parameters(model.config)
    assert {part.name: part.parameters for part in parts}["head"] == counted["head"]


@pytest.mark.parametrize("name", PRESETS)
def test_sizes_are_known_by_their_name_whatever_the_pictures_and_classes(name: str) -> None:
    config = ViTConfig.named(name, num_classes=3)
    assert preset_of(config) == name
    larger = ViTConfig.named(name, image_size=2 * config.image_size, num_classes=7)
    assert preset_of(larger) == name


def test_sizes_without_a_name_are_refused() -> None:
    with pytest.raises(ValueError, match="5 layers, D = 40 and patches of 4 pixels"):
        preset_of(tiny(8, num_layers=5, hidden_size=40))


@pytest.mark.parametrize("weights", ["torchvision/B/16", "torchvision/B/16-swag-e2e"])
@pytest.mark.parametrize("freeze", ["all-but-head", "none"])
def test_both_runs_are_of_the_same_sizes_and_length(weights: str, freeze: str) -> None:
    plan = plan_of(weights, freeze, epochs=7, seed=5)
    recipes = {which: plan[which].recipe for which in (TRANSFER, SCRATCH)}
    totals = {which: sum(part.parameters for part in model_parts(recipe, 3)) for which, recipe in recipes.items()}
    assert totals[TRANSFER] == totals[SCRATCH]
    assert {recipe.total_steps(225) for recipe in recipes.values()} == {7 * 8}
    assert {recipe.seed for recipe in recipes.values()} == {5}
    assert recipes[TRANSFER].weights == weights
    assert recipes[TRANSFER].freeze == freeze
    assert recipes[SCRATCH].weights is None
    assert recipes[SCRATCH].freeze == "none"
    for which in (TRANSFER, SCRATCH):  # only what differs travels to the command line
        known = asdict(RECIPES[plan[which].name])
        assert all(known[name] != value for name, value in plan[which].changes.items())


def test_the_page_is_complete_and_counts_live() -> None:
    at = app()
    assert at.title[0].value == LESSONS["transfer"].title
    assert set(text("transfer").titles.values()) <= {element.value for element in at.header}
    table = markup(at)
    assert "| torchvision/B/16 | 85,800,963 | 2,307 | 85,800,963 | 346 MB | to download |" in table
    # At 384 pixels there are 577 positions instead of 197, each of 768 numbers.
    assert f"| torchvision/B/16-swag-e2e | {85_800_963 + 380 * 768:,} | 2,307 |" in table
    head = 3 * CHECKPOINTS["embedded"].config.hidden_size + 3
    assert f"| {head:,} |" in table


def test_weights_that_are_not_here_are_offered_and_nothing_can_start() -> None:
    at = app(transfer_weights="torchvision/B/16")
    assert at.button(key="transfer_start").disabled
    assert any("Download 346 MB" in button.label for button in at.button)


def test_another_picture_size_resizes_the_positions() -> None:
    config = CHECKPOINTS["embedded"].config
    at = app(**{f"transfer_size_{config.image_size}_{config.patch_size}": "96"})
    assert "The grid becomes 12 × 12 instead of 8 × 8" in markup(at)
    at = app(transfer_weights="torchvision/B/16", transfer_size_224_16="230")
    assert any("image_size 230 is not a multiple of patch_size 16" in element.value.lower() for element in at.warning)


def test_the_courses_results_are_there_as_published() -> None:
    shown = markup(app())
    for printed in ("0.9176", "0.2604", "0.9896", "327 MB", "0.0641"):
        assert printed in shown


def epochs(rights: list[int], losses: list[float]) -> list[dict[str, object]]:
    confusion = [[20, 3, 2], [4, 10, 5], [6, 5, 20]]
    common = {"pictures": 75, "confusion": confusion, "predicted": [30, 18, 27], "batch_mean_top1": 0.5}
    return [
        {"epoch": number, "step": number, "validation": common | {"top1": right / 75, "loss": loss}}
        for number, (right, loss) in enumerate(zip(rights, losses, strict=True), 1)
    ]


def test_the_verdict_counts_pictures() -> None:
    runs = {TRANSFER: epochs([50, 60], [0.9, 0.6]), SCRATCH: epochs([20, 34], [1.1, 1.0])}
    said = transfer.verdict(runs)
    assert "**60 of 75**" in said
    assert "**34 of 75**" in said
    assert "after 2 epochs each" in said
    assert "26 more with transfer" in said
    assert transfer.verdict({TRANSFER: runs[TRANSFER]}) == ""
    worse = transfer.verdict({TRANSFER: runs[SCRATCH], SCRATCH: runs[TRANSFER]})
    assert "26 fewer with transfer" in worse


def test_the_curves_are_the_runs_numbers() -> None:
    runs = {TRANSFER: epochs([50, 60], [0.9, 0.6]), SCRATCH: epochs([20], [1.1])}
    constant = transfer.always_the_same(runs[TRANSFER][0])
    assert constant == pytest.approx(31 / 75)  # the largest row of the confusion
    accuracy, loss = transfer.curves(runs, constant).panels
    assert isinstance(accuracy, Plot)
    assert isinstance(loss, Plot)
    assert [series.label for series in accuracy.series] == [TRANSFER, SCRATCH, "always the same"]
    np.testing.assert_allclose(accuracy.series[0].y, [50 / 75, 60 / 75], rtol=1e-6)  # float32
    np.testing.assert_allclose(loss.series[1].y, [1.1], rtol=1e-6)


def test_what_learns_is_drawn_as_counted() -> None:
    parts = model_parts(TrainingConfig(weights="torchvision/B/16", freeze="all-but-head"), 3)
    (flow,) = transfer.learning_parts(parts, 3).panels
    assert isinstance(flow, Flow)
    assert flow.title == "2,307 of 85,800,963 parameters learn"
    assert [node.shape for node in flow.nodes if node.group == "learns"] == ["2,307 learn"]


def test_files_are_four_bytes_a_parameter() -> None:
    files, times = transfer.costs([Cost("B/16", 4 * 85_800_963, 0.25)]).panels
    assert isinstance(files, Bars)
    assert isinstance(times, Bars)
    assert int(files.values[0]) == 327  # MiB, as the course says
    assert times.values[0] == 250


def test_resized_positions_keep_their_neighbours() -> None:
    model = VisionTransformer(tiny(16))
    grid = torch.linspace(-1, 1, 4)
    bumps = torch.stack([torch.exp(-((x - grid) ** 2)).repeat(6) for x in grid for _ in grid])
    embedding = torch.cat([model.position_embedding[:1].detach(), bumps])
    before, after = transfer.position_resized(embedding, resize_position_embedding(embedding, 8)).panels
    assert isinstance(before, transfer.Tiles)
    assert isinstance(after, transfer.Tiles)
    assert before.values is not None
    assert after.values is not None
    assert before.values.shape == (1, 4, 4)
    assert after.values.shape == (1, 8, 8)
    assert before.values[0, 2, 2] == pytest.approx(1, abs=1e-6)  # with itself, rounded to float32
    assert after.values[0, 4, 4] == pytest.approx(1, abs=1e-6)


def write_run(folder: Path, name: str, outcome: str | None, data: Path, weights: str | None) -> None:
    run = folder / name
    run.mkdir(parents=True)
    recipe = asdict(TrainingConfig(weights=weights, epochs=2))
    (run / "run.json").write_text(
        json.dumps(
            {
                "recipe": recipe,
                "labels": ["a", "b", "c"],
                "data": [str(data)],
                "pictures": {"train": 225, "test": 75},
                "parameters": {"total": 100, "trainable": 10},
                "total_steps": 2,
                "outcome": outcome,
                "broken": [],
            }
        )
    )
    lines = epochs([50, 60] if weights else [20, 34], [0.9, 0.6])
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_finished_comparison_is_shown_with_its_verdict(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", "transfer-1", "finished", tmp_path, "embedded")
    write_run(tmp_path / "runs", "scratch-1", "finished", tmp_path, None)
    write_run(tmp_path / "runs", "something-else", "finished", tmp_path, None)
    found = list_comparisons()
    assert list(found) == [1]
    assert not found[1].is_alive
    assert found[1].missing == ()
    shown = markup(app())
    assert "Transfer has **60 of 75** right, from scratch **34 of 75**, after 2 epochs each" in shown


def test_a_run_that_was_never_started_is_offered(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", "transfer-1", "finished", tmp_path, "embedded")
    assert list_comparisons()[1].missing == (SCRATCH,)
    at = app()
    assert at.button(key="transfer_second_1").label == "Start the run from scratch"
    assert "**From scratch** was never started" in markup(at)


def test_the_second_run_waits_for_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With room for one run, the one from scratch is started when the transfer has ended."""
    started: list[str] = []
    alive = {"transfer-1"}

    class Running:
        is_alive = True

    monkeypatch.setattr(comparison, "start_run", lambda name, *_, **__: started.append(name))
    monkeypatch.setattr(comparison, "list_runs", lambda: [Running() for _ in alive])
    monkeypatch.setattr(comparison, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(comparison, "_LOOK_AGAIN", 0.01)
    number = comparison.start(plan_of("torchvision/B/16", "none", 1), tmp_path)
    assert started == [f"transfer-{number}"]
    thread = next(each for each in comparison.threading.enumerate() if each.name == f"scratch-{number}")
    thread.join(0.2)
    assert started == [f"transfer-{number}"]  # still waiting
    alive.clear()
    thread.join(10)
    assert started == [f"transfer-{number}", f"scratch-{number}"]
