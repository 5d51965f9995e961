"""The steps of Models and Glossary: what sizes cost, the paper's letters, words and equations, and how to read it."""

from explainer.notation.equations import EQUATIONS
from explainer.notation.mathml import html_of
from explainer.panels import View
from explainer.steps.step import Moment, Picture, Step
from explainer.steps.symbol_table import symbol_table
from explainer.table1 import table_of, variants
from explainer.views import models
from vit_core import count_parameters


def _counted(now: Moment) -> str:
    """Whether the model that is running has as many parameters as are counted from its sizes."""
    counted = count_parameters(now.config)["total"]
    held = sum(parameter.numel() for parameter in now.model.parameters())
    return (
        f"{'✓' if counted == held else '✗'} The model that is running has {held:,} parameters; counted from its sizes: "
        f"{counted:,}."
    )


def _cost(now: Moment) -> View:
    return models.cost_shares({row.name: row.config for row in variants()})


MODELS = (
    Step(
        "table",
        None,
        formulas=("parameters",),
        note=_counted,
        table=lambda now: html_of(table_of(variants())),
    ),
    Step("cost", Picture("cost_shares", _cost), is_wide=True),
)

GLOSSARY = (
    Step("layers", None, is_prose=True),
    Step("terms", None, is_prose=True),
    Step("symbols", None, is_prose=True, table=lambda now: symbol_table(now.config)),
    Step(
        "equations",
        None,
        is_prose=True,
        equations=tuple(EQUATIONS),
        claims=tuple(EQUATIONS),
        is_grouped=True,
        has_pseudocode=True,
    ),
    Step("reading", None, is_prose=True),
    Step("code", None, is_prose=True),
    Step("replicating", None, is_prose=True),
)
