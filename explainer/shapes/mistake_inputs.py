"""Mistakes of what the model is given: no batch, channels last, RGBA, a picture of another size.

Each is tried: the model is run again on the input as it should have been.
"""

import itertools
import math
from collections.abc import Iterator

from explainer.shapes.mistake_case import Case, Finding, text
from explainer.shapes.mistake_code import followed_by, line_of
from explainer.shapes.mistake_trials import Code, Repair, Run, Sizes, Step

_COLOURS = (1, 3, 4)


def missing_batch(case: Case) -> Iterator[Finding]:
    """One picture without a batch axis, or a batch axis that the model loses."""
    sizes = case.picture
    if (len(sizes) == 3 and sizes[0] in _COLOURS and min(sizes[1:]) > 4) or (len(sizes) in (2, 3) and not case.base.ran):
        run = case.trials.run(Repair(picture=lambda picture: picture.unsqueeze(0)))
        score = case.score(run, 1)
        same = case.base.ran and case.base.outputs == tuple(output[1:] for output in run.outputs)
        if score and not same:
            yield Finding(
                "missing-batch",
                f"the model was given {text(sizes)}: one {'picture' if len(sizes) == 3 else 'sequence'}, without an axis for "
                "the batch",
                f"{text((1, *sizes))}: a batch of one",
                "logits = model(x.unsqueeze(0))", case.code, score,
            )  # fmt: skip
    if not case.is_picture or case.base.ran:
        return
    if case.batch == 1:
        yield from _squeezed(case)
    for step in case.ancestors(case.base, 6):
        if step.name in ("getitem", "select", "squeeze", "mean") and _loses_batch(step.inputs[0].sizes, step.output):
            score = case.tried(Repair(instead={step.index: lambda args, kwargs: args[0]}))
            if score >= 2 and step.inputs[0].sizes[0] == case.batch:
                yield _lost(case, step, score)


def _squeezed(case: Case) -> Iterator[Finding]:
    """With one picture it breaks, with several it does not: the axis of size 1 was taken away."""
    if not case.more.ran or not case.score(case.more, case.other_batch):
        return
    for step, other in zip(case.base.steps, case.more.steps, strict=False):
        if step.name != other.name:
            return
        if len(step.output) < len(other.output):
            if step.inputs and step.inputs[0].sizes[0] == 1:
                yield _lost(case, step, 2)
            return


def _lost(case: Case, step: Step, score: int) -> Finding:
    before = step.inputs[0].sizes
    return Finding(
        "missing-batch",
        f"here {text(before)} becomes {text(step.output)}: the axis of the batch is gone",
        f"{text(before)}: the batch stays the first axis, also when it has {before[0]} "
        f"{'picture' if before[0] == 1 else 'pictures'}",
        _without_loss(step), step.code, score,
    )  # fmt: skip


def _without_loss(step: Step) -> str:
    if step.name == "squeeze":
        axes = [axis for axis, size in enumerate(step.inputs[0].sizes) if axis and size == 1]
        return f"x = x.squeeze({axes[0]})" if axes else "leave the squeeze out"
    line = line_of(step.code)
    return f"leave out: {line.text}" if line else "leave the step out"


def _loses_batch(before: Sizes, after: Sizes) -> bool:
    return (len(before) == len(after) + 1 and before[1:] == after) or (before[:1] == (1,) and len(after) < len(before))


