"""What a browser fetches of a step: its view as bytes, or its mathematics as HTML. Made once for everybody."""

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from explainer import links
from explainer.app import session as sessions
from explainer.app.kept import kept, kept_large, kept_view
from explainer.app.server import tensor_route
from explainer.app.session import Session
from explainer.app.state import State
from explainer.app.steps import choosing, own_choice
from explainer.app.steps.exports import TENSORS_PATH
from explainer.app.steps.moments import TENSORS as TENSORS_OF
from explainer.app.steps.moments import Changed, WithChoice, proofs_of
from explainer.links import Link
from explainer.menu import PAGES
from explainer.notation.wording import sentence
from explainer.packing import digest, pack
from explainer.panels import View
from explainer.stages import STAGES
from explainer.steps.forward_pass import STEPS
from explainer.steps.looking import drawn
from explainer.steps.rendering import mathematics_of
from explainer.steps.step import Reads, Step
from explainer.steps.tensor_table import tensor_table
from explainer.steps.what_if import CHANGES, answer_of
from explainer.tensors import TensorRow, describe

Kind = Literal["view", "result", "mathematics", "controls"]
TENSORS = "tensors"  # the part of a page that is no step: the table of its tensors
SIDEBAR = "sidebar"
CHOOSING: Mapping[str, tuple[Callable[[Session], View], Reads]] = {
    "image": (choosing.image, frozenset({"token"})),
    "plain_image": (partial(choosing.image, picks_token=False), frozenset()),
    "gallery": (choosing.gallery, frozenset()),
}
ANSWER = "answer"  # the part of What if that stays in sight
BYTES, HTML = "application/octet-stream", "text/html; charset=utf-8"


@dataclass(frozen=True)
class Packet:
    """Bytes that are the same for everybody with the same choice."""

    data: bytes
    compressed: bytes
    name: str  # digest of the data
    media_type: str


def reads_of(page: str, step: Step, kind: Kind) -> Reads:
    """What of the choice a part of a step depends on, besides the image and the checkpoint."""
    if kind == "controls":
        return step.controls_read
    if kind == "mathematics":
        return mathematics_reads(page)
    picture = step.picture if kind == "view" else step.result
    assert picture is not None
    return picture.reads


def mathematics_reads(page: str) -> Reads:
    """What stands next to the pictures of a page depends on the layer, where the page uses it, and on changes."""
    own = frozenset(own_choice.defaults(page))
    if page == "compare":  # a sentence of measurements stands there, too
        return own | {"layer", "head", "token"}
    return own & {"changes"} | ({"layer"} if PAGES[page].uses_layer else frozenset())


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


def find_part(page: str, slug: str, kind: Kind) -> Step:
    """A step that has a part of this kind.

    Raises:
        LookupError: if there is none; one sentence.
    """
    step = find_step(page, slug)
    parts: Mapping[Kind, object] = {"view": step.picture, "result": step.result, "controls": step.controls}
    if not parts.get(kind, True):
        raise LookupError(f"The step {slug!r} has no {'picture' if kind == 'view' else kind}.")
    return step


def view_of(page: str, step: Step, moment: Session, kind: Kind = "view") -> View:
    """A picture of a step, which is the same for everybody whose choice is the same in what it reads."""
    reads = reads_of(page, step, kind)
    key = ("step", page, step.slug, kind, *choice_of(moment, reads))
    return kept_view(key, lambda: exact_view(step, _only(page, moment, reads), kind))


def exact_view(step: Step, moment: Session, kind: Kind = "view") -> View:
    """A picture of a step, made anew for all of a choice."""
    picture = step.picture if kind == "view" else step.result
    assert picture is not None
    return drawn(picture, moment)


def _only(page: str, moment: Session, reads: Reads) -> Session:
    """The moment with everything else as it is at first."""
    state = moment.state
    kept_names = {name: getattr(state, name) for name in reads if hasattr(state, name)}
    state = replace(State(state.picture, state.checkpoint), **kept_names)
    if not isinstance(moment, WithChoice):
        return replace(moment, state=state)
    first = own_choice.defaults(page)
    own = {name: moment.own[name] if name in reads else first[name] for name in first}
    return replace(moment, state=state, own=own)


