"""Mistakes between the patches and the head: flatten, permute, class token, positions, and what the head reads."""

import ast
import itertools
import math
import operator
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from explainer.shapes.mistake_case import (
    FUSED,
    JOINS,
    MULTIHEAD,
    RESHAPES,
    Case,
    Finding,
    constant,
    empty_as,
    flowing,
    text,
)
from explainer.shapes.mistake_code import call_of, expression, followed_by, replaced
from explainer.shapes.mistake_trials import ELEMENTWISE, Code, Repair, Run, Seen, Sizes, Step

Change = Callable[[Tensor], Tensor]


def class_token(case: Case) -> Iterator[Finding]:
    """A class token that is joined to the tokens without being expanded to the batch, or expanded wrongly."""
    failing = case.base.failing
    if failing is not None and failing.name in ("expand", "repeat", "broadcast_to", "tile") and not failing.flows:
        yield from _expanded_wrongly(case, failing)
    if not case.base.ran:
        yield from _joined(case, case.base, case.batch, {})
    elif case.batch == 1 and not case.more.ran:  # it fits a batch of one alone
        size = (case.other_batch, *case.picture[1:])
        for finding in _joined(case, case.more, case.other_batch, {"sizes": size}):
            if finding.cause == "class-token-not-expanded":
                yield finding


def _expanded_wrongly(case: Case, step: Step) -> Iterator[Finding]:
    token = step.inputs[0]
    if math.prod(token.sizes) != token.sizes[-1]:
        return
    wanted_all = (case.batch, 1, token.sizes[-1])
    if score := case.tried(Repair(instead={step.index: lambda args, kwargs: args[0].new_zeros(wanted_all)})):
        name = f"self.{token.name}" if token.name and "." not in token.name else "class_token"
        yield Finding(
            "class-token-not-expanded",
            f"a class token {text(token.sizes)} cannot be expanded to {text(step.ints)}",
            f"{text(wanted_all)}: one class token for each of the {case.batch} pictures",
            replaced(step.code, f"{name}.expand({case.batch}, 1, -1)") or f"{name}.expand(x.shape[0], 1, -1)",
            step.code, score,
        )  # fmt: skip


def _joined(case: Case, run: Run, batch: int, given: dict[str, Any]) -> Iterator[Finding]:
    step = run.failing
    if step is None or step.name not in JOINS:
        return
    tokens = max(flowing(step), key=lambda seen: math.prod(seen.sizes), default=None)
    if tokens is None or len(tokens.sizes) != 3:
        return
    width = tokens.sizes[-1]
    axis = _axis_of(step)
    for token in constant(step):
        others = [size for size in token.sizes if size not in (1, width)]
        if math.prod(token.sizes) % width or token.sizes[-1:] != (width,) or any(
            size not in (batch, *tokens.sizes) for size in others
        ):
            continue
        for at in dict.fromkeys((axis, 1, 0)):
            wanted = (*tokens.sizes[:at], 1, *tokens.sizes[at + 1 :])
            if wanted == token.sizes and at == axis:
                continue

            def join(args: Any, kwargs: Any, at: int = at, wanted: Sizes = wanted, token: Seen = token) -> Any:
                parts = [each if tuple(each.shape) != token.sizes else empty_as(each, wanted) for each in args[0]]
                return torch.cat(parts, dim=at)

            score = case.score(case.trials.run(Repair(instead={step.index: join}), **given), batch)
            if not score:
                continue
            if at == axis:
                yield _not_expanded(case, step, token, tokens, wanted, batch, score)
            else:
                yield _along_another_axis(step, token, tokens, axis, at, wanted, score)
            return  # the first that works


def _axis_of(step: Step) -> int:
    """The axis that tensors are joined along; -1 for a new one."""
    if step.name == "stack":
        return -1
    if step.name in ("hstack", "column_stack"):
        return 1
    axis = step.named.get("dim", step.named.get("axis", step.arguments[1] if len(step.arguments) > 1 else 0))
    rank = max(len(each.sizes) for each in step.inputs)
    return axis % rank if isinstance(axis, int) and -rank <= axis < rank else 0


