"""Every letter, every term, the four equations in words, and how to read a paper like this one."""

import streamlit as st

from explainer import links
from explainer.equations import EQUATIONS
from explainer.notation import value
from explainer.palette import QUANTITIES
from explainer.saved_parts import Mathematics, Words
from explainer.shapes import shape_of
from explainer.stages import STAGES
from explainer.symbols import SYMBOLS, Symbol
from explainer.texts import text
from pages import saved_page
from pages.blocks import scheme, show_head, show_link, show_neighbours, show_section, show_words
from pages.session import current
from vit_core import ViTConfig


def symbol_line(symbol: Symbol, config: ViTConfig) -> str:
    """A row of the table of symbols, with the shape that it has in the chosen model."""
    latex = symbol.latex
    if symbol.quantity is not None:
        latex = rf"\textcolor{{{QUANTITIES[symbol.quantity].colour(scheme())}}}{{{latex}}}"
    names = ", ".join(f"`{name}`" for name in symbol.code)
    return f"| ${latex}$ | {symbol.meaning} | {names} | {here(symbol, config)} |"


def here(symbol: Symbol, config: ViTConfig) -> str:
    """What the symbol is in the chosen model: a size, a shape, or nothing that could be said."""
    if symbol.axes:
        return shape_of(symbol.axes, config).named
    size = value(symbol.name, config)
    return "" if size is None else f"{size:,}"


session = current()
stage = STAGES["glossary"]
show_head(stage)
for slug in text(stage.name).sections:
    show_section(stage, slug)
    if slug == "equations":
        for equation in EQUATIONS.values():
            title = f"Equation {equation.number} · {equation.title} · {equation.source}"
            saved_page.note(Mathematics(title, equation, session.config, session.layer))
            with st.container(key=f"equation_{equation.number}", gap="small"):
                show_link(title, links.of_equation(equation))
                st.latex(equation.coloured(scheme()))
                st.latex(equation.with_numbers(session.config, scheme(), session.layer))
                show_words(equation.in_words)
                st.code(equation.pseudocode, language="python")
                saved_page.note(Words(f"```\n{equation.pseudocode}\n```"))
    if slug == "symbols":
        lines = ["| symbol | meaning | in the code | in this model |", "|---|---|---|---|"]
        show_words("\n".join(lines + [symbol_line(symbol, session.config) for symbol in SYMBOLS.values()]))
show_neighbours(stage)
