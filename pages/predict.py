"""Own pictures, one or many, and the test pictures a model gets most wrong."""

from explainer.lessons import LESSONS
from pages.blocks import show_head, show_neighbours

lesson = LESSONS["predict"]
show_head(lesson)
show_neighbours(lesson)
