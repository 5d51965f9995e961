"""Attention over the batch, or over the heads, instead of over the tokens."""

from collections.abc import Iterator

from torch import nn

from explainer.shapes.mistake_case import FUSED, MULTIHEAD, Case, Finding, text
from explainer.shapes.mistake_steps import Repair, Run, Sizes, Step


def over_the_batch(case: Case) -> Iterator[Finding]:
    """Attention among the pictures of a batch instead of among the tokens of a picture."""
    film = len(case.picture) == 5
    if film and not (case.more.ran and _all_grow(case)):
        return  # its first axis may be time
    if not case.is_picture and not film and not (len(case.picture) == 3 and case.picture[0] < case.picture[1]):
        return
    for step, other in _pairs(case):
        places = _attended(step, other)
        if places is None:
            continue
        grows = case.grows(*places)
        if step.name == MULTIHEAD:
            if len(places[0]) != 3 or not grows[0] or grows[1]:
                continue
        elif not all(grows[axis] and places[0][axis] == case.batch for axis in _attending(step)):
            continue
        if not case.base.ran and not case.tried(Repair(swapped=True)):
            return
        keys = step.inputs[1].sizes if step.name == MULTIHEAD and len(step.inputs) > 1 else places[0]
        yield _over_the_batch(case, step, keys)
        return


def _all_grow(case: Case) -> bool:
    """Whether every output has as many rows more as there are more pictures."""
    pairs = list(zip(case.base.outputs, case.more.outputs, strict=False))
    return bool(pairs) and all(before and case.grows(before, after)[:1] == (True,) for before, after in pairs)


def _attending(step: Step) -> tuple[int, ...]:
    """The axes that attention is among: rows and columns of the scores, or the rows of the queries."""
    return (-2, -1) if step.name == "softmax" else (-2,)


def _pairs(case: Case) -> Iterator[tuple[Step, Step]]:
    """Steps of the run, and the same steps with more pictures."""
    def every(run: Run) -> list[Step]:
        return [*run.steps, *([run.failing] if run.failing else [])]

    for step in every(case.base):
        if (other := case.with_more(step.index)) is not None:
            yield step, other


def _attended(step: Step, other: Step) -> tuple[Sizes, Sizes] | None:
    """The shapes of what attends: the queries, or the scores that a softmax is taken of."""
    if not step.inputs or not other.inputs or not step.flows:
        return None
    sizes = (step.inputs[0].sizes, other.inputs[0].sizes)
    if step.name in (MULTIHEAD, FUSED) and len(sizes[0]) >= 3:
        return sizes
    if step.name == "softmax" and len(sizes[0]) >= 2 and sizes[0][-1] == sizes[0][-2]:
        return sizes
    return None


def _over_the_batch(case: Case, step: Step, sizes: Sizes) -> Finding:
    count = case.batch
    among = f"the {count} pictures of the batch attend to each other" if count > 1 else "a token sees itself alone"
    if step.name == MULTIHEAD:
        if sizes[0] != count:  # places or frames of all pictures
            count = sizes[0]
            among = f"the {count} sequences of tokens, of different pictures, too, attend to each other"
        width = sizes[-1]
        modules = [module for module in case.trials.model.modules() if isinstance(module, nn.MultiheadAttention)]
        already = bool(modules) and all(module.batch_first for module in modules)
        number = step.ints[1] if len(step.ints) > 1 else 1
        fix = (
            "leave out the exchange of batch and tokens before it: batch_first=True is set already"
            if already
            else f"nn.MultiheadAttention({width}, {number}, batch_first=True)"
        )
        layers = [module for module in case.trials.model.modules() if isinstance(module, nn.TransformerEncoderLayer)]
        if layers and not already:
            fix = f"nn.TransformerEncoderLayer({width}, {number}, ..., batch_first=True)"
        return Finding(
            "batch-first",
            f"attention is given {text(sizes)} and takes the first axis for the tokens: {among}, "
            f"{count} x {count} weights for each of {sizes[1]} tokens",
            f"weights among the {sizes[1]} tokens of each picture",
            fix, step.code, 2,
        )  # fmt: skip
    rest = next((size for size in sizes if size not in (count,)), 0)
    return Finding(
        "batch-first",
        f"the weights are {count} x {count} ({text(sizes)}): {among}",
        f"weights among the tokens of one picture{f', {rest} x {rest}' if rest > count else ''}",
        _exchanged(step, (0, 1)), step.code, 2,
    )  # fmt: skip


def _exchanged(step: Step, axes: tuple[int, int]) -> str:
    """Two axes of queries, keys and values exchanged, in the user's names if they are the usual ones."""
    names = step.code.code.co_varnames if step.code is not None else ()
    if {"q", "k", "v"} <= set(names):
        return f"q, k, v = (each.transpose({axes[0]}, {axes[1]}) for each in (q, k, v))"
    return f"exchange axes {axes[0]} and {axes[1]} of queries, keys and values before they are multiplied"


def over_the_heads(case: Case) -> Iterator[Finding]:
    """Attention among the heads of one token: scores of heads by heads, with the tokens among the batch."""
    if not case.base.ran or not case.is_picture:
        return
    for step in case.base.steps:
        if step.name == FUSED and step.inputs[0].flows and len(step.inputs) >= 2:
            query, key = step.inputs[0].sizes, step.inputs[1].sizes
        elif step.name == "softmax" and step.inputs[0].flows and len(step.inputs[0].sizes) == 4:
            product = multiplied(case, step)
            if product is None:
                continue
            query, key = product
        else:
            continue
        if len(query) != 4 or len(key) != 4 or query[0] != case.batch:
            continue
        tokens, count = query[1], query[2]
        if count == tokens or not any(case.counts_patches(tokens - extra) for extra in (0, 1, 2)):
            continue
        width = count * query[3]
        if not any(width in sizes for sizes in case.weights):
            continue
        yield Finding(
            "missing-permute",
            f"q is {text(query)}: its {count} heads attend to each other, within each of the {tokens} tokens "
            f"({count} x {count} weights)",
            f"{text((query[0], count, tokens, query[3]))}: heads before tokens, for {tokens} x {tokens} weights",
            _exchanged(step, (1, 2)), step.code, 2,
        )  # fmt: skip
        return


def multiplied(case: Case, step: Step) -> tuple[Sizes, Sizes] | None:
    """What was multiplied to the scores that a softmax is taken of."""
    source = step.inputs[0].source
    for _ in range(5):
        if source < 0:
            return None
        maker = case.base.steps[source]
        flowing = [each.sizes for each in maker.inputs if each.flows]
        if maker.name in ("matmul", "bmm") and len(flowing) == 2:
            return flowing[0], (*flowing[1][:-2], flowing[1][-1], flowing[1][-2])
        if len(flowing) != 1 or maker.output != step.inputs[0].sizes:
            return None
        source = next(each.source for each in maker.inputs if each.flows)
    return None
