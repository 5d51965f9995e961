"""What a reader keeps of a page of steps: tensors, byte by byte those of the forward pass, and figures for print."""

import io
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
import pytest
import torch
from safetensors.numpy import load
from starlette.applications import Starlette
from starlette.testclient import TestClient

from explainer.app.session import Session, open_session
from explainer.app.state import State
from explainer.app.steps import exports, packets
from explainer.app.steps.saving import page_file
from explainer.export.tensor_files import FoundTensor, tensor_file
from explainer.gallery import GALLERY
from explainer.numbers.lines import Reproduction
from explainer.stages import STAGES, TensorRef
from explainer.steps.forward_pass import STEPS
from tests.step_views import OWN, view_of

CHOICE = {"picture": "cat", "checkpoint": "embedded", "layer": "3", "head": "2", "token": "20"}
OF_STAGES = [page for page in STEPS if page in STAGES and STAGES[page].tensors]
FIGURES = [(page, step.slug) for page, steps in STEPS.items() for step in steps if step.picture]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=exports.routes)) as client:
        yield client


@pytest.fixture(scope="module")
def session() -> Session:
    return open_session(State(picture="cat", layer=3, head=2, token=20))[0]


def traced(session: Session, reference: TensorRef) -> torch.Tensor:
    """The tensor where the model and its forward pass have it, not by way of the table."""
    if reference.field == "patches":
        grid = session.config.grid_size
        size = session.config.patch_size
        cut = session.trace.image.reshape(3, grid, size, grid, size)
        return cut.permute(1, 3, 2, 4, 0).reshape(grid * grid, -1)
    owners: dict[str, Any] = {
        "trace": session.trace,
        "block": session.block,
        "attention": session.block.attention,
        "mlp": session.block.mlp,
        "model": session.model,
        "layer": session.model.blocks[2],
    }
    value = owners[reference.source]
    for name in reference.field.split("."):
        value = getattr(value, name)
    if isinstance(value, tuple):
        value = torch.stack(value) if reference.index is None else value[reference.index]
    is_dense = reference.source in ("model", "layer") and reference.field.endswith("weight") and value.ndim == 2
    found: torch.Tensor = (value.T if is_dense else value).detach()
    return found


