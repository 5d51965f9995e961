"""The pages of the app in their groups, in the order of the menu."""

from collections.abc import Mapping

from explainer.lessons import HANDS_ON, LESSONS, TOOLS
from explainer.stages import STAGES, Page

GROUPS: Mapping[str, Mapping[str, Page]] = {
    "Forward pass": STAGES,
    "Hands on": HANDS_ON,
    "Your model": TOOLS,
    "The course": LESSONS,
}
PAGES: Mapping[str, Page] = {name: page for group in GROUPS.values() for name, page in group.items()}


def group_of(page: Page) -> Mapping[str, Page]:
    """The pages that it stands among."""
    return next(group for group in GROUPS.values() if page.name in group)


def neighbours(page: Page) -> tuple[Page | None, Page | None]:
    """The page before and the page after in its group; None before the first and after the last."""
    pages = list(group_of(page).values())
    place = pages.index(page)
    return (pages[place - 1] if place else None), (pages[place + 1] if place + 1 < len(pages) else None)
