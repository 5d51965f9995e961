"""Mistakes of the sequence: its class token, and its positions."""

import ast
import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

from explainer.shapes.diagnosis.case import JOINS, Case, Finding, text
from explainer.shapes.diagnosis.code import call_of, expression, is_method_of, operand_names, replaced
from explainer.shapes.diagnosis.steps import Repair, Run, Sizes, Step, StepInput, padded
from explainer.shapes.recording.code_lines import Code


def class_token(case: Case) -> Iterator[Finding]:
    """A class token that is joined to the tokens without being expanded to the batch, or expanded wrongly."""
    failing = case.original.failing
    if failing is not None and failing.name in ("expand", "repeat", "broadcast_to", "tile") and not failing.flows:
        yield from _find_wrong_expand(case, failing)
    if not case.original.completed:
        yield from _find_joined_token(case, case.original, case.batch, None)
    elif case.batch == 1 and not case.larger_run.completed:  # it fits a batch of one alone
        sizes = (case.larger_batch, *case.shape[1:])
        for finding in _find_joined_token(case, case.larger_run, case.larger_batch, sizes):
            if finding.cause == "class-token-not-expanded":
                yield finding


def _find_wrong_expand(case: Case, step: Step) -> Iterator[Finding]:
    token = step.inputs[0]
    if math.prod(token.sizes) != token.sizes[-1]:
        return
    wanted = (case.batch, 1, token.sizes[-1])
    call = call_of(step.code)
    name = ast.unparse(call.func.value) if call is not None and isinstance(call.func, ast.Attribute) else ""
    line = replaced(step.code, f"{name}.expand({case.batch}, 1, -1)") if name else ""
    finding = Finding(
        "class-token-not-expanded",
        f"a class token {text(token.sizes)} cannot be expanded to {text(step.whole_numbers)}",
        f"{text(wanted)}: one class token for each of the {case.batch} pictures",
        line or f"expand it to {text(wanted)}",
        step.code,
    )
    yield from case.confirmed(finding, Repair(instead={step.index: lambda args, kwargs: args[0].new_zeros(wanted)}))


def _find_joined_token(case: Case, run: Run, batch: int, sizes: Sizes | None) -> Iterator[Finding]:
    step = run.failing
    if step is None or step.name not in JOINS:
        return
    tokens = max(step.flowing, key=lambda tensor: math.prod(tensor.sizes), default=None)
    if tokens is None or len(tokens.sizes) != 3:
        return
    width = tokens.sizes[-1]
    axis = _joined_axis(step)
    for token in step.constant:
        if math.prod(token.sizes) % width or token.sizes[-1:] != (width,):
            continue
        several = len(token.sizes) == 3 and axis in (0, 1) and token.sizes[1 - axis] == 1
        if not several and any(size not in (1, width, batch, *tokens.sizes) for size in token.sizes):
            continue
        for other_axis in dict.fromkeys((axis, 1, 0)):
            count = 1
            if other_axis == axis and several and math.prod(_parameter_shape(run, token)) > width:
                count = token.sizes[axis]  # several tokens in one parameter
            wanted = (*tokens.sizes[:other_axis], count, *tokens.sizes[other_axis + 1 :])
            if wanted == token.sizes and other_axis == axis:
                continue
            if other_axis == axis:
                finding = _not_expanded_finding(case, step, token, tokens, wanted, batch)
            else:
                finding = _wrong_axis_finding(step, token, tokens, axis, other_axis, wanted)
            join = partial(_joined, token=token.sizes, wanted=wanted, axis=other_axis)
            if confirmed := case.confirmed(finding, Repair(instead={step.index: join}), batch=batch, sizes=sizes):
                yield from confirmed
                return


def _joined(args: Any, kwargs: Any, token: Sizes, wanted: Sizes, axis: int) -> torch.Tensor:
    """The tensors of a call joined along an axis, those of a class token's shape as tokens of the wanted shape."""
    parts = [tensor if tuple(tensor.shape) != token else tensor.new_zeros(wanted) for tensor in args[0]]
    return torch.cat(parts, dim=axis)


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
    case: Case, step: Step, token: StepInput, tokens: StepInput, wanted: Sizes, batch: int
) -> Finding:
    name, tokens_name = _token_text(step, token), _token_text(step, tokens)
    by_name = len(token.sizes) == 3 and wanted[1] == token.sizes[1] and tokens_name.isidentifier()
    numbers = f"{tokens_name}.shape[0], -1, -1" if by_name else ", ".join(map(str, wanted))
    whole = expression(step.code)
    line = replaced(step.code, whole.replace(name, f"{name}.expand({numbers})", 1)) if name and name in whole else ""
    alone = "" if case.batch > 1 else f" (it fits a batch of one picture alone: {batch} were tried)"
    one, what = "one class token", "a class token"
    if math.prod(token.sizes) > tokens.sizes[-1] and wanted[_joined_axis(step)] > 1:
        one, what = f"these {wanted[_joined_axis(step)]} tokens", "a parameter of several tokens"
    return Finding(
        "class-token-not-expanded",
        f"{what} {text(token.sizes)} is joined to tokens {text(tokens.sizes)} of {batch} pictures{alone}",
        f"{text(wanted)}: {one} for each of the {batch} pictures",
        line or f"expand it to {text(wanted)} before it is joined",
        step.code,
    )


