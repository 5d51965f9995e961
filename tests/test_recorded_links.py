"""Links that were recorded once open the same views for ever: title, pictures, choices, address.

``python -m tests.test_recorded_links`` records them anew; do so only when a page is meant to show something else.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.server import running
from benchmarks.visitor import Run, Visitor
from explainer.steps.forward_pass import STEPS

RECORD = Path(__file__).with_suffix(".json")
SIDEBAR = {"image": "sidebar_picture", "plain_image": "sidebar_picture", "gallery": "gallery"}
CHOICES = ("slider", "selectbox", "number_input", "checkbox", "button_group", "multiselect", "text_input")


class Recorder(Visitor):
    """A visitor that writes down the pictures and the choices of a page, by their keys."""

    def __init__(self, port: int, page: str, query: str) -> None:
        super().__init__(port, page, query)
        self.pictures: list[str] = []
        self.choices: dict[str, Any] = {}

    def _element(self, element: Any, run: Run) -> None:
        super()._element(element, run)
        kind = element.WhichOneof("type")
        shown = getattr(element, kind)
        if kind == "bidi_component":
            self.pictures += _pictures(_key(shown.id), shown.json)
        elif kind in CHOICES and shown.query_param_key:
            self.choices[shown.query_param_key] = _value(shown)

    async def record(self) -> dict[str, Any]:
        """What one visit shows."""
        async with self:
            run = await self.open()
        shown = {"title": run.title, "address": self.query, "pictures": sorted(self.pictures), "choices": self.choices}
        return shown | {"problems": run.exceptions + run.said}


def _pictures(key: str, given: str) -> list[str]:
    """The names of what a component shows: its own, or those of its steps."""
    if not key.startswith("steps_"):
        return [key]
    page = key.removeprefix("steps_")
    if page == "sidebar":
        return [SIDEBAR[part["slug"]] for part in json.loads(given)["parts"]]
    pictures = {picture.name: picture for step in STEPS[page] for picture in (step.picture, step.result) if picture}
    return list(pictures)


def _key(identity: str) -> str:
    """The key that the page has given: Streamlit writes it last."""
    return identity.rpartition("-")[2]


def _value(shown: Any) -> Any:
    """What the address has set; widgets name it differently."""
    if not shown.set_value:
        return "as it begins"
    fields = shown.DESCRIPTOR.fields_by_name
    value = getattr(shown, next(name for name in ("raw_value", "raw_values", "value") if name in fields))
    return value if isinstance(value, bool | int | float | str) else list(value)


async def _record(port: int, links: list[str]) -> dict[str, Any]:
    return {link: await Recorder(port, *_parts(link)).record() for link in links}


def _parts(link: str) -> tuple[str, str]:
    page, _, query = link.partition("?")
    return page, query


def recorded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    return found


@pytest.mark.usefixtures("own_folders")
def test_links_open_what_they_opened_when_they_were_recorded() -> None:
    before = recorded()
    assert len(before) == 40
    with running() as server:
        now = asyncio.run(_record(server.port, list(before)))
    assert {link: shown for link, shown in now.items() if shown != before[link]} == {}
    assert [link for link, shown in now.items() if shown["problems"]] == []


if __name__ == "__main__":
    with running() as server:
        record = asyncio.run(_record(server.port, list(recorded())))
    RECORD.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
