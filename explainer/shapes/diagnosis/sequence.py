"""Mistakes of the sequence: its class token, and its positions."""

import ast
import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

from explainer.shapes.diagnosis.case import (
    JOINS,
    Case,
    Finding,
    text,
)
from explainer.shapes.diagnosis.code import call_of, expression, is_method_of, operand_names, replaced
from explainer.shapes.diagnosis.steps import ELEMENTWISE, Repair, Run, Sizes, Step, StepInput
from explainer.shapes.recording.code_lines import Code


def class_token(case: Case) -> Iterator[Finding]:
    """A class token that is joined to the tokens without being expanded to the batch, or expanded wrongly."""
    failing = case.original.failing
    if failing is not None and failing.name in ("expand", "repeat", "broadcast_to", "tile") and not failing.flows:
        yield from _find_wrong_expand(case, failing)
    if not case.original.completed:
        yield from _find_joined_token(case, case.original, case.batch, {})
    elif case.batch == 1 and not case.larger_run.completed:  # it fits a batch of one alone
        size = (case.larger_batch, *case.shape[1:])
        for finding in _find_joined_token(case, case.larger_run, case.larger_batch, {"sizes": size}):
            if finding.cause == "class-token-not-expanded":
                yield finding


def _find_wrong_expand(case: Case, step: Step) -> Iterator[Finding]:
    token = step.inputs[0]
    if math.prod(token.sizes) != token.sizes[-1]:
        return
    wanted_all = (case.batch, 1, token.sizes[-1])
    if score := case.try_repair(Repair(instead={step.index: lambda args, kwargs: args[0].new_zeros(wanted_all)})):
        call = call_of(step.code)
        name = ast.unparse(call.func.value) if call is not None and isinstance(call.func, ast.Attribute) else ""
        repaired = f"{name}.expand({case.batch}, 1, -1)" if name else ""
        yield Finding(
            "class-token-not-expanded",
            f"a class token {text(token.sizes)} cannot be expanded to {text(step.whole_numbers)}",
            f"{text(wanted_all)}: one class token for each of the {case.batch} pictures",
            (replaced(step.code, repaired) if name else "") or f"expand it to {text(wanted_all)}",
            step.code,
            score,
        )


def _find_joined_token(case: Case, run: Run, batch: int, given: dict[str, Any]) -> Iterator[Finding]:
    step = run.failing
    if step is None or step.name not in JOINS:
        return
    tokens = max(step.flowing, key=lambda seen: math.prod(seen.sizes), default=None)
    if tokens is None or len(tokens.sizes) != 3:
        return
    width = tokens.sizes[-1]
    axis = _joined_axis(step)
    for token in step.constant:
        others = [size for size in token.sizes if size not in (1, width)]
        if math.prod(token.sizes) % width or token.sizes[-1:] != (width,):
            continue
        several = len(token.sizes) == 3 and axis in (0, 1) and token.sizes[1 - axis] == 1
        if not several and any(size not in (batch, *tokens.sizes) for size in others):
            continue
        for at in dict.fromkeys((axis, 1, 0)):
            count = 1
            if at == axis and several:
                whole = _parameter_shape(run, token)
                count = token.sizes[at] if math.prod(whole) > width else 1  # several tokens in one parameter
            wanted = (*tokens.sizes[:at], count, *tokens.sizes[at + 1 :])
            if wanted == token.sizes and at == axis:
                continue

            def join(args: Any, kwargs: Any, at: int = at, wanted: Sizes = wanted, token: StepInput = token) -> Any:
                parts = [
                    tensor if tuple(tensor.shape) != token.sizes else tensor.new_zeros(wanted) for tensor in args[0]
                ]
                return torch.cat(parts, dim=at)

            score = case.rate(case.trials.run(Repair(instead={step.index: join}), **given), batch)
            if not score:
                continue
            if at == axis:
                yield _not_expanded_finding(case, step, token, tokens, wanted, batch, score)
            else:
                yield _wrong_axis_finding(step, token, tokens, axis, at, wanted, score)
            return  # the first that works


def _parameter_shape(run: Run, token: StepInput) -> Sizes:
    """The shape of the parameter that was expanded or repeated to a token; its own if it is one."""
    while token.source >= 0 and len(run.steps[token.source].inputs) == 1:
        token = run.steps[token.source].inputs[0]
    return token.sizes


def _joined_axis(step: Step) -> int:
    """The axis that tensors are joined along; -1 for a new one."""
    if step.name == "stack":
        return -1
    if step.name in ("hstack", "column_stack"):
        return 1
    axis = step.keywords.get("dim", step.keywords.get("axis", step.arguments[1] if len(step.arguments) > 1 else 0))
    rank = max(len(tensor.sizes) for tensor in step.inputs)
    return axis % rank if isinstance(axis, int) and -rank <= axis < rank else 0


