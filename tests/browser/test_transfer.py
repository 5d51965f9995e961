"""Transfer and Predict in Chromium, as their readers use them: runs started, models opened, images predicted."""

import os
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.server import Server, running
from explainer.course.model_parts import preset_of
from explainer.lessons import LESSONS
from tests.browser.conftest import Reader
from vit_core import CHECKPOINTS
from vit_core.config import ViTConfig

pytestmark = pytest.mark.browser
OpenReader = Callable[..., Reader]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that has neither runs nor downloads."""
    folder = tmp_path_factory.mktemp("alone")
    before = {name: os.environ.get(name) for name in ("VIT_EXPLAINER_CACHE", "VIT_EXPLAINER_RUNS")}
    os.environ |= {"VIT_EXPLAINER_CACHE": str(folder / "cache"), "VIT_EXPLAINER_RUNS": str(folder / "runs")}
    try:
        with running() as server:
            yield server
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def has_a_name(config: ViTConfig) -> bool:
    try:
        return bool(preset_of(config))
    except ValueError:
        return False


def png(seed: int, size: tuple[int, int]) -> bytes:
    buffer = BytesIO()
    Image.effect_noise(size, 40 + seed).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["transfer", "predict"])
@pytest.mark.parametrize(("width", "height", "scheme"), [(1440, 900, "light"), (390, 844, "dark")])
def test_the_pages_open_by_their_links(
    name: str, width: int, height: int, scheme: str, alone: Server, open_reader: OpenReader
) -> None:
    reader = open_reader(alone, width, height, scheme)
    reader.open(name)
    assert reader.page.locator("h1").inner_text() == LESSONS[name].title
    assert reader.page.locator('[data-testid="stException"]').count() == 0
    widths = reader.page.evaluate(
        "() => { const m = document.querySelector('[data-testid=stMain]'); return [m.scrollWidth, m.clientWidth] }"
    )
    assert widths[0] <= widths[1]
    assert reader.errors == []


@pytest.mark.skipif(
    not has_a_name(CHECKPOINTS["embedded"].config), reason="the shipped weights have sizes that no new model has"
)
def test_both_runs_are_started_watched_and_opened(alone: Server, open_reader: OpenReader) -> None:
    """One epoch on the toy pictures: start, reload, curves, the verdict, the model in Predict and in the explainer."""
    reader = open_reader(alone)
    reader.open("transfer?transfer_epochs=1")
    reader.page.get_by_role("button", name="Train both").click()
    reader.page.wait_for_selector("text=transfer-1", timeout=30_000)
    reader.open("transfer?transfer_epochs=1")  # a reload: the runs are processes of their own
    reader.page.wait_for_selector("text=right, from scratch", timeout=300_000)
    reader.page.wait_for_timeout(3_000)
    assert reader.page.locator('[class*="st-key-transfer_curves"] canvas').count() >= 2
    assert "of 60" in reader.main
    reader.page.get_by_role("button", name="Predict", exact=False).first.click()
    reader.page.wait_for_selector('h1:has-text("Predict")', timeout=120_000)
    reader.settle()
    assert "checkpoint=run" in reader.page.url
    reader.open(f"predict?{reader.page.url.split('?')[1]}&predict_of=test+pictures+of+a+data+set")
    reader.page.wait_for_selector("text=of 60 are right", timeout=60_000)
    reader.page.get_by_role("button", name="Explain").first.click()
    reader.page.wait_for_selector('h1:has-text("Overview")', timeout=120_000)
    reader.settle()
    assert "checkpoint=run" in reader.page.url
    assert "picture=upload-" in reader.page.url
    assert reader.errors == []


def test_own_pictures_are_predicted_and_stay_after_a_reload(
    alone: Server, open_reader: OpenReader, tmp_path: Path
) -> None:
    reader = open_reader(alone)
    reader.open("predict?predict_of=own+pictures")
    files = {"tall.png": png(1, (60, 200)), "broken.png": b"this is not an image", "wide.png": png(2, (300, 90))}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    main = reader.page.locator('[data-testid="stMain"]')
    main.locator('input[type="file"]').set_input_files([str(tmp_path / name) for name in files])
    reader.page.wait_for_url("**predict_batch=**", timeout=20_000)
    reader.page.wait_for_selector("text=Explain", timeout=30_000)
    reader.settle()
    for _ in range(2):
        assert "broken.png" in main.locator('[data-testid="stAlert"]').inner_text()
        assert main.locator('[class*="st-key-card_"] canvas').count() >= 4  # a picture and its bars, twice
        assert main.locator('[data-testid="stException"]').count() == 0
        reader.page.reload()
        reader.page.wait_for_selector("text=Explain", timeout=30_000)
        reader.settle()
    with reader.page.expect_download() as download:
        reader.page.get_by_role("button", name="Save as CSV", exact=True).click()
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[0] for line in lines] == ["file", "tall.png", "wide.png", "broken.png"]
    reader.page.get_by_role("button", name="Read otherwise").nth(1).click()
    reader.settle()
    assert "predict_shown=2" in reader.page.url
    reader.page.get_by_role("button", name="Explain").nth(1).click()
    reader.page.wait_for_selector('h1:has-text("Overview")', timeout=120_000)
    assert "picture=upload-" in reader.page.url
    assert reader.errors == []
