"""The same picture through a run's saved epochs."""

from explainer.lessons import LESSONS
from pages.blocks import show_head, show_neighbours

lesson = LESSONS["epochs"]
show_head(lesson)
show_neighbours(lesson)
