"""A head that is given every token instead of one vector per picture."""

import ast
from collections.abc import Iterator

from explainer.shapes.diagnosis.case import ATTENDING, JOINS, RESHAPES, Case, Finding, text
from explainer.shapes.diagnosis.code import call_of, expression, followed_by, replaced
from explainer.shapes.diagnosis.steps import ELEMENTWISE, Repair, Sizes, Step
from explainer.shapes.recording.code_lines import Code


def head(case: Case) -> Iterator[Finding]:
    """A head that is given every token instead of one vector per picture."""
    if not case.original.completed:
        yield from _find_failing_head(case)
        return
    outputs = case.original.outputs
    if not outputs or not case.is_picture:
        return
    linear = next((step for step in reversed(case.original.steps) if _is_linear(step)), None)
    if linear is None or linear.index < len(case.original.steps) - 4 or len(linear.output) not in (2, 3):
        return
    given, made = linear.inputs[0].sizes, linear.output
    if made not in outputs and not (case.expected and len(case.expected) == 2):
        return
    if len(given) == 3 and given[0] == case.batch and given[1] > 1 and _is_head(case, linear):
        if case.expected is not None and case.expected == made:
            return
        if not any(case.may_be_patch_count(given[1] - extra) for extra in (0, 1, 2, _count_tokens_in_front(case))):
            return
        repair = Repair(before={linear.index: lambda args, kwargs: ((args[0][:, 0], *args[1:]), kwargs)})
        confirmed = case.confirmed(_all_tokens_finding(case, linear, given), repair, least=2)
        if confirmed and case.generalises(repair, linear):
            yield from confirmed
    elif len(given) == 2 and made[0] != case.batch and made in outputs:
        yield from _find_flattened_tokens(case, linear, given)


def _find_flattened_tokens(case: Case, linear: Step, given: Sizes) -> Iterator[Finding]:
    """A head that is given the tokens of all pictures as one matrix, or all tokens of the first picture."""
    source = linear.inputs[0].source
    while source >= 0:
        step = case.original.steps[source]
        before = step.inputs[0].sizes if step.inputs else ()
        if len(before) == 3 and before[0] == case.batch:
            repair = Repair(instead={step.index: lambda args, kwargs: args[0][:, 0]})
            if step.name in RESHAPES and given == (before[0] * before[1], before[2]):
                yield from case.confirmed(_all_tokens_finding(case, linear, before), repair, least=2)
                return
            if before[1:] == given and len(step.output) == 2:
                if step.name in ("getitem", "select"):
                    yield from case.confirmed(_first_picture_finding(step, before), repair, least=2)
                return
        if step.output != given:
            return
        source = step.inputs[0].source


def _is_linear(step: Step) -> bool:
    """Whether it multiplies vectors by a matrix of weights."""
    if step.name == "matmul" and len(step.inputs) == 2:
        return step.inputs[0].flows and not step.inputs[1].flows and len(step.inputs[1].sizes) == 2
    return step.name == "linear" and step.flows


def _count_tokens_in_front(case: Case) -> int:
    """How many tokens were joined to the patches."""
    for step in case.original.steps:
        patches = next((tensor.sizes for tensor in step.inputs if tensor.flows), ())
        if step.name in JOINS and step.constant and len(step.output) == len(patches) == 3:
            return step.output[1] - patches[1]
    return 0


def _first_picture_finding(step: Step, before: Sizes) -> Finding:
    return Finding(
        "head-reads-all-tokens",
        f"of {text(before)} the first picture is taken, with all its {before[1]} tokens",
        f"{text((before[0], before[2]))}: the first token of each of the {before[0]} pictures",
        replaced(step.code, expression(step.code).replace("[0]", "[:, 0]")) or "x = x[:, 0]",
        step.code,
    )


