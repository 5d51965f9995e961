"""A picture of another size: its patches do not divide it, or the positions are of another resolution.

Each is tried: the model is run again on a picture of the size that it should have been.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import TracebackType

from torch import Tensor, nn

from explainer.shapes.diagnosis.case import COLOURS, Case, Finding, text
from explainer.shapes.diagnosis.steps import ELEMENTWISE, Repair, Run, Sizes, Step
from explainer.shapes.recording import Code, code_of


def another_size(case: Case) -> Iterator[Finding]:
    """A patch that does not divide the picture, or positions of another resolution."""
    film = len(case.shape) == 5 and bool({case.shape[1], case.shape[2]} & set(COLOURS))
    if not film and (not case.is_picture or case.channels not in COLOURS):
        return
    height, width = case.picture_size
    if min(height, width) < 4:
        return
    if case.original.completed:
        if not film:
            yield from _dropped_pixels(case)
        return
    patches = list(case.patch_sizes)
    for division in case.failed_divisions:
        if division.number in (height, width) and division.divisor not in patches and division.divisor >= 2:
            patches.insert(0, division.divisor)
    if not patches:
        patches = _patches_by_trial(case)
    for patch in patches:
        if height % patch or width % patch:
            yield from _remainder(case, patch)
            return
    yield from _positions(case, patches)


def _sized(case: Case, height: int, width: int) -> Sizes:
    return case.shape_of_size(height, width)


def _passes(case: Case, run: Run) -> bool:
    """Whether it came further than the model did."""
    return run.completed or len(run.steps) > len(case.original.steps)


def _patches_by_trial(case: Case) -> list[int]:
    """The patch size, from which smaller pictures the model takes where it stopped."""
    height, width = case.picture_size
    taken: list[int] = []
    for size in range(min(height, width) - 1, max(4, min(height, width) - 70), -1):
        if _passes(case, case.trials.run(sizes=_sized(case, size, size))):
            taken.append(size)
            if len(taken) == 2:
                return [taken[0] - taken[1]] if taken[0] - taken[1] > 1 else []
    return []


def _remainder(case: Case, patch: int) -> Iterator[Finding]:
    height, width = case.picture_size
    down = (height - height % patch, width - width % patch)
    up = (height + -height % patch, width + -width % patch)
    for sizes in (down, up):
        if min(sizes) < patch:
            continue
        run = case.trials.run(sizes=_sized(case, *sizes))
        if score := case.rate(run):
            yield _does_not_divide(case, patch, down, case.stopped_at, score)
            return
    # The model's positions were counted with the same remainder: then no picture fits, unless they were made anew.
    run = case.trials.run(Repair(lenient=True), _sized(case, *down))
    if (score := case.rate(run)) and run.made_to_fit:
        rows = {sizes[-2] for sizes in case.weight_shapes if 2 <= len(sizes) <= 4 and math.prod(sizes[:-2]) == 1}
        counted = {int((height / patch) * (width / patch)), math.ceil((height / patch) * (width / patch))}
        counted |= {math.ceil(height / patch) * math.ceil(width / patch), round((height / patch) * (width / patch))}
        boxes = next(
            (step.output[2] for step in case.original.steps if step.name == "conv3d" and len(step.output) == 5), 1
        )
        counted |= {count * boxes for count in counted}
        if any(row - extra in counted for row in rows for extra in (0, 1, 2)):
            yield _does_not_divide(case, patch, down, case.stopped_at, score)


def _does_not_divide(case: Case, patch: int, down: tuple[int, int], code: Code | None, score: int) -> Finding:
    height, width = case.picture_size
    left = [
        f"{size} = {size // patch} x {patch} + {size % patch} {axis}"
        for size, axis in ((height, "rows of pixels"), (width, "columns"))
        if size % patch
    ]
    said = left[0].replace("rows of pixels", "in height and width") if height == width else ", ".join(left)
    rest = max(height % patch, width % patch)
    return Finding(
        "patch-does-not-divide",
        f"a picture of {height} x {width} cut into patches of {patch}: {said}; {rest} "
        f"{'pixel is' if rest == 1 else 'pixels are'} left over",
        f"a picture of {down[0]} x {down[1]}: {down[0] // patch} x {down[1] // patch} = "
        f"{(down[0] // patch) * (down[1] // patch)} patches",
        _resized(case, down, f"transforms.Resize({down})"),
        code,
        score,
    )


def _resized(case: Case, size: tuple[int, int], other: str) -> str:
    """What brings the picture to a size, by the name that the model has for it."""
    if case.side_axes == (1, 2):
        return f"resize the pictures to {size[0]} x {size[1]} before; or {other}"
    name = case.trials.input_name or "x"
    return f"{name} = torch.nn.functional.interpolate({name}, size={size})  # or {other}"


def _dropped_pixels(case: Case) -> Iterator[Finding]:
    """The model runs, but pixels at the right and below are in no patch."""
    height, width = case.picture_size
    if not _attends(case.original):
        return
    for step in case.original.steps:
        given = step.inputs[0] if step.inputs else None
        if given is None or not given.flows:
            continue
        if len(given.sizes) != 4 or given.sizes[1] > 4:
            if step.name == "unfold":
                continue
            return
        patch = _cut_into(step)
        if patch and given.sizes[2:] == (height, width) and (height % patch or width % patch):
            down = (height - height % patch, width - width % patch)
            finding = _does_not_divide(case, patch, down, step.code, 2)
            yield replace(finding, is_tried=bool(case.try_repair(Repair(), sizes=_sized(case, *down))))
            return


def _cut_into(step: Step) -> int:
    """The size of the patches that a step cuts a picture into; 0 if it does not."""
    if step.name == "conv2d":
        kernel = step.inputs[1].sizes[2:]
        arguments = step.arguments
        stride, padding = (arguments[3] if len(arguments) > 3 else 1), (arguments[4] if len(arguments) > 4 else 0)
        stride, padding = step.keywords.get("stride", stride), step.keywords.get("padding", padding)
        steps = (stride, stride) if isinstance(stride, int) else tuple(stride)
        pads = (padding, padding) if isinstance(padding, int) else padding
        if isinstance(pads, tuple) and not any(pads) and steps == kernel and kernel[0] == kernel[1] > 1:
            return int(kernel[0])
    if step.name == "unfold":
        numbers = step.whole_numbers
        if len(numbers) == 3 and numbers[1] == numbers[2]:  # Tensor.unfold(axis, size, step)
            return numbers[1]
        if len(numbers) >= 1 and len(step.output) == 3 and step.inputs[0].sizes[1]:
            patch = math.isqrt(step.output[1] // step.inputs[0].sizes[1])
            if patch * patch * step.inputs[0].sizes[1] == step.output[1]:
                grid = (step.inputs[0].sizes[2] // patch) * (step.inputs[0].sizes[3] // patch)
                return patch if grid == step.output[2] else 0
    return 0


def _attends(run: Run) -> bool:
    return any(
        step.name in ("softmax", "scaled_dot_product_attention", "multi_head_attention_forward") for step in run.steps
    )


def _positions(case: Case, patches: list[int]) -> Iterator[Finding]:
    """The model runs on a picture of another size, of which its positions are."""
    failing = case.original.failing
    if failing is not None and failing.name in ("linear", "conv2d", "matmul", "bmm", "layer_norm", "batch_norm"):
        return
    height, width = case.picture_size
    named = {name: sizes for name, sizes in case.trials.shapes.items() if not _is_kernel(sizes)}
    if failing is not None:
        named |= {tensor.name or "the positions": tensor.sizes for tensor in failing.inputs if not tensor.flows}
    tried: dict[int, Run] = {}
    for name, sizes in named.items():
        if not _is_table(sizes):
            continue
        for side, rows, extra in _sides(sizes):
            for patch in patches:
                size = side * patch
                if (size, size) == (height, width):
                    continue
                if case.is_out_of_time:
                    return
                if size not in tried:
                    tried[size] = case.trials.run(sizes=_sized(case, size, size))
                run = tried[size]
                if not (score := case.rate(run)) or not _has_grid(run, side, rows, extra) or _stretched(run, rows):
                    continue
                met = failing is not None and any(name in (tensor.name, "the positions") for tensor in failing.inputs)
                if met or _is_added(run, name, rows, side):
                    yield _other_resolution(case, name, sizes, rows, extra, (side, patch), score)
                    return


def loaded(traceback: TracebackType | None) -> Iterator[Finding]:
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
        grids = [(name, before, after, _grids(before, after)) for name, before, after in pairs]
        if not grids or any(grid is None for *_, grid in grids) or set(own) != set(weights):
            continue
        name, before, after, grid = grids[0]
        if grid is not None:
            old, new, extra = grid
            more = f" + {extra}" if extra else ""
            yield Finding(
                "positions-of-another-resolution",
                f"the weights have {name} {text(before)}, for {old} x {old}{more} tokens; the model has {text(after)}, "
                f"for {new} x {new}{more}",
                f"the {old} x {old} grid of positions interpolated to {new} x {new} before it is loaded",
                f'positions = torch.nn.functional.interpolate(positions, size=({new}, {new}), mode="bicubic")',
                code,
                2,
                is_tried=False,
            )
            return


def _grids(before: Sizes, after: Sizes) -> tuple[int, int, int] | None:
    """The sides of two square grids that two tables of positions are of, and the tokens besides."""
    other = [axis for axis, (a, b) in enumerate(zip(before, after, strict=False)) if a != b]
    if len(before) != len(after) or len(other) != 1 or len(before) < 2 or other[0] == len(before) - 1:
        return None
    for extra in (1, 0, 2):
        old, new = (math.isqrt(max(0, sizes[other[0]] - extra)) for sizes in (before, after))
        if old**2 + extra == before[other[0]] and new**2 + extra == after[other[0]] and min(old, new) > 1:
            return old, new, extra
    return None


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


def _stretched(run: Run, rows: int) -> bool:
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
    of_it: set[int] = set()
    for step in run.steps:
        mine = [
            tensor for tensor in step.inputs if not tensor.flows and (tensor.name == name or tensor.source in of_it)
        ]
        if mine and not step.flows:
            of_it.add(step.index)
        if not mine or len(step.inputs) != 2 or step.name not in ELEMENTWISE or not step.flows:
            continue
        sizes = step.output
        tokens = len(sizes) >= 3 and sizes[-2] == rows != sizes[-1]
        if tokens or (len(sizes) == 3 and sizes[1] == rows and mine[0].sizes[-2:-1] == (rows,) and run.completed):
            return len(sizes) == 3 or mine[0].sizes[-2:] != (rows, rows)
        if len(sizes) == 4 and (side, side) in (sizes[1:3], sizes[2:]):
            return True
    return False


def _is_kernel(sizes: Sizes) -> bool:
    return len(sizes) == 4 and sizes[2] == sizes[3] and sizes[1] in COLOURS


def _sides(sizes: Sizes) -> Iterator[tuple[int, int, int]]:
    """Sides of square grids that a table of positions may be of: the side, its rows, and the tokens besides."""
    for rows in dict.fromkeys(sizes[:-1] if len(sizes) > 1 else sizes):
        for extra in (1, 0, 2):
            side = math.isqrt(max(0, rows - extra))
            if side >= 2 and side * side == rows - extra:
                yield side, rows, extra
    for first, second in itertools.pairwise(sizes):
        if first == second >= 2 and len(sizes) >= 3:
            yield first, first * second, 0


def _other_resolution(
    case: Case, name: str, sizes: Sizes, rows: int, extra: int, of: tuple[int, int], score: int
) -> Finding:
    side, patch = of
    height, width = case.picture_size
    grid = (height // patch, width // patch)
    more = f" + {extra}" if extra else ""
    tokens = grid[0] * grid[1] + extra
    return Finding(
        "positions-of-another-resolution",
        f"{name} {text(sizes)} has {rows} = {side} x {side}{more} positions, for pictures of "
        f"{side * patch} x {side * patch}; this picture of {height} x {width} has {tokens} = {grid[0]} x {grid[1]}"
        f"{more} tokens",
        f"{tokens} positions: those of the {side} x {side} grid interpolated to {grid[0]} x {grid[1]}; "
        f"or a picture of {side * patch} x {side * patch}",
        _resized(case, (side * patch, side * patch), f"build the model for {height} x {width}"),
        case.stopped_at,
        score,
    )
