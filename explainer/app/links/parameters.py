"""Every parameter that a link of the app can have: what it may be, and one reader that lets nothing else through.

``check`` runs before anything else looks at the address. A part that makes no sense is taken out and reported, so the
widgets that are bound to a parameter, and all who read one, meet only what ``PARAMETERS`` allows. Where a range hangs
on the data, the table has the outer one, and ``fit`` or ``fit_choice`` is called as soon as the data is known.
"""

import re
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

import streamlit as st
from streamlit.runtime.state import get_session_state

from explainer.app.foreign import plain
from explainer.app.links.kinds import Kind, OneOf, Pattern, Real, RecipeField, Text, Whole, YesNo
from vit_core.interventions import MAX_TEXT

FIELD = "set_"  # before the name of a recipe's field
MOST_SENTENCES = 4  # sentences about one link; the rest is counted
MOST_REPEATED = 24  # values of a parameter that may stand several times
_NAME_SHOWN, _VALUE_SHOWN = 40, 60  # characters


_NUMBER = Whole(0, 999_999)  # of a layer, head, token: the model knows which there are
_CHANGES = Text(MAX_TEXT)
_LOOK = (
    "(row|column|shared|light|all|chosen|mean)"  # of the panel under the pointer, which browsers read and write alone
)
_RUN = Text(120)  # as lists call it; the page knows which there are

PARAMETERS: Mapping[str, Kind] = MappingProxyType(
    {
        # the whole app
        "picture": Text(80),
        "checkpoint": Text(120),
        "layer": _NUMBER,
        "head": _NUMBER,
        "token": _NUMBER,
        "number": Text(600),
        "pins": Pattern(r"[0-9]{1,6}(\.[0-9]{1,6}){0,5}", "up to six tokens such as 12.40"),
        "look": Pattern(rf"{_LOOK}(\.{_LOOK}){{0,4}}", "words such as column.shared"),
        "step": Whole(0, 9999),
        "view": Pattern("projector", "projector"),
        # What if
        "changes": _CHANGES,
        "tool": OneOf("explainer.steps.what_if:TOOLS"),
        "first": _NUMBER,
        "replacement": OneOf("explainer.steps.what_if:REPLACEMENTS"),
        "where": _NUMBER,
        "experiment": OneOf("explainer.app.what_if.experiments:EXPERIMENTS"),
        # Compare
        "this_change": _CHANGES,
        "other_change": _CHANGES,
        "other_picture": Text(80),
        "other_checkpoint": Text(120),
        "other_layer": _NUMBER,
        "other_head": _NUMBER,
        "other_token": _NUMBER,
        "mean_heads": YesNo(),
        # Shapes, Break it
        "sizes": Text(400),
        "against": Text(400),
        "bug": Text(60),
        "lab_sizes": Text(24),
        "solved": Text(60),
        # Doctor
        "file": Text(80),
        "doctor_search": Text(200),
        "doctor_sizes": OneOf("explainer.app.doctor.names:SIZES"),
        # Models
        "own_image_size": Whole(8, 2048),
        "own_patch_size": Whole(1, 256),
        "own_num_layers": Whole(1, 96),
        "own_hidden_size": Whole(1, 8192),
        "own_mlp_size": Whole(1, 32768),
        "own_num_heads": Whole(1, 64),
        "own_num_classes": Whole(1, 100_000),
        # Data; the number of pictures is the data set's
        "data": Text(120),
        "held_out": Whole(1, 1000),
        "data_recipe": OneOf("vit_core.training:RECIPES"),
        "sheet": Whole(1, 9999),
        "draws": Whole(1, 9999),
        "shown": Whole(1, 9_999_999),
        "batch_size": Whole(1, 128),
        # Predict
        "predict_of": OneOf("explainer.app.predict.chooser:KINDS"),
        "predict_batch": Pattern("[0-9a-f]{24}", "a name of 24 digits"),
        "predict_way": Text(60),
        "predict_order": OneOf("explainer.app.predict.cards:ORDERS"),
        "predict_page": Whole(1, 999_999),
        "predict_shown": Whole(1, 9_999_999),
        "predict_all_ways": YesNo(),
        # Train, Epochs
        "recipe": OneOf("vit_core.training:RECIPES"),
        "runs": _RUN,
        "run": _RUN,
        "measure": OneOf("explainer.views.course.training:MEASURES"),
        "beside": _RUN,
        "shared_epochs": YesNo(),
        "epoch": Whole(0, 999_999),
        # Metric
        "metric_run": OneOf("explainer.app.metric.replay:TITLES"),
        "metric_epoch": Whole(1, 999),
        "metric_class": OneOf("explainer.course.results:TEST_SIZES"),
        "metric_order": OneOf("explainer.app.metric.replay:ORDERS"),
        "metric_seed": Whole(0, 999),
        "metric_batch": Whole(1, 75),
        "metric_own_run": _RUN,
        "metric_own_epoch": Whole(0, 999_999),
        # Transfer
        "transfer_weights": OneOf("vit_core:CHECKPOINTS"),
        "transfer_learns": OneOf("explainer.app.transfer.comparison:FREEZES"),
        "transfer_epochs": Whole(1, 100),
        "transfer_seed": Whole(0, 10_000),
        "transfer_runs": Text(24),
        "transfer_rate_head": Real(1e-6, 1.0),
        "transfer_rate_whole": Real(1e-6, 1.0),
        # Exercises
        "exercise_classes": Whole(1, 100_000),
        "exercise_steps": Whole(10, 10_000),
        "exercise_rate": Real(1e-6, 10.0),
        "exercise_warm_up": YesNo(),
        "exercise_warm_up_steps": Whole(1, 10_000),
        "exercise_decay": OneOf("explainer.app.exercises.terms:DECAYS"),
        "exercise_answer": OneOf("explainer.app.exercises.terms:ANSWERS"),
        "exercise_clip": Real(0.01, 1000.0),
        "exercise_optimizer": OneOf("explainer.app.exercises.terms:OPTIMIZERS"),
        "exercise_train_warm_up": YesNo(),
        "exercise_train_decay": OneOf("explainer.app.exercises.terms:DECAYS"),
        "exercise_train_clip": YesNo(),
    }
)

