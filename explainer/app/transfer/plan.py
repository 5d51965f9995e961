"""The number of classes of the chosen data, and the parts of the model that learn."""

from explainer.app.canvas import show as show_canvas
from explainer.app.data.datasets import inspection
from explainer.app.kept import kept_view
from explainer.app.transfer.comparison import Plan
from explainer.course.model_parts import model_parts
from explainer.views.course import transfer
from explainer.views.course.transfer import TRANSFER
from vit_core.training.data.datasets import Dataset


def class_count(data: Dataset | None) -> int:
    """The classes of the data; three, as in the course, as long as none is chosen."""
    names = inspection(data).class_names if data else ()
    return len(names) if len(names) > 1 else 3


def show_plan(plan: Plan, classes: int) -> None:
    """The parts of the model that learn."""
    recipe = plan.recipe(TRANSFER)
    key = ("learning_parts", str(recipe), classes)
    parts = model_parts(recipe, classes)
    show_canvas(kept_view(key, lambda: transfer.learning_parts(parts, classes)), key="transfer_parts")
