"""A model that broke or seems wrong, as the rules see it: its runs, what they tell of its axes, trials of repairs."""

import itertools
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from torch import nn

from explainer.shapes.diagnosis.code import Division, divisions
from explainer.shapes.diagnosis.steps import Repair, Run, Sizes, Step
from explainer.shapes.diagnosis.trials import Trials
from explainer.shapes.entries.ledger import Ledger
from explainer.shapes.recording.code_lines import Code, code_of

JOINS = frozenset(["cat", "concat", "concatenate", "hstack", "vstack", "row_stack", "column_stack", "stack"])
RESHAPES = frozenset(["reshape", "view", "unflatten", "flatten"])
MULTIHEAD = "multi_head_attention_forward"
FUSED = "scaled_dot_product_attention"
ATTENDING = (MULTIHEAD, FUSED, "softmax")  # steps in which tokens read each other
COLOURS = (1, 3, 4)  # channels that a picture may have
SIDES = ("rows", "columns")  # kinds of axes
_SECONDS = 15.0  # of trials, after which the diagnosis uses what has been found


@dataclass(frozen=True)
class Finding:
    """A mistake that a rule has found, and how well the repaired model does."""

    cause: str
    found: str
    expected: str
    fix: str  # empty if no repair worked that was tried
    code: Code | None
    score: int = 1
    title: str = ""  # replaces the title of the cause where that says too little
    is_tried: bool = True  # whether the model was run with the repair; if not, the repair is worked out from the sizes


