"""The sheet that explains a number, on every page, by Streamlit's own test harness on the embedded model."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from explainer.app import session
from explainer.app.canvas import _checked
from explainer.app.foreign import plain
from explainer.app.predict import jobs as prediction_jobs
from explainer.app.predict.sources import keep_batch
from explainer.app.server import tensor_route
from explainer.app.state import State
from explainer.gallery import GALLERY
from explainer.lessons import HANDS_ON
from explainer.packing import unpack
from explainer.panels import Bars, View
from explainer.stages import STAGES
from vit_core import Interventions, open_picture

FRAME = "../pages/frame.py"
NUMBER = "block.attention.weights:3:1,12,33"


@pytest.fixture(autouse=True)
def _alone(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction_jobs, "PATIENCE", 60.0)  # so that a busy machine has predicted, too


def app(**query: str) -> AppTest:
    at = AppTest.from_file(FRAME, default_timeout=240)
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception, [element.message for element in at.exception]
    return at


def sheet(at: AppTest) -> dict[str, Any] | None:
    """What the body of the sheet was given: its HTML, what is said, which number."""
    for element in at.get("bidi_component"):
        if element.proto.component_name == "vit_explainer.number":
            data: dict[str, Any] = json.loads(element.proto.json)
            return data
    return None


def traced() -> float:
    return float(session.trace("embedded", State.picture).attention(3)[1, 12, 33])


def test_every_page_explains_the_number_of_the_link() -> None:
    at = app(number=NUMBER)
    value = f"{traced():.6g}"
    for page in (*STAGES, *HANDS_ON):
        at.switch_page(f"{page}.py").run()
        assert not at.exception, (page, [element.message for element in at.exception])
        shown = sheet(at)
        assert shown is not None and shown["number"] == NUMBER, page
        assert value in shown["html"] and "layer 3, head 2" in shown["words"]
        assert any(code.value.endswith(".attention.weights[1, 12, 33].item()") for code in at.code)
        assert any(r"\exp(" in latex.value and r"[12,\,33]" in latex.value for latex in at.latex)
        assert at.query_params["number"] == NUMBER


def test_the_way_back_and_the_way_out() -> None:
    at = app(number=NUMBER)
    assert not any(button.key == "number_back" for button in at.button)  # nowhere to go back to
    at.session_state["number_trail"] = ("trace.logits::3", "trace.representation::7")
    at.run()
    at.button(key="number_back").click().run()
    assert at.query_params["number"] == "trace.representation::7"
    at.button(key="number_back").click().run()
    assert at.query_params["number"] == "trace.logits::3"
    assert not any(button.key == "number_back" for button in at.button)
    at.button(key="number_close").click().run()
    assert "number" not in at.query_params and sheet(at) is None
    assert not at.exception


def test_nonsense_in_the_link_is_one_sentence_said_once() -> None:
    at = app()
    for text, sentence in (
        ("<script>alert(1)</script>", "names no number"),
        ("block.attention.weights:9:0,0,0", "is there for layers 1 to 6, the link gives layer 9"),
        ("trace.logits::99999", "so there is no number [99999]"),
        ("__class__::0", "there is no tensor"),
        ("1" * 500, "names no number"),
        ("1" * 5000, "expected 1 to 600 visible characters"),
    ):
        at.query_params["number"] = text
        at.run()
        assert not at.exception
        assert len(at.warning) == 1 and plain(sentence) in at.warning[0].value and len(at.warning[0].value) < 300
        assert "number" not in at.query_params and sheet(at) is None
        at.run()
        assert not at.warning


def test_a_number_stays_when_the_picture_changes() -> None:
    at = app(number="trace.logits::5", picture="cat")
    shown = sheet(at)
    assert shown is not None
    assert f"{float(session.trace('embedded', 'cat').logits[5]):.6g}".replace("-", "−") in shown["html"]
    assert 'GALLERY["cat"]' in next(code.value for code in at.code if "item()" in code.value)


def test_a_tensor_of_the_table_is_opened_with_the_numbers_of_the_trace() -> None:
    at = app(layer="2", head="4")
    at.switch_page("attention.py").run()
    names = [reference.field for reference in STAGES["attention"].tensors]
    at.selectbox(key="map_attention").set_value(names.index("query")).run()
    assert not at.exception
    wanted = session.block("embedded", State.picture, 2).attention.query[3].numpy()  # head 4, as chosen
    views = [
        unpack(element.proto.bytes, tensor_route.load) for element in at.get("bidi_component") if element.proto.bytes
    ]
    (panel,) = [panel for view in views for panel in view.panels if panel.title == "block.attention.query[3]"]
    step = (wanted.max(1) - wanted.min(1)).max() / 255  # 4,160 numbers travel in 255 steps a row
    assert abs(panel.values - wanted).max() <= step / 2 + 1e-6  # type: ignore[attr-defined]
    assert panel.origin is not None and panel.origin.index == (3, "row", "column")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "value", [5, True, None, "nonsense", "block.attention.weights", "a" * 10_000, {"tensor": 1}, "x:1:2;drop"]
)
def test_the_browser_can_send_nothing_but_an_address(value: object) -> None:
    view = View(rows=(), alt="", picks=("number", "token"))
    assert _checked({"number": NUMBER, "token": 3}, view) == {"number": NUMBER, "token": 3}
    assert _checked({"number": value}, view) is None
    assert _checked({"number": NUMBER}, View(rows=(), alt="", picks=("token",))) is None


# Pages that show other passes than their own


def shown_number(at: AppTest, page: str, number: str, **query: str) -> dict[str, Any]:
    """The sheet of a page that was opened by a link with this number."""
    at.switch_page(f"{page}.py")
    for name, value in (query | {"number": number}).items():
        at.query_params[name] = value
    at.run()
    assert not at.exception, [element.message for element in at.exception]
    shown = sheet(at)
    assert shown is not None and shown["number"] == number, [each.value for each in at.warning]
    return shown


def line(at: AppTest) -> str:
    return next(code.value for code in at.code if "item()" in code.value)


def returned(code: str) -> float:
    """What the lines of the sheet return."""
    *imports, expression = code.split("\n")
    names: dict[str, Any] = {}
    exec("\n".join(imports), names)
    return float(eval(expression, names))


def written(value: float) -> str:
    return f"{value:.6g}".replace("-", "−")


def test_what_if_explains_the_changed_pass() -> None:
    changes = "heads=3.2:zero;mask=9-12"
    number = "changed@block.attention.weights:3:1,12,33"
    at = app()
    shown = shown_number(at, "what_if", number, changes=changes)
    image = session.trace("embedded", State.picture).image
    model, _ = session.load_model("embedded")
    value = float(model.trace(image, Interventions.parse(changes)).attention(3)[1, 12, 33])
    assert written(value) in shown["html"] and value != traced()
    assert 'data-number="changed@block.attention.scores:3:1,12,33"' in shown["html"]  # deeper stays in the pass
    assert f"{returned(line(at)):.6g}" == f"{value:.6g}"
    zeroed = shown_number(at, "what_if", "changed@block.attention.head_outputs:3:1,12,5")
    assert "the forward pass was changed here" in zeroed["html"] and changes in zeroed["html"].replace("&#x27;", "'")
    both = shown_number(at, "what_if", f"difference({number};{number[8:]})")
    assert written(value - traced()) in both["html"]
    assert all(f'data-number="{each}"' in both["html"] for each in (number, number[8:]))
    assert returned(line(at)) == pytest.approx(value - traced(), rel=1e-6)
    del at.query_params["changes"]  # without changes it is the number of the plain pass
    at.session_state["own_choice_what_if"] = {}
    at.run()
    cleared = sheet(at)
    assert cleared is not None and "0" in cleared["html"] and not at.exception


def test_compare_explains_each_side_and_the_difference() -> None:
    at, query = app(), {"other_picture": "cat", "other_change": "positions=zero", "other_layer": "4"}
    left, right = "left@trace.probabilities::5", "right@trace.probabilities::5"
    model, _ = session.load_model("embedded")
    plain = float(session.trace("embedded", State.picture).probabilities[5])
    cat = model.trace(session.trace("embedded", "cat").image, Interventions.parse("positions=zero"))
    of_cat = float(cat.probabilities[5])
    for number, value in ((left, plain), (right, of_cat), (f"difference({right};{left})", of_cat - plain)):
        shown = shown_number(at, "compare", number, **query)
        assert written(value) in shown["html"], number
        assert returned(line(at)) == pytest.approx(value, rel=1e-6)
    assert 'GALLERY["cat"]' in line(at) and 'Interventions.parse("positions=zero")' in line(at)


def test_predict_explains_the_pass_of_each_of_its_pictures() -> None:
    at, number = app(), "picture:cat@trace.probabilities::5"
    shown = shown_number(at, "predict", number, predict_of="the gallery")
    value = float(session.trace("embedded", "cat").probabilities[5])
    assert written(value) in shown["html"] and shown["words"].startswith(f"{value:.6g}: {GALLERY['cat'].title}: class")
    assert returned(line(at)) == value
    deeper = shown_number(at, "predict", "picture:cat@trace.logits::5")
    assert 'data-number="picture:cat@trace.representation::' in deeper["html"]
    buffer = BytesIO()
    Image.linear_gradient("L").save(buffer, "PNG")
    batch = keep_batch([("gradient.png", buffer.getvalue())])
    at.query_params["predict_batch"] = batch
    at.selectbox(key="predict_of").set_value("your own images").run()
    (side,) = {panel.origin.side for panel in bars(at) if panel.origin}
    assert side.startswith("picture:upload-")
    own = shown_number(at, "predict", f"{side}@trace.probabilities::5")
    model, record = session.load_model("embedded")
    image = record.preprocess(open_picture(buffer.getvalue()))
    assert written(float(model.trace(image).probabilities[5])) in own["html"]
    assert any("Insert the path of your image" in each.value for each in at.caption)


def test_predict_explains_nothing_of_pictures_that_are_read_otherwise() -> None:
    at = app()
    at.switch_page("predict.py").run()
    shown = bars(at)
    sides = [panel.origin.side for panel in shown if panel.origin]
    names = [f"picture:{name}" for name in GALLERY]
    assert sides == [*names, names[0]]  # the cards, and the first of the four ways
    at.selectbox(key="predict_way").set_value("squashed").run()
    assert [panel.origin.side for panel in bars(at) if panel.origin] == [names[0]]
    assert len(bars(at)) == len(shown) and not at.exception


def bars(at: AppTest) -> list[Bars]:
    sent = [
        unpack(element.proto.bytes, tensor_route.load) for element in at.get("bidi_component") if element.proto.bytes
    ]
    return [panel for view in sent if isinstance(view, View) for panel in view.panels if isinstance(panel, Bars)]


def test_a_side_that_the_page_does_not_have_is_one_sentence() -> None:
    at = app()
    for page, number, sentence in (
        ("attention", "changed@trace.logits::5", "which the page “What if” shows"),
        ("what_if", "left@trace.logits::5", "which the page “Compare” shows"),
        ("compare", "run:toy:1@trace.logits::5", "which the page “Epochs” shows"),
        ("epochs", "run:nowhere:1@trace.logits::5", "cannot be explained"),
        ("compare", "picture:cat@trace.logits::5", "which the page “Predict” shows"),
        ("predict", "picture:nowhere@trace.logits::5", "there is no image 'nowhere'"),
        ("predict", "picture:upload-0123@trace.logits::5", "no longer on this server"),
        ("compare", "middle@trace.logits::5", "there is no side 'middle'"),
        ("compare", "right@trace.logits::99999", "so there is no number [99999]"),
        ("compare", "difference(right@trace.logits::5;left@trace.hidden_states:9:0,0)", "is there for layers 0 to 6"),
        ("what_if", "norm(changed@trace.logits::5", "names no number"),
    ):
        at.switch_page(f"{page}.py")
        at.query_params["number"] = number
        at.run()
        assert not at.exception, [element.message for element in at.exception]
        said = [each.value for each in at.warning if "cannot be explained" in each.value]
        assert len(said) == 1 and plain(sentence) in said[0] and len(said[0]) < 330, (page, number, said)
        assert "number" not in at.query_params and sheet(at) is None
        at.run()
        assert not [each for each in at.warning if "cannot be explained" in each.value]
