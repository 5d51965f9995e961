"""A run's epochs side by side: every frame shows its own epoch's numbers, and all frames are drawn on one scale."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest
from torch import Tensor

from explainer.app.epochs import recordings
from explainer.app.server import tensor_route
from explainer.experiments.recordings import Recording, snapshot_bytes, take_snapshot, thinned
from explainer.figures import figure, save
from explainer.gallery import GALLERY
from explainer.lessons import LESSONS
from explainer.packing import pack, unpack
from explainer.panels import Bars, Frames, Panel, Pixels, Plot, Tiles, View
from explainer.texts import text
from explainer.views import depth, embedding
from explainer.views.course import epochs
from explainer.views.course.scenes import Scene
from tests.conftest import randomised
from vit_core import CHECKPOINTS, VisionTransformer, ViTConfig, load, mean_attention_distance, open_picture
from vit_core.training.__main__ import main as train

LAYER, HEAD, TOKEN = 2, 3, 6
LABELS = tuple(f"class {c}" for c in range(7))


@pytest.fixture(scope="module")
def models(tiny_config: ViTConfig) -> list[VisionTransformer]:
    """The model after epochs 0, 1 and 3, nothing alike."""
    return [randomised(VisionTransformer(tiny_config), seed) for seed in range(3)]


@pytest.fixture(scope="module")
def recording(models: list[VisionTransformer], tiny_config: ViTConfig, tiny_image: Tensor) -> Recording:
    pixels: Pixels = np.random.default_rng(2).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    taken = [take_snapshot(epoch, model, tiny_image) for epoch, model in zip((0, 1, 3), models, strict=True)]
    measured = [
        {"epoch": epoch, "step": epoch, "train_loss": loss, "validation": {"loss": 1 / (epoch + 1), "top1": epoch / 4}}
        for epoch, loss in ((1, 0.5), (2, float("nan")), (3, 0.1))
    ]
    return Recording("long", LABELS, tiny_config, pixels, tuple(taken), tuple(measured))


@pytest.fixture(scope="module")
def scene(recording: Recording) -> Scene:
    return Scene(recording, LAYER, HEAD, TOKEN)


@pytest.fixture(scope="module")
def short(recording: Recording) -> Scene:
    """A run that ended after its second saved epoch."""
    ended = Recording("short", LABELS, recording.config, recording.pixels, recording.snapshots[:2])
    return Scene(ended, LAYER, HEAD, TOKEN, picks=False)


def all_frames(*scenes: Scene) -> dict[str, Frames]:
    return {
        "bar": epochs.bar(scenes),
        "curves": epochs.curves(scenes),
        "prediction": epochs.prediction(scenes),
        "attention": epochs.attention_maps(scenes, shared=True),
        "lens": epochs.logit_lens(scenes),
        "positions": epochs.positions(scenes),
        "filters": epochs.filters(scenes, shared=True),
        "movement": epochs.movement(scenes),
    }


# Snapshots and recordings


def test_a_snapshot_holds_what_the_model_computes(models: list[VisionTransformer], tiny_image: Tensor) -> None:
    model = models[1]
    taken, trace = take_snapshot(1, model, tiny_image), model.trace(tiny_image)
    assert torch.equal(taken.projection_matrix, model.projection_matrix)
    assert torch.equal(taken.position_embedding, model.position_embedding)
    assert all(map(torch.equal, taken.attention_weights, trace.attention_weights))
    assert torch.equal(taken.distances, mean_attention_distance(trace, model.config))
    torch.testing.assert_close(taken.probabilities, trace.probabilities)  # read off in a batch: other order of sums
    assert taken.nbytes == snapshot_bytes(model.config)


def test_what_an_epoch_left_as_it_was_is_kept_once(tiny_config: ViTConfig, tiny_image: Tensor) -> None:
    model = randomised(VisionTransformer(tiny_config))
    before = take_snapshot(0, model, tiny_image)
    with torch.no_grad():
        model.head.linear.weight.mul_(2.0)
    now = take_snapshot(1, model, tiny_image, before)
    assert now.projection_matrix is before.projection_matrix and now.distances is before.distances
    assert all(ours is theirs for ours, theirs in zip(now.attention_weights, before.attention_weights, strict=True))
    assert not torch.equal(now.lens, before.lens)
    with torch.no_grad():
        model.position_embedding[0].add_(1.0)
    assert not torch.equal(take_snapshot(2, model, tiny_image, now).position_embedding, now.position_embedding)


@pytest.mark.parametrize(("count", "most"), [(1, 5), (5, 5), (6, 5), (100, 7), (301, 21), (9, 2)])
def test_thinned_epochs_are_spread_evenly_and_keep_the_ends(count: int, most: int) -> None:
    shown = thinned(range(count), most)
    assert len(shown) == min(count, most) and shown[0] == 0 and shown[-1] == count - 1
    steps = np.diff(shown)
    assert len(steps) == 0 or (steps.min() >= 1 and steps.max() - steps.min() <= 1)


def test_one_epoch_is_no_choice() -> None:
    with pytest.raises(ValueError, match="the first and the last"):
        thinned([1, 2, 3], 1)


def test_a_recording_knows_its_epochs_and_what_was_measured(recording: Recording) -> None:
    assert [recording.at(epoch).epoch for epoch in range(6)] == [0, 1, 1, 3, 3, 3]
    assert recording.curve("train_loss") == ([1, 3], [0.5, 0.1])  # a loss that is no number is no point
    assert recording.curve("top1") == ([1, 2, 3], [0.25, 0.5, 0.75])
    assert recording.accuracy(3) == 0.75 and recording.accuracy(0) is None


# Frames


def test_every_frame_is_of_its_epoch(scene: Scene, short: Scene) -> None:
    for name, frames in all_frames(scene, short).items():
        assert frames.places == (0, 1, 3) and frames.name == "epoch"
        for place, view in zip(frames.places, frames.views, strict=True):
            if name in ("bar", "curves"):
                continue
            for panel in view.panels:
                assert panel.title.endswith((f"long, epoch {place}", f"short, epoch {min(place, 1)}"))
    assert epochs.bar([scene]).labels == (
        "Before training",
        "After epoch 1 of 3 · 25.0 % right",
        "After epoch 3 of 3 · 75.0 % right",
    )
    assert epochs.bar([scene, short]).labels[2] == "After epoch 3 of 3 · long 75.0 % right"


def test_marks_are_where_the_bar_is(scene: Scene, short: Scene) -> None:
    both = [scene, short]
    assert [view.panels[0].selected_x for view in epochs.curves(both).views] == [0, 1, 3]  # type: ignore[attr-defined]
    for frames in (epochs.prediction(both), epochs.movement(both)):
        for place, view in zip(frames.places, frames.views, strict=True):
            plots = [panel for panel in view.panels if isinstance(panel, Plot)]
            assert [plot.selected_x for plot in plots] == [place, min(place, 1)] * (len(plots) // 2)
            assert all(plot.pick == "epoch" for plot in plots)


def test_frames_show_the_numbers_of_their_epoch(
    scene: Scene, models: list[VisionTransformer], tiny_image: Tensor
) -> None:
    made = all_frames(scene)
    for index, model in enumerate(models):
        trace = model.trace(tiny_image)
        prediction, attention, lens, positions = (
            made[name].views[index] for name in ("prediction", "attention", "lens", "positions")
        )
        bars, _ = prediction.panels
        assert isinstance(bars, Bars)
        wins = models[-1].trace(tiny_image).probabilities.topk(5).indices  # in the end
        assert bars.labels == tuple(LABELS[c] for c in wins)
        np.testing.assert_allclose(bars.values, trace.probabilities[wins], rtol=1e-5)  # rounding of the batched head
        picture, tiles = attention.panels
        looks = trace.attention(LAYER)[:, TOKEN, 1:].reshape(-1, 3, 3).numpy()
        np.testing.assert_array_equal(tiles.values, looks)  # type: ignore[attr-defined]
        np.testing.assert_array_equal(picture.overlay, looks[HEAD - 1])  # type: ignore[attr-defined]
        shown = embedding.position_similarity(model.position_embedding, TOKEN).panels[1]
        np.testing.assert_array_equal(positions.panels[1].values, shown.values)  # type: ignore[attr-defined]
        alone = depth.logit_lens(model, trace, LABELS, LAYER).panels[1]
        np.testing.assert_array_equal(lens.panels[1].values, alone.values)  # type: ignore[attr-defined]
        distances = made["movement"].views[index].panels[0]
        assert isinstance(distances, Plot)
        of_layer = mean_attention_distance(trace, model.config)[LAYER - 1]
        np.testing.assert_array_equal([line.y[index] for line in distances.series], of_layer)


def test_shared_scales_are_one_for_all_frames_and_hold_every_value(scene: Scene, short: Scene) -> None:
    panels = [view.panels for view in epochs.attention_maps([scene, short], shared=True).views]
    scales = {
        scale
        for row in panels
        for panel in row
        for scale in (panel.scales if isinstance(panel, Tiles) else (panel.scale,))
    }  # type: ignore[attr-defined]
    assert len(scales) == 1
    values = np.concatenate([panel.values.ravel() for row in panels for panel in row if isinstance(panel, Tiles)])  # type: ignore[union-attr]
    assert scales == {type(next(iter(scales)))(0.0, float(values.max()))}
    own = [view.panels[1] for view in epochs.attention_maps([scene], shared=False).views]
    assert all(len(tiles.scales) == 4 for tiles in own)  # type: ignore[attr-defined]
    for name in ("prediction", "lens", "movement", "curves"):  # axes do not move either
        for place in zip(*(view.panels for view in all_frames(scene, short)[name].views), strict=True):
            if isinstance(place[0], Plot):
                assert len({(plot.low, plot.high, plot.start) for plot in place}) == 1
                if place[0].high is not None:
                    assert max(line.y.max() for plot in place for line in plot.series) <= place[0].high
    lens = [view.panels[0].high for view in epochs.logit_lens([scene, short]).views]  # type: ignore[attr-defined]
    assert None not in lens


def test_filters_keep_their_place_and_their_scale(scene: Scene, models: list[VisionTransformer]) -> None:
    order = models[-1].projection_matrix.detach().norm(dim=0).argsort(descending=True)
    largest = max(float(model.projection_matrix.detach().abs().max()) for model in models)
    for view, model in zip(epochs.filters([scene], shared=True).views, models, strict=True):
        tiles = view.panels[0]
        assert isinstance(tiles, Tiles) and tiles.pixels is not None
        assert tiles.labels == tuple(f"filter {c}" for c in order)
        weights = model.projection_matrix.detach().T[order].reshape(24, 4, 4, 3).numpy()
        expected = 255 * (weights + largest) / (2 * largest)
        assert np.abs(tiles.pixels - expected).max() <= 0.501  # rounded to whole steps
    own = epochs.filters([scene], shared=False).views[0].panels[0]
    assert own.pixels.reshape(24, -1).min(1).max() == 0 and own.pixels.reshape(24, -1).max(1).min() == 255  # type: ignore[attr-defined]


def test_changes_are_norms_of_differences(scene: Scene, models: list[VisionTransformer]) -> None:
    plot = epochs.movement([scene]).views[2].panels[1]
    assert isinstance(plot, Plot)
    of_e, of_positions = plot.series
    e = [model.projection_matrix.detach().double().numpy() for model in models]
    positions = [model.position_embedding.detach().double().numpy() for model in models]
    assert of_e.x.tolist() == of_positions.x.tolist() == [1, 3]
    # float32 sums of some hundred squares against float64
    np.testing.assert_allclose(of_e.y, [np.linalg.norm(e[1] - e[0]), np.linalg.norm(e[2] - e[1])], rtol=1e-5)
    np.testing.assert_allclose(
        of_positions.y, [np.linalg.norm(positions[i + 1] - positions[i]) for i in (0, 1)], rtol=1e-5
    )
    assert plot.caption.startswith("Since epoch 1: E by ")


def test_a_click_chooses_for_the_app_only_where_the_sizes_are_the_apps(scene: Scene, short: Scene) -> None:
    assert epochs.attention_maps([scene], shared=True).picks == ("head", "token")
    assert epochs.attention_maps([short], shared=True).picks == ()
    for make in (epochs.prediction, epochs.logit_lens, epochs.positions, epochs.movement):
        assert make([short]).picks == ()
    assert "epoch" in epochs.movement([short]).views[0].picks  # which the browser follows by itself


def test_runs_that_measured_nothing_have_no_curves(short: Scene) -> None:
    with pytest.raises(ValueError, match="measured"):
        epochs.curves([short])


def test_one_saved_epoch_is_shown_without_changes(recording: Recording) -> None:
    alone = Recording("new", LABELS, recording.config, recording.pixels, recording.snapshots[:1])
    frames = epochs.movement([Scene(alone, LAYER, HEAD, TOKEN)])
    assert len(frames.views) == 1 and len(frames.views[0].panels) == 1


def test_frames_that_do_not_match_are_refused(scene: Scene) -> None:
    frames = epochs.positions([scene])
    with pytest.raises(ValueError, match="3 places"):
        Frames("epoch", frames.places, frames.labels[:2], frames.views)
    with pytest.raises(ValueError, match="rise"):
        Frames("epoch", (1, 1, 2), frames.labels, frames.views)
    with pytest.raises(ValueError, match="same panels"):
        Frames("epoch", frames.places, frames.labels, (*frames.views[:2], epochs.bar([scene]).views[0]))


def arrays_of(panel: Panel) -> list[np.ndarray]:
    return [value for value in vars(panel).values() if isinstance(value, np.ndarray)]


def test_frames_survive_the_way_to_the_browser_and_repeat_nothing(scene: Scene, short: Scene) -> None:
    for frames in all_frames(scene, short).values():
        back = unpack(pack(frames, keep=lambda raw: pytest.fail("frames hold their pictures themselves")))
        assert isinstance(back, Frames) and (back.places, back.labels) == (frames.places, frames.labels)
        for ours, theirs in zip(back.panels, frames.panels, strict=True):
            for packed, original in zip(arrays_of(ours), arrays_of(theirs), strict=True):
                np.testing.assert_array_equal(packed, original)  # none is so large that it would be quantised
    view = epochs.positions([scene]).views[0]
    once, often = (pack(Frames("epoch", tuple(range(n)), ("",) * n, (view,) * n)) for n in (1, 30))
    header = [int.from_bytes(packed[5:9], "little") for packed in (once, often)]
    assert len(often) - header[1] == pytest.approx(len(once) - header[0], abs=4)  # padding of the header


def test_every_frame_can_be_exported(scene: Scene, short: Scene) -> None:
    for name, frames in all_frames(scene, short).items():
        if name in ("curves", "attention", "filters", "movement"):
            buffer = io.BytesIO()
            save(frames.views[-1], buffer, "png", dots_per_inch=40)
            assert Image.open(buffer).size[0] > 100
    drawn = figure(epochs.movement([scene]).views[0]).axes[0]
    high = epochs.movement([scene]).views[0].panels[0].high  # type: ignore[attr-defined]
    assert drawn.get_ylim() == pytest.approx((0.0, high))
    assert figure(epochs.curves([scene]).views[0]).axes[0].get_xlim()[0] == 0.0


# The page


FRAME = "../pages/frame.py"


def train_two_runs(folder: Path) -> Path:
    """Two real runs on a few pictures: one from scratch and smaller, one of the embedded model with frozen insides."""
    random, pictures = np.random.default_rng(0), folder / "pictures"
    for split, count in (("train", 6), ("test", 2)):
        for name, level in (("bright", 180), ("dark", 20)):
            (pictures / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(level, level + 60, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(pictures / split / name / f"{number}.png")
    common = [
        "--recipe",
        "mini",
        "--data",
        str(pictures),
        "--without",
        "steps",
        "ema_decay",
        "--epochs",
        "2",
        "--batch-size",
        "6",
        "--warmup-steps",
        "0",
        "--precision",
        "float32",
        "--patch-drop",
        "0",
        "--workers",
        "0",
        "--threads",
        "1",
    ]
    runs, before = folder / "runs", torch.get_num_threads()
    assert train([*common, "--output", str(runs / "scratch"), "--image-size", "32"]) == 0
    frozen = ["--weights", "embedded", "--freeze", "all-but-head"]
    assert train([*common, "--output", str(runs / "frozen"), *frozen]) == 0
    torch.set_num_threads(before)
    return runs


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_two_runs(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def runs(trained: Path, own_folders: Path) -> Path:
    """A copy of the runs that a test may change."""
    shutil.copytree(trained, own_folders / "runs")
    return own_folders / "runs"


def app(**query: str) -> AppTest:
    at = AppTest.from_file(FRAME, default_timeout=120)
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    at.switch_page("epochs.py").run()
    assert not at.exception, [element.message for element in at.exception]
    return at


def _load(digest: str) -> bytes:
    kept = tensor_route.load(digest)
    assert kept is not None
    return kept


def sent(at: AppTest) -> list[Frames]:
    payloads = [unpack(each.proto.bytes, _load) for each in at.get("bidi_component") if each.proto.bytes]
    return [payload for payload in payloads if isinstance(payload, Frames)]


def one(at: AppTest, title: str) -> list[tuple[View, Panel]]:
    """In every frame the panel whose title begins so."""
    found = [
        [(view, panel) for panel in view.panels if panel.title.startswith(title)]
        for frames in sent(at)
        for view in frames.views
    ]
    return [each[0] for each in found if each]


def test_without_a_run_the_page_says_what_there_will_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIT_EXPLAINER_RUNS", str(tmp_path / "none"))
    monkeypatch.setattr("vit_core.training.runs.listing.EXAMPLES", tmp_path / "none")
    at = app()
    assert at.title[0].value == LESSONS["epochs"].title and not sent(at)
    assert "No run has saved an epoch" in at.info[0].value
    said = "\n".join(each.value for each in at.markdown)
    assert all(f"**{title}.**" in said for title in text("epochs").titles.values())


def test_the_page_shows_every_section_and_the_weights_that_were_saved(runs: Path) -> None:
    at = app(run="frozen", layer="3", head="2", token="20")
    assert [each.value for each in at.header] == list(text("epochs").titles.values())
    assert not at.warning and {frames.places for frames in sent(at)} == {(0, 1, 2)}
    assert sum(frames.has_bar for frames in sent(at)) == 1
    picture = next(iter(GALLERY.values())).path
    for epoch, (_, bars) in enumerate(one(at, "Prediction")):
        model, card = load(runs / "frozen" / "epochs" / f"epoch-{epoch:04d}.safetensors")
        probabilities = model.trace(card.preprocess(Image.open(picture).convert("RGB"))).probabilities
        assert isinstance(bars, Bars) and set(bars.labels) == {"bright", "dark"}
        for name, value in zip(bars.labels, bars.values, strict=True):
            # the same model and picture; the head is read off in a batch of layers: another order of sums
            assert value == pytest.approx(float(probabilities[card.labels.index(name)]), abs=1e-6)
    losses = one(at, "Loss")[0][1]
    assert isinstance(losses, Plot) and losses.series[0].x.tolist() == [1, 2]


def test_what_was_frozen_does_not_move(runs: Path) -> None:
    at = app(run="frozen")
    for title in ("All patch positions", f"All {CHECKPOINTS['embedded'].config.num_heads} heads"):
        first, *others = (panel.values for _, panel in one(at, title))  # type: ignore[attr-defined]
        assert len(others) == 2 and all(np.array_equal(first, other) for other in others)
    changes = one(at, "Change from epoch to epoch")[0][1]
    assert isinstance(changes, Plot) and all(line.y.tolist() == [0, 0] for line in changes.series)
    bars = [panel.values.tolist() for _, panel in one(at, "Prediction")]  # type: ignore[attr-defined]
    assert bars[0] != bars[1] != bars[2]


def test_two_runs_stand_side_by_side_each_with_its_own_grid(runs: Path) -> None:
    at = app(run="frozen", beside="scratch", token="64")  # the last patch of 8 x 8, row 8, column 8
    assert any("scratch has 6 layers" in each.value and "4 × 4 patches, unlike" in each.value for each in at.caption)
    frames = next(each for each in sent(at) if "patch positions" in str([panel.title for panel in each.panels]))
    (_, _), (_, small) = frames.views[0].rows[0], frames.views[0].rows[1]
    assert isinstance(small, Tiles) and small.values is not None
    assert small.values.shape == (16, 4, 4) and small.selected == 15 and small.picks == ()
    assert small.title == "All patch positions · scratch, epoch 0"
    assert one(at, "Loss")[0][1].series[2].label.startswith("scratch, ")  # type: ignore[attr-defined]


def test_a_choice_keeps_the_runs_of_the_link(runs: Path) -> None:
    """Streamlit refuses to have a bound parameter set: choosing a head must leave "run" alone."""
    at = app(run="scratch", beside="frozen", picture="cat")
    for head, picture in ((3, "cat"), (1, "coffee")):
        at.session_state["head"], at.session_state["picture"] = head, picture
        at.run()
        assert not at.exception
    assert at.selectbox(key="run").value == "scratch" and at.selectbox(key="beside").value == "frozen"
    assert "head" not in at.query_params and at.query_params["run"] in ("scratch", ["scratch"])


def test_an_epoch_that_cannot_be_read_is_left_out_by_name(runs: Path) -> None:
    (runs / "frozen" / "epochs" / "epoch-0001.safetensors").write_bytes(b"half a file")
    at = app(run="frozen")  # a link from before it was damaged
    assert not at.warning and at.selectbox(key="run").value == "frozen"
    assert any(each.value.startswith("frozen: the weights of epoch 1 cannot be opened: ") for each in at.caption)
    assert {frames.places for frames in sent(at)} == {(0, 2)}
    for epoch in (0, 2):
        (runs / "frozen" / "epochs" / f"epoch-{epoch:04d}.safetensors").write_bytes(b"half a file")
    at = app(run="frozen")
    assert not sent(at) and any("The run frozen cannot be shown" in each.value for each in at.caption)


def test_a_link_to_a_run_that_is_not_here_says_so(runs: Path) -> None:
    at = app(run="gone")
    assert "the run with saved epochs “gone”, which is not here" in at.warning[0].value and sent(at)
    assert at.selectbox(key="run").value == "frozen"  # the newest


def test_the_newest_run_is_named_in_the_link(runs: Path) -> None:
    at = app()
    assert at.selectbox(key="run").value == "frozen" and at.query_params["run"] in ("frozen", ["frozen"])


def test_many_epochs_are_thinned_and_the_page_says_which(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "MOST_EPOCHS", 2)
    at = app(run="frozen")
    assert any("Of the 3 epochs" in each.value and each.value.endswith("0, 2.") for each in at.caption)
    assert {frames.places for frames in sent(at)} == {(0, 2)}


def test_a_link_to_an_epoch_that_is_not_here_says_so(runs: Path) -> None:
    at = app(run="frozen", epoch="99")
    assert "names the epoch 99, which is not among those saved. You see epoch 2." in at.warning[0].value
    assert not app(run="frozen", epoch="1").warning


def test_a_number_of_an_epoch_is_explained_and_its_line_asks_for_the_weights(runs: Path) -> None:
    weights, image = [], open_picture(next(iter(GALLERY.values())).path)
    for epoch in (1, 2):
        model, card = load(runs / "scratch" / "epochs" / f"epoch-{epoch:04d}.safetensors")
        weights.append(float(model.trace(card.preprocess(image)).attention(3)[1, 12, 7]))
    number = "block.attention.weights:3:1,12,7"
    for asked, value in (
        (f"run:scratch:1@{number}", weights[0]),
        (f"difference(run:scratch:2@{number};run:scratch:1@{number})", weights[1] - weights[0]),
    ):
        at = app(run="scratch")
        at.query_params["number"] = asked
        at.run()
        assert not at.exception and not at.warning
        (sheet,) = [
            json.loads(each.proto.json)
            for each in at.get("bidi_component")
            if each.proto.component_name == "vit_explainer.number"
        ]
        assert f"{value:.6g}".replace("-", "−") in sheet["html"] and "scratch, epoch 1" in sheet["words"]
        code = next(each.value for each in at.code if "item()" in each.value)
        assert any("weights of scratch, epoch 1" in each.value for each in at.caption)
        for epoch in (1, 2):
            path = runs / "scratch" / "epochs" / f"epoch-{epoch:04d}.safetensors"
            code = code.replace(f"path/to/scratch-epoch-{epoch}/weights.safetensors", str(path))
        *imports, expression = code.split("\n")
        names: dict[str, Any] = {}
        exec("\n".join(imports), names)
        assert eval(expression, names) == pytest.approx(value, rel=1e-6)
