"""The two sides opened: the app's choice on the left, this page's own on the right."""

from dataclasses import dataclass, replace

import numpy as np

from explainer.app import checkpoints, session
from explainer.app.compare.choice import Other
from explainer.app.session import Session
from explainer.app.state import State
from explainer.experiments.sides import MEAN, Side, same_place
from explainer.gallery import GALLERY
from vit_core import Checkpoint, ForwardTrace, ViTConfig
from vit_core.interventions import Interventions


@dataclass(frozen=True)
class Seen:
    """One side in plain values: what has to be chosen to see it."""

    state: State
    change: str

    @property
    def key(self) -> tuple[str | int, ...]:
        """All that the page depends on."""
        state = self.state
        assert state.token is not None
        return (state.checkpoint, state.picture, state.layer, state.head, state.token, self.change)


@dataclass(frozen=True)
class Pair:
    """Both sides, and the choice that led to the right one."""

    left: Side
    right: Side
    seen: tuple[Seen, Seen]
    other: Other  # without what could not be had

    @property
    def key(self) -> tuple[str | int, ...]:
        """All that the page depends on."""
        return (*self.seen[0].key, *self.seen[1].key, self.other.mean_heads)

    @property
    def is_same(self) -> bool:
        """Whether nothing is different."""
        return self.seen[0] == self.seen[1]

    def swapped(self) -> tuple[State, Other]:
        """The choice that makes the sides change places."""
        (left, right), before = self.seen, self.seen[0].state
        own = {
            name: getattr(before, name)
            for name in ("picture", "checkpoint", "layer", "head", "token")
            if getattr(before, name) != getattr(right.state, name)
        }
        change = left.change if left.change != right.change else None
        return right.state, Other(**own, change=change, this_change=right.change, mean_heads=self.other.mean_heads)


def open_pair(app: Session, other: Other) -> tuple[Pair, list[str]]:
    """Both sides; a choice that the right side cannot have is as on the left, with a sentence why."""
    problems: list[str] = []
    this_change = _fitting(other.this_change, app.config, "left", problems)
    left = Seen(replace(app.state, token=app.token), this_change)
    checkpoint, other = _checkpoint(app, other, problems)
    config = checkpoint.config
    for name, last in (("layer", config.num_layers), ("head", config.num_heads), ("token", config.num_patches)):
        value = getattr(other, name)
        if value is not None and not (0 if name == "token" else 1) <= value <= last:
            problems.append(f"There is no {name} {value} on the right: its last {name} is {last}.")
            other = replace(other, **{name: None})  # type: ignore[arg-type]
    asked = this_change if other.change is None else other.change
    change = _fitting(asked, config, "right", problems)
    if change != asked:
        other = replace(other, change=None if change == this_change else change)
    right = Seen(
        State(
            picture=other.picture or app.state.picture,
            checkpoint=checkpoint.name,
            layer=other.layer or min(app.layer, config.num_layers),
            head=other.head or min(app.head, config.num_heads),
            token=same_place(app.token, app.config.grid_size, config.grid_size) if other.token is None else other.token,
        ),
        change,
    )
    try:
        if (right.state.picture, right.change) != (left.state.picture, left.change):
            session.check_memory(checkpoint, other=app.checkpoint)
        trace = session.trace(right.state.checkpoint, right.state.picture, change)
    except session.UNAVAILABLE as error:
        problems.append(f"{error} The right side has the image of the left.")
        other = replace(other, picture=None, change=None)
        right = Seen(replace(right.state, picture=app.state.picture), _fitting(this_change, config, "right", problems))
        trace = session.trace(right.state.checkpoint, right.state.picture, right.change)
    marks, mean = _marks(left, right, other.mean_heads), other.mean_heads
    pair = Pair(
        _side("left", left, session.trace(left.state.checkpoint, left.state.picture, this_change), marks[0], mean),
        _side("right", right, trace, marks[1], mean),
        (left, right),
        replace(other, this_change=this_change),
    )
    return pair, problems


def _checkpoint(app: Session, other: Other, problems: list[str]) -> tuple[Checkpoint, Other]:
    """The checkpoint of the right side, in memory; that of the left where it cannot be had."""
    if other.checkpoint in (None, app.state.checkpoint):
        return app.checkpoint, other
    try:
        return session.open_checkpoint(str(other.checkpoint), other=app.checkpoint), other
    except session.UNAVAILABLE as error:
        problems.append(f"{other.checkpoint} cannot be on the right: {error} It has the checkpoint of the left.")
        return app.checkpoint, replace(other, checkpoint=None)


def _fitting(changes: str, config: ViTConfig, name: str, problems: list[str]) -> str:
    """The changes that this model can have."""
    fitting, sentences = Interventions.parse(changes).fitted(config)
    problems += [f"On the {name}: {sentence}" for sentence in sentences]
    return str(fitting)


def _side(name: str, seen: Seen, trace: ForwardTrace, marks: tuple[str, ...], is_mean: bool) -> Side:
    model, record = session.load_model(seen.state.checkpoint)
    state = seen.state
    assert state.token is not None
    return Side(
        "left" if name == "left" else "right",
        model,
        trace,
        np.asarray(record.preprocess.to_picture(trace.image)),
        record.labels,
        state.layer,
        MEAN if is_mean else state.head,
        state.token,
        marks,
    )


def _marks(left: Seen, right: Seen, is_mean: bool) -> list[tuple[str, ...]]:
    """The words that distinguish the sides, for each of them."""
    words: list[list[str]] = [[], []]
    for name in ("picture", "checkpoint", "layer", "head"):
        values = [getattr(side.state, name) for side in (left, right)]
        if values[0] == values[1] or (name == "head" and is_mean):
            continue
        for side_words, value in zip(words, values, strict=True):
            side_words.append(
                picture_title(value)
                if name == "picture"
                else checkpoints.title_of(value)
                if name == "checkpoint"
                else f"{name} {value}"
            )
    if left.change != right.change:
        for side_words, side in zip(words, (left, right), strict=True):
            side_words.append(change_title(side.change))
    return [tuple(side_words) for side_words in words]


def picture_title(name: str) -> str:
    """The image as a person calls it."""
    return GALLERY[name].title if name in GALLERY else "your image"


def change_title(changes: str) -> str:
    """The changes in words: the first, and how many more there are."""
    first, *others = [change.title for change in Interventions.parse(changes).changes] or ["unchanged"]
    first = first if first[:2].isupper() or first.startswith("E_pos") else first[0].lower() + first[1:]
    return first + (f" and {len(others)} more change{'s' if len(others) > 1 else ''}" if others else "")
