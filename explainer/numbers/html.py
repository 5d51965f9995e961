"""The calculation of a number as HTML: its steps, the largest terms of its sum, and how well it can be recomputed."""

import re
from collections.abc import Iterator
from html import escape

from explainer.notation.written_numbers import in_powers
from explainer.numbers.derived import Number
from explainer.numbers.explanation import NumberExplanation
from explainer.numbers.workings import Part, Sum, Term

# As many significant digits as two passes share: one that the lines of Python make may add in another order, and the
# seventh is that of rounding to 32 bits.
DIGITS = 6


def body(explanation: NumberExplanation) -> str:
    """Tables; what has a place itself is a button that says in ``data-number`` which."""
    if explanation.working is None:
        return '<p class="vit-number-note">A learned number, found by training. It is the same for every image.</p>'
    total = explanation.working.sum
    columns = [_steps(explanation), *([_terms(explanation, total)] if total else [])]
    return f'<div class="vit-number-columns">{"".join(columns)}</div>{_check(explanation)}'


def _steps(explanation: NumberExplanation) -> str:
    rows = [
        f'<tr><td class="vit-sign">{escape(step.operator)}</td><td>{_lowered(step.words)}</td>'
        f'<td class="vit-value">{_value(explanation, step.value, step.address)}</td></tr>'
        for step in explanation.steps
    ]
    made = "as read off the forward pass" if explanation.is_read_off else "as the model computed it"
    result = "the number, worked out from these" if explanation.is_derived else f"the number, {made}"
    rows.append(
        f'<tr class="vit-result"><td class="vit-sign">=</td><td>{result}</td>'
        f'<td class="vit-value">{written(explanation.value, DIGITS)}</td></tr>'
    )
    return f'<table class="vit-steps"><caption>Step by step</caption><tbody>{"".join(rows)}</tbody></table>'


def _terms(explanation: NumberExplanation, total: Sum) -> str:
    most = max(abs(term.value) for term in total.terms) or 1.0
    wide = max(len(term.factors) for term in total.terms)
    count = len(total.terms) + total.rest_count
    heading = "All terms of the sum" if not total.rest_count else f"The {len(total.terms)} largest of {count} terms"
    rows = [_term(explanation, term, most) for term in total.terms]
    if total.rest_count:
        rows.append(
            f'<tr class="vit-rest"><td colspan="{wide + 1}">the other {total.rest_count} together</td>'
            f'<td class="vit-value">{written(total.rest)}</td></tr>'
        )
    rows.append(
        f'<tr class="vit-result"><td colspan="{wide + 1}">{escape(total.words)}</td>'
        f'<td class="vit-value">{written(total.total)}</td></tr>'
    )
    of = '<th scope="col">numbers</th>' if wide == 1 else f'<th scope="col" colspan="{wide}">factors</th>'
    head = f'<tr><th scope="col">m</th>{of}<th scope="col" class="vit-value">{escape(total.term_words)}</th></tr>'
    return (
        f'<table class="vit-terms"><caption>{heading}</caption><thead>{head}</thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _term(explanation: NumberExplanation, term: Term, most: float) -> str:
    share = 100 * abs(term.value) / most
    return (
        f"<tr><td>{term.index}</td>{''.join(_factors(explanation, term.factors))}"
        f'<td class="vit-value vit-bar" style="--share: {share:.0f}%">{written(term.value)}</td></tr>'
    )


def _factors(explanation: NumberExplanation, factors: tuple[Part, ...]) -> Iterator[str]:
    for place, factor in enumerate(factors):
        sign = "× " if place else ""
        yield f"<td>{sign}{_value(explanation, factor.value, factor.address)}</td>"


def _lowered(words: str) -> str:
    """``D_h`` with a lowered h."""
    return re.sub(r"\b([A-Za-z])_([A-Za-z0-9])\b", r"<i>\1</i><sub>\2</sub>", escape(words))


def _value(explanation: NumberExplanation, value: float, address: Number | None) -> str:
    if address is None:
        return written(value)
    name = explanation.text_of(address)
    return (
        f'<button type="button" data-number="{escape(str(address))}" title="How this number was computed">'
        f"<small>{escape(name)}</small> {written(value)}</button>"
    )


def _check(explanation: NumberExplanation) -> str:
    working = explanation.working
    assert working is not None
    if explanation.is_derived:
        return (
            '<p class="vit-number-note">No tensor of the model holds this number: it is worked out from those above, '
            "in double precision.</p>"
        )
    whose = "number read off" if explanation.is_read_off else "model's number"
    again = (
        f"Recomputed in double precision from these numbers alone: <b>{written(working.recomputed, 9)}</b>; the {whose}"
        f" differs by <b>{in_powers(explanation.difference)}</b>"
    )
    if explanation.is_as_computed:
        explained = f"rounding to 32 bits explains up to {in_powers(working.tolerance)}"
        return f'<p class="vit-number-note">{again}, {explained}.</p>'
    reason = (
        f"the forward pass was changed here ({escape(explanation.changes)})"
        if explanation.changes
        else f"rounding to 32 bits would explain only {in_powers(working.tolerance)}"
    )
    return f'<p class="vit-number-note vit-number-changed">{again}: {reason}.</p>'


def written(value: float, digits: int = 4) -> str:
    """A number with so many significant digits and a real minus."""
    return f"{value:.{digits}g}".replace("-", "−")
