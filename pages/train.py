"""Train a model: choose pictures and a recipe, start, watch, stop, go on."""

from explainer.lessons import LESSONS
from pages.blocks import show_head, show_neighbours

lesson = LESSONS["train"]
show_head(lesson)
show_neighbours(lesson)
