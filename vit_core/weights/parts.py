"""The weights inside what was saved: under the names of training programs, with prefixes, next to averages."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from vit_core.weights.families import AVERAGED, head_name, prefixes

WRAPPERS = ("state_dict", "model", "model_state_dict", "state_dict_ema", "model_ema")  # what training scripts save
MAX_DEPTH = 3  # of the dictionaries around the weights
MAX_NAME = 300  # letters
SMALL = 64_000_000  # bytes, below which it does not matter whether tensors share their numbers


@dataclass(frozen=True, kw_only=True)
class WeightFile:
    """The tensors of a file by their names, and what was around them."""

    state: Mapping[str, Tensor]
    kind: str  # of file, as a person says it
    part: str = ""  # where in the file they are: ``"state_dict"``, ``"model"``
    parts: tuple[str, ...] = ()  # everything of the kind in the file; ``part`` is one of them
    prefix: str = ""  # what was before every name and has been taken off: ``"module."``
    outside: tuple[str, ...] = ()  # names without that prefix, which are left aside
    beside: Mapping[str, str] = field(default_factory=dict)  # what else is in the file, in a few words each
    notes: tuple[str, ...] = ()  # sentences about the file itself


def states_of(loaded: Any, label: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Every dictionary with tensors inside what was saved, by the names that lead to it; each once."""
    seen = set() if seen is None else seen
    if not isinstance(loaded, dict) or id(loaded) in seen:
        return
    seen.add(id(loaded))
    if tensors := {key: value for key, value in loaded.items() if isinstance(key, str) and isinstance(value, Tensor)}:
        yield label, tensors
    if label.count(".") < MAX_DEPTH - 1:
        for key, value in loaded.items():
            if isinstance(key, str) and "." not in key:
                yield from states_of(value, f"{label}.{key}" if label else key, seen)


def check_tensors(states: list[tuple[str, dict[str, Tensor]]], path: Path, kind: str, most: int) -> None:
    """Refuse names that nobody can read, and tensors that together claim far more than the file has.

    Raises:
        ValueError: saying which.
    """
    for _, state in states:
        for name in state:
            if len(name) > MAX_NAME or not name.isprintable():
                raise ValueError(f"{path.name} holds a tensor whose name is no readable text: {name[:30]!r}")
    # A tensor may claim more numbers than the file has: one that is repeated takes no space in it.
    size = sum(4 * tensor.numel() for _, state in states for tensor in state.values())
    if size > most:
        raise ValueError(f"{path.name} would have {size / 1e9:.0f} GB, at most {most / 1e9:.0f} GB are read")
    # Half precision counts twice here, and a model may be saved under two names.
    if kind == "PyTorch file" and size > SMALL + 8 * path.stat().st_size:
        raise ValueError(
            f"{path.name} has {path.stat().st_size / 1e6:,.1f} MB, and its tensors, which share their numbers, would "
            f"take {size / 1e6:,.0f} MB"
        )


def choose_part(states: list[tuple[str, dict[str, Tensor]]], part: str | None, name: str) -> WeightFile:
    """The weights of a model among everything that is in a file; ``part`` says which, where there are several.

    Raises:
        ValueError: if there is no such part.
    """
    models: dict[str, tuple[dict[str, Tensor], str]] = {}
    for label, state in states:
        for prefix in prefixes(state):
            models[".".join(filter(None, (label, prefix.rstrip("./"))))] = (state, prefix)
    if not models:
        usual = [state for wrapper in WRAPPERS for label, state in states if label == wrapper]
        state = usual[0] if usual else max((state for _, state in states), key=len)
        return WeightFile(state=state, kind="")
    # What is averaged comes last, and of the rest what training scripts usually save.
    order = sorted(models, key=lambda label: (bool(AVERAGED.search(label)), _usual(label)))
    if part is not None and part not in models:
        if order == [""]:
            raise ValueError(f"{name} has no part {part[:60]!r}: it holds one set of weights, so leave the part out")
        known = ", ".join(repr(label) if label else "one without a name" for label in order)
        raise ValueError(f"{name} has no part {part[:60]!r}, it has {known}")
    part = order[0] if part is None else part
    state, prefix = models[part]
    inside = {key.removeprefix(prefix): tensor for key, tensor in state.items() if key.startswith(prefix)}
    outside = {key: tensor for key, tensor in state.items() if not key.startswith(prefix)}
    if prefix and head_name(inside) is None and (head := head_name({**inside, **outside})) is not None:
        stem = head.removesuffix("weight").removesuffix("kernel")
        inside |= {key: outside.pop(key) for key in list(outside) if key.startswith(stem)}  # a head on a backbone
    return WeightFile(state=inside, kind="", part=part, parts=tuple(order), prefix=prefix, outside=tuple(outside))


def _usual(part: str) -> int:
    first = part.partition(".")[0]
    return WRAPPERS.index(first) if first in WRAPPERS else len(WRAPPERS) if part else -1


def beside(loaded: Any, part: str) -> dict[str, str]:
    """The other things that were saved with the weights, in a few words each."""
    entries: dict[str, str] = {}
    for key, value in loaded.items() if isinstance(loaded, dict) else ():
        if isinstance(value, Tensor) or str(key) == part.partition(".")[0] or not str(key).isprintable():
            continue
        if isinstance(value, dict | list | tuple | set):
            entries[str(key)[:40]] = f"{type(value).__name__} of {len(value)}"
        else:
            entries[str(key)[:40]] = repr(value)[:60]
    return entries
