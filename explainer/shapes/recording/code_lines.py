"""Where an operation comes from: the line of the user's own code, and the module it ran in, read from the frames."""

import linecache
import sys
import sysconfig
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
    """Whether a file is somebody's own code: neither torch's, nor Python's own, nor ours that looks on."""
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
    """An expression in somebody's code: the code that ran, and where in it and in its file the expression stands."""

    code: CodeType
    instruction: int
    number: int

    @property
    def line(self) -> Line:
        """The line that it stands in."""
        return _line(self.code, self.instruction, self.number)


def start_here(function: Any) -> None:
    """Look no further out than the frame of this function."""
    _starts.add(function.__code__)


def _line(code: CodeType, instruction: int, number: int) -> Line:
    key = (id(code), instruction)
    if (line := _lines.get(key)) is None:
        linecache.checkcache(code.co_filename)  # a notebook's reader changes files while it runs
        text = linecache.getline(code.co_filename, number).strip()
        _lines[key] = line = Line(code.co_filename, number, code.co_qualname, text)
    return line


def place(depth: int) -> tuple[Line | None, nn.Module | None]:
    """The innermost line of a model's own code, and the innermost module, seen from ``depth`` frames above."""
    frame: FrameType | None = sys._getframe(depth + 1)
    line: Line | None = None
    while frame is not None:
        known = _kinds.get(id(frame.f_code))
        kind = known[1] if known else _kind(frame.f_code)
        if kind == _MODULE_CALL:
            module: nn.Module = frame.f_locals["self"]
            return line or _line_above(frame.f_back), module
        if kind == _MODEL_CODE:
            line = line or code_at(frame).line
            if (method_of := _module_of(frame)) is not None:
                return line, method_of
        elif kind == _START:
            break
        frame = frame.f_back
    return line, None


def _line_above(frame: FrameType | None) -> Line | None:
    code = _innermost(frame)
    return code.line if code else None


def _innermost(frame: FrameType | None) -> Code | None:
    while frame is not None:
        kind = _kind(frame.f_code)
        if kind == _MODEL_CODE:
            return code_at(frame)
        if kind == _START:
            break
        frame = frame.f_back
    return None


def code_at(frame: FrameType) -> Code:
    """The expression that a frame is at."""
    return Code(frame.f_code, frame.f_lasti, frame.f_lineno)


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


def _module_of(frame: FrameType) -> nn.Module | None:
    """The module whose method the frame runs."""
    code = frame.f_code
    if not code.co_argcount or code.co_varnames[0] != "self":
        return None
    owner: Any = frame.f_locals.get("self")
    return owner if isinstance(owner, nn.Module) else None


def frames_of(
    traceback: TracebackType | None,
) -> tuple[Line | None, nn.Module | None, tuple[FrameType, ...]]:
    """Of an exception: the innermost line of a model's own code, the innermost module, and the frames inside that."""
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
            line = _line(frame.f_code, traceback.tb_lasti, traceback.tb_lineno)
            module = _module_of(frame) or module
            inside.clear()
        traceback = traceback.tb_next
    return line, module, tuple(inside)