def _not_expanded_finding(
    case: Case, step: Step, token: StepInput, tokens: StepInput, wanted: Sizes, batch: int, score: int
) -> Finding:
    name = _token_text(step, token)
    batch_first = len(token.sizes) == 3 and wanted[1] == token.sizes[1]
    among = _token_text(step, tokens)
    by_name = batch_first and among.isidentifier()
    numbers = f"{among}.shape[0], -1, -1" if by_name else ", ".join(map(str, wanted))
    repaired = f"{name}.expand({numbers})"
    alone = "" if case.batch > 1 else f" (it fits a batch of one picture alone: {batch} were tried)"
    one, what = "one class token", "a class token"
    if math.prod(token.sizes) > tokens.sizes[-1] and wanted[_joined_axis(step)] > 1:
        one, what = f"these {wanted[_joined_axis(step)]} tokens", "a parameter of several tokens"
    return Finding(
        "class-token-not-expanded",
        f"{what} {text(token.sizes)} is joined to tokens {text(tokens.sizes)} of {batch} pictures{alone}",
        f"{text(wanted)}: {one} for each of the {batch} pictures",
        (_replace_part(step, name, repaired) if name else "") or f"expand it to {text(wanted)} before it is joined",
        step.code,
        score,
    )


def _wrong_axis_finding(
    step: Step, token: StepInput, tokens: StepInput, axis: int, at: int, wanted: Sizes, score: int
) -> Finding:
    joined = (*tokens.sizes[:at], tokens.sizes[at] + 1, *tokens.sizes[at + 1 :])
    return Finding(
        "sequence-not-joined",
        f"the class token {text(token.sizes)} and the tokens {text(tokens.sizes)} are joined along "
        f"{'a new axis' if axis == -1 else f'axis {axis}'}",
        f"joined along axis {at}, that of the tokens: {text(joined)}",
        _rejoin_line(step, token, at, wanted) or f"torch.cat along dim={at}, the class token as {text(wanted)}",
        step.code,
        score,
        "The class token is joined along the wrong axis",
    )


def _rejoin_line(step: Step, token: StepInput, at: int, wanted: Sizes) -> str:
    """Write the user's line so that it joins along another axis; empty where that cannot be read."""
    call, parts = call_of(step.code), _joined_parts(step)
    if call is None or not parts:
        return ""
    expanded = "" if wanted == token.sizes else f".expand({', '.join(map(str, wanted))})"
    names = ", ".join(name + (expanded if tensor is token else "") for name, tensor in parts)
    owner = f"{ast.unparse(call.func.value)}." if isinstance(call.func, ast.Attribute) else ""
    both = f"[{names}]" if isinstance(call.args[0], ast.List) else f"({names})"
    return replaced(step.code, f"{owner}cat({both}, dim={at})")


def _joined_parts(step: Step) -> list[tuple[str, StepInput]]:
    """Name the tensors that a call joins as the user does; empty where that cannot be read."""
    call = call_of(step.code)
    if call is None or not call.args or not isinstance(call.args[0], ast.Tuple | ast.List):
        return []
    names = [ast.unparse(part) for part in call.args[0].elts]
    return list(zip(names, step.inputs, strict=True)) if len(names) == len(step.inputs) else []


def _token_text(step: Step, token: StepInput) -> str:
    """Name a tensor as the user does in the call that joins it."""
    named = next((name for name, tensor in _joined_parts(step) if tensor is token), "")
    return named or (f"self.{token.name}" if token.name and "." not in token.name else "")


def _replace_part(step: Step, part: str, repaired: str) -> str:
    whole = expression(step.code)
    return replaced(step.code, whole.replace(part, repaired, 1)) if whole and part in whole else ""


