"""The code that computes an equation, found by its marker and coloured like the equation."""

import ast
import inspect
import io
import keyword
import tokenize
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from html import escape
from pathlib import Path
from textwrap import dedent
from typing import Any

from explainer.notation.equations import Equation, Formula
from explainer.notation.symbols import QUANTITY_OF_NAME
from explainer.palette import QUANTITIES, Scheme

INK: dict[str, dict[Scheme, str]] = {  # quiet, so that the quantities' colours speak
    "keyword": {"light": "#4d5765", "dark": "#aeb7c3"},
    "string": {"light": "#566070", "dark": "#a6b0bd"},
    "comment": {"light": "#566070", "dark": "#a6b0bd"},
}


@dataclass(frozen=True)
class Excerpt:
    """A function's source, cut out of its file; ``line`` is the index of the equation's line in it, if it has one."""

    source: str
    line: int | None
    first: int  # number of the first line in the file
    path: str  # from the root of the repository

    @property
    def number(self) -> int:
        """The equation's line in the file, or the first line of the function."""
        return self.first + (self.line or 0)


@cache
def excerpt(equation: Equation | Formula) -> Excerpt:
    """The source of the equation's function, and which of its lines is this equation.

    Raises:
        ValueError: if the function does not have exactly one line with the equation's marker, or a formula no code.
    """
    if equation.code is None:
        raise ValueError(f"the formula {equation.name!r} has no code of its own")
    code = excerpt_of(equation.code)
    if not isinstance(equation, Equation):
        return code
    marker = f"# Eq. {equation.number}"
    marked = [index for index, text in enumerate(code.source.splitlines()) if text.rstrip().endswith(marker)]
    if len(marked) != 1:
        name = inspect.unwrap(equation.code).__qualname__
        raise ValueError(f"expected one line ending with {marker!r} in {name}, found {len(marked)}")
    return replace(code, line=marked[0])


def line_of(equation: Equation) -> Excerpt:
    """The one line that is the equation."""
    code = excerpt(equation)
    return Excerpt(code.source.splitlines()[code.line or 0].strip(), 0, code.number, code.path)


@cache
def lines_of(formula: Formula) -> tuple[Excerpt, ...]:
    """The statements that compute a formula: those that it names, else the last of its function.

    Raises:
        ValueError: if a statement that it names is not found exactly once.
    """
    code = excerpt(formula)
    [function] = ast.parse(code.source).body
    lines = code.source.splitlines()
    statements = [node for node in ast.walk(function) if isinstance(node, ast.Assign | ast.Return)]
    starts = {node: lines[node.lineno - 1].strip() for node in statements}
    chosen = [max(statements, key=lambda node: node.lineno)]
    if formula.statements:
        chosen = [node for node in statements if starts[node].startswith(formula.statements)]
        if len(chosen) != len(formula.statements):
            raise ValueError(f"{formula.name}: expected {formula.statements}, found {[starts[n] for n in chosen]}")
    return tuple(
        Excerpt(
            dedent("\n".join(lines[node.lineno - 1 : node.end_lineno])), None, code.first + node.lineno - 1, code.path
        )
        for node in sorted(chosen, key=lambda node: node.lineno)
    )


@cache
def excerpt_of(function: Callable[..., Any]) -> Excerpt:
    """The source of a function of this project, with no line marked."""
    function = inspect.unwrap(function)
    lines, first = inspect.getsourcelines(function)
    path = Path(inspect.getsourcefile(function) or "")
    return Excerpt(dedent("".join(lines)), None, first, path.relative_to(Path(__file__).parents[2]).as_posix())


def highlighted(
    code: Excerpt,
    scheme: Scheme,
    marked: Collection[int | None] | None = None,
    attributes: Mapping[int, str] | None = None,
) -> str:
    """The excerpt as HTML: names of quantities in their colours, the equation's line marked.

    ``marked`` are the indices of the lines to mark instead, where one function computes several equations. Every line
    is a ``span.vit-line`` with its number in a ``span.vit-line-number``; the equation's has ``vit-marked``, and those
    in ``attributes`` have these attributes of HTML as well.
    """
    marked = {code.line} if marked is None else set(marked)
    lines = []
    for index, spans in enumerate(coloured_lines(code.source, scheme)):
        classes = "vit-line vit-marked" if index in marked else "vit-line"
        number = f'<span class="vit-line-number">{code.first + index}</span>'
        extra = f" {attributes[index]}" if attributes and index in attributes else ""
        lines.append(f'<span class="{classes}"{extra}>{number}{spans}\n</span>')
    name = escape(f"The source in {code.path}")
    code_lines = "".join(lines)
    # A long line is scrolled, which the keyboard can do only where it can go.
    return f'<pre class="vit-code" tabindex="0" role="group" aria-label="{name}"><code>{code_lines}</code></pre>'


@lru_cache(1024)  # other pages list texts that depend on what the reader sets
def coloured_lines(source: str, scheme: Scheme) -> tuple[str, ...]:
    """Each line of the source as HTML."""
    texts = source.splitlines()
    lines, row, column = [""] * len(texts), 1, 0

    def copy_until(end_row: int, end_column: int) -> None:
        nonlocal row, column
        while (row, column) < (end_row, end_column):
            stop = end_column if row == end_row else len(texts[row - 1])
            lines[row - 1] += escape(texts[row - 1][column:stop])
            row, column = (row, stop) if row == end_row else (row + 1, 0)

    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind, colour = _style(token, scheme)
        if not token.string.strip() or not kind:
            continue
        copy_until(*token.start)
        pieces = token.string.split("\n")
        for offset, piece in enumerate(pieces):
            lines[row - 1 + offset] += f'<span class="vit-{kind}" style="color:{colour}">{escape(piece)}</span>'
        row, column = token.end
    copy_until(len(texts), len(texts[-1]))
    return tuple(lines)


def _style(token: tokenize.TokenInfo, scheme: Scheme) -> tuple[str, str]:
    """The class and colour of a token; two empty strings for one in the page's ink."""
    if token.type == tokenize.NAME and (quantity := QUANTITY_OF_NAME.get(token.string)):
        return "quantity", QUANTITIES[quantity].colour(scheme)
    if token.type == tokenize.NAME and keyword.iskeyword(token.string):
        return "keyword", INK["keyword"][scheme]
    if token.type == tokenize.STRING:
        return "string", INK["string"][scheme]
    if token.type == tokenize.COMMENT:
        return "comment", INK["comment"][scheme]
    return "", ""