def channels_last(case: Case) -> Iterator[Finding]:
    """Height, width, channels, where the model wants the channels before them; or the other way round."""
    sizes = case.picture
    if case.base.ran:
        return
    if len(sizes) == 3 and sizes[2] in _COLOURS and min(sizes[:2]) > 4:
        if score := case.tried(Repair(picture=lambda picture: picture.permute(2, 0, 1).unsqueeze(0)), 1):
            yield Finding(
                "channels-last",
                f"the model was given {text(sizes)}: the {sizes[2]} channels are the last axis, and there is none "
                "for the batch",
                text((1, sizes[2], *sizes[:2])), "logits = model(x.permute(2, 0, 1).unsqueeze(0))", case.code, score,
            )  # fmt: skip
    if len(sizes) == 4 and sizes[3] in _COLOURS and min(sizes[1:3]) > 4:
        if score := case.tried(Repair(picture=lambda picture: picture.permute(0, 3, 1, 2))):
            yield Finding(
                "channels-last",
                f"the model was given {text(sizes)}: the {sizes[3]} channels are the last axis, so that {sizes[1]} "
                "rows of pixels are taken for channels",
                f"{text((sizes[0], sizes[3], *sizes[1:3]))}: the channels before height and width",
                "logits = model(x.permute(0, 3, 1, 2))", case.code, score,
            )  # fmt: skip
            return
    if len(sizes) == 4 and sizes[1] in _COLOURS and min(sizes[2:]) > 4:
        if score := case.tried(Repair(picture=lambda picture: picture.permute(0, 2, 3, 1))):
            yield Finding(
                "channels-last",
                f"the model was given {text(sizes)}, the channels before height and width, and this one takes them last",
                f"{text((sizes[0], *sizes[2:], sizes[1]))}: the channels as the last axis",
                "logits = model(x.permute(0, 2, 3, 1))", case.code, score,
            )  # fmt: skip
            return
    failing = case.base.failing
    if failing is None or not failing.inputs or not failing.inputs[0].flows:
        return
    given = failing.inputs[0].sizes
    if len(given) == 4 and given[3] in _COLOURS and min(given[1:3]) > 4 and failing.name == "conv2d":
        source = failing.inputs[0].source
        code = case.base.steps[source].code if source >= 0 else failing.code
        score = case.tried(Repair(before={failing.index: lambda a, k: ((a[0].permute(0, 3, 1, 2), *a[1:]), k)}))
        if score:
            yield Finding(
                "channels-last",
                f"the convolution is given {text(given)}: the {given[3]} channels are the last axis",
                f"{text((given[0], given[3], *given[1:3]))}: the channels before height and width",
                followed_by(code, ".permute(0, 3, 1, 2)"), code, score,
            )  # fmt: skip


def rgba(case: Case) -> Iterator[Finding]:
    """Four channels, of which the model knows three; or the other way round."""
    sizes = case.picture
    if not case.is_picture or case.base.ran or sizes[1] not in (3, 4):
        return
    if sizes[1] == 4:
        if score := case.tried(Repair(picture=lambda picture: picture[:, :3])):
            yield Finding(
                "rgba",
                f"the model was given {text(sizes)}: four channels, red, green, blue and how opaque a pixel is",
                f"{text((sizes[0], 3, *sizes[2:]))}: the three colours alone",
                'image = image.convert("RGB")  # or x = x[:, :3]', case.code, score,
            )  # fmt: skip
    elif score := case.tried(Repair(), sizes=(sizes[0], 4, *sizes[2:])):
        yield Finding(
            "rgba",
            f"the model was built for 4 channels (RGBA), and was given {text(sizes)}: 3 channels (RGB)",
            "weights for 3 channels", _three_channels(case), case.code, score,
        )  # fmt: skip


def _three_channels(case: Case) -> str:
    for sizes in case.weights:
        if len(sizes) == 4 and sizes[1] == 4 and sizes[2] > 1:
            return f"nn.Conv2d(3, {sizes[0]}, kernel_size={sizes[2]}, stride={sizes[2]})"
    patch = next((patch for patch in case.patches), None)
    width = next((sizes[0] for sizes in case.weights if patch and len(sizes) == 2 and sizes[1] == 4 * patch**2), None)
    return f"nn.Linear(3 * {patch} * {patch}, {width})" if width else "build the model with 3 channels"


def another_size(case: Case) -> Iterator[Finding]:
    """A patch that does not divide the picture, or positions of another resolution."""
    if not case.is_picture or min(case.picture[2:]) < 4 or case.picture[1] not in _COLOURS:
        return
    height, width = case.picture[2:]
    if case.base.ran:
        yield from _dropped_pixels(case)
        return
    patches = list(case.patches)
    for division in case.divisions:
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
    return (*case.picture[:2], height, width)


def _passes(case: Case, run: Run) -> bool:
    """Whether it came further than the model did."""
    return run.ran or len(run.steps) > len(case.base.steps)


def _patches_by_trial(case: Case) -> list[int]:
    """The patch size, from which smaller pictures the model takes where it stopped."""
    height, width = case.picture[2:]
    taken: list[int] = []
    for size in range(min(height, width) - 1, max(4, min(height, width) - 70), -1):
        if _passes(case, case.trials.run(sizes=_sized(case, size, size))):
            taken.append(size)
            if len(taken) == 2:
                return [taken[0] - taken[1]] if taken[0] - taken[1] > 1 else []
    return []


