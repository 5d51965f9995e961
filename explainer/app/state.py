"""The reader's choice: image, checkpoint, layer, head, token. All of it is in the URL.

Session state holds these five plain values and nothing else that is large. The URL wins whenever it differs from what
this session last wrote there: then somebody opened a link, went back, or typed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import streamlit as st

from explainer.app import checkpoints
from explainer.app.foreign import plain
from explainer.gallery import GALLERY
from vit_core import ViTConfig, token_at

KEYS = ("picture", "checkpoint", "layer", "head", "token")
NUMBER = "number"  # in the URL: the number that is explained; it is not part of the choice
NUMBER_TRAIL = "number_trail"  # in the session: the numbers on the way to it
UPLOAD_PREFIX = "upload-"
_WRITTEN = "url_written"
_CHOICE = "choice"
_WAITING = "waiting"
_NEXT = "next_choice"


@dataclass(frozen=True)
class State:
    """The reader's choice; ``token`` None stands for the middle of the image."""

    picture: str = next(iter(GALLERY))
    checkpoint: str = "embedded"
    layer: int = 1
    head: int = 1
    token: int | None = None

    def fitted(self, config: ViTConfig) -> tuple["State", list[str]]:
        """This choice with layer, head and token inside ``config``, and a sentence for each that was not."""
        problems = []
        state = self
        for name, last in (("layer", config.num_layers), ("head", config.num_heads)):
            value = getattr(state, name)
            if not 1 <= value <= last:
                fitted = min(max(value, 1), last)
                problems.append(
                    f"There is no {name} {value} in this model: it has {name}s 1 to {last}. You see {name} {fitted}."
                )
                state = replace(state, **{name: fitted})
        if state.token is not None and not 0 <= state.token <= config.num_patches:
            problems.append(
                f"There is no token {state.token} in this model: the class token is 0 and the patches are "
                f"1 to {config.num_patches}. You see the middle of the image."
            )
            state = replace(state, token=None)
        return state, problems

    def token_in(self, config: ViTConfig) -> int:
        """The chosen token, or the patch in the middle of the image."""
        if self.token is not None:
            return self.token
        return token_at(config.grid_size // 2, config.grid_size // 2, config.grid_size)


def read() -> tuple[State, list[str], bool]:
    """The choice of this run, a sentence for every part of the URL that makes no sense, and whether the URL decided."""
    if _NEXT in st.session_state:
        state = st.session_state.pop(_NEXT)
        _put(state)
        return state, [], False
    parameters = _parameters_of_url()
    written = st.session_state.get(_WRITTEN)
    if written is None or (parameters and parameters != written):
        state, problems = _parse(parameters)
        _put(state)
        return state, problems, True
    return _chosen(), [], False


def write(state: State, asked: State | None = None) -> None:
    """Put ``state`` into the session and the URL, leaving out what is as it is by default.

    ``asked`` is what a link asked for if that cannot be shown yet, because its weights are not here. As long as the
    reader chooses nothing else, the URL keeps asking for it.
    """
    if asked is not None:
        st.session_state[_WAITING] = asked
    elif st.session_state.get(_CHOICE) != state:
        st.session_state.pop(_WAITING, None)
    _put(state)
    st.session_state[_CHOICE] = state
    if waiting() is not None:
        st.session_state[_WRITTEN] = _parameters_of_url()
        return
    parameters = {key: str(getattr(state, key)) for key in KEYS if getattr(state, key) != getattr(State(), key)}
    st.session_state[_WRITTEN] = parameters
    # Only these five: Streamlit refuses to have a parameter set that a widget of the page is bound to.
    for key in _parameters_of_url().keys() - parameters:
        del st.query_params[key]
    if _parameters_of_url() != parameters:
        st.query_params.update(parameters)


def waiting() -> State | None:
    """The choice that the URL asks for and that cannot be shown yet."""
    asked: State | None = st.session_state.get(_WAITING)
    return asked


def choose_checkpoint(name: str) -> None:
    """Show ``name`` from the next run on: as the link asked for it, if it did."""
    asked = st.session_state.pop(_WAITING, None)
    if asked is None or asked.checkpoint != name:
        asked = replace(current(), checkpoint=name, token=None)
    st.session_state[_NEXT] = asked


def open_in_explainer(name: str, page: str = "overview") -> None:
    """Show ``name`` on a page of the explainer. Called from the script of a page or fragment, not from a callback."""
    st.session_state["page"] = page
    choose_checkpoint(name)
    st.rerun()


def choose(choice: State) -> None:
    """Show all of this from the next run on; for callbacks."""
    st.session_state.pop(_WAITING, None)
    st.session_state[_NEXT] = choice


def parameters() -> dict[str, str]:
    """The URL parameters of this view, for links to other pages."""
    return dict(st.session_state.get(_WRITTEN, {}))


def asks_for_number() -> bool:
    """Whether a number is explained on this page."""
    return NUMBER in st.query_params


def report(sentence: str) -> None:
    """Show a sentence at the top of the next page."""
    st.session_state.setdefault("messages", []).append(sentence)


def attempt(problem: str, failure: str, action: Callable[[], object]) -> None:
    """Do it; if that is not possible, keep a sentence for ``show_problem`` under the key ``problem``."""
    try:
        action()
    except (LookupError, ValueError, OSError) as error:
        st.session_state[problem] = f"{failure}: {error}."


def show_problem(problem: str) -> None:
    """Show once why the last attempt did nothing."""
    if sentence := st.session_state.pop(problem, ""):
        st.error(plain(sentence), icon=":material/error:")


def _parse(parameters: dict[str, str]) -> tuple[State, list[str]]:
    problems = []
    values: dict[str, str | int] = {}
    if "picture" in parameters:
        value = parameters["picture"]
        if value in GALLERY or value.startswith(UPLOAD_PREFIX):
            values["picture"] = value
        else:
            problems.append(
                f"The link names the image {value[:60]!r}, which does not exist here. You see {State.picture!r}."
            )
    if "checkpoint" in parameters:
        try:
            values["checkpoint"] = checkpoints.find(parameters["checkpoint"]).name
        except (LookupError, ValueError) as error:
            problems.append(
                f"The link names the checkpoint {parameters['checkpoint'][:80]!r}, which does not exist here: "
                f"{_reason(error)}. You see {State.checkpoint!r}."
            )
    values |= {name: int(parameters[name]) for name in ("layer", "head", "token") if name in parameters}
    return State(**values), problems  # type: ignore[arg-type]


def _reason(error: Exception) -> str:
    """The text of the error; a KeyError's own text is in quotes."""
    return str(error.args[0]) if error.args else str(error)


def current() -> State:
    """The choice of this run, as ``read`` and ``write`` left it."""
    choice: State = st.session_state[_CHOICE]
    return choice


def _put(state: State) -> None:
    for key in KEYS:
        if key not in st.session_state or st.session_state[key] != getattr(state, key):
            st.session_state[key] = getattr(state, key)


def _parameters_of_url() -> dict[str, str]:
    return {key: st.query_params[key] for key in KEYS if key in st.query_params}


def _chosen() -> State:
    """The choice by the widgets and clicks; a widget without a value leaves the choice as it was."""
    before: State = st.session_state[_CHOICE]
    return State(**{key: st.session_state.get(key, getattr(before, key)) for key in KEYS})


def pick(chosen: Mapping[str, int | str | None]) -> None:
    """Take over the choice of a click on a view: a token, head, layer, image, page; or a number to explain."""
    for key, value in chosen.items():
        if key == NUMBER:
            st.session_state.pop(NUMBER_TRAIL, None)
            st.query_params[NUMBER] = str(value)
            continue
        # Plots over layers begin with z_0, which is the input of layer 1.
        st.session_state[key] = max(1, int(value)) if key == "layer" and value is not None else value
