"""The page What if: every control changes the prediction to what the library computes, and every step can go back."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from explainer import experiments as compute
from explainer.app import session
from explainer.app.server import tensor_route
from explainer.app.state import State
from explainer.app.steps import packets
from explainer.app.steps.route import open_moment, routes
from explainer.app.what_if.experiments import EXPERIMENTS
from explainer.experiments.effects import effect_of
from explainer.experiments.patches import rank_patches
from explainer.experiments.report import Report, as_csv
from explainer.experiments.toggles import with_head, with_one, with_parts, with_patches, with_swap
from explainer.gallery import GALLERY
from explainer.notation.wording import percent
from explainer.packing import unpack
from explainer.panels import Bars, Matrix, Panel, Picture, Plot, Tiles
from explainer.steps.forward_pass import STEPS
from explainer.views.changes import what_if
from tests.test_pages import app, markup, steps_of
from vit_core import ForwardTrace, Interventions, VisionTransformer, load, open_picture, patchify
from vit_core.interventions.layers import RemoveResidual, Skip
from vit_core.interventions.patches import BlurPatches, MaskPatches, ShufflePatches

pytestmark = pytest.mark.usefixtures("own_folders")


def traced(changes: str, picture: str = State.picture) -> ForwardTrace:
    """The pass as the library computes it, beside the app and its stores."""
    model, checkpoint = load("embedded")
    return model.trace(checkpoint.preprocess(open_picture(GALLERY[picture].path)), Interventions.parse(changes))


PanelKind = TypeVar("PanelKind", bound=Panel)


def kept(digest: str) -> bytes:
    """What the browser would fetch."""
    found = tensor_route.load(digest)
    assert found is not None
    return found


def shown(at: AppTest, kind: type[PanelKind], title: str) -> PanelKind:
    """The panel of the page that begins with this title, as its bytes were sent."""
    sent = [element.proto.bytes for element in at.get("bidi_component")]
    panels = [panel for data in sent if data for panel in unpack(data, kept).panels]
    [found] = [panel for panel in panels if isinstance(panel, kind) and panel.title.startswith(title)]
    return found


def opened(changes: str, picture: str = State.picture, **own: str) -> Any:
    """What the page's steps are made from, as a browser asks for it."""
    return open_moment("what_if", {"picture": picture, "changes": changes, **own})


def panel(changes: str, slug: str, kind: packets.Kind = "view", picture: str = State.picture, **own: str) -> Panel:
    """The first panel of a step, as its bytes are sent."""
    return unpack(packets.packet("what_if", slug, kind, opened(changes, picture, **own)).data, kept).panels[0]


def check_prediction(changes: str, picture: str = State.picture) -> None:
    """The bars and the sentence of the page with these changes are those of the library."""
    _, checkpoint = load("embedded")
    after, before = traced(changes, picture), traced("", picture)
    for slug, kind in (("patches", "result"), ("heads", "result"), ("positions", "view")):
        bars = panel(changes, slug, kind, picture)  # type: ignore[arg-type]
        assert isinstance(bars, Bars) and bars.before is not None
        places = [checkpoint.labels.index(label) for label in bars.labels]
        np.testing.assert_array_equal(bars.values, after.probabilities[places].numpy())  # one program, one machine
        np.testing.assert_array_equal(bars.before, before.probabilities[places].numpy())
        assert {int(after.logits.argmax()), int(before.logits.argmax())} <= set(places)
    answer = packets.packet("what_if", "answer", "controls", opened(changes, picture)).data.decode()
    assert percent(before.probabilities.max()) in answer
    assert not changes or percent(after.probabilities[int(after.logits.argmax())]) in answer


def choice_of(at: AppTest) -> str:
    """The changes that the page hands to the browser, and that its address has."""
    assert not at.exception, [element.message for element in at.exception]
    changes: str = steps_of(at)["what_if"]["choice"]["changes"]
    assert at.query_params.get("changes", "") == changes
    return changes


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes)) as client:
        yield client