def sequence(case: Case) -> Iterator[Finding]:
    """Tokens and positions that differ by one: the class token was forgotten, or joined along another axis."""
    run = case.original
    if run.completed:
        return
    for step in run.steps:  # joined without an error, along an axis that is not the tokens'
        if step.name not in JOINS or not step.flows or not step.constant:
            continue
        tokens = max(step.flowing, key=lambda seen: math.prod(seen.sizes))
        axis = _joined_axis(step)
        if len(tokens.sizes) != 3 or axis == 1:
            continue
        joined = (tokens.sizes[0], tokens.sizes[1] + 1, tokens.sizes[2])
        if score := case.try_repair(Repair(after={step.index: partial(torch.Tensor.new_zeros, size=joined)})):
            token = step.constant[0]
            yield _wrong_axis_finding(step, token, tokens, axis, 1, (tokens.sizes[0], 1, tokens.sizes[2]), score)
            return
    step_or_none = run.failing
    if step_or_none is None:
        return
    step = step_or_none
    if step.name.strip("_") in ELEMENTWISE and len(step.inputs) == 2 and len(step.flowing) == 1:
        tokens, positions = step.flowing[0], step.constant[0]
        yield from _find_difference_of_one(case, step, tokens.sizes, positions)
    elif step.name in ("expand", "broadcast_to", "expand_as") and not step.flows and step.inputs:
        kept = step.inputs[0].sizes
        wanted: Sizes = step.inputs[1].sizes if len(step.inputs) > 1 else step.whole_numbers
        if len(wanted) == len(kept):
            wanted = tuple(old if new == -1 else new for old, new in zip(kept, wanted, strict=True))
        yield from _find_difference_of_one(case, step, wanted, step.inputs[0])
    elif step.name == "expand_as" and len(step.inputs) == 2 and not step.inputs[0].flows:
        yield from _find_difference_of_one(case, step, step.inputs[1].sizes, step.inputs[0])


def _find_difference_of_one(case: Case, step: Step, tokens: Sizes, positions: StepInput) -> Iterator[Finding]:
    rows = positions.sizes
    if len(tokens) < 2 or len(rows) < 2 or len(rows) > len(tokens) or tokens[-1] != rows[-1]:
        return
    full = (1,) * (len(tokens) - len(rows)) + rows
    other = [axis for axis, (size, place) in enumerate(zip(tokens, full, strict=True)) if place not in (1, size)]
    if len(other) != 1:
        return
    count, places = tokens[other[0]], full[other[0]]
    fitting_rows = (*full[: other[0]], count, *full[other[0] + 1 :])[len(full) - len(rows) :]
    if abs(count - places) != 1 or not any(case.may_be_patch_count(min(count, places) - extra) for extra in (0, 1)):
        return

    def fitting(args: Any, kwargs: Any) -> Any:
        return args[0].new_zeros(tokens)

    if not (score := case.try_repair(Repair(instead={step.index: fitting}))):
        return
    if places > count:
        never = unused_token(case, tokens[-1])
        flowing_first = bool(step.inputs) and step.inputs[0].flows
        names = operand_names(step.code) if step.name in ("add", "iadd") and len(step.inputs) == 2 else ()
        among = names[0 if flowing_first else 1] if names else ""
        forgotten = f"; {never} {text(case.trials.shapes[never])} was never used" if never else ""
        yield Finding(
            "sequence-not-joined",
            f"{count} tokens {text(tokens)} meet {places} positions {text(rows)}: one token is missing{forgotten}",
            f"{places} tokens: the class token and {count} patches",
            line_with_token(case, step.code, among, tokens[-1]),
            step.code,
            score,
            "A token is missing, likely the class token",
        )
        return
    owner, _, name = positions.name.rpartition(".")
    made = f"torch.zeros({', '.join(map(str, fitting_rows))})"
    own = name and is_method_of(step.code, case.trials.model.get_submodule(owner))
    yield Finding(
        "sequence-not-joined",
        f"{count} tokens {text(tokens)} meet {places} positions {text(rows)}: the class token, or what was joined to "
        "the patches, has none",
        f"{count} positions: {text(fitting_rows)}",
        f"self.{name} = nn.Parameter({made})" if own else f"make the positions {text(fitting_rows)}",
        step.code,
        score,
        "A position is missing",
    )


def line_with_token(case: Case, code: Code | None, tokens: str, width: int) -> str:
    """The class token joined to the tokens, in the names of the user's function; in words where it has none."""
    every = case.trials.shapes.items()
    names = [name for name, sizes in every if len(sizes) == 3 and math.prod(sizes) == width == sizes[-1]]
    for name in sorted(names, key=lambda name: name in case.original.used):
        owner, _, own = name.rpartition(".")
        if tokens.isidentifier() and is_method_of(code, case.trials.model.get_submodule(owner)):
            return f"{tokens} = torch.cat((self.{own}.expand({tokens}.shape[0], -1, -1), {tokens}), dim=1)"
    return "join the class token to the patches along dim=1, before the positions are added"


def unused_token(case: Case, width: int) -> str:
    """Name a parameter of one token that the model never used; empty if there is none."""
    for name, sizes in case.trials.shapes.items():
        if name not in case.original.used and len(sizes) >= 2 and math.prod(sizes) == width == sizes[-1]:
            return name
    return ""
