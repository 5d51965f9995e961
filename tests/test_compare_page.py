"""The Compare page in Streamlit's harness: both sides, their link, what cannot be had, and how much memory it takes."""

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pytest
from safetensors.torch import save_file
from streamlit.testing.v1 import AppTest

from explainer.app import kept, session
from explainer.app.compare import sides as compare_sides
from explainer.app.compare.choice import Other
from explainer.app.compare.names import ready_changes
from explainer.app.server.store import Store
from explainer.app.state import State
from explainer.app.steps import packets
from explainer.app.steps.route import open_moment
from explainer.gallery import GALLERY
from explainer.lessons import HANDS_ON
from explainer.panels import Bars, Picture, Tiles, View
from explainer.steps.forward_pass import STEPS
from tests.conftest import randomised
from tests.test_pages import app as open_app
from tests.test_pages import markup, steps_of
from vit_core import CHECKPOINTS, VisionTransformer, ViTConfig
from vit_core.allowance import MEMORY, MODELS
from vit_core.estimates import forward_bytes
from vit_core.interventions import Interventions
from vit_core.weights import checkpoints as named

SMALL = "embedded-small"
PICTURE = State.picture


pytestmark = pytest.mark.usefixtures("own_folders")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A second checkpoint without a download: other grid, width and depth, three classes, two of them shared."""
    config = ViTConfig(
        image_size=32, patch_size=8, num_layers=3, hidden_size=48, mlp_size=96, num_heads=2, num_classes=3
    )
    file = tmp_path / "small.safetensors"
    save_file(randomised(VisionTransformer(config), 5).state_dict(), file)
    fields = ("image_size", "patch_size", "num_layers", "hidden_size", "mlp_size", "num_heads", "num_classes")
    own = json.loads(CHECKPOINTS["embedded"].path.with_suffix(".json").read_text(encoding="utf-8"))
    card = {
        "config": {name: getattr(config, name) for name in fields},
        "preprocess": own["preprocess"] | {"image_size": 32, "resize_size": 32},
        "labels": ["espresso", "unicorn", "hummus"],
    }
    file.with_suffix(".json").write_text(json.dumps(card), encoding="utf-8")
    monkeypatch.setitem(named.EMBEDDED, SMALL, file)
    yield SMALL
    for store in (session._models, session._traces, kept.views, kept.results, kept._large):
        store.drop(SMALL)


def app(**query: str) -> AppTest:
    return open_app("compare", **query)


def opened(**own: str) -> Any:
    """What the page's steps are made from, as a browser asks for it."""
    return open_moment("compare", own)


def view(slug: str, kind: packets.Kind = "view", **own: str) -> View:
    moment = opened(**own)
    return packets.view_of("compare", packets.find_step("compare", slug), moment, kind)


def with_title(shown: View, title: str, kind: type[Any]) -> Any:
    [panel] = [each for each in shown.panels if isinstance(each, kind) and each.title == title]
    return panel


def controls_of(**own: str) -> str:
    return packets.packet("compare", "sides", "controls", opened(**own)).data.decode()


def chosen_by(words: str, **own: str) -> dict[str, str]:
    """What a button of the page's controls chooses."""
    [values] = re.findall(rf'data-choose="([^"]*)"[^>]*>{re.escape(words)}<', controls_of(**own))
    return dict(parse_qsl(unescape(values), keep_blank_values=True))


def choice_of(at: AppTest) -> dict[str, str]:
    """What the page hands to the browser beside what is as it is at first, which is what its address has."""
    given = steps_of(at)["compare"]
    differs = {name: str(value) for name, value in given["choice"].items() if value != given["defaults"][name]}
    assert dict(at.query_params) == differs
    return differs


def test_the_page_begins_with_two_pictures() -> None:
    at = app()
    assert at.title[0].value == HANDS_ON["compare"].title
    other = next(name for name in GALLERY if name != PICTURE)
    assert choice_of(at) == {"other_picture": other}
    assert "One model, two images" in markup(at)
    assert with_title(view("sides", other_picture=other), f"Right: {GALLERY[other].title}", Picture)
    assert not at.warning


def test_the_same_on_both_sides_is_zeros_and_offers_a_beginning() -> None:
    html = controls_of()
    assert "Both sides are the same" in html
    assert "of its 4,096 pixels none differs" in view("sides").alt
    for label in ("Swap sides", "The same on both sides"):
        assert re.search(rf"<button [^>]* disabled>{label}<", html)
    begin = chosen_by("Without positions")
    assert begin == {"other_change": "positions=zero"}
    assert "Both sides are the same" not in controls_of(**begin)


