"""Every letter, every term, the four equations in words, and how to read a paper like this one."""

from collections.abc import Iterator

import streamlit as st

from explainer import links
from explainer.app import saved_page
from explainer.app.blocks import scheme, show_head, show_link, show_neighbours, show_section, show_words
from explainer.app.session import current
from explainer.export.saved_parts import Mathematics, Words
from explainer.notation.declared import shape_of
from explainer.notation.equations import EQUATIONS
from explainer.notation.symbols import SYMBOLS, Symbol
from explainer.notation.templates import value
from explainer.palette import QUANTITIES
from explainer.stages import STAGES
from explainer.texts import text
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
                show_link(title, links.of_equation(equation), *equation.lines)
                st.latex(equation.coloured(scheme()))
                st.latex(equation.with_numbers(session.config, scheme(), session.layer))
                show_words(equation.in_words)
                st.code(equation.pseudocode, language="python")
                saved_page.note(Words(f"```\n{equation.pseudocode}\n```"))
    if slug == "symbols":
        saved_page.note(Words("\n".join(symbol_lines(session.config, is_marked=False))))
        with st.container(key="symbols"):
            table = "\n".join(symbol_lines(session.config, is_marked=True))
            st.markdown(table, unsafe_allow_html=True)  # the mark of each row; nothing in it is a reader's

show_neighbours(stage)
