"""Mistakes of attention: heads that do not divide D, attention over the batch or over the heads, axes cut across."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from torch import nn

from explainer.shapes.mistake_case import FUSED, JOINS, MULTIHEAD, RESHAPES, Case, Finding, text
from explainer.shapes.mistake_code import Division, expression, followed_by, replaced
from explainer.shapes.mistake_tokens import cuts_across
from explainer.shapes.mistake_trials import INPUT, Code, Repair, Run, Sizes, Step


def heads(case: Case) -> Iterator[Finding]:
    """A number of heads that does not divide the vectors."""
    if case.base.ran:
        return
    for division in case.divisions:
        if division.axis and division.number == division.axis[-1] and division.axis != case.picture:
            width = division.number
            if len(division.axis) >= 3:
                yield _heads(width, division.divisor, division.code)
                return
        elif not division.axis and division.number in {size for sizes in case.weights for size in sizes}:
            if division.number not in case.picture[2:]:
                yield _heads(division.number, division.divisor, division.code)
                return
    failing = case.base.failing
    if failing is None or not failing.inputs:
        return
    found: tuple[int, int] | None = None
    if failing.name == MULTIHEAD and len(failing.ints) >= 2:
        width, count = failing.ints[:2]
        found = (width, count) if count > 1 and width % count else None
    elif failing.name in RESHAPES and failing.inputs[0].flows:
        found = _split(failing)
    else:
        found = _pieces(case, failing) or _narrower(case, failing)
    if found is not None:
        yield _heads(*found, failing.code)


def _split(step: Step) -> tuple[int, int] | None:
    """From a reshape of vectors that could not be: their size and the heads."""
    before = step.inputs[0].sizes
    wanted = list(step.ints)
    if step.name == "unflatten" and wanted:
        axis = wanted.pop(0)
        if axis not in (-1, len(before) - 1):
            return None
    else:
        for size in before[:-1]:
            if size in wanted:
                wanted.remove(size)
            elif -1 in wanted and wanted.index(-1) < len(wanted) - 1:
                wanted.remove(-1)
    threes = 3 in wanted and before[-1] % 3 == 0
    width = before[-1]
    for whole, sizes in ((width // 3, _without(wanted, 3)) if threes else (width, wanted), (width, wanted)):
        if len(sizes) != 2:
            continue
        first, second = sizes
        if len(before) == 3 and first % min(before[:2]) == 0 and second == whole // (count := first // min(before[:2])):
            if count > 1 and whole % count:  # heads and batch in one axis
                return whole, count
        if -1 in sizes:
            count = max(sizes)
            if 1 < count < whole and whole % count:
                return whole, count
        for count, size in ((first, second), (second, first)):
            if count > 1 and size == whole // count and whole % count and size > 1:
                return whole, count if count <= size or first == count else count
    return None


def _without(values: list[int], value: int) -> list[int]:
    kept = list(values)
    kept.remove(value)
    return kept


def _pieces(case: Case, failing: Step) -> tuple[int, int] | None:
    """From pieces of unequal size that could not be put together."""
    sources = {each.source for each in failing.inputs if each.flows}
    if len(sources) != 1 or min(sources) < 0:
        return None
    step = case.base.steps[sources.pop()]
    if step.name not in ("chunk", "split", "tensor_split", "split_with_sizes") or len(step.outputs) < 2:
        return None
    last = {sizes[-1] for sizes in step.outputs}
    width = step.inputs[0].sizes[-1]
    if len(last) < 2 or sum(sizes[-1] for sizes in step.outputs) != width:
        return None
    number = next((each for each in step.ints if each > 1), 0)
    if step.name == "split" and number and width // number > 1 and width // (width // number) == number:
        number = width // number
    return (width, number) if number > 1 and width % number else None


def _narrower(case: Case, failing: Step) -> tuple[int, int] | None:
    """From heads joined again to fewer numbers than there were: 5 x 38 = 190 instead of 192."""
    if failing.name != "linear" or len(failing.inputs) < 2 or not failing.inputs[0].flows:
        return None
    given, wanted = failing.inputs[0].sizes[-1], failing.inputs[1].sizes[-1]
    if not any(step.flows and len(step.output) == 3 and step.output[-1] == wanted for step in case.base.steps):
        return None  # no tokens of that width
    for step in case.ancestors(case.base):
        for first, second in itertools.pairwise(step.output):
            for count, size in ((first, second), (second, first)):
                if count * size == given < wanted and count > 1 and size == wanted // count and wanted % count:
                    return wanted, count
        sizes = step.output
        if step.name in JOINS and len({each.sizes for each in step.inputs}) == 1:
            count, size = len(step.inputs), step.inputs[0].sizes[-1]
            if count * size == given < wanted and count > 1 and size == wanted // count and wanted % count:
                return wanted, count
        if len(sizes) == 4:
            for count, size in ((sizes[1], sizes[3]), (sizes[2], sizes[3])):
                if count * size == given < wanted and count > 1 and size == wanted // count and wanted % count:
                    return wanted, count
    return None


def _heads(width: int, count: int, code: Code | None) -> Finding:
    near = [divisor for divisor in range(2, width) if width % divisor == 0]
    below = max((divisor for divisor in near if divisor < count), default=1)
    above = min((divisor for divisor in near if divisor > count), default=width)
    best = below if count - below <= above - count else above
    return Finding(
        "heads-do-not-divide",
        f"D = {width} shared among {count} heads: {width} = {count} x {width // count} + {width % count}",
        f"a number of heads that divides {width}: {below} (of {width // below}) or {above} (of {width // above})",
        f"num_heads = {best}  # {width} = {best} x {width // best}; or D = {count * round(width / count)}", code, 2,
    )  # fmt: skip


def constructor(divisions: tuple[Division, ...], picture: Sizes) -> Iterator[Finding]:
    """A division that a constructor demanded: of the picture, or of D by the heads."""
    for division in divisions:
        frame = division.frame
        number, divisor = division.number, division.divisor
        owner = None if frame is None else frame.f_locals.get("self")
        if isinstance(owner, nn.MultiheadAttention):
            yield _heads(number, divisor, division.code)
            return
        built = _built(division)
        if len(picture) == 3 and picture[0] not in (1, 3, 4):  # tokens
            if number == picture[-1]:
                yield _heads(number, divisor, division.code)
            return
        if number in picture[-2:]:
            if number in built:
                continue  # D is as large as the picture: it may be either
            yield _of_picture(number, divisor, division.code)
            return
        seen = {value for value in _whole_numbers(frame) if value in picture[-2:]}
        if number in built or seen:
            yield _heads(number, divisor, division.code)
            return


def _of_picture(number: int, patch: int, code: Code | None) -> Finding:
    down, rest = number - number % patch, number % patch
    return Finding(
        "patch-does-not-divide",
        f"a picture of {number} x {number} cut into patches of {patch}: {number} = {number // patch} x {patch} + {rest}; "
        f"{rest} {'pixel is' if rest == 1 else 'pixels are'} left over in height and width",
        f"a picture of {down} x {down}: {down // patch} x {down // patch} = {(down // patch) ** 2} patches",
        f"image_size = {down}  # and transforms.Resize(({down}, {down}))", code, 2,
    )  # fmt: skip


def _built(division: Division) -> set[int]:
    """Sizes of the parameters that had been made in the constructors under way."""
    sizes: set[int] = set()
    frame = division.frame
    while frame is not None:
        for value in list(frame.f_locals.values()):
            if isinstance(value, nn.Module) and hasattr(value, "_parameters"):
                for parameter in value.parameters():
                    sizes.update(parameter.shape)
        frame = frame.f_back
        if frame is not None and "/explainer/shapes/" in frame.f_code.co_filename:
            break
    return sizes


def _whole_numbers(frame: Any) -> Iterator[int]:
    """Whole numbers that the code under way was given, in tuples and configurations, too."""
    while frame is not None and "/explainer/shapes/" not in frame.f_code.co_filename:
        for value in list(frame.f_locals.values()):
            if isinstance(value, int):
                yield value
            elif isinstance(value, tuple):
                yield from (each for each in value if isinstance(each, int))
            elif hasattr(value, "__dict__") and not isinstance(value, nn.Module | type):
                yield from (each for each in vars(value).values() if isinstance(each, int))
        frame = frame.f_back


def over_the_batch(case: Case) -> Iterator[Finding]:
    """Attention among the pictures of a batch instead of among the tokens of a picture."""
    if not case.is_picture and not (len(case.picture) == 3 and case.picture[0] < case.picture[1]):
        return
    for step, other in _pairs(case):
        places = _attended(step, other)
        if places is None:
            continue
        grows = case.grows(*places)
        tokens, batch = places[0][0], places[0][1]
        if step.name == MULTIHEAD:
            if len(places[0]) != 3 or not grows[0] or grows[1]:
                continue
        elif not grows[-2] or places[0][-2] != case.batch:
            continue
        elif step.name == "softmax" and (not grows[-1] or places[0][-1] != case.batch):
            continue
        if not case.base.ran and not case.tried(Repair(swapped=True)):
            return
        yield _over_the_batch(case, step, places[0], tokens, batch)
        return


def _pairs(case: Case) -> Iterator[tuple[Step, Step]]:
    """Steps of the run, and the same steps with more pictures."""
    def every(run: Run) -> list[Step]:
        return [*run.steps, *([run.failing] if run.failing else [])]

    for step, other in zip(every(case.base), every(case.more), strict=False):
        if step.name != other.name:
            return
        yield step, other


def _attended(step: Step, other: Step) -> tuple[Sizes, Sizes] | None:
    """The shapes of what attends: the queries, or the scores that a softmax is taken of."""
    if not step.inputs or not other.inputs or not step.inputs[0].flows:
        return None
    sizes = (step.inputs[0].sizes, other.inputs[0].sizes)
    if step.name in (MULTIHEAD, FUSED) and len(sizes[0]) >= 3:
        return sizes
    if step.name == "softmax" and len(sizes[0]) >= 2 and sizes[0][-1] == sizes[0][-2]:
        return sizes
    return None


def _over_the_batch(case: Case, step: Step, sizes: Sizes, tokens: int, batch: int) -> Finding:
    count = case.batch
    among = (
        "each token attends to itself alone" if count == 1 else f"the {count} pictures of the batch attend to each other"
    )
    if step.name == MULTIHEAD:
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
            f"{count} x {count} weights for each of {batch} tokens",
            f"{batch} x {batch} weights for each picture: the {batch} tokens of one picture attend to each other",
            fix, step.code, 2,
        )  # fmt: skip
    rest = next((size for size in sizes if size not in (count,)), 0)
    return Finding(
        "batch-first",
        f"the weights are {count} x {count} ({text(sizes)}): {among}",
        f"weights among the tokens of one picture{f', {rest} x {rest}' if rest > count else ''}",
        "q, k, v = (each.transpose(0, 1) for each in (q, k, v))", step.code, 2,
    )  # fmt: skip


def cut_across(case: Case) -> Iterator[Finding]:
    """A reshape that fits the count of numbers and mixes the axes, where a permute was meant."""
    if not case.base.ran or not case.is_picture:
        return
    other = _another_grid(case)
    for step, grown, larger in itertools.zip_longest(
        case.base.steps, case.more.steps[: len(case.base.steps)], other.steps[: len(case.base.steps)] if other else ()
    ):
        if step is None:
            return
        same = [step, *(each for each in (grown, larger) if each is not None and each.name == step.name)]
        if cuts_across(*same):
            finding = _cut(step, same)
            channels = case.picture[3]
            if step.inputs[0].source == INPUT and channels in (1, 3, 4) and channels == step.output[1]:
                finding = replace(
                    finding, cause="channels-last",
                    found=f"the model was given {text(case.picture)}: the {channels} channels are the last axis, and it "
                    f"takes the first after the batch for them: {text(step.output)}",
                    expected=f"{text((case.picture[0], channels, *case.picture[1:3]))}: the channels before height and width",
                    fix="logits = model(x.permute(0, 3, 1, 2))",
                )  # fmt: skip
            yield finding
            return


def _another_grid(case: Case) -> Run | None:
    """The model on a picture with another number of patches, as far as it goes."""
    if not case.patches:
        return None
    patch = max(case.patches)
    rows = 13 if case.picture[2] // patch != 13 else 11
    return case.trials.run(Repair(lenient=True), sizes=(*case.picture[:2], rows * patch, rows * patch))


def _cut(step: Step, same: list[Step]) -> Finding:
    before, after = step.inputs[0].sizes, step.output
    order = _order(same)
    whole = expression(step.code)
    fix = f"x = x.permute({', '.join(map(str, order[0]))}).reshape({', '.join(map(str, after))})" if order else ""
    if order and order[1]:
        fix = f"x = x.reshape({', '.join(map(str, order[1]))}).permute({', '.join(map(str, order[0]))})"
    if order and whole and not order[1] and "." in whole:
        owner, dot, call = whole.rpartition(".")
        if call.startswith(("reshape", "view")):
            moved = [place for place, axis in enumerate(order[0]) if place != axis]
            said = f"transpose({moved[0]}, {moved[1]})" if len(moved) == 2 else f"permute({', '.join(map(str, order[0]))})"
            fix = replaced(step.code, f"{owner}.{said}.{call.replace('view', 'reshape', 1)}") or fix
    return Finding(
        "missing-permute",
        f"{text(before)} is cut into {text(after)} in the order the numbers lie in memory: numbers of different axes "
        "are mixed, though their count fits",
        f"the axes of {text(before)} put into the order of {text(after)} first", fix or "permute before the reshape",
        step.code, 2,
    )  # fmt: skip


def _order(same: list[Step]) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The order of axes that makes the reshape one of whole axes, and the shape before it if it must come after."""
    rank = len(same[0].inputs[0].sizes)
    if rank > 6 or any(len(step.inputs[0].sizes) != rank for step in same):
        return None
    orders = sorted(itertools.permutations(range(rank)), key=lambda order: (order[0], _moves(order)))
    for order in orders:
        turned = [
            replace(step, inputs=(replace(step.inputs[0], sizes=tuple(step.inputs[0].sizes[axis] for axis in order)),))
            for step in same
        ]
        if not cuts_across(*turned):
            return order, ()
    after = len(same[0].output)
    if after > 6:
        return None
    for order in sorted(itertools.permutations(range(after)), key=lambda order: (order[0], _moves(order))):
        turned = [replace(step, outputs=(tuple(step.output[axis] for axis in order),)) for step in same]
        if not cuts_across(*turned):
            back = tuple(order.index(axis) for axis in range(after))
            return back, turned[0].output
    return None


