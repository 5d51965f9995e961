"""Every page, run by Streamlit's own test harness on the embedded model: what it says, and what it keeps."""

import json
import re
from html import escape
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from explainer.app import session
from explainer.app.server import tensor_route
from explainer.app.server.uploads import keep_upload
from explainer.app.state import State
from explainer.app.steps.packets import packet
from explainer.notation.equations import EQUATIONS
from explainer.notation.mathml import mathml
from explainer.packing import unpack
from explainer.panels import Looks
from explainer.stages import STAGES
from explainer.steps.forward_pass import STEPS
from explainer.steps.rendering import linked_markup, words_of
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
    texts = [element.proto.body for element in [*at.get("html"), *at.markdown]]
    return "\n".join([*texts, *(steps["html"] for steps in steps_of(at).values())])


def without_links(html: str) -> str:
    """Formulas without what lights up in them."""
    return re.sub(r'data-symbol="[^"]*" data-link="[^"]*" ', "", html)


def steps_of(at: AppTest) -> dict[str, Any]:
    """What the browser is given of a page of steps, and of the sidebar next to it, by name."""
    given = [json.loads(element.proto.json) for element in at.get("bidi_component") if element.proto.json]
    return {each["page"]: each for each in given if "parts" in each}


@pytest.mark.parametrize("page", STAGES)
def test_page_is_complete(page: str) -> None:
    stage = STAGES[page]
    at = app(page)
    assert at.title[0].value == stage.title
    summary = text(page).summary
    assert (words_of(summary) if page in STEPS else summary) in markup(at)
    assert not at.warning
    for section in text(page).titles.values():
        assert section in [element.value for element in at.header] or f"</span> {escape(section)}</h2>" in markup(at)


@pytest.mark.parametrize("page", [page for page in STEPS if page in STAGES])
def test_page_shows_tensors_code_and_proofs_that_hold(page: str) -> None:
    stage, steps = STAGES[page], STEPS[page]
    html = markup(app(page))
    for equation in stage.equations:
        assert f"# Eq. {equation.number}" in re.sub(r"<[^>]+>", "", html)
    assert html.count('class="vit-proof vit-proof-holds') == sum(len(step.claims) for step in steps)
    assert {claim for step in steps for claim in step.claims} >= {*stage.equation_numbers, *stage.facts}
    assert 'class="vit-proof vit-proof-fails' not in html
    tables = re.findall(r'<table class="vit-tensors">.*?</table>', html)
    assert [table.count("<tr>") for table in tables] == ([1 + len(stage.tensors)] if stage.tensors else [])


@pytest.mark.parametrize("page", STEPS)
def test_equations_on_the_page_are_those_of_the_registry(page: str) -> None:
    html, config = markup(app(page)), CHECKPOINTS["embedded"].config
    for step in STEPS[page]:
        for number in step.equations:
            equation = EQUATIONS[number]
            assert linked_markup(equation) in html
            if not (step.has_pseudocode or step.is_grouped):
                assert mathml(equation.with_numbers(config, "light", 1), display=True) in without_links(html)


def test_a_link_brings_back_the_same_view() -> None:
    at = app("attention", picture="cat", layer="4", head="3", token="12")
    chosen = {"picture": "cat", "layer": 4, "head": 3, "token": 12}
    for name in ("attention", "sidebar"):
        assert steps_of(at)[name]["choice"] == chosen | {"checkpoint": "embedded"}
    assert {key: at.query_params[key] for key in chosen} == {key: str(value) for key, value in chosen.items()}


def test_moving_a_slider_moves_the_link() -> None:
    at = app("exercises")
    at.slider(key="layer").set_value(5).run()
    assert at.query_params["layer"] == "5"
    at.switch_page("mlp.py").run()
    assert steps_of(at)["mlp"]["choice"]["layer"] == 5


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
    at.switch_page("exercises.py").run()
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
    """The bytes that the attention page is given, unpacked, are the attention weights of the shared trace."""
    opened, _ = session.open_session(State(token=20, head=2, layer=3))
    wanted = torch.stack(opened.trace.attention_weights).numpy()
    view = unpack(packet("attention", "looks", "view", opened).data, tensor_route.load)
    (shown,) = (panel for panel in view.panels if isinstance(panel, Looks))
    assert (shown.layer, shown.head, shown.token) == (1, 1, 37)  # the same for everybody; the browser chooses
    assert shown.weights.shape == (6, opened.config.num_heads, 65, 65)
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
    rows = re.findall(r"<tr>.*?</tr>", html, re.DOTALL)
    for name, words in (
        ("B/16", "86M.*without a head"),
        ("L/32", "307M.*with the 1000-class head"),
        ("H/14", "632M.*with the 1000-class head"),
    ):
        [row] = [row for row in rows if f"<strong>{name}</strong>" in row]
        assert re.search(words, row, re.DOTALL)
    held = sum(parameter.numel() for parameter in session.load_model("embedded")[0].parameters())
    assert f"✓ The model that is running has {held:,} parameters; counted from its sizes: {held:,}." in html


def test_own_sizes_that_do_not_fit_are_explained() -> None:
    at = app("models")
    at.number_input(key="own_patch_size").set_value(7).run()
    assert not at.exception
    assert "image_size 64 is not a multiple of patch_size 7" in at.warning[0].value
    at.number_input(key="own_patch_size").set_value(16).run()
    assert not at.warning
