"""Two of anything side by side: images, checkpoints, layers, heads, with and without a change."""

from explainer.app.blocks import show_neighbours
from explainer.app.steps.page import show_steps
from explainer.lessons import HANDS_ON

show_steps("compare")
show_neighbours(HANDS_ON["compare"])
