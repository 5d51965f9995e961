"""Controls of a step as HTML. The browser knows what they do by their attributes; nothing here has a script.

``data-choose="name=value&..."`` chooses; ``data-take="action"`` asks the server what the changes become, and chooses
that; ``data-check="name"`` chooses changes, if their text makes sense. Of a field and a list the value is added at the
end.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from urllib.parse import urlencode


def choose(name: str, value: str = "") -> str:
    """The attribute of a control that chooses a value."""
    return choose_all({name: value})


def choose_all(values: Mapping[str, str]) -> str:
    """The attribute of a control that chooses several values."""
    return f'data-choose="{escape(urlencode(values))}"'


def take(action: str) -> str:
    """The attribute of a control that makes a change."""
    return f'data-take="{escape(action)}"'


def button(
    attributes: str, words: str, is_pressed: bool | None = None, label: str = "", is_disabled: bool = False
) -> str:
    """A button, which is pressed or not, or is neither."""
    attributes += " disabled" if is_disabled else ""
    pressed = "" if is_pressed is None else f' aria-pressed="{str(is_pressed).lower()}"'
    label = f' aria-label="{escape(label)}"' if label else ""
    return f'<button type="button" {attributes}{pressed}{label}>{escape(words)}</button>'


def group(label: str, controls: Iterable[str]) -> str:
    """Controls that belong together, with what they are about in front of them."""
    return (
        f'<div class="vit-control" role="group" aria-label="{escape(label)}"><span>{escape(label)}</span>'
        f"{''.join(controls)}</div>"
    )


def number(label: str, attributes: str, value: int | str, low: int, high: int, placeholder: str = "") -> str:
    """A field for a whole number; empty stands for what the placeholder says."""
    return (
        f'<label class="vit-control"><span>{escape(label)}</span>'
        f'<input type="number" min="{low}" max="{high}" value="{escape(str(value))}" '
        f'placeholder="{escape(placeholder)}" {attributes}></label>'
    )


def line(label: str, attributes: str, value: str, placeholder: str = "") -> str:
    """A field for a line of text."""
    return (
        f'<label class="vit-control vit-control-line"><span>{escape(label)}</span><input type="text" '
        f'spellcheck="false" value="{escape(value)}" placeholder="{escape(placeholder)}" {attributes}></label>'
    )


def select(label: str, attributes: str, options: Sequence[tuple[str, str]], chosen: str) -> str:
    """A list to choose one of (value, words) from."""
    listed = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(words)}</option>'
        for value, words in options
    )
    return f'<label class="vit-control"><span>{escape(label)}</span><select {attributes}>{listed}</select></label>'
