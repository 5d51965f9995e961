"""The part of a ledger that matters: its end where it broke, or the surroundings of a place."""

from dataclasses import replace

from explainer.break_it.bugs import Place
from explainer.shapes import Ledger
from explainer.shapes.entries.differences import differences
from explainer.shapes.rendering.html import table

ROWS = 6  # operations that are shown; the others are folded


def position(ledger: Ledger, place: Place) -> int | None:
    """The index of the operation that a place means, the last of its line unless it names one."""
    found = [
        index
        for index, operation in enumerate(ledger.operations)
        if operation.line is not None
        and operation.line.text.startswith(place.line)
        and place.operation in ("", operation.name)
    ]
    if not found:
        return None
    return found[0] if place.operation else found[-1]


def ending(ledger: Ledger) -> str:
    """The last operations, and where it broke if it did; those before are folded."""
    if len(ledger.operations) <= ROWS + 2:
        return table(ledger, every=True)
    before = replace(ledger, operations=ledger.operations[:-ROWS], failure=None)
    last = replace(ledger, operations=ledger.operations[-ROWS:], inputs=())
    return _folded(before, f"{len(before.operations)} operations before") + table(last, every=True)


def surroundings(ledger: Ledger, sound: Ledger, place: Place) -> str:
    """The operations around a place, with what they are in the model without the bug; all of them folded."""
    index = position(ledger, place) or 0
    first = max(0, index - ROWS // 2)
    part = ledger.operations[first : index + ROWS // 2]
    moved = differences(sound, ledger)
    shown = replace(moved, changes=tuple(change for change in moved.changes if change.after is not None))
    return table(replace(ledger, operations=part, inputs=()), shown, every=True) + _folded(
        ledger, f"The whole ledger: {len(ledger.operations)} operations"
    )


def _folded(ledger: Ledger, what: str) -> str:
    return f'<details class="vit-lab-rest"><summary>{what}</summary>{table(ledger)}</details>'