def _not_expanded(
    case: Case, step: Step, token: Seen, tokens: Seen, wanted: Sizes, batch: int, score: int
) -> Finding:
    name = _token_text(step, token) or "self.class_token"
    numbers = "x.shape[0], -1, -1" if len(token.sizes) == 3 and wanted[1] == 1 else ", ".join(map(str, wanted))
    repaired = f"{name}.expand({numbers})"
    alone = "" if case.batch > 1 else f" (it fits a batch of one picture alone: {batch} were tried)"
    return Finding(
        "class-token-not-expanded",
        f"a class token {text(token.sizes)} is joined to tokens {text(tokens.sizes)} of {batch} pictures{alone}",
        f"{text(wanted)}: one class token for each of the {batch} pictures",
        _with_part(step, name, repaired) or f"x = torch.cat(({repaired}, x), dim={_axis_of(step)})", step.code, score,
    )  # fmt: skip


def _along_another_axis(
    step: Step, token: Seen, tokens: Seen, axis: int, at: int, wanted: Sizes, score: int
) -> Finding:
    joined = (*tokens.sizes[:at], tokens.sizes[at] + 1, *tokens.sizes[at + 1 :])
    name = _token_text(step, token) or "class_token"
    also = "" if wanted == token.sizes else f".expand({', '.join(map(str, wanted))})"
    return Finding(
        "sequence-not-joined",
        f"the class token {text(token.sizes)} and the tokens {text(tokens.sizes)} are joined along "
        f"{'a new axis' if axis == -1 else f'axis {axis}'}",
        f"joined along axis {at}, that of the tokens: {text(joined)}", f"x = torch.cat(({name}{also}, x), dim={at})",
        step.code, score,
    )  # fmt: skip


def _token_text(step: Step, token: Seen) -> str:
    """What the user calls the class token in the call that joins it."""
    call = call_of(step.code)
    if call is not None and call.args and isinstance(call.args[0], ast.Tuple | ast.List):
        parts = call.args[0].elts
        seen = [each for each in step.inputs]
        if len(parts) == len(seen):
            return next(ast.unparse(part) for part, each in zip(parts, seen, strict=True) if each is token)
    return f"self.{token.name}" if token.name and "." not in token.name else ""


def _with_part(step: Step, part: str, repaired: str) -> str:
    whole = expression(step.code)
    return replaced(step.code, whole.replace(part, repaired, 1)) if whole and part in whole else ""


def sequence(case: Case) -> Iterator[Finding]:
    """Tokens and positions that differ by one: the class token was forgotten, or joined along another axis."""
    run = case.base
    if run.ran:
        return
    for step in run.steps:  # joined without an error, along an axis that is not the tokens'
        if step.name not in JOINS or not step.flows or not constant(step):
            continue
        tokens = max(flowing(step), key=lambda seen: math.prod(seen.sizes))
        axis = _axis_of(step)
        if len(tokens.sizes) != 3 or axis == 1:
            continue
        joined = (tokens.sizes[0], tokens.sizes[1] + 1, tokens.sizes[2])
        if score := case.tried(Repair(after={step.index: partial(empty_as, sizes=joined)})):
            token = constant(step)[0]
            yield _along_another_axis(step, token, tokens, axis, 1, (tokens.sizes[0], 1, tokens.sizes[2]), score)
            return
    step_or_none = run.failing
    if step_or_none is None:
        return
    step = step_or_none
    if step.name.strip("_") in ELEMENTWISE and len(step.inputs) == 2 and len(flowing(step)) == 1:
        tokens, positions = flowing(step)[0], constant(step)[0]
        yield from _differ_by_one(case, step, tokens.sizes, positions)
    elif step.name in ("expand", "broadcast_to", "expand_as") and not step.flows and step.inputs:
        kept = step.inputs[0].sizes
        wanted: Sizes = step.inputs[1].sizes if len(step.inputs) > 1 else step.ints
        if len(wanted) == len(kept):
            wanted = tuple(old if new == -1 else new for old, new in zip(kept, wanted, strict=True))
        yield from _differ_by_one(case, step, wanted, step.inputs[0])
    elif step.name == "expand_as" and len(step.inputs) == 2 and not step.inputs[0].flows:
        yield from _differ_by_one(case, step, step.inputs[1].sizes, step.inputs[0])


