"""The Predict page in Streamlit's harness: whose pictures, what is said of them, what is listed, where it leads."""

import csv
import threading
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from explainer.app import session
from explainer.app.predict import jobs as prediction_jobs
from explainer.app.predict import sources as picture_sources
from explainer.app.predict.chooser import KINDS
from explainer.app.predict.sources import Source, keep_batch, side_of
from explainer.app.server import tensor_route
from explainer.app.server.uploads import picture_source
from explainer.gallery import GALLERY
from explainer.lessons import LESSONS
from explainer.numbers.words import PICTURE
from explainer.packing import unpack
from explainer.panels import View
from explainer.texts import text
from explainer.views.course import predict
from vit_core import CHECKPOINTS, Preprocess, open_picture
from vit_core.training.data.toy import PER_CLASS
from vit_core.training.predictions import Sample, as_csv, predict_pictures

FRAME = "../pages/frame.py"
TEST_SPLIT = "the test images of a data set"


@pytest.fixture(autouse=True)
def _alone(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A page waits this long for the work before it shows how far it is: long enough for a busy machine.
    monkeypatch.setattr(prediction_jobs, "PATIENCE", 60.0)


def app(**query: str) -> AppTest:
    at = AppTest.from_file(FRAME, default_timeout=120)
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    at.switch_page("predict.py").run()
    assert not at.exception, [element.message for element in at.exception]
    return at


def views(at: AppTest) -> list[View]:
    sent = [element.proto.bytes for element in at.get("bidi_component")]
    payloads = [unpack(data, tensor_route.load) for data in sent if data]
    return [payload for payload in payloads if isinstance(payload, View)]


def cards(at: AppTest) -> list[View]:
    return [view for view in views(at) if [type(panel).__name__ for panel in view.panels] == ["Picture", "Bars"]]


def picture(seed: int, size: tuple[int, int] = (80, 60)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_the_page_says_everything_of_its_text() -> None:
    at = app(predict_of=TEST_SPLIT)
    assert at.title[0].value == LESSONS["predict"].title
    shown = [element.value for element in at.header]
    assert set(text("predict").titles.values()) <= set(shown)


def test_the_gallery_gets_what_the_model_says_of_each_picture() -> None:
    at = app(predict_of="the gallery")
    model, record = session.load_model("embedded")
    shown = cards(at)
    assert len(shown) == len(GALLERY)
    for view, photograph in zip(shown, GALLERY.values(), strict=True):
        with torch.no_grad():
            best = model(record.preprocess(open_picture(photograph.path))).softmax(-1).topk(5)
        bars = view.panels[1]
        assert view.panels[0].title == photograph.title
        assert isinstance(bars, predict.Bars)
        assert bars.labels == tuple(record.labels[int(c)] for c in best.indices)
        # Alone and in a batch, sums are taken in another order: units in the last place of float32.
        np.testing.assert_allclose(bars.values, best.values.numpy(), rtol=1e-4, atol=1e-6)


def test_uploads_broken_ones_are_named_and_the_others_predicted() -> None:
    bad = [("notes.txt.png", b"no picture"), ("cut.png", picture(3)[:300])]
    files = [("one.png", picture(1)), bad[0], ("two.png", picture(2)), bad[1]]
    at = app(predict_of="your own images", predict_batch=keep_batch(files))
    assert [view.panels[0].title for view in cards(at)] == ["one.png", "two.png"]
    assert len(at.warning) == 1
    assert all(name in at.warning[0].value for name in ("notes.txt.png", "cut.png"))
    assert at.query_params["predict_batch"] == keep_batch(files)  # a reload shows the same


def test_kinds_of_images_have_plain_names_and_links_with_the_names_before_still_work() -> None:
    at = app(predict_of="test pictures of a data set")
    assert not at.warning
    assert at.selectbox(key="predict_of").value == TEST_SPLIT
    assert at.query_params["predict_of"] == TEST_SPLIT
    assert at.selectbox(key="predict_of").options == list(KINDS)
    assert not [word for kind in KINDS for word in kind.split() if word.startswith("picture")]


def test_a_link_to_uploads_that_are_gone_is_one_sentence() -> None:
    at = app(predict_of="your own images", predict_batch="0123" * 6)
    assert len(at.warning) == 1
    assert "no longer on this server" in at.warning[0].value
    assert not cards(at)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ([("x.png", b"")] * (picture_sources.MOST_TOGETHER + 1), "too many at once"),
        ([("x.png", b"0" * (picture_sources.MOST_BYTES + 1))], "MB are kept"),
    ],
)
def test_too_many_uploads_are_refused_in_one_sentence(files: list[tuple[str, bytes]], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as refusal:
        keep_batch(files)
    assert "\n" not in str(refusal.value)


def test_the_test_split_is_scored_by_its_folders() -> None:
    """The embedded model has no word for a toy pizza; a checkpoint's own labels are scored in test_predictions."""
    at = app(predict_of=TEST_SPLIT)
    count = 3 * PER_CLASS["test"]
    assert any(
        f"{count} of them show something that is not a class of this model" in element.value for element in at.markdown
    )
    assert "toy_pizza" in "".join(view.panels[0].caption.replace(" ", "_") for view in cards(at))


def test_the_pages_of_many_pictures_are_in_the_link() -> None:
    at = app(predict_of=TEST_SPLIT)
    first = [view.panels[0].title for view in cards(at)]
    at.number_input(key="predict_page").set_value(2).run()
    second = [view.panels[0].title for view in cards(at)]
    assert len(first) == len(second) == 9
    assert first != second
    again = app(predict_of=TEST_SPLIT, predict_page="2")
    assert [view.panels[0].title for view in cards(again)] == second


def test_explain_opens_the_overview_with_this_picture_and_checkpoint() -> None:
    at = app(predict_of="your own images", predict_batch=keep_batch([("one.png", picture(1))]))
    at.button(key="explain_0").click().run()
    assert not at.exception
    assert at.title[0].value == "Overview"
    assert at.query_params["picture"].startswith("upload-")
    assert at.session_state["checkpoint"] == "embedded"
    shown = session.trace("embedded", at.query_params["picture"])
    own = CHECKPOINTS["embedded"].preprocess(open_picture(picture(1)))
    torch.testing.assert_close(shown.image, own, rtol=0, atol=0)  # the same bytes, the same operations


def test_a_gallery_picture_opens_by_its_own_name() -> None:
    at = app(predict_of="the gallery")
    at.button(key="explain_1").click().run()
    assert at.query_params["picture"] == list(GALLERY)[1]


def test_all_ways_of_reading_are_the_models_own_numbers() -> None:
    at = app(predict_of="the gallery", predict_shown="5")
    view = next(view for view in views(at) if len(view.rows) == 3)
    model, record = session.load_model("embedded")
    photograph = open_picture(list(GALLERY.values())[4].path)
    own = record.preprocess
    squashed = Preprocess(
        image_size=own.image_size,
        resize_size=own.image_size,
        keep_aspect=False,
        mean=own.mean,
        std=own.std,
        interpolation=own.interpolation,
    )
    with torch.no_grad():
        trained, other = (model(each(photograph)).softmax(-1) for each in (own, squashed))
    says, says_other, difference = view.rows[1][0], view.rows[1][1], view.rows[2][0]
    assert isinstance(says, predict.Bars)
    assert isinstance(says_other, predict.Bars)
    assert isinstance(difference, predict.Bars)
    chosen = [record.labels.index(label) for label in says.labels]
    np.testing.assert_allclose(says.values, trained[chosen].numpy(), rtol=1e-4, atol=1e-6)  # batch of one: as above
    np.testing.assert_allclose(says_other.values, other[chosen].numpy(), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(difference.values, (other - trained)[chosen].numpy(), rtol=1e-3, atol=1e-6)
    titles = [panel.title for panel in view.rows[0]]
    assert titles == ["As trained", "Squashed", "Not normalised", "Squashed and not normalised"]


def test_another_preprocessing_is_used_for_all_pictures_and_named_in_the_file() -> None:
    at = app(predict_of="the gallery", predict_way="squashed")
    model, record = session.load_model("embedded")
    samples = [Sample(each.title, each.path) for each in GALLERY.values()]
    squashed = prediction_jobs.Preprocess(
        image_size=64,
        resize_size=64,
        keep_aspect=False,
        mean=record.preprocess.mean,
        std=record.preprocess.std,
        interpolation=record.preprocess.interpolation,
    )
    wanted = predict_pictures(model, squashed, record.labels, samples)
    lines = list(csv.DictReader(StringIO(as_csv(wanted, "embedded", "squashed"))))
    for view, line in zip(cards(at), lines, strict=True):
        bars = view.panels[1]
        assert isinstance(bars, predict.Bars)
        assert bars.labels[0] == line["predicted"]
        assert line["preprocessing"] == "squashed"


def test_work_is_shared_and_what_nobody_looks_at_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    may_go_on = threading.Event()
    read = []

    def samples() -> tuple[Sample, ...]:
        read.append(1)
        may_go_on.wait(20)
        return tuple(Sample(str(seed), picture(seed)) for seed in range(20))

    arguments = ("embedded", CHECKPOINTS["embedded"].preprocess, 20, samples)
    first = prediction_jobs.job_for("shared", *arguments)
    assert prediction_jobs.job_for("shared", *arguments) is first
    monkeypatch.setattr(prediction_jobs, "GIVEN_UP_AFTER", -1.0)
    may_go_on.set()
    assert first.ended.wait(20)
    assert first.was_given_up
    monkeypatch.setattr(prediction_jobs, "GIVEN_UP_AFTER", 60.0)
    again = prediction_jobs.job_for("shared", *arguments)
    assert again is not first
    assert again.ended.wait(20)
    assert again.result is not None
    assert len(again.result) == 20
    assert len(read) == 2


def test_a_source_is_known_by_its_contents() -> None:
    one, other = keep_batch([("a.png", picture(1))]), keep_batch([("a.png", picture(2))])
    assert one != other
    assert picture_sources.uploaded(one).samples == (Sample("a.png", picture(1)),)
    assert len(Source("key", ())) == 0


def test_a_picture_that_is_shown_is_opened_by_its_contents_alone(tmp_path: Path) -> None:
    first, second = picture(7001), picture(7002)  # which nobody uploads: those are kept by themselves
    path = tmp_path / "one.png"
    path.write_bytes(first)
    name = side_of(Sample("uploaded.png", first)).removeprefix(PICTURE)
    assert picture_source(name) == first
    assert side_of(Sample("one.png", path)) == PICTURE + name
    assert picture_source(name) == first
    path.write_bytes(second)  # another picture has taken its place: it is not shown as the first
    with pytest.raises(LookupError, match="no longer on this server"):
        picture_source(name)
    path.unlink()
    with pytest.raises(LookupError, match="no longer on this server"):
        picture_source(name)