# Parameters of which there is one for each grid of patches: transfer_size_224_16.
FAMILIES: Mapping[str, Kind] = MappingProxyType({r"transfer_size_[0-9]{1,5}_[0-9]{1,4}": Whole(2, 99_999)})

# What values were called once, and are called now: links from then still work.
RENAMED: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "predict_of": {
            "own pictures": "your own images",
            "the chosen picture": "the image in the sidebar",
            "test pictures of a data set": "the test images of a data set",
        }
    }
)

FORMER = frozenset({"what_if_group"})  # nothing reads them any more: left out without a word
REPEATED = frozenset({"runs"})  # may stand several times in a link


def kind_of(name: str) -> Kind | None:
    """The kind of a parameter; None if the app has none of that name."""
    if name.startswith(FIELD):
        return RecipeField(name.removeprefix(FIELD))
    return PARAMETERS.get(name) or next((kind for form, kind in FAMILIES.items() if re.fullmatch(form, name)), None)


def limits(name: str) -> tuple[float, float]:
    """The smallest and the largest value of a number, for the widget that is bound to it."""
    kind = kind_of(name)
    assert isinstance(kind, Whole | Real), name
    return kind.low, kind.high


def most(name: str) -> int:
    """The largest value of a whole number."""
    return int(limits(name)[1])


def put(name: str, value: str | None) -> None:
    """Write a parameter into the address unless it is there already; None takes it out."""
    if value is None:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != value:
        st.query_params[name] = value


