"""The entries of a ledger: an operation with its shapes, the failure that ends it, and their lines of code."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TensorShape:
    """The shape of one tensor: its sizes, and the names of its axes where they are known."""

    sizes: tuple[int, ...]
    dtype: str  # "float32"
    axes: tuple[str, ...] | None = None  # the paper's letters, one per size: ("B", "N+1", "k", "D_h"); None: unknown
    name: str = ""  # of a parameter or buffer: "blocks.0.attention.qkv.weight"; empty for what was computed

    @property
    def plain(self) -> str:
        """The sizes as text: ``2 × 65 × 192``."""
        return " × ".join(map(str, self.sizes)) or "1"


def in_brackets(shapes: Iterable[TensorShape]) -> str:
    """Several shapes in a sentence: ``[2 × 3] and [3 × 4]``."""
    return " and ".join(f"[{shape.plain}]" for shape in shapes)


@dataclass(frozen=True)
class Line:
    """A line of code that ran an operation: of the user's own code, not of torch."""

    path: str
    number: int  # from 1
    function: str
    text: str  # the source, stripped; empty where it cannot be read

    @property
    def place(self) -> str:
        """``model.py:61``: the last part of the path says enough next to the code."""
        return f"{Path(self.path).name}:{self.number}"


@dataclass(frozen=True)
class Operation:
    """One operation that ran."""

    name: str  # "conv2d", "linear", "matmul", "softmax", "cat", "reshape", ...
    module: str  # the innermost module it ran in: "blocks.0.attention"; empty for the outermost
    module_type: str  # its class: "MultiheadSelfAttention"
    inputs: tuple[TensorShape, ...]  # tensors only, parameters included
    outputs: tuple[TensorShape, ...]
    arguments: str  # what else it was given, as code: "dim=-1", "(2, 65, 3, 4, 64)"
    bytes: int  # of the outputs
    parameters: int  # numbers that are learned, counted where they are used first
    multiply_adds: int  # a multiplication with its addition is one, as in vit_core.cost; 0 for what only moves numbers
    rule: str  # what made the shape, one sentence: "the last axis 192 becomes 576, the rows of the weight"
    line: Line | None
    equation: int | None = None  # 1..8, where the line is an equation's
    fused: bool = False  # it did not run by itself: a step inside a fused operation, worked out from its inputs


@dataclass(frozen=True)
class Failure:
    """The operation that could not be done."""

    operation: str  # its name, "rearrange" of einops included; empty if no operation failed but the code itself
    module: str
    module_type: str
    inputs: tuple[TensorShape, ...]
    arguments: str
    error: str  # the type of the exception: "RuntimeError"
    message: str  # PyTorch's
    line: Line | None  # of the user's own code
    advice: str = ""  # where it is not the model that is wrong: what to ask for instead

    @property
    def what(self) -> str:
        """The operation, or the code itself."""
        return self.operation or "the code itself"

    @property
    def place(self) -> str:
        """The module that it failed in: ``blocks.0.attention (MultiheadSelfAttention)``; empty if there is none."""
        return (
            f"{self.module} ({self.module_type})"
            if self.module and self.module_type
            else self.module or self.module_type
        )


@dataclass(frozen=True)
class Row:
    """A line of the collapsed ledger: operations, and how many equal blocks in a row they stand for."""

    operations: tuple[Operation, ...]  # of the first of the blocks, or one operation alone
    repeats: int  # 12: these operations come 12 times with the same shapes, in 12 modules
    module: str  # "blocks.0–11" for a repeated block, otherwise the operation's module
