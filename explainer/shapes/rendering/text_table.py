"""A ledger as text: for a terminal, as wide as that is, or for a file."""

import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from shutil import get_terminal_size

from explainer.shapes.entries.amounts import counted
from explainer.shapes.entries.differences import Differences, output_bytes
from explainer.shapes.entries.ledger import Ledger
from explainer.shapes.entries.operations import Failure, Operation, TensorShape, in_brackets
from explainer.shapes.rendering.source_lines import around
from explainer.shapes.rendering.table_lines import Amount, Line, blocks_of, gone_from, named_inputs

Paint = Callable[[str, str], str]  # text, kind -> text in the kind's colour

# Column -> how soon it is left out where there is no room for all; 0 never.
_COLUMNS = {
    "operation": 0,
    "shape": 6,
    "numbers": 0,
    "type": 3,
    "bytes": 7,
    "parameters": 8,
    "multiply-adds": 9,
    "equation": 4,
    "rule": 2,
    "line": 5,
    "code": 1,
}
_ON_THE_RIGHT = ("bytes", "parameters", "multiply-adds")
_LONGEST = 70  # characters of a rule or a line of code
_SHORTENED, _SHORTEST = ("code", "rule"), 24  # columns that are shortened before they are left out, and how far
_CODES = {"bold": "1", "quiet": "2", "moved": "33", "failed": "31"}


def plain(text: str, kind: str) -> str:
    """No colour: for a file, a pipe, and those who have set NO_COLOR."""
    return text


def painted(text: str, kind: str) -> str:
    """Colour as a terminal understands it."""
    return f"\033[{_CODES[kind]}m{text}\033[0m" if text else text


@dataclass(frozen=True)
class _TextLine:
    cells: dict[str, str]
    kind: str = ""  # how it is painted


def as_text(
    ledger: Ledger,
    differences: Differences | None = None,
    *,
    every: bool = False,
    width: int | None = None,
    paint: Paint = plain,
) -> str:
    """A table of at most ``width`` characters a line, or of as many as it needs.

    Where there is no room, long cells are shortened in the middle and columns left out, which a line says. Sentences
    go on in the next line; code and PyTorch's message stand as they are written.
    """
    rows = list(_lines(ledger, differences, every))
    widths, left_out = _fitting(rows, width)
    lines = [paint(_join({name: name for name in widths}, widths), "quiet")]
    lines += [_painted_line(line, widths, paint) for line in rows]
    lines.append("")
    if left_out:
        lines += _wrapped(f"left out to fit the width: {', '.join(left_out)}", width)
    lines += [line for total in _totals(ledger) for line in _wrapped(total, width)]
    if differences is not None:
        lines += ["", *_compared(differences, paint, width)]
    if ledger.failure is not None:
        lines += ["", *failure_text(ledger.failure, paint)]
    title = [paint(line, "bold") for line in _wrapped(_title(ledger), width)]
    return "\n".join([*title, *lines]) + "\n"


def for_console(ledger: Ledger) -> str:
    """A table as wide as the console."""
    return as_text(ledger, width=get_terminal_size((120, 24)).columns).rstrip()


def _wrapped(text: str, width: int | None) -> list[str]:
    """A sentence in as many lines as it needs."""
    return textwrap.wrap(text, width, subsequent_indent="  ") if width is not None else [text]


def failure_text(failure: Failure, paint: Paint = plain) -> list[str]:
    """Where it stopped: the line of the user's code with its neighbours, and PyTorch's message."""
    kind = f"({failure.module_type})" if failure.module_type else ""
    place = f"{failure.module} {kind}".strip()
    lines = [paint(f"✗ Here it breaks: {failure.what}" + (f" in {place}" if place else ""), "failed")]
    if failure.inputs:
        lines.append(f"  it was given {in_brackets(failure.inputs)}")
    if failure.line is not None:
        lines.append(f"  {failure.line.path}, line {failure.line.number}, in {failure.line.function}")
        for source_line in around(failure.line):
            text = f"  {'>' if source_line.is_it else ' '} {source_line.number:5}  {source_line.text}"
            lines.append(paint(text, "failed") if source_line.is_it else text)
    first, *rest = failure.message.splitlines() or [""]
    lines += [f"  {failure.error}: {first}", *(f"  {line}" for line in rest)]
    return [*lines, f"  {failure.advice}"] if failure.advice else lines


def _title(ledger: Ledger) -> str:
    given, made = in_brackets(ledger.inputs), in_brackets(ledger.outputs)
    if ledger.failure is not None:
        return f"{ledger.title}: {given} → it breaks" if given else f"{ledger.title} cannot be built"
    return f"{ledger.title}: {given} → {made or 'no tensor'}"


def _totals(ledger: Ledger) -> list[str]:
    return [
        f"{len(ledger.operations):,} operations on {ledger.device}",
        f"{ledger.parameters:,} parameters",
        f"{ledger.multiply_adds:,} multiply-adds of matrix products (FLOPs, counted one by one, are twice as many)",
        f"{output_bytes(ledger):,} bytes of outputs",
        *([f"never read: {', '.join(shape.name for shape in ledger.unused)}"] if ledger.unused else []),
        *([f"it breaks with one more picture: {ledger.other_batch.message}"] if ledger.other_batch else []),
    ]


