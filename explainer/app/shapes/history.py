"""Steps that can be undone: a present text, the earlier ones, and those that were undone."""

from dataclasses import dataclass

import streamlit as st

MOST = 100  # steps back


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
