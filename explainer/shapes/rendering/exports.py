"""A ledger as a table for a spreadsheet, and as JSON."""

import csv
import io
import json
from dataclasses import asdict, replace
from typing import Any

from explainer.shapes.diagnosis.mistakes import Diagnosis
from explainer.shapes.diagnosis.report import Verdict
from explainer.shapes.entries.differences import Differences
from explainer.shapes.entries.ledger import Ledger
from explainer.shapes.entries.operations import Operation, TensorShape
from explainer.shapes.rendering.source_lines import path_of
from explainer.shapes.rendering.text_table import axes_text


def as_csv(ledger: Ledger) -> str:
    """Every operation of every block as a row."""
    rows = [_record(operation, number) for number, operation in enumerate(ledger.operations, 1)]
    return _csv(rows)


def differences_csv(differences: Differences) -> str:
    """Every operation of both ledgers as a row, those of equal blocks once."""
    rows = []
    for change in differences.changes:
        made = change.after or change.before
        assert made is not None
        row: dict[str, Any] = {"operation": made.name, "module": made.module, "moved": "yes" if change.moved else "no"}
        for when, operation, repeats in (
            ("before", change.before, change.repeats_before),
            ("after", change.after, change.repeats_after),
        ):
            row |= {f"{name}_{when}": count for name, count in _counts(operation, repeats).items()}
        rows.append(row)
    return _csv(rows)


def _counts(operation: Operation | None, repeats: int) -> dict[str, Any]:
    names = ("bytes", "parameters", "multiply_adds")
    return {
        "blocks": repeats,
        "shape": _sizes(operation.outputs) if operation else "",
        **{name: getattr(operation, name, "") for name in names},
    }


def as_json(
    ledger: Ledger,
    differences: Differences | None = None,
    diagnosis: Diagnosis | None = None,
    verdict: Verdict | None = None,
) -> str:
    """Everything that the ledger holds, with the totals, and the likely mistake or what was checked."""
    content: dict[str, Any] = {
        "title": ledger.title,
        "device": ledger.device,
        "parameters": ledger.parameters,
        "multiply_adds": ledger.multiply_adds,
        "inputs": [asdict(shape) for shape in ledger.inputs],
        "outputs": [asdict(shape) for shape in ledger.outputs],
        "operations": [_operation(operation) for operation in ledger.operations],
        "failure": asdict(ledger.failure) if ledger.failure else None,
        "unused": [asdict(shape) for shape in ledger.unused],
        "other_batch": asdict(ledger.other_batch) if ledger.other_batch else None,
        "diagnosis": asdict(diagnosis) if diagnosis else None,
        "verdict": asdict(verdict) if verdict else None,
    }
    if differences is not None:
        content["differences"] = {
            "sentence": differences.sentence,
            "totals": [asdict(total) | {"factor": total.factor} for total in differences.totals],
        }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _operation(operation: Operation) -> dict[str, Any]:
    line = operation.line
    return asdict(operation if line is None else replace(operation, line=replace(line, path=path_of(line))))


def _record(operation: Operation, number: int) -> dict[str, Any]:
    line = operation.line
    return {
        "number": number,
        "operation": operation.name,
        "module": operation.module,
        "module_type": operation.module_type,
        "inputs": _sizes(operation.inputs),
        "arguments": operation.arguments,
        "axes": axes_text(operation.outputs),
        "shape": _sizes(operation.outputs),
        "dtype": " ".join(dict.fromkeys(shape.dtype for shape in operation.outputs)),
        "bytes": operation.bytes,
        "parameters": operation.parameters,
        "multiply_adds": operation.multiply_adds,
        "fused": "yes" if operation.fused else "no",
        "equation": operation.equation or "",
        "file": path_of(line) if line else "",
        "line": line.number if line else "",
        "code": line.text if line else "",
        "rule": operation.rule,
    }


def _sizes(shapes: tuple[TensorShape, ...]) -> str:
    return "; ".join("x".join(map(str, shape.sizes)) or "1" for shape in shapes)


def _csv(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()
