"""Table 1: the sizes, what they cost, and the reader's own."""

from explainer.app.blocks import show_section
from explainer.app.model_sizes import own_sizes, show_own
from explainer.app.session import current
from explainer.app.steps.page import show_steps
from explainer.stages import STAGES


def show_own_sizes() -> None:
    """The reader types sizes, and the server counts."""
    session = current()
    show_section(STAGES["models"], "own")
    config = own_sizes(session.config)
    if config is not None:
        show_own(session, config)


show_steps("models", below=show_own_sizes)
