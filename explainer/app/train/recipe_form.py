"""The form of a recipe: one of the known ones, with every field open to change. All of it is in the URL."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import streamlit as st

from explainer.app.checkpoints import is_of_a_run, listed, title_of
from explainer.app.foreign import plain
from explainer.app.links.parameters import FIELD, put
from explainer.app.train.recipe_values import MOST, NOTHING, choices, is_optional, kind_of, parse, written
from explainer.course.recipes import GROUPS, SOURCES, Choice, field_title
from vit_core import CHECKPOINTS
from vit_core.training import RECIPES

RECIPE = "recipe"  # in the URL; a field has FIELD before its name, because the explainer's own "head" is another
_CHANGES = "recipe_changes"  # in the session: field -> value, as the reader last wanted it
_ROUND = "recipe_round"  # the widgets are made anew, with other values, when this number changes
_BEGUN = "recipe_begun"  # the changes with which the widgets of this round began


def show_recipe(default: str) -> Choice | None:
    """The list of recipes, where each comes from, and its fields; None, with a sentence, if they do not fit."""
    names = list(RECIPES)
    name = st.selectbox(
        "Recipe", names, index=names.index(default), key=RECIPE, bind="query-params", on_change=_forget, width=420
    )
    st.caption(SOURCES.get(name, ""))
    summary = st.container()
    problems: list[str] = []
    _begin()
    known = asdict(RECIPES[name])
    values = _show_fields(known, problems)
    changes = {field: value for field, value in values.items() if value != known[field]}
    st.session_state[_CHANGES] = dict(changes)
    _write_url(changes)
    if "epochs" in changes and "steps" not in changes and known["steps"] is not None:
        changes["steps"] = None  # who asks for epochs does not want the recipe's number of steps
    with summary:
        _show_changes(known, changes)
    if not problems:
        try:
            return Choice.of(name, changes)
        except ValueError as error:
            problems.append(str(error))
    st.warning(plain(f"This recipe cannot be trained: {problems[0]}."), icon=":material/tune:")
    return None


def _begin() -> None:
    """Make sure of the round's first values: from the link, or as they were when the reader left the page."""
    if _CHANGES not in st.session_state:
        asked = {name.removeprefix(FIELD): text for name, text in st.query_params.items() if name.startswith(FIELD)}
        st.session_state[_CHANGES] = {field: parse(field, text) for field, text in asked.items()}
    if _key("seed") not in st.session_state:  # Streamlit forgets the values of widgets that are not on the page
        st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
        st.session_state[_BEGUN] = dict(st.session_state[_CHANGES])


def _forget() -> None:
    """Begin again with the recipe as it is."""
    st.session_state[_CHANGES] = {}
    st.session_state[_BEGUN] = {}
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def _key(field: str) -> str:
    return f"field_{st.session_state.get(_ROUND, 0)}_{field}"


def _write_url(changes: Mapping[str, Any]) -> None:
    wanted = {f"{FIELD}{field}": written(value) for field, value in changes.items()}
    gone = {name for name in st.query_params if name.startswith(FIELD)} - wanted.keys()
    for name, text in (dict.fromkeys(gone) | wanted).items():
        put(name, text)


def _show_changes(known: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    if not changes:
        return
    listing = ", ".join(
        f"**{plain(field_title(field).lower())}** {plain(written(known[field]))} → {plain(written(value))}"
        for field, value in changes.items()
    )
    with st.container(horizontal=True, vertical_alignment="center", key="recipe_changes"):
        st.markdown(f"Changed: {listing}")
        st.button("Reset to the recipe", icon=":material/restart_alt:", on_click=_forget, key="recipe_reset")


def _show_fields(known: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    """A widget for each field, and their values."""
    values: dict[str, Any] = {}
    with st.expander("All fields", icon=":material/tune:", key="recipe_fields"):
        for group, fields in GROUPS.items():
            st.markdown(f"**{group}**")
            with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key=f"fields_{group}"):
                for field, explanation in fields.items():
                    try:
                        values[field] = _field(field, explanation, known[field])
                    except ValueError as error:
                        problems.append(str(error))
                        values[field] = known[field]
    return values


def _field(field: str, explanation: str, known: Any) -> Any:
    """The value that the reader gives a field.

    Raises:
        ValueError: if it cannot be read.
    """
    begun, key = st.session_state[_BEGUN].get(field, known), _key(field)
    label, is_changed = plain(field_title(field)), st.session_state[_CHANGES].get(field, known) != known
    title = f":orange[**{label}**]" if is_changed else label
    common: dict[str, Any] = {"label": title, "key": key, "help": plain(explanation)}
    if field == "weights" or choices(field):
        return _chosen(field, begun, common)
    kind = kind_of(field)
    if kind is bool:
        return st.checkbox(value=begun, width=180, **common)
    if kind is int and not is_optional(field):
        return int(st.number_input(value=begun, step=1, min_value=0, max_value=MOST, width=150, **common))
    text = st.text_input(value=written(begun), width=150, **common)
    # What is written is rounded: as long as nobody changes it, the value is the exact one.
    return begun if text == written(begun) else parse(field, text)


def _chosen(field: str, begun: Any, common: Mapping[str, Any]) -> Any:
    """A value out of a list."""
    if field != "weights":
        options = list(choices(field))
        return st.selectbox(options=options, index=options.index(begun), width=180, **common)
    here = [name for name in listed("") if name not in CHECKPOINTS or CHECKPOINTS[name].is_here]
    options = [NOTHING, *here, *(name for name in CHECKPOINTS if name not in here)]
    name = written(begun)
    if name not in options:
        options.insert(1, name)  # an epoch of a run that is not its latest
    return parse(
        field, st.selectbox(options=options, index=options.index(name), width=340, format_func=_weights_title, **common)
    )


def _weights_title(name: str) -> str:
    if is_of_a_run(name):
        return f"run {title_of(name)}"
    if name not in CHECKPOINTS or CHECKPOINTS[name].is_here:
        return name
    return f"{name} · {CHECKPOINTS[name].size_mb:,.0f} MB to download"
