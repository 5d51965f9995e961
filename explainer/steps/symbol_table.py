"""The table of the paper's symbols, with the value of each in the chosen model."""

from html import escape

from explainer import links
from explainer.notation.declared import shape_of
from explainer.notation.mathml import html_of, mathml
from explainer.notation.symbols import SYMBOLS, Symbol
from explainer.notation.templates import value
from explainer.palette import QUANTITIES
from vit_core import ViTConfig


def symbol_table(config: ViTConfig) -> str:
    """A row for each symbol, with the shape that it has in the chosen model, marked for what lights up with it."""
    head = "".join(f"<th>{name}</th>" for name in ("symbol", "meaning", "in the code", "in this model"))
    rows = "".join(_row(symbol, number == 0, config) for number, symbol in enumerate(SYMBOLS.values()))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(symbol: Symbol, is_first: bool, config: ViTConfig) -> str:
    latex = symbol.latex
    if symbol.quantity is not None:
        latex = rf"\textcolor{{{QUANTITIES[symbol.quantity].light}}}{{{latex}}}"
    meaning = html_of(symbol.meaning).strip().removeprefix("<p>").removesuffix("</p>")
    names = ", ".join(f"<code>{escape(name)}</code>" for name in symbol.code)
    # One stop of the Tab key for all rows: arrows go from row to row.
    mark = f'<span tabindex="{0 if is_first else -1}" {links.of_symbol(symbol.name).attributes}>{meaning}</span>'
    return f"<tr><td>{mathml(latex)}</td><td>{mark}</td><td>{names}</td><td>{escape(here(symbol, config))}</td></tr>"


def here(symbol: Symbol, config: ViTConfig) -> str:
    """The symbol in the chosen model: a size, a shape, or empty."""
    if symbol.axes:
        return shape_of(symbol.axes, config).named
    size = value(symbol.name, config)
    return "" if size is None else f"{size:,}"