def _remainder(case: Case, patch: int) -> Iterator[Finding]:
    height, width = case.picture[2:]
    down = (height - height % patch, width - width % patch)
    up = (height + -height % patch, width + -width % patch)
    for sizes in (down, up):
        if min(sizes) < patch:
            continue
        run = case.trials.run(sizes=_sized(case, *sizes))
        if score := case.score(run):
            yield _does_not_divide(case, patch, down, case.code, score)
            return
    # The model's positions were counted with the same remainder: then no picture fits, unless they were made anew.
    run = case.trials.run(Repair(lenient=True), _sized(case, *down))
    if (score := case.score(run)) and run.made_to_fit:
        rows = {sizes[-2] for sizes in case.weights if 2 <= len(sizes) <= 3 and math.prod(sizes[:-2]) == 1}
        counted = {int((height / patch) * (width / patch)), math.ceil((height / patch) * (width / patch))}
        counted |= {math.ceil(height / patch) * math.ceil(width / patch), round((height / patch) * (width / patch))}
        if any(row - extra in counted for row in rows for extra in (0, 1, 2)):
            yield _does_not_divide(case, patch, down, case.code, score)


def _does_not_divide(case: Case, patch: int, down: tuple[int, int], code: Code | None, score: int) -> Finding:
    height, width = case.picture[2:]
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
        f"x = torch.nn.functional.interpolate(x, size=({down[0]}, {down[1]}))  # or transforms.Resize(({down[0]}, {down[1]}))",
        code, score,
    )  # fmt: skip


def _dropped_pixels(case: Case) -> Iterator[Finding]:
    """The model runs, but pixels at the right and below are in no patch."""
    height, width = case.picture[2:]
    if not _attends(case.base):
        return
    for step in case.base.steps:
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
            yield _does_not_divide(case, patch, down, step.code, 2)
            return


def _cut_into(step: Step) -> int:
    """The size of the patches that a step cuts a picture into; 0 if it does not."""
    if step.name == "conv2d":
        kernel = step.inputs[1].sizes[2:]
        arguments = step.arguments
        stride, padding = (arguments[3] if len(arguments) > 3 else 1), (arguments[4] if len(arguments) > 4 else 0)
        stride, padding = step.named.get("stride", stride), step.named.get("padding", padding)
        steps = (stride, stride) if isinstance(stride, int) else tuple(stride)
        pads = (padding, padding) if isinstance(padding, int) else padding
        if isinstance(pads, tuple) and not any(pads) and steps == kernel and kernel[0] == kernel[1] > 1:
            return int(kernel[0])
    if step.name == "unfold":
        numbers = step.ints
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
    failing = case.base.failing
    if failing is not None and failing.name in ("linear", "conv2d", "matmul", "bmm", "layer_norm", "batch_norm"):
        return
    height, width = case.picture[2:]
    named = {name: sizes for name, sizes in case.trials.sizes.items() if not _is_kernel(sizes)}
    if failing is not None:
        named |= {each.name or "the positions": each.sizes for each in failing.inputs if not each.flows}
    tried: set[int] = set()
    for name, sizes in named.items():
        for side, rows, extra in _sides(sizes):
            for patch in patches:
                size = side * patch
                if size in tried or (size, size) == (height, width):
                    continue
                tried.add(size)
                if case.tired:
                    return
                run = case.trials.run(sizes=_sized(case, size, size))
                if (score := case.score(run)) and _has_grid(run, side, rows, extra):
                    yield _other_resolution(case, name, sizes, rows, extra, (side, patch), score)
                    return


def _has_grid(run: Run, side: int, rows: int, extra: int) -> bool:
    """Whether the model then has as many tokens as there are positions."""
    return any(
        step.flows and bool(
            (len(step.output) == 3 and {rows, rows - extra} & set(step.output[:2]))
            or (len(step.output) == 4 and (side, side) in (step.output[1:3], step.output[2:]))
        )
        for step in run.steps
    )  # fmt: skip


def _is_kernel(sizes: Sizes) -> bool:
    return len(sizes) == 4 and sizes[2] == sizes[3] and sizes[1] in _COLOURS


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
    height, width = case.picture[2:]
    grid = (height // patch, width // patch)
    more = f" + {extra}" if extra else ""
    tokens = grid[0] * grid[1] + extra
    return Finding(
        "positions-of-another-resolution",
        f"{name} {text(sizes)} has {rows} = {side} x {side}{more} positions, for pictures of "
        f"{side * patch} x {side * patch}; this picture of {height} x {width} has {tokens} = {grid[0]} x {grid[1]}{more} tokens",
        f"{tokens} positions: those of the {side} x {side} grid interpolated to {grid[0]} x {grid[1]}; "
        f"or a picture of {side * patch} x {side * patch}",
        f"x = torch.nn.functional.interpolate(x, size=({side * patch}, {side * patch}))  # or build the model for {height}",
        case.code, score,
    )  # fmt: skip