def _differ_by_one(case: Case, step: Step, tokens: Sizes, positions: Seen) -> Iterator[Finding]:
    rows = positions.sizes
    if len(tokens) < 2 or len(rows) < 2 or len(rows) > len(tokens) or tokens[-1] != rows[-1]:
        return
    full = (1,) * (len(tokens) - len(rows)) + rows
    other = [axis for axis, (size, place) in enumerate(zip(tokens, full, strict=True)) if place not in (1, size)]
    if len(other) != 1:
        return
    count, places = tokens[other[0]], full[other[0]]
    fitting_rows = (*full[: other[0]], count, *full[other[0] + 1 :])[len(full) - len(rows) :]
    if abs(count - places) != 1 or not any(case.counts_patches(min(count, places) - extra) for extra in (0, 1)):
        return

    def fitting(args: Any, kwargs: Any) -> Any:
        return args[0].new_zeros(tokens)

    if not (score := case.tried(Repair(instead={step.index: fitting}))):
        return
    if places > count:
        never = _unused_token(case, tokens[-1])
        token = f"self.{never}" if never else "self.class_token"
        forgotten = f"; {never} {text(case.trials.sizes[never])} was never used" if never else ""
        yield Finding(
            "sequence-not-joined",
            f"{count} tokens {text(tokens)} meet {places} positions {text(rows)}: one token is missing{forgotten}",
            f"{places} tokens: the class token and {count} patches",
            f"x = torch.cat(({token}.expand(x.shape[0], -1, -1), x), dim=1)", step.code, score,
        )  # fmt: skip
        return
    name = positions.name.rpartition(".")[2] or "positions"
    yield Finding(
        "sequence-not-joined",
        f"{count} tokens {text(tokens)} meet {places} positions {text(rows)}: the class token, or what was joined to "
        "the patches, has none",
        f"{count} positions: {text(fitting_rows)}",
        f"self.{name} = nn.Parameter(torch.zeros({', '.join(map(str, fitting_rows))}))",
        step.code, score,
    )  # fmt: skip


def _unused_token(case: Case, width: int) -> str:
    return next(
        (name for name, sizes in case.trials.sizes.items()
         if name not in case.base.used and len(sizes) >= 2 and math.prod(sizes) == width == sizes[-1]),
        "",
    )  # fmt: skip


def axes(case: Case) -> Iterator[Finding]:
    """A flatten or a permute that is missing: one put in between makes the model run."""
    run = case.base
    if run.ran:
        return
    best: dict[str, Finding] = {}
    for step in case.ancestors(run):
        if step.name in _REDUCTIONS and len(step.inputs[0].sizes) == 3 and len(step.output) == 2:
            break  # to reduce another axis explains as much as to permute before
        for cause, suffix, change in _changes(step.output):
            if (cause == "missing-batch" and case.batch > 1) or case.tired:
                continue
            trial = case.trials.run(Repair(after={step.index: change}))
            score = case.score(trial)
            if score <= best.get(cause, _NOTHING).score or _scattered(trial, step.index):
                continue
            if not _made_idle(run, trial, step.index):
                best[cause] = _reordered(case, cause, suffix, step, trial.steps[step.index].output, score)
    if run.failing is not None and run.failing.name not in JOINS:
        for place, seen in enumerate(run.failing.inputs[:2]):
            if seen.flows and len(seen.sizes) >= 3 and place < len(run.failing.arguments):
                for finding in _operand(case, run.failing, place, seen):
                    if finding.score > best.get(finding.cause, _NOTHING).score:
                        best[finding.cause] = finding
    if best:
        top = max(finding.score for finding in best.values())
        yield from (finding for finding in best.values() if finding.score == top)


