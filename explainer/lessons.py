"""The second half of the toolkit in its order: from a folder of pictures to a model of one's own, and why it works."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Lesson:
    """One page about training. Its name is also that of its page and of its text."""

    name: str
    title: str
    chapter: str  # the sections of the course chapter that it covers, as the page prints them

    @property
    def previous(self) -> "Lesson | None":
        """The lesson before, None for the first."""
        index = list(LESSONS).index(self.name)
        return list(LESSONS.values())[index - 1] if index else None

    @property
    def next(self) -> "Lesson | None":
        """The lesson after, None for the last."""
        lessons = list(LESSONS.values())
        index = lessons.index(self) + 1
        return lessons[index] if index < len(lessons) else None


LESSONS = {
    lesson.name: lesson
    for lesson in (
        Lesson("data", "Data", "course, sections 1 and 2"),
        Lesson("train", "Train", "course, section 9"),
        Lesson("metric", "Metric", "course, sections 9.3 and 9.5"),
        Lesson("transfer", "Transfer", "course, section 10"),
        Lesson("predict", "Predict", "course, section 11"),
        Lesson("epochs", "Epochs", "epoch by epoch"),
        Lesson("exercises", "Exercises", "course, exercises"),
    )
}
