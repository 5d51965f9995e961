"""The app in Chromium, as its readers use it."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

from benchmarks.server import Server, running
from explainer.stages import STAGES
from explainer.steps.forward_pass import STEPS
from explainer.texts import text
from tests.browser.conftest import Reader

pytestmark = pytest.mark.browser
OpenReader = Callable[..., Reader]


@pytest.mark.parametrize("name", STAGES)
def test_every_page_opens_by_its_link_on_a_fresh_server(name: str, server: Server, open_reader: OpenReader) -> None:
    stage, reader = STAGES[name], open_reader(server)
    reader.open("" if name == "overview" else name)
    assert reader.page.locator("h1").inner_text() == stage.title
    for title in text(name).titles.values():
        assert title in reader.main
    assert reader.page.locator('[data-testid="stException"]').count() == 0
    assert reader.page.locator('[data-testid="stAlert"]').count() == 0
    assert reader.page.locator(".vit-proof-fails").count() == 0
    proved = [*(claim for step in STEPS.get(name, ()) for claim in step.claims), *stage.facts * (name not in STEPS)]
    assert reader.page.locator(".vit-proof-holds").count() == len(proved)
    assert set(proved) >= {*stage.equation_numbers * bool(stage.tensors), *stage.facts}
    beside = reader.page.locator('[data-testid="stSidebar"] canvas.over').count()
    assert beside == 2 * ("image" in stage.uses)  # the picture and the gallery
    assert reader.page.locator(".katex-error").count() == 0
    assert reader.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_every_page_without_scrolling_sideways(
    scheme: str, shared_server: Server, open_reader: OpenReader
) -> None:
    reader = open_reader(shared_server, 390, 844, scheme)
    for name in STAGES:
        reader.open("" if name == "overview" else name)
        widths = reader.page.evaluate(
            "() => { const m = document.querySelector('[data-testid=stMain]'); return [m.scrollWidth, m.clientWidth] }"
        )
        assert widths[0] <= widths[1], name
    assert reader.errors == []


def chosen(reader: Reader) -> Locator:
    """The words below the image in the sidebar, which name the token."""
    return reader.page.locator('[data-testid="stSidebar"] section.panel').first


def test_a_click_on_a_patch_chooses_its_token_everywhere(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    reader.open("attention?layer=2")
    canvas = reader.page.locator('[data-testid="stSidebar"] canvas.over').first
    box = canvas.bounding_box()
    assert box is not None
    # The first patch lies below the head of the panel: aim at the middle of the picture's last row instead.
    reader.page.mouse.click(box["x"] + box["width"] * 0.5 + 6, box["y"] + box["height"] * 0.5 + 6)
    reader.page.wait_for_url("**token=**", timeout=10_000)
    reader.settle()
    token = reader.page.url.split("token=")[1].split("&")[0]
    expect(chosen(reader)).to_contain_text(f"Token {token} of 64")
    assert reader.page.locator(".vit-bar-token").inner_text().startswith(f"{token} · row ")
    assert "layer=2" in reader.page.url
    again = open_reader(shared_server)
    again.open(reader.page.url.removeprefix(shared_server.url + "/"))
    expect(chosen(again)).to_contain_text(f"Token {token} of 64")
    assert reader.errors == again.errors == []


def test_a_part_of_the_diagram_leads_to_its_page(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    reader.open("?picture=rocket")
    diagram = reader.page.locator('[data-testid="stMain"] canvas').first
    diagram.scroll_into_view_if_needed()
    box = diagram.bounding_box()
    assert box is not None
    reader.page.mouse.click(box["x"] + 80, box["y"] + 70)  # the first card: the picture, which the patches page cuts
    reader.page.wait_for_selector('h1:has-text("Patches")', timeout=10_000)
    reader.settle()
    assert "picture=rocket" in reader.page.url
    reader.page.go_back()
    reader.page.wait_for_selector('h1:has-text("Overview")', timeout=10_000)
    assert reader.errors == []


def test_the_story_can_be_walked_by_its_links(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    reader.open("?layer=3&picture=cat")
    for stage in list(STAGES.values())[1:]:
        reader.page.locator('[data-testid="stMain"] [data-testid="stPageLink"] a').last.click()
        reader.page.wait_for_selector(f'h1:has-text("{stage.title}")')
        reader.settle()
        assert "picture=cat" in reader.page.url
        assert "layer=3" in reader.page.url
    assert reader.errors == []


def png(picture: Image.Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def lying_png() -> bytes:
    """A PNG whose header promises 20000 x 20000 pixels and that holds almost none."""
    data = bytearray(png(Image.new("RGB", (8, 8))))
    data[16:24] = (20000).to_bytes(4, "big") * 2
    return bytes(data)


def test_uploads_good_and_bad(shared_server: Server, open_reader: OpenReader, tmp_path: Path) -> None:
    reader = open_reader(shared_server)
    reader.open("patches?layer=4")

    def upload(name: str, data: bytes) -> None:
        path = tmp_path / name
        path.write_bytes(data)
        if reader.page.locator('input[type="file"]').count() == 0:
            reader.page.get_by_role("button", name="Your own image").click()
        reader.page.locator('input[type="file"]').first.set_input_files(str(path))
        reader.page.wait_for_timeout(1_000)
        reader.settle()

    bad = {
        "text.png": b"this is not an image",
        "truncated.png": png(Image.effect_noise((300, 300), 80))[:5_000],
        "lying.png": lying_png(),
        "bomb.png": png(Image.new("1", (20_000, 20_000))),
    }
    for name, data in bad.items():
        upload(name, data)
        alert = reader.page.locator('[data-testid="stAlert"]')
        assert alert.count() == 1, name
        assert name in alert.inner_text()
        assert "picture=" not in reader.page.url  # what was there is still there
        assert "layer=4" in reader.page.url
        assert reader.page.locator('[data-testid="stException"]').count() == 0
    upload("one.png", png(Image.new("RGB", (1, 1), (200, 30, 40))))
    assert "picture=upload-" in reader.page.url
    assert "only 1 x 1 pixels" in reader.page.locator('[data-testid="stAlert"]').inner_text()
    upload("good.png", png(Image.radial_gradient("L").convert("RGB")))
    assert reader.page.locator('[data-testid="stAlert"]').count() == 0
    assert "picture=upload-" in reader.page.url
    assert reader.errors == []


@pytest.mark.parametrize("base", ["", "vit", "attention"])
def test_a_link_to_a_page_finds_the_server_at_once(base: str, open_reader: OpenReader, tmp_path: Path) -> None:
    """Also below a path, and one that is called as a page is; nothing that is asked for is answered with an error."""
    with running(base=base) as server:
        reader = open_reader(server)
        answers: list[tuple[int, str]] = []
        sockets: list[str] = []
        reader.page.on("response", lambda answer: answers.append((answer.status, answer.url)))
        reader.page.on("websocket", lambda socket: sockets.append(socket.url))
        for path in ("attention?picture=cat", "", "doctor"):
            answers.clear()
            sockets.clear()
            reader.open(path)
            assert reader.page.url.startswith(f"{server.url}/{path}")
            asked = [address for _, address in answers if "_stcore/h" in address]
            assert sorted(asked) == [f"{server.url}/_stcore/health", f"{server.url}/_stcore/host-config"]
            assert [each for each in answers if each[0] >= 400] == []
            assert sockets == [f"{server.url}/_stcore/stream".replace("http", "ws")]
        file = tmp_path / "weights.safetensors"
        file.write_bytes(b"no header")
        reader.page.locator('[data-testid="stMain"] input[type="file"]').set_input_files(file)
        reader.page.wait_for_url("**/doctor?file=**")
        reader.page.get_by_test_id("stTopNavSection").filter(has_text="Forward pass").click()
        reader.page.get_by_role("menuitem", name="Attention", exact=True).click()
        reader.page.wait_for_url(f"{server.url}/attention**")
        reader.settle()
        assert reader.errors == []
