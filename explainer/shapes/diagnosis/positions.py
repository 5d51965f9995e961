"""Positions of another resolution: in the model, in weights that were to be loaded, or cut from a larger table."""

import itertools
import math
from collections.abc import Iterator, Mapping
from types import TracebackType

from torch import Tensor, nn

from explainer.shapes.diagnosis.case import COLOURS, Case, Finding, text
from explainer.shapes.diagnosis.code import operand_names
from explainer.shapes.diagnosis.sequence import line_with_token, unused_token
from explainer.shapes.diagnosis.steps import ELEMENTWISE, Run, Sizes
from explainer.shapes.recording.code_lines import code_of


def another_resolution(case: Case, patches: list[int]) -> Iterator[Finding]:
    """The model runs on a picture of another size, of which its positions are."""
    failing = case.original.failing
    if failing is not None and failing.name in ("linear", "conv2d", "matmul", "bmm", "layer_norm", "batch_norm"):
        return
    constants = failing.constant if failing else ()
    named = {name: sizes for name, sizes in case.trials.shapes.items() if not _is_kernel(sizes)}
    named |= {tensor.name or "the positions": tensor.sizes for tensor in constants}
    met = {"the positions", *(tensor.name for tensor in failing.inputs)} if failing else set()
    runs: dict[int, Run] = {}
    for name, sizes in named.items():
        grids = _possible_grids(sizes) if _is_table(sizes) else ()
        for (side, rows, extra), patch in itertools.product(grids, patches):
            size = side * patch
            if (size, size) == case.picture_size:
                continue
            if case.is_out_of_time:
                return
            if size not in runs:
                runs[size] = case.trials.run(sizes=case.shape_of_size(size, size))
            run = runs[size]
            score = case.rate(run)
            if not score or not _has_grid(run, side, rows, extra) or _broadcasts_one_token(run, rows):
                continue
            if name in met or _is_added(run, name, rows, side):
                yield _resolution_finding(case, name, sizes, rows, extra, (side, patch), score)
                return


def failed_loading(traceback: TracebackType | None) -> Iterator[Finding]:
    """Weights that were to be loaded, of which the positions alone are for another picture."""
    while traceback is not None:
        values, code = traceback.tb_frame.f_locals, code_of(traceback)
        model, weights = values.get("self"), values.get("state_dict")
        traceback = traceback.tb_next
        if not isinstance(model, nn.Module) or not isinstance(weights, Mapping):
            continue
        own = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
        pairs = [
            (name, tuple(weights[name].shape), sizes)
            for name, sizes in own.items()
            if isinstance(weights.get(name), Tensor) and tuple(weights[name].shape) != sizes
        ]
        grids = [(name, before, after, _square_grids(before, after)) for name, before, after in pairs]
        if not grids or any(grid is None for *_, grid in grids) or set(own) != set(weights):
            continue
        name, before, after, grid = grids[0]
        if grid is not None:
            old, new, extra = grid
            plus = f" + {extra}" if extra else ""
            yield Finding(
                "positions-of-another-resolution",
                f"the weights have {name} {text(before)}, for {old} x {old}{plus} tokens; the model has {text(after)}, "
                f"for {new} x {new}{plus}",
                f"the {old} x {old} grid of positions interpolated to {new} x {new} before it is loaded",
                f'positions = torch.nn.functional.interpolate(positions, size=({new}, {new}), mode="bicubic")',
                code,
                2,
                is_tried=False,
            )
            return


def _square_grids(before: Sizes, after: Sizes) -> tuple[int, int, int] | None:
    """The sides of two square grids that two tables of positions are of, and the tokens besides."""
    differing = [axis for axis, (a, b) in enumerate(zip(before, after, strict=False)) if a != b]
    if len(before) != len(after) or len(differing) != 1 or len(before) < 2 or differing[0] == len(before) - 1:
        return None
    sides = {extra: side for side, extra in _squares(after[differing[0]])}
    return next(((old, sides[extra], extra) for old, extra in _squares(before[differing[0]]) if extra in sides), None)


def _squares(rows: int) -> Iterator[tuple[int, int]]:
    """Square grids that may have so many tokens: the side, and the tokens besides, of which one is the usual."""
    for extra in (1, 0, 2):
        side = math.isqrt(max(0, rows - extra))
        if side >= 2 and side * side == rows - extra:
            yield side, extra


def _has_grid(run: Run, side: int, rows: int, extra: int) -> bool:
    """Whether the model then has as many tokens as there are positions."""
    return any(
        step.flows
        and bool(
            (len(step.output) == 3 and {rows, rows - extra} & set(step.output[:2]))
            or (len(step.output) == 4 and (side, side) in (step.output[1:3], step.output[2:]))
        )
        for step in run.steps
    )


def _is_table(sizes: Sizes) -> bool:
    """Whether a parameter may hold a vector for each of several places: a bias and a norm's scale do not."""
    return sum(size > 1 for size in sizes) >= 2


def _broadcasts_one_token(run: Run, rows: int) -> bool:
    """Whether a single token was added to that many positions: it fits any."""
    return any(
        step.name in ELEMENTWISE
        and len(step.inputs) == 2
        and len(step.output) == len(tensor.sizes) == 3
        and step.output[1] == rows > tensor.sizes[1] == 1
        for step in run.steps
        for tensor in step.inputs
        if tensor.flows
    )


