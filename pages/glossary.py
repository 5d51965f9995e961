"""Every letter, every term, the four equations in words, and how to read a paper like this one."""

import streamlit as st

from explainer import links
from explainer.app import saved_page
from explainer.app.blocks import scheme, show_head, show_link, show_neighbours, show_section, show_words
from explainer.app.session import current
from explainer.app.symbol_table import symbol_lines
from explainer.export.saved_parts import Mathematics, Words
from explainer.notation.equations import EQUATIONS
from explainer.stages import STAGES
from explainer.texts import text

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
