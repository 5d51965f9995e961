"""What a browser fetches of a step: its view as bytes, or its mathematics as HTML. Made once for everybody."""

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from explainer import links
from explainer.app.kept import kept, kept_large, kept_view
from explainer.app.server import tensor_route
from explainer.app.session import Session, proof
from explainer.app.state import State
from explainer.app.steps import choosing
from explainer.app.steps.exports import TENSORS_PATH
from explainer.links import Link
from explainer.packing import digest, pack
from explainer.panels import View
from explainer.stages import STAGES, Stage
from explainer.steps.forward_pass import STEPS
from explainer.steps.rendering import mathematics_of, tensor_table
from explainer.steps.step import Reads, Step
from explainer.tensors import TensorRow, describe
from explainer.views.compose import explained

Kind = Literal["view", "mathematics"]
TENSORS = "tensors"  # the part of a page that is no step: the table of its tensors
SIDEBAR = "sidebar"
CHOOSING: Mapping[str, tuple[Callable[[Session], View], Reads]] = {
    "image": (choosing.image, frozenset({"token"})),
    "gallery": (choosing.gallery, frozenset()),
}
MEDIA_TYPES: Mapping[Kind, str] = {"view": "application/octet-stream", "mathematics": "text/html; charset=utf-8"}


@dataclass(frozen=True)
class Packet:
    """Bytes that are the same for everybody with the same choice."""

    data: bytes
    compressed: bytes
    name: str  # digest of the data
    media_type: str


def reads_of(stage: Stage, step: Step, kind: Kind) -> Reads:
    """What of the choice a part of a step depends on, besides the image and the checkpoint."""
    if kind == "view":
        assert step.picture is not None
        return step.picture.reads
    return layer_of(stage)


def find_step(page: str, slug: str) -> Step:
    """A step by its page and name.

    Raises:
        LookupError: if there is none; one sentence.
    """
    if page not in STEPS:
        raise LookupError(f"There is no page of steps called {page[:40]!r}. There are {', '.join(STEPS)}.")
    found = {step.slug: step for step in STEPS[page]}
    if slug not in found:
        raise LookupError(f"The page {page!r} has no step {slug[:40]!r}. It has {', '.join(found)}.")
    return found[slug]


def find_picture(page: str, slug: str) -> Step:
    """A step that has a picture.

    Raises:
        LookupError: if there is none; one sentence.
    """
    step = find_step(page, slug)
    if step.picture is None:
        raise LookupError(f"The step {slug!r} has no picture.")
    return step


def view_of(page: str, step: Step, session: Session) -> View:
    """The picture of a step, which is the same for everybody whose choice is the same in what it reads."""
    picture = step.picture
    assert picture is not None
    key = ("step", page, step.slug, *_choice(session, picture.reads))
    return kept_view(key, lambda: exact_view(step, _only(session, picture.reads)))


def exact_view(step: Step, session: Session) -> View:
    """The picture of a step, made anew for all of a choice."""
    picture = step.picture
    assert picture is not None
    return explained(links.linked(picture.make(session), picture.name), session.layer)


def _only(session: Session, reads: Reads) -> Session:
    """The session with everything else as it is at first."""
    first = State(session.state.picture, session.state.checkpoint)
    kept_names = {name: getattr(session.state, name) for name in reads}
    return replace(session, state=replace(first, **kept_names))


def mathematics(page: str, step: Step, session: Session) -> str:
    """What stands next to the picture of a step."""
    stage = STAGES[page]
    return mathematics_of(step, session, rows_of(stage, session), [proof(session, claim) for claim in step.claims])


def tensors_of(page: str, session: Session, files: str = "") -> str:
    """The tensors of a stage as a table; ``files`` is the address of their files, where there is a server."""
    return tensor_table(rows_of(STAGES[page], session), files)


def rows_of(stage: Stage, session: Session) -> list[tuple[TensorRow, Link]]:
    """The tensors of a stage, and their links."""
    layer = session.layer if stage.uses_layer else 1
    rows: list[TensorRow] = kept(
        ("tensors", stage.name, session.state.checkpoint, session.state.picture, layer),
        lambda: [describe(session.model, session.trace, session.block, each, session.layer) for each in stage.tensors],
    )
    return list(zip(rows, map(links.of_tensor, stage.tensors), strict=True))


def choosing_view(slug: str, session: Session) -> View:
    """A picture of the sidebar."""
    make, reads = CHOOSING[slug]
    return kept_view((SIDEBAR, slug, *_choice(session, reads)), lambda: make(session))


def packet(page: str, slug: str, kind: Kind, session: Session) -> Packet:
    """The bytes of a part of a page.

    Raises:
        LookupError: if there is no such part; one sentence.
    """
    if page == SIDEBAR and kind == "view" and slug in CHOOSING:
        return _kept(page, slug, kind, session, CHOOSING[slug][1], lambda: _packed(choosing_view(slug, session)))

    def make_table() -> bytes:
        return tensors_of(page, session, f"{TENSORS_PATH}/{page}").encode()

    if page in STEPS and slug == TENSORS and kind == "mathematics":
        return _kept(page, slug, kind, session, layer_of(STAGES[page]), make_table)
    step = find_picture(page, slug) if kind == "view" else find_step(page, slug)
    reads = reads_of(STAGES[page], step, kind)
    if kind == "view":
        return _kept(page, slug, kind, session, reads, lambda: _packed(view_of(page, step, session)))
    return _kept(page, slug, kind, session, reads, lambda: mathematics(page, step, session).encode())


def _kept(page: str, slug: str, kind: Kind, session: Session, reads: Reads, make: Callable[[], bytes]) -> Packet:
    def compress() -> tuple[Packet, int]:
        data = make()
        made = Packet(data, gzip.compress(data, compresslevel=1, mtime=0), digest(data), MEDIA_TYPES[kind])
        return made, len(made.data) + len(made.compressed)

    found: Packet = kept_large(("packet", page, slug, kind, *_choice(session, reads)), compress)
    return found


def _packed(view: View) -> bytes:
    return pack(view, keep=tensor_route.keep, offer=tensor_route.offer)


def layer_of(stage: Stage) -> Reads:
    """The layer, if what stands next to the pictures of a stage depends on it."""
    return frozenset({"layer"}) if stage.uses_layer else frozenset()


def _choice(session: Session, reads: Reads) -> tuple[str | int, ...]:
    """What a part depends on, as a key."""
    values: Mapping[str, int] = {"layer": session.layer, "head": session.head, "token": session.token}
    return (session.state.checkpoint, session.state.picture, *(values[name] for name in sorted(reads)))
