"""The report of an examination as HTML tables, which fold on narrow screens; everything in it may be anybody's text."""

from collections.abc import Iterable, Sequence
from html import escape

from explainer.doctor.name_table import TITLES, NameRow
from explainer.doctor.report import ABOUT, MARKS, SIZE_NAMES, head_kind, recognised, told_text, verdict
from vit_core.examination import Examination

MOST_TENSORS = 1000  # listed; a ViT-H has 394


def verdict_html(examination: Examination) -> str:
    """Whether it opens, whose it is."""
    kind = "opens" if examination.opens else "refused"
    mark = "✓" if examination.opens else "✗"
    paragraphs = f"<p><b>{mark} {escape(verdict(examination))}</b></p><p>{escape(recognised(examination))}</p>"
    return f'<div class="vit-doctor-verdict vit-doctor-{kind}" role="status">{paragraphs}</div>'


def sizes_html(examination: Examination) -> str:
    """Every size with the tensor that it was read from."""
    rows = [
        (
            escape(SIZE_NAMES[read.field]),
            f"<b>{read.value:,}</b>",
            f"{_code(read.name)} {list(read.shape)}",
            escape(read.how),
        )
        for read in examination.sizes
    ]
    table = _table(("size", "value", "read from", "where"), rows)
    kind = head_kind(examination)
    return table + (f'<p class="vit-doctor-note">The head is {escape(kind)}.</p>' if kind else "")


def expectations_html(examination: Examination) -> str:
    """The facts that no shape shows."""
    rows = [
        (escape(row.what), f"<b>{escape(row.value)}</b>", escape(row.stated_by or told_text(row)))
        for row in examination.expectations
    ]
    return _table(("what", "value", "from where"), rows)


def findings_html(examination: Examination) -> str:
    """The findings, the worst first."""
    if not examination.findings and not examination.expectations:  # of another kind
        return '<p class="vit-doctor-note">All its numbers are finite. Further findings need a plain ViT.</p>'
    if not examination.findings:
        return '<p class="vit-doctor-note">Nothing: names, shapes, types and numbers are as expected.</p>'
    rows = [
        (
            f'<span class="vit-doctor-{finding.severity}">{MARKS[finding.severity]} {finding.severity}</span>',
            escape(ABOUT[finding.about]),
            escape(finding.sentence),
        )
        for finding in examination.findings
    ]
    return _table(("severity", "about", "what"), rows)


def tensors_html(examination: Examination) -> str:
    """Every tensor of the file."""
    rows = [(_code(name), str(list(shape)), escape(kind)) for name, shape, kind in examination.tensors]
    table = _table(("name", "shape", "type"), rows[:MOST_TENSORS])
    unlisted = len(rows) - MOST_TENSORS
    rest = f'<p class="vit-doctor-note">and {unlisted:,} more</p>' if unlisted > 0 else ""
    return f'<div class="vit-doctor-scroll" tabindex="0">{table}</div>{rest}'


def names_html(rows: Iterable[NameRow], sources: Iterable[str]) -> str:
    """The table of names: a block for each parameter, a line for each family."""
    chosen = list(sources)
    blocks = []
    for row in rows:
        lines = []
        for source in chosen:
            cell = row.cells[source]
            names = "<br>".join(map(_code, cell.names)) or "<i>none</i>"
            shape = str(list(cell.shape)) if cell.names else ""
            lines.append((escape(TITLES[source]), names, shape))
        body = "".join(f"<tr>{_cells(line, ('family', 'name', 'shape'))}</tr>" for line in lines)
        blocks.append(f'<tbody><tr><th colspan="3" scope="rowgroup">{escape(row.symbol)}</th></tr>{body}</tbody>')
    head = '<thead><tr><th scope="col">family</th><th scope="col">name</th><th scope="col">shape</th></tr></thead>'
    return f'<table class="vit-doctor vit-doctor-names">{head}{"".join(blocks)}</table>'


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    titles = "".join(f'<th scope="col">{title}</th>' for title in head)
    body = "".join(f"<tr>{_cells(row, head)}</tr>" for row in rows)
    return f'<table class="vit-doctor"><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>'


def _cells(cells: tuple[str, ...], head: tuple[str, ...]) -> str:
    return "".join(f'<td data-title="{title}">{cell}</td>' for cell, title in zip(cells, head, strict=True))


def _code(name: str) -> str:
    """A name that may break at its dots and slashes."""
    return f"<code>{escape(name).replace('.', '.<wbr>').replace('/', '/<wbr>')}</code>"
