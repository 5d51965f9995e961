"""Somebody's own model, by the place of its code: ``path/to/file.py:MyModel`` or ``package.module:factory``."""

import importlib
import importlib.util
import os
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

_PLACE = re.compile(r"(?P<file>.+\.py):(?P<name>[^\W\d][\w.]*)|(?P<module>[^\W\d]\w*(\.\w+)*):(?P<of>[^\W\d][\w.]*)")


def is_place(text: str) -> bool:
    """Whether a text names code: a file that ends with ``.py``, or a module, and after a colon a name in it."""
    return _PLACE.fullmatch(text) is not None


def model_at(place: str) -> Any:
    """The object at a place: a class, a function that makes a model, or a model. Its module is run.

    Raises:
        ValueError: if there is no such file, module or name, or running it fails; one sentence.
    """
    found = _PLACE.fullmatch(place)
    if found is None:
        raise ValueError(f"{place!r} names no code: expected path/to/file.py:MyModel or package.module:factory")
    module = _run_file(Path(found["file"])) if found["file"] else _import(found["module"])
    return _named(module, found["name"] or found["of"])


def _run_file(path: Path) -> ModuleType:
    path = Path(os.path.expanduser(path))
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    if (folder := str(path.resolve().parent)) not in sys.path:
        sys.path.insert(0, folder)  # as Python does for a script: its neighbours can be imported
    spec = importlib.util.spec_from_file_location(path.stem, path.resolve())
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(path.stem)
    sys.modules[path.stem] = module  # dataclasses and pickles look there for the module of a class
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        if before is None:
            del sys.modules[path.stem]
        else:
            sys.modules[path.stem] = before
        raise ValueError(f"{path} cannot be run: {_error_line(error)}") from error
    return module


def _import(name: str) -> ModuleType:
    if (folder := os.getcwd()) not in sys.path:
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise ValueError(f"the module {name} cannot be imported: {_error_line(error)}") from error


def _named(module: ModuleType, name: str) -> Any:
    value: Any = module
    for part in name.split("."):
        if not hasattr(value, part):
            own = [key for key, made in vars(module).items() if not key.startswith("_") and callable(made)]
            known = f"; it has {', '.join(own[:12])}" if own else ""
            raise ValueError(f"{module.__name__} has no {name!r}{known}")
        value = getattr(value, part)
    if not callable(value):
        raise ValueError(
            f"{name} in {module.__name__} is a {type(value).__name__}: expected a model, a class of models, or a "
            "function that makes one"
        )
    return value


def _error_line(error: Exception) -> str:
    """An exception as one line, with the line of the user's file that raised it."""
    if isinstance(error, SyntaxError):
        return f"{error.msg} in line {error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen")]
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if len(frames) > 1 else ""
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}{place}"
