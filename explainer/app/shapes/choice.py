"""The model of the Shapes page and the one it is compared with: in the session, in the address, with undo."""

from dataclasses import replace
from typing import NamedTuple

import streamlit as st

from explainer.app.links.parameters import put
from explainer.app.shapes.history import History, Steps
from explainer.shapes.catalogue import CATALOGUE, FIELDS, Setting, changes_between
from vit_core import ViTConfig

SIZES, AGAINST = "sizes", "against"  # in the address
CHECKPOINT = "checkpoint"  # as a start: the one that the sidebar has chosen
BEFORE, NOTHING = "before", "nothing"  # to compare with: the setting before, or none
_WRITTEN = "shapes_written"
_SHOWN, _PREVIOUS = "shapes_shown", "shapes_previous"


class Sizes(NamedTuple):
    """A model that can be, and how many pictures it is given; the text has all that its shapes depend on."""

    config: ViTConfig
    batch: int
    text: str

    @property
    def words(self) -> str:
        """The text for people."""
        return Setting.parse(self.text).words


steps = Steps("shapes_history", CHECKPOINT)  # the settings of this session, as text, the impossible ones included


def current() -> Setting:
    """The setting that the reader has asked for."""
    return Setting.parse(steps.now.present)


def against() -> str:
    """The reader's choice to compare with: a setting as text, or one of the two words."""
    kept: str = st.session_state.get(AGAINST, BEFORE)
    return kept


def choose(setting: Setting) -> None:
    """Show this from the next run on."""
    steps.take(str(setting))


def compare_with(text: str) -> None:
    """Compare with this from the next run on."""
    st.session_state[AGAINST] = text


def read() -> list[str]:
    """Take over what the address asks for; a sentence for every part of it that makes no sense."""
    problems = []
    asked = {name: st.query_params[name] for name in (SIZES, AGAINST) if name in st.query_params}
    if asked != st.session_state.get(_WRITTEN, {}) and (asked or _WRITTEN not in st.session_state):
        if text := asked.get(SIZES):
            try:
                _open(_known(text))
            except ValueError as error:
                problems.append(f"The link's sizes cannot be read: {error}. You see the checkpoint of the sidebar.")
        if text := asked.get(AGAINST):
            try:
                compare_with(text if text == NOTHING else str(_known(text)))
            except ValueError as error:
                problems.append(f"The link's model to compare with cannot be read: {error}.")
    _write()
    return problems


def start_of(setting: Setting, checkpoint: ViTConfig) -> ViTConfig:
    """The sizes before anything is changed of them."""
    return checkpoint if setting.start == CHECKPOINT else CATALOGUE[setting.start].config


def resolve(setting: Setting, checkpoint: ViTConfig) -> Sizes:
    """A setting with its sizes.

    Raises:
        ValueError: if they do not fit together; one sentence.
    """
    config, batch = setting.config(start_of(setting, checkpoint))
    return Sizes(config, batch, str(Setting.of(config, batch)))


def shown(checkpoint: ViTConfig) -> tuple[Sizes, str]:
    """The sizes that the page shows: those asked for, or, with a sentence, the last possible ones."""
    problem = ""
    try:
        sizes = resolve(current(), checkpoint)
    except ValueError as error:
        problem = str(error)
        try:
            sizes = resolve(Setting.parse(st.session_state[_SHOWN]), checkpoint)
        except (KeyError, ValueError):
            sizes = resolve(Setting(current().start), checkpoint)
    before = st.session_state.get(_SHOWN)
    if before != sizes.text:
        st.session_state[_PREVIOUS], st.session_state[_SHOWN] = before, sizes.text
    return sizes, problem


def baseline(checkpoint: ViTConfig) -> Sizes | None:
    """The sizes to compare with, if any."""
    text = st.session_state.get(_PREVIOUS) if against() == BEFORE else against()
    if text is None or text == NOTHING:
        return None
    try:
        return resolve(Setting.parse(text), checkpoint)
    except ValueError:
        return None


def what_changed(before: Sizes, after: Sizes) -> str:
    """``P from 32 to 16:``, for before the consequences."""
    changes = ", ".join(changes_between(before[:2], after[:2]))
    return f"{changes[0].upper()}{changes[1:]}:" if changes else f"As {before.words}."


def _open(setting: Setting) -> None:
    """Take over the setting of a link; a new visitor has nothing to undo."""
    if steps.key in st.session_state:
        choose(setting)
    else:
        st.session_state[steps.key] = History(present=str(setting))


def _known(text: str) -> Setting:
    setting = Setting.parse(text)
    if setting.start != CHECKPOINT and setting.start not in CATALOGUE:
        raise ValueError(f"unknown model {setting.start[:40]!r}")
    order = {name: setting.changes[name] for name in FIELDS if name in setting.changes}
    return replace(setting, changes=type(setting.changes)(order))


def _write() -> None:
    present = steps.now.present
    wanted = {
        **({SIZES: present} if present != CHECKPOINT else {}),
        **({AGAINST: against()} if against() != BEFORE else {}),
    }
    st.session_state[_WRITTEN] = wanted
    for name in (SIZES, AGAINST):
        put(name, wanted.get(name))
