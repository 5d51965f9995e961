"""A flatten or a permute that is missing: one put in between makes the model run."""

import itertools
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from explainer.shapes.diagnosis.case import SIDES, Case, Finding, text
from explainer.shapes.diagnosis.code import expression, followed_by, replaced
from explainer.shapes.diagnosis.reshapes import cuts_across
from explainer.shapes.diagnosis.steps import Repair, Run, Sizes, Step

Change = Callable[[Tensor], Tensor]
_REORDERINGS = frozenset({"flatten", "reshape", "view", "permute", "transpose", "movedim", "unflatten"})
_REDUCTIONS = frozenset({"mean", "sum", "amax", "max", "select", "getitem", "std", "logsumexp"})
_NOTHING = Finding("", "", "", "", None, 0)


def axes(case: Case) -> Iterator[Finding]:
    """A flatten or a permute that is missing: one put in between makes the model run."""
    run = case.original
    if run.completed:
        return
    best: dict[str, Finding] = {}
    for step in case.steps_before_failure():
        if step.name in _REDUCTIONS and len(step.inputs[0].sizes) == 3 and len(step.output) == 2:
            break  # to reduce another axis explains as much as to permute before
        for cause, suffix, change in _possible_changes(step.output):
            if case.is_out_of_time or (cause == "missing-batch" and (case.batch > 1 or _has_batch(case, step))):
                continue
            if cause == "missing-permute" and _turns_the_grid(case, step, change):
                continue
            repair = Repair(after={step.index: change})
            trial = case.trials.run(repair)
            score = case.rate(trial)
            if score <= best.get(cause, _NOTHING).score or _mixes_axes_later(trial, step.index):
                continue
            if not _makes_reordering_idle(run, trial, step.index) and (
                cause == "missing-batch" or case.generalises(repair, step)
            ):
                best[cause] = _reordering_finding(case, cause, suffix, step, trial.steps[step.index].output, score)
    for finding in _find_untransposed_keys(case):
        if finding.score > best.get(finding.cause, _NOTHING).score:
            best[finding.cause] = finding
    top = max((finding.score for finding in best.values()), default=0)
    yield from (finding for finding in best.values() if finding.score == top)


def _possible_changes(sizes: Sizes) -> Iterator[tuple[str, str, Change]]:
    """What may be missing after a tensor of these sizes: the code, and what it does."""
    rank = len(sizes)
    if rank == 2 or (rank == 3 and sizes[0] != 1):
        yield "missing-batch", ".unsqueeze(0)", lambda tensor: tensor.unsqueeze(0)
    if rank == 3:
        yield "missing-permute", ".transpose(1, 2)", lambda tensor: tensor.transpose(1, 2)
    for suffix, change in _FLATTENINGS.get(rank, {}).items():
        yield "missing-flatten", suffix, change
    if 4 <= rank <= 6:
        orders = [order for order in itertools.permutations(range(1, rank)) if order != tuple(range(1, rank))]
        if rank == 6:  # two at a time, and the usual one of patches
            orders = [(3, 5, 1, 2, 4), (2, 4, 3, 5, 1), (1, 3, 2, 4, 5), (2, 3, 1, 4, 5), (2, 3, 4, 5, 1)]
        wholes = [(0, *order) for order in orders]
        if rank == 5 and 3 in sizes:  # q, k and v first
            wholes = [(2, 0, 3, 1, 4), (2, 0, 1, 3, 4), (3, 0, 2, 1, 4), *wholes]
        for full in wholes:
            yield "missing-permute", _permute_code(full), partial(torch.permute, dims=full)


_FLATTENINGS: dict[int, dict[str, Change]] = {  # number of axes -> code, and what it does
    4: {
        ".flatten(2)": lambda tensor: tensor.flatten(2),
        ".flatten(1, 2)": lambda tensor: tensor.flatten(1, 2),
        ".flatten(2).transpose(1, 2)": lambda tensor: tensor.flatten(2).transpose(1, 2),
    },
    5: {
        ".flatten(-3)": lambda tensor: tensor.flatten(-3),
        ".flatten(1, 2)": lambda tensor: tensor.flatten(1, 2),
        ".flatten(-2)": lambda tensor: tensor.flatten(-2),
        ".flatten(1, 2).flatten(2)": lambda tensor: tensor.flatten(1, 2).flatten(2),
    },
}
_FLATTENINGS[6] = _FLATTENINGS[5]


def _has_batch(case: Case, step: Step) -> bool:
    """Whether an axis of its tensor grows with the number of pictures: then no axis of the batch is missing."""
    larger = case.larger_step(step.index)
    return larger is not None and any(case.growing_axes(step.output, larger.output))


def _turns_the_grid(case: Case, step: Step, change: Change) -> bool:
    """Whether a change of order exchanges rows and columns, or takes them apart: that may make equal sizes meet, and is
    no permute that is missing.
    """
    kinds = case.axis_kinds(step.index)
    if not {"rows", "columns"} <= set(kinds):
        return False
    places = change(torch.empty(tuple(range(2, 2 + len(kinds))), device="meta")).shape
    after = [kinds[place - 2] for place in places]
    apart = ("rows", "columns") in itertools.pairwise(kinds) and ("rows", "columns") not in itertools.pairwise(after)
    return apart or [kind for kind in kinds if kind in SIDES] != [kind for kind in after if kind in SIDES]


