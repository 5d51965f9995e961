"""The code around a line that ran an operation, read from the file that it stands in."""

import linecache
from dataclasses import dataclass
from pathlib import Path

from explainer.shapes.entries.operations import Line

_ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class SourceLine:
    """One line of a file; ``is_it`` marks the one that is asked for."""

    number: int
    text: str
    is_it: bool


def path_of(line: Line) -> str:
    """Where a line stands: from the root of this project for a file of its own, as it is for everybody else's."""
    path = Path(line.path)
    return path.relative_to(_ROOT).as_posix() if path.is_relative_to(_ROOT) else line.path


def around(line: Line, neighbours: int = 2) -> tuple[SourceLine, ...]:
    """The line with its neighbours; the line alone where its file cannot be read."""
    linecache.checkcache(line.path)
    source = linecache.getlines(line.path)
    if not 1 <= line.number <= len(source):
        return (SourceLine(line.number, line.text, True),) if line.text else ()
    first, last = max(1, line.number - neighbours), min(len(source), line.number + neighbours)
    while first < line.number and not source[first - 1].strip():
        first += 1
    while last > line.number and not source[last - 1].strip():
        last -= 1
    texts = [source[number - 1].rstrip("\n").expandtabs(4) for number in range(first, last + 1)]
    indent = min((len(text) - len(text.lstrip()) for text in texts if text.strip()), default=0)
    return tuple(
        SourceLine(number, text[indent:], number == line.number)
        for number, text in zip(range(first, last + 1), texts, strict=True)
    )
