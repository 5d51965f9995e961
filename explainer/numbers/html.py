"""The calculation of a number as HTML: its steps, the largest terms of its sum, and how well it can be recomputed."""

import re
from functools import cache

from jinja2 import Environment, Template
from markupsafe import Markup, escape

from explainer.notation.written_numbers import in_powers
from explainer.numbers.explaining import NumberExplanation
from explainer.numbers.workings import Working
from vit_core.resources import ASSETS

# As many significant digits as two passes share: one that the lines of Python make may add in another order, and the
# seventh is that of rounding to 32 bits.
DIGITS = 6


def body(explanation: NumberExplanation) -> str:
    """Tables; what has a place itself is a button that says in ``data-number`` which."""
    working = explanation.working
    if working is None:
        return '<p class="vit-number-note">A learned number, found by training. It is the same for every image.</p>'
    made = "as read off the forward pass" if explanation.is_read_off else "as the model computed it"
    total = working.sum
    return _template().render(
        steps=working.steps,
        sum=total,
        largest=(total and abs(total.terms[0].value)) or 1.0,
        value=explanation.value,
        made="worked out from these" if explanation.is_derived else made,
        digits=DIGITS,
        note=_note(explanation, working),
        is_as_computed=explanation.is_as_computed,
        written=written,
        lowered=_lowered,
        text_of=explanation.text_of,
    )


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string((ASSETS / "number.html").read_text(encoding="utf-8"))


def _lowered(words: str) -> Markup:
    """``D_h`` with a lowered h."""
    return Markup(re.sub(r"\b([A-Za-z])_([A-Za-z0-9])\b", r"<i>\1</i><sub>\2</sub>", str(escape(words))))


def _note(explanation: NumberExplanation, working: Working) -> Markup | str:
    if explanation.is_derived:
        return "No tensor of the model holds this number: it is worked out from those above, in double precision."
    whose = "number read off" if explanation.is_read_off else "model's number"
    again = Markup(
        "Recomputed in double precision from these numbers alone: <b>{}</b>; the {} differs by <b>{}</b>"
    ).format(written(working.recomputed, 9), whose, in_powers(explanation.difference))
    allowed = in_powers(working.tolerance)
    if explanation.is_as_computed:
        return again + f", rounding to 32 bits explains up to {allowed}."
    if explanation.changes:
        return again + f": the forward pass was changed here ({explanation.changes})."
    return again + f": rounding to 32 bits would explain only {allowed}."


def written(value: float, digits: int = 4) -> str:
    """A number with so many significant digits and a real minus."""
    return f"{value:.{digits}g}".replace("-", "−")
