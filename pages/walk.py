"""The forward pass as a film, from pixels to prediction."""

from explainer.app.blocks import show_neighbours
from explainer.app.film import prepare
from explainer.app.session import current
from explainer.app.steps.page import show_steps
from explainer.lessons import HANDS_ON

prepare(current())
show_steps("walk")
show_neighbours(HANDS_ON["walk"])
