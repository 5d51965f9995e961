"""Equations as MathML whose symbols can be lit one by one: each is a row that carries its name and its quantity.

Made of the same templates as the LaTeX (``explainer.notation.templates``), so an equation is still written once.
Every browser draws MathML by itself, offline, and reads it aloud; whoever shows it gives each symbol its quantity's
colour.
"""

import re
from html import escape

from explainer.notation.symbols import SYMBOLS

NAMESPACE = "http://www.w3.org/1998/Math/MathML"

_SYMBOL = re.compile(r"<([^<>:!#]+)(?::([^<>]*))?>")
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[0-9]+|\s+|.")
_LETTERS = {
    "gamma": "γ",
    "beta": "β",
    "mu": "μ",
    "sigma": "σ",
    "epsilon": "ε",
    "Phi": "Φ",
    "pi": "π",
    "ell": "ℓ",
}
_OPERATORS = {
    "cdot": "·",
    "cdots": "⋯",
    "ldots": "…",
    "times": "×",
    "in": "∈",
    "to": "→",
    "odot": "⊙",
    "top": "⊤",
    "sum": "∑",
    "approx": "≈",
    "lVert": "‖",
    "rVert": "‖",
}
_FUNCTIONS = ("exp", "cos", "tanh", "operatorname", "text", "mathrm")
_SPACES = {",": "0.17em", ";": "0.28em", "quad": "1em", "qquad": "1.6em"}
_SIZED = ("left", "right", "Big", "big")


def equation_markup(template: str) -> str:
    """The MathML of a template of ``explainer.notation.templates`` without shapes and numbers.

    Raises:
        ValueError: if the template uses LaTeX that this does not know.
    """
    names: list[str] = []

    def mark(match: re.Match[str]) -> str:
        names.append(match[1])
        return rf"\symbol{{{len(names) - 1}}}{{{match[2] or SYMBOLS[match[1]].latex}}}"

    reader = _Reader(_TOKEN.findall(_SYMBOL.sub(mark, template)), names)
    return f'<math xmlns="{NAMESPACE}" display="block">{reader.row()}</math>'


class _Reader:
    """Reads LaTeX from left to right; every method returns the MathML of what it has read."""

    def __init__(self, tokens: list[str], names: list[str]) -> None:
        self.tokens = [token for token in tokens if not token.isspace()]
        self.names = names
        self.place = 0
        self.is_script = False

    def row(self, end: str | None = None) -> str:
        """Everything up to ``end``, which is read, too."""
        parts: list[str] = []
        while self.place < len(self.tokens):
            if self.tokens[self.place] == end:
                self.place += 1
                return _row(parts)
            parts.append(self.scripted())
        if end is not None:
            raise ValueError(f"expected {end!r} before the end of the equation")
        return _row(parts)

    def scripted(self) -> str:
        """One thing with what is lowered and raised behind it."""
        base, lowered, raised = self.atom(), "", ""
        while self.place < len(self.tokens) and self.tokens[self.place] in ("_", "^", "'"):
            sign = self.take()
            if sign == "_":
                lowered = self.script()
            else:
                raised = "<mo>′</mo>" if sign == "'" else self.script()
        if lowered and raised:
            return f"<msubsup>{base}{lowered}{raised}</msubsup>"
        if lowered:
            return f"<msub>{base}{lowered}</msub>"
        return f"<msup>{base}{raised}</msup>" if raised else base

    def script(self) -> str:
        """A subscript or superscript, in which signs stand close."""
        before, self.is_script = self.is_script, True
        written = self.atom()
        self.is_script = before
        return written

    def sign(self, text: str) -> str:
        """An operator, a bracket, a comma."""
        close = ' lspace="0" rspace="0"' if self.is_script else ""
        return f'<mo stretchy="false"{close}>{escape(text.replace("-", "−"))}</mo>'

    def atom(self) -> str:
        """One letter, number, sign or command, or a group in braces."""
        token = self.take()
        if token == "{":
            return self.row("}")
        if token.startswith("\\"):
            return self.command(token[1:])
        if token.isdigit():
            return f"<mn>{token}</mn>"
        if token.isalpha():
            return f'<mi mathvariant="normal" class="letter">{token}</mi>'
        return self.sign(token)

    def command(self, name: str) -> str:
        """A command and its arguments."""
        if name == "symbol":
            return self.symbol(self.names[int("".join(self.group()))])
        if name in ("mathbf", "boldsymbol"):
            letter = "".join(_LETTERS.get(token.removeprefix("\\"), token) for token in self.group())
            return f'<mi mathvariant="normal" class="bold">{letter}</mi>'
        if name == "mathbb" and self.group() == ["R"]:
            return '<mi mathvariant="normal">ℝ</mi>'
        if name in _FUNCTIONS:
            words = "".join(self.group()) if name in ("operatorname", "text", "mathrm") else name
            return f'<mi mathvariant="normal" class="upright">{escape(words)}</mi>'
        if name == "frac":
            return f"<mfrac>{self.atom()}{self.atom()}</mfrac>"
        if name == "sqrt":
            return f"<msqrt>{self.atom()}</msqrt>"
        if name == "tilde":
            return f'<mover accent="true">{self.atom()}<mo stretchy="false">˜</mo></mover>'
        if name in _SIZED:
            return self.sign(self.take())
        if name in _SPACES:
            return f'<mspace width="{_SPACES[name]}"/>'
        if name in _LETTERS:
            return f'<mi mathvariant="normal" class="letter">{_LETTERS[name]}</mi>'
        if name in _OPERATORS:
            return self.sign(_OPERATORS[name])
        raise ValueError(rf"cannot write \{name} in MathML: add it to explainer/notation/equation_markup.py")

    def symbol(self, name: str) -> str:
        """A symbol of the paper, as a row with its name."""
        quantity = SYMBOLS[name].quantity
        colour = f' data-quantity="{quantity}"' if quantity else ""
        return f'<mrow data-symbol="{escape(name)}"{colour}>{self.atom()}</mrow>'

    def group(self) -> list[str]:
        """The tokens of a group in braces that holds no other group."""
        if self.take() != "{":
            raise ValueError("expected a group in braces")
        start = self.place
        while self.take() != "}":
            pass
        return self.tokens[start : self.place - 1]

    def take(self) -> str:
        """The next token."""
        if self.place == len(self.tokens):
            raise ValueError("expected more before the end of the equation")
        self.place += 1
        return self.tokens[self.place - 1]


def _row(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"<mrow>{''.join(parts)}</mrow>"