class Case:
    """One diagnosis: the model, what happened when it ran, and trials of repairs."""

    def __init__(self, ledger: Ledger, trials: Trials, expected: Sizes | None) -> None:
        self.ledger = ledger
        self.trials = trials
        self.expected = expected  # the shape that the output should have
        self.deadline = time.monotonic() + _SECONDS
        self.original = trials.run()
        self.shape = trials.shape  # of what the model was given
        self.is_picture = len(self.shape) == 4
        self.is_single = len(self.shape) == 3 and bool({self.shape[0], self.shape[2]} & set(COLOURS))

    @property
    def batch(self) -> int:
        """The number of pictures, or of sequences of tokens, that the model was given."""
        return 1 if self.is_single or not self.shape else self.shape[0]

    @property
    def is_out_of_time(self) -> bool:
        """Whether no more trials should begin."""
        return time.monotonic() > self.deadline

    def rate(self, run: Run, batch: int | None = None) -> int:
        """Score a repaired model: 0 it fails, 1 it runs, 2 it gives one answer a picture or a loss, 3 as expected."""
        if not run.completed or not run.outputs:
            return 0
        batch = self.batch if batch is None else batch
        if self.expected is not None:
            wanted = {self.expected, (batch, *self.expected[1:]) if len(self.expected) > 1 else self.expected}
            return 3 if wanted & set(run.outputs) else 0
        if any(not sizes or (len(sizes) == 2 and sizes[0] == batch) for sizes in run.outputs):
            return 2
        return 1 if any(sizes and sizes[0] == batch for sizes in run.outputs) else 0

    def try_repair(self, repair: Repair, batch: int | None = None, sizes: Sizes | None = None) -> int:
        """Run the model with a repair and score it."""
        return self.rate(self.trials.run(repair, sizes), batch)

    def confirmed(
        self,
        finding: Finding,
        repair: Repair,
        *,
        batch: int | None = None,
        sizes: Sizes | None = None,
        least: int = 1,
    ) -> list[Finding]:
        """Try a repair: the finding with its score, or nothing if the score is below ``least``."""
        score = self.try_repair(repair, batch, sizes)
        return [replace(finding, score=score)] if score >= least else []

    @cached_property
    def stopped_at(self) -> Code | None:
        """The expression of the model's own code that raised."""
        return None if self.original.error is None else code_of(self.original.error.__traceback__)

    @cached_property
    def failed_divisions(self) -> tuple[Division, ...]:
        """Divisions whose remainder stopped the model."""
        return () if self.original.error is None else divisions(self.original.error.__traceback__)

    # The same model with a larger batch: an axis that grows with it belongs to the batch.

    @cached_property
    def larger_batch(self) -> int:
        """The number of pictures in the run for comparison."""
        return self.batch + 3

    @cached_property
    def larger_run(self) -> Run:
        """The run for comparison."""
        if self.is_single:
            return self.original
        return self.trials.run(sizes=(self.larger_batch, *self.shape[1:]))

    def larger_step(self, index: int) -> Step | None:
        """Find a step in the run with a larger batch, even where a loop over the pictures makes more steps of it."""
        steps, larger_steps = self.original.all_steps, self.larger_run.all_steps
        if len(steps) != len(larger_steps) and _stop_at_same_place(self.original, self.larger_run):
            from_end = len(steps) - index
            names = [[step.name for step in steps[len(steps) - from_end :]] for steps in (steps, larger_steps)]
            if from_end <= len(larger_steps) and names[0] == names[1]:
                return larger_steps[len(larger_steps) - from_end]
        if index >= min(len(steps), len(larger_steps)) or steps[index].name != larger_steps[index].name:
            return None
        return larger_steps[index]

    def growing_axes(self, sizes: Sizes, larger: Sizes) -> tuple[bool, ...]:
        """Tell for each axis whether it grows as the batch does."""
        if len(sizes) != len(larger) or self.is_single:
            return (False,) * len(sizes)
        pairs = zip(sizes, larger, strict=True)
        return tuple(after * self.batch == before * self.larger_batch for before, after in pairs)

    # The same model with a picture of another shape: an axis that grows with a side belongs to that side.

    @cached_property
    def resized_run(self) -> Run:
        """The run with a picture of ``resized_shape``, as far as it goes; constants are made to fit."""
        return self.trials.run(Repair(lenient=True), self.resized_shape)

    @property
    def resized_shape(self) -> Sizes:
        """The shape of a picture twice as high and three times as wide."""
        height, width = self.picture_size
        return self.shape_of_size(2 * height, 3 * width)

    @cached_property
    def side_axes(self) -> tuple[int, int]:
        """The axes of the input that are height and width. A model may be given its channels last and move them."""
        if self.is_picture and self.shape[3] in COLOURS and self.shape[1] not in COLOURS:
            convolution = next((step for step in self.original.all_steps if step.name == "conv2d" and step.flows), None)
            if convolution is not None:
                given = convolution.inputs[0].sizes
                if given[-2:] == self.shape[1:3] and given[-3] in COLOURS:
                    return 1, 2
        return len(self.shape) - 2, len(self.shape) - 1

    @property
    def picture_size(self) -> tuple[int, int]:
        """Height and width of the picture."""
        return self.shape[self.side_axes[0]], self.shape[self.side_axes[1]]

    def shape_of_size(self, height: int, width: int) -> Sizes:
        """Give the shape of the input for a picture of another size."""
        sizes = list(self.shape)
        sizes[self.side_axes[0]], sizes[self.side_axes[1]] = height, width
        return tuple(sizes)

    def axis_kinds(self, index: int) -> tuple[str, ...]:
        """Tell what each axis of a step's output counts: batch, rows, columns, tokens, or ""; () if that is unknown."""
        if not 0 <= index < min(len(self.original.steps), len(self.resized_run.steps)) or len(self.shape) < 4:
            return ()
        step, resized = self.original.steps[index], self.resized_run.steps[index]
        if step.name != resized.name or len(step.output) != len(resized.output) or not step.output:
            return ()
        larger = self.larger_step(index)
        grows = self.growing_axes(step.output, larger.output if larger else ())
        kinds = []
        for size, resized_size, grows_with_batch in zip(step.output, resized.output, grows, strict=True):
            times = resized_size // size if size and not resized_size % size else 0
            side = {1: "", 2: "rows", 3: "columns"}.get(times, "tokens")
            kinds.append(side or ("batch" if grows_with_batch else ""))
        return tuple(kinds)

    def generalises(self, repair: Repair, step: Step) -> bool:
        """Tell whether a repair after a step works for other sizes, or at least not because two sizes are equal."""
        if self.is_picture:
            larger = self.larger_step(step.index)
            moved = _at_index(repair, larger.index) if larger else repair
            if not self.try_repair(moved, self.larger_batch, (self.larger_batch, *self.shape[1:])):
                return False
        kinds = self.axis_kinds(step.index)
        if not kinds:
            return True
        resized = self.trials.run(replace(repair, lenient=True), self.resized_shape)
        failing = self.original.failing
        if resized.completed or len(resized.steps) > (failing.index if failing else len(self.original.steps)):
            return True
        # The weights may be for this grid alone. Then none of its sizes may be taken for another.
        weights = {size for weight in failing.constant for size in weight.sizes} if failing else set()
        axes = list(zip(step.output, kinds, strict=True))
        if any(kind in SIDES and size in weights for size, kind in axes):
            return False
        pairs = itertools.combinations(axes, 2)
        return not any(a[0] == b[0] > 1 and a[1] != b[1] and {a[1], b[1]} != set(SIDES) for a, b in pairs)

    # What the weights and the steps tell of the patches.

    @cached_property
    def channels(self) -> int:
        """The channels of the picture as it was given; 0 if it is no picture."""
        if not self.is_picture:
            return 0
        return self.shape[3 if self.side_axes == (1, 2) else 1]

    @cached_property
    def weight_shapes(self) -> tuple[Sizes, ...]:
        """The shapes of all parameters and buffers."""
        return tuple(self.trials.shapes.values())

    @cached_property
    def patch_sizes(self) -> tuple[int, ...]:
        """The sizes of a patch that the weights allow: of a convolution's kernel, or of rows of 3 P P numbers."""
        modules = self.trials.model.named_modules()
        names = [f"{name}.weight" for name, module in modules if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)]
        kernels = [self.trials.shapes[name] for name in names if name in self.trials.shapes]
        found = []
        for sizes in kernels or self.weight_shapes:  # next to kernels, a square table is one of positions
            if len(sizes) == 4 and sizes[2] == sizes[3] >= 2 and sizes[1] in (*COLOURS, self.channels):
                found.append(sizes[2])
        for sizes in self.weight_shapes:  # kernels over the frames of a film
            if len(sizes) == 5 and sizes[3] == sizes[4] >= 2 and sizes[1] in COLOURS:
                found.append(sizes[3])
        for sizes in self.weight_shapes:
            for channels in (self.channels, 3):
                if len(sizes) == 2 and channels and sizes[1] % channels == 0:
                    patch = math.isqrt(sizes[1] // channels)
                    if patch >= 2 and patch * patch * channels == sizes[1]:
                        found.append(patch)
        return tuple(dict.fromkeys(found))

    @cached_property
    def grid(self) -> tuple[int, int] | None:
        """The rows and columns of patches, if a convolution made them."""
        for step in self.original.steps:
            if step.name == "conv2d" and step.flows and len(step.output) == 4 and step.inputs[1].sizes[2] > 1:
                return step.output[2], step.output[3]
        return None

    def may_be_patch_count(self, count: int) -> bool:
        """Tell whether a number may be that of the patches of this picture."""
        if self.grid is not None:
            return count == self.grid[0] * self.grid[1]
        if self.is_picture and self.patch_sizes:
            height, width = self.picture_size
            return any(count == (height // patch) * (width // patch) for patch in self.patch_sizes)
        return count >= 4 and math.isqrt(count) ** 2 == count

    def steps_before_failure(self, limit: int = 14) -> Iterator[Step]:
        """Yield the steps that led to what failed, the latest first; the last steps if no call of torch failed."""
        steps, failing = self.original.steps, self.original.failing
        if failing is None:
            yield from [step for step in steps if step.flows][: -limit - 1 : -1]
            return
        waiting = failing.sources
        while waiting and limit:
            latest = steps[max(waiting)]
            yield latest
            limit -= 1
            waiting = waiting - {latest.index} | latest.sources


def _at_index(repair: Repair, index: int) -> Repair:
    """Move a repair of one step to another step."""
    return replace(
        repair,
        before=dict.fromkeys([index], *repair.before.values()) if repair.before else {},
        after=dict.fromkeys([index], *repair.after.values()) if repair.after else {},
        instead=dict.fromkeys([index], *repair.instead.values()) if repair.instead else {},
    )


def _stop_at_same_place(one: Run, other: Run) -> bool:
    """Tell whether two runs ended at the same place in the code."""
    if one.completed or other.completed or one.failing is None or other.failing is None:
        return one.completed and other.completed
    first, second = one.failing.code, other.failing.code
    return first is not None and first == second and one.failing.name == other.failing.name


def text(sizes: Sizes) -> str:
    """Write a shape: ``[2, 196, 192]``."""
    return f"[{', '.join(map(str, sizes))}]"
