"""A picture that the patches do not divide.

Each is tried: the model is run again on a picture of the size that it should have been.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from explainer.shapes.diagnosis.case import ATTENDING, COLOURS, Case, Finding
from explainer.shapes.diagnosis.positions import another_resolution, resizing_line
from explainer.shapes.diagnosis.steps import Repair, Run, Step
from explainer.shapes.recording.code_lines import Code


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
            yield from _find_dropped_pixels(case)
        return
    patches = list(case.patch_sizes)
    for division in case.failed_divisions:
        if division.number in (height, width) and division.divisor not in patches and division.divisor >= 2:
            patches.insert(0, division.divisor)
    if not patches:
        patches = _patches_by_trial(case)
    for patch in patches:
        if height % patch or width % patch:
            yield from _find_remainder(case, patch)
            return
    yield from another_resolution(case, patches)


def _gets_further(case: Case, run: Run) -> bool:
    """Whether it came further than the model did."""
    return run.completed or len(run.steps) > len(case.original.steps)


def _patches_by_trial(case: Case) -> list[int]:
    """The patch size, from which smaller pictures the model takes where it stopped."""
    height, width = case.picture_size
    taken: list[int] = []
    for size in range(min(height, width) - 1, max(4, min(height, width) - 70), -1):
        if _gets_further(case, case.trials.run(sizes=case.shape_of_size(size, size))):
            taken.append(size)
            if len(taken) == 2:
                return [taken[0] - taken[1]] if taken[0] - taken[1] > 1 else []
    return []


def _find_remainder(case: Case, patch: int) -> Iterator[Finding]:
    height, width = case.picture_size
    smaller = (height - height % patch, width - width % patch)
    finding = _remainder_finding(case, patch, case.stopped_at)
    for sizes in (smaller, (height + -height % patch, width + -width % patch)):
        if min(sizes) >= patch and (confirmed := case.confirmed(finding, Repair(), sizes=case.shape_of_size(*sizes))):
            yield from confirmed
            return
    # The model's positions were counted with the same remainder: then no picture fits, unless they were made anew.
    run = case.trials.run(Repair(lenient=True), case.shape_of_size(*smaller))
    if (score := case.rate(run)) and run.made_to_fit:
        rows = {sizes[-2] for sizes in case.weight_shapes if 2 <= len(sizes) <= 4 and math.prod(sizes[:-2]) == 1}
        exact = (height / patch) * (width / patch)
        counted = {int(exact), math.ceil(exact), round(exact), math.ceil(height / patch) * math.ceil(width / patch)}
        films = [step.output for step in case.original.steps if step.name == "conv3d" and len(step.output) == 5]
        counted |= {count * sizes[2] for count in counted for sizes in films[:1]}
        if any(row - extra in counted for row in rows for extra in (0, 1, 2)):
            yield replace(finding, score=score)


def _remainder_finding(case: Case, patch: int, code: Code | None) -> Finding:
    height, width = case.picture_size
    rows, columns = height // patch, width // patch
    remainders = [
        f"{size} = {size // patch} x {patch} + {size % patch} {axis}"
        for size, axis in ((height, "rows of pixels"), (width, "columns"))
        if size % patch
    ]
    division = ", ".join(remainders)
    if height == width:
        division = remainders[0].replace("rows of pixels", "in height and width")
    rest = max(height % patch, width % patch)
    smaller = (rows * patch, columns * patch)
    return Finding(
        "patch-does-not-divide",
        f"a picture of {height} x {width} cut into patches of {patch}: {division}; {rest} "
        f"{'pixel is' if rest == 1 else 'pixels are'} left over",
        f"a picture of {smaller[0]} x {smaller[1]}: {rows} x {columns} = {rows * columns} patches",
        resizing_line(case, smaller, f"transforms.Resize({smaller})"),
        code,
    )


def _find_dropped_pixels(case: Case) -> Iterator[Finding]:
    """The model runs, but pixels at the right and below are in no patch."""
    height, width = case.picture_size
    if not any(step.name in ATTENDING for step in case.original.steps):
        return
    for step in case.original.steps:
        given = step.inputs[0] if step.inputs else None
        if given is None or not given.flows:
            continue
        if len(given.sizes) != 4 or given.sizes[1] > 4:
            if step.name == "unfold":
                continue
            return
        patch = _patch_size_of(step)
        if patch and given.sizes[2:] == (height, width) and (height % patch or width % patch):
            smaller = case.shape_of_size(height - height % patch, width - width % patch)
            is_tried = bool(case.try_repair(Repair(), sizes=smaller))
            yield replace(_remainder_finding(case, patch, step.code), score=2, is_tried=is_tried)
            return


def _patch_size_of(step: Step) -> int:
    """The size of the patches that a step cuts a picture into; 0 if it does not."""
    if step.name == "conv2d":
        kernel = step.inputs[1].sizes[2:]
        stride, padding = _argument(step, 3, "stride", 1), _argument(step, 4, "padding", 0)
        is_cut = (stride, stride) == kernel if isinstance(stride, int) else tuple(stride) == kernel
        pads = (padding,) if isinstance(padding, int) else padding
        if is_cut and isinstance(pads, tuple) and not any(pads) and kernel[0] == kernel[1] > 1:
            return int(kernel[0])
    if step.name == "unfold":
        numbers = step.whole_numbers
        if len(numbers) == 3 and numbers[1] == numbers[2]:  # Tensor.unfold(axis, size, step)
            return numbers[1]
        channels, height, width = step.inputs[0].sizes[1:]
        if numbers and len(step.output) == 3 and channels:
            patch = math.isqrt(step.output[1] // channels)
            if patch * patch * channels == step.output[1] and (height // patch) * (width // patch) == step.output[2]:
                return patch
    return 0


def _argument(step: Step, place: int, name: str, default: int) -> Any:
    return step.keywords.get(name, step.arguments[place] if len(step.arguments) > place else default)
