"""Every page, run by Streamlit's own test harness on the embedded model: what it says, and what it keeps."""

import re
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from explainer.app import session
from explainer.app.server import tensor_route
from explainer.app.server.uploads import keep_upload
from explainer.app.state import State
from explainer.packing import unpack
from explainer.panels import Looks
from explainer.stages import STAGES
from explainer.texts import text
from vit_core import CHECKPOINTS, count_parameters
from vit_core.config import PRESETS, ViTConfig

FRAME = "../pages/frame.py"


pytestmark = pytest.mark.usefixtures("own_folders")


def app(page: str = "overview", **query: str) -> AppTest:
    """The app with ``page`` open, by a link with ``query``."""
    at = AppTest.from_file(FRAME, default_timeout=120)
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    if page != "overview":
        at.switch_page(f"{page}.py").run()
    assert not at.exception, [element.message for element in at.exception]
    return at


def markup(at: AppTest) -> str:
    """All HTML and Markdown of the page as one text."""
    return "\n".join(element.proto.body for element in [*at.get("html"), *at.markdown])


@pytest.mark.parametrize("page", STAGES)
def test_page_is_complete(page: str) -> None:
    stage = STAGES[page]
    at = app(page)
    assert at.title[0].value == stage.title
    assert text(page).summary in markup(at)
    assert not at.warning
    for section in text(page).titles.values():
        assert section in [element.value for element in at.header]


@pytest.mark.parametrize("page", [name for name, stage in STAGES.items() if stage.tensors])
def test_page_shows_tensors_code_and_proofs_that_hold(page: str) -> None:
    stage = STAGES[page]
    html = markup(app(page))
    for equation in stage.equations:
        assert f"# Eq. {equation.number}" in re.sub(r"<[^>]+>", "", html)
    assert html.count('class="vit-proof vit-proof-holds') == len(stage.equations) + len(stage.facts)
    assert 'class="vit-proof vit-proof-fails' not in html
    table = next(element.value for element in app(page).markdown if element.value.startswith("| role |"))
    assert len(table.splitlines()) == 2 + len(stage.tensors)


@pytest.mark.parametrize("page", ["embedding", "attention", "mlp", "encoder", "head"])
def test_equations_on_the_page_are_those_of_the_registry(page: str) -> None:
    shown = {element.value.strip("$\n ") for element in app(page).latex}
    for equation in STAGES[page].equations:
        assert equation.coloured("light") in shown
        assert any(equation.with_numbers(CHECKPOINTS["embedded"].config, "light", 1) == latex for latex in shown)


def test_a_link_brings_back_the_same_view() -> None:
    at = app("attention", picture="cat", layer="4", head="3", token="12")
    assert at.slider(key="layer").value == 4
    assert at.slider(key="head").value == 3
    assert at.session_state["token"] == 12
    assert {key: at.query_params[key] for key in ("picture", "layer", "head", "token")} == {
        "picture": "cat",
        "layer": "4",
        "head": "3",
        "token": "12",
    }


def test_moving_a_slider_moves_the_link() -> None:
    at = app("attention")
    at.slider(key="layer").set_value(5).run()
    assert at.query_params["layer"] == "5"
    at.switch_page("mlp.py").run()
    assert at.slider(key="layer").value == 5


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"layer": "99"}, "There is no layer 99 in this model: it has layers 1 to 6."),
        ({"layer": "0"}, "There is no layer 0 in this model"),
        ({"head": "7"}, "There is no head 7 in this model: it has heads 1 to 4."),
        ({"token": "65"}, "There is no token 65 in this model"),
        ({"layer": "-3"}, "The link contains layer “-3”, expected a whole number from 0 to 999"),
        ({"layer": "1e3"}, "expected a whole number"),
        ({"token": "<script>alert(1)</script>"}, "expected a whole number"),
        ({"checkpoint": "nonsense"}, "The link names the checkpoint 'nonsense'"),
        ({"picture": "../../etc/passwd"}, "The link names the image '../../etc/passwd'"),
        ({"picture": "upload-0123"}, "is no longer on this server"),
        ({"checkpoint": "torchvision/H/14-swag-e2e"}, "would take"),
        ({"checkpoint": "torchvision/B/16"}, "its weights are not on this server yet"),
    ],
)
def test_nonsense_in_the_link_is_one_sentence_and_the_page_works(query: dict[str, str], sentence: str) -> None:
    at = AppTest.from_file(FRAME, default_timeout=120)
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    assert len(at.warning) == 1
    assert sentence in at.warning[0].value
    assert 'class="vit-proof vit-proof-holds' in markup(at)
    at.run()
    assert not at.warning  # said once


