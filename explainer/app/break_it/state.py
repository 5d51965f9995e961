"""The state of the lab: the bug, the sizes, predictions and repairs tried; in session and link."""

from dataclasses import asdict, astuple, dataclass, field

import streamlit as st

from explainer.app.links.parameters import put
from explainer.break_it.bugs import BUGS, Bug
from explainer.break_it.progress import NEVER, Progress, read_shape
from explainer.break_it.runs import answer, run
from explainer.break_it.sizes import HIDDEN, PATCHES, Sizes

BUG, SIZES, PROGRESS = "bug", "lab_sizes", "solved"  # in the address
_LAB, _WRITTEN = "lab", "lab_written"


@dataclass
class Lab:
    """All of it; small and of plain values."""

    bug: str = next(iter(BUGS))
    sizes: Sizes = field(default_factory=Sizes)
    progress: Progress = field(default_factory=Progress)
    predicted: dict[str, tuple[Sizes, str]] = field(default_factory=dict)  # the answer given before it ran
    tried: dict[str, tuple[Sizes, int]] = field(default_factory=dict)  # the repair that was run last
    hints: dict[str, int] = field(default_factory=dict)  # how many have been asked for

    @property
    def chosen(self) -> Bug:
        """The bug that is looked at."""
        return BUGS[self.bug]

    @property
    def prediction(self) -> str | None:
        """The prediction made with these sizes; None before the bug has run with them."""
        sizes, text = self.predicted.get(self.bug, (None, None))
        return text if sizes == self.sizes else None

    @property
    def repair(self) -> int | None:
        """The repair that was run last with these sizes."""
        sizes, index = self.tried.get(self.bug, (None, None))
        return index if sizes == self.sizes else None

    def choose(self, bug: str) -> None:
        """Look at this bug."""
        self.bug = bug

    def neighbour(self, step: int) -> str | None:
        """The bug before or after the chosen one."""
        names = list(BUGS)
        index = names.index(self.bug) + step
        return names[index] if 0 <= index < len(names) else None

    def choose_neighbour(self, step: int) -> None:
        """Look at the bug before or after the chosen one."""
        self.bug = self.neighbour(step) or self.bug

    def choose_size(self, name: str, value: int) -> None:
        """Change one size; those that no longer fit take the nearest value that does."""
        values = asdict(self.sizes) | {name: value}
        for part, fitting in (
            ("patch_size", PATCHES[values["image_size"]]),
            ("num_heads", HIDDEN[values["hidden_size"]]),
        ):
            values[part] = min(fitting, key=lambda size: abs(size - values[part]))
        self.sizes = Sizes(**values)

    def predict(self, text: str) -> None:
        """Run the bug after this was predicted: a shape as it is typed, or one of the two answers in words."""
        is_right = self.is_right(text)
        self.progress = self.progress.with_prediction(self.bug, is_right)
        self.predicted[self.bug] = (self.sizes, text)

    def is_right(self, text: str) -> bool:
        """Whether this is the shape; what is not a shape is one of the answers in words."""
        true = answer(self.sizes, self.chosen)
        try:
            return read_shape(text) == true
        except ValueError:
            return true is None and text == NEVER

    def try_repair(self, index: int) -> None:
        """Run a repair."""
        self.tried[self.bug] = (self.sizes, index)
        if run(self.sizes, self.chosen.repairs[index]).is_sound(self.sizes):
            self.progress = self.progress.with_repair(self.bug)

    def ask_for_hint(self) -> None:
        """One more rung of the ladder."""
        self.hints[self.bug] = min(3, self.hints.get(self.bug, 0) + 1)

    def reset(self) -> None:
        """Begin again; the bug and the sizes stay."""
        self.progress, self.predicted, self.tried, self.hints = Progress(), {}, {}, {}


def current() -> Lab:
    """The lab of this session."""
    lab: Lab = st.session_state.setdefault(_LAB, Lab())
    return lab


def read() -> list[str]:
    """Take over what the address asks for; a sentence for every part of it that makes no sense."""
    lab, problems = current(), []
    asked = {name: st.query_params[name] for name in (BUG, SIZES, PROGRESS) if name in st.query_params}
    if asked != st.session_state.get(_WRITTEN, {}) and (asked or _WRITTEN not in st.session_state):
        if (bug := asked.get(BUG, lab.bug)) in BUGS:
            lab.bug = bug
        else:
            problems.append(f"The link names the bug {bug[:40]!r}, which is not here. You see {lab.chosen.title!r}.")
        try:
            if text := asked.get(SIZES):
                lab.sizes = _sizes(text)
        except ValueError:
            problems.append(f"The link's sizes {asked[SIZES][:40]!r} cannot be chosen here; they are left out.")
        try:
            if text := asked.get(PROGRESS):
                lab.progress = Progress.parse(text)
        except ValueError as error:
            problems.append(str(error))
    _write(lab)
    return problems


def _write(lab: Lab) -> None:
    """Put all that a link should carry into the address, leaving out what is as it is at first."""
    values = {
        BUG: "" if lab.bug == Lab().bug else lab.bug,
        SIZES: "" if lab.sizes == Sizes() else "-".join(map(str, astuple(lab.sizes))),
        PROGRESS: str(lab.progress),
    }
    st.session_state[_WRITTEN] = {name: value for name, value in values.items() if value}
    for name, value in values.items():
        put(name, value or None)


def _sizes(text: str) -> Sizes:
    parts = text.split("-")
    if len(parts) != 5 or not all(part.isascii() and part.isdigit() and len(part) < 4 for part in parts):
        raise ValueError(f"no sizes: {text[:40]!r}")
    return Sizes(*map(int, parts))
