r"""Words and equations as HTML that needs no script: Markdown with ``$...$``, and LaTeX as MathML.

What comes in may be anybody's: HTML in it is shown as text, pictures from elsewhere are left out, and a link leads to
a web page or nowhere. The colours of quantities become those of the reader's scheme.
"""

import re
from collections.abc import Mapping, MutableMapping, Sequence
from functools import cache
from html import escape
from typing import Any
from xml.etree import ElementTree

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from explainer.notation.excerpts import INK
from explainer.palette import QUANTITIES, TEXT

_PAIRS = [(quantity.light, quantity.dark) for quantity in QUANTITIES.values()]
_PAIRS += [(ink["light"], ink["dark"]) for ink in (*INK.values(), TEXT)]

_BOTH = {colour: pair for pair in _PAIRS for colour in pair}  # what a colour of one scheme is in light and in dark
_NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
_OPERATOR = re.compile(r"<mo>([A-Za-z]{2,})</mo>")  # "softmax" is a name; as an operator it would stand apart
_INLINE_COLOUR = re.compile(r'(?:mathcolor="|style="color:\s*)(#[0-9a-f]{6})"')


@cache
def mathml(latex: str, display: bool = False) -> str:
    """LaTeX as a MathML element, on a line of its own if ``display``; what cannot be read stays as it is."""
    # The converter knows the rows of align*, not those of aligned, and no extra room between them.
    rows = latex.replace("{aligned}", "{align*}").replace(r"\\[4pt]", r"\\")
    try:
        converted = convert(rows, display="block" if display else "inline")
        _check(converted)
    except Exception:  # the converter has errors of many kinds for what is no LaTeX
        return f"<code>{escape(latex)}</code>"
    return both_schemes(_OPERATOR.sub(r"<mi>\1</mi>", converted))


def _check(mathml: str) -> None:
    """The converter escapes nothing: refuse what would be more than formulas.

    Raises:
        ValueError: if there is an element that is no MathML, or an attribute that does something.
    """
    for element in ElementTree.fromstring(mathml).iter():
        if not element.tag.startswith(_NAMESPACE):
            raise ValueError(f"{element.tag} is no element of MathML")
        if wrong := [name for name in element.attrib if name.startswith(("on", "style", "href", "src", "{"))]:
            raise ValueError(f"attributes that formulas do not need: {wrong}")


def both_schemes(html: str) -> str:
    """HTML or MathML with the colours of a scheme, each now the one that it is in the reader's scheme."""

    def colours(match: re.Match[str]) -> str:
        light, dark = _BOTH.get(match[1], (match[1], match[1]))
        return f'style="color:light-dark({light},{dark})"'

    return _INLINE_COLOUR.sub(colours, html)


def html_of(markdown: str) -> str:
    """Markdown, with tables and ``$...$``, as HTML."""
    return str(_parser().render(markdown))


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    parser.inline.ruler.before("escape", "mathematics", _read_mathematics)
    parser.add_render_rule("mathematics", _write_mathematics)
    return parser


def _read_mathematics(state: StateInline, silent: bool) -> bool:
    """From a dollar sign to the next, if there is something between that does not begin or end with a space."""
    start = state.pos + 1
    end = state.src.find("$", start)
    if state.src[state.pos] != "$" or end < 0 or not (latex := state.src[start:end]) or latex != latex.strip():
        return False
    if not silent:
        state.push("mathematics", "", 0).content = latex
    state.pos = end + 1
    return True


def _write_mathematics(
    renderer: Any, tokens: Sequence[Token], index: int, options: Mapping[str, Any], env: MutableMapping[str, Any]
) -> str:
    return mathml(tokens[index].content)
