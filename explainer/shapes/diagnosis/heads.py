"""A number of heads that does not divide the vectors."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from torch import nn

from explainer.shapes.diagnosis.attention import multiplied_shapes
from explainer.shapes.diagnosis.case import FUSED, JOINS, MULTIHEAD, RESHAPES, Case, Finding
from explainer.shapes.diagnosis.code import Division, divisions
from explainer.shapes.diagnosis.steps import Sizes, Step
from explainer.shapes.recording.code_lines import Code


def heads(case: Case) -> Iterator[Finding]:
    """A number of heads that does not divide the vectors."""
    if case.original.completed:
        return
    widths = {size for sizes in case.weight_shapes for size in sizes}
    for division in case.failed_divisions:
        if not _is_independent_of_picture(case, division):
            continue
        if division.axis:
            is_width = division.number == division.axis[-1] and division.axis != case.shape and len(division.axis) >= 3
        else:
            is_width = division.number in widths and division.number not in case.shape[2:]
        if is_width:
            yield _heads_finding(division.number, division.divisor, division.code)
            return
    failing = case.original.failing
    if failing is None or not failing.inputs:
        return
    found: tuple[int, int] | None = None
    if failing.name == MULTIHEAD and len(failing.whole_numbers) >= 2:
        width, count = failing.whole_numbers[:2]
        found = (width, count) if count > 1 and width % count else None
    elif failing.name in RESHAPES and failing.inputs[0].flows:
        kinds = case.axis_kinds(failing.inputs[0].source)
        found = None if kinds and kinds[-1] else _read_reshape(failing)  # the last axis may be that of the tokens
    else:
        found = _read_unequal_parts(case, failing) or _read_joined_heads(case, failing)
    if found is not None:
        yield _heads_finding(*found, failing.code)


def _is_independent_of_picture(case: Case, division: Division) -> bool:
    """Whether a number that was not divided has nothing to do with the size of the picture: D has not."""
    if len(case.shape) < 4 or len(case.resized_run.steps) < len(case.original.steps) or not _is_about_heads(division):
        return _is_about_heads(division)
    error = case.resized_run.error
    others = divisions(error.__traceback__) if error is not None else ()
    return any((other.number, other.divisor) == (division.number, division.divisor) for other in others)


def _is_about_heads(division: Division) -> bool:
    """Whether it may be heads that should have divided: by what the user calls the two, or where they are divided."""
    if division.frame is None or not any(division.names):
        return True
    code = division.frame.f_code
    owner = division.frame.f_locals.get("self")
    if "/torch/nn/" in code.co_filename.replace("\\", "/"):
        return isinstance(owner, nn.MultiheadAttention)  # others divide groups, scales, strides
    number, divisor = map(_last_word, division.names)
    if "head" in number or "head" in divisor or len(divisor) <= 2:  # letters tell nothing
        return True
    where = f"{type(owner).__name__} {code.co_qualname}".lower()
    return any(word in where for word in ("attention", "attn", "head"))


def _last_word(name: str) -> str:
    """The last part of ``self.config.num_heads``, in small letters."""
    return name.rpartition(".")[2].lower()


def _read_reshape(step: Step) -> tuple[int, int] | None:
    """From a reshape of vectors that could not be: their size and the heads."""
    before = step.inputs[0].sizes
    wanted = list(step.whole_numbers)
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
    width = before[-1]
    candidates = [(width, wanted)]
    if 3 in wanted and width % 3 == 0:  # queries, keys and values in one
        others = list(wanted)
        others.remove(3)
        candidates.insert(0, (width // 3, others))
    for whole, sizes in candidates:
        if len(sizes) != 2:
            continue
        first, second = sizes
        batch = min(before[:2])
        count = first // batch  # if heads and batch are in one axis
        if len(before) == 3 and first == count * batch and _is_rounded_down(whole, count, second):
            return whole, count
        if -1 in sizes:
            count = max(sizes)
            if 1 < count < whole and whole % count:
                return whole, count
        for count, size in ((first, second), (second, first)):
            if size > 1 and _is_rounded_down(whole, count, size):
                return whole, count
    return None


def _read_unequal_parts(case: Case, failing: Step) -> tuple[int, int] | None:
    """From pieces of unequal size that could not be put together."""
    sources = {tensor.source for tensor in failing.flowing}
    if len(sources) != 1 or min(sources) < 0:
        return None
    step = case.original.steps[sources.pop()]
    if step.name not in ("chunk", "split", "tensor_split", "split_with_sizes") or len(step.outputs) < 2:
        return None
    last = {sizes[-1] for sizes in step.outputs}
    width = step.inputs[0].sizes[-1]
    if len(last) < 2 or sum(sizes[-1] for sizes in step.outputs) != width:
        return None
    number = next((number for number in step.whole_numbers if number > 1), 0)
    if step.name == "split" and number and width // number > 1 and width // (width // number) == number:
        number = width // number
    return (width, number) if number > 1 and width % number else None


def _read_joined_heads(case: Case, failing: Step) -> tuple[int, int] | None:
    """From heads joined again to fewer numbers than there were: 5 x 38 = 190 instead of 192."""
    if failing.name != "linear" or len(failing.inputs) < 2 or not failing.inputs[0].flows:
        return None
    given, wanted = failing.inputs[0].sizes[-1], failing.inputs[1].sizes[-1]
    if not any(step.flows and len(step.output) == 3 and step.output[-1] == wanted for step in case.original.steps):
        return None  # no tokens of that width
    for step in case.steps_before_failure():
        kinds = case.axis_kinds(step.index) or ("",) * len(step.output)
        plain = [size if not kind else 0 for size, kind in zip(step.output, kinds, strict=True)]
        pairs = [pair for first, second in itertools.pairwise(plain) for pair in ((first, second), (second, first))]
        if step.name in JOINS and len({tensor.sizes for tensor in step.inputs}) == 1:
            pairs.append((len(step.inputs), step.inputs[0].sizes[-1]))
        if len(plain) == 4:
            pairs += [(plain[1], plain[3]), (plain[2], plain[3])]
        for count, size in pairs:
            if count * size == given < wanted and _is_rounded_down(wanted, count, size):
                return wanted, count
    return None


def _is_rounded_down(width: int, count: int, size: int) -> bool:
    """Tell whether heads have the size that is left when a width is shared among too many of them."""
    return count > 1 and width % count > 0 and size == width // count


def lost_in_heads(case: Case) -> Iterator[Finding]:
    """Heads that together have fewer numbers than the vectors, because a remainder was left out."""
    if not case.original.completed:
        return
    for step in case.original.steps:
        if step.name not in (FUSED, "softmax") or not step.inputs[0].flows or len(step.inputs[0].sizes) != 4:
            continue
        product = (step.inputs[0].sizes, ()) if step.name == FUSED else multiplied_shapes(case, step)
        if product is None:
            continue
        count, size = product[0][1], product[0][3]
        for rows, columns in _projection_weights(case, step):
            if rows in (count * size, 3 * count * size) and _is_rounded_down(columns, count, size):
                finding = _heads_finding(columns, count, step.code)
                lost = columns - count * size
                yield replace(finding, found=f"{finding.found}: {lost} numbers of D are in no head")
                return


def _projection_weights(case: Case, step: Step) -> list[Sizes]:
    """Weights, rows by columns, of the last linear layer before attention: that of the queries, not just any."""
    while step.name != "linear":
        source = max((tensor.source for tensor in step.inputs if tensor.flows), default=-1)
        if source < 0:
            return []
        step = case.original.steps[source]
    return [tensor.sizes for tensor in step.inputs[1:2] if len(tensor.sizes) == 2]


def _heads_finding(width: int, count: int, code: Code | None) -> Finding:
    divisors = [divisor for divisor in range(2, width) if width % divisor == 0]
    below = max((divisor for divisor in divisors if divisor < count), default=1)
    above = min((divisor for divisor in divisors if divisor > count), default=width)
    best = below if count - below <= above - count else above
    return Finding(
        "heads-do-not-divide",
        f"D = {width} shared among {count} heads: {width} = {count} x {width // count} + {width % count}",
        f"a number of heads that divides {width}: {below} (of {width // below}) or {above} (of {width // above})",
        f"num_heads = {best}  # {width} = {best} x {width // best}; or D = {count * round(width / count)}",
        code,
        2,
        is_tried=False,
    )


def failed_constructor(failed: tuple[Division, ...], picture: Sizes) -> Iterator[Finding]:
    """A division that a constructor demanded: of the picture, or of D by the heads."""
    for division in failed:
        number, divisor = division.number, division.divisor
        owner = division.frame.f_locals.get("self") if division.frame else None
        if isinstance(owner, nn.MultiheadAttention) or "head" in _last_word(division.names[1]):
            yield _heads_finding(number, divisor, division.code)
            return
        if isinstance(owner, nn.Module) and type(owner).__module__.startswith("torch.nn."):
            return  # groups of a convolution or of a norm
        built = _sizes_built_so_far(division)
        if len(picture) == 3 and picture[0] not in (1, 3, 4):  # tokens
            if number == picture[-1]:
                yield _heads_finding(number, divisor, division.code)
            return
        if number in picture[-2:]:
            if number in built:
                continue  # D is as large as the picture: it may be either
            yield _picture_finding(number, divisor, division.code)
            return
        is_picture_known = any(value in picture[-2:] for value in _numbers_given(division))
        if (number in built or is_picture_known) and _is_about_heads(division):
            yield _heads_finding(number, divisor, division.code)
            return


def _picture_finding(number: int, patch: int, code: Code | None) -> Finding:
    down, rest = number - number % patch, number % patch
    return Finding(
        "patch-does-not-divide",
        f"a picture of {number} x {number} cut into patches of {patch}: {number} = {number // patch} x {patch} + "
        f"{rest}; {rest} {'pixel is' if rest == 1 else 'pixels are'} left over in height and width",
        f"a picture of {down} x {down}: {down // patch} x {down // patch} = {(down // patch) ** 2} patches",
        f"image_size = {down}  # and transforms.Resize(({down}, {down}))",
        code,
        2,
        is_tried=False,
    )


def _values_under_way(division: Division) -> Iterator[Any]:
    """The values of all variables in the code under way, from the division out to where the model was asked for."""
    frame = division.frame
    while frame is not None and "/explainer/shapes/" not in frame.f_code.co_filename:
        yield from list(frame.f_locals.values())
        frame = frame.f_back


def _sizes_built_so_far(division: Division) -> set[int]:
    """Sizes of the parameters that had been made in the constructors under way."""
    modules = [value for value in _values_under_way(division) if isinstance(value, nn.Module)]
    built = (module for module in modules if hasattr(module, "_parameters"))
    return {size for module in built for parameter in module.parameters() for size in parameter.shape}


def _numbers_given(division: Division) -> Iterator[int]:
    """Whole numbers that the code under way was given, in tuples and configurations, too."""
    for value in _values_under_way(division):
        items: Any = value if isinstance(value, tuple) else (value,)
        if hasattr(value, "__dict__") and not isinstance(value, nn.Module | type):
            items = vars(value).values()
        yield from (item for item in items if isinstance(item, int))
