"""A page of steps: one element, in which the browser shows what its reader chooses."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import streamlit as st

from explainer.app import state
from explainer.app.blocks import show_head, show_neighbours
from explainer.app.foreign import plain
from explainer.app.server import tensor_route
from explainer.app.session import Session, current
from explainer.app.state import State
from explainer.app.steps import exports, own_choice, packets, route
from explainer.app.steps.moments import Changed, WithChoice, moment_of, opening_of
from explainer.app.tensor_maps import is_open, show_map
from explainer.components import core, steps_adapter, steps_loader
from explainer.lessons import Lesson
from explainer.menu import PAGES
from explainer.numbers.expressions import is_number
from explainer.packing import digest, header_of
from explainer.stages import STAGES, Stage
from explainer.steps.forward_pass import STEPS
from explainer.steps.rendering import code_of, folded, frame_of, words_of
from explainer.steps.step import HEAD_AND_TOKEN, Reads
from explainer.steps.what_if import CHANGES
from explainer.texts import text

_SAVE = (
    "One HTML file with the words, the equations, the figures that react to the mouse, the tensors, the code and the "
    "proof. It opens without this server and without a network."
)
ROOM = 24 * 1024  # characters of a header that goes before its view

# The scripts are fetched once per browser; only these lines travel with each page.
_core = core().encode()
_script = (
    f'const PATH = "{tensor_route.PATH}", EXACT_PATH = "{tensor_route.EXACT_PATH}", STEP_PATH = "{route.PATH}", '
    f'FIGURE_PATH = "{exports.FIGURE_PATH}", CHANGES_PATH = "{route.CHANGES_PATH}";\n'
    + steps_adapter()
    + f'\nconst loadCore = () => import(new URL("{tensor_route.url(digest(_core))}", appAddress()).href);\n'
).encode()
_component = st.components.v2.component(
    "vit_explainer.steps",
    html="<div data-steps></div>",
    js=f'const SCRIPT_PATH = "{tensor_route.url(digest(_script))}";\n' + steps_loader(),
    isolate_styles=False,
)


def show_steps(name: str, below: Callable[[], None] = lambda: None) -> None:
    """A whole page: its steps, and of a stage its tensors and its code; ``below`` them, what only a server can do."""
    page, session = PAGES[name], current()
    assert isinstance(page, Stage | Lesson)
    show_head(page)
    moment, problems = moment_of(name, session, own_choice.read(name, opening_of(name, session)))
    for sentence in problems:
        st.warning(plain(sentence))
    if isinstance(moment, WithChoice):
        own_choice.take(name, moment.own)
        own_choice.write(name)
    pictures = [step.picture for step in STEPS[name] if step.picture is not None]
    shown = [picture.reads | picture.follows for picture in pictures]
    bar = {
        "title": page.title,
        "steps": [{"slug": step.slug, "title": text(name).titles[step.slug]} for step in STEPS[name]],
        "uses": sorted(HEAD_AND_TOKEN.intersection(packets.mathematics_reads(name).union(*shown))),
    }
    show(name, moment, body(name, moment), parts(name, moment), bar)
    if isinstance(page, Stage):
        if page.tensors:
            show_map(page, session, [row for row, _ in packets.rows_of(name, session)])
        below()
        show_neighbours(page)


def show_choosing(session: Session, picks_token: bool) -> None:
    """The image and the gallery, in which a click chooses for the page of steps."""
    slugs = ("image" if picks_token else "plain_image", "gallery")
    html = "".join(f'<div class="vit-step-picture" data-view="{slug}"></div>' for slug in slugs)
    shown = [_view(packets.SIDEBAR, slug, packets.CHOOSING[slug][1], session) for slug in slugs]
    show(packets.SIDEBAR, session, html, shown)


def show(
    name: str, session: Session, html: str, shown: list[dict[str, Any]], bar: dict[str, Any] | None = None
) -> None:
    """The element; ``shown`` are the parts that the browser fetches anew when what they read is chosen."""
    for script in (_core, _script):
        tensor_route.keep(script, "text/javascript")  # it is in a bounded store
    config = session.config
    key = f"steps_{name}"

    own = own_choice.defaults(name)
    chosen = {name: session.own[name] for name in own} if isinstance(session, WithChoice) else {}

    def picked() -> None:
        if pick := _checked(st.session_state[key].get("pick"), own):
            own_choice.take(name, {each: str(value) for each, value in pick.items() if each in own})
            if pick.get("page") == "compare":
                own_choice.choose("compare", other_change=str(pick.get("changes", "")))
            state.pick({each: value for each, value in pick.items() if each not in own})

    _component(
        key=key,
        data={
            "page": name,
            "html": html,
            "parts": shown,
            "bar": bar,
            "choice": asdict(session.state) | chosen,
            "defaults": asdict(State()) | dict(own),
            "hasControls": bool(own),
            "sizes": {
                "layers": config.num_layers,
                "heads": config.num_heads,
                "tokens": config.num_tokens,
                "middle": replace(session, state=replace(session.state, token=None)).token,
            },
            "follows": state.asks_for_number() or is_open(name),
        },
        on_pick_change=picked,
    )


def body(name: str, moment: Session) -> str:
    """The page's steps; of a stage its tensors and its code; and the way to keep it."""

    def part(slug: str, kind: packets.Kind) -> str:
        return packets.packet(name, slug, kind, moment).data.decode()

    page = PAGES[name]
    frames = [
        frame_of(
            page, step, number, part(step.slug, "mathematics"), part(step.slug, "controls") if step.controls else ""
        )
        for number, step in enumerate(STEPS[name], 1)
    ]
    answer = ""
    if isinstance(moment, Changed):
        answer = f'<div class="vit-strip" data-controls="{packets.ANSWER}">{part(packets.ANSWER, "controls")}</div>'
    more = ""
    if isinstance(page, Stage) and page.tensors:
        table = f'<div data-mathematics="{packets.TENSORS}">{part(packets.TENSORS, "mathematics")}</div>'
        more = folded("All tensors of this stage", table)
    if isinstance(page, Stage):
        more += folded("The code of this stage", code_of(page))
    return (
        f'<div class="vit-summary">{words_of(text(name).summary)}</div>{answer}{"".join(frames)}{more}'
        f'<p class="vit-save"><a data-path="{route.PAGE_PATH}/{name}" download="vit-{name}.html" '
        f'title="{_SAVE}">Save this page</a></p>'
    )


