"""What an accuracy means: the course's published run, taken apart."""

from explainer.lessons import LESSONS
from pages.blocks import show_head, show_neighbours

lesson = LESSONS["metric"]
show_head(lesson)
show_neighbours(lesson)