def judge(name: str, values: Collection[str]) -> str:
    """The problem with a parameter of a link, as a sentence of plain text; empty if there is none.

    Args:
        name: its name in the link.
        values: all its values in the link, in their order.
    """
    kind = kind_of(name)
    if kind is None:
        return f"The link contains “{_shortened(name, _NAME_SHOWN)}”, which this app does not know; it is left out."
    shown = f"The link contains {_shortened(name, _NAME_SHOWN)}"
    if len(values) > (MOST_REPEATED if name in REPEATED else 1):
        expected = f"at most {MOST_REPEATED} times" if name in REPEATED else "once"
        return f"{shown} {len(values):,} times, expected {expected}; it is left out."
    for text in values:
        if expected := kind.expected(text):
            return f"{shown} “{_shortened(text, _VALUE_SHOWN)}”, expected {_shortened(expected, 400)}; it is left out."
    return ""


def check() -> list[str]:
    """Take out of the address what makes no sense, and return a sentence for each; before anything else reads it."""
    _correct(dict.fromkeys(name for name in st.query_params if name in FORMER))
    renamed = {name: new for name, values in RENAMED.items() if (new := values.get(st.query_params.get(name, "")))}
    _correct(renamed)
    problems = {name: problem for name in st.query_params if (problem := judge(name, st.query_params.get_all(name)))}
    _correct(dict.fromkeys(problems))
    sentences = list(problems.values())
    if len(sentences) > MOST_SENTENCES:
        sentences[MOST_SENTENCES - 1 :] = [
            f"{len(sentences) - MOST_SENTENCES + 1:,} more parts of the link are left out as well."
        ]
    return sentences


def fit(name: str, low: int, high: int, what: str) -> None:
    """Bring a whole number inside what the data has, before its widget; a link's number beyond it is reported.

    Args:
        name: the parameter and the key of the widget.
        low: the smallest value.
        high: the largest value.
        what: what is counted, for the sentence: ``"image"``.
    """
    if (value := st.session_state.get(name)) is not None:
        if not low <= value <= high:
            st.session_state[name] = min(max(value, low), high)
    elif (asked := st.query_params.get(name)) is not None and not low <= int(asked) <= high:
        nearest = min(max(int(asked), low), high)
        _correct({name: str(nearest)})
        expected = f"{low:,} to {high:,}" if low < high else f"{low:,}"
        st.warning(plain(f"The link asks for {what} {int(asked):,}, expected {expected}. You see {what} {nearest:,}."))


def fit_choice(name: str, options: Collection[Any], what: str, title: Callable[[Any], str] = str) -> None:
    """Take an unknown choice out of the address and report it, before the widget is made.

    Args:
        name: the parameter and the key of the widget.
        options: what can be chosen.
        what: what is chosen, for the sentence: ``"run"``.
        title: what an option is called by the widget, which is what stands in a link.
    """
    if (chosen := st.session_state.get(name)) is not None:
        if chosen not in options:
            del st.session_state[name]
    elif (asked := st.query_params.get(name)) is not None and asked not in (titles := [*map(title, options)]):
        # A title may have more than a name, "course · damaged", and may have changed since the link was made.
        same = [known for known in titles if _name_in(known) == _name_in(asked)]
        _correct({name: same[0] if same else None})
        if not same:
            shown = _shortened(asked, _VALUE_SHOWN)
            st.warning(plain(f"The link asks for the {what} “{shown}”, which is not here; it is left out."))


def _name_in(title: str) -> str:
    return title.partition(" · ")[0]


def _shortened(text: str, length: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def _correct(changes: Mapping[str, str | None]) -> None:
    """Change the address, also where a widget is bound to it, and what widgets are about to take from it; None: out.

    ``st.query_params`` refuses to change what a widget is bound to, and widgets read another copy. Streamlit is pinned,
    and a test of this module fails where these methods are others.
    """
    if not changes:
        return
    with get_session_state().query_params() as address:
        for name, value in changes.items():
            if value is None:
                address.discard_param_no_forward_msg(name)
            else:
                address.set_with_no_forward_msg(name, value)
        address.set_initial_query_params_from_current()
        address.update({})  # informs the browser, once for all of them