def _permute_code(order: tuple[int, ...]) -> str:
    moved = [place for place, axis in enumerate(order) if place != axis]
    if len(moved) == 2:
        return f".transpose({moved[0]}, {moved[1]})"
    return f".permute({', '.join(map(str, order))})"


def _makes_reordering_idle(run: Run, trial: Run, start: int) -> bool:
    """Whether a reordering that the code has already does nothing any more after the repair."""
    return any(
        old.name == new.name
        and old.name in _REORDERINGS
        and old.flows
        and old.output != old.inputs[0].sizes
        and new.output == new.inputs[0].sizes
        for old, new in zip(run.steps[start + 1 :], trial.steps[start + 1 :], strict=False)
    )


def _mixes_axes_later(run: Run, start: int) -> bool:
    """Whether the repaired model cuts a tensor across its axes after all."""
    return any(step.index > start and cuts_across(step) for step in run.steps)


def _reordering_finding(case: Case, cause: str, suffix: str, step: Step, after: Sizes, score: int) -> Finding:
    before = step.output
    if cause == "missing-flatten":
        found = f"the tokens come as {text(before)}: {_describe_grid(before, suffix)}"
    elif cause == "missing-batch":
        found = f"a batch of one picture comes as {text(before)}: its first axis is not the batch"
    elif len(before) == 3 and case.may_be_patch_count(before[2]):
        found = f"the tokens come as {text(before)}: {before[1]} numbers before {before[2]} patches"
    elif len(before) == 4 and case.grid in (before[2:], None) and after[-1] == before[1]:
        found = f"the patches come as {text(before)}: {before[1]} channels before the grid of {before[2]} x {before[3]}"
    else:
        found = f"the axes come as {text(before)}, not in the order that the next step expects"
    return Finding(cause, found, text(after), followed_by(step.code, suffix), step.code, score)


def _describe_grid(before: Sizes, suffix: str) -> str:
    if "transpose" in suffix:
        return f"{before[1]} channels before a grid of {before[2]} x {before[3]}, instead of a sequence"
    if suffix == ".flatten(2)" and len(before) == 4:
        return f"{before[2]} x {before[3]} is still two axes"
    if suffix == ".flatten(1, 2)":
        return f"the grid {before[1]} x {before[2]} is still two axes, instead of {before[1] * before[2]} tokens"
    return "axes that belong together are still separate"


def _find_untransposed_keys(case: Case) -> Iterator[Finding]:
    """The second of two that could not be multiplied, turned: ``k`` of ``q k`` transposed."""
    failing = case.original.failing
    if failing is None or failing.name not in ("matmul", "bmm", "rmatmul") or len(failing.flowing) != 2:
        return
    query, key = failing.inputs[:2]
    if not key.flows or len(key.sizes) < 3 or key.sizes != query.sizes or len(failing.arguments) < 2:
        return
    whole = expression(failing.code)
    fix = "q @ k.transpose(-2, -1)"
    if "@" in whole:
        left, _, right = whole.rpartition("@")
        fix = replaced(failing.code, f"{left.strip()} @ {right.strip()}.transpose(-2, -1)") or fix
    finding = Finding(
        "missing-permute",
        f"{text(query.sizes)} times {text(key.sizes)}: the last axis {query.sizes[-1]} meets {key.sizes[-2]}",
        f"{text((*key.sizes[:-2], key.sizes[-1], key.sizes[-2]))} as the second",
        fix,
        failing.code,
    )
    repair = Repair(
        before={failing.index: lambda args, kwargs: ((args[0], args[1].transpose(-2, -1), *args[2:]), kwargs)}
    )
    yield from case.confirmed(finding, repair)


def square_tokens(case: Case) -> Iterator[Finding]:
    """As many patches as numbers in a vector: without its permute the model runs, until the picture is another."""
    if not case.original.completed or not case.is_picture or not case.patch_sizes:
        return
    candidates = [
        step
        for step in case.original.steps
        if step.flows
        and len(step.output) == 3
        and step.output[1] == step.output[2]
        and case.may_be_patch_count(step.output[1])
    ]
    if not candidates:
        return
    patch = case.patch_sizes[0]
    grid = (case.shape[2] // patch + 1, case.shape[3] // patch + 1)
    sizes = (*case.shape[:2], grid[0] * patch, grid[1] * patch)
    if case.trials.run(Repair(lenient=True), sizes=sizes).completed:
        return
    for step in candidates[:3]:
        if not case.rate(case.trials.run(Repair(after={step.index: lambda tensor: tensor.transpose(1, 2)}))):
            continue
        repair = Repair(after={step.index: lambda tensor: tensor.transpose(1, 2)}, lenient=True)
        if case.rate(case.trials.run(repair, sizes)):
            size = step.output[1]
            yield Finding(
                "missing-permute",
                f"{text(step.output)} has the {size} channels before the {size} patches; it fits only because "
                "the two numbers are equal",
                f"patches before channels: with {grid[0]} x {grid[1]} patches it must be "
                f"{text((step.output[0], grid[0] * grid[1], size))}",
                followed_by(step.code, ".transpose(1, 2)"),
                step.code,
                2,
            )
            return
