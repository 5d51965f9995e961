"""A listing of the lines that a change removes from the lab's model and adds to it."""

import ast
import difflib
from dataclasses import dataclass
from textwrap import dedent

from explainer.break_it.bugs import Place
from explainer.notation.excerpts import Excerpt, coloured_lines
from explainer.palette import Scheme

FILE = "vit.py"  # what the changed model is called on the page and in errors
CONTEXT = 2  # lines around a change


@dataclass(frozen=True)
class ChangedLine:
    """A line of a listing; ``sign`` is "-", "+", or " " for one that stays."""

    sign: str
    index: int  # in the text that it stands in, from 0


def changed_lines(before: str, after: str) -> list[list[ChangedLine]]:
    """The changed lines with their neighbours, one list for each place in the file."""
    old, new = before.splitlines(), after.splitlines()
    places = []
    for group in difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(CONTEXT):
        lines: list[ChangedLine] = []
        for tag, first, last, new_first, new_last in group:
            if tag == "equal":
                lines += [ChangedLine(" ", index) for index in range(new_first, new_last)]
                continue
            lines += [ChangedLine("-", index) for index in range(first, last)]
            lines += [ChangedLine("+", index) for index in range(new_first, new_last)]
        for end in (0, -1):  # empty lines around a change say nothing
            while lines[end].sign == " " and not new[lines[end].index].strip():
                del lines[end]
        places.append(lines)
    return places


def listing(before: str, after: str, scheme: Scheme) -> str:
    """The changed places as HTML: every line with its number and its sign, in the colours of the quantities."""
    texts = {"-": coloured_lines(before, scheme), "+": coloured_lines(after, scheme)}
    plain = {"-": before.splitlines(), "+": after.splitlines()}
    parts = []
    for place in changed_lines(before, after):
        written = [plain["-" if line.sign == "-" else "+"][line.index] for line in place]
        indent = min(len(text) - len(text.lstrip()) for text in written if text.strip())
        for line in place:
            kind = {"-": "removed", "+": "added", " ": ""}[line.sign]
            unseen = f'<span class="vit-unseen">{kind}: </span>' if kind else ""
            classes = f"vit-line vit-{kind}" if kind else "vit-line"
            parts.append(
                f'<span class="{classes}"><span class="vit-line-number">{line.index + 1}</span>{unseen}'
                f'<span class="vit-sign" aria-hidden="true">{line.sign}</span> '
                f"{texts['-' if line.sign == '-' else '+'][line.index][indent:]}\n</span>"
            )
        parts.append('<span class="vit-gap"></span>')
    name, lines = f"What has changed in {FILE}", "".join(parts[:-1])
    return f'<pre class="vit-code" tabindex="0" role="group" aria-label="{name}"><code>{lines}</code></pre>'


def function_around(source: str, place: Place) -> tuple[Excerpt, int]:
    """The function in which a place lies, and the index of the place's line in it.

    Raises:
        ValueError: if no function of the source has that line.
    """
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            for index in range(node.lineno - 1, node.end_lineno or node.lineno):
                if lines[index].strip().startswith(place.line):
                    text = "\n".join(lines[node.lineno - 1 : node.end_lineno])
                    return Excerpt(dedent(text), None, node.lineno, FILE), index - node.lineno + 1
    raise ValueError(f"no line begins with {place.line!r}")


def one_line(before: str, after: str) -> str:
    """The added lines alone, as Markdown, to choose by."""
    new = after.splitlines()
    added = [new[line.index].strip() for place in changed_lines(before, after) for line in place if line.sign == "+"]
    return "  ".join(f"`{line}`" for line in added)
