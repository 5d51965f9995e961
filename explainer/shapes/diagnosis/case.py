"""A model in which something went wrong, or seems right: what the rules look at, and what they try."""

import itertools
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from torch import Tensor, nn

from explainer.shapes.diagnosis.code import Division, divisions
from explainer.shapes.diagnosis.steps import Repair, Run, Seen, Sizes, Step
from explainer.shapes.diagnosis.trials import Trials
from explainer.shapes.entries import Ledger
from explainer.shapes.recording import Code, code_of

JOINS = frozenset(["cat", "concat", "concatenate", "hstack", "vstack", "row_stack", "column_stack", "stack"])
RESHAPES = frozenset(["reshape", "view", "unflatten", "flatten"])
MULTIHEAD = "multi_head_attention_forward"
_SECONDS = 15.0  # of trials, then what has been found must do
FUSED = "scaled_dot_product_attention"
COLOURS = (1, 3, 4)  # channels that a picture may have


@dataclass(frozen=True)
class Finding:
    """A mistake that a rule has found, and how well the repaired model does."""

    cause: str
    found: str
    expected: str
    fix: str  # empty where none that was tried worked
    code: Code | None
    score: int = 1
    title: str = ""  # where that of the cause says too little
    is_tried: bool = True  # whether the model was run with the repair; if not, it is worked out from the sizes


