"""Mistakes of what the model is given: no batch, channels last, RGBA.

Each is tried: the model is run again on the input as it should have been.
"""

from collections.abc import Iterator
from functools import partial

import torch

from explainer.shapes.diagnosis.case import COLOURS, Case, Finding, text
from explainer.shapes.diagnosis.code import followed_by
from explainer.shapes.diagnosis.steps import Repair, Sizes, Step


def missing_batch(case: Case) -> Iterator[Finding]:
    """One picture without a batch axis, or a batch axis that the model loses."""
    sizes = case.shape
    if (len(sizes) == 3 and sizes[0] in COLOURS and min(sizes[1:]) > 4) or (
        len(sizes) in (2, 3) and not case.original.completed
    ):
        run = case.trials.run(Repair(picture=lambda picture: picture.unsqueeze(0)))
        score = case.rate(run, 1)
        same = case.original.completed and case.original.outputs == tuple(output[1:] for output in run.outputs)
        if score and not same:
            yield Finding(
                "missing-batch",
                f"the model was given {text(sizes)}: one {'picture' if len(sizes) == 3 else 'sequence'}, without an "
                "axis for the batch",
                f"{text((1, *sizes))}: a batch of one",
                "logits = model(x.unsqueeze(0))",
                case.stopped_at,
                score,
            )
    if not case.is_picture or case.original.completed:
        return
    if case.batch == 1:
        yield from _find_squeezed_batch(case)
    yield from _find_unbatched_convolution(case)
    for step in case.steps_before_failure(6):
        if step.name in ("getitem", "select", "squeeze", "mean") and _loses_batch(step.inputs[0].sizes, step.output):
            score = case.try_repair(Repair(instead={step.index: lambda args, kwargs: args[0]}))
            if score >= 2 and step.inputs[0].sizes[0] == case.batch:
                yield _lost_batch_finding(case, step, score)


