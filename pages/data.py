"""The pictures to learn from: how many, what they look like, and what the model gets to see of them."""

from explainer.lessons import LESSONS
from pages.blocks import show_head, show_neighbours

lesson = LESSONS["data"]
show_head(lesson)
show_neighbours(lesson)
