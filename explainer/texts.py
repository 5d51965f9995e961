"""The prose of the pages, read from ``assets/text``: a summary, and a section for each picture."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from explainer.menu import PAGES
from vit_core.resources import ASSETS

TEXTS = ASSETS / "text"

_HEADING = re.compile(r"^## +(.+?) +\{#([a-z0-9-]+)\}$", re.MULTILINE)


@dataclass(frozen=True)
class Text:
    """The prose of one page. Markdown with ``$...$`` for mathematics."""

    summary: str
    sections: Mapping[str, str]  # slug -> Markdown, in the order of the page
    titles: Mapping[str, str]  # slug -> heading


@cache
def text(page: str) -> Text:
    """The text of a page.

    Raises:
        KeyError: if there is none of that name.
    """
    if page not in PAGES:
        raise KeyError(f"unknown page {page!r}, known are {', '.join(PAGES)}")
    summary, *parts = _HEADING.split((TEXTS / f"{page}.md").read_text(encoding="utf-8"))
    titles, slugs, bodies = parts[0::3], parts[1::3], parts[2::3]
    return Text(
        summary.strip(),
        MappingProxyType({slug: body.strip() for slug, body in zip(slugs, bodies, strict=True)}),
        MappingProxyType(dict(zip(slugs, titles, strict=True))),
    )
