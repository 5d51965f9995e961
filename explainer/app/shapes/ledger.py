"""The ledger on the page: made once for everybody who looks at the same sizes, and searched in the browser."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from explainer.app import state
from explainer.app.foreign import plain
from explainer.app.kept import kept_large
from explainer.app.server.downloads import offer_file
from explainer.app.shapes.choice import Sizes
from explainer.components import ledger_script
from explainer.shapes import Ledger, config_ledger
from explainer.shapes.entries.differences import Differences, differences
from explainer.shapes.rendering import exports, html
from explainer.shapes.rendering.text_table import as_text
from explainer.stages import STAGES

BYTES_OF_OPERATION = 2000  # measured 1,600 to 1,700: with its shapes, its rule and its line, as Python keeps them

_component = st.components.v2.component("vit_explainer.ledger", js=ledger_script(), isolate_styles=False)
# The page that is about an equation: the one with the fewest others, for overview and glossary have many once more.
_STAGE_OF = {
    number: stage.name
    for stage in sorted(STAGES.values(), key=lambda stage: -len(stage.equation_numbers))
    for number in stage.equation_numbers
}


def ledger_of(sizes: Sizes) -> Ledger:
    """Every operation of the model of these sizes, by the real code on the meta device."""

    def make() -> tuple[Ledger, int]:
        ledger = replace(config_ledger(sizes.config, sizes.batch), title=sizes.text, subject=None)
        return ledger, BYTES_OF_OPERATION * len(ledger.operations)

    made: Ledger = kept_large(("shapes.ledger", repr(sizes)), make)
    return made


def differences_of(before: Sizes, after: Sizes) -> Differences:
    """The differences between two models."""

    def make() -> tuple[Differences, int]:
        found = differences(ledger_of(before), ledger_of(after))
        return found, 200 * len(found.changes)

    found: Differences = kept_large(("shapes.differences", repr(before), repr(after)), make)
    return found


def show_table(sizes: Sizes, before: Sizes | None) -> None:
    """The ledger, with what has moved; a click on an equation leads to the page that explains it."""

    def make() -> tuple[str, int]:
        found = differences_of(before, sizes) if before else None
        text = html.table(ledger_of(sizes), found, to_equation=lambda number: _STAGE_OF[number])
        return text, 2 * len(text)

    table = kept_large(("shapes.html", repr(sizes), repr(before)), make)
    _component(key="shapes_ledger", data={"html": table, "style": html.style()}, on_pick_change=_picked)


def _picked() -> None:
    pick: Any = st.session_state["shapes_ledger"].get("pick")
    if isinstance(pick, Mapping) and pick.get("page") in STAGES:
        state.pick({"page": pick["page"]})


def show_downloads(sizes: Sizes, before: Sizes | None) -> None:
    """The whole ledger as files; each is written when it is asked for."""
    ledger = ledger_of(sizes)
    found = differences_of(before, sizes) if before else None
    name = "shapes-" + sizes.text.replace("/", "-").replace("=", "").replace(",", "-")
    files = [
        ("CSV", f"{name}.csv", "text/csv", lambda: exports.as_csv(ledger)),
        ("JSON", f"{name}.json", "application/json", lambda: exports.as_json(ledger, found)),
        ("Text", f"{name}.txt", "text/plain", lambda: as_text(ledger, found)),
        ("HTML", f"{name}.html", "text/html", lambda: html.document(ledger, found)),
    ]
    if found is not None:
        files.append(("Differences as CSV", f"{name}-moved.csv", "text/csv", lambda: exports.differences_csv(found)))
    with st.container(horizontal=True):
        for label, file, kind, make in files:
            offer_file(plain(label), make, file, kind, key=f"shapes_file_{label}")