def _is_head(case: Case, linear: Step) -> bool:
    """Whether a linear layer on tokens is a head, rather than an encoder's last or a decoder's of pixels."""
    width, made = linear.inputs[0].sizes[-1], linear.output[-1]
    if case.expected is not None:
        return True
    if made == width or any(made == patch * patch * case.channels for patch in case.patch_sizes):
        return False
    return any(
        step.name in ATTENDING
        or (step.name in JOINS and step.flows and step.constant)
        or (step.name in ELEMENTWISE and step.flows and any(len(tensor.sizes) >= 2 for tensor in step.constant))
        for step in case.original.steps[: linear.index]
    )


def _all_tokens_finding(case: Case, linear: Step, given: Sizes) -> Finding:
    classes = linear.output[-1]
    front = _count_tokens_in_front(case)
    with_token = case.may_be_patch_count(given[1] - 1) or (front > 0 and case.may_be_patch_count(given[1] - front))
    what = f"the class token and {given[1] - 1} patches" if with_token else f"{given[1]} tokens"
    if with_token and front > 1:
        what = f"{front} tokens in front and {given[1] - front} patches"
    suffix = "[:, 0]" if with_token else ".mean(dim=1)"
    call = call_of(linear.code)
    fix = f"logits = self.head(x{suffix})"
    if call is not None and len(call.args) == 1 and not call.keywords:
        fix = replaced(linear.code, f"{ast.unparse(call.func)}({ast.unparse(call.args[0])}{suffix})") or fix
    source = linear.inputs[0].source
    if linear.name == "matmul" and source >= 0:
        fix = followed_by(case.original.steps[source].code, suffix)
    return Finding(
        "head-reads-all-tokens",
        f"the head is given {text(given)}, {what}, and answers {text(linear.output)}: {given[1]} answers per picture",
        f"{text((given[0], given[2]))} to the head, and {text((given[0], classes))} from it",
        fix,
        linear.code,
    )


def _find_failing_head(case: Case) -> Iterator[Finding]:
    mixing = [step.index for step in case.original.steps if step.name in ATTENDING and step.flows]
    if not mixing:
        return
    for step in case.steps_before_failure(6):
        sizes = step.output
        if len(sizes) != 3 or sizes[0] != case.batch or sizes[1] < 2 or step.index < mixing[-1]:
            continue
        run = case.trials.run(Repair(after={step.index: lambda tensor: tensor[:, 0]}))
        score = case.rate(run)
        if score < 2 or any(len(later.output) > 2 for later in run.steps[step.index + 1 :]):
            continue
        failing = case.original.failing
        given = failing.inputs[0].sizes if failing and failing.inputs else sizes
        flat = f" = {sizes[1]} x {sizes[2]} numbers of each picture" if given == (sizes[0], sizes[1] * sizes[2]) else ""
        suffix = "[:, 0]" if case.may_be_patch_count(sizes[1] - 1) else ".mean(dim=1)"
        fix, code = _line_to_the_head(case, step, suffix)
        yield Finding(
            "head-reads-all-tokens",
            f"all {sizes[1]} tokens {text(sizes)} go on to the head, which is given {text(given)}{flat}",
            f"{text((sizes[0], sizes[2]))}: one vector per picture",
            fix,
            code,
            score,
        )
        return


def _line_to_the_head(case: Case, step: Step, suffix: str) -> tuple[str, Code | None]:
    """The line that hands the tokens of a step on, with one vector of each picture instead."""
    for taker in case.original.all_steps:
        if not any(given.source == step.index for given in taker.inputs):
            continue
        line = ""
        if (call := call_of(taker.code)) is not None:
            function, given = call.func, call.args[:1]
            if taker.name in RESHAPES and isinstance(function, ast.Attribute):
                owner = given[0] if ast.unparse(function.value) in ("torch", "F") and given else function.value
                line = replaced(taker.code, ast.unparse(owner) + suffix)
            if not line and given and len(call.args) == 1 and not call.keywords:
                line = replaced(taker.code, f"{ast.unparse(function)}({ast.unparse(given[0])}{suffix})")
        if line:
            return line, taker.code
        break
    return followed_by(step.code, suffix), step.code
