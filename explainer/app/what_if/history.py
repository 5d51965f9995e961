"""The changes that the reader has made, one after another: in the session, in the address, and the way back.

They are kept as text, as the address has it. The address wins whenever it differs from what this session last wrote
there: then somebody opened a link, went back, or typed.
"""

from dataclasses import dataclass

import streamlit as st

from explainer.app.links.parameters import put
from vit_core import ViTConfig
from vit_core.interventions import Interventions

NAME = "changes"  # in the address
MOST = 100  # steps back
_WRITTEN, _SHOWN = "what_if_written", "what_if_shown"


@dataclass(frozen=True)
class History:
    """The present changes, the earlier ones, and those that were undone."""

    past: tuple[str, ...] = ()
    present: str = ""
    future: tuple[str, ...] = ()

    def changed(self, text: str) -> "History":
        """With another present; what had been undone is forgotten."""
        return self if text == self.present else History((*self.past, self.present)[-MOST:], text)

    def undone(self) -> "History":
        """One step back, if there is one."""
        if not self.past:
            return self
        return History(self.past[:-1], self.past[-1], (self.present, *self.future))

    def redone(self) -> "History":
        """One step forward again, if there is one."""
        if not self.future:
            return self
        return History((*self.past, self.present), self.future[0], self.future[1:])


class Steps:
    """The history of this session under a key, and the steps in it; each shows in the next run."""

    def __init__(self, key: str, first: str = "") -> None:
        self.key, self.first = key, History(present=first)

    @property
    def now(self) -> History:
        """The history as it is."""
        kept: History = st.session_state.get(self.key, self.first)
        return kept

    def take(self, text: str) -> None:
        """Make this the present."""
        st.session_state[self.key] = self.now.changed(text)

    def undo(self) -> None:
        """Go one step back."""
        st.session_state[self.key] = self.now.undone()

    def redo(self) -> None:
        """Go one step forward again."""
        st.session_state[self.key] = self.now.redone()


steps = Steps("what_if_history")


def current() -> Interventions:
    """The changes as they were made, those that do not fit the model included."""
    return Interventions.parse(steps.now.present)


def shown() -> Interventions:
    """The changes that the page shows and that a control changes further."""
    return Interventions.parse(st.session_state.get(_SHOWN, ""))


def change(interventions: Interventions) -> None:
    """Make these the changes from the next run on."""
    steps.take(str(interventions))


def read(config: ViTConfig) -> tuple[Interventions, list[str]]:
    """The changes of this run that the model can have, and a sentence for each bad part of the address."""
    problems = []
    asked = st.query_params.get(NAME)
    if asked is not None and asked != st.session_state.get(_WRITTEN):
        try:
            change(Interventions.parse(asked))
        except ValueError as error:
            problems.append(f"The link's changes cannot be read: {error}. Nothing has been changed.")
    st.session_state[_WRITTEN] = steps.now.present
    put(NAME, steps.now.present or None)
    fitting, others = current().fitted(config)
    st.session_state[_SHOWN] = str(fitting)
    return fitting, problems + others