class Case:
    """One diagnosis: the model, what came of it, and trials."""

    def __init__(self, ledger: Ledger, trials: Trials, expected: Sizes | None) -> None:
        self.ledger = ledger
        self.trials = trials
        self.expected = expected
        self.until = time.monotonic() + _SECONDS
        self.base = trials.run()
        self.picture = trials.picture
        self.is_picture = len(self.picture) == 4
        self.is_alone = len(self.picture) == 3 and bool({self.picture[0], self.picture[2]} & set(COLOURS))

    @property
    def batch(self) -> int:
        """How many pictures the model was given, or sequences of tokens."""
        return 1 if self.is_alone or not self.picture else self.picture[0]

    @property
    def tired(self) -> bool:
        """Whether enough has been tried."""
        return time.monotonic() > self.until

    def score(self, run: Run, batch: int | None = None) -> int:
        """How well a repaired model does: 0 not, 1 it runs, 2 one answer per picture or a loss, 3 as expected."""
        if not run.ran or not run.outputs:
            return 0
        batch = self.batch if batch is None else batch
        if self.expected is not None:
            wanted = {self.expected, (batch, *self.expected[1:]) if len(self.expected) > 1 else self.expected}
            return 3 if wanted & set(run.outputs) else 0
        if any(not sizes or (len(sizes) == 2 and sizes[0] == batch) for sizes in run.outputs):
            return 2
        return 1 if any(sizes and sizes[0] == batch for sizes in run.outputs) else 0

    def tried(self, repair: Repair, batch: int | None = None, sizes: Sizes | None = None) -> int:
        """The score of a repair."""
        return self.score(self.trials.run(repair, sizes), batch)

    @cached_property
    def code(self) -> Code | None:
        """Where the model's own code stopped."""
        return None if self.base.error is None else code_of(self.base.error.__traceback__)

    @cached_property
    def divisions(self) -> tuple[Division, ...]:
        """Divisions with a remainder that stopped it."""
        return () if self.base.error is None else divisions(self.base.error.__traceback__)

    @cached_property
    def other_batch(self) -> int:
        """How many pictures it is given for comparison."""
        return self.batch + 3

    @cached_property
    def more(self) -> Run:
        """The same with more pictures."""
        if self.is_alone:
            return self.base
        return self.trials.run(sizes=(self.other_batch, *self.picture[1:]))

    def with_more(self, index: int) -> Step | None:
        """The same step with more pictures, also where a loop over them makes more steps of each."""
        base, more = ([*run.steps, *([run.failing] if run.failing else [])] for run in (self.base, self.more))
        if len(base) != len(more) and _same_end(self.base, self.more):
            back = len(base) - index
            names = [[step.name for step in steps[len(steps) - back :]] for steps in (base, more)]
            if back <= len(more) and names[0] == names[1]:
                return more[len(more) - back]
        if index >= min(len(base), len(more)) or base[index].name != more[index].name:
            return None
        return more[index]

    def grows(self, before: Sizes, after: Sizes) -> tuple[bool, ...]:
        """For each axis, whether it grew as the batch did."""
        if len(before) != len(after) or self.is_alone:
            return (False,) * len(before)
        return tuple(a * self.batch == b * self.other_batch for b, a in zip(before, after, strict=True))

    @cached_property
    def wide(self) -> Run:
        """As far as it goes with a picture twice as high and three times as wide, constants made to fit."""
        return self.trials.run(Repair(lenient=True), self.wide_picture)

    @property
    def wide_picture(self) -> Sizes:
        """The shape of such a picture."""
        height, width = self.size
        return self.sized(2 * height, 3 * width)

    @cached_property
    def sides(self) -> tuple[int, int]:
        """Which axes of the picture are its height and width; its channels may be last, and put before by the model."""
        last = len(self.picture)
        if self.is_picture and self.picture[3] in COLOURS and self.picture[1] not in COLOURS:
            every = [*self.base.steps, *([self.base.failing] if self.base.failing else [])]
            given = next((each.inputs[0] for each in every if each.name == "conv2d" and each.flows), None)
            if given is not None and given.sizes[-2:] == self.picture[1:3] and given.sizes[-3] in COLOURS:
                return 1, 2
        return last - 2, last - 1

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the picture."""
        return self.picture[self.sides[0]], self.picture[self.sides[1]]

    def sized(self, height: int, width: int) -> Sizes:
        """The shape of a picture of another size."""
        sizes = list(self.picture)
        sizes[self.sides[0]], sizes[self.sides[1]] = height, width
        return tuple(sizes)

    def kinds(self, index: int) -> tuple[str, ...]:
        """What the axes of a step's tensor belong to: batch, rows, columns, tokens, or none of them; () if unknown."""
        if not 0 <= index < min(len(self.base.steps), len(self.wide.steps)) or len(self.picture) < 4:
            return ()
        step, wide = self.base.steps[index], self.wide.steps[index]
        if step.name != wide.name or len(step.output) != len(wide.output) or not step.output:
            return ()
        with_more = self.with_more(index)
        more = with_more.output if with_more is not None else ()
        grows = self.grows(step.output, more) if len(more) == len(step.output) else (False,) * len(step.output)
        kinds = []
        for before, after, with_batch in zip(step.output, wide.output, grows, strict=True):
            times = after // before if before and not after % before else 0
            grid = {1: "", 2: "rows", 3: "columns"}.get(times, "tokens")
            kinds.append(grid or ("batch" if with_batch else ""))
        return tuple(kinds)

    def holds(self, repair: Repair, step: Step) -> bool:
        """Whether a repair after a step also serves other sizes, or does so for no equality of these ones."""
        if self.is_picture:
            more = (self.other_batch, *self.picture[1:])
            other = self.with_more(step.index)
            again = self.trials.run(_moved(repair, other.index) if other else repair, more)
            if not self.score(again, self.other_batch):
                return False
        kinds = self.kinds(step.index)
        if not kinds:
            return True
        wide = self.trials.run(replace(repair, lenient=True), self.wide_picture)
        if wide.ran or len(wide.steps) > (self.base.failing.index if self.base.failing else len(self.base.steps)):
            return True
        # It may be that its weights are for this grid alone; then none of its sizes may be mistaken for another.
        weights = {size for each in constant(self.base.failing) for size in each.sizes} if self.base.failing else set()
        if any(kind in ("rows", "columns") and size in weights for size, kind in zip(step.output, kinds, strict=True)):
            return False
        pairs = itertools.combinations(zip(step.output, kinds, strict=True), 2)
        return not any(a[0] == b[0] > 1 and a[1] != b[1] and {a[1], b[1]} != {"rows", "columns"} for a, b in pairs)

    @cached_property
    def channels(self) -> int:
        """Of the picture as it is."""
        if not self.is_picture:
            return 0
        return self.picture[3 if self.sides == (1, 2) else 1]

    @cached_property
    def weights(self) -> tuple[Sizes, ...]:
        """Shapes of all parameters and buffers."""
        return tuple(self.trials.sizes.values())

    @cached_property
    def patches(self) -> tuple[int, ...]:
        """Sizes of patch that the weights tell: of a convolution, or of rows of 3 P P numbers."""
        found: dict[int, None] = {}
        modules = self.trials.model.named_modules()
        kernels = [f"{name}.weight" for name, module in modules if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)]
        # Where there are convolutions, a square table of positions is none.
        of_kernels = [self.trials.sizes[name] for name in kernels if name in self.trials.sizes]
        for sizes in of_kernels or self.weights:
            if len(sizes) == 4 and sizes[2] == sizes[3] >= 2 and sizes[1] in (1, 3, 4, self.channels):
                found.setdefault(sizes[2])
        for sizes in self.weights:  # of boxes of a film
            if len(sizes) == 5 and sizes[3] == sizes[4] >= 2 and sizes[1] in COLOURS:
                found.setdefault(sizes[3])
        for sizes in self.weights:
            for channels in (self.channels, 3):
                if len(sizes) == 2 and channels and sizes[1] % channels == 0:
                    patch = math.isqrt(sizes[1] // channels)
                    if patch >= 2 and patch * patch * channels == sizes[1]:
                        found.setdefault(patch)
        return tuple(found)

    @cached_property
    def grid(self) -> tuple[int, int] | None:
        """Rows and columns of patches, where a convolution made them."""
        for step in self.base.steps:
            if step.name == "conv2d" and step.flows and len(step.output) == 4:
                height, width = step.output[2:]
                if step.inputs[1].sizes[2] > 1:
                    return height, width
        return None

    def counts_patches(self, count: int) -> bool:
        """Whether a number may be that of the patches of this picture."""
        if self.grid is not None:
            return count == self.grid[0] * self.grid[1]
        if self.is_picture and self.patches:
            return any(count == (self.size[0] // p) * (self.size[1] // p) for p in self.patches)
        return count >= 4 and math.isqrt(count) ** 2 == count

    def ancestors(self, run: Run, limit: int = 14) -> Iterator[Step]:
        """Steps that what failed came from, the latest first; the last steps if nothing of torch failed."""
        if run.failing is None:
            flowing = [step for step in run.steps if step.flows]
            yield from flowing[: -limit - 1 : -1]
            return
        waiting = {each.source for each in run.failing.inputs if each.flows and each.source >= 0}
        while waiting and limit:
            latest = max(waiting)
            waiting.discard(latest)
            step = run.steps[latest]
            yield step
            limit -= 1
            waiting |= {each.source for each in step.inputs if each.flows and each.source >= 0}


def _moved(repair: Repair, index: int) -> Repair:
    """A repair of one step, at another index."""
    return replace(
        repair,
        before=dict.fromkeys([index], *repair.before.values()) if repair.before else {},
        after=dict.fromkeys([index], *repair.after.values()) if repair.after else {},
        instead=dict.fromkeys([index], *repair.instead.values()) if repair.instead else {},
    )


def _same_end(one: Run, other: Run) -> bool:
    """Whether two runs ended at the same place in the code."""
    if one.ran or other.ran or one.failing is None or other.failing is None:
        return one.ran and other.ran
    first, second = one.failing.code, other.failing.code
    return first is not None and first == second and one.failing.name == other.failing.name


def text(sizes: Sizes) -> str:
    """``[2, 196, 192]``."""
    return f"[{', '.join(map(str, sizes))}]"


def flowing(step: Step) -> tuple[Seen, ...]:
    """Its inputs that come from the model's input."""
    return tuple(each for each in step.inputs if each.flows)


def constant(step: Step) -> tuple[Seen, ...]:
    """Its inputs that do not."""
    return tuple(each for each in step.inputs if not each.flows)


def empty_as(tensor: Tensor, sizes: Sizes) -> Tensor:
    """A tensor of other sizes, of the same kind."""
    return tensor.new_zeros(sizes)
