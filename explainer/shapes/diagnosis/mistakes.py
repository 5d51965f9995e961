"""What went wrong: the likely mistake behind a shape error or a wrong shape, worked out from the shapes."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from explainer.shapes.diagnosis.attention import over_the_batch, over_the_heads
from explainer.shapes.diagnosis.axes import axes, square_tokens
from explainer.shapes.diagnosis.case import Case, Finding
from explainer.shapes.diagnosis.code import divisions
from explainer.shapes.diagnosis.head import head
from explainer.shapes.diagnosis.heads import failed_constructor, heads, lost_in_heads
from explainer.shapes.diagnosis.inputs import channels_last, missing_batch, rgba
from explainer.shapes.diagnosis.patches import another_size
from explainer.shapes.diagnosis.positions import failed_loading, sliced_positions
from explainer.shapes.diagnosis.reshapes import cut_across
from explainer.shapes.diagnosis.sequence import class_token, sequence
from explainer.shapes.diagnosis.steps import Repair
from explainer.shapes.diagnosis.tables import tables
from explainer.shapes.diagnosis.trials import Trials
from explainer.shapes.entries.ledger import Ledger, Subject
from explainer.shapes.entries.operations import Line

STRICT = False  # whether an error inside a rule is raised: for tests
_TRIED_FOR_REAL = 100_000_000  # parameters: a model with more is tried on the meta device alone

Rule = Callable[[Case], Iterator[Finding]]


@dataclass(frozen=True)
class Mistake:
    """A mistake that shapes tell."""

    cause: str
    title: str  # what a reader calls it
    rules: tuple[tuple[int, Rule], ...]  # what finds it, and when: rules of 1 are asked first


# A rule that explains more is asked earlier. If two rules of one number explain a model equally well, neither counts.
_REGISTRY = (
    Mistake("patch-does-not-divide", "The patch does not divide the picture", ((3, another_size),)),
    Mistake("missing-flatten", "The grid was not flattened", ((7, axes),)),
    Mistake(
        "missing-permute",
        "Axes are in the wrong order",
        ((7, axes), (8, square_tokens), (8, cut_across), (9, over_the_heads)),
    ),
    Mistake("missing-batch", "The batch axis is missing", ((1, missing_batch), (7, axes))),
    Mistake("class-token-not-expanded", "The class token was not expanded to the batch", ((5, class_token),)),
    Mistake(
        "positions-of-another-resolution",
        "The positions belong to another resolution",
        ((3, another_size), (3, tables), (11, sliced_positions)),
    ),
    Mistake("heads-do-not-divide", "The heads do not divide D", ((2, heads), (10, lost_in_heads))),
    Mistake("batch-first", "Attention runs over the batch", ((4, over_the_batch),)),
    Mistake("head-reads-all-tokens", "The head reads all tokens", ((7, head),)),
    Mistake("channels-last", "The channels are the last axis", ((1, channels_last), (8, cut_across))),
    Mistake("rgba", "The picture has four channels", ((1, rgba),)),
    Mistake(
        "sequence-not-joined",
        "The sequence is one token short or long",
        ((5, class_token), (6, sequence), (11, sliced_positions)),
    ),
)
MISTAKES = {mistake.cause: mistake.title for mistake in _REGISTRY}


def rules_in_order(mistakes: Iterable[Mistake] = _REGISTRY) -> tuple[tuple[Rule, ...], ...]:
    """Group the rules of all mistakes by their number, the lowest first."""
    ranked = dict.fromkeys(pair for mistake in mistakes for pair in mistake.rules)
    return tuple(
        tuple(rule for other, rule in ranked if other == rank) for rank in sorted({rank for rank, _ in ranked})
    )


@dataclass(frozen=True)
class Diagnosis:
    """The likely mistake: which shapes were found, which were expected, and the repair."""

    cause: str  # a key of MISTAKES
    found: str
    expected: str
    fix: str  # a line of code with this model's numbers; empty if no repair that was tried worked
    line: Line | None  # where to repair it
    title: str = ""  # replaces the one in MISTAKES
    is_tried: bool = True  # whether the repaired model ran as it should; if not, the repair is worked out


def diagnose(ledger: Ledger, expected_output: tuple[int, ...] | None = None) -> Diagnosis | None:
    """Find the likely mistake in a model that broke, or that ran but did not do what it should.

    A repair is reported after the model ran with it. Three kinds are worked out from the sizes instead, and
    ``is_tried`` is then False: a number of heads, weights of another size, and axes mixed by a reshape.

    Args:
        ledger: the ledger of the model.
        expected_output: the shape that the output should have, if it is known.

    Returns:
        The mistake, or None if the shapes do not show one.
    """
    finding = _find(ledger, expected_output)
    if finding is None:
        return None
    line = finding.code.line if finding.code else ledger.failure.line if ledger.failure else None
    return Diagnosis(finding.cause, finding.found, finding.expected, finding.fix, line, finding.title, finding.is_tried)


def _find(ledger: Ledger, expected: tuple[int, ...] | None) -> Finding | None:
    subject = ledger.subject
    if subject is None:
        return None
    if not isinstance(subject.model, nn.Module):
        try:
            subject = replace(subject, model=subject.model())
        except Exception as error:  # the same again, with its frames
            found = [
                *failed_loading(error.__traceback__),
                *failed_constructor(divisions(error.__traceback__), _shape_given(subject)),
            ]
            return found[0] if found else None
    if not any(isinstance(value, Tensor) for value in (*subject.arguments, *subject.named.values())):
        return None
    case = _open_case(ledger, subject, expected)
    if case is None or _is_of_memory_order(case):
        return None
    for rules in rules_in_order():
        findings = [finding for rule in rules for finding in _findings_of(rule, case)]
        if not findings:
            continue
        best = max(finding.score for finding in findings)
        causes = {finding.cause: finding for finding in reversed(findings) if finding.score == best}
        return next(iter(causes.values())) if len(causes) == 1 else None
    return None


def _findings_of(rule: Rule, case: Case) -> list[Finding]:
    """Apply a rule. On code that it cannot deal with, a rule finds nothing."""
    try:
        return list(rule(case))
    except (IndexError, KeyError, TypeError, ValueError, RuntimeError, AttributeError, ArithmeticError):
        if STRICT:
            raise
        return []


def _open_case(ledger: Ledger, subject: Subject, expected: tuple[int, ...] | None) -> Case | None:
    """The case on meta, if the model does there what it did; otherwise with real tensors."""
    for real in (False, True):
        if real and (ledger.device == "meta" or ledger.parameters > _TRIED_FOR_REAL):
            return None
        case = Case(ledger, Trials(subject, real), expected)
        error = type(case.original.error).__name__ if case.original.error else None
        if error == (ledger.failure.error if ledger.failure else None):
            return case
    return None


def _is_of_memory_order(case: Case) -> bool:
    """Whether a view failed only because the numbers do not lie in memory in that order: none of the mistakes."""
    failing = case.original.failing
    if failing is None or failing.name not in ("view", "view_as"):
        return False

    def reshaped(args: Any, kwargs: Any) -> Any:
        return args[0].reshape_as(args[1]) if failing.name == "view_as" else args[0].reshape(*args[1:], **kwargs)

    return len(case.trials.run(Repair(instead={failing.index: reshaped})).steps) > failing.index


def _shape_given(subject: Subject) -> tuple[int, ...]:
    first = subject.arguments[0] if subject.arguments else None
    if isinstance(first, Tensor):
        return tuple(first.shape)
    return subject.arguments if all(isinstance(value, int) for value in subject.arguments) else ()