# What every control of the page asks for, what was changed before, and what becomes of it.
ACTIONS = [
    ("", "mask:12", "mask=12"),
    ("mask=12", "mask:12", ""),
    ("", "blur:3,4,5", "blur=3-5"),
    ("", "swap:1,28", "swap=1:28"),
    ("", "shuffle:0", "shuffle=0"),
    ("shuffle=3;positions=zero", "shuffle:5", "shuffle=5;positions=zero"),
    ("shuffle=3;positions=zero", "shuffle:", "positions=zero"),
    ("", "head:3.1.zero", "heads=3.1:zero"),
    ("heads=3.1:zero", "head:3.1.mean", "heads=3.1:mean"),
    ("", "skip:attention.2", "skip=attention.2"),
    ("skip=attention.2", "skip:attention.4", "skip=attention.2,attention.4"),
    ("skip=attention.2,attention.4", "skip:attention.2", "skip=attention.4"),
    ("", "skip:mlp.6", "skip=mlp.6"),
    ("", "residual:attention.5", "residual=attention.5"),
    ("", "residual:mlp.1", "residual=mlp.1"),
    ("", "positions:zero", "positions=zero"),
    ("", "positions:shuffled.0", "positions=shuffled.0"),
    ("", "positions:sinusoidal", "positions=sinusoidal"),
    ("positions=zero", "positions:resized.4.bicubic", "positions=resized.4.bicubic"),
    ("positions=resized.4.bicubic", "positions:", ""),
    ("", "temperature:all=0.5", "temperature=0.5"),
    ("temperature=0.5", "temperature:4=unscaled", "temperature=0.5,4:unscaled"),
    ("temperature=0.5,4:unscaled", "temperature:4=", "temperature=0.5"),
    ("temperature=4:2", "temperature:4=1", ""),  # 1 is no change
    ("mask=12;heads=3.1:zero;skip=mlp.2", "remove:heads=3.1:zero", "mask=12;skip=mlp.2"),
    ("mask=12", "text:heads=3.1:zero, 2.4:mean", "heads=3.1:zero,2.4:mean"),
]


@pytest.mark.parametrize(("before", "action", "after"), ACTIONS, ids=[action for _, action, _ in ACTIONS])
def test_every_control_changes_the_prediction_to_the_librarys(
    before: str, action: str, after: str, client: TestClient
) -> None:
    answer = client.get("/vit/changes", params={"changes": before, "take": action})
    assert (answer.status_code, answer.text) == (200, after)
    check_prediction(after)


def test_the_controls_of_the_page_ask_for_what_there_is(client: TestClient) -> None:
    """Each button and each field of every step, as the page writes them, is answered."""
    changes = "mask=12;shuffle=3;positions=resized.4.bicubic;temperature=4:2;skip=mlp.2"
    written = "".join(step.controls(opened(changes, where="4")) for step in STEPS["what_if"] if step.controls)
    written += packets.packet("what_if", "answer", "controls", opened(changes)).data.decode()
    actions = [unescape(action) for action in re.findall(r'data-take="([^"]+)"', written)]
    assert len(actions) > 40
    for action in actions:
        values = {"shuffle:": "5", "positions:resized.": "3.bilinear", "text:": "mask=1"}
        asked = action + values.get(action, "")
        answer = client.get("/vit/changes", params={"changes": changes, "take": asked})
        assert answer.status_code == 200, (action, answer.text)
    assert set(re.findall(r'data-choose="(\w+)=', written)) == {"tool", "replacement", "where"}


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        ("", "There is no action ''"),
        ("paint:3", "There is no action 'paint'"),
        ("mask:0", "Expected patches from 1 to 64"),
        ("mask:1,65", "Expected patches from 1 to 64"),
        ("mask:", "Expected patches from 1 to 64"),
        ("head:9.1.zero", "layer 9"),
        ("head:3.1.nought", "A head is replaced by"),
        ("head:a.b.zero", "Expected a whole number"),
        ("skip:head.3", "Expected attention or mlp"),
        ("skip:mlp.7", "layer 7"),
        ("shuffle:x", "Expected a whole number"),
        ("positions:nowhere", "Positions: expected"),
        ("temperature:all=0", "emperature"),
        ("text:heads=3.1:nought", "Heads: expected"),
        ("text:" + "mask=1;" * 3000, "characters"),
    ],
)
def test_nonsense_is_one_sentence_and_changes_nothing(action: str, sentence: str, client: TestClient) -> None:
    answer = client.get("/vit/changes", params={"changes": "mask=12", "take": action})
    assert answer.status_code == 400
    assert sentence in answer.text
    assert answer.text.endswith(".") and "\n" not in answer.text


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        ({"changes": "nonsense"}, "The link's changes cannot be read"),
        ({"changes": "mask=65"}, "does not fit this model"),
        ({"tool": "saw"}, "Tool is one of mask, blur, swap"),
        ({"first": "65"}, "First is a number from 1 to 64"),
        ({"where": "0"}, "Where is a number from 1 to 6"),
        ({"replacement": "x" * 9000}, "longer than a choice"),
    ],
)
def test_choices_that_make_no_sense_are_refused(own: dict[str, str], sentence: str, client: TestClient) -> None:
    for path in ("/vit/step/what_if/patches/view", "/vit/changes", "/vit/report/what-if.json", "/vit/page/what_if"):
        answer = client.get(path, params={"take": "mask:3", **own})
        assert answer.status_code == 400
        assert sentence in answer.text and answer.text.endswith(".")


