"""Equations as MathML whose symbols can be lit one by one: each is a row that carries its name and its quantity.

Made of the same templates as the LaTeX (``explainer.notation.templates``), so an equation is still written once.
Every browser draws MathML by itself, offline, and reads it aloud; whoever shows it gives each symbol its quantity's
colour.
"""

import re
from unicodedata import normalize
from xml.etree import ElementTree

from latex2mathml.converter import convert

from explainer.notation.symbols import SYMBOLS
from explainer.notation.templates import SYMBOL

NAMESPACE = "http://www.w3.org/1998/Math/MathML"
ElementTree.register_namespace("", NAMESPACE)

_CHILDREN = {"mfrac": 2, "msub": 2, "msup": 2, "mover": 2, "msubsup": 3, "munderover": 3}
_BOLD = "\N{MATHEMATICAL BOLD CAPITAL A}"  # the first of the letters that only mathematical fonts have


def equation_markup(template: str) -> str:
    """The MathML of a template of ``explainer.notation.templates`` without shapes and numbers.

    Raises:
        ValueError: if the template uses LaTeX that cannot be read.
    """
    names: list[str] = []

    def mark(match: re.Match[str]) -> str:
        """The symbol in a colour whose number is its place in ``names``: the converter leaves colours alone."""
        names.append(match[1])
        return rf"{{\textcolor{{#{len(names) - 1:06x}}}{{{match[3] or SYMBOLS[match[1]].latex}}}}}"

    # the converter takes \mathrm letter by letter, and \operatorname as one word
    latex = SYMBOL.sub(mark, template).replace(r"\mathrm", r"\operatorname")
    if latex.count("{") != latex.count("}"):
        raise ValueError("expected as many opening as closing braces in the equation")
    try:
        root = ElementTree.fromstring(convert(latex, display="block"))
    except Exception as error:  # the converter has errors of many kinds for what is no LaTeX
        raise ValueError(f"expected an equation in LaTeX, got {template!r}") from error
    for element in root.iter():
        _tidy(element)
        if colour := element.attrib.pop("mathcolor", ""):
            name = names[int(colour[1:], 16)]
            element.tag = f"{{{NAMESPACE}}}mrow"
            element.set("data-symbol", name)
            if quantity := SYMBOLS[name].quantity:
                element.set("data-quantity", quantity)
    return ElementTree.tostring(root, encoding="unicode")


def _tidy(element: ElementTree.Element) -> None:
    """Letters as plain characters with a class, which any font has; signs that do not grow, and stand close in scripts.

    Raises:
        ValueError: if the converter has not understood what it converted.
    """
    kind = element.tag.partition("}")[2]
    if len(element) != _CHILDREN.get(kind, len(element)):
        raise ValueError(f"expected {_CHILDREN[kind]} parts of an {kind} in the equation, found {len(element)}")
    text = element.text or ""
    if text.startswith("\\"):
        raise ValueError(f"cannot write {text} in MathML")
    if kind == "mover":
        element.set("accent", "true")
    if kind in ("msub", "msup", "msubsup", "munderover"):
        for sign in (sign for script in element[1:] for sign in script.iter(f"{{{NAMESPACE}}}mo")):
            sign.attrib |= {"lspace": "0", "rspace": "0"}
    if kind not in ("mi", "mo", "mtext"):
        return
    letters = normalize("NFKC", text) if text > _BOLD else text
    if not "".join(letters.split()).isalpha():
        element.tag, element.text = f"{{{NAMESPACE}}}mo", text.replace("~", "˜")
        element.set("stretchy", "false")
        return
    is_bold = letters != text or element.get("mathvariant", "").startswith("bold")
    look = "bold" if is_bold else "upright" if kind == "mo" or len(letters) > 1 or letters == "ℝ" else "letter"
    element.tag, element.text = f"{{{NAMESPACE}}}mi", letters
    element.attrib = {"mathvariant": "normal", "class": look}