_REORDERINGS = frozenset({"flatten", "reshape", "view", "permute", "transpose", "movedim", "unflatten"})
_REDUCTIONS = frozenset({"mean", "sum", "amax", "max", "select", "getitem", "std", "logsumexp"})
_NOTHING = Finding("", "", "", "", None, 0)


def _changes(sizes: Sizes) -> Iterator[tuple[str, str, Change]]:
    """What may be missing after a tensor of these sizes: the code, and what it does."""
    rank = len(sizes)
    if rank == 2 or (rank == 3 and sizes[0] != 1):
        yield "missing-batch", ".unsqueeze(0)", lambda tensor: tensor.unsqueeze(0)
    if rank == 3:
        yield "missing-permute", ".transpose(1, 2)", lambda tensor: tensor.transpose(1, 2)
    if rank == 4:
        yield "missing-flatten", ".flatten(2)", lambda tensor: tensor.flatten(2)
        yield "missing-flatten", ".flatten(1, 2)", lambda tensor: tensor.flatten(1, 2)
        yield "missing-flatten", ".flatten(2).transpose(1, 2)", lambda tensor: tensor.flatten(2).transpose(1, 2)
    if rank in (5, 6):
        yield "missing-flatten", ".flatten(-3)", lambda tensor: tensor.flatten(-3)
        yield "missing-flatten", ".flatten(1, 2)", lambda tensor: tensor.flatten(1, 2)
        yield "missing-flatten", ".flatten(-2)", lambda tensor: tensor.flatten(-2)
        yield "missing-flatten", ".flatten(1, 2).flatten(2)", lambda tensor: tensor.flatten(1, 2).flatten(2)
    if 4 <= rank <= 6:
        orders = [order for order in itertools.permutations(range(1, rank)) if order != tuple(range(1, rank))]
        if rank == 6:  # two at a time, and the usual one of patches
            orders = [(3, 5, 1, 2, 4), (2, 4, 3, 5, 1), (1, 3, 2, 4, 5), (2, 3, 1, 4, 5), (2, 3, 4, 5, 1), (1, 2, 4, 3, 5)]
        wholes = [(0, *order) for order in orders]
        if rank == 5 and 3 in sizes:  # q, k and v first
            wholes = [(2, 0, 3, 1, 4), (2, 0, 1, 3, 4), (3, 0, 2, 1, 4), *wholes]
        for full in wholes:
            yield "missing-permute", _permuted(full), partial(torch.permute, dims=full)


def _permuted(order: tuple[int, ...]) -> str:
    moved = [place for place, axis in enumerate(order) if place != axis]
    if len(moved) == 2:
        return f".transpose({moved[0]}, {moved[1]})"
    return f".permute({', '.join(map(str, order))})"


def _made_idle(run: Run, trial: Run, start: int) -> bool:
    """Whether a reordering that the code has already does nothing any more after the repair."""
    return any(
        old.name == new.name and old.name in _REORDERINGS and old.flows
        and old.output != old.inputs[0].sizes and new.output == new.inputs[0].sizes
        for old, new in zip(run.steps[start + 1 :], trial.steps[start + 1 :], strict=False)
    )  # fmt: skip


def _scattered(run: Run, start: int) -> bool:
    """Whether the repaired model cuts a tensor across its axes after all."""
    return any(step.index > start and cuts_across(step) for step in run.steps)


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
    ends = sorted({*_ends(many), *_ends(few)})
    return any(b % a for a, b in itertools.pairwise(ends))


def _ends(sizes: Sizes) -> list[int]:
    return list(itertools.accumulate(reversed(sizes), operator.mul))