def _moves(order: tuple[int, ...]) -> int:
    """How far an order is from leaving everything where it is."""
    return sum(b != a + 1 for a, b in itertools.pairwise(order))


def over_the_heads(case: Case) -> Iterator[Finding]:
    """Attention among the heads of one token: scores of heads by heads, with the tokens among the batch."""
    if not case.base.ran or not case.is_picture:
        return
    for step in case.base.steps:
        if step.name == FUSED and step.inputs[0].flows and len(step.inputs) >= 2:
            query, key = step.inputs[0].sizes, step.inputs[1].sizes
        elif step.name == "softmax" and step.inputs[0].flows and len(step.inputs[0].sizes) == 4:
            product = _product(case, step)
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
            f"{text((query[0], count, tokens, query[3]))}: heads before tokens, so that {tokens} x {tokens} weights arise",
            "q, k, v = (each.transpose(1, 2) for each in (q, k, v))", step.code, 2,
        )  # fmt: skip
        return


def lost_in_heads(case: Case) -> Iterator[Finding]:
    """Heads that together have fewer numbers than the vectors, because a remainder was left out."""
    if not case.base.ran:
        return
    for step in case.base.steps:
        if step.name not in (FUSED, "softmax") or not step.inputs[0].flows or len(step.inputs[0].sizes) != 4:
            continue
        product = (step.inputs[0].sizes, ()) if step.name == FUSED else _product(case, step)
        if product is None:
            continue
        count, size = product[0][1], product[0][3]
        for rows, columns in (sizes for sizes in case.weights if len(sizes) == 2):
            if rows in (count * size, 3 * count * size) and count > 1 and columns % count and columns // count == size:
                finding = _heads(columns, count, step.code)
                lost = columns - count * size
                yield replace(finding, found=f"{finding.found}; {count} heads of {size} have {lost} numbers less than D")
                return


