"""Find the line of the user's code and the module that an operation ran in, from the frames on the stack."""

import linecache
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any

from torch import nn

from explainer.shapes.entries.operations import Line
from explainer.shapes.torch_internals import MODULE_CALL

# Code that is nobody's model: what is called from a line of a model and calls torch.
_BETWEEN = ("torch", "einops", "jaxtyping", "beartype")

_SKIPPED, _MODULE_CALL, _MODEL_CODE, _START = range(4)
_KEPT = 20_000
# By identity, because hashing a code object reads all of it; the code is kept, and so its identity its own.
_kinds: dict[int, tuple[CodeType, int]] = {}
_starts: set[CodeType] = set()
_lines: dict[tuple[int, int], Line] = {}


@cache
def _roots() -> tuple[str, ...]:
    """Folders whose code is skipped."""
    specs = [find_spec(name) for name in _BETWEEN]
    folders = [folder for spec in specs if spec for folder in spec.submodule_search_locations or ()]
    return tuple(f"{folder}/" for folder in [*folders, Path(__file__).parents[1].as_posix()])


@cache
def is_model_code(path: str) -> bool:
    """Whether a file belongs to a model: not to torch, not to Python's library, and not to this package."""
    if path.startswith(("<frozen", "<@beartype", "<__array")):
        return False
    if path.startswith(_roots()):
        return False
    library = sysconfig.get_paths()["stdlib"]
    return not path.startswith(f"{library}/") or "/site-packages/" in path or "/dist-packages/" in path


def _kind(code: CodeType) -> int:
    if (known := _kinds.get(id(code))) is None:
        if len(_kinds) > _KEPT:  # code that is made anew at each run
            _kinds.clear()
            _lines.clear()
        if code in _starts:
            kind = _START
        else:
            kind = _MODULE_CALL if code is MODULE_CALL else _MODEL_CODE if is_model_code(code.co_filename) else _SKIPPED
        _kinds[id(code)] = known = (code, kind)
    return known[1]


@dataclass(frozen=True)
class Code:
    """An expression in the user's code: the code object, the instruction in it, and the number of the line."""

    code: CodeType
    instruction: int
    number: int

    @property
    def line(self) -> Line:
        """The line that it stands in."""
        key = (id(self.code), self.instruction)
        if (line := _lines.get(key)) is None:
            path = self.code.co_filename
            linecache.checkcache(path)  # a notebook's reader changes files while it runs
            text = linecache.getline(path, self.number).strip()
            _lines[key] = line = Line(path, self.number, self.code.co_qualname, text)
        return line


def start_here(function: Any) -> None:
    """Stop looking at the frame of this function: its callers are not part of the model."""
    _starts.add(function.__code__)


def place(depth: int) -> tuple[Line | None, nn.Module | None]:
    """The innermost line of a model's own code, and the innermost module, seen from ``depth`` frames above."""
    line: Line | None = None
    for frame, kind in _frames_outwards(sys._getframe(depth + 1)):
        if kind == _MODULE_CALL:
            module: nn.Module = frame.f_locals["self"]
            code = None if line else _innermost(frame.f_back)
            return code.line if code else line, module
        line = line or _code_at(frame).line
        if (method_of := _module_of(frame)) is not None:
            return line, method_of
    return line, None


def code_here(depth: int) -> Code | None:
    """The innermost expression of a model's own code, seen from ``depth`` frames above."""
    return _innermost(sys._getframe(depth + 1))


def code_of(traceback: TracebackType | None) -> Code | None:
    """The innermost expression of a model's own code that an exception went through."""
    found = None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if is_model_code(code.co_filename):
            found = Code(code, traceback.tb_lasti, traceback.tb_lineno)
        traceback = traceback.tb_next
    return found


def frames_of(
    traceback: TracebackType | None,
) -> tuple[Line | None, nn.Module | None, tuple[FrameType, ...]]:
    """From an exception: the innermost line of the model's code, the innermost module, and the frames inside it."""
    line: Line | None = None
    module: nn.Module | None = None
    inside: list[FrameType] = []
    while traceback is not None:
        frame = traceback.tb_frame
        kind = _kind(frame.f_code)
        inside.append(frame)
        if kind == _START:  # what lies further out is who called for the ledger
            line = module = None
        elif kind == _MODULE_CALL:
            module = frame.f_locals["self"]
        elif kind == _MODEL_CODE:
            line = Code(frame.f_code, traceback.tb_lasti, traceback.tb_lineno).line
            module = _module_of(frame) or module
            inside.clear()
        traceback = traceback.tb_next
    return line, module, tuple(inside)


def _frames_outwards(frame: FrameType | None) -> Iterator[tuple[FrameType, int]]:
    """The frames of the model's code and of calls of modules, the innermost first."""
    while frame is not None:
        known = _kinds.get(id(frame.f_code))
        kind = known[1] if known else _kind(frame.f_code)
        if kind == _START:
            return
        if kind != _SKIPPED:
            yield frame, kind
        frame = frame.f_back


def _innermost(frame: FrameType | None) -> Code | None:
    return next((_code_at(frame) for frame, kind in _frames_outwards(frame) if kind == _MODEL_CODE), None)


def _code_at(frame: FrameType) -> Code:
    return Code(frame.f_code, frame.f_lasti, frame.f_lineno)


def _module_of(frame: FrameType) -> nn.Module | None:
    """The module whose method the frame runs."""
    code = frame.f_code
    if not code.co_argcount or code.co_varnames[0] != "self":
        return None
    owner: Any = frame.f_locals.get("self")
    return owner if isinstance(owner, nn.Module) else None
