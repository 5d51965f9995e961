"""What has changed between two texts of the lab's model, as a listing: lines that go, lines that come."""

import difflib
from dataclasses import dataclass
from html import escape

from explainer.excerpts import coloured_lines
from explainer.palette import Scheme

CONTEXT = 2  # lines around a change


@dataclass(frozen=True)
class ChangedLine:
    """A line of a listing; ``sign`` is "-", "+", or " " for one that stays."""

    sign: str
    number: int  # in the text that it stands in
    index: int  # the same, from 0


def changed_lines(before: str, after: str) -> list[list[ChangedLine]]:
    """The changed lines with their neighbours, one list for each place in the file."""
    old, new = before.splitlines(), after.splitlines()
    places = []
    for group in difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(CONTEXT):
        lines: list[ChangedLine] = []
        for tag, first, last, new_first, new_last in group:
            if tag == "equal":
                lines += [ChangedLine(" ", index + 1, index) for index in range(new_first, new_last)]
                continue
            lines += [ChangedLine("-", index + 1, index) for index in range(first, last)]
            lines += [ChangedLine("+", index + 1, index) for index in range(new_first, new_last)]
        places.append(lines)
    return places


def listing(before: str, after: str, path: str, scheme: Scheme) -> str:
    """The changed places as HTML: every line with its number and its sign, in the colours of the quantities."""
    texts = {"-": coloured_lines(before, scheme), "+": coloured_lines(after, scheme)}
    parts = []
    for place in changed_lines(before, after):
        for line in place:
            words = {"-": "removed: ", "+": "added: ", " ": ""}[line.sign]
            unseen = f'<span class="vit-unseen">{words}</span>' if words else ""
            kind = {"-": " vit-removed", "+": " vit-added", " ": ""}[line.sign]
            parts.append(
                f'<span class="vit-line{kind}"><span class="vit-line-number">{line.number}</span>{unseen}'
                f'<span class="vit-sign" aria-hidden="true">{line.sign}</span> '
                f"{texts['-' if line.sign == '-' else '+'][line.index]}\n</span>"
            )
        parts.append('<span class="vit-gap"></span>')
    name, lines = escape(f"What has changed in {path}"), "".join(parts[:-1])
    return f'<pre class="vit-code" tabindex="0" role="group" aria-label="{name}"><code>{lines}</code></pre>'


def one_line(before: str, after: str) -> str:
    """The added lines alone, to choose by."""
    new = after.splitlines()
    added = [new[line.index].strip() for place in changed_lines(before, after) for line in place if line.sign == "+"]
    return " · ".join(added)
