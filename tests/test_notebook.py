"""The widget of a notebook on the Python side: it sends the view, and a click in it reaches the reader of the pick."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from explainer.app.session import open_session
from explainer.app.state import State
from explainer.app.steps import packets
from explainer.components import core
from explainer.gallery import GALLERY
from explainer.notebook import ViewWidget, show, show_step
from explainer.packing import pack, unpack
from explainer.panels import Bars, Frames, View
from explainer.steps.looking import look_at

BARS = Bars(title="Classes", labels=("cat", "cup"), values=np.array([0.75, 0.25], "f4"), picks=({"n": 0}, {"n": 1}))
VIEW = View(rows=((BARS,),), alt="Two bars", picks=("n",))


def received(widget: ViewWidget) -> View | Frames:
    """The view as the browser gets it."""
    return unpack(bytes(widget.get_state("packed")["packed"]))


def test_the_browser_gets_the_view_and_then_the_next() -> None:
    widget = show(VIEW)
    assert np.array_equal(received(widget).panels[0].values, BARS.values)  # type: ignore[union-attr]
    widget.view = replace(VIEW, rows=((replace(BARS, values=np.array([0.5, 0.5], "f4")),),))
    assert received(widget).panels[0].values.tolist() == [0.5, 0.5]  # type: ignore[union-attr]
    assert widget.view.panels[0].values.tolist() == [0.5, 0.5]  # type: ignore[union-attr]


def test_frames_too() -> None:
    frames = Frames("epoch", (1, 2), ("first", "second"), (VIEW, VIEW), has_bar=True)
    assert received(show(frames)).places == (1, 2)  # type: ignore[union-attr]


def test_a_pick_reaches_who_listens() -> None:
    widget, heard = show(VIEW), []
    widget.observe(lambda change: heard.append(change.new), "pick")
    widget.set_state({"pick": {"n": 1}})  # what the browser's message does
    assert widget.pick == {"n": 1} and heard == [{"n": 1}]


def test_the_bytes_are_made_here_and_the_scheme_is_one_of_two() -> None:
    widget = show(VIEW, scheme="dark")
    assert widget.scheme == "dark" and widget.packed == pack(VIEW)
    with pytest.raises(Exception, match="read-only"):
        widget.packed = b""
    with pytest.raises(Exception, match="light"):
        show(VIEW, scheme="blue")  # type: ignore[arg-type]


def test_the_script_needs_nothing_else() -> None:
    assert ViewWidget._esm.startswith(core()) and "import " not in ViewWidget._esm.split("export function mount")[1]


def test_without_anywidget_one_sentence_says_what_to_do() -> None:
    code = "import sys; sys.modules['anywidget'] = None\nimport explainer.notebook"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stderr.splitlines()[-1].startswith("ModuleNotFoundError: Views in a notebook need anywidget")
    assert "pip install anywidget" in run.stderr.splitlines()[-1]


def test_a_step_is_that_of_the_app() -> None:
    now = look_at("embedded", GALLERY["cat"].path, layer=3, head=2, token=20)
    opened, _ = open_session(State(picture="cat", layer=3, head=2, token=20))
    for page, slug in (("attention", "scores"), ("mlp", "gelu"), ("encoder", "rollout"), ("head", "softmax")):
        widget, step = show_step(page, slug, now), packets.find_step(page, slug)
        assert packets.mathematics(page, step, opened) in widget.html
        assert bytes(widget.packed) == pack(packets.exact_view(step, opened))


def test_what_there_is_no_step_of_is_said_in_a_sentence() -> None:
    now = look_at("embedded", GALLERY["cat"].path)
    for page, slug in (("attention", "nothing"), ("nowhere", "scores"), ("what_if", "patches"), ("head", "pseudocode")):
        with pytest.raises(LookupError, match=r"step .*\. |\.$"):
            show_step(page, slug, now)
    for name, value in {"layer": 7, "head": 0, "token": 65}.items():
        with pytest.raises(ValueError, match=f"{name} must be from"):
            look_at("embedded", GALLERY["cat"].path, **{name: value})
