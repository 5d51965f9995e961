"""A reshape that fits the count of numbers and mixes the axes, where a permute was meant."""

import itertools
import math
import operator
from collections.abc import Iterable, Iterator
from dataclasses import replace

from explainer.shapes.diagnosis.case import COLOURS, Case, Finding, text
from explainer.shapes.diagnosis.code import expression, replaced
from explainer.shapes.diagnosis.steps import INPUT, Repair, Sizes, Step


def cuts_across(*runs: Step) -> bool:
    """Whether one reshape, in one run or with other sizes in several, mixes axes: with all sizes by their order, or
    with any because they do not divide each other.
    """
    return any(_indivisible(step) for step in runs) or all(_in_another_order(step) for step in runs)


def _in_another_order(step: Step) -> bool:
    """Whether its sizes are products of the axes in another order than these have."""
    many, few = _without_ones(step)
    return bool(few) and not _merges(many, few) and len(many) > len(few) and _merges_reordered(many, few)


def _without_ones(step: Step) -> tuple[Sizes, Sizes]:
    """The sizes before and after a reshape, those with more axes first; empty if it is none."""
    if step.name not in ("reshape", "view", "unflatten") or not step.inputs or not step.output or not step.flows:
        return (), ()
    before, after = (tuple(size for size in sizes if size != 1) for sizes in (step.inputs[0].sizes, step.output))
    if 0 in before or 0 in after:
        return (), ()
    return (before, after) if len(before) >= len(after) else (after, before)


def _indivisible(step: Step) -> bool:
    """Whether a reshape gives axes that are neither whole axes of before, nor parts or products of them.

    The places where axes end, counted in numbers from the last, must divide each other: (192, 14, 14) into (196, 192)
    takes 192 of rows of 196.
    """
    many, few = _without_ones(step)
    ends = sorted({*_axis_ends(many), *_axis_ends(few)})
    return any(b % a for a, b in itertools.pairwise(ends))


def _axis_ends(sizes: Sizes) -> list[int]:
    return list(itertools.accumulate(reversed(sizes), operator.mul))


def _merges(many: Sizes, few: Sizes) -> bool:
    """Whether each of ``few`` is the product of neighbours of ``many``, in order."""
    return set(_axis_ends(few)) <= set(_axis_ends(many))


def _merges_reordered(many: Sizes, few: Sizes) -> bool:
    """Whether each of ``few`` is the product of some of ``many``, each used once."""
    if not few:
        return not many
    for count in range(1, len(many) + 1):
        for chosen in itertools.combinations(range(len(many)), count):
            if math.prod(many[place] for place in chosen) == few[0]:
                rest = tuple(size for place, size in enumerate(many) if place not in chosen)
                if _merges_reordered(rest, few[1:]):
                    return True
    return False


def cut_across(case: Case) -> Iterator[Finding]:
    """A reshape that fits the count of numbers and mixes the axes, where a permute was meant."""
    if not case.original.completed or not case.is_picture:
        return
    larger_batch, larger_grid = case.larger_run.steps, _steps_of_another_grid(case)
    for step in case.original.steps:
        same = [step]
        if step.index < len(larger_batch):
            same.append(larger_batch[step.index])
        if step.index < len(larger_grid) and not _counts_the_grid(case, step, larger_grid[step.index]):
            same.append(larger_grid[step.index])
        same = [other for other in same if other.name == step.name]
        if not cuts_across(*same):
            continue
        finding = _mixing_finding(step, same)
        channels = case.shape[3]
        if step.inputs[0].source == INPUT and channels in COLOURS and channels == step.output[1]:
            finding = replace(
                finding,
                cause="channels-last",
                found=f"the model was given {text(case.shape)}: the {channels} channels are the last axis, and "
                f"it takes the first after the batch for them: {text(step.output)}",
                expected=f"{text((case.shape[0], channels, *case.shape[1:3]))}: the channels before the rows",
                fix="logits = model(x.permute(0, 3, 1, 2))",
            )
        yield finding
        return


def _counts_the_grid(case: Case, step: Step, larger: Step) -> bool:
    """Whether a reshape is written for this grid alone: with another one it may well cut across axes."""
    numbers = step.whole_numbers
    if case.grid is None or numbers != larger.whole_numbers or step.inputs[:1] == larger.inputs[:1]:
        return False
    count = math.prod(case.grid)
    return case.grid in itertools.pairwise(numbers) or (count in numbers and step.inputs[0].sizes.count(count) < 2)


def _steps_of_another_grid(case: Case) -> tuple[Step, ...]:
    """The model on a picture with another number of patches, as far as it goes."""
    if not case.patch_sizes:
        return ()
    patch = max(case.patch_sizes)
    rows = 13 if case.shape[2] // patch != 13 else 11
    return case.trials.run(Repair(lenient=True), sizes=(*case.shape[:2], rows * patch, rows * patch)).steps


def _mixing_finding(step: Step, same: list[Step]) -> Finding:
    before, after = step.inputs[0].sizes, step.output
    fix = "permute before the reshape"
    if found := _find_order(same):
        order, shape = found
        permute, reshape = f"permute({_listed(order)})", f"reshape({_listed(shape or after)})"
        fix = f"x = x.{reshape}.{permute}" if shape else f"x = x.{permute}.{reshape}"
        owner, _, call = expression(step.code).rpartition(".")
        if owner and not shape and call.startswith(("reshape", "view")):
            moved = [place for place, axis in enumerate(order) if place != axis]
            reordering = f"transpose({_listed(moved)})" if len(moved) == 2 else permute
            fix = replaced(step.code, f"{owner}.{reordering}.{call.replace('view', 'reshape', 1)}") or fix
    return Finding(
        "missing-permute",
        f"{text(before)} is reshaped to {text(after)} in the order of memory: this mixes numbers of different axes, "
        "although their count fits",
        f"the axes of {text(before)} put into the order of {text(after)} first",
        fix,
        step.code,
        2,
        is_tried=False,
    )


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def _find_order(same: list[Step]) -> tuple[Sizes, Sizes] | None:
    """The order of axes that makes the reshape one of whole axes, and the shape before it if it must come after."""
    rank, rank_after = len(same[0].inputs[0].sizes), len(same[0].output)
    if rank > 6 or any(len(step.inputs[0].sizes) != rank for step in same):
        return None
    # What is innermost stays so where it can: the numbers of one head stay together.
    orders = itertools.permutations(range(rank))
    for order in sorted(orders, key=lambda order: (order[0], order[-1] != rank - 1, _count_moves(order))):
        inputs = [replace(step.inputs[0], sizes=_in_order(step.inputs[0].sizes, order)) for step in same]
        if not cuts_across(*(replace(step, inputs=(tensor,)) for step, tensor in zip(same, inputs, strict=True))):
            return order, ()
    if rank_after > 6:
        return None
    orders = itertools.permutations(range(rank_after))
    for order in sorted(orders, key=lambda order: (order[0], _count_moves(order))):
        if not cuts_across(*(replace(step, outputs=(_in_order(step.output, order),)) for step in same)):
            return tuple(map(order.index, range(rank_after))), _in_order(same[0].output, order)
    return None


def _in_order(sizes: Sizes, order: Sizes) -> Sizes:
    return tuple(sizes[axis] for axis in order)


def _count_moves(order: tuple[int, ...]) -> int:
    """How far an order is from leaving everything where it is."""
    return sum(b != a + 1 for a, b in itertools.pairwise(order))