def test_a_link_to_weights_that_are_not_here_keeps_asking_for_them() -> None:
    link = {"checkpoint": "torchvision/B/16", "layer": "9", "head": "11", "token": "150"}
    at = app("overview", **link)
    assert len(at.warning) == 1  # nothing about layers of the model that is shown instead
    assert {key: at.query_params[key] for key in link} == link
    at.run()
    assert {key: at.query_params[key] for key in link} == link
    at.slider(key="layer").set_value(2).run()  # now the reader has chosen something else
    assert "checkpoint" not in at.query_params
    assert at.query_params["layer"] == "2"


def picture_bytes(size: tuple[int, int] = (90, 70), kind: str = "PNG") -> bytes:
    buffer = BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(buffer, kind)
    return buffer.getvalue()


def test_an_uploaded_picture_is_kept_by_its_content() -> None:
    name = keep_upload(picture_bytes())
    assert keep_upload(picture_bytes()) == name
    at = app("patches", picture=name)
    assert not at.warning
    assert at.query_params["picture"] == name


@pytest.mark.parametrize(
    "data",
    [b"no picture at all", picture_bytes()[:200], b"", picture_bytes(kind="JPEG")[:400]],
    ids=["text", "truncated png", "empty", "truncated jpeg"],
)
def test_a_broken_upload_is_refused_in_one_sentence(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+") as refusal:
        keep_upload(data)
    assert "\n" not in str(refusal.value)


def test_the_canvas_gets_the_numbers_of_the_trace() -> None:
    """The bytes that the attention page sends, unpacked, are the attention weights of the shared trace."""
    at = app("attention", token="20", head="2", layer="3")
    trace = session.trace("embedded", State.picture)
    heads = session.load_model("embedded")[0].config.num_heads
    wanted = torch.stack(trace.attention_weights).numpy()
    sent = [element.proto.bytes for element in at.get("bidi_component")]
    payloads = [unpack(data, tensor_route.load) for data in sent if data]
    (shown,) = [panel for view in payloads for panel in view.panels if isinstance(panel, Looks)]
    assert (shown.layer, shown.head, shown.token) == (3, 2, 20) and shown.weights.shape == (6, heads, 65, 65)
    # Half of the 255 steps of the root is, squared, at most 1/255 of what the row spans.
    assert shown.weights == pytest.approx(wanted, abs=1 / 255)
    largest = wanted.argmax(-1)[..., None]
    np.testing.assert_allclose(*(np.take_along_axis(each, largest, -1) for each in (shown.weights, wanted)), rtol=3e-7)


def test_sessions_share_one_trace_and_one_model() -> None:
    first, _ = session.open_session(State())
    second, _ = session.open_session(State(layer=2))
    assert first.trace is second.trace
    assert first.model is second.model
    assert first.block is not second.block
    assert session.open_session(State())[0].block is first.block


def test_table_1_is_counted() -> None:
    html = markup(app("models"))
    for name in PRESETS:
        assert f"{count_parameters(ViTConfig.named(name))['total']:,}" in html
    assert re.search(r"\*\*B/16\*\*.*86M.*without a head", html)
    assert re.search(r"\*\*L/32\*\*.*307M.*with the 1000-class head", html)
    assert re.search(r"\*\*H/14\*\*.*632M.*with the 1000-class head", html)


def test_own_sizes_that_do_not_fit_are_explained() -> None:
    at = app("models")
    at.number_input(key="own_patch_size").set_value(7).run()
    assert not at.exception
    assert "image_size 64 is not a multiple of patch_size 7" in at.warning[0].value
    at.number_input(key="own_patch_size").set_value(16).run()
    assert not at.warning
