"""Mistakes of what the model is given: no batch, channels last, RGBA.

Each is tried: the model is run again on the input as it should have been.
"""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from explainer.shapes.diagnosis.case import COLOURS, Case, Finding, text
from explainer.shapes.diagnosis.code import followed_by
from explainer.shapes.diagnosis.steps import Repair, Sizes, Step


def missing_batch(case: Case) -> Iterator[Finding]:
    """One picture without a batch axis, or a batch axis that the model loses."""
    sizes, original = case.shape, case.original
    is_colour_picture = len(sizes) == 3 and sizes[0] in COLOURS and min(sizes[1:]) > 4
    if is_colour_picture or (len(sizes) in (2, 3) and not original.completed):
        run = case.trials.run(Repair(picture=_with_batch))
        is_as_before = original.completed and original.outputs == tuple(output[1:] for output in run.outputs)
        if (score := case.rate(run, 1)) and not is_as_before:
            what = "picture" if len(sizes) == 3 else "sequence"
            yield Finding(
                "missing-batch",
                f"the model was given {text(sizes)}: one {what}, without an axis for the batch",
                f"{text((1, *sizes))}: a batch of one",
                "logits = model(x.unsqueeze(0))",
                case.stopped_at,
                score,
            )
    if not case.is_picture or original.completed:
        return
    if case.batch == 1:
        yield from _find_squeezed_batch(case)
    yield from _find_unbatched_convolution(case)
    for step in case.steps_before_failure(6):
        if step.name in ("getitem", "select", "squeeze", "mean") and _loses_batch(step.inputs[0].sizes, step.output):
            score = case.try_repair(Repair(instead={step.index: lambda args, kwargs: args[0]}))
            if score >= 2 and step.inputs[0].sizes[0] == case.batch:
                yield _lost_batch_finding(case, step, score)


def _with_batch(tensor: Tensor) -> Tensor:
    return tensor.unsqueeze(0)


def _find_unbatched_convolution(case: Case) -> Iterator[Finding]:
    """A convolution takes one picture without an axis for the batch; what follows does not."""
    convolutions = (step for step in case.original.all_steps if step.name == "conv2d" and step.flows)
    given = next((step.inputs[0] for step in convolutions if step.inputs[0].flows), None)
    if given is None or len(given.sizes) != 3 or given.source < 0:
        return
    source = case.original.steps[given.source]
    finding = Finding(
        "missing-batch",
        f"of {text(case.shape)} the convolution is given {text(given.sizes)}: one picture, without an axis for the "
        "batch",
        f"{text((1, *given.sizes))}: a batch of one; several pictures become one with torch.stack",
        followed_by(source.code, ".unsqueeze(0)"),
        source.code,
    )
    yield from case.confirmed(finding, Repair(after={source.index: _with_batch}), batch=1)


def _find_squeezed_batch(case: Case) -> Iterator[Finding]:
    """With one picture it breaks, with several it does not: the axis of size 1 was taken away."""
    if not case.larger_run.completed or not case.rate(case.larger_run, case.larger_batch):
        return
    for step, other in zip(case.original.steps, case.larger_run.steps, strict=False):
        if step.name != other.name:
            return
        if len(step.output) < len(other.output):
            if step.inputs and step.inputs[0].sizes[0] == 1:
                yield _lost_batch_finding(case, step, 2)
            return


def _lost_batch_finding(case: Case, step: Step, score: int) -> Finding:
    before = step.inputs[0].sizes
    pictures = f"{before[0]} {'picture' if before[0] == 1 else 'pictures'}"
    return Finding(
        "missing-batch",
        f"here {text(before)} becomes {text(step.output)}: the axis of the batch is gone",
        f"{text(before)}: the batch stays the first axis, even with {pictures}",
        _line_that_keeps_batch(step),
        step.code,
        score,
    )


def _line_that_keeps_batch(step: Step) -> str:
    if step.name == "squeeze":
        axes = [axis for axis, size in enumerate(step.inputs[0].sizes) if axis and size == 1]
        return f"x = x.squeeze({axes[0]})" if axes else "leave the squeeze out"
    return f"leave out: {step.code.line.text}" if step.code else "leave the step out"


def _loses_batch(before: Sizes, after: Sizes) -> bool:
    return (len(before) == len(after) + 1 and before[1:] == after) or (before[:1] == (1,) and len(after) < len(before))


