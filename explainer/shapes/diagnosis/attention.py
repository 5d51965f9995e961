"""Attention over the batch, or over the heads, instead of over the tokens."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from explainer.shapes.diagnosis.case import FUSED, MULTIHEAD, Case, Finding, text
from explainer.shapes.diagnosis.steps import Arguments, Repair, Run, Sizes, Step


def over_the_batch(case: Case) -> Iterator[Finding]:
    """Attention among the pictures of a batch instead of among the tokens of a picture."""
    film = len(case.shape) == 5
    if film and not (case.larger_run.completed and _all_outputs_grow(case)):
        return  # its first axis may be time
    if not case.is_picture and not film and not (len(case.shape) == 3 and case.shape[0] < case.shape[1]):
        return
    for step, other in _steps_in_both_runs(case):
        places = _attending_shapes(step, other)
        if places is None or not _is_over_the_batch(case, step, places):
            continue
        fix = _try_other_batch_first(case, step) if step.name == MULTIHEAD else _try_exchange(case, step, (0, 1))
        if not case.original.completed and not fix:
            return
        keys = step.inputs[1].sizes if step.name == MULTIHEAD and len(step.inputs) > 1 else places[0]
        yield _batch_finding(case, step, keys, fix)
        return


def _is_over_the_batch(case: Case, step: Step, places: tuple[Sizes, Sizes]) -> bool:
    """Whether what attends to each other grows in number as the pictures do."""
    grows = case.growing_axes(*places)
    if step.name == MULTIHEAD:
        return len(places[0]) == 3 and grows[0] and not grows[1]
    return all(grows[axis] and places[0][axis] == case.batch for axis in _token_axes(step))


def _all_outputs_grow(case: Case) -> bool:
    """Whether every output has as many rows more as there are more pictures."""
    pairs = list(zip(case.original.outputs, case.larger_run.outputs, strict=False))
    return bool(pairs) and all(before and case.growing_axes(before, after)[:1] == (True,) for before, after in pairs)


def _token_axes(step: Step) -> tuple[int, ...]:
    """The axes that attention is among: rows and columns of the scores, or the rows of the queries."""
    return (-2, -1) if step.name == "softmax" else (-2,)


def _steps_in_both_runs(case: Case) -> Iterator[tuple[Step, Step]]:
    """Steps of the run, and the same steps with more pictures."""
    for step in case.original.all_steps:
        if (other := case.larger_step(step.index)) is not None:
            yield step, other


def _attending_shapes(step: Step, other: Step) -> tuple[Sizes, Sizes] | None:
    """The shapes of what attends: the queries, or the scores that a softmax is taken of."""
    if not step.inputs or not other.inputs or not step.flows:
        return None
    sizes = (step.inputs[0].sizes, other.inputs[0].sizes)
    if step.name in (MULTIHEAD, FUSED) and len(sizes[0]) >= 3:
        return sizes
    if step.name == "softmax" and len(sizes[0]) >= 2 and sizes[0][-1] == sizes[0][-2]:
        return sizes
    return None


def _batch_finding(case: Case, step: Step, sizes: Sizes, fix: str) -> Finding:
    count = case.batch
    among = (
        f"the {count} pictures of the batch attend to each other" if count > 1 else "each token attends only to itself"
    )
    if step.name == MULTIHEAD:
        if sizes[0] != count:  # places or frames of all pictures
            count = sizes[0]
            among = f"the {count} sequences of tokens, even of different pictures, attend to each other"
        return Finding(
            "batch-first",
            f"attention is given {text(sizes)} and treats the first axis as the tokens: {among}, "
            f"{count} x {count} weights for each of {sizes[1]} tokens",
            f"weights among the {sizes[1]} tokens of each picture",
            fix,
            step.code,
            2,
        )
    rest = next((size for size in sizes if size not in (count,)), 0)
    return Finding(
        "batch-first",
        f"the weights are {count} x {count} ({text(sizes)}): {among}",
        f"weights among the tokens of one picture{f', {rest} x {rest}' if rest > count else ''}",
        fix,
        step.code,
        2,
    )


def _try_other_batch_first(case: Case, step: Step) -> str:
    """The attention of torch built for the order of axes that it is given, if the model then runs as it should."""
    modules = [module for module in case.trials.model.modules() if isinstance(module, nn.MultiheadAttention)]
    batch_first = not (bool(modules) and all(module.batch_first for module in modules))
    repair = Repair(batch_first=batch_first)
    if not _is_repaired(case, repair, repair, step):
        return ""
    width, number = step.inputs[0].sizes[-1], step.whole_numbers[1] if len(step.whole_numbers) > 1 else 1
    layers = any(isinstance(module, nn.TransformerEncoderLayer) for module in case.trials.model.modules())
    if layers:
        return f"nn.TransformerEncoderLayer({width}, {number}, ..., batch_first={batch_first})"
    return f"nn.MultiheadAttention({width}, {number}, batch_first={batch_first})"


def _try_exchange(case: Case, step: Step, axes: tuple[int, int]) -> str:
    """Two axes of queries, keys and values exchanged, and those of what comes out exchanged back, if that works."""
    repairs: list[Repair] = []
    for run, start in ((case.original, step.index), (case.larger_run, _index_with_more(case, step))):
        places = _find_products(run, start)
        if places is None:
            return ""
        repairs.append(_exchange_repair(*places, axes))
    if not _is_repaired(case, repairs[0], repairs[1], step):
        return ""
    names = step.code.code.co_varnames if step.code is not None else ()
    pair = f"({axes[0]}, {axes[1]})"
    if {"q", "k", "v"} <= set(names):
        return (
            f"q, k, v = (each.transpose{pair} for each in (q, k, v))  # before they are multiplied; "
            f"and .transpose{pair} of the weighted sum"
        )
    return f".transpose{pair} of queries, keys and values before they are multiplied, and again of the weighted sum"


def _index_with_more(case: Case, step: Step) -> int:
    other = case.larger_step(step.index)
    return step.index if other is None else other.index


def _find_products(run: Run, index: int) -> tuple[int, int] | None:
    """The steps that multiply queries with keys, and weights with values: one step, if attention is fused."""
    if index >= len(run.steps):
        return None
    step = run.steps[index]
    if step.name == FUSED:
        return index, index
    scores = _find_scores(run, step)
    of_weights = {index}
    for later in run.steps[index + 1 :]:
        is_used = any(tensor.source in of_weights for tensor in later.inputs)
        if is_used and later.name in ("matmul", "bmm") and len(later.flowing) == 2:
            return (scores.index, later.index) if scores is not None else None
        if is_used and later.output == step.output:
            of_weights.add(later.index)
    return None


def _exchange_repair(first: int, last: int, axes: tuple[int, int]) -> Repair:
    def exchanged(tensor: Tensor) -> Tensor:
        return tensor.transpose(*axes)

    def keys(tensor: Tensor) -> Tensor:  # they come transposed to the product, and go there transposed
        return tensor.transpose(-2, -1).transpose(*axes).transpose(-2, -1)

    def fused(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        named = {name: exchanged(kwargs[name]) for name in ("query", "key", "value") if name in kwargs}
        return (*map(exchanged, args[:3]), *args[3:]), kwargs | named

    def scores(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        return (exchanged(args[0]), keys(args[1]), *args[2:]), kwargs

    def weighted(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        return (args[0], exchanged(args[1]), *args[2:]), kwargs

    before = {first: fused} if first == last else {first: scores, last: weighted}
    return Repair(before=before, after={last: exchanged})


def _is_repaired(case: Case, repair: Repair, with_more: Repair, step: Step) -> bool:
    """Whether with the repair the model runs, with more pictures too, gives what it should, and attends to tokens.

    Args:
        case: the model.
        repair: the repair for the pictures that it was given.
        with_more: the same repair for more pictures, where steps may have other numbers.
        step: the attention that is repaired.
    """
    more = (case.larger_batch, *case.shape[1:])
    runs = case.trials.run(repair), case.trials.run(with_more, more)
    if case.original.completed:
        if not runs[0].completed or runs[0].outputs != case.original.outputs or not runs[1].completed:
            return False
    elif not case.rate(runs[0]) or not case.rate(runs[1], case.larger_batch):
        return False
    pairs = [
        _attending_shapes(one, other)
        for one, other in zip(runs[0].steps, runs[1].steps, strict=False)
        if one.name == other.name == step.name and one.code == step.code
    ]
    return bool(pairs) and all(places is None or not _is_over_the_batch(case, step, places) for places in pairs)


def over_the_heads(case: Case) -> Iterator[Finding]:
    """Attention among the heads of one token: scores of heads by heads, with the tokens among the batch."""
    if not case.original.completed or not case.is_picture:
        return
    for step in case.original.steps:
        if step.name == FUSED and step.inputs[0].flows and len(step.inputs) >= 2:
            query, key = step.inputs[0].sizes, step.inputs[1].sizes
        elif step.name == "softmax" and step.inputs[0].flows and len(step.inputs[0].sizes) == 4:
            product = multiplied_shapes(case, step)
            if product is None:
                continue
            query, key = product
        else:
            continue
        if len(query) != 4 or len(key) != 4 or query[0] != case.batch:
            continue
        tokens, count = query[1], query[2]
        if count == tokens or not any(case.may_be_patch_count(tokens - extra) for extra in (0, 1, 2)):
            continue
        width = count * query[3]
        if not any(width in sizes for sizes in case.weight_shapes):
            continue
        yield Finding(
            "missing-permute",
            f"q is {text(query)}: its {count} heads attend to each other, within each of the {tokens} tokens "
            f"({count} x {count} weights)",
            f"{text((query[0], count, tokens, query[3]))}: heads before tokens, for {tokens} x {tokens} weights",
            _try_exchange(case, step, (1, 2)),
            step.code,
            2,
        )
        return


def multiplied_shapes(case: Case, step: Step) -> tuple[Sizes, Sizes] | None:
    """What was multiplied to the scores that a softmax is taken of."""
    maker = _find_scores(case.original, step)
    if maker is None:
        return None
    query, key = (tensor.sizes for tensor in maker.flowing)
    return query, (*key[:-2], key[-1], key[-2])


def _find_scores(run: Run, step: Step) -> Step | None:
    """The product of queries and keys that a softmax is taken of."""
    source = step.inputs[0].source
    for _ in range(5):
        if source < 0:
            return None
        maker = run.steps[source]
        if maker.name in ("matmul", "bmm") and len(maker.flowing) == 2:
            return maker
        if len(maker.flowing) != 1 or maker.output != step.inputs[0].sizes:
            return None
        source = maker.flowing[0].source
    return None
