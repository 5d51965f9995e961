"""The files of a run, read and checked: whoever asks gets values of the right types, and a sentence for all others.

A run's folder may have been cut off by a full disk, edited, copied half, or deleted at this moment. So nothing is
raised here, no more is read than a run can have written, and what is no plain file is not opened: a pipe would never
answer.
"""

import json
import os
import re
import stat
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from vit_core.cost import count_parameters
from vit_core.training.config import TrainingConfig, fits
from vit_core.weight_files.safetensors_header import HeaderError, check_header
from vit_core.weights.checkpoints import read_card

FACTS, METRICS, START, EPOCHS, STATE = "run.json", "metrics.jsonl", "start.json", "epochs", "state.safetensors"
MOST_BYTES = 64 * 2**20  # of one file; the 20,000 measured steps of a million take 3 MB
MOST = 10**12  # of steps, pictures, parameters
_EPOCH_FILE = re.compile(r"epoch-([0-9]{4,6})\.(safetensors|json)")

Check = Callable[[Any], bool]


def read_bytes(path: Path) -> bytes | None:
    """The first ``MOST_BYTES`` of a plain file, None if there is none."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb") as file:
            return file.read(MOST_BYTES)
    except OSError:  # it is missing, a loop of links, or was deleted at this moment
        return None


def read_facts(run: Path) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The trainer's ``run.json`` without the fields that cannot be, and a sentence for each of those."""
    return _checked(run / FACTS, _FACTS)


def read_start(run: Path) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The settings that a run was started with from the app, in the same way."""
    return _checked(run / START, _START)


def is_run(run: Path) -> bool:
    """Whether the folder holds anything of a run."""
    try:
        names = os.listdir(run)
    except OSError:
        return False
    return not {FACTS, METRICS, START, EPOCHS, STATE}.isdisjoint(names)


def whole_epochs(run: Path) -> tuple[list[int], tuple[str, ...]]:
    """The epochs whose weights can be opened, rising, and a sentence for each that was saved and cannot.

    An epoch of which only one file is there is neither: the trainer writes the card first.
    """
    try:
        names = os.listdir(run / EPOCHS)
    except FileNotFoundError:
        return [], ()
    except OSError as error:
        return [], (f"{EPOCHS} cannot be read as a folder ({error.strerror})",)
    cards, weights = (
        {int(f[1]) for name in names if (f := _EPOCH_FILE.fullmatch(name)) and f[2] == suffix}
        for suffix in ("json", "safetensors")
    )
    whole, problems = [], []
    for epoch in sorted(cards & weights):
        problem = _epoch_problem(run / EPOCHS / f"epoch-{epoch:04d}.safetensors")
        if problem is None:
            whole.append(epoch)
        elif problem:
            problems.append(f"the weights of epoch {epoch} cannot be opened: {problem}")
    strange = sum(
        name.startswith("epoch-") and not _EPOCH_FILE.fullmatch(name) and not name.endswith(".partial")
        for name in names
    )
    if strange:
        problems.append(f"{strange} files in {EPOCHS} are called as no epoch is")
    return whole, tuple(problems)


def _epoch_problem(path: Path) -> str | None:
    """Why the weights of an epoch cannot be opened, empty if they are gone, None if they can."""
    try:
        found = (file.stat() for file in (path, path.with_suffix(".json")))
        stamps = [(status.st_ino, status.st_mtime_ns, status.st_size) for status in found]
    except FileNotFoundError:
        return ""
    except OSError as error:
        return str(error.strerror)
    return _problem_of(path, str(stamps))


@lru_cache(4096)  # asked on every run of every page
def _problem_of(path: Path, _stamps: str) -> str | None:
    card = path.with_suffix(".json")
    if not all(file.is_file() for file in (path, card)):
        return "its weights or its card are no file"
    try:
        config = read_card(path, path.stem).config
        numbers = check_header(path)
    except HeaderError as error:
        return f"{path.name} is damaged: {error}"
    except (ValueError, OSError) as error:
        return _short(str(error))
    needed = count_parameters(config)["total"]
    return None if numbers == needed else f"its card states {_number(needed)} parameters, its file has {numbers:,}"


def _object(path: Path) -> tuple[Mapping[str, Any], str]:
    """A JSON object, and what is wrong with the file; a missing one is an empty object with nothing wrong."""
    data = read_bytes(path)
    if data is None:
        return {}, f"{path.name} is no file that can be read" if os.path.lexists(path) else ""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}, f"{path.name} is not JSON: it was cut off, or something else was written there"
    if not isinstance(found, dict):
        return {}, f"{path.name} is not a JSON object but a {type(found).__name__}"
    return found, ""


def _checked(path: Path, fields: Mapping[str, tuple[Check, str]]) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    found, problem = _object(path)
    problems = [problem] if problem else []
    good = {}
    for name, value in found.items():
        fits, expected = fields.get(name, (None, ""))
        if fits is None or fits(value):
            good[name] = value
        else:
            problems.append(f"{path.name}: {name} should be {expected} and is {_short(repr(value), 40)}")
    return good, tuple(problems)


def is_whole(value: Any, most: int = MOST) -> bool:
    """Whether it is a whole number from 0 to ``most``."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def is_number(value: Any) -> bool:
    """Whether it is a number that can be drawn: finite, and far from the ends of 32 bits."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e30


def _are(hint: Any) -> Check:
    return lambda value: fits(value, hint)


def _are_wholes(*names: str) -> Check:
    return lambda value: isinstance(value, dict) and all(is_whole(value.get(name)) for name in names)


def _is_recipe(value: Any) -> bool:
    try:
        TrainingConfig().with_values(value)
    except (ValueError, TypeError, AttributeError, OverflowError):
        return False
    return True


_RECIPE: tuple[Check, str] = (_is_recipe, "a recipe")
_TEXT = (_are(str), "text")
_TEXTS = (_are(list[str]), "a list of names")
_COUNT: tuple[Check, str] = (lambda value: is_whole(value, 10**6), "a number of images")
_FACTS: Mapping[str, tuple[Check, str]] = {
    "recipe": _RECIPE,
    "recipe_name": (_are(str | None), "text"),
    "labels": _TEXTS,
    "data": _TEXTS,
    "held_out": _COUNT,
    "started": _TEXT,
    "command": _TEXT,
    "outcome": (_are(str | None), "text"),
    "names": (_are(dict), "a table of names"),
    "broken": (_are(list[tuple[str, str]]), "a list of files and reasons"),
    "pictures": (_are_wholes("train", "test"), "the numbers of images"),
    "parameters": (_are_wholes("total", "trainable"), "the numbers of parameters"),
    "total_steps": (is_whole, "a number of steps"),
}
_START: Mapping[str, tuple[Check, str]] = {
    "recipe_name": _TEXT,
    "changes": _RECIPE,
    "data": _TEXTS,
    "held_out": _COUNT,
    "command": _TEXTS,
    "started": (is_number, "a time"),
    "facts_before": (_are(int | None), "a time"),
}


def _short(text: str, most: int = 160) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most]}…"


def _number(value: int) -> str:
    return f"{value:,}" if value < 10**15 else "far too many"