def _find_unbatched_convolution(case: Case) -> Iterator[Finding]:
    """A convolution takes one picture without an axis for the batch; what follows does not."""
    every = case.original.all_steps
    step = next((step for step in every if step.name == "conv2d" and step.flows and step.inputs[0].flows), None)
    if step is None or len(step.inputs[0].sizes) != 3 or step.inputs[0].source < 0:
        return
    given, source = step.inputs[0].sizes, case.original.steps[step.inputs[0].source]
    if score := case.rate(case.trials.run(Repair(after={source.index: lambda tensor: tensor.unsqueeze(0)})), 1):
        yield Finding(
            "missing-batch",
            f"of {text(case.shape)} the convolution is given {text(given)}: one picture, without an axis for the batch",
            f"{text((1, *given))}: a batch of one; several pictures become one with torch.stack",
            followed_by(source.code, ".unsqueeze(0)"),
            source.code,
            score,
        )


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
    return Finding(
        "missing-batch",
        f"here {text(before)} becomes {text(step.output)}: the axis of the batch is gone",
        f"{text(before)}: the batch stays the first axis, even with {before[0]} "
        f"{'picture' if before[0] == 1 else 'pictures'}",
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
    sizes = case.shape
    if case.original.completed:
        return
    if len(sizes) == 3 and sizes[2] in COLOURS and min(sizes[:2]) > 4:
        if score := case.try_repair(Repair(picture=lambda picture: picture.permute(2, 0, 1))):
            yield Finding(
                "channels-last",
                f"the model was given {text(sizes)}: the {sizes[2]} channels are the last axis",
                f"{text((sizes[2], *sizes[:2]))}: the channels before height and width",
                "logits = model(x.permute(2, 0, 1))",
                case.stopped_at,
                score,
            )
            return
        score = case.try_repair(Repair(picture=lambda picture: picture.permute(2, 0, 1).unsqueeze(0)))
        if score:
            yield Finding(
                "channels-last",
                f"the model was given {text(sizes)}: the {sizes[2]} channels are the last axis, and there is none "
                "for the batch",
                text((1, sizes[2], *sizes[:2])),
                "logits = model(x.permute(2, 0, 1).unsqueeze(0))",
                case.stopped_at,
                score,
            )
    if len(sizes) == 4 and sizes[3] in COLOURS and min(sizes[1:3]) > 4:
        score = case.try_repair(Repair(picture=lambda picture: picture.permute(0, 3, 1, 2)))
        if score:
            yield Finding(
                "channels-last",
                f"the model was given {text(sizes)}: the {sizes[3]} channels are the last axis, so {sizes[1]} "
                "rows of pixels are read as channels",
                f"{text((sizes[0], sizes[3], *sizes[1:3]))}: the channels before height and width",
                "logits = model(x.permute(0, 3, 1, 2))",
                case.stopped_at,
                score,
            )
            return
    if len(sizes) == 4 and sizes[1] in COLOURS and min(sizes[2:]) > 4:
        score = case.try_repair(Repair(picture=lambda picture: picture.permute(0, 2, 3, 1)))
        if score:
            yield Finding(
                "channels-last",
                f"the model was given {text(sizes)}, the channels before height and width; it expects them last",
                f"{text((sizes[0], *sizes[2:], sizes[1]))}: the channels as the last axis",
                "logits = model(x.permute(0, 2, 3, 1))",
                case.stopped_at,
                score,
            )
            return
    failing = case.original.failing
    if failing is None or not failing.inputs or not failing.inputs[0].flows:
        return
    given = failing.inputs[0].sizes
    if len(given) == 4 and given[3] in COLOURS and min(given[1:3]) > 4 and failing.name == "conv2d":
        source = failing.inputs[0].source
        code = case.original.steps[source].code if source >= 0 else failing.code
        score = case.try_repair(Repair(before={failing.index: lambda a, k: ((a[0].permute(0, 3, 1, 2), *a[1:]), k)}))
        if score:
            yield Finding(
                "channels-last",
                f"the convolution is given {text(given)}: the {given[3]} channels are the last axis",
                f"{text((given[0], given[3], *given[1:3]))}: the channels before height and width",
                followed_by(code, ".permute(0, 3, 1, 2)"),
                code,
                score,
            )


def rgba(case: Case) -> Iterator[Finding]:
    """Four channels, of which the model knows three; or the other way round."""
    sizes = case.shape
    if len(sizes) not in (3, 4) or case.original.completed:
        return
    for axis in dict.fromkeys((len(sizes) - 3, len(sizes) - 1)):  # before height and width, or after them
        if sizes[axis] != 4:
            continue
        score = case.try_repair(Repair(picture=partial(torch.narrow, dim=axis, start=0, length=3)))
        if score:
            three = (*sizes[:axis], 3, *sizes[axis + 1 :])
            cut = "..., :3" if axis == len(sizes) - 1 else ":, :3" if axis else ":3"
            yield Finding(
                "rgba",
                f"the model was given {text(sizes)}: four channels: red, green, blue and opacity",
                f"{text(three)}: the three colours alone",
                f'image = image.convert("RGB")  # or x = x[{cut}]',
                case.stopped_at,
                score,
            )
            return
    if not case.is_picture or sizes[1] != 3:
        return
    if score := case.try_repair(Repair(), sizes=(sizes[0], 4, *sizes[2:])):
        yield Finding(
            "rgba",
            f"the model was built for 4 channels (RGBA), and was given {text(sizes)}: 3 channels (RGB)",
            "weights for 3 channels",
            _layer_for_three_channels(case),
            case.stopped_at,
            score,
        )


def _layer_for_three_channels(case: Case) -> str:
    for sizes in case.weight_shapes:
        if len(sizes) == 4 and sizes[1] == 4 and sizes[2] > 1:
            return f"nn.Conv2d(3, {sizes[0]}, kernel_size={sizes[2]}, stride={sizes[2]})"
    patch = next((patch for patch in case.patch_sizes), None)
    width = next(
        (sizes[0] for sizes in case.weight_shapes if patch and len(sizes) == 2 and sizes[1] == 4 * patch**2), None
    )
    return f"nn.Linear(3 * {patch} * {patch}, {width})" if width else "build the model with 3 channels"
