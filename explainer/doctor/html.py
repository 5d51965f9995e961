"""The report of an examination as HTML tables, which fold on narrow screens; everything in it may be anybody's text."""

from collections.abc import Iterable
from pathlib import Path

from explainer.doctor.name_table import TITLES, NameRow
from explainer.doctor.report import MARKS, SIZE_NAMES, about_text, head_kind, recognised, told_text, verdict
from explainer.html_templates import macros_of
from vit_core.examination import Examination

MOST_TENSORS = 1000  # listed; a ViT-H has 394
_macros = macros_of(Path(__file__).parent / "templates" / "report.html", family_titles=TITLES, marks=MARKS)


def verdict_html(examination: Examination) -> str:
    """Whether it opens, whose it is."""
    return str(_macros.verdict(examination.opens, verdict(examination), recognised(examination)))


def sizes_html(examination: Examination) -> str:
    """Every size with the tensor that it was read from."""
    rows = [
        (
            SIZE_NAMES[read.field],
            _macros.bold(f"{read.value:,}"),
            _macros.code(read.name) + f" {list(read.shape)}",
            read.how,
        )
        for read in examination.sizes
    ]
    kind = head_kind(examination)
    note = _macros.note(f"The head is {kind}.") if kind else ""
    return str(_macros.table(("size", "value", "read from", "where"), rows) + note)


def expectations_html(examination: Examination) -> str:
    """The facts that no shape shows."""
    rows = [
        (fact.what, _macros.bold(fact.value), fact.stated_by or told_text(fact)) for fact in examination.expectations
    ]
    return str(_macros.table(("what", "value", "from where"), rows))


def findings_html(examination: Examination) -> str:
    """The findings, the worst first."""
    if not examination.findings and not examination.expectations:  # of another kind
        return str(_macros.note("All its numbers are finite. Further findings need a plain ViT."))
    if not examination.findings:
        return str(_macros.note("Nothing: names, shapes, types and numbers are as expected."))
    rows = [(_macros.mark(found.severity), about_text(found), found.sentence) for found in examination.findings]
    return str(_macros.table(("severity", "about", "what"), rows))


def tensors_html(examination: Examination) -> str:
    """Every tensor of the file."""
    listed = examination.tensors[:MOST_TENSORS]
    rows = [(_macros.code(name), list(shape), kind) for name, shape, kind in listed]
    return str(_macros.tensors(rows, len(examination.tensors) - len(listed)))


def names_html(rows: Iterable[NameRow], sources: Iterable[str]) -> str:
    """The table of names: a block for each parameter, a line for each family."""
    return str(_macros.names(rows, list(sources)))
