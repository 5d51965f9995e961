"""The values of a recipe's fields as text, for links and text fields, and back."""

import re
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from explainer.course.recipes import field_title
from vit_core import CHECKPOINTS
from vit_core.config import PRESETS
from vit_core.training import TrainingConfig
from vit_core.training.runs.listing import checkpoint_name, run_checkpoint, runs_folder
from vit_core.training.runs.run import EXAMPLES

NOTHING = "none"
MOST = 999_999_999  # of a whole number and of any other
_HINTS = get_type_hints(TrainingConfig)
_ANSWERS = {"yes": True, "no": False}


def is_optional(field: str) -> bool:
    """Whether the field may be off."""
    return NoneType in get_args(_HINTS[field])


def kind_of(field: str) -> Any:
    """The type of the field where it is not off."""
    hint = _HINTS[field]
    return next(kind for kind in get_args(hint) if kind is not NoneType) if is_optional(field) else hint


def choices(field: str) -> tuple[str, ...]:
    """The values that the field can have, where they are a list."""
    if field == "model":
        return tuple(PRESETS)
    kind = kind_of(field)
    return get_args(kind) if get_origin(kind) is Literal else ()


def written(value: Any) -> str:
    """A value as a person reads it, and as it stands in a link."""
    match value:
        case None:
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case tuple() | list():
            return " ".join(map(written, value))
        case float():
            return f"{value:.6g}"
        case str():
            return weights_name(value)
    return str(value)


def parse(field: str, text: str) -> Any:
    """The value that ``text`` means for a field.

    Raises:
        ValueError: if there is no such field, or the text is no value of it.
    """
    if field not in _HINTS:
        raise ValueError(f"{field[:40]!r}, and a recipe has no such field")
    text, kind = text.strip(), kind_of(field)
    if is_optional(field) and text in ("", NOTHING):
        return None
    title = field_title(field).lower()
    if kind is bool:
        if text not in _ANSWERS:
            raise ValueError(f"{title} is {text[:40]!r}, expected yes or no")
        return _ANSWERS[text]
    if known := choices(field):
        if text not in known:
            raise ValueError(f"{title} is {text[:40]!r}, expected one of {', '.join(known)}")
        return text
    return _weights(text) if kind is str else _number(title, text, kind)


def weights_name(weights: str) -> str:
    """The name of the weights to start from, even where a run's weights are a file."""
    path = Path(weights)
    found = re.fullmatch(r"epoch-(\d+)\.safetensors", path.name)
    if found and len(path.parents) > 2 and path.parents[2] in (runs_folder(), EXAMPLES):
        return checkpoint_name(path.parents[1].name, int(found[1]))
    return weights


def _weights(name: str) -> str:
    """The checkpoint's name, or the file of a run's. A link cannot name any other file of the server."""
    if name in CHECKPOINTS:
        return name
    try:
        return str(run_checkpoint(name).path)
    except LookupError as error:
        raise ValueError(f"weights are {name[:80]!r}, expected a checkpoint's name: {error}") from error


def _number(title: str, text: str, kind: Any) -> Any:
    is_tuple = get_origin(kind) is tuple
    kinds = get_args(kind) if is_tuple else (kind,)
    words = text.replace(",", " ").split()
    if not all(word.isascii() and "_" not in word and len(word) < 25 for word in words):
        words = []  # Python would read more than people write
    try:
        numbers = tuple(convert(word) for convert, word in zip(kinds, words, strict=True))
    except ValueError:
        wanted = f"{len(kinds)} numbers such as 0.4 1" if is_tuple else "a whole number" if kind is int else "a number"
        raise ValueError(f"{title} is {text[:40]!r}, expected {wanted}") from None
    if not all(0 <= number <= MOST for number in numbers):  # not a number is not between them either
        raise ValueError(f"{title} is {text[:40]!r}, expected 0 to {MOST:,}")
    return numbers if is_tuple else numbers[0]
