"""Table 1: the sizes, what they cost, and the reader's own."""

from explainer.app.blocks import (
    show_code,
    show_formula,
    show_head,
    show_neighbours,
    show_section,
    show_view,
    show_words,
)
from explainer.app.model_sizes import own_sizes, show_own, show_table
from explainer.app.session import current
from explainer.stages import STAGES
from explainer.table1 import variants
from explainer.views import models
from vit_core import count_parameters

session = current()
stage = STAGES["models"]
show_head(stage)
show_section(stage, "table")
show_formula("parameters")
show_table(list(variants()))
counted, held = (
    count_parameters(session.config)["total"],
    sum(parameter.numel() for parameter in session.model.parameters()),
)
show_words(
    f"{'✓' if counted == held else '✗'} The model that is running has **{held:,}** parameters; counted from its sizes: "
    f"**{counted:,}**."
)
show_section(stage, "cost")
show_view("cost_shares", lambda: models.cost_shares({row.name: row.config for row in variants()}))
show_section(stage, "own")
config = own_sizes(session.config)
if config is not None:
    show_own(session, config)
show_code(stage)
show_neighbours(stage)
