"""An examination in words: for a terminal, and the words that the page uses, too."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from vit_core.examination import Examination, Expectation, Finding
from vit_core.weights.head_candidates import HeadCandidate

SIZE_NAMES = {
    "image_size": "image",
    "patch_size": "patch P",
    "num_channels": "channels C",
    "num_layers": "layers L",
    "hidden_size": "hidden size D",
    "mlp_size": "MLP size",
    "num_classes": "classes K",
    "representation_size": "hidden layer of the head",
}
MARKS = {"error": "✗", "warning": "!", "note": "·"}
HEADS_UNTOLD = (
    "No shape shows the number of heads k: the q, k and v of all heads lie side by side in matrices of D columns, "
    "and every k that divides D gives matrices of the same shape."
)
MOST_CANDIDATES = 6


def bytes_text(count: int) -> str:
    """``19.2 MB``."""
    if count < 1000:
        return f"{count} byte{'' if count == 1 else 's'}"
    if count < 1e6:
        return f"{count / 1e3:,.1f} kB"
    return f"{count / 1e6:,.1f} MB" if count < 1e9 else f"{count / 1e9:,.1f} GB"


def verdict(examination: Examination) -> str:
    """Whether it opens, and if not why, in a sentence or two."""
    if examination.opens:
        return f"{examination.name} opens here."
    problem = examination.problem.rstrip(".")
    if not problem.startswith(examination.name):
        problem = f"{examination.name} does not open here: {problem}"
    return f"{problem}. {examination.remedy}".strip()


def recognised(examination: Examination) -> str:
    """Whose it is, what kind of file, how large."""
    parts = [f"Recognised as {examination.family}"] if examination.kind else []
    parts += [examination.kind] if examination.kind else []
    parts += [bytes_text(examination.file_bytes)] if examination.file_bytes else []
    if examination.tensors:
        parts.append(f"{len(examination.tensors):,} tensors with {examination.num_parameters:,} numbers")
    return " · ".join(parts)


def about_text(finding: Finding) -> str:
    """What a finding is about, as a reader calls it."""
    return "file" if finding.about == "container" else finding.about


def _candidate_row(candidate: HeadCandidate) -> tuple[str, str]:
    """``k = 12, D_h = 64``, and what is known of it."""
    reason = f": {candidate.reason}" if candidate.reason else ""
    choice = " (your choice)" if candidate.is_chosen else ""
    name = f"k = {candidate.num_heads}, D_h = {candidate.head_size}"
    return name, f"{standing_text(candidate)}{reason}{choice}"


def standing_text(candidate: HeadCandidate) -> str:
    """Its standing: stated, likely or possible."""
    return "stated" if candidate.is_stated else "likely" if candidate.reason else "possible"


def told_text(expectation: Expectation) -> str:
    """Where it is written."""
    if expectation.guess:
        return f"not stored: a guess: {expectation.guess}"
    return f"from {expectation.stated_by}" if expectation.stated_by else "not stored: usual for this family"


def head_kind(examination: Examination) -> str:
    """The layers of the classification head, from the shapes; empty if they show none."""
    sizes = {read.field: read.value for read in examination.sizes}
    if "num_classes" not in sizes:
        return ""
    if hidden := sizes.get("representation_size"):
        return f"a hidden tanh layer of {hidden:,} and one linear layer, as in pre-training (paper D.3)"
    return "one linear layer on the class token, as after fine-tuning (paper 3.1)"


def as_text(examination: Examination, names: bool = False) -> str:
    """The whole report for a terminal, with every tensor if ``names``."""
    lines = [line for line in (verdict(examination), recognised(examination)) if line]
    for title, section in _sections(examination, names):
        lines += ["", title, *(f"  {line}" for line in section)] if section else []
    return "\n".join(line.rstrip() for line in lines)


def _sections(examination: Examination, names: bool) -> Iterator[tuple[str, list[str]]]:
    """The titles and the lines of what follows the verdict; a section without lines is left out."""
    sizes = [
        (SIZE_NAMES[read.field], f"{read.value:,}", f"{read.name} {list(read.shape)}", read.how)
        for read in examination.sizes
    ]
    head = head_kind(examination)
    yield "Sizes, and the tensor each was read from", _aligned(sizes) + ([f"head: {head}"] if head else [])
    if examination.heads:
        shown = sorted(examination.heads, key=lambda candidate: not candidate.is_chosen)[:MOST_CANDIDATES]
        lines = [HEADS_UNTOLD, *_aligned([_candidate_row(candidate) for candidate in shown])]
        if unlisted := len(examination.heads) - len(shown):
            lines.append(f"and {unlisted} more divisor{'s' if unlisted > 1 else ''} of D")
        yield "Attention heads k", lines
    facts = [(fact.what, f"{fact.value} ({told_text(fact)})") for fact in examination.expectations]
    yield "What the numbers depend on and no shape shows", _aligned(facts)
    yield "Findings", [f"{MARKS[row.severity]} {about_text(row)}: {row.sentence}" for row in examination.findings]
    tensors = [(name, str(list(shape)), kind) for name, shape, kind in examination.tensors]
    yield "Tensors", _aligned(tensors) if names else []


def as_json(examination: Examination) -> dict[str, Any]:
    """The same for a program."""
    fields = asdict(examination)
    checkpoint = fields.pop("checkpoint")
    fields["opens"] = examination.opens
    fields["config"] = None if checkpoint is None else checkpoint["config"]
    fields["preprocess"] = None if checkpoint is None else checkpoint["preprocess"]
    fields["tensors"] = [{"name": name, "shape": shape, "type": kind} for name, shape, kind in examination.tensors]
    return fields


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
