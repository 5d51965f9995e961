"""The pages beside the stages: from pictures to a model of one's own, hands on, and tools for one's own model."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Lesson:
    """One page about training, or one where the reader takes a model in hand. Its page and text have its name."""

    name: str
    title: str
    chapter: str  # what it covers, for example sections of the course chapter, as the page prints it
    uses_layer: bool = False  # whether the chosen layer and head change what it shows

    @property
    def group(self) -> "dict[str, Lesson]":
        """The pages that it stands among."""
        return next(group for group in (LESSONS, HANDS_ON, TOOLS) if self.name in group)

    @property
    def previous(self) -> "Lesson | None":
        """The lesson before, None for the first."""
        index = list(self.group).index(self.name)
        return list(self.group.values())[index - 1] if index else None

    @property
    def next(self) -> "Lesson | None":
        """The lesson after, None for the last."""
        lessons = list(self.group.values())
        index = lessons.index(self) + 1
        return lessons[index] if index < len(lessons) else None


LESSONS: dict[str, Lesson] = {
    lesson.name: lesson
    for lesson in (
        Lesson("data", "Data", "course, sections 1 and 2"),
        Lesson("train", "Train", "course, section 9"),
        Lesson("metric", "Metric", "course, sections 9.3 and 9.5"),
        Lesson("transfer", "Transfer", "course, section 10"),
        Lesson("predict", "Predict", "course, section 11"),
        Lesson("epochs", "Epochs", "epoch by epoch", uses_layer=True),
        Lesson("exercises", "Exercises", "course, exercises", uses_layer=True),
    )
}

HANDS_ON: dict[str, Lesson] = {
    lesson.name: lesson
    for lesson in (
        Lesson("walk", "Step through", "pixels to prediction", uses_layer=True),
        Lesson("what_if", "What if", "change the forward pass", uses_layer=True),
        Lesson("compare", "Compare", "two of anything, one scale", uses_layer=True),
    )
}

_TOOLS: tuple[Lesson, ...] = (
    Lesson("shapes", "Shapes", "every operation, from image to logits"),
    Lesson("break_it", "Break it", "predict, run, fix"),
    Lesson("doctor", "Checkpoint doctor", "anybody's weights"),
)
TOOLS: dict[str, Lesson] = {lesson.name: lesson for lesson in _TOOLS}