def test_a_link_brings_the_changes_back() -> None:
    changes = "mask=20-22;swap=3:17;heads=3.1:zero,2.4:mean;skip=attention.5;positions=zero;temperature=2"
    at = app("what_if", changes=changes, picture="cat", layer="4", token="12")
    assert choice_of(at) == changes
    check_prediction(changes, "cat")
    assert not at.warning


def test_changes_stay_while_other_pages_are_read() -> None:
    at = app("what_if", changes="mask=12")
    at.switch_page("attention.py").run()
    at.query_params.clear()  # as the menu's links do
    at.run()
    at.switch_page("what_if.py").run()
    assert choice_of(at) == "mask=12"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ("nonsense", "The link's changes cannot be read"),
        ("mask=", "The link's changes cannot be read"),
        ("<script>alert(1)</script>", "The link's changes cannot be read"),
        ("heads=3.1:zero;heads=3.1:mean", "The link's changes cannot be read"),
        ("mask=1-9999999", "The link's changes cannot be read"),
        ("heads=99.1:zero", "does not fit this model"),
        ("mask=65", "does not fit this model"),
    ],
)
def test_nonsense_in_the_link_is_one_sentence_and_the_page_works(changes: str, sentence: str) -> None:
    at = app("what_if", changes=changes)
    assert len(at.warning) == 1
    assert sentence in at.warning[0].value and "\n" not in at.warning[0].value
    assert choice_of(at) == ""


def test_what_fits_of_a_link_is_kept() -> None:
    at = app("what_if", changes="mask=12,65;heads=99.1:zero;skip=mlp.2")
    assert len(at.warning) == 2
    assert choice_of(at) == "skip=mlp.2"


def test_what_a_control_does_not_know_in_the_link_is_left_out() -> None:
    at = app("what_if", experiment="nonsense", tool="saw", what_if_group="Heads")
    assert choice_of(at) == ""
    assert "what_if_group" not in at.query_params and "tool" not in at.query_params


def test_pictures_and_grids_show_the_changed_pass() -> None:
    after = traced("mask=12,20;heads=3.1:zero")
    picture = panel("mask=12,20;heads=3.1:zero", "patches", token="30")
    assert isinstance(picture, Picture) and picture.marked == (12, 20)
    _, checkpoint = load("embedded")
    np.testing.assert_array_equal(picture.pixels, np.asarray(checkpoint.preprocess.to_picture(after.image)))
    tiles = panel("mask=12,20;heads=3.1:zero", "heads", token="30")
    assert isinstance(tiles, Tiles) and tiles.values is not None
    assert tiles.crossed == (8,)  # layer 3, head 1, of four heads a layer
    assert tiles.picks[8] == {what_if.HEAD: "3.1"}
    exact = packets.exact_view(packets.find_step("what_if", "heads"), opened("mask=12,20;heads=3.1:zero", token="30"))
    assert isinstance(exact.panels[0], Tiles) and exact.panels[0].values is not None
    np.testing.assert_array_equal(exact.panels[0].values[13], after.attention(4)[1, 30, 1:].reshape(8, 8).numpy())


