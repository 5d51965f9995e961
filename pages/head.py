"""Eq. 4: from the class token to a prediction."""

import streamlit as st

from explainer import links
from explainer.app.blocks import scheme, show_accuracy, show_formula, show_link, show_section, show_stage, show_view
from explainer.app.session import current
from explainer.notation.equations import EQUATIONS
from explainer.stages import Stage
from explainer.views import head

session = current()
model, trace, labels = session.model, session.trace, session.checkpoint.labels


def pictures(stage: Stage) -> None:
    """y, the logits, the softmax, the winner's terms, and the pseudocode."""
    show_section(stage, "representation")
    show_formula("layer_norm")
    show_view("representation", lambda: head.representation(trace))
    show_section(stage, "logits")
    show_formula("head" if session.config.representation_size is None else "head_pre_logits")
    winner = int(trace.logits.argmax())
    show_view(
        "logit_terms",
        lambda: head.logit_terms(
            model.head.inputs(trace.representation),
            model.head.linear.weight,
            model.head.linear.bias,
            trace.logits,
            winner,
            labels[winner],
            reads="representation" if model.head.pre_logits is None else "head_inputs",
        ),
    )
    show_section(stage, "softmax")
    show_formula("softmax_logits")
    show_view("softmax", lambda: head.softmax_steps(trace.logits, labels))
    show_section(stage, "prediction")
    show_view("top_classes", lambda: head.top_classes(trace.probabilities, labels))
    show_accuracy(session)
    show_section(stage, "pseudocode")
    for number in (1, 2, 3, 4):
        paper, code = st.columns([3, 2], vertical_alignment="center")
        with paper.container(key=f"equation_paper_{number}", gap="small"):
            show_link(f"Equation {number}", links.of_equation(EQUATIONS[number]), EQUATIONS[number].template)
            st.latex(EQUATIONS[number].coloured(scheme()))
        code.code(EQUATIONS[number].pseudocode, language="python", wrap_lines=True)


show_stage("head", session, pictures)