def _merges(many: Sizes, few: Sizes) -> bool:
    """Whether each of ``few`` is the product of neighbours of ``many``, in order."""
    return set(_ends(few)) <= set(_ends(many))


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


def _reordered(case: Case, cause: str, suffix: str, step: Step, after: Sizes, score: int) -> Finding:
    before = step.output
    if cause == "missing-flatten":
        found = f"the tokens come as {text(before)}: {_grid_said(before, suffix)}"
    elif cause == "missing-batch":
        found = f"a batch of one picture comes as {text(before)}: its first axis is not the batch"
    elif len(before) == 3 and case.counts_patches(before[2]):
        found = f"the tokens come as {text(before)}: {before[1]} numbers before {before[2]} patches"
    elif len(before) == 4 and case.grid in (before[2:], None) and after[-1] == before[1]:
        found = f"the patches come as {text(before)}: {before[1]} channels before the grid of {before[2]} x {before[3]}"
    else:
        found = f"the axes come as {text(before)}, in another order than what follows takes them"
    return Finding(cause, found, text(after), followed_by(step.code, suffix), step.code, score)


def _grid_said(before: Sizes, suffix: str) -> str:
    if "transpose" in suffix:
        return f"{before[1]} channels before a grid of {before[2]} x {before[3]}, instead of a sequence"
    if suffix == ".flatten(2)" and len(before) == 4:
        return f"{before[2]} x {before[3]} is still two axes"
    if suffix == ".flatten(1, 2)":
        return f"the grid {before[1]} x {before[2]} is still two axes, instead of {before[1] * before[2]} tokens"
    return "axes that belong together are still apart"


def _operand(case: Case, failing: Step, place: int, seen: Seen) -> Iterator[Finding]:
    """One of the two that could not be multiplied, turned: ``k`` of ``q k`` transposed."""
    rank = len(seen.sizes)

    def turned(args: Any, kwargs: Any) -> Any:
        changed = list(args)
        changed[place] = changed[place].transpose(-2, -1)
        return tuple(changed), kwargs

    if failing.name not in ("matmul", "bmm", "rmatmul") or len(flowing(failing)) != 2:
        return
    trial = case.trials.run(Repair(before={failing.index: turned}))
    score = case.score(trial)
    other = failing.inputs[1 - place].sizes
    if not score or place == 0 or seen.sizes != other:
        return
    whole = expression(failing.code)
    said = "q @ k.transpose(-2, -1)" if rank else ""
    for mark in ("@",):
        if mark in whole:
            left, _, right = whole.rpartition(mark)
            said = replaced(failing.code, f"{left.strip()} @ {right.strip()}.transpose(-2, -1)") or said
    yield Finding(
        "missing-permute",
        f"{text(other)} times {text(seen.sizes)}: the last axis {other[-1]} meets {seen.sizes[-2]}",
        f"{text((*seen.sizes[:-2], seen.sizes[-1], seen.sizes[-2]))} as the second", said, failing.code, score,
    )  # fmt: skip


def head(case: Case) -> Iterator[Finding]:
    """A head that is given every token instead of one vector per picture."""
    if not case.base.ran:
        yield from _head_fails(case)
        return
    outputs = case.base.outputs
    if not outputs or not case.is_picture:
        return
    linear = next((step for step in reversed(case.base.steps) if step.name == "linear" and step.flows), None)
    if linear is None or linear.index < len(case.base.steps) - 4 or len(linear.output) not in (2, 3):
        return
    given, made = linear.inputs[0].sizes, linear.output
    if made not in outputs and not (case.expected and len(case.expected) == 2):
        return
    if len(given) == 3 and given[0] == case.batch and given[1] > 1 and _is_answer(case, linear):
        if case.expected is not None and case.expected == made:
            return
        if not any(case.counts_patches(given[1] - extra) for extra in (0, 1, 2)):
            return
        score = case.tried(Repair(before={linear.index: _first_token}))
        if score >= 2:
            yield _reads_all(case, linear, given, score)
    elif len(given) == 2 and made[0] != case.batch and made in outputs:
        source = linear.inputs[0].source
        while source >= 0:
            step = case.base.steps[source]
            before = step.inputs[0].sizes if step.inputs else ()
            flat = len(before) == 3 and before[0] == case.batch and given == (before[0] * before[1], before[2])
            if flat and step.name in RESHAPES:
                score = case.tried(Repair(instead={step.index: lambda args, kwargs: args[0][:, 0]}))
                if score >= 2:
                    yield _reads_all(case, linear, before, score)
                return
            if len(before) == 3 and before[0] == case.batch and before[1:] == given and len(step.output) == 2:
                if step.name not in ("getitem", "select"):
                    return
                score = case.tried(Repair(instead={step.index: lambda args, kwargs: args[0][:, 0]}))
                if score >= 2:
                    yield _one_picture(step, before, score)
                return
            if step.output != given:
                return
            source = step.inputs[0].source


