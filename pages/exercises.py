"""The course's exercises, each of them running."""

from explainer.lessons import LESSONS
from pages.blocks import show_head, show_neighbours

lesson = LESSONS["exercises"]
show_head(lesson)
show_neighbours(lesson)
