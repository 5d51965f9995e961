"""The Compare page in Streamlit's harness: both sides, their link, what cannot be had, and how much memory it takes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import save_file
from streamlit.testing.v1 import AppTest

from explainer.app import kept, session
from explainer.app.compare import choice as compare_choice
from explainer.app.compare import controls as compare_controls
from explainer.app.compare import sides as compare_sides
from explainer.app.compare.choice import Other
from explainer.app.server import tensor_route
from explainer.app.server.store import Store
from explainer.app.state import State
from explainer.gallery import GALLERY
from explainer.lessons import HANDS_ON
from explainer.packing import unpack
from explainer.panels import Bars, Picture, Tiles, View
from explainer.texts import text
from tests.conftest import randomised
from vit_core import CHECKPOINTS, VisionTransformer, ViTConfig
from vit_core.allowance import MEMORY, MODELS
from vit_core.estimates import forward_bytes
from vit_core.interventions import Interventions
from vit_core.weights import checkpoints as named

FRAME = "../pages/frame.py"
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
    for store in (session._models, session._traces, kept.views, kept.results):
        store.drop(SMALL)


def app(**query: str) -> AppTest:
    at = AppTest.from_file(FRAME, default_timeout=300)
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    at.switch_page("compare.py").run()
    check(at)
    return at


def check(at: AppTest) -> None:
    assert not at.exception, [element.message for element in at.exception]


def views(at: AppTest) -> list[View]:
    """All views of the page beside those of the sidebar."""
    sent = [element.proto.bytes for element in at.main.get("bidi_component")]
    payloads = [unpack(data, tensor_route.load) for data in sent if data]
    return [payload for payload in payloads if isinstance(payload, View)]


def with_title(at: AppTest, title: str, kind: type[Any]) -> list[Any]:
    return [each for view in views(at) for each in view.panels if isinstance(each, kind) and each.title == title]


def said(at: AppTest) -> str:
    return "\n".join(element.value for element in [*at.markdown, *at.caption])


def test_the_page_says_everything_of_its_text_and_begins_with_two_pictures() -> None:
    at = app()
    assert at.title[0].value == HANDS_ON["compare"].title
    assert set(text("compare").titles.values()) <= {element.value for element in at.header}
    other = next(name for name in GALLERY if name != PICTURE)
    assert at.query_params["other_picture"] == other
    assert "One model, two images." in at.info[0].value
    assert with_title(at, f"Right: {GALLERY[other].title}", Picture)
    assert not at.warning


def test_the_same_on_both_sides_is_zeros_and_offers_a_beginning() -> None:
    at = app()
    at.button(key="same_sides").click().run()
    check(at)
    assert "Both sides are the same" in at.info[0].value
    assert "of its 4,096 pixels none differs" in said(at)
    assert at.button(key="swap_sides").disabled and at.button(key="same_sides").disabled
    at.button(key="begin_0").click().run()
    check(at)
    assert at.query_params["other_picture"] == next(name for name in GALLERY if name != PICTURE)
    assert "One model, two images." in at.info[0].value


def test_two_pictures_are_those_of_their_traces() -> None:
    at = app(other_picture="cat", layer="3", head="2", token="20")
    traces = [session.trace("embedded", name) for name in (PICTURE, "cat")]
    rows = [trace.attention(3)[1, 20].numpy() for trace in traces]
    [left] = [each for each in with_title(at, f"Left: {GALLERY[PICTURE].title}", Picture) if each.overlay is not None]
    [right] = [each for each in with_title(at, f"Right: {GALLERY['cat'].title}", Picture) if each.overlay is not None]
    np.testing.assert_array_equal(left.overlay.ravel(), rows[0][1:])  # so few numbers travel as float32
    np.testing.assert_array_equal(right.overlay.ravel(), rows[1][1:])
    assert left.scale == right.scale
    minus = [each for each in with_title(at, "Right minus left", Tiles) if each.quantity == "A"]
    np.testing.assert_array_equal(minus[0].values.ravel(), (rows[1] - rows[0])[1:])
    best = [int(trace.logits.argmax()) for trace in traces]
    labels = CHECKPOINTS["embedded"].labels
    assert f"Left: {labels[best[0]]} with" in said(at) and f"right: {labels[best[1]]} with" in said(at)


def test_a_change_on_the_right_is_that_of_the_interventions() -> None:
    change = "heads=2.1:zero,2.2:zero;skip=mlp.5"
    at = app(other_change=change)
    model = session.load_model("embedded")[0]
    plain = session.trace("embedded", PICTURE)
    wanted = model.trace(plain.image, Interventions.parse(change)).probabilities
    [bars] = [each for each in with_title(at, "Right: head 1 of layer 2 set to zero and 2 more changes", Bars)]
    labels = CHECKPOINTS["embedded"].labels
    np.testing.assert_array_equal(bars.values, [wanted[labels.index(name)] for name in bars.labels])
    assert at.query_params["other_change"] == change
    assert with_title(at, "Left: unchanged", Bars)


def test_swap_and_the_same_again() -> None:
    choice = {"picture": "cat", "layer": "2", "head": "3", "token": "10"}
    at = app(**choice, other_layer="5", other_token="40", other_change="positions=zero")
    at.button(key="swap_sides").click().run()
    check(at)
    assert {key: at.query_params[key] for key in at.query_params} == {
        "picture": "cat",
        "layer": "5",
        "head": "3",
        "token": "40",
        "this_change": "positions=zero",
        "other_layer": "2",
        "other_token": "10",
        "other_change": "none",
    }
    assert at.slider(key="layer").value == 5
    at.button(key="swap_sides").click().run()
    assert {key: at.query_params[key] for key in choice} == choice
    assert at.query_params["other_change"] == "positions=zero" and "this_change" not in at.query_params
    at.button(key="same_sides").click().run()
    assert dict(at.query_params) == choice
    assert "Both sides are the same" in at.info[0].value


def test_the_controls_write_the_link_and_come_back_from_it() -> None:
    at = app()
    at.selectbox(key="compare_layer").set_value(4).run()
    at.selectbox(key="compare_picture").set_value("astronaut").run()
    at.number_input(key="compare_token").set_value(0).run()
    at.toggle(key="compare_mean_heads").set_value(True).run()
    check(at)
    link = {"other_layer": "4", "other_picture": "astronaut", "other_token": "0", "mean_heads": "true"}
    assert dict(at.query_params) == link
    again = app(**link)
    assert again.selectbox(key="compare_layer").value == 4
    assert again.number_input(key="compare_token").value == 0
    assert "mean over 4 heads: the class token" in "".join(
        each.caption for each in with_title(again, "Right: An astronaut, layer 4", Picture)
    )
    at.selectbox(key="compare_layer").set_value(None).run()
    assert "other_layer" not in at.query_params


def test_clicks_choose_on_their_own_side(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: dict[str, Any] = {}
    monkeypatch.setattr(compare_choice, "choose", lambda **own: chosen.update(own))
    monkeypatch.setattr(compare_choice.state, "pick", lambda pick: chosen.update({"left": dict(pick)}))
    compare_choice.pick({"other_token": 5})
    assert chosen == {"token": 5}
    compare_choice.pick({"token": 7})
    assert chosen == {"token": 5, "left": {"token": 7}}


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
    at = app(**dict(tuple(each.split("=", 1)) for each in asked))
    warnings = [each.value for each in at.warning]
    assert len(warnings) == len(asked), warnings
    for sentence in asked.values():
        assert any(sentence in each for each in warnings), (sentence, warnings)
    assert len(views(at)) >= 8
    assert not [key for key in at.query_params if key.startswith(("other_", "this_"))]


def test_a_checkpoint_of_other_sizes_says_what_cannot_be_compared(small: str) -> None:
    at = app(other_checkpoint=small, layer="5", head="4", token="64")
    assert not at.warning
    text_of_page = said(at)
    assert "Not compared: there are 8 × 8 patches on the left, 4 × 4 on the right" in text_of_page
    assert "The weights cannot be subtracted: there are 8 × 8 patches on the left, 4 × 4 on the right" in text_of_page
    assert "2 names in common" in text_of_page
    [right] = [each for each in with_title(at, right_title(), Picture) if each.overlay is not None]
    assert right.token == 16 and right.grid_size == 4  # the lower right corner, as on the left
    assert at.selectbox(key="compare_checkpoint").value == small
    at.button(key="swap_sides").click().run()
    check(at)
    assert at.query_params["checkpoint"] == small and at.query_params["other_checkpoint"] == "embedded"


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
        ready = compare_controls.ready_changes(pair)
        assert len(set(ready)) == len(ready) and all(ready)
        for change in ready:
            Interventions.parse(change).check(pair.right.config)
