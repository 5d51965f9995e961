"""What went wrong: the likely mistake behind a shape error or a wrong shape, worked out from the shapes."""

from dataclasses import dataclass

from explainer.shapes.operations import Ledger, Line

MISTAKES: dict[str, str] = {  # the cause, and what a reader calls it
    "patch-does-not-divide": "The patch does not divide the picture",
    "missing-flatten": "The grid was not flattened",
    "missing-permute": "Axes are in the wrong order",
    "missing-batch": "The batch axis is missing",
    "class-token-not-expanded": "The class token was not expanded to the batch",
    "positions-of-another-resolution": "The positions belong to another resolution",
    "heads-do-not-divide": "The heads do not divide D",
    "batch-first": "Attention runs over the batch",
    "head-reads-all-tokens": "The head reads all tokens",
    "channels-last": "The channels are the last axis",
    "rgba": "The picture has four channels",
    "sequence-not-joined": "The sequence is one token short or long",
}


@dataclass(frozen=True)
class Diagnosis:
    """The likely mistake: what the shapes were, what they should have been, and the repair."""

    cause: str  # a key of MISTAKES
    found: str
    expected: str
    fix: str  # a line of code with this model's numbers
    line: Line | None  # where to repair it


def diagnose(ledger: Ledger, expected_output: tuple[int, ...] | None = None) -> Diagnosis | None:
    """The likely mistake in a model that broke, or that ran and did not do what it should.

    None where the shapes do not tell.
    """
    return None