def test_proofs_are_of_the_changed_pass_and_say_what_a_change_breaks() -> None:
    holds = {
        slug: "vit-proof-fails" not in packets.packet("what_if", slug, "mathematics", opened(changes)).data.decode()
        for slug, changes in (("patches", "mask=12"), ("heads", "heads=1.1:zero"), ("list", "mask=12;positions=zero"))
    }
    assert holds == {"patches": True, "heads": True, "list": True}  # the image or an input differs, the equation holds
    for slug, changes in (("positions", "positions=zero"), ("layers", "skip=mlp.1"), ("softmax", "temperature=2")):
        assert "vit-proof-fails" in packets.packet("what_if", slug, "mathematics", opened(changes)).data.decode(), slug


def test_one_trace_for_everybody_who_changes_the_same() -> None:
    first = session.trace("embedded", State.picture, "mask=12;skip=mlp.2")
    assert session.trace("embedded", State.picture, "mask=12;skip=mlp.2") is first
    assert session.trace("embedded", State.picture) is not first
    assert torch.equal(first.logits, traced("mask=12;skip=mlp.2").logits)


# Clicks


def test_a_stroke_changes_all_its_patches_or_brings_all_back() -> None:
    changes = with_patches(Interventions(), MaskPatches, [12, 13, 14], 64)
    assert str(changes) == "mask=12-14"
    changes = with_patches(changes, MaskPatches, [20, 12], 64)  # begins on one that is not masked: all are masked
    assert str(changes) == "mask=12-14,20"
    changes = with_patches(changes, BlurPatches, [30], 64)
    changes = with_patches(changes, MaskPatches, [13, 14, 15], 64)  # begins on one that is
    assert str(changes) == "mask=12,20;blur=30"
    assert str(with_patches(changes, MaskPatches, [12, 20], 64)) == "blur=30"


@pytest.mark.parametrize("moved", ["swap=3:17", "swap=3:17,17:20", "shuffle=4", "swap=1:9;shuffle=2"])
@pytest.mark.parametrize("patch", [3, 9, 17, 20])
def test_a_click_changes_the_patch_that_is_seen_there(moved: str, patch: int) -> None:
    """Masked first, then moved: the click means the patch where it lies now."""
    model, _ = load("embedded")
    picture = traced("").image
    earlier = Interventions((MaskPatches((2,)), *Interventions.parse(moved).changes))
    seen = patchify(model.trace(picture, earlier).image, 8)
    now = patchify(model.trace(picture, with_patches(earlier, MaskPatches, [patch], 64)).image, 8)
    differ = (seen != now).any(-1).nonzero().flatten().tolist()
    assert differ == [patch - 1]
    assert bool((now if not bool((seen[patch - 1] == 0).all()) else seen)[patch - 1].eq(0).all())


def test_swaps_heads_and_parts_are_toggled() -> None:
    changes = with_swap(Interventions(), 17, 3)
    assert str(changes) == "swap=3:17"
    assert not with_swap(changes, 3, 17)
    assert with_swap(changes, 5, 5) == changes
    changes = with_head(changes, 3, 1, "zero")
    assert str(with_head(changes, 3, 1, "mean")) == "swap=3:17;heads=3.1:mean"
    assert str(with_head(changes, 3, 1, "zero")) == "swap=3:17"
    changes = with_parts(with_parts(Interventions(), Skip, "mlp", [3, 1]), RemoveResidual, "mlp", [2])
    assert str(changes) == "skip=mlp.1,mlp.3;residual=mlp.2"
    changes = with_parts(with_parts(changes, Skip, "mlp", [3, 4]), Skip, "attention", [3])
    assert set(changes.changes) == {
        Skip("mlp", 3),
        Skip("mlp", 4),
        Skip("attention", 3),
        RemoveResidual("mlp", 2),
    }
    changes = with_one(with_one(Interventions.parse("shuffle=1;mask=2"), ShufflePatches, ShufflePatches(5)), Skip, None)
    assert str(changes) == "shuffle=5;mask=2"


# Experiments


def finding(at: AppTest) -> str:
    """The sentence of the experiment on the page."""
    assert not at.exception, [element.message for element in at.exception]
    [line] = [line for line in markup(at).splitlines() if 'class="vit-finding"' in line]
    return unescape(re.sub(r"<[^>]+>", "", line))


@pytest.fixture(scope="module")
def measured() -> tuple[VisionTransformer, ForwardTrace, tuple[str, ...]]:
    """What the experiments begin with, opened beside the app."""
    model, checkpoint = load("embedded")
    trace = model.trace(checkpoint.preprocess(open_picture(GALLERY["cat"].path)))
    return model, trace, checkpoint.labels