def test_two_pictures_are_those_of_their_traces() -> None:
    choice = {"other_picture": "cat", "layer": "3", "head": "2", "token": "20"}
    traces = [session.trace("embedded", name) for name in (PICTURE, "cat")]
    rows = [trace.attention(3)[1, 20].numpy() for trace in traces]
    shown = view("attention", **choice)
    left = with_title(shown, f"Left: {GALLERY[PICTURE].title}", Picture)
    right = with_title(shown, f"Right: {GALLERY['cat'].title}", Picture)
    np.testing.assert_array_equal(left.overlay.ravel(), rows[0][1:])
    np.testing.assert_array_equal(right.overlay.ravel(), rows[1][1:])
    assert left.scale == right.scale
    minus = with_title(shown, "Right minus left", Tiles)
    np.testing.assert_array_equal(minus.values.ravel(), (rows[1] - rows[0])[1:])
    best = [int(trace.logits.argmax()) for trace in traces]
    labels = CHECKPOINTS["embedded"].labels
    said = packets.mathematics("compare", packets.find_step("compare", "prediction"), opened(**choice))
    assert f"Left: {labels[best[0]]} with" in said and f"right: {labels[best[1]]} with" in said
    assert said.count("vit-proof-holds") == 2 and "✓ Left: " in said and "✓ Right: " in said


def test_a_change_on_the_right_is_that_of_the_interventions() -> None:
    change = "heads=2.1:zero,2.2:zero;skip=mlp.5"
    model = session.load_model("embedded")[0]
    plain = session.trace("embedded", PICTURE)
    wanted = model.trace(plain.image, Interventions.parse(change)).probabilities
    shown = view("prediction", other_change=change)
    bars = with_title(shown, "Right: head 1 of layer 2 set to zero and 2 more changes", Bars)
    labels = CHECKPOINTS["embedded"].labels
    np.testing.assert_array_equal(bars.values, [wanted[labels.index(name)] for name in bars.labels])
    assert with_title(shown, "Left: unchanged", Bars)
    assert choice_of(app(other_change=change)) == {"other_change": change}


def test_swap_and_the_same_again() -> None:
    choice = {"picture": "cat", "layer": "2", "head": "3", "token": "10"}
    own = {"other_layer": "5", "other_token": "40", "other_change": "positions=zero"}
    swapped = chosen_by("Swap sides", **choice, **own)
    assert {name: value for name, value in swapped.items() if value} == {
        "picture": "cat",
        "checkpoint": "embedded",
        "layer": "5",
        "head": "3",
        "token": "40",
        "this_change": "positions=zero",
        "other_layer": "2",
        "other_token": "10",
        "other_change": "none",
    }
    back = {name: value for name, value in chosen_by("Swap sides", **swapped).items() if value}
    assert back == choice | own | {"checkpoint": "embedded"}
    same = chosen_by("The same on both sides", **choice, **own)
    assert set(same.values()) == {""} and "Both sides are the same" in controls_of(**choice, **same)


def test_a_link_comes_back() -> None:
    link = {"other_layer": "4", "other_picture": "astronaut", "other_token": "0", "mean_heads": "true"}
    at = app(**link)
    assert choice_of(at) == link
    html = controls_of(**link)
    for value in ("4", "astronaut"):
        assert f'<option value="{value}" selected>' in html
    assert 'value="0" placeholder="as left: ' in html
    caption = with_title(view("attention", **link), "Right: An astronaut, layer 4", Picture).caption
    assert "mean over 4 heads: the class token" in caption


def test_a_click_chooses_on_its_own_side() -> None:
    shown = view("sides", other_picture="cat")
    left, right = (each for each in shown.panels if isinstance(each, Picture) and each.pick_tokens)
    assert (left.pick_keys, right.pick_keys) == ({"token"}, {"other_token"})