def _product(case: Case, step: Step) -> tuple[Sizes, Sizes] | None:
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


def square_tokens(case: Case) -> Iterator[Finding]:
    """As many patches as numbers in a vector: without its permute the model runs, until the picture is another."""
    if not case.base.ran or not case.is_picture or not case.patches:
        return
    candidates = [
        step for step in case.base.steps
        if step.flows and len(step.output) == 3 and step.output[1] == step.output[2] and case.counts_patches(step.output[1])
    ]  # fmt: skip
    if not candidates:
        return
    patch = case.patches[0]
    grid = (case.picture[2] // patch + 1, case.picture[3] // patch + 1)
    sizes = (*case.picture[:2], grid[0] * patch, grid[1] * patch)
    if case.trials.run(Repair(lenient=True), sizes=sizes).ran:
        return
    for step in candidates[:3]:
        if not case.score(case.trials.run(Repair(after={step.index: lambda tensor: tensor.transpose(1, 2)}))):
            continue
        repair = Repair(after={step.index: lambda tensor: tensor.transpose(1, 2)}, lenient=True)
        if case.score(case.trials.run(repair, sizes)):
            size = step.output[1]
            yield Finding(
                "missing-permute",
                f"{text(step.output)} has the {size} channels before the {size} patches; it fits only because both are {size}",
                f"patches before channels: with {grid[0]} x {grid[1]} patches it must be "
                f"{text((step.output[0], grid[0] * grid[1], size))}",
                followed_by(step.code, ".transpose(1, 2)"), step.code, 2,
            )  # fmt: skip
            return