Measured = tuple[VisionTransformer, ForwardTrace, tuple[str, ...]]


def test_shuffled_patches_on_the_page_are_measured(measured: Measured) -> None:
    at = app("what_if", picture="cat", experiment="Shuffle the patches")
    assert finding(at) == compute.shuffle_patches(*measured).sentence
    at.number_input(key="experiment_seed").set_value(3).run()
    assert finding(at) == compute.shuffle_patches(*measured, seed=3).sentence
    at.button(key="experiment_offer_shuffle").click().run()
    assert choice_of(at) == "positions=zero;shuffle=3"


def test_heads_knocked_out_on_the_page_are_measured(measured: Measured) -> None:
    at = app("what_if", picture="cat", experiment="Which head matters")
    result = compute.knock_out(*measured)
    assert finding(at) == result.sentence
    np.testing.assert_array_equal(shown(at, Matrix, "Change of the logit").values, result.change.numpy())
    bars = shown(at, Bars, "The 10 heads")
    layer, head = result.most_needed
    assert bars.labels[0] == f"layer {layer}, head {head}"
    assert bars.picks[0] == {what_if.HEAD: f"{layer}.{head}"}
    at.segmented_control(key="experiment_replacement").set_value("replaced by its mean over the tokens").run()
    assert finding(at) == compute.knock_out(*measured, "mean").sentence


def test_ranked_patches_on_the_page_are_measured(measured: Measured) -> None:
    at = app("what_if", picture="cat", experiment="Which patches matter")
    result = rank_patches(*measured)
    assert finding(at) == result.sentence
    deletion = shown(at, Plot, "Deletion")
    assert [series.label for series in deletion.series] == [ranking.name for ranking in result.rankings]
    for series, ranking in zip(deletion.series, result.rankings, strict=True):
        np.testing.assert_array_equal(series.y, ranking.deletion.numpy())
    overlay = shown(at, Picture, "Occlusion").overlay
    assert overlay is not None
    np.testing.assert_array_equal(overlay.ravel(), result.maps["occlusion"].numpy())


def test_an_experiment_that_was_stopped_shows_what_is_there_and_goes_on(measured: Measured) -> None:
    at = app("what_if", picture="cat")
    at.session_state["experiment_stopped"] = ("experiment", "patches", "embedded", "cat")
    at.pills(key="experiment").set_value("Which patches matter").run()
    assert "forward passes, which are kept: the next start continues from there." in finding(at)
    assert shown(at, Picture, "Rollout").overlay is not None
    at.button(key="experiment_go_on").click().run()
    assert finding(at) == rank_patches(*measured).sentence


def test_positions_of_another_grid_on_the_page_are_measured(measured: Measured) -> None:
    at = app("what_if", picture="cat", experiment="Positions for another grid")
    _, checkpoint = load("embedded")
    for grid_size in (12, 6):
        at.slider(key="experiment_grid_8").set_value(grid_size).run()
        picture = checkpoint.preprocess.at(8 * grid_size)(open_picture(GALLERY["cat"].path))
        result = compute.resize_positions(*measured, grid_size, picture)
        assert finding(at) == result.sentence
        lengths = shown(at, Tiles, "Lengths").values
        assert lengths is not None
        np.testing.assert_array_equal(lengths[0].ravel(), result.methods[0].norms.numpy())


def test_scores_without_scaling_on_the_page_are_measured(measured: Measured) -> None:
    at = app("what_if", picture="cat", experiment="Scores without scaling")
    result = compute.unscale(*measured)
    assert finding(at) == result.sentence
    [divided, alone, throughout] = shown(at, Plot, "Mean entropy").series
    np.testing.assert_array_equal(divided.y, result.before.numpy())
    np.testing.assert_array_equal(alone.y, result.alone.numpy())
    np.testing.assert_array_equal(throughout.y, result.throughout.numpy())
    at.button(key="experiment_offer_scaling").click().run()
    assert choice_of(at) == "temperature=unscaled"


