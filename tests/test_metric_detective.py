"""The published accuracies are taken apart rightly: by brute force, by hand, and on the page."""

import json
from fractions import Fraction
from itertools import product
from math import comb
from pathlib import Path

import pytest
import torch

from explainer.course.metric_detective import (
    batch_mean,
    batch_sizes,
    chance_of_guessing,
    composition,
    mean_over_sizes,
    odds,
    one_class_means,
    picture_weights,
    readings,
    splits,
    values_that_can_be_printed,
    verdict,
)
from explainer.course.metric_tables import contradiction, derivation, verdicts
from explainer.course.results import BATCH_SIZE, FIGURES, RUNS, TABLE_ROW, TEST_SIZES, TRAIN_SIZES
from explainer.panels import Bars, Matrix, Plot, StackedBars
from explainer.views.course import metric, training
from tests.test_pages import app, markup

pytestmark = pytest.mark.usefixtures("own_folders")


def test_batches_of_the_course() -> None:
    assert batch_sizes(75, 32) == (32, 32, 11)
    assert batch_sizes(225, 32) == (*[32] * 7, 1)
    assert batch_sizes(64, 32) == (32, 32)
    assert composition(TEST_SIZES, 32) == (
        {"pizza": 25, "steak": 7, "sushi": 0},
        {"pizza": 0, "steak": 12, "sushi": 20},
        {"pizza": 0, "steak": 0, "sushi": 11},
    )
    assert sum(TEST_SIZES.values()) == 75 and sum(TRAIN_SIZES.values()) == 225
    with pytest.raises(ValueError, match="at least one image"):
        batch_sizes(0, 32)


