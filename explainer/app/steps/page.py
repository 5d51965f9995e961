"""A page of steps: one element, in which the browser shows what its reader chooses."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import streamlit as st

from explainer.app import state
from explainer.app.blocks import show_head, show_neighbours
from explainer.app.server import tensor_route
from explainer.app.session import Session, current
from explainer.app.state import State
from explainer.app.steps import exports, packets, route
from explainer.app.tensor_maps import is_open, show_map
from explainer.components import core, steps_adapter, steps_loader
from explainer.menu import PAGES
from explainer.numbers.expressions import is_number
from explainer.packing import digest, header_of
from explainer.stages import STAGES, Stage
from explainer.steps.forward_pass import STEPS
from explainer.steps.rendering import code_of, folded, frame_of, words_of
from explainer.steps.step import Reads
from explainer.texts import text
from vit_core import token_at

_SAVE = (
    "One HTML file with the words, the equations, the figures that react to the mouse, the tensors, the code and the "
    "proof. It opens without this server and without a network."
)
ROOM = 24 * 1024  # characters of a header that goes before its view

# The scripts are fetched once per browser; only these lines travel with each page.
_core = core().encode()
_script = (
    f'const PATH = "{tensor_route.PATH}", EXACT_PATH = "{tensor_route.EXACT_PATH}", STEP_PATH = "{route.PATH}", '
    f'FIGURE_PATH = "{exports.FIGURE_PATH}";\n'
    + steps_adapter()
    + f'\nconst loadCore = () => import(new URL("{tensor_route.url(digest(_core))}", appAddress()).href);\n'
).encode()
_component = st.components.v2.component(
    "vit_explainer.steps",
    html="<div data-steps></div>",
    js=f'const SCRIPT_PATH = "{tensor_route.url(digest(_script))}";\n' + steps_loader(),
    isolate_styles=False,
)


def show_steps(name: str) -> None:
    """A whole page: its steps, its tensors and its code."""
    stage, session = STAGES[name], current()
    show_head(stage)
    pictures = [step.picture for step in STEPS[name] if step.picture is not None]
    bar = {
        "title": stage.title,
        "steps": [{"slug": step.slug, "title": text(name).titles[step.slug]} for step in STEPS[name]],
        "uses": sorted({choice for picture in pictures for choice in picture.reads | picture.follows}),
    }
    show(name, session, body(stage, session), parts(stage, session), bar)
    show_map(stage, session, [row for row, _ in packets.rows_of(stage, session)])
    show_neighbours(stage)


def show_choosing(session: Session) -> None:
    """The image and the gallery, in which a click chooses for the page of steps."""
    html = "".join(f'<div class="vit-step-picture" data-view="{slug}"></div>' for slug in packets.CHOOSING)
    shown = [_view(packets.SIDEBAR, slug, reads, session) for slug, (_, reads) in packets.CHOOSING.items()]
    show(packets.SIDEBAR, session, html, shown)


def show(
    name: str, session: Session, html: str, shown: list[dict[str, Any]], bar: dict[str, Any] | None = None
) -> None:
    """The element; ``shown`` are the parts that the browser fetches anew when what they read is chosen."""
    for script in (_core, _script):
        tensor_route.keep(script, "text/javascript")  # it is in a bounded store
    config = session.config
    key = f"steps_{name}"

    def picked() -> None:
        if pick := _checked(st.session_state[key].get("pick")):
            state.pick(pick)

    _component(
        key=key,
        data={
            "page": name,
            "html": html,
            "parts": shown,
            "bar": bar,
            "choice": asdict(session.state),
            "defaults": asdict(State()),
            "sizes": {
                "layers": config.num_layers,
                "heads": config.num_heads,
                "tokens": config.num_tokens,
                "middle": token_at(config.grid_size // 2, config.grid_size // 2, config.grid_size),
            },
            "follows": state.asks_for_number() or is_open(name),
        },
        on_pick_change=picked,
    )


def body(stage: Stage, session: Session) -> str:
    """The page's steps, then its tensors, its code, and the way to keep it."""

    def mathematics(slug: str) -> str:
        return packets.packet(stage.name, slug, "mathematics", session).data.decode()

    steps = STEPS[stage.name]
    table = f'<div data-mathematics="{packets.TENSORS}">{mathematics(packets.TENSORS)}</div>'
    return "".join(
        (
            f'<div class="vit-summary">{words_of(text(stage.name).summary)}</div>',
            *(frame_of(stage, step, number, mathematics(step.slug)) for number, step in enumerate(steps, 1)),
            folded("All tensors of this stage", table),
            folded("The code of this stage", code_of(stage)),
            f'<p class="vit-save"><a data-path="{route.PAGE_PATH}/{stage.name}" download="vit-{stage.name}.html" '
            f'title="{_SAVE}">Save this page</a></p>',
        )
    )


def parts(stage: Stage, session: Session) -> list[dict[str, Any]]:
    """What the browser fetches, and the room that each view needs."""
    found = []
    for step in STEPS[stage.name]:
        if step.picture is not None:
            found.append(_view(stage.name, step.slug, packets.reads_of(stage, step, "view"), session))
        found.append(_part(step.slug, "mathematics", packets.reads_of(stage, step, "mathematics")))
    found.append(_part(packets.TENSORS, "mathematics", packets.layer_of(stage)))
    return found


def _view(page: str, slug: str, reads: Reads, session: Session) -> dict[str, Any]:
    """A picture; its header, without numbers, tells the browser how much room it needs."""
    header = header_of(packets.packet(page, slug, "view", session).data)
    return _part(slug, "view", reads, header if len(header) <= ROOM else "")


def _part(slug: str, kind: str, reads: frozenset[str], room: str = "") -> dict[str, Any]:
    return {"slug": slug, "kind": kind, "reads": sorted(reads), "room": room}


def _checked(pick: Any) -> dict[str, int | str | None] | None:
    """A pick as the browser sent it, if it could come from there: the choice, a number to explain, another page."""
    if not isinstance(pick, dict) or not all(name in _ALLOWED and _ALLOWED[name](pick[name]) for name in pick):
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