@pytest.mark.parametrize("title", EXPERIMENTS)
def test_every_experiment_ends_with_a_sentence_and_a_picture(title: str) -> None:
    at = app("what_if", picture="cat", experiment=title)
    assert not at.exception and len(finding(at)) > 40
    name = EXPERIMENTS[title].name
    assert [experiment.name for experiment in EXPERIMENTS.values()].count(name) == 1


def test_an_experiment_is_measured_once_for_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    app("what_if", picture="rocket", experiment="Which head matters")

    def again(*_: object, **__: object) -> None:
        raise AssertionError("measured a second time")

    monkeypatch.setattr(compute, "knock_out", again)
    finding(app("what_if", picture="rocket", experiment="Which head matters"))


# Views and what is taken away


def test_the_effect_is_the_difference_of_the_states(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    after = tiny_model.trace(tiny_trace.image, Interventions.parse("skip=attention.2"))
    effect = effect_of(tiny_trace, after)
    before_z, after_z = (torch.stack(each.hidden_states).double() for each in (tiny_trace, after))
    moved = (after_z - before_z).norm(dim=-1) / before_z.norm(dim=-1)
    torch.testing.assert_close(effect.moved.double(), moved, atol=1e-6, rtol=1e-5)  # the same in float32
    together = (after_z - before_z).flatten(1).norm(dim=1) / before_z.flatten(1).norm(dim=1)
    torch.testing.assert_close(effect.moved_all.double(), together, atol=1e-6, rtol=1e-5)
    assert effect.first == 2  # z_0 and z_1 lie before the change
    assert effect_of(tiny_trace, tiny_trace).first is None


def test_the_sentences_say_what_is_shown(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    labels = [f"class {c}" for c in range(7)]
    after = tiny_model.trace(tiny_trace.image, Interventions.parse("positions=zero;skip=mlp.1"))
    view = what_if.prediction(tiny_trace.probabilities, after.probabilities, labels)
    was, now = int(tiny_trace.logits.argmax()), int(after.logits.argmax())
    assert labels[was] in view.alt and labels[now] in view.alt
    assert percent(tiny_trace.probabilities[was]) in view.alt and percent(after.probabilities[now]) in view.alt
    pixels = np.zeros((12, 12, 3), np.uint8)
    attention = what_if.attention(tiny_trace, after, 2, 3, 4, (pixels, pixels))
    third = attention.panels[2]
    assert isinstance(third, Picture) and third.overlay is not None
    wanted = (after.attention(2) - tiny_trace.attention(2))[2, 4, 1:].reshape(3, 3)
    np.testing.assert_array_equal(third.overlay, wanted.numpy())


def report(changes: str) -> Report:
    _, checkpoint = load("embedded")
    interventions = Interventions.parse(changes)
    return Report("embedded", "coffee", checkpoint.labels, traced(""), traced(changes), interventions)


def test_the_files_hold_the_numbers() -> None:
    taken = report("mask=20-22;heads=3.1:zero")
    content = json.loads(taken.as_json())
    assert content["changes"] == "mask=20-22;heads=3.1:zero"
    assert content["in_words"] == [change.title for change in taken.interventions]
    first = content["classes"][0]
    best = int(taken.after.logits.argmax())
    assert first["class"] == taken.labels[best]
    assert first["probability_after"] == taken.after.probabilities[best].item()
    assert len(content["layers"]) == 7
    lines = as_csv(taken.layers).splitlines()
    assert lines[0] == "layer,class_token_moved,all_tokens_moved,class_token_cosine,mean_cosine"
    assert float(lines[-1].split(",")[1]) == float(effect_of(taken.before, taken.after).moved[-1, 0])
    assert len(as_csv(taken.classes).splitlines()) == 1 + len(taken.labels)


def test_the_line_of_python_computes_the_prediction_again(capsys: pytest.CaptureFixture[str]) -> None:
    taken = report("mask=20-22;heads=3.1:zero;positions=resized.4.bilinear")
    assert "\n" not in taken.python and not taken.blanks
    exec(taken.python, {})
    label, _, probability = capsys.readouterr().out.strip().rpartition(" ")
    assert label == taken.labels[int(taken.after.logits.argmax())]
    assert float(probability) == taken.after.probabilities.max().item()
    assert replace(taken, picture="upload-0123").blanks == ("your image",)
    assert re.search(r'open_picture\(Path\("path/to', replace(taken, picture="upload-0123").python)
