"""The pages next to the stages: from pictures to a model of your own, hands on, and tools for your model."""

from dataclasses import dataclass

from explainer.stages import Page


@dataclass(frozen=True)
class Lesson(Page):
    """One page about training, or one where the reader takes a model in hand."""

    about: str  # what it covers, for example sections of the course chapter, as the page prints it


LESSONS: dict[str, Lesson] = {
    lesson.name: lesson
    for lesson in (
        Lesson("data", "Data", "photo_library", "course, sections 1 and 2", uses=()),
        Lesson("train", "Train", "model_training", "course, section 9", uses=()),
        Lesson("metric", "Metric", "troubleshoot", "course, sections 9.3 and 9.5", uses=()),
        Lesson("transfer", "Transfer", "swap_horiz", "course, section 10", uses=()),
        Lesson("predict", "Predict", "online_prediction", "course, section 11", uses=("image", "checkpoint")),
        Lesson("epochs", "Epochs", "history", "epoch by epoch", uses_layer=True, uses=("image", "token")),
        Lesson(
            "exercises", "Exercises", "exercise", "course, exercises", uses_layer=True, uses=("image", "checkpoint")
        ),
    )
}

HANDS_ON: dict[str, Lesson] = {
    lesson.name: lesson
    for lesson in (
        Lesson("walk", "Step through", "play_circle", "pixels to prediction", uses_layer=True),
        Lesson("what_if", "What if", "experiment", "change the forward pass", uses_layer=True),
        Lesson("compare", "Compare", "compare", "two of anything, one scale", uses_layer=True),
    )
}

TOOLS: dict[str, Lesson] = {
    lesson.name: lesson
    for lesson in (
        Lesson("shapes", "Shapes", "straighten", "every operation, from image to logits", uses=("checkpoint",)),
        Lesson("break_it", "Break it", "bug_report", "predict, run, fix", uses=()),
        Lesson("doctor", "Checkpoint doctor", "stethoscope", "anybody's weights", uses=("checkpoint",)),
    )
}
