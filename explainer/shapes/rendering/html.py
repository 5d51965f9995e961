"""A ledger as HTML: for the page, a notebook and a file. It unfolds without a script, in light and dark, on paper."""

import re
from collections.abc import Callable, Iterable
from functools import cache
from html import escape
from pathlib import Path

from explainer.shapes.entries import (
    Change,
    Differences,
    Failure,
    Ledger,
    Operation,
    Row,
    TensorShape,
    amount,
    bytes_text,
    common_module,
    count_text,
    counted,
    factor,
    inside,
    output_bytes,
)
from explainer.shapes.rendering.shape_html import moved_html, quantity_of, repeats_html, shapes_html
from explainer.shapes.rendering.source_lines import around

COLUMNS = ("Operation", "Shape", "Type", "Bytes", "Parameters", "Multiply-adds")
_STYLE = Path(__file__).parents[2] / "components" / "styles" / "ledger.css"
_COLGROUP = f"<colgroup>{'<col>' * len(COLUMNS)}</colgroup>"  # the same widths in every table of a ledger
ToEquation = Callable[[int], str]  # the address of the page that explains an equation


@cache
def style() -> str:
    """The look of a ledger, for whoever puts it into a document of its own."""
    return _STYLE.read_text(encoding="utf-8")


def document(
    ledger: Ledger, differences: Differences | None = None, *, every: bool = False, explanation: str = ""
) -> str:
    """A file that can be opened in any browser and printed; the explanation, HTML too, stands below the ledger."""
    title = escape(f"Shapes of {ledger.title}")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>:root {{ color-scheme: light dark }} body {{ margin: 1.5rem auto; max-width: 70rem; padding: 0 1rem; "
        f"font-family: system-ui, sans-serif }}</style></head><body><h1>{title}</h1>"
        f"{fragment(ledger, differences, every=every)}{explanation}</body></html>\n"
    )


def fragment(ledger: Ledger, differences: Differences | None = None, *, every: bool = False) -> str:
    """A ledger with its look, for a notebook or to be put into any page."""
    compared = comparison(differences) if differences else ""
    return f"<style>{style()}</style>{totals(ledger)}{compared}{table(ledger, differences, every=every)}"


def totals(ledger: Ledger) -> str:
    """What the whole pass takes."""
    entries = (
        ("operations" if len(ledger.operations) != 1 else "operation", f"{len(ledger.operations):,}", ""),
        ("parameters", count_text(ledger.parameters), f"{ledger.parameters:,}"),
        ("multiply-adds", count_text(ledger.multiply_adds), f"{ledger.multiply_adds:,}"),
        ("outputs", bytes_text(output_bytes(ledger)), f"{output_bytes(ledger):,} bytes"),
    )
    items = "".join(
        f"<div><dt>{name}</dt><dd{f' title={chr(34)}{exact}{chr(34)}' if exact else ''}>{value}</dd></div>"
        for name, value, exact in entries
    )
    return f'<dl class="vit-ledger-totals">{items}</dl>'


def comparison(differences: Differences) -> str:
    """The totals of two ledgers, what they were and by how much they have moved."""
    lines = "".join(
        f'<tr{" class=moved" if total.size else ""}><th scope="row">{escape(total.name)}</th>'
        f"<td>{amount(total.before, total)}</td><td>{amount(total.after, total)}</td>"
        f"<td>{factor(total) if total.size else '='}</td></tr>"
        for total in differences.totals
    )
    return (
        '<table class="vit-ledger-comparison"><thead><tr><th scope="col">in all</th><th scope="col">before</th>'
        f'<th scope="col">now</th><th scope="col">factor</th></tr></thead><tbody>{lines}</tbody></table>'
    )


def table(
    ledger: Ledger,
    differences: Differences | None = None,
    *,
    every: bool = False,
    to_equation: ToEquation | None = None,
) -> str:
    """Every operation in order: equal blocks as one that unfolds, or ``every`` one of them.

    With ``differences``, whose later ledger is this one, everything that has moved shows what it was.
    """
    changes = differences.before_of if differences else {}
    parts: list[str] = []
    open_rows: list[str] = []

    def close() -> None:
        if open_rows:
            parts.append(_table(open_rows, f"Operations of {ledger.title}, part {len(parts) + 1}", first=not parts))
            open_rows.clear()

    open_rows.extend(_input_row(shape, index) for index, shape in enumerate(ledger.inputs))
    rows = [Row((operation,), 1, operation.module) for operation in ledger.operations] if every else ledger.rows()
    for row in rows:
        if row.repeats == 1 and len(row.operations) == 1:
            open_rows.extend(_rows(row.operations[0], row.operations[0].module, changes, to_equation))
        else:
            close()
            parts.append(_block(row, changes, to_equation))
    if ledger.failure is not None:
        open_rows.extend(_failing_row(ledger.failure))
    close()
    if gone := [change for change in differences.changes if change.after is None] if differences else []:
        parts.append(_gone(gone))
    failed = failure(ledger.failure) if ledger.failure else ""
    return f'<div class="vit-ledger">{"".join(parts)}</div>{failed}'


def failure(failed: Failure) -> str:
    """Where a pass has stopped: the line of the user's code with its neighbours, and PyTorch's message."""
    place = f" in {escape(_place(failed.module, failed.module_type))}" if failed.module or failed.module_type else ""
    what = escape(failed.operation) or "the code itself"
    shapes = " and ".join(f"[{escape(shape.plain)}]" for shape in failed.inputs)
    given = f" It was given {shapes}." if shapes else ""
    code = ""
    if failed.line is not None:
        lines = "".join(
            f'<span class="{"vit-ledger-it" if near.is_it else ""}"><i>{near.number}</i>{escape(near.text)}\n</span>'
            for near in around(failed.line)
        )
        name = escape(failed.line.place)
        code = f'<p>{name}</p><pre tabindex="0" role="group" aria-label="{name}"><code>{lines}</code></pre>'
    return (
        f'<div class="vit-ledger-failure" role="status"><p><b>Here it breaks: {what}{place}.</b>{given}</p>{code}'
        f"<p><b>{escape(failed.error)}:</b> {escape(failed.message)}</p>"
        f"{f'<p>{escape(failed.advice)}</p>' if failed.advice else ''}</div>"
    )


def _table(rows: Iterable[str], label: str, first: bool) -> str:
    heads = "".join(f'<th role="columnheader" scope="col">{column}</th>' for column in COLUMNS)
    hidden = "" if first else ' class="vit-ledger-unseen"'
    return (
        f'<table role="table" aria-label="{escape(label)}">{_COLGROUP}<thead role="rowgroup"{hidden}><tr role="row">'
        f'{heads}</tr></thead><tbody role="rowgroup">{"".join(rows)}</tbody></table>'
    )


def _block(row: Row, changes: dict[int, Change], to_equation: ToEquation | None) -> str:
    """Equal blocks: one line that says what all of them take, and unfolds into the operations of one."""
    moved = [changes[id(operation)] for operation in row.operations if id(operation) in changes]
    times = repeats_html(row.repeats, moved[0].repeats_before if moved else row.repeats)
    sums = [
        moved_html(text, old, row.repeats * sum(getattr(operation, name) for operation in row.operations))
        for name, text in (("bytes", bytes_text), ("parameters", count_text), ("multiply_adds", count_text))
        for old in [
            sum(change.repeats_before * getattr(change.before, name) for change in moved if change.before)
            if moved
            else None
        ]
    ]
    last, was = row.operations[-1].outputs, moved[-1].before if moved else None
    shape, prefix = shapes_html(last, "z", was.outputs if was else None), common_module(row)
    body = "".join(
        line
        for operation in row.operations
        for line in _rows(operation, inside(operation.module, prefix), changes, to_equation)
    )
    mark = " moved" if any(change.moved for change in moved) else ""
    cells = "".join(f'<span class="{name}">{value}</span>' for name, value in zip(("b", "p", "f"), sums, strict=True))
    return (
        f'<details class="vit-ledger-block{mark}"><summary><span class="n"><b>{escape(row.module)}</b> {times} '
        f'<small>{_operations(len(row.operations))} each</small></span><span class="s">{shape}</span>'
        f'<span class="t"></span>{cells}</summary>{_table([body], f"One block of {row.module}", first=False)}</details>'
    )


def _rows(operation: Operation, module: str, changes: dict[int, Change], to_equation: ToEquation | None) -> list[str]:
    """The line of an operation, and below it how its shape came about."""
    change = changes.get(id(operation))
    before = change.before if change else None
    moved = change is not None and change.moved
    fused = ' <small title="a step inside a fused operation, worked out from its inputs">fused</small>'
    kinds = " ".join(dict.fromkeys(escape(shape.dtype) for shape in operation.outputs))
    shape = shapes_html(operation.outputs, quantity_of(operation), before.outputs if before else None)
    cells = (
        f'<th role="rowheader" scope="row" class="n"><b>{escape(operation.name)}</b>{fused if operation.fused else ""}'
        f" <small>{escape(module)}</small></th>",
        f'<td role="cell" class="s">{shape}</td>',
        f'<td role="cell" class="t">{kinds}</td>',
        *(
            f'<td role="cell" class="{name[0]}">{moved_html(text, getattr(before, name) if before else None, value)}'
            "</td>"
            for name, text, value in (
                ("bytes", bytes_text, operation.bytes),
                ("parameters", count_text, operation.parameters),
                ("multiply_adds", count_text, operation.multiply_adds),
            )
        ),
    )
    new = change is not None and before is None
    mark = " class=moved" if moved else ""
    return [
        f'<tr role="row"{mark}>{"".join(cells)}</tr>',
        f'<tr role="row" class="how{" moved" if moved else ""}"><td role="cell" colspan="{len(COLUMNS)}">'
        f"{'<b>new:</b> ' if new else ''}{escape(operation.rule)}{_where(operation, to_equation)}</td></tr>",
    ]


def _where(operation: Operation, to_equation: ToEquation | None) -> str:
    """The equation, and the line of code."""
    text = ""
    if operation.equation is not None:
        name = f"Eq. {operation.equation}"
        address = to_equation(operation.equation) if to_equation else ""
        text += (
            f' · <a href="{escape(address)}" data-equation="{operation.equation}">{name}</a>'
            if address
            else (f" · {name}")
        )
    if operation.line is not None:
        path, code = escape(operation.line.place), re.sub(r"\s*# Eq\. \d$", "", operation.line.text)
        text += f' · <span class="code" title="{path}"><code>{escape(code)}</code> <i>{path}</i></span>'
    return text


def _input_row(shape: TensorShape, index: int) -> str:
    name = shape.name or ("input" if index == 0 else f"input {index + 1}")
    return (
        f'<tr role="row" class="input"><th role="rowheader" scope="row" class="n"><b>{escape(name)}</b></th>'
        f'<td role="cell" class="s">{shapes_html((shape,), "image")}</td>'
        f'<td role="cell" class="t">{escape(shape.dtype)}</td><td role="cell" class="b"></td>'
        '<td role="cell" class="p"></td><td role="cell" class="f"></td></tr>'
    )


def _failing_row(failed: Failure) -> list[str]:
    shapes = shapes_html(failed.inputs, None)
    return [
        '<tr role="row" class="failed"><th role="rowheader" scope="row" class="n">'
        f"<b>✗ {escape(failed.operation) or 'the code itself'}</b> <small>{escape(failed.module)}</small></th>"
        f'<td role="cell" class="s" colspan="{len(COLUMNS) - 1}">{shapes or "no tensors"}</td></tr>'
    ]


def _gone(changes: list[Change]) -> str:
    """What the later ledger no longer has."""
    names = ", ".join(
        f"{escape(change.before.name)} <small>{escape(change.before.module)}</small> [{_plain(change.before.outputs)}]"
        for change in changes
        if change.before
    )
    return f'<p class="vit-ledger-gone">No longer there: {names}</p>'


def _operations(count: int) -> str:
    return f"{count:,} operation{'' if count == 1 else 's'}"


def _plain(shapes: tuple[TensorShape, ...]) -> str:
    return counted(shape.plain for shape in shapes)


def _place(module: str, kind: str) -> str:
    return f"{module} ({kind})" if module and kind else module or kind
