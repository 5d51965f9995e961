"""The report on a model: the likely mistake, or what was checked where nothing was found."""

import textwrap
from dataclasses import dataclass
from pathlib import Path

from explainer.html_templates import macros_of
from explainer.shapes.describing.rules import ROWS_NEED_NOT
from explainer.shapes.diagnosis.mistakes import MISTAKES, Diagnosis
from explainer.shapes.entries.ledger import Ledger
from explainer.shapes.entries.operations import Line, in_brackets

UNTOLD = "The shapes do not show what went wrong."
_WIDTH = 100
_macros = macros_of(Path(__file__).parent / "templates" / "diagnosis.html")


def untold(ledger: Ledger, expected: tuple[int, ...] | None = None) -> str:
    """Explain a model in which no mistake was found: what kind of error it has, if it is not a shape error."""
    failure = ledger.failure
    if failure is None:
        return _last_axis(ledger, expected) or UNTOLD
    kinds = sorted({shape.dtype for shape in failure.inputs if "float" in shape.dtype})
    if len(kinds) > 1:
        return f"This is not a shape error: numbers of type {' and '.join(kinds)} meet. Convert both to one type."
    if not failure.operation and failure.error not in _OF_SHAPES:
        return "This is not a shape error: the code itself raised it, not an operation of torch."
    return UNTOLD


_OF_SHAPES = ("AssertionError", "ValueError", "RuntimeError", "EinopsError")  # what code raises that checks shapes


def _last_axis(ledger: Ledger, expected: tuple[int, ...] | None) -> str:
    """Name the parameter that decides an output's last axis, if that axis alone is not as expected."""
    sizes = ledger.outputs[0].sizes if ledger.outputs else ()
    if expected is None or len(sizes) != len(expected) or not sizes or sizes[:-1] != expected[:-1]:
        return ""
    matrices = [
        (tensor, made) for made in ledger.operations for tensor in made.inputs if tensor.name and len(tensor.sizes) > 1
    ]
    if not matrices:
        return ""
    weight, made = matrices[-1]
    if weight.sizes[0] != sizes[-1] or made.outputs[0].sizes[-1] != sizes[-1]:
        return ""
    name, shape = weight.name, weight.plain
    return f"The last axis is {sizes[-1]} because {name} is [{shape}]: for {expected[-1]} it needs as many rows."


def diagnosis_text(ledger: Ledger, diagnosis: Diagnosis | None) -> str:
    """Write the likely mistake for a console, or that the shapes do not show one; empty if all is well."""
    if diagnosis is None:
        return untold(ledger) if ledger.failure is not None else ""
    lines = [f"Likely mistake: {diagnosis.title or MISTAKES[diagnosis.cause]}."]
    for name, text in (("Found:    ", diagnosis.found), ("Expected: ", diagnosis.expected)):
        lines += textwrap.wrap(text, _WIDTH, initial_indent=name, subsequent_indent=" " * len(name))
    name, fix = _repair(diagnosis)
    lines.append(f"{name + ':':<10}{fix}")  # code is not wrapped
    if line := _line_elsewhere(ledger, diagnosis):
        lines.append(f"Where:    {line.place}  {line.text}")
    return "\n".join(lines)


def diagnosis_html(ledger: Ledger, diagnosis: Diagnosis | None) -> str:
    """The same for a page."""
    if diagnosis is None:
        return str(_macros.unexplained(untold(ledger))) if ledger.failure is not None else ""
    title = diagnosis.title or MISTAKES[diagnosis.cause]
    return str(_macros.mistake(diagnosis, title, _repair(diagnosis), _line_elsewhere(ledger, diagnosis)))


def _line_elsewhere(ledger: Ledger, diagnosis: Diagnosis) -> Line | None:
    """The line to repair, if it is not the line that failed."""
    failed_at = ledger.failure.line if ledger.failure else None
    return None if diagnosis.line == failed_at else diagnosis.line


def _repair(diagnosis: Diagnosis) -> tuple[str, str]:
    """Label a repair: it is called a repair only if the model ran with it."""
    if not diagnosis.fix:
        return "Repair", "none: no repair that was tried makes the model do what it should"
    return ("Repair" if diagnosis.is_tried else "To try"), diagnosis.fix


@dataclass(frozen=True)
class Verdict:
    """What was checked in a model without a mistake, and what shapes cannot show."""

    checked: tuple[str, ...]
    noticed: tuple[str, ...] = ()  # what may be meant so, and often is not
    not_checked: str = (
        "what the numbers mean. A softmax along the wrong axis, a wrong scale or a missing LayerNorm keeps every shape."
    )

    @property
    def text(self) -> str:
        """For a console: what was checked, what was noticed, what was not checked."""
        noticed = [f"Worth a look: {notice}." for notice in self.noticed]
        sentences = f"Checked: {'; '.join(self.checked)}.", *noticed, f"Not checked: {self.not_checked}"
        return "\n".join(textwrap.fill(sentence, _WIDTH, subsequent_indent="  ") for sentence in sentences)

    @property
    def html(self) -> str:
        """The same for a page."""
        return str(_macros.sentences(self.text.replace("\n  ", " ").splitlines()))


def verdict(ledger: Ledger, expected: tuple[int, ...] | None, is_diagnosed: bool) -> Verdict:
    """Of a model that runs, with the shape that was expected, and without a mistake that its shapes tell.

    Args:
        ledger: of the model.
        expected: the shape that its output should have; None if it is unknown.
        is_diagnosed: whether mistakes were looked for.
    """
    made = in_brackets(ledger.outputs) or "no tensor"
    note = " (no expected shape was given)" if is_diagnosed and expected is None else ""
    checked = [
        f"all {len(ledger.operations):,} operations ran" + (", on shapes alone" if ledger.device == "meta" else ""),
        f"the output is {made}{note if expected is None else ', as expected'}",
    ]
    if ledger.other_batch is not None:
        checked.append("it breaks with one more picture")
    if is_diagnosed:
        checked.append(f"none of {len(MISTAKES)} mistakes that shapes reveal was found")
    columns = [
        f"{softmax.name} {softmax.line.place if softmax.line else softmax.module}: "
        f"{softmax.rule.partition(': the shape')[0]}"
        for softmax in ledger.operations
        if ROWS_NEED_NOT in softmax.rule
    ]
    return Verdict(tuple(checked), tuple(dict.fromkeys(columns)))
