"""Changes of one forward pass, clicked together, and their effects."""

from explainer.app.blocks import show_neighbours
from explainer.app.session import current
from explainer.app.steps.page import show_steps
from explainer.app.what_if import running
from explainer.lessons import HANDS_ON

show_steps("what_if")
running.show(current())
show_neighbours(HANDS_ON["what_if"])