def mathematics(page: str, step: Step, moment: Session) -> str:
    """What stands next to the picture of a step."""
    proofs = [(claim, proof) for claim in step.claims for proof in proofs_of(moment, claim)]
    told = ""
    if step.is_told:  # by the pictures themselves, which are kept: they are not made a second time
        kinds: list[Kind] = ["view", "result"] if step.result else ["view"]
        told = " ".join(sentence(view_of(page, step, moment, kind).alt) for kind in kinds)
    return mathematics_of(step, moment, rows_of(page, moment), proofs, told)


def tensors_of(page: str, session: Session, files: str = "") -> str:
    """The tensors of a stage as a table; ``files`` is the address of their files, where there is a server."""
    return tensor_table(rows_of(page, session), files)


def rows_of(page: str, moment: Session) -> list[tuple[TensorRow, Link]]:
    """The tensors of a page, and their links."""
    tensors = dict.fromkeys(each for name in TENSORS_OF.get(page, (page,)) for each in STAGES[name].tensors)
    layer = moment.layer if PAGES[page].uses_layer else 1
    block = sessions.block(moment.state.checkpoint, moment.state.picture, layer)  # shapes are those without changes
    rows: list[TensorRow] = kept(
        ("tensors", page, moment.state.checkpoint, moment.state.picture, layer),
        lambda: [describe(moment.model, moment.trace, block, each, layer) for each in tensors],
    )
    return list(zip(rows, map(links.of_tensor, tensors), strict=True))


def choosing_view(slug: str, session: Session) -> View:
    """A picture of the sidebar."""
    make, reads = CHOOSING[slug]
    return kept_view((SIDEBAR, slug, *choice_of(session, reads)), lambda: make(session))


def packet(page: str, slug: str, kind: Kind, moment: Session) -> Packet:
    """The bytes of a part of a page.

    Raises:
        LookupError: if there is no such part; one sentence.
    """
    if page == SIDEBAR and kind == "view" and slug in CHOOSING:
        return _kept(page, slug, kind, moment, CHOOSING[slug][1], lambda: _packed(choosing_view(slug, moment)))
    if page in STAGES and page in STEPS and (slug, kind) == (TENSORS, "mathematics"):
        reads = mathematics_reads(page)
        return _kept(
            page, slug, kind, moment, reads, lambda: tensors_of(page, moment, f"{TENSORS_PATH}/{page}").encode()
        )
    if (slug, kind) == (ANSWER, "controls") and isinstance(moment, Changed):
        return _kept(page, slug, kind, moment, CHANGES, lambda: answer_of(moment).encode())
    step = find_part(page, slug, kind)
    reads = reads_of(page, step, kind)
    if kind in ("view", "result"):
        return _kept(page, slug, kind, moment, reads, lambda: _packed(view_of(page, step, moment, kind)))
    if kind == "mathematics":
        return _kept(page, slug, kind, moment, reads, lambda: mathematics(page, step, moment).encode())
    write = step.controls
    assert write is not None
    return _kept(page, slug, kind, moment, reads, lambda: write(_only(page, moment, reads)).encode())


def _kept(page: str, slug: str, kind: Kind, moment: Session, reads: Reads, make: Callable[[], bytes]) -> Packet:
    def compress() -> tuple[Packet, int]:
        data = make()
        media_type = BYTES if kind in ("view", "result") else HTML
        made = Packet(data, gzip.compress(data, compresslevel=1, mtime=0), digest(data), media_type)
        return made, len(made.data) + len(made.compressed)

    found: Packet = kept_large(("packet", page, slug, kind, *choice_of(moment, reads)), compress)
    return found


def _packed(view: View) -> bytes:
    return pack(view, keep=tensor_route.keep, offer=tensor_route.offer)


def choice_of(moment: Session, reads: Reads) -> tuple[str | int, ...]:
    """What a part depends on, as a key."""
    values: dict[str, str | int] = {"layer": moment.layer, "head": moment.head, "token": moment.token}
    if isinstance(moment, WithChoice):
        values |= moment.own
    return (moment.state.checkpoint, moment.state.picture, *(values[name] for name in sorted(reads)))