def parts(name: str, moment: Session) -> list[dict[str, Any]]:
    """What the browser fetches, and the room that each view needs."""
    found = []
    for step in STEPS[name]:
        kinds: dict[packets.Kind, object] = {
            "view": step.picture,
            "mathematics": True,
            "result": step.result,
            "controls": step.controls,
        }
        for kind in (kind for kind, part in kinds.items() if part):
            reads = packets.reads_of(name, step, kind)
            found.append(
                _view(name, step.slug, reads, moment, kind)
                if kind in ("view", "result")
                else _part(step.slug, kind, reads)
            )
    if name in STAGES and STAGES[name].tensors:
        found.append(_part(packets.TENSORS, "mathematics", packets.mathematics_reads(name)))
    if isinstance(moment, Changed):
        found.append(_part(packets.ANSWER, "controls", CHANGES))
    return found


def _view(page: str, slug: str, reads: Reads, moment: Session, kind: packets.Kind = "view") -> dict[str, Any]:
    """A picture; its header, without numbers, tells the browser how much room it needs."""
    header = header_of(packets.packet(page, slug, kind, moment).data)
    return _part(slug, kind, reads, header if len(header) <= ROOM else "")


def _part(slug: str, kind: str, reads: frozenset[str], room: str = "") -> dict[str, Any]:
    return {"slug": slug, "kind": kind, "reads": sorted(reads), "room": room}


def _checked(pick: Any, own: Mapping[str, str]) -> dict[str, int | str | None] | None:
    """A pick as the browser sent it, if it could come from there: the choice, a number to explain, another page."""
    allowed = _ALLOWED | dict.fromkeys(own, own_choice.is_choice)
    if not isinstance(pick, dict) or not all(name in allowed and allowed[name](pick[name]) for name in pick):
        return None
    return dict(pick)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_ALLOWED: dict[str, Callable[[Any], bool]] = {
    "picture": lambda value: isinstance(value, str),
    "checkpoint": lambda value: isinstance(value, str),
    "layer": _is_count,
    "head": _is_count,
    "token": lambda value: value is None or _is_count(value),
    state.NUMBER: is_number,
    "page": lambda value: value in PAGES,
}
