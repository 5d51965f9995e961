"""A page of steps as one file, for a choice that the browser names."""

from dataclasses import replace

from explainer.app.saved_page import described
from explainer.app.session import Session
from explainer.app.steps import packets
from explainer.export.saved_parts import Markup, Part, Words
from explainer.html_export import export_html
from explainer.menu import PAGES
from explainer.stages import Stage
from explainer.steps.forward_pass import STEPS
from explainer.steps.rendering import code_of, folded, frame_of
from explainer.texts import text


def page_file(page: str, moment: Session, address: str) -> str:
    """The HTML of a page with all its steps.

    Raises:
        LookupError: if there is no such page; one sentence.
    """
    if page not in STEPS:
        raise LookupError(f"There is no page of steps called {page[:40]!r}.")
    stage = PAGES[page]
    parts: list[Part] = [Words(text(page).summary)]
    for number, step in enumerate(STEPS[page], 1):
        views = [packets.exact_view(step, moment, "view")] if step.picture else []
        views += [packets.exact_view(step, moment, "result")] if step.result else []
        parts.append(Markup(frame_of(stage, step, number, packets.mathematics(page, step, moment)), tuple(views)))
    if isinstance(stage, Stage) and stage.tensors:
        parts.append(Markup(folded("All tensors of this stage", packets.tensors_of(page, moment))))
    if isinstance(stage, Stage):
        parts.append(Markup(folded("The code of this stage", code_of(stage))))
    return export_html(replace(described(stage, moment, address), parts=tuple(parts)))
