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
    for step in case.original.all_steps:
        other = case.larger_step(step.index)
        shapes = _attending_shapes(step, other) if other else None
        if shapes is None or not _is_over_the_batch(case, step, shapes):
            continue
        fix = _try_other_batch_first(case, step) if step.name == MULTIHEAD else _try_exchange(case, step, (0, 1))
        if case.original.completed or fix:
            keys = step.inputs[1].sizes if step.name == MULTIHEAD and len(step.inputs) > 1 else shapes[0]
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
        found = (
            f"attention is given {text(sizes)} and treats the first axis as the tokens: {among}, "
            f"{count} x {count} weights for each of {sizes[1]} tokens"
        )
        expected = f"weights among the {sizes[1]} tokens of each picture"
    else:
        found = f"the weights are {count} x {count} ({text(sizes)}): {among}"
        tokens = next((size for size in sizes if size != count), 0)
        expected = "weights among the tokens of one picture" + (f", {tokens} x {tokens}" if tokens > count else "")
    return Finding("batch-first", found, expected, fix, step.code, 2)


def _try_other_batch_first(case: Case, step: Step) -> str:
    """The attention of torch built for the order of axes that it is given, if the model then runs as it should."""
    modules = list(case.trials.model.modules())
    attentions = [module for module in modules if isinstance(module, nn.MultiheadAttention)]
    batch_first = not attentions or not all(module.batch_first for module in attentions)
    repair = Repair(batch_first=batch_first)
    if not _is_repaired(case, repair, repair, step):
        return ""
    width, heads = step.inputs[0].sizes[-1], step.whole_numbers[1] if len(step.whole_numbers) > 1 else 1
    if any(isinstance(module, nn.TransformerEncoderLayer) for module in modules):
        return f"nn.TransformerEncoderLayer({width}, {heads}, ..., batch_first={batch_first})"
    return f"nn.MultiheadAttention({width}, {heads}, batch_first={batch_first})"


def _try_exchange(case: Case, step: Step, axes: tuple[int, int]) -> str:
    """Two axes of queries, keys and values exchanged, and those of what comes out exchanged back, if that works."""
    products = _find_products(case.original, step.index)
    other_products = _find_products(case.larger_run, (case.larger_step(step.index) or step).index)
    if products is None or other_products is None:
        return ""
    repair, larger_repair = _exchange_repair(*products, axes), _exchange_repair(*other_products, axes)
    if not _is_repaired(case, repair, larger_repair, step):
        return ""
    names = step.code.code.co_varnames if step.code is not None else ()
    exchange = f".transpose({axes[0]}, {axes[1]})"
    if {"q", "k", "v"} <= set(names):
        return (
            f"q, k, v = (each{exchange} for each in (q, k, v))  # before they are multiplied; "
            f"and {exchange} of the weighted sum"
        )
    return f"{exchange} of queries, keys and values before they are multiplied, and again of the weighted sum"


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


def _is_repaired(case: Case, repair: Repair, larger_repair: Repair, step: Step) -> bool:
    """Whether the repaired model runs, gives what it should, and attends to tokens.

    Args:
        case: the model.
        repair: the repair for the pictures that it was given.
        larger_repair: the same repair for a larger batch, where steps may have other numbers.
        step: the attention that is repaired.
    """
    run = case.trials.run(repair)
    larger = case.trials.run(larger_repair, (case.larger_batch, *case.shape[1:]))
    if case.original.completed:
        if not run.completed or run.outputs != case.original.outputs or not larger.completed:
            return False
    elif not case.rate(run) or not case.rate(larger, case.larger_batch):
        return False
    shapes = [
        _attending_shapes(one, other)
        for one, other in zip(run.steps, larger.steps, strict=False)
        if one.name == other.name == step.name and one.code == step.code
    ]
    return bool(shapes) and not any(pair and _is_over_the_batch(case, step, pair) for pair in shapes)


def over_the_heads(case: Case) -> Iterator[Finding]:
    """Attention among the heads of one token: scores of heads by heads, with the tokens among the batch."""
    if not case.original.completed or not case.is_picture:
        return
    for step in case.original.steps:
        query, key = _queries_and_keys(case, step)
        if len(query) != 4 or len(key) != 4 or query[0] != case.batch:
            continue
        tokens, count = query[1], query[2]
        if count == tokens or not any(case.may_be_patch_count(tokens - extra) for extra in (0, 1, 2)):
            continue
        if not any(count * query[3] in sizes for sizes in case.weight_shapes):
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


def _queries_and_keys(case: Case, step: Step) -> tuple[Sizes, Sizes]:
    """The shapes of what attends, if a step is attention by heads; empty if it is not."""
    if step.name == FUSED and step.inputs[0].flows and len(step.inputs) >= 2:
        return step.inputs[0].sizes, step.inputs[1].sizes
    if step.name == "softmax" and step.inputs[0].flows and len(step.inputs[0].sizes) == 4:
        return multiplied_shapes(case, step) or ((), ())
    return (), ()


def multiplied_shapes(case: Case, step: Step) -> tuple[Sizes, Sizes] | None:
    """What was multiplied to the scores that a softmax is taken of."""
    product = _find_scores(case.original, step)
    if product is None:
        return None
    query, key = (tensor.sizes for tensor in product.flowing)
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