def test_the_mean_over_batches_is_the_courses_loop() -> None:
    """The loop of its engine, on random predictions: accuracy per batch, summed, divided by the number of batches."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(3, (75,), generator=generator)
    predicted = torch.randint(3, (75,), generator=generator)
    accuracy, batches = 0.0, list(zip(labels.split(32), predicted.split(32), strict=True))
    for true, guess in batches:
        accuracy += (true == guess).sum().item() / len(guess)
    right = (labels == predicted).tolist()
    # three divisions and a sum in double precision
    assert float(batch_mean(right, 32)) == pytest.approx(accuracy / len(batches), abs=1e-15)
    assert batch_mean(right, 25) == Fraction(sum(right), 75)  # equal batches: the share of images


def test_one_class_alone_prints_the_three_numbers_of_the_run_from_scratch() -> None:
    means = one_class_means(TEST_SIZES, BATCH_SIZE)
    assert means["pizza"] == Fraction(25, 32) / 3
    assert means["steak"] == (Fraction(7, 32) + Fraction(12, 32)) / 3
    assert means["sushi"] == (Fraction(20, 32) + 1) / 3
    printed = {f"{float(mean):.4f}" for mean in means.values()}
    assert printed == {"0.2604", "0.1979", "0.5417"}
    assert {line.test_accuracy for line in RUNS["scratch"].epochs} == printed


def test_every_epoch_from_scratch_is_one_class() -> None:
    found = verdicts(RUNS["scratch"])
    assert [each.one_class for each in found] == [
        "sushi",
        "steak",
        "steak",
        "steak",
        "pizza",
        "steak",
        "steak",
        "pizza",
        "sushi",
        "pizza",
    ]
    for each in found:
        assert each.total == TEST_SIZES[str(each.one_class)]
        assert each.predicted is not None
        assert each.predicted[str(each.one_class)] == sum(each.predicted.values()) == 75


def test_transfer_is_no_single_class_and_its_totals_are_certain() -> None:
    found = verdicts(RUNS["transfer"])
    assert [each.one_class for each in found] == [None] * 10
    assert all(len(each.readings) == 1 and each.predicted is None for each in found)
    assert [each.total for each in found] == [66, 69, 70, 70, 69, 70, 70, 69, 71, 69]


@pytest.mark.parametrize(
    ("printed", "total"),
    [("0.8977", 69), ("0.9176", 69), ("0.9280", 70), ("0.9384", 71), ("0.9489", 72), ("0.9896", 74)],
)
def test_totals_with_the_smaller_test_set(printed: str, total: int) -> None:
    assert [reading.total for reading in readings(printed, 75, 32)] == [total]


@pytest.mark.parametrize("printed", ["0.5417", "0.2604", "0.9688", "0.5000", "0.3333", "0.0000", "1.0000", "0.9999"])
def test_readings_are_all_there_are(printed: str) -> None:
    """Every number of right pictures in each single batch, tried on small batches."""
    sizes = batch_sizes(11, 4)  # 4, 4, 3
    wanted = set()
    for counts in product(*(range(size + 1) for size in sizes)):
        mean = sum(Fraction(count, size) for count, size in zip(counts, sizes, strict=True)) / len(sizes)
        if abs(mean - Fraction(printed)) <= Fraction(1, 20_000):
            wanted.add((sum(counts[:-1]), counts[-1]))
    found = readings(printed, 11, 4)
    assert {(reading.full, reading.last) for reading in found} == wanted
    for reading in found:
        ways = sum(sum(counts) == reading.full for counts in product(range(5), range(5)))
        assert splits(reading, 11, 4) == ways
        orders = Fraction(comb(8, reading.full) * comb(3, reading.last), comb(11, reading.total))
        assert reading.arrangements == orders
    if found:
        assert sum(odds(found)) == 1


def test_a_number_with_two_readings_says_so() -> None:
    one_class, other = readings("0.5417", 75, 32)
    assert (one_class.full, one_class.last, one_class.total) == (20, 11, 31)
    assert (other.full, other.last, other.total) == (52, 0, 52)
    assert float(odds((one_class, other))[0]) == pytest.approx(0.984, abs=0.001)
    assert {reading.total for reading in readings("0.4023", 225, 32)} == {72, 103}
    assert {reading.total for reading in readings("0.9883", 225, 32)} == {222}  # 253 of 256: the last one was right


def test_numbers_reveal_the_test_set() -> None:
    possible = {
        figure.accuracy: [[reading.total for reading in readings(figure.accuracy, count, 32)] for count in (75, 150)]
        for figure in FIGURES
    }
    assert possible["0.9847"] == [[], [148]]
    assert possible["0.9280"] == [[70], []]
    assert possible["0.9688"] == [[72], [145]]


def test_a_number_that_cannot_be_printed_has_no_reading() -> None:
    assert readings("0.5000", 75, 32)
    found = verdict("0.5003", TEST_SIZES, 32)
    assert (found.readings, found.total, found.reading) == ((), None, None)
    with pytest.raises(ValueError, match="decimal number"):
        readings("half", 75, 32)


def test_the_single_training_picture_weighs_an_eighth() -> None:
    weights = picture_weights(225, 32)
    assert weights[-1] == Fraction(1, 8) and weights[0] == Fraction(1, 256)
    assert sum(weight * size for weight, size in zip(weights, batch_sizes(225, 32), strict=True)) == 1


def test_values_that_can_be_printed_are_counted() -> None:
    sizes = batch_sizes(11, 4)
    means = {
        f"{float(sum(Fraction(c, s) for c, s in zip(counts, sizes, strict=True)) / 3):.4f}"
        for counts in product(*(range(size + 1) for size in sizes))
    }
    assert values_that_can_be_printed(11, 4) == len(means)


def test_chance_of_guessing_is_that_of_the_counts() -> None:
    """All right, one way of coming to it: a third for each picture."""
    assert chance_of_guessing(["1.0000"], TEST_SIZES, 32) == pytest.approx(3.0**-75, rel=1e-9)


def test_what_if_moves_the_mean_and_not_the_share() -> None:
    tried = range(1, 76)
    means = mean_over_sizes(TEST_SIZES, "sushi", tried)
    assert means[31] == one_class_means(TEST_SIZES, 32)["sushi"]
    for size, mean in zip(tried, means, strict=True):
        if 75 % size == 0:
            assert mean == Fraction(31, 75)
    assert mean_over_sizes(TEST_SIZES, "sushi", tried, shuffled=1) == mean_over_sizes(TEST_SIZES, "sushi", tried, 1)
    assert mean_over_sizes(TEST_SIZES, "sushi", tried, 1) != means
    with pytest.raises(ValueError, match="unknown class 'salad'"):
        mean_over_sizes(TEST_SIZES, "salad", tried)


LINES = [
    {"epoch": 0, "step": 0},
    {
        "epoch": 1,
        "step": 3,
        "train_loss": 1.0,
        "validation": {
            "loss": 1.0,
            "top1": 0.4,
            "top5": 1.0,
            "pictures": 10,
            "batch_mean_top1": 0.5,
            "predicted": [10, 0],
            "confusion": [[4, 0], [6, 0]],
        },
    },
    {
        "epoch": 2,
        "step": 6,
        "train_loss": 1.0,
        "validation": {
            "loss": 1.0,
            "top1": 0.7,
            "top5": 1.0,
            "pictures": 10,
            "batch_mean_top1": 0.6,
            "predicted": [5, 5],
            "confusion": None,
        },
    },
]


def test_views_show_what_was_found() -> None:
    run = RUNS["scratch"]
    found = verdicts(run)
    plot, predicted = metric.replay(run, found, 4).panels
    assert isinstance(plot, Plot) and plot.pick == "metric_epoch" and plot.selected_x == 4
    printed, shares = plot.series
    assert printed.y == pytest.approx([float(line.test_accuracy) for line in run.epochs])
    assert shares.y == pytest.approx([(each.total or 0) / 75 for each in found])
    assert isinstance(predicted, StackedBars)
    assert sum(part.values for part in predicted.parts) == pytest.approx(75)
    _, _, histogram = metric.epoch_bars(found[0], BATCH_SIZE).panels
    assert isinstance(histogram, Bars) and list(histogram.values) == [0, 0, 75]
    assert len(metric.epoch_bars(verdicts(RUNS["transfer"])[0], BATCH_SIZE).panels) == 2
    curve = metric.what_if(TEST_SIZES, "pizza", 32, None).panels[0]
    assert isinstance(curve, Plot) and curve.series[0].y[31] == pytest.approx(0.2604, abs=5e-5)
    with pytest.raises(ValueError, match="no number of right images prints"):
        metric.epoch_bars(verdict("0.5003", TEST_SIZES, 32), BATCH_SIZE)


def test_own_runs_are_drawn_by_both_averages_and_by_what_was_answered() -> None:
    first, second = LINES[1:]
    plot = training.accuracy([first, second], selected_x=2.0, pick="metric_own_epoch").panels[0]
    assert isinstance(plot, Plot) and plot.selected_x == 2 and plot.pick == "metric_own_epoch"
    shares, means = plot.series
    assert shares.y == pytest.approx([0.4, 0.7]) and means.y == pytest.approx([0.5, 0.6])
    view = training.answers_after(first, ("a", "b"))
    histogram, confusion = view.panels
    assert isinstance(histogram, Bars) and list(histogram.values) == [10, 0]
    assert isinstance(confusion, Matrix) and confusion.values.tolist() == [[4, 0], [6, 0]]
    assert view.alt.endswith("All images get the same answer. Right of each class: a 4 of 4, b 0 of 6.")
    assert len(training.answers_after(second, ("a", "b")).panels) == 1


def test_the_derivation_is_the_sum() -> None:
    sushi, steak = verdicts(RUNS["scratch"])[:2]
    assert r"\frac{0}{32} + \frac{20}{32} + \frac{11}{11}" in derivation(sushi)[0]
    assert r"\frac{7}{32} + \frac{12}{32} + \frac{0}{11}" in derivation(steak)[0]
    assert derivation(sushi)[1].startswith(r"\frac{31}{75}")
    assert r"\frac{57}{32} + \frac{9}{11}" in derivation(verdicts(RUNS["transfer"])[0])[0]


def test_the_row_that_contradicts_the_run() -> None:
    last = RUNS["transfer"].epochs[-1]
    assert (last.test_loss, last.test_accuracy) != (TABLE_ROW.loss, TABLE_ROW.accuracy)
    said = contradiction()
    assert "that of epoch 9" in said and "no epoch" in said and "digits of epoch 10's 0.1804" in said


# The page


def test_page_shows_the_run_and_moves() -> None:
    at = app("metric", metric_epoch="5")
    assert "A model that calls all 75 images **pizza** prints **0.2604**" in markup(at)
    assert "| **0.5417** | 1, 9 | 20 | 11 | 31 |" in markup(at) and "| **0.5417** | 1, 9 | 52 | 0 | 52 |" in markup(at)
    at.slider(key="metric_epoch").set_value(2).run()
    assert "**0.1979**" in markup(at) and not at.exception
    at.button_group(key="metric_run").set_value("Transfer").run()
    assert "**0.8977** is printed for **69 of 75** right images" in markup(at) and not at.exception


def test_playing_ends_at_the_last_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    at = app("metric", metric_epoch="9")
    now = [0.0]
    monkeypatch.setattr("explainer.app.metric.replay.monotonic", lambda: now[0])
    at.button(key="metric_play").click().run()
    seen = []
    for _ in range(3):
        now[0] += 2.0
        at.run()
        seen.append(at.slider(key="metric_epoch").value)
    assert seen == [10, 10, 10] and not at.session_state["metric_playing"] and not at.exception


def test_without_runs_the_page_says_where_to_start_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VIT_EXPLAINER_RUNS", str(tmp_path / "none"))
    monkeypatch.setattr("vit_core.training.runs.listing.EXAMPLES", tmp_path / "none")
    at = app("metric")
    assert "No run has been trained here yet." in [element.value for element in at.info]


def test_a_run_of_ones_own_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "mine"
    folder.mkdir(parents=True)
    facts = {"labels": ["cat", "dog"], "started": "2024-01-01", "outcome": "finished"}
    (folder / "run.json").write_text(json.dumps(facts))
    (folder / "metrics.jsonl").write_text("\n".join(map(json.dumps, LINES)) + '\n{"epoch": 3, "st')
    monkeypatch.setenv("VIT_EXPLAINER_RUNS", str(tmp_path / "runs"))
    at = app("metric")
    assert not at.exception
    assert "After epoch 2, **0.7000** of the 10 images are right; the mean over batches is **0.6000**" in markup(at)
    at.select_slider(key="metric_own_epoch").set_value(1).run()
    assert "every image was given the same class" in markup(at)
    assert at.query_params["metric_own_epoch"] == "1"
    at = app("metric", metric_own_epoch="1")
    assert "After epoch 1, **0.4000**" in markup(at)
    assert "After epoch 2, **0.7000**" in markup(app("metric", metric_own_epoch="99"))