def _one_picture(step: Step, before: Sizes, score: int) -> Finding:
    return Finding(
        "head-reads-all-tokens",
        f"of {text(before)} the first picture is taken, with all its {before[1]} tokens",
        f"{text((before[0], before[2]))}: the first token of each of the {before[0]} pictures",
        replaced(step.code, expression(step.code).replace("[0]", "[:, 0]")) or "x = x[:, 0]", step.code, score,
    )  # fmt: skip


def _is_answer(case: Case, linear: Step) -> bool:
    """Whether a linear layer on tokens is a head, rather than an encoder's last or a decoder's of pixels."""
    width, made = linear.inputs[0].sizes[-1], linear.output[-1]
    if case.expected is not None:
        return True
    if made == width or any(made == patch * patch * case.channels for patch in case.patches):
        return False
    return any(
        step.name in (MULTIHEAD, FUSED, "softmax") or (step.name in JOINS and step.flows and constant(step))
        or (step.name in ELEMENTWISE and step.flows and any(len(each.sizes) >= 2 for each in constant(step)))
        for step in case.base.steps[: linear.index]
    )  # fmt: skip


def _first_token(args: Any, kwargs: Any) -> Any:
    return (args[0][:, 0], *args[1:]), kwargs


def _reads_all(case: Case, linear: Step, given: Sizes, score: int) -> Finding:
    classes = linear.output[-1]
    with_token = case.counts_patches(given[1] - 1)
    what = f"the class token and {given[1] - 1} patches" if with_token else f"{given[1]} tokens"
    suffix = "[:, 0]" if with_token else ".mean(dim=1)"
    call = call_of(linear.code)
    fix = f"logits = self.head(x{suffix})"
    if call is not None and len(call.args) == 1 and not call.keywords:
        fix = replaced(linear.code, f"{ast.unparse(call.func)}({ast.unparse(call.args[0])}{suffix})") or fix
    return Finding(
        "head-reads-all-tokens",
        f"the head is given {text(given)}, {what}, and answers {text(linear.output)}: {given[1]} answers per picture",
        f"{text((given[0], given[2]))} to the head, and {text((given[0], classes))} from it", fix, linear.code, score,
    )  # fmt: skip


def _head_fails(case: Case) -> Iterator[Finding]:
    mixing = [step.index for step in case.base.steps if step.name in (MULTIHEAD, FUSED, "softmax") and step.flows]
    if not mixing:
        return
    for step in case.ancestors(case.base, 6):
        sizes = step.output
        if len(sizes) != 3 or sizes[0] != case.batch or sizes[1] < 2 or step.index < mixing[-1]:
            continue
        run = case.trials.run(Repair(after={step.index: lambda tensor: tensor[:, 0]}))
        score = case.score(run)
        if score < 2 or any(len(later.output) > 2 for later in run.steps[step.index + 1 :]):
            continue
        failing = case.base.failing
        given = failing.inputs[0].sizes if failing and failing.inputs else sizes
        flat = f" = {sizes[1]} x {sizes[2]} numbers of each picture" if given == (sizes[0], sizes[1] * sizes[2]) else ""
        suffix = "[:, 0]" if case.counts_patches(sizes[1] - 1) else ".mean(dim=1)"
        fix, code = _to_the_head(case, step, suffix)
        yield Finding(
            "head-reads-all-tokens",
            f"all {sizes[1]} tokens {text(sizes)} go on to the head, which is given {text(given)}{flat}",
            f"{text((sizes[0], sizes[2]))}: one vector per picture", fix, code, score,
        )  # fmt: skip
        return