def _is_added(run: Run, name: str, rows: int, side: int) -> bool:
    """Whether a parameter, or what is made of it, is added to that many tokens or multiplied with them: a weight of a
    layer is not, and an index is one of pairs of tokens.
    """
    derived: set[int] = set()
    for step in run.steps:
        uses = [
            tensor for tensor in step.inputs if not tensor.flows and (tensor.name == name or tensor.source in derived)
        ]
        if uses and not step.flows:
            derived.add(step.index)
        if not uses or len(step.inputs) != 2 or step.name not in ELEMENTWISE or not step.flows:
            continue
        sizes = step.output
        tokens = len(sizes) >= 3 and sizes[-2] == rows != sizes[-1]
        if tokens or (len(sizes) == 3 and sizes[1] == rows and uses[0].sizes[-2:-1] == (rows,) and run.completed):
            return len(sizes) == 3 or uses[0].sizes[-2:] != (rows, rows)
        if len(sizes) == 4 and (side, side) in (sizes[1:3], sizes[2:]):
            return True
    return False


def _is_kernel(sizes: Sizes) -> bool:
    return len(sizes) == 4 and sizes[2] == sizes[3] and sizes[1] in COLOURS


def _possible_grids(sizes: Sizes) -> Iterator[tuple[int, int, int]]:
    """Sides of square grids that a table of positions may be of: the side, its rows, and the tokens besides."""
    for rows in dict.fromkeys(sizes[:-1] if len(sizes) > 1 else sizes):
        yield from ((side, rows, extra) for side, extra in _squares(rows))
    for first, second in itertools.pairwise(sizes):
        if first == second >= 2 and len(sizes) >= 3:
            yield first, first * second, 0


def _resolution_finding(
    case: Case, name: str, sizes: Sizes, rows: int, extra: int, of: tuple[int, int], score: int
) -> Finding:
    side, patch = of
    height, width = case.picture_size
    grid = f"{height // patch} x {width // patch}"
    plus = f" + {extra}" if extra else ""
    tokens = (height // patch) * (width // patch) + extra
    fitting = f"{side * patch} x {side * patch}"
    return Finding(
        "positions-of-another-resolution",
        f"{name} {text(sizes)} has {rows} = {side} x {side}{plus} positions, for pictures of {fitting}; this picture "
        f"of {height} x {width} has {tokens} = {grid}{plus} tokens",
        f"{tokens} positions: those of the {side} x {side} grid interpolated to {grid}; or a picture of {fitting}",
        resizing_line(case, (side * patch, side * patch), f"build the model for {height} x {width}"),
        case.stopped_at,
        score,
    )


def resizing_line(case: Case, size: tuple[int, int], other: str) -> str:
    """What brings the picture to a size, by the name that the model has for it."""
    if case.side_axes == (1, 2):
        return f"resize the pictures to {size[0]} x {size[1]} before; or {other}"
    name = case.trials.input_name or "x"
    return f"{name} = torch.nn.functional.interpolate({name}, size={size})  # or {other}"


def sliced_positions(case: Case) -> Iterator[Finding]:
    """Positions of a larger picture, of which the first rows are taken: they fit, and belong to other places."""
    if not case.original.completed or not case.is_picture:
        return
    for step in case.original.steps:
        if step.combined is None:
            continue
        tokens, positions = step.combined
        if positions.source < 0 or len(positions.sizes) < 2 or len(tokens.sizes) != 3:
            continue
        cut = case.original.steps[positions.source]
        if cut.name not in ("getitem", "narrow") or len(cut.inputs) != 1 or not cut.inputs[0].name:
            continue
        before, after = cut.inputs[0].sizes, cut.output
        if len(before) != len(after) or before[-1] != after[-1] or before[-2] == after[-2]:
            continue
        places, taken = before[-2], after[-2]
        token = unused_token(case, before[-1])
        if token and places == taken + 1 and case.may_be_patch_count(taken) and tokens.sizes[-2] == taken:
            yield Finding(
                "sequence-not-joined",
                f"{taken} tokens {text(tokens.sizes)} get the first of {places} positions; {token} "
                f"{text(case.trials.shapes[token])} was never used",
                f"{places} tokens: the class token and {taken} patches",
                line_with_token(case, step.code, next(iter(operand_names(step.code)), ""), before[-1]),
                cut.code,
                title="The class token was forgotten",
                is_tried=False,
            )
            return
        for side, extra in _squares(places):
            if side * side == taken - extra or not case.may_be_patch_count(taken - extra):
                continue
            small = math.isqrt(taken - extra)
            plus = f" + {extra}" if extra else ""
            yield Finding(
                "positions-of-another-resolution",
                f"of {places} = {side} x {side}{plus} positions the first {taken} are taken for a grid of "
                f"{small} x {small}: the second row of patches gets positions of the first",
                f"the {side} x {side} grid of positions interpolated to {small} x {small}",
                f"interpolate the positions, or resize the pictures by {side / small:g}",
                cut.code,
                is_tried=False,
            )
            return