def _compared(differences: Differences, paint: Paint, width: int | None) -> list[str]:
    longest = max(len(total.name) for total in differences.totals)
    lines = [
        f"{total.name:{longest}}  {total.text(total.before):>10} → {total.text(total.after):<10}  "
        + (paint(total.factor_text, "moved") if total.size else "=")
        for total in differences.totals
    ]
    return [paint("Differences", "bold"), *lines, "", *_wrapped(differences.sentence, width)]


def _lines(ledger: Ledger, differences: Differences | None, every: bool) -> Iterator[_TextLine]:
    for name, shape in named_inputs(ledger):
        yield _TextLine({"operation": name, "shape": axes_text((shape,)), "numbers": shape.plain, "type": shape.dtype})
    for block in blocks_of(ledger, differences, every):
        if block.is_folded:
            sums = {_column(amount.name): _amount_text(amount, amount.now) for amount in block.amounts}
            yield _TextLine({"operation": f"{block.row.module} × {block.row.repeats}", **sums}, "bold")
        for line in block.lines:
            yield _text_line(line, "  " if block.is_folded else "")
    for gone in gone_from(differences):
        name = f"- {_name(gone, gone.module)}"
        yield _TextLine({"operation": name, "numbers": _plain(gone.outputs), "rule": "no longer there"}, "moved")
    if (failure := ledger.failure) is not None:
        name = f"✗ {failure.what} {failure.module}".rstrip()
        given = " and ".join(shape.plain for shape in failure.inputs)
        yield _TextLine({"operation": name, "numbers": given}, "failed")


def _text_line(line: Line, indent: str) -> _TextLine:
    operation, before = line.operation, line.before
    cells = {
        "operation": f"{indent}{_name(operation, line.module)}",
        "shape": axes_text(operation.outputs),
        "numbers": _plain(operation.outputs, before.outputs if before else None),
        "type": line.types,
        **{_column(amount.name): _moved(amount) for amount in line.amounts},
        "equation": f"Eq. {operation.equation}" if operation.equation else "",
        "line": operation.line.place if operation.line else "",
        "code": _short(operation.line.text if operation.line else ""),
        "rule": _short(operation.rule),
    }
    return _TextLine(cells, "moved" if line.has_moved else "")


def _column(name: str) -> str:
    return name.replace("_", "-")


def _short(text: str, longest: int = _LONGEST) -> str:
    """A text of at most that many characters, without its middle if it has more: both ends tell what it is."""
    if len(text) <= longest:
        return text
    start = longest // 2
    return f"{text[:start]}…{text[len(text) - (longest - start - 1) :]}" if longest > 2 else text[:longest]


def _name(operation: Operation, module: str) -> str:
    return f"{operation.name}{' (fused)' if operation.fused else ''} {module}".rstrip()


def axes_text(shapes: tuple[TensorShape, ...]) -> str:
    """The names of the axes of shapes, where they are known: ``B × N+1 × D``."""
    return counted(" × ".join(shape.axes) for shape in shapes if shape.axes)


def _plain(shapes: tuple[TensorShape, ...], before: tuple[TensorShape, ...] | None = None) -> str:
    texts = []
    for index, shape in enumerate(shapes):
        old = before[index] if before is not None and index < len(before) else None
        if old is None or len(old.sizes) != len(shape.sizes):
            texts.append(shape.plain)
        else:
            pairs = zip(old.sizes, shape.sizes, strict=True)
            texts.append(" × ".join(str(b) if a == b else f"{a}→{b}" for a, b in pairs) or "1")
    return counted(texts)


def _moved(amount: Amount) -> str:
    return " → ".join(_amount_text(amount, count) for count in amount.counts)


def _amount_text(amount: Amount, count: int) -> str:
    return amount.text(count) if count or amount.name == "bytes" else "–"


def _fitting(lines: list[_TextLine], width: int | None) -> tuple[dict[str, int], list[str]]:
    """The columns for which there is room and how wide they are, and those that are left out; empty ones are anyway."""
    used = [name for name in _COLUMNS if any(line.cells.get(name) for line in lines)]
    widths = {name: max(len(name), *(len(line.cells.get(name, "")) for line in lines)) for name in used}
    left_out: list[str] = []
    if width is None:
        return widths, left_out

    def too_much() -> int:
        return sum(widths.values()) + 2 * (len(widths) - 1) - width

    for name in sorted((name for name in used if _COLUMNS[name]), key=lambda name: _COLUMNS[name]):
        if (excess := too_much()) <= 0:
            break
        if name in _SHORTENED and widths[name] - excess >= _SHORTEST:
            widths[name] -= excess
        else:
            left_out.append(name)
            del widths[name]
    for name, least in (("operation", 12), ("numbers", 20)):  # of which a line cannot do without
        if (excess := too_much()) > 0:
            widths[name] = min(widths[name], max(least, widths[name] - excess))
    return widths, left_out


def _painted_line(line: _TextLine, widths: dict[str, int], paint: Paint) -> str:
    text = _join(line.cells, widths)
    return paint(text, line.kind) if line.kind else text


def _join(cells: dict[str, str], widths: dict[str, int]) -> str:
    padded = []
    for name, width in widths.items():
        cell = cells.get(name, "")
        cell = _short(cell, width)
        padded.append(cell.rjust(width) if name in _ON_THE_RIGHT else cell.ljust(width))
    return "  ".join(padded).rstrip()
