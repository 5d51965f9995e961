"""Broken Vision Transformers as different people write them: for each cause, four models that share no code.

They are a hold-out: nothing that explains errors is written with these files open. Every model has a repaired twin,
the same source with the few characters of its fix exchanged, or the same model given the right input.
"""

import difflib
import inspect
import linecache
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Spelling:
    """One broken model: how it is built, what it is given, and what makes it right."""

    build: Callable[[], nn.Module]
    given: tuple[int, ...]  # the shape of the example input
    output: tuple[int, ...]  # of the repaired twin
    fix: tuple[tuple[str, str], ...] = ()  # what stands in the source, what should stand there
    should_be_given: tuple[int, ...] | None = None  # where the input is what is wrong
    raises: type[Exception] | None = RuntimeError  # None: nothing is raised, the numbers are merely wrong
    in_constructor: bool = False
    dtype: torch.dtype = field(default=torch.float32)

    @property
    def name(self) -> str:
        """The builder's name."""
        return self.build.__name__

    def example(self) -> Tensor:
        """The input that shows the bug."""
        return torch.ones(self.given, dtype=self.dtype)

    def repaired_example(self) -> Tensor:
        """The input of the repaired twin."""
        return torch.ones(self.should_be_given or self.given, dtype=self.dtype)

    def repaired_build(self) -> Callable[[], nn.Module]:
        """The builder of the repaired twin: from the source of the broken one with the fix in it."""
        module = sys.modules[self.build.__module__]
        path = f"{module.__file__}:{self.name}:repaired"
        source = self.repaired_source()
        linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
        twin = ModuleType(f"{module.__name__}_{self.name}_repaired")
        exec(compile(source, path, "exec"), vars(twin))
        build: Callable[[], nn.Module] = getattr(twin, self.name)
        return build

    def source(self) -> str:
        """The file that the model stands in."""
        return inspect.getsource(sys.modules[self.build.__module__])

    def repaired_source(self) -> str:
        """The file with this model's fix in it, and without the list at its end.

        Raises:
            ValueError: if what the fix exchanges does not stand in the file exactly once.
        """
        source = self.source().split("\nSPELLINGS = (")[0] + "\n"
        for wrong, right in self.fix:
            if source.count(wrong) != 1:
                raise ValueError(f"{self.name}: {wrong!r} stands {source.count(wrong)} times in its file")
            source = source.replace(wrong, right)
        return source

    def difference(self) -> list[str]:
        """The changed lines, as a unified diff marks them, of the sources."""
        before = (self.source().split("\nSPELLINGS = (")[0] + "\n").splitlines()
        lines = difflib.unified_diff(before, self.repaired_source().splitlines(), n=0, lineterm="")
        return [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]
