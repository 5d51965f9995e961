"""A head replaced on trained weights, beside the same sizes from scratch."""

from explainer.lessons import LESSONS
from pages.blocks import show_head, show_neighbours

lesson = LESSONS["transfer"]
show_head(lesson)
show_neighbours(lesson)