@pytest.mark.parametrize(
    "asked",
    [
        {
            "other_picture=../../etc/passwd": "names the image '../../etc/passwd' for the right side",
            "other_checkpoint=nonsense": "names the checkpoint 'nonsense' for the right side",
            "other_layer=99": "There is no layer 99 on the right: its last layer is 6.",
            "other_head=0": "There is no head 0 on the right",
            "other_change=skip=everything": "The link's other_change is left out",
        },
        {
            "other_picture=upload-0123": "is no longer on this server",
            "other_checkpoint=torchvision/B/16": "torchvision/B/16 cannot be on the right: its weights are not on this",
            "other_token=65": "There is no token 65 on the right: its last token is 64.",
            "this_change=heads=9.1:zero": "On the left: Head 1 of layer 9 set to zero does not fit this model",
        },
        {"other_checkpoint=torchvision/H/14-swag-e2e": "cannot be on the right: the weights of both would take"},
    ],
    ids=["nonsense", "not here", "too large"],
)
def test_what_a_link_cannot_have_is_one_sentence_each_and_the_page_works(asked: dict[str, str]) -> None:
    link = dict(tuple(each.split("=", 1)) for each in asked)
    at = app(**link)
    warnings = [each.value for each in at.warning]
    assert len(warnings) == len(asked), warnings
    for sentence in asked.values():
        assert any(sentence in each for each in warnings), (sentence, warnings)
    assert choice_of(at) == {}
    with pytest.raises(ValueError, match=r"right|left"):
        opened(**link)


def test_a_checkpoint_of_other_sizes_says_what_cannot_be_compared(small: str) -> None:
    choice = {"other_checkpoint": small, "layer": "5", "head": "4", "token": "64"}
    said = "".join(
        packets.mathematics("compare", step, opened(**choice)) + view(step.slug, **choice).alt
        for step in STEPS["compare"]
    )
    assert "Not compared: there are 8 × 8 patches on the left, 4 × 4 on the right" in said
    assert "The weights cannot be subtracted: there are 8 × 8 patches on the left, 4 × 4 on the right" in said
    assert "2 names in common" in said
    right = with_title(view("attention", **choice), right_title(), Picture)
    assert right.token == 16 and right.grid_size == 4  # the lower right corner, as on the left
    assert f'<option value="{small}" selected>' in controls_of(**choice)
    swapped = chosen_by("Swap sides", **choice)
    assert swapped["checkpoint"] == small and swapped["other_checkpoint"] == "embedded"
    assert not app(**choice).exception


def right_title() -> str:
    return "Right: embedded-small, layer 3, head 2"


def test_a_second_trace_is_refused_where_both_would_not_fit(monkeypatch: pytest.MonkeyPatch, small: str) -> None:
    """The store would forget the left trace for the right one and the right one for the left, on every run."""
    record = CHECKPOINTS["embedded"]
    size = session.trace("embedded", PICTURE).nbytes
    monkeypatch.setattr(session, "_traces", Store(int(1.5 * size)))
    monkeypatch.setenv(MEMORY.variable, str((1.5 * size + forward_bytes(record.config)) / 1e6))
    app_side, _ = session.open_session(State())
    pair, problems = compare_sides.open_pair(app_side, Other(picture="cat"))
    assert len(problems) == 1 and "the trace of one image of both would take" in problems[0]
    assert pair.seen[1].state.picture == PICTURE and pair.other.picture is None
    assert session._traces.nbytes <= session._traces.limit
    monkeypatch.setattr(session, "_traces", Store(3 * size))
    monkeypatch.setenv(MEMORY.variable, str((3 * size + forward_bytes(record.config)) / 1e6))
    weights = sum(4 * each.numel() for each in app_side.model.parameters())
    monkeypatch.setenv(MODELS.variable, str((weights + 1000) / 1e6))
    session.check_memory(record)
    with pytest.raises(ValueError, match="the weights of both would take"):
        session.check_memory(CHECKPOINTS[small], other=record)


def test_sides_share_what_is_the_same() -> None:
    """Two layers of one picture take no second forward pass."""
    opened, _ = session.open_session(State())
    pair, _ = compare_sides.open_pair(opened, Other(layer=5, head=2))
    assert pair.left.trace is pair.right.trace is opened.trace
    assert pair.left.model is pair.right.model


def test_ready_changes_exist_in_every_model(small: str) -> None:
    for other in (Other(), Other(checkpoint=small)):
        opened, _ = session.open_session(State())
        pair, _ = compare_sides.open_pair(opened, other)
        ready = ready_changes(pair)
        assert len(set(ready)) == len(ready) and all(ready)
        for change in ready:
            Interventions.parse(change).check(pair.right.config)