def _wrong_axis_finding(
    step: Step, token: StepInput, tokens: StepInput, axis: int, right_axis: int, wanted: Sizes
) -> Finding:
    joined = (*tokens.sizes[:right_axis], tokens.sizes[right_axis] + 1, *tokens.sizes[right_axis + 1 :])
    return Finding(
        "sequence-not-joined",
        f"the class token {text(token.sizes)} and the tokens {text(tokens.sizes)} are joined along "
        f"{'a new axis' if axis == -1 else f'axis {axis}'}",
        f"joined along axis {right_axis}, that of the tokens: {text(joined)}",
        _rejoin_line(step, token, right_axis, wanted)
        or f"torch.cat along dim={right_axis}, the class token as {text(wanted)}",
        step.code,
        title="The class token is joined along the wrong axis",
    )


def _rejoin_line(step: Step, token: StepInput, axis: int, wanted: Sizes) -> str:
    """Write the user's line so that it joins along another axis; empty where that cannot be read."""
    call, parts = call_of(step.code), _joined_parts(step)
    if call is None or not parts:
        return ""
    expanded = "" if wanted == token.sizes else f".expand({', '.join(map(str, wanted))})"
    names = ", ".join(name + (expanded if tensor is token else "") for name, tensor in parts)
    owner = f"{ast.unparse(call.func.value)}." if isinstance(call.func, ast.Attribute) else ""
    both = f"[{names}]" if isinstance(call.args[0], ast.List) else f"({names})"
    return replaced(step.code, f"{owner}cat({both}, dim={axis})")


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


def sequence(case: Case) -> Iterator[Finding]:
    """Tokens and positions that differ by one: the class token was forgotten, or joined along another axis."""
    if case.original.completed:
        return
    for step in case.original.steps:  # joined without an error, along an axis that is not the tokens'
        if step.name not in JOINS or not step.flows or not step.constant:
            continue
        tokens = max(step.flowing, key=lambda tensor: math.prod(tensor.sizes))
        axis = _joined_axis(step)
        if len(tokens.sizes) != 3 or axis == 1:
            continue
        batch, count, width = tokens.sizes
        finding = _wrong_axis_finding(step, step.constant[0], tokens, axis, 1, (batch, 1, width))
        joined = partial(torch.Tensor.new_zeros, size=(batch, count + 1, width))
        if confirmed := case.confirmed(finding, Repair(after={step.index: joined})):
            yield from confirmed
            return
    failing = case.original.failing
    if failing is None:
        return
    if failing.combined:
        tokens, positions = failing.combined
        yield from _find_difference_of_one(case, failing, tokens.sizes, positions)
    elif failing.name in ("expand", "broadcast_to", "expand_as") and failing.inputs and not failing.inputs[0].flows:
        positions = failing.inputs[0]
        if len(failing.inputs) > 1:
            yield from _find_difference_of_one(case, failing, failing.inputs[1].sizes, positions)
        else:
            wanted = failing.whole_numbers
            if len(wanted) == len(positions.sizes):
                pairs = zip(positions.sizes, wanted, strict=True)
                wanted = tuple(old if new == -1 else new for old, new in pairs)
            yield from _find_difference_of_one(case, failing, wanted, positions)


def _find_difference_of_one(case: Case, step: Step, tokens: Sizes, positions: StepInput) -> Iterator[Finding]:
    rows = positions.sizes
    if len(tokens) < 2 or len(rows) < 2 or len(rows) > len(tokens) or tokens[-1] != rows[-1]:
        return
    full = padded(rows, len(tokens))
    differing = [axis for axis, size in enumerate(tokens) if full[axis] not in (1, size)]
    if len(differing) != 1:
        return
    axis = differing[0]
    count, places = tokens[axis], full[axis]
    if abs(count - places) != 1 or not any(case.may_be_patch_count(min(count, places) - extra) for extra in (0, 1)):
        return
    met = f"{count} tokens {text(tokens)} meet {places} positions {text(rows)}: "
    if places > count:
        token = unused_token(case, tokens[-1])
        names = operand_names(step.code) if step.name in ("add", "iadd") and len(step.inputs) == 2 else ()
        tokens_name = names[0 if step.inputs[0].flows else 1] if names else ""
        unused = f"; {token} {text(case.trials.shapes[token])} was never used" if token else ""
        finding = Finding(
            "sequence-not-joined",
            f"{met}one token is missing{unused}",
            f"{places} tokens: the class token and {count} patches",
            line_with_token(case, step.code, tokens_name, tokens[-1]),
            step.code,
            title="A token is missing, likely the class token",
        )
    else:
        fitting = (*full[:axis], count, *full[axis + 1 :])[len(full) - len(rows) :]
        owner, _, name = positions.name.rpartition(".")
        is_own = name and is_method_of(step.code, case.trials.model.get_submodule(owner))
        zeros = f"torch.zeros({', '.join(map(str, fitting))})"
        finding = Finding(
            "sequence-not-joined",
            f"{met}the class token, or what was joined to the patches, has none",
            f"{count} positions: {text(fitting)}",
            f"self.{name} = nn.Parameter({zeros})" if is_own else f"make the positions {text(fitting)}",
            step.code,
            title="A position is missing",
        )
    yield from case.confirmed(finding, Repair(instead={step.index: lambda args, kwargs: args[0].new_zeros(tokens)}))


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