def asked(client: TestClient, path: str, **more: str) -> bytes:
    answer = client.get(f"/{path}?{urlencode(CHOICE | more)}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].startswith('attachment; filename="vit-')
    return answer.content


@pytest.mark.parametrize("page", OF_STAGES)
def test_every_tensor_of_a_stage_is_that_of_the_forward_pass(page: str, client: TestClient, session: Session) -> None:
    stage = STAGES[page]
    together = load(asked(client, f"{exports.TENSORS_PATH}/{page}.safetensors"))
    rows = [row for row, _ in packets.rows_of(page, session)]
    assert together.keys() == {row.name for row in rows}
    for reference, row in zip(stage.tensors, rows, strict=True):
        address = f"{exports.TENSORS_PATH}/{page}/{quote(reference.key)}"
        wanted = traced(session, reference).contiguous()
        alone = load(asked(client, f"{address}.safetensors"))
        assert list(alone) == [row.name]
        for found in (together[row.name], alone[row.name], np.load(io.BytesIO(asked(client, f"{address}.npy")))):
            assert str(found.dtype) == row.dtype == str(wanted.dtype).removeprefix("torch.")
            assert found.shape == tuple(wanted.shape) == row.sizes
            assert found.tobytes() == wanted.numpy().tobytes(), row.name


@pytest.mark.parametrize("page", OF_STAGES)
def test_the_file_says_what_it_holds_and_its_line_of_python_makes_it_again(page: str, client: TestClient) -> None:
    data = asked(client, f"{exports.TENSORS_PATH}/{page}.safetensors")
    facts = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    assert (facts["checkpoint"], facts["image"]) == ("embedded", "cat")
    assert facts["image_sha256"] == sha256(GALLERY["cat"].path.read_bytes()).hexdigest()
    assert facts.get("layer") == ("3" if STAGES[page].uses_layer else None)
    names: dict[str, Any] = {}
    assert "\n" not in facts["python"]
    exec(facts["python"], names)
    found = load(data)
    assert names["tensors"].keys() == json.loads(facts["shapes"]).keys() == found.keys()
    for name, tensor in names["tensors"].items():
        assert tensor.detach().contiguous().numpy().tobytes() == found[name].tobytes(), name


def test_numbers_of_other_types_stay_as_they_are(session: Session) -> None:
    row, _ = packets.rows_of("head", session)[0]
    for values in (torch.arange(6).reshape(2, 3), torch.tensor([True]), torch.rand(3, dtype=torch.float64)):
        found = [FoundTensor(replace(row, name="x"), values)]
        data = tensor_file(found, "safetensors", Reproduction(), None, {})
        assert load(data)["x"].dtype == values.numpy().dtype
        assert np.array_equal(load(data)["x"], values.numpy())
        assert np.array_equal(np.load(io.BytesIO(tensor_file(found, "npy", Reproduction(), None, {}))), values.numpy())


@pytest.mark.parametrize(("page", "slug"), FIGURES)
def test_every_step_is_drawn(page: str, slug: str, client: TestClient) -> None:
    own = OWN.get(page, {})
    drawn = asked(client, f"{exports.FIGURE_PATH}/{page}/{slug}.svg", **own).decode()
    assert ElementTree.fromstring(drawn).tag.endswith("svg")
    view = view_of(page, slug)
    assert view.alt.split("<")[0] in drawn.replace("&amp;", "&")
    last = len(view.panels) - 1
    assert asked(client, f"{exports.FIGURE_PATH}/{page}/{slug}.pdf", panel=str(last), **own).startswith(b"%PDF")


def test_many_ask_at_once_and_get_the_same(client: TestClient) -> None:
    addresses = [f"{exports.FIGURE_PATH}/attention/{slug}.svg" for slug in ("qkv", "scores", "output")] * 3
    with ThreadPoolExecutor(6) as pool:
        drawn = list(pool.map(lambda address: asked(client, address, layer="2", head="1"), addresses))
    assert drawn[:3] == drawn[3:6] == drawn[6:] and len(set(drawn)) == 3


def test_a_file_is_fetched_once(client: TestClient) -> None:
    for path in (f"{exports.FIGURE_PATH}/head/softmax.svg", f"{exports.TENSORS_PATH}/head/trace.logits.npy"):
        answer = client.get(f"/{path}", params=CHOICE)
        again = client.get(f"/{path}", params=CHOICE, headers={"If-None-Match": answer.headers["etag"]})
        assert (answer.status_code, again.status_code, again.content) == (200, 304, b"")


@pytest.mark.parametrize(
    ("path", "changes", "status", "sentence"),
    [
        ("figure/attention/scores.bmp", {}, 400, "The name ends in .svg or .pdf, got 'scores.bmp'."),
        ("figure/attention/.svg", {}, 400, "The name ends in .svg or .pdf, got '.svg'."),
        ("figure/attention/nothing.svg", {}, 404, "has no step 'nothing'"),
        ("figure/head/pseudocode.pdf", {}, 404, "has no picture"),
        ("figure/attention/scores.svg", {"panel": "4"}, 404, "has the panels 0 to 3, asked for: 4."),
        ("figure/attention/scores.svg", {"panel": "-1"}, 400, "The panel must be a whole number, got '-1'."),
        ("figure/attention/scores.svg", {"layer": "9"}, 400, "There is no layer 9 in this model"),
        ("figure/attention/scores.svg", {"checkpoint": "torchvision/B/16"}, 409, "not on this server yet"),
        ("tensors/attention.npy", {}, 400, "a file .npy has no room for 14 tensors: keep them as .safetensors."),
        ("tensors/nowhere.safetensors", {}, 404, "There is no page with a table of tensors called 'nowhere'."),
        ("tensors/attention/block.mlp.hidden.npy", {}, 404, "has no tensor 'block.mlp.hidden'. It has block.input"),
        ("tensors/attention/block.input.pickle", {}, 400, "ends in .npy or .safetensors"),
        ("tensors/attention/block.input.npy", {"picture": "../../etc/passwd"}, 400, "../../etc/passwd"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(
    path: str, changes: dict[str, str], status: int, sentence: str, client: TestClient
) -> None:
    answer = client.get(f"/vit/{path}", params=CHOICE | changes)
    assert answer.status_code == status, answer.text
    assert sentence.lower() in answer.text.lower()
    assert answer.text.endswith(".") and "\n" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_more_than_one_request_may_take_is_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIT_EXPLAINER_MEMORY_MB", "5")
    answer = client.get("/vit/tensors/mlp.safetensors", params=CHOICE)
    assert answer.status_code == 400 and "one by one" in answer.text, answer.text


def test_the_app_links_files_and_a_saved_page_has_no_such_links(session: Session) -> None:
    table = packets.packet("attention", packets.TENSORS, "mathematics", session).data.decode()
    for reference in STAGES["attention"].tensors:
        assert f'data-path="{exports.TENSORS_PATH}/attention/{quote(reference.key)}.npy"' in table
    assert f'data-path="{exports.TENSORS_PATH}/attention.safetensors"' in table
    assert "data-path" not in page_file("attention", session, "")
