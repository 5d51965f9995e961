"""The bugs of the lab: real changes of ``explainer/break_it/model.py``, what is asked of each, and what may repair it.

They are written in ``assets/break_it.toml``, every change as the name of a text of the file and what stands there
instead, with sizes as letters in braces (``Sizes.fill``). Which repair is right is not written anywhere: each is run,
and the one that gives the logits of the sound model is.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vit_core.resources import ASSETS

Edits = tuple[tuple[str, str], ...]  # (what stands in the sound file, what stands there instead)


@dataclass(frozen=True)
class Place:
    """Where the reader predicts a shape: what one line of the broken file makes."""

    line: str  # as it stands there, or how it begins
    operation: str = ""  # of several on this line; the last one if it is empty


@dataclass(frozen=True)
class Bug:
    """One change of the code, and the way from it back to a model that works."""

    name: str  # in a link
    title: str
    cause: str | None  # a key of explainer.shapes.MISTAKES; None: nothing that could be read from shapes
    edits: Edits
    place: Place
    question: str  # what is predicted
    guesses: tuple[str, ...]  # shapes that one may expect, the true one among them
    hints: tuple[str, ...]  # three: which operation, which axis, the rule
    repairs: tuple[Edits, ...]  # from the sound file, as ``edits``


def _read() -> Iterator[Bug]:
    written = tomllib.loads((ASSETS / "break_it.toml").read_text(encoding="utf-8"))

    def edits(changes: Mapping[str, str]) -> Edits:
        return tuple((written["texts"][name], text) for name, text in changes.items())

    for bug in written["bug"]:
        yield Bug(
            bug["name"],
            bug["title"],
            bug.get("cause"),
            edits(bug["edits"]),
            Place(bug["place"], bug.get("operation", "")),
            bug["question"],
            tuple(bug["guesses"]),
            tuple(bug["hints"]),
            tuple(map(edits, bug["repairs"])),
        )


BUGS: dict[str, Bug] = {bug.name: bug for bug in _read()}