def channels_last(case: Case) -> Iterator[Finding]:
    """Height, width, channels, where the model wants the channels before them; or the other way round."""
    if case.original.completed:
        return
    for order, suffix, found, expected in _other_layouts(case.shape):
        wanted = tuple(case.shape[axis] for axis in order)
        repair = Repair(picture=partial(torch.permute, dims=order))
        if suffix:
            wanted, repair = (1, *wanted), Repair(picture=lambda picture: picture.permute(2, 0, 1).unsqueeze(0))
        finding = Finding(
            "channels-last",
            f"the model was given {text(case.shape)}{found}",
            f"{text(wanted)}{expected}",
            f"logits = model(x.permute({', '.join(map(str, order))}){suffix})",
            case.stopped_at,
        )
        if confirmed := case.confirmed(finding, repair):
            yield from confirmed
            return
    failing = case.original.failing
    if failing is None or failing.name != "conv2d" or not failing.inputs[:1] or not failing.inputs[0].flows:
        return
    given, source = failing.inputs[0].sizes, failing.inputs[0].source
    if not _has_colours_at(given, 3, 4):
        return
    code = case.original.steps[source].code if source >= 0 else failing.code
    finding = Finding(
        "channels-last",
        f"the convolution is given {text(given)}: the {given[3]} channels are the last axis",
        f"{text((given[0], given[3], *given[1:3]))}: the channels before height and width",
        followed_by(code, ".permute(0, 3, 1, 2)"),
        code,
    )
    repair = Repair(before={failing.index: lambda args, kwargs: ((args[0].permute(0, 3, 1, 2), *args[1:]), kwargs)})
    yield from case.confirmed(finding, repair)


def _other_layouts(sizes: Sizes) -> Iterator[tuple[Sizes, str, str, str]]:
    """Orders of axes that the model may want: the order, what is done after, what was found and what is expected."""
    first = ": the channels before height and width"
    if _has_colours_at(sizes, 2, 3):
        found = f": the {sizes[2]} channels are the last axis"
        yield (2, 0, 1), "", found, first
        yield (2, 0, 1), ".unsqueeze(0)", f"{found}, and there is none for the batch", ""
    if _has_colours_at(sizes, 3, 4):
        found = f": the {sizes[3]} channels are the last axis, so {sizes[1]} rows of pixels are read as channels"
        yield (0, 3, 1, 2), "", found, first
    if _has_colours_at(sizes, 1, 4):
        found = ", the channels before height and width; it expects them last"
        yield (0, 2, 3, 1), "", found, ": the channels as the last axis"


def _has_colours_at(sizes: Sizes, axis: int, rank: int) -> bool:
    """Whether it may be pictures whose channels are that axis: both sides are longer than channels are many."""
    sides = [size for place, size in enumerate(sizes[-3:], rank - 3) if place != axis]
    return len(sizes) == rank and sizes[axis] in COLOURS and min(sides) > 4


def rgba(case: Case) -> Iterator[Finding]:
    """Four channels, of which the model knows three; or the other way round."""
    sizes = case.shape
    if len(sizes) not in (3, 4) or case.original.completed:
        return
    for axis in dict.fromkeys((len(sizes) - 3, len(sizes) - 1)):  # before height and width, or after them
        if sizes[axis] != 4:
            continue
        cut = "..., :3" if axis == len(sizes) - 1 else ":, :3" if axis else ":3"
        finding = Finding(
            "rgba",
            f"the model was given {text(sizes)}: four channels: red, green, blue and opacity",
            f"{text((*sizes[:axis], 3, *sizes[axis + 1 :]))}: the three colours alone",
            f'image = image.convert("RGB")  # or x = x[{cut}]',
            case.stopped_at,
        )
        repair = Repair(picture=partial(torch.narrow, dim=axis, start=0, length=3))
        if confirmed := case.confirmed(finding, repair):
            yield from confirmed
            return
    if not case.is_picture or sizes[1] != 3:
        return
    finding = Finding(
        "rgba",
        f"the model was built for 4 channels (RGBA), and was given {text(sizes)}: 3 channels (RGB)",
        "weights for 3 channels",
        _layer_for_three_channels(case),
        case.stopped_at,
    )
    yield from case.confirmed(finding, Repair(), sizes=(sizes[0], 4, *sizes[2:]))


def _layer_for_three_channels(case: Case) -> str:
    for sizes in case.weight_shapes:
        if len(sizes) == 4 and sizes[1] == 4 and sizes[2] > 1:
            return f"nn.Conv2d(3, {sizes[0]}, kernel_size={sizes[2]}, stride={sizes[2]})"
    for patch in case.patch_sizes[:1]:
        for sizes in case.weight_shapes:
            if len(sizes) == 2 and sizes[1] == 4 * patch**2:
                return f"nn.Linear(3 * {patch} * {patch}, {sizes[0]})"
    return "build the model with 3 channels"
