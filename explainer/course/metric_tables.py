"""The tables and sentences of the metric page, made from the verdicts."""

from functools import cache

from explainer.course.metric_detective import (
    Verdict,
    batch_sizes,
    chance_of_guessing,
    composition,
    odds,
    one_class_means,
    picture_weights,
    readings,
    splits,
    values_that_can_be_printed,
    verdict,
)
from explainer.course.results import (
    BATCH_SIZE,
    FIGURES,
    RUNS,
    TABLE_ROW,
    TEST_PICTURES_20,
    TEST_SIZES,
    TRAIN_SIZES,
    CourseFigure,
    CourseRun,
)
from explainer.notation.wording import number, percent

TEST_PICTURES, TRAIN_PICTURES = sum(TEST_SIZES.values()), sum(TRAIN_SIZES.values())


@cache
def verdicts(run: CourseRun) -> tuple[Verdict, ...]:
    """The meaning of each test accuracy of the run."""
    return tuple(verdict(line.test_accuracy, TEST_SIZES, BATCH_SIZE) for line in run.epochs)


# The two averages: c_b of the n_b pictures of batch b are right, and there are B batches.
MEAN_OVER_BATCHES = r"\text{mean over batches} = \frac{1}{B} \sum_{b=1}^{B} \frac{c_b}{n_b}"
SHARE_OF_PICTURES = r"\text{share of images} = \frac{\sum_{b} c_b}{\sum_{b} n_b}"


def derivation(found: Verdict) -> tuple[str, str]:
    """Both averages with the numbers in them, as LaTeX: the mean over batches as it was printed, and the share.

    Only the sum over the full batches is known, unless one class explains the number.

    Raises:
        ValueError: if no number of right pictures prints it.
    """
    sizes = batch_sizes(found.pictures, BATCH_SIZE)
    reading = found.reading
    if reading is None:
        raise ValueError(f"no number of right images prints {found.printed}")
    terms = [(reading.full, BATCH_SIZE), (reading.last, sizes[-1])]
    if found.one_class is not None:
        right = [batch[found.one_class] for batch in composition(found.sizes, BATCH_SIZE)]
        terms = list(zip(right, sizes, strict=True))
    total = " + ".join(rf"\frac{{{right}}}{{{size}}}" for right, size in terms)
    share = reading.total / found.pictures
    return (
        rf"\frac{{1}}{{{len(sizes)}}}\left({total}\right) \approx {found.printed}",
        rf"\frac{{{reading.total}}}{{{found.pictures}}} \approx {share:.4f}",
    )


def what_it_says(found: Verdict) -> str:
    """The verdict in one sentence."""
    if found.reading is None:
        return f"No number of right images prints {found.printed}."
    share = percent(found.reading.total / found.pictures)
    if found.one_class is None:
        return (
            f"**{found.printed}** is printed for **{found.total} of {found.pictures}** right images, {share}. "
            "It does not show which classes were predicted."
        )
    return (
        f"A model that calls all {found.pictures} images **{found.one_class}** prints **{found.printed}**: "
        f"**{found.total}** of them are, {share}."
    )


def best_epochs(run: CourseRun) -> str:
    """The course of a run, by the share of pictures."""
    found = verdicts(run)
    totals = [epoch.total or 0 for epoch in found]
    if names := [epoch.one_class for epoch in found if epoch.one_class]:
        return (
            f"In {len(names)} of {len(found)} epochs one class explains the printed number: "
            f"{', '.join(sorted(set(names)))}, changing from epoch to epoch. The model has one answer for all images."
        )
    moves = f"The number of right images only moves between {min(totals)} and {max(totals)}."
    best = f"The best epoch is {totals.index(max(totals)) + 1}, with {max(totals)} right; the last has {totals[-1]}."
    return " ".join(filter(None, (moves, _same_total(run), best)))


def _same_total(run: CourseRun) -> str:
    """A sentence about different printed numbers that are the same number of right pictures."""
    by_total: dict[int, list[str]] = {}
    for epoch in verdicts(run):
        if epoch.total is not None and epoch.printed not in by_total.setdefault(epoch.total, []):
            by_total[epoch.total].append(epoch.printed)
    total, printed = max(by_total.items(), key=lambda item: (len(item[1]), item[0]))
    spread = (max(map(float, printed)) - min(map(float, printed))) * 100
    if len(printed) < 2:
        return ""
    return f"{', '.join(sorted(printed))} look {spread:.1f} points apart, and are all {total} of {TEST_PICTURES}."