def _to_the_head(case: Case, step: Step, suffix: str) -> tuple[str, Code | None]:
    """The line that hands the tokens of a step on, with one vector of each picture instead."""
    every = [*case.base.steps, *([case.base.failing] if case.base.failing else [])]
    taker = next((each for each in every if any(seen.source == step.index for seen in each.inputs)), None)
    call = call_of(taker.code) if taker else None
    if taker is not None and call is not None:
        function, given = call.func, call.args[:1]
        if taker.name in RESHAPES and isinstance(function, ast.Attribute):
            owner = given[0] if ast.unparse(function.value) in ("torch", "F") and given else function.value
            if fix := replaced(taker.code, ast.unparse(owner) + suffix):
                return fix, taker.code
        if len(call.args) == 1 and not call.keywords:
            if fix := replaced(taker.code, f"{ast.unparse(function)}({ast.unparse(call.args[0])}{suffix})"):
                return fix, taker.code
    return followed_by(step.code, suffix), step.code


def sliced_positions(case: Case) -> Iterator[Finding]:
    """Positions of a larger picture, of which the first rows are taken: they fit, and belong to other places."""
    if not case.base.ran or not case.is_picture:
        return
    for step in case.base.steps:
        if step.name.strip("_") not in ELEMENTWISE or len(step.inputs) != 2 or len(flowing(step)) != 1:
            continue
        tokens, positions = flowing(step)[0], constant(step)[0]
        if positions.source < 0 or len(positions.sizes) < 2 or len(tokens.sizes) != 3:
            continue
        cut = case.base.steps[positions.source]
        if cut.name not in ("getitem", "narrow") or not cut.inputs or len(cut.inputs) != 1:
            continue
        before, after = cut.inputs[0].sizes, cut.output
        if len(before) != len(after) or before[-1] != after[-1] or before[-2] == after[-2] or not cut.inputs[0].name:
            continue
        never = _unused_token(case, before[-1])
        if never and before[-2] == after[-2] + 1 and case.counts_patches(after[-2]) and tokens.sizes[-2] == after[-2]:
            yield Finding(
                "sequence-not-joined",
                f"{after[-2]} tokens {text(tokens.sizes)} get the first of {before[-2]} positions; {never} "
                f"{text(case.trials.sizes[never])} was never used",
                f"{before[-2]} tokens: the class token and {after[-2]} patches",
                f"x = torch.cat((self.{never}.expand(x.shape[0], -1, -1), x), dim=1)", cut.code, 1,
            )  # fmt: skip
            return
        for extra in (1, 0, 2):
            side = math.isqrt(max(0, before[-2] - extra))
            if side * side != before[-2] - extra or not case.counts_patches(after[-2] - extra):
                continue
            if side * side == after[-2] - extra:
                continue
            small = math.isqrt(after[-2] - extra)
            more = f" + {extra}" if extra else ""
            yield Finding(
                "positions-of-another-resolution",
                f"of {before[-2]} = {side} x {side}{more} positions the first {after[-2]} are taken for a grid of "
                f"{small} x {small}: the second row of patches gets positions of the first",
                f"the {side} x {side} grid of positions interpolated to {small} x {small}",
                f"model(torch.nn.functional.interpolate(x, scale_factor={side / small:g}))  # or interpolate the positions",
                cut.code, 1,
            )  # fmt: skip
            return
