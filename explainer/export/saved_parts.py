"""What a page that is saved to a file is made of, from top to bottom. It is written by explainer/html_export.py."""

from dataclasses import dataclass
from typing import ClassVar

from explainer.notation.equations import Written
from explainer.notation.excerpts import Excerpt
from explainer.panels import Frames, View
from vit_core import ViTConfig


@dataclass(frozen=True)
class Heading:
    """The heading of a section."""

    title: str


@dataclass(frozen=True)
class Words:
    """Markdown, with tables and ``$...$``; ``quiet`` as a caption."""

    markdown: str
    quiet: bool = False


@dataclass(frozen=True)
class Mathematics:
    """An equation or formula, and below it the same with a model's numbers."""

    title: str
    written: Written
    config: ViTConfig | None = None  # None: without numbers
    layer: int | None = None

    @property
    def latex(self) -> tuple[str, ...]:
        """LaTeX of each line, with the colours of the light scheme."""
        lines = [self.written.coloured("light")]
        if self.config is not None and self.written.numbers:
            lines.append(self.written.with_numbers(self.config, "light", self.layer))
        return tuple(lines)


@dataclass(frozen=True)
class Code:
    """Lines of the model, ``marked`` those of the equation."""

    title: str
    code: Excerpt
    marked: tuple[int | None, ...] = ()


@dataclass(frozen=True)
class Markup:
    """HTML of the app's own, with views at the places that it has for them."""

    html: str
    views: tuple[View, ...] = ()

    PLACE: ClassVar[str] = "<!-- view -->"


Part = Heading | Words | Mathematics | Code | Markup | View | Frames


@dataclass(frozen=True)
class SavedPage:
    """What is written into the file, from top to bottom."""

    title: str
    parts: tuple[Part, ...]
    kicker: str = ""  # above the title
    choice: str = ""  # what the numbers belong to: the picture, the model, the layer
    credits: tuple[str, ...] = ()  # plain text: a checkpoint may describe itself as it likes
    link: str = ""  # where the page came from; only http and https