def reading_table(run: CourseRun) -> str:
    """Each printed test accuracy of the run with every number of right pictures that prints it."""
    last, full = batch_sizes(TEST_PICTURES, BATCH_SIZE)[-1], TEST_PICTURES // BATCH_SIZE * BATCH_SIZE
    lines = [
        f"| printed | epochs | right in the first {full} | right in the last {last} | in all | share | ways | odds | "
        "one class |",
        "|---|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    seen: dict[str, list[int]] = {}
    for line in run.epochs:
        seen.setdefault(line.test_accuracy, []).append(line.epoch)
    for printed, epochs in sorted(seen.items()):
        found = verdict(printed, TEST_SIZES, BATCH_SIZE)
        for reading, chance in zip(found.readings, odds(found.readings), strict=True):
            is_one_class = found.one_class is not None and reading == found.reading
            lines.append(
                f"| **{printed}** | {', '.join(map(str, epochs))} | {reading.full} | {reading.last} | {reading.total} "
                f"| {percent(reading.total / TEST_PICTURES)} | {splits(reading, TEST_PICTURES, BATCH_SIZE)} "
                f"| {_odds(float(chance))} | {f'all {found.one_class}' if is_one_class else ''} |"
            )
    return "\n".join(lines)


def case_for_one_class(run: CourseRun) -> str:
    """The evidence for the single class, and its limits."""
    found, means = verdicts(run), one_class_means(TEST_SIZES, BATCH_SIZE)
    explained = [epoch for epoch in found if epoch.one_class]
    possible = values_that_can_be_printed(TEST_PICTURES, BATCH_SIZE)
    if not explained:
        return (
            "*Ways* counts how the right images of the full batches can be divided among these. The sum of right "
            f"images is certain for {sum(len(epoch.readings) == 1 for epoch in found)} of {len(found)} epochs; none of "
            "these numbers shows which images they are."
        )
    chance = chance_of_guessing([f"{float(mean):.4f}" for mean in means.values()], TEST_SIZES, BATCH_SIZE)
    return (
        f"*Ways* counts how the right images of the full batches can be divided among these; one of them is the one "
        f"class. So no single number proves it. Together they leave little else: the loop can print {possible} "
        f"different numbers, predicting one class gives {len(means)} of them, and all {len(explained)} epochs printed "
        f"one of these. A model that guesses each image would do so once in {1 / chance:,.0f} epochs, and "
        f"{len(explained)} times running with a chance of {number(chance ** len(explained))}."
    )


def training_table(run: CourseRun) -> str:
    """Each printed training accuracy with the totals it can mean."""
    lines = [
        "| epoch | printed | right, if the single image was right | right, if it was wrong | shares |",
        "|---:|---|---:|---:|---|",
    ]
    for line in run.epochs:
        found = readings(line.train_accuracy, TRAIN_PICTURES, BATCH_SIZE)
        totals = {reading.last: reading.total for reading in found}
        right, wrong = (f"{totals[last]} of {TRAIN_PICTURES}" if last in totals else "–" for last in (1, 0))
        shares = " or ".join(percent(totals[last] / TRAIN_PICTURES) for last in (1, 0) if last in totals)
        lines.append(f"| {line.epoch} | **{line.train_accuracy}** | {right} | {wrong} | {shares} |")
    return "\n".join(lines)


def weight_of_the_single_picture() -> str:
    """How much more the one picture of the last training batch counts."""
    weights = picture_weights(TRAIN_PICTURES, BATCH_SIZE)
    return (
        f"The single image counts {percent(float(weights[-1]))}, every other one {percent(float(weights[0]))}: "
        f"{int(weights[-1] / weights[0])} times as much, and {float(weights[-1] * TRAIN_PICTURES):.0f} times as much "
        "as in the share of images."
    )


def figures_table(*more: CourseFigure) -> str:
    """The chapter's other test accuracies, and ``more`` before them, with the totals that they can mean."""
    counts = (TEST_PICTURES, TEST_PICTURES_20)
    tests = " | ".join(f"with {pictures} test images" for pictures in counts)
    lines = [f"| model | trained on | loss | accuracy | {tests} | from |", "|---|---|---|---|---:|---:|---|"]
    for model, data, loss, accuracy, place in (*more, *FIGURES):
        cells = " | ".join(_totals(accuracy, pictures) for pictures in counts)
        lines.append(f"| {model} | {data} | {loss or '–'} | **{accuracy}** | {cells} | {place} |")
    return "\n".join(lines)


def contradiction() -> str:
    """The table's row for the transfer run, compared with the run."""
    run = RUNS["transfer"]
    last = run.epochs[-1]
    with_accuracy = [f"epoch {line.epoch}" for line in run.epochs if line.test_accuracy == TABLE_ROW.accuracy]
    with_loss = [f"epoch {line.epoch}" for line in run.epochs if line.test_loss == TABLE_ROW.loss]
    anagram = "".join(
        f"; it has the digits of epoch {line.epoch}'s {line.test_loss} in another order"
        for line in run.epochs
        if sorted(line.test_loss) == sorted(TABLE_ROW.loss) and line.test_loss != TABLE_ROW.loss
    )
    others = [
        f"the row of {figure.model.split(',')[0]} in the same table"
        for figure in FIGURES
        if (figure.accuracy, figure.place) == (TABLE_ROW.accuracy, TABLE_ROW.place) and figure != TABLE_ROW
    ]
    return (
        f"The table gives the new head on ViT a test loss of {TABLE_ROW.loss} and an accuracy of {TABLE_ROW.accuracy}; "
        f"the run above it ends with {last.test_loss} and {last.test_accuracy}. The accuracy is that of "
        f"{' and of '.join(with_accuracy + others) or 'no epoch'}. The loss is that of "
        f"{' and of '.join(with_loss) or 'no epoch'}{anagram}."
    )


def _totals(printed: str, pictures: int) -> str:
    found = readings(printed, pictures, BATCH_SIZE)
    return " or ".join(f"{r.total} of {pictures}, {percent(r.total / pictures)}" for r in found) or "impossible"


def _odds(chance: float) -> str:
    return "certain" if chance == 1 else percent(chance)
