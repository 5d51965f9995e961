"""What the steps of a page are made from: the session, and on a page with choices of its own more than that."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from explainer.app import session as sessions
from explainer.app.checkpoints import is_of_a_file, is_of_a_run
from explainer.app.compare import choice as compare_choice
from explainer.app.compare.names import names_of
from explainer.app.compare.sides import Pair, open_pair
from explainer.app.server.loopback import for_reader
from explainer.app.session import Session
from explainer.app.steps import own_choice
from explainer.experiments.report import Report
from explainer.numbers import YOUR_WEIGHTS
from explainer.panels import Pixels
from explainer.proofs import Proof
from explainer.steps.compare import Names
from explainer.steps.hands_on import FIRST_TOKEN
from explainer.steps.what_if import REPLACEMENTS, TOOLS
from vit_core import ForwardTrace
from vit_core.interventions import Interventions


@dataclass(frozen=True)
class WithChoice(Session):
    """A session of a page that lets choose more than others."""

    own: Mapping[str, str]


@dataclass(frozen=True)
class Compared(WithChoice):
    """Two sides: the session's own on the left, on the right what the page lets choose."""

    @cached_property
    def _opened(self) -> tuple[Pair, list[str]]:
        other, problems = compare_choice.parse(self.own)
        pair, more = open_pair(self, other)
        return pair, problems + more

    @property
    def pair(self) -> Pair:
        """Both sides."""
        return self._opened[0]

    @property
    def names(self) -> Names:
        """What there is to choose from for the right side."""
        return names_of(self.pair)

    def fitted(self) -> tuple["Compared", list[str]]:
        """With what the right side can have, and a sentence for each part that it cannot."""
        pair, problems = self._opened
        return replace(self, own={**own_choice.defaults("compare"), **pair.other.parameters}), problems


@dataclass(frozen=True)
class Changed(WithChoice):
    """The forward pass of a session, and the same with changes."""

    @cached_property
    def interventions(self) -> Interventions:
        """The changes."""
        return Interventions.parse(self.own["changes"])

    @property
    def after(self) -> ForwardTrace:
        """The forward pass with the changes."""
        return sessions.trace(self.state.checkpoint, self.state.picture, self.own["changes"])

    @cached_property
    def pixels_after(self) -> Pixels:
        """The image as the model sees it with the changes, [H, W, 3]."""
        return np.asarray(self.checkpoint.preprocess.to_picture(self.after.image))

    @property
    def report(self) -> Report:
        """The effect of the changes to take away."""
        name = self.state.checkpoint
        weights = YOUR_WEIGHTS if is_of_a_run(name) or is_of_a_file(name) else name
        return Report(weights, self.state.picture, self.checkpoint.labels, self.trace, self.after, self.interventions)

    @property
    def python(self) -> str:
        """A line of Python that computes the prediction with the changes again."""
        return for_reader(self.report.python)

    def fitted(self) -> tuple["Changed", list[str]]:
        """With what makes sense of the page's own choices, and a sentence for each part that does not."""
        problems: list[str] = []
        own = dict(self.own)
        try:
            changes, problems = Interventions.parse(own["changes"]).fitted(self.config)
        except ValueError as error:
            changes = Interventions()
            problems.append(f"The link's changes cannot be read: {error}. Nothing has been changed.")
        own["changes"] = str(changes)
        first = own_choice.defaults("what_if")
        numbers = {"first": self.config.num_patches, "where": self.config.num_layers}
        allowed = {"tool": TOOLS, "replacement": REPLACEMENTS}
        for name, last in numbers.items():
            if own[name] and not (own[name].isascii() and own[name].isdecimal() and 1 <= int(own[name]) <= last):
                problems.append(f"{name} is a number from 1 to {last}, got {own[name][:40]!r}; it is left out.")
                own[name] = first[name]
        for name, options in allowed.items():
            if own[name] not in options:
                problems.append(f"{name} is one of {', '.join(options)}, got {own[name][:40]!r}; it is left out.")
                own[name] = first[name]
        return replace(self, own=own), problems


@dataclass(frozen=True)
class Following(Session):
    """A session on a page that follows another token than the middle patch while none is chosen."""

    first: int

    @property
    def token(self) -> int:
        """0..N; 0 is the class token."""
        return self.first if self.state.token is None else self.state.token


def followed(page: str, session: Session) -> Session:
    """The session as a page sees it."""
    if page not in FIRST_TOKEN:
        return session
    return Following(session.state, session.checkpoint, session.model, session.trace, FIRST_TOKEN[page])


def moment_of(page: str, session: Session, own: Mapping[str, str]) -> tuple[Any, list[str]]:
    """What the steps of a page are made from, and a sentence for each choice that makes no sense."""
    if page == "what_if":
        return Changed(session.state, session.checkpoint, session.model, session.trace, own).fitted()
    if page == "compare":
        return Compared(session.state, session.checkpoint, session.model, session.trace, own).fitted()
    return followed(page, session), []


def opening_of(page: str, session: Session) -> dict[str, str]:
    """The page's own choices on a first visit by no link."""
    return compare_choice.opening(session.state.picture).parameters if page == "compare" else {}


def proofs_of(moment: Session, claim: int | str) -> list[Proof]:
    """How a claim came out, of each forward pass that the page shows."""
    if isinstance(moment, Changed):
        return [sessions.proof(moment, claim, moment.own["changes"])]
    if isinstance(moment, Compared):
        sides = zip(("Left", "Right"), moment.pair.seen, strict=True)
        opened = [(name, sessions.open_session(seen.state)[0], seen.change) for name, seen in sides]
        proofs = [(name, sessions.proof(session, claim, change)) for name, session, change in opened]
        return [replace(proof, equation=f"{name}: {proof.equation}") for name, proof in proofs]
    return [sessions.proof(moment, claim)]


TENSORS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("walk", "what_if"), ("embedding", "attention", "mlp", "head")),
    "compare": ("patches", "embedding", "attention", "mlp", "head"),
}
"""The stages whose tensors the steps of a page read and make, where it is no stage itself."""
