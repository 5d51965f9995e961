"""The steps of a trial, which are calls of torch as a person writes them, and what a repair changes in them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from explainer.shapes.recording.code_lines import Code

Sizes = tuple[int, ...]
Arguments = tuple[tuple[Any, ...], dict[str, Any]]

INPUT, CONSTANT = -1, -2  # where a tensor comes from, besides a step
ELEMENTWISE = frozenset({"add", "radd", "iadd", "sub", "rsub", "isub", "mul", "rmul", "imul"})


def padded(sizes: Sizes, rank: int) -> Sizes:
    """A shape with axes of size 1 in front, as it is for broadcasting to a tensor of that rank."""
    return (1,) * (rank - len(sizes)) + sizes


@dataclass(frozen=True)
class StepInput:
    """A tensor among the arguments of a step."""

    sizes: Sizes
    source: int  # the step that made it, INPUT, or CONSTANT for parameters and what is made of nothing
    flows: bool  # whether anything of the input is in it
    name: str = ""  # of a parameter or buffer


@dataclass(frozen=True)
class Step:
    """One call that made tensors, or could not."""

    index: int
    name: str
    inputs: tuple[StepInput, ...]
    outputs: tuple[Sizes, ...]
    arguments: tuple[Any, ...]  # with a StepInput for each tensor
    keywords: Mapping[str, Any]
    code: Code | None

    @property
    def flows(self) -> bool:
        """Whether the input reaches it."""
        return any(tensor.flows for tensor in self.inputs)

    @property
    def flowing(self) -> tuple[StepInput, ...]:
        """The inputs that come from the model's input."""
        return tuple(tensor for tensor in self.inputs if tensor.flows)

    @property
    def constant(self) -> tuple[StepInput, ...]:
        """The inputs that do not."""
        return tuple(tensor for tensor in self.inputs if not tensor.flows)

    @property
    def combined(self) -> tuple[StepInput, StepInput] | None:
        """The flowing and the constant tensor, if the step adds or multiplies two such tensors number by number."""
        if self.name.strip("_") not in ELEMENTWISE or len(self.inputs) != 2 or len(self.flowing) != 1:
            return None
        return self.flowing[0], self.constant[0]

    @property
    def sources(self) -> set[int]:
        """The steps that made its flowing inputs."""
        return {tensor.source for tensor in self.flowing if tensor.source >= 0}

    @property
    def output(self) -> Sizes:
        """Of the only tensor it made; empty if it made several."""
        return self.outputs[0] if len(self.outputs) == 1 else ()

    @property
    def whole_numbers(self) -> tuple[int, ...]:
        """The whole numbers among its arguments, in order."""
        return tuple(_ints((*self.arguments, *self.keywords.values())))


@dataclass(frozen=True)
class Repair:
    """What is changed in a trial."""

    picture: Callable[[Tensor], Tensor] | None = None
    before: Mapping[int, Callable[[tuple[Any, ...], dict[str, Any]], Arguments]] = field(default_factory=dict)
    after: Mapping[int, Callable[[Tensor], Tensor]] = field(default_factory=dict)
    instead: Mapping[int, Callable[[tuple[Any, ...], dict[str, Any]], Any]] = field(default_factory=dict)
    batch_first: bool | None = None  # of every attention of torch, whatever it was built with
    lenient: bool = False  # a constant that does not fit what it is added to is made to fit


@dataclass(frozen=True)
class Run:
    """What happened in a trial."""

    steps: tuple[Step, ...]
    outputs: tuple[Sizes, ...]
    error: Exception | None
    failing: Step | None  # the step that raised, if torch did
    used: frozenset[str]  # names of the parameters and buffers that were used
    made_to_fit: int = 0

    @property
    def all_steps(self) -> tuple[Step, ...]:
        """Its steps, with the one that raised as the last."""
        return self.steps if self.failing is None else (*self.steps, self.failing)

    @property
    def completed(self) -> bool:
        """Whether it came to an end."""
        return self.error is None


def _ints(values: tuple[Any, ...]) -> list[int]:
    found: list[int] = []
    for value in values:
        if isinstance(value, int) and not isinstance(value, bool):
            found.append(value)
        elif isinstance(value, tuple):
            found += _ints(value)
    return found
