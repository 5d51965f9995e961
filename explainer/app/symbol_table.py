"""The table of the paper's symbols, with the value of each in the chosen model."""

from collections.abc import Iterator

from explainer import links
from explainer.app.blocks import scheme
from explainer.notation.declared import shape_of
from explainer.notation.symbols import SYMBOLS, Symbol
from explainer.notation.templates import value
from explainer.palette import QUANTITIES
from vit_core import ViTConfig


def symbol_lines(config: ViTConfig, is_marked: bool) -> Iterator[str]:
    """The table of symbols, with the shape that each has in the chosen model; marked for what lights up with it."""
    yield from ("| symbol | meaning | in the code | in this model |", "|---|---|---|---|")
    for number, symbol in enumerate(SYMBOLS.values()):
        latex, meaning = symbol.latex, symbol.meaning
        if symbol.quantity is not None:
            latex = rf"\textcolor{{{QUANTITIES[symbol.quantity].colour(scheme())}}}{{{latex}}}"
        if is_marked:  # one stop of the Tab key for all rows: arrows go from row to row
            attributes = links.of_symbol(symbol.name).attributes
            meaning = f'<span tabindex="{-1 if number else 0}" {attributes}>{meaning}</span>'
        names = ", ".join(f"`{name}`" for name in symbol.code)
        yield f"| ${latex}$ | {meaning} | {names} | {here(symbol, config)} |"


def here(symbol: Symbol, config: ViTConfig) -> str:
    """The symbol in the chosen model: a size, a shape, or empty."""
    if symbol.axes:
        return shape_of(symbol.axes, config).named
    size = value(symbol.name, config)
    return "" if size is None else f"{size:,}"
