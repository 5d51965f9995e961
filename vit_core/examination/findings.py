"""The findings of an examination: one sentence each, and its severity."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing about a weights file, and the tensors that it is about."""

    severity: Severity  # "error": it does not open because of it; "warning": it opens, and that should be known
    about: str  # "missing", "left over", "shape", "not finite", "constant", "type", "container", "opening"
    sentence: str
    names: tuple[str, ...] = ()
