"""A page of steps as files, for a choice that the browser names: all of it, a figure for print, its tensors."""

import hashlib
import io
from dataclasses import replace
from typing import Literal

from explainer import figures
from explainer.app.kept import kept_large
from explainer.app.numbers.passes import reproduction_of
from explainer.app.server import tensor_route
from explainer.app.server.uploads import picture_source
from explainer.app.session import Session
from explainer.app.steps import packets
from explainer.app.steps.packets import Kind
from explainer.export.saved_parts import Markup, Part, SavedPage, Words
from explainer.export.tensor_files import FoundTensor, TensorFormat, tensor_file
from explainer.gallery import GALLERY
from explainer.html_export import export_html
from explainer.menu import PAGES
from explainer.panels import View
from explainer.stages import STAGES, Page, Stage
from explainer.steps.forward_pass import STEPS
from explainer.steps.rendering import code_of, folded, frame_of
from explainer.tensors import find
from explainer.texts import text
from vit_core.allowance import allow_memory

PrintFormat = Literal["svg", "pdf"]
COPIES = 3  # of the tensors, while their file is made: stacked, in a row, as bytes


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
    return export_html(replace(_described(stage, moment, address), parts=tuple(parts)))


def _described(stage: Page, session: Session, address: str) -> SavedPage:
    """The file of a page without its parts: what its numbers belong to, and where it came from."""
    layer = f"layer {session.layer}, head {session.head}, " if stage.uses_layer else ""
    picture = GALLERY.get(session.state.picture)
    title = picture.title if picture else "An image of your own"
    model = session.checkpoint
    return SavedPage(
        stage.title,
        (),
        "ViT explainer",
        f"{title} · {model.name} · {layer}token {session.token}",
        (
            f"Image: {title}. {picture.credit}." if picture else f"Image: {title}.",
            f"Model: {model.description or model.name}." + (f" Licence: {model.licence}." if model.licence else ""),
        ),
        address,
    )


def step_figure(
    page: str, slug: str, kind: Kind, moment: Session, panel: int | None, file_format: PrintFormat
) -> bytes:
    """A picture of a step as Matplotlib draws it, or one of its panels, by its number from 0.

    Raises:
        LookupError: if there is no such page, step or panel; one sentence.
    """
    if page == packets.SIDEBAR and slug in packets.CHOOSING:
        view = packets.choosing_view(slug, moment)
        return _drawn(view, (page, slug, *moment.choice), panel, file_format)
    step = packets.find_part(page, slug, kind)
    picture = step.picture if kind == "view" else step.result
    assert picture is not None
    key = (page, slug, kind, *packets.choice_of(moment, picture.reads | picture.follows))
    return _drawn(packets.exact_view(step, moment, kind), key, panel, file_format)


def view_figure(name: str, panel: int | None, file_format: PrintFormat) -> bytes:
    """The same of a view that another page shows, by the name under which it is offered.

    Raises:
        LookupError: if it is gone, or has no such panel; one sentence.
    """
    return _drawn(tensor_route.offered_view(name), (name,), panel, file_format)


def _drawn(view: View, key: tuple[str | int, ...], panel: int | None, file_format: PrintFormat) -> bytes:
    if panel is not None and panel >= len(view.panels):
        raise LookupError(f"The picture has the panels 0 to {len(view.panels) - 1}, asked for: {panel}.")

    def draw() -> tuple[bytes, int]:
        buffer = io.BytesIO()
        figures.save(view, buffer, file_format, alone=panel)
        return buffer.getvalue(), buffer.tell()

    drawn: bytes = kept_large(("figure", file_format, str(panel), *key), draw)
    return drawn


def tensors_file(page: str, name: str | None, file_format: TensorFormat, session: Session) -> bytes:
    """A tensor of a page's table by its key, or all of them.

    Raises:
        LookupError: if there is no such page or tensor; one sentence.
        ValueError: if the format cannot hold them, or they need too much memory; one sentence.
    """
    stage = _stage(page)
    rows = zip(stage.tensors, packets.rows_of(page, session), strict=True)
    chosen = [(reference, row) for reference, (row, _) in rows if name in (None, row.key)]
    if not chosen:
        keys = ", ".join(each.key for each in stage.tensors)
        raise LookupError(f"The page {page!r} has no tensor {str(name)[:60]!r}. It has {keys}.")
    size = sum(row.bytes for _, row in chosen)
    allow_memory(f"a file of {size / 1e6:,.0f} MB of tensors", COPIES * size, "keep them one by one, or use Python")
    found = [
        FoundTensor(row, find(session.model, session.trace, session.block, reference, session.layer)[1])
        for reference, row in chosen
    ]
    choice = session.state
    facts = {
        "checkpoint": choice.checkpoint,
        "image": choice.picture,
        "image_sha256": hashlib.sha256(picture_source(choice.picture)).hexdigest(),
    }
    if stage.uses_layer:
        facts["layer"] = str(session.layer)
    return tensor_file(found, file_format, reproduction_of(choice.checkpoint, choice.picture), session.layer, facts)


def _stage(page: str) -> Stage:
    if page not in STEPS or page not in STAGES:
        raise LookupError(f"There is no page with a table of tensors called {page[:40]!r}.")
    return STAGES[page]
