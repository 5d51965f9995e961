"""The checkpoint doctor in a browser: a file is dropped, examined, opened, converted; on wide and narrow screens."""

from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import expect

from benchmarks.server import Server, running
from tests.same_weights import MODELS, Weights
from vit_core import load
from vit_core.examination import examine

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def doctor_server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server with a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIT_EXPLAINER_CACHE", str(tmp_path_factory.mktemp("cache")))
        with running() as server:
            yield server


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The course's ViT, as a student saves it."""
    torch.save(MODELS["course"](Weights()).state_dict(), path := tmp_path / "my_vit.pth")
    return path


def choose(reader: Any, label: str, option: str) -> None:
    """Open a list and choose; a list closes when the page scrolls, so that comes first."""
    box = reader.page.get_by_role("combobox", name=label)
    box.scroll_into_view_if_needed()
    reader.page.wait_for_timeout(500)
    box.click()
    reader.page.get_by_role("option", name=option).click()


def test_a_dropped_file_is_examined_opened_and_converted(
    doctor_server: Server, open_reader: Any, file: Path, tmp_path: Path
) -> None:
    reader = open_reader(doctor_server)
    reader.open("doctor")
    reader.page.locator('[data-testid="stMain"] input[type="file"]').set_input_files(file)
    page = reader.page
    expect(page.locator(".vit-doctor-verdict")).to_contain_text("how many heads share D = 48", timeout=30_000)
    reader.settle()
    choose(reader, "Attention heads k", "3 x D_h = 16")
    expect(page.locator(".vit-doctor-verdict")).to_contain_text("my_vit.pth opens here", timeout=30_000)
    expect(page.get_by_role("button", name="Download the weights")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("20 of 20 parameters")).to_be_visible(timeout=30_000)  # the end of the page
    reader.settle()
    choose(reader, "Under the names of", "timm")
    expect(page.locator('[data-testid="stCode"]')).to_contain_text("timm.models.VisionTransformer(", timeout=30_000)
    reader.settle()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download the weights").click()
    waiting.value.save_as(target := tmp_path / waiting.value.suggested_filename)
    assert target.name == "my_vit_timm.safetensors"
    assert examine(target, num_heads=3).source == "timm"
    image = torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(0))
    theirs, ours = load(target, num_heads=3, norm_eps=1e-5)[0], load(file, num_heads=3)[0]
    assert theirs.state_dict().keys() == ours.state_dict().keys()
    assert all(torch.equal(tensor, ours.state_dict()[name]) for name, tensor in theirs.state_dict().items())
    # Where weights lie in memory decides, on some processors, in which order products are summed.
    torch.testing.assert_close(theirs(image), ours(image), rtol=0, atol=1e-5)
    page.get_by_role("button", name="Open in the explainer").click()
    page.wait_for_url("**checkpoint=file*", timeout=30_000)
    reader.settle()
    sidebar = page.locator('[data-testid="stSidebar"]').inner_text()
    assert "my_vit.pth · your file" in page.get_by_role("combobox", name="Checkpoint").input_value() + sidebar
    assert "3 layers" in sidebar
    assert not reader.errors


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1440, 900)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(
    doctor_server: Server, open_reader: Any, width: int, height: int, scheme: str
) -> None:
    reader = open_reader(doctor_server, width, height, scheme)
    reader.open("doctor?file=example-damaged")
    main = "document.querySelector('[data-testid=stMain]')"
    assert reader.page.evaluate(f"{main}.scrollWidth <= {main}.clientWidth")
    assert "encoder.layers.encoder_layer_2.ln_1.bias" in reader.main
    wide = reader.page.evaluate(
        "[...document.querySelectorAll('.vit-doctor')].filter((each) => each.scrollWidth > each.clientWidth + 1).length"
    )
    assert wide == 0
    assert not reader.errors


def test_the_table_of_names_is_searched(doctor_server: Server, open_reader: Any) -> None:
    reader = open_reader(doctor_server)
    reader.open("doctor?doctor_search=in_proj_bias")
    assert "1 of 20 parameters" in reader.main
    assert "transformer_encoder.#.msa_block.multihead_attn.in_proj_bias" in reader.main
    assert "patch_embed.proj.weight" not in reader.main
    assert not reader.errors
