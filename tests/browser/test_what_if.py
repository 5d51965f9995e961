"""The page What if in Chromium: clicks on the picture and on the grid of heads, keys, a link in another tab."""

import json
import random
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import CDPSession, Locator

from benchmarks.server import Server
from explainer.gallery import GALLERY
from explainer.notation.wording import percent
from tests.browser.conftest import Reader
from vit_core import Interventions, load, open_picture

pytestmark = pytest.mark.browser
OpenReader = Callable[..., Reader]


def answer(changes: str) -> str:
    """The line at the top of the page, as the library computes it for the first picture of the gallery."""
    model, checkpoint = load("embedded")
    image = checkpoint.preprocess(open_picture(next(iter(GALLERY.values())).path))
    before, after = (model.trace(image, Interventions.parse(text)).probabilities for text in ("", changes))
    was, now = int(before.argmax()), int(after.argmax())
    start = f"{checkpoint.labels[was]} {percent(before[was])} → "
    return start + ("" if was == now else f"{checkpoint.labels[now]} ") + percent(after[now])


def changes_of(reader: Reader) -> str:
    """What the address says."""
    return parse_qs(urlsplit(reader.page.url).query).get("changes", [""])[0]


def wait_for(reader: Reader, changes: str) -> None:
    """Until the page shows these changes, and what the library predicts with them."""
    wanted = answer(changes) if changes else "Nothing is changed yet"
    reader.page.locator(".vit-answer", has_text=wanted).wait_for(timeout=20_000)
    reader.settle()
    assert changes_of(reader) == changes


def canvas(reader: Reader, step: str) -> Locator:
    return reader.page.locator(f"#{step} .vit-step-picture canvas.over").first


def centre_of_patch(reader: Reader, patch: int) -> tuple[float, float]:
    """Where a patch of the 8 x 8 lies on the page: the picture begins 4 pixels inside its canvas."""
    over = canvas(reader, "patches")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    assert box is not None
    side = min(box["width"] - 8, box["height"] - 8) // 8 * 8
    row, column = divmod(patch - 1, 8)
    return box["x"] + 4 + (column + 0.5) * side / 8, box["y"] + 4 + (row + 0.5) * side / 8


def test_clicks_strokes_and_the_way_back(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    reader.open("what_if")
    mouse = reader.page.mouse
    mouse.click(*centre_of_patch(reader, 20))
    wait_for(reader, "mask=20")
    mouse.move(*centre_of_patch(reader, 34))
    mouse.down()
    mouse.move(*centre_of_patch(reader, 37), steps=2)  # a quick hand: the patches between are not left out
    mouse.up()
    wait_for(reader, "mask=20,34-37")
    reader.page.get_by_role("button", name="Swap", exact=True).click()
    reader.settle()
    mouse.move(*centre_of_patch(reader, 1))
    mouse.down()
    mouse.move(*centre_of_patch(reader, 28), steps=4)
    mouse.up()
    wait_for(reader, "mask=20,34-37;swap=1:28")
    reader.page.keyboard.press("Control+z")
    wait_for(reader, "mask=20,34-37")
    reader.page.keyboard.press("Control+Shift+z")
    wait_for(reader, "mask=20,34-37;swap=1:28")
    reader.page.get_by_role("button", name="Remove: Patches 1 and 28 swapped").click()
    wait_for(reader, "mask=20,34-37")
    reader.page.get_by_role("button", name="Clear").click()
    wait_for(reader, "")
    assert reader.errors == []


def test_the_keyboard_alone_takes_a_head_out_and_a_link_shows_it(
    shared_server: Server, open_reader: OpenReader
) -> None:
    reader = open_reader(shared_server)
    reader.open("what_if")
    grid = canvas(reader, "heads")
    grid.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "Enter"):  # to the first tile, then two layers down
        reader.page.keyboard.press(key)
    wait_for(reader, "heads=3.1:zero")
    reader.page.get_by_role("button", name="Undo").focus()
    reader.page.keyboard.press("Enter")
    wait_for(reader, "")
    canvas(reader, "heads").focus()
    for key in ("ArrowRight", "ArrowRight", "Enter"):
        reader.page.keyboard.press(key)
    wait_for(reader, "heads=1.2:zero")
    other = open_reader(shared_server)
    other.open(reader.page.url.removeprefix(shared_server.url + "/"))
    wait_for(other, "heads=1.2:zero")
    assert reader.errors == other.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_the_page_and_takes_a_tap(scheme: str, shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server, 390, 844, scheme)
    reader.open("what_if?changes=heads%3D2.2:mean&experiment=Which+head+matters")
    widths = reader.page.evaluate(
        "() => { const m = document.querySelector('[data-testid=stMain]'); return [m.scrollWidth, m.clientWidth] }"
    )
    assert widths[0] <= widths[1]
    reader.page.mouse.click(*centre_of_patch(reader, 12))
    wait_for(reader, "heads=2.2:mean;mask=12")
    bar = reader.page.locator(".vit-strip").bounding_box()  # it has stayed in sight
    assert bar is not None and 0 <= bar["y"] < 200
    assert reader.errors == []


class Finger:
    """A finger on the glass, by what the browser itself makes of touches: taps, scrolling, strokes."""

    def __init__(self, reader: Reader) -> None:
        self.page = reader.page
        self.browser: CDPSession = reader.page.context.new_cdp_session(reader.page)
        self.browser.send("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})
        self.page.evaluate("() => { navigator.vibrate = (time) => (globalThis.vibrated ??= []).push(time) > 0 }")

    def put(self, x: float, y: float) -> None:
        self._send("touchStart", [(x, y)])
        self.at = (x, y)

    def move(self, x: float, y: float, steps: int = 8) -> None:
        for step in range(1, steps + 1):
            share = step / steps
            self._send("touchMove", [tuple(a + (b - a) * share for a, b in zip(self.at, (x, y), strict=True))])
            self.page.wait_for_timeout(16)
        self.at = (x, y)

    def lift(self) -> None:
        self._send("touchEnd", [])

    def hold(self) -> None:
        self.page.wait_for_timeout(600)  # long enough for the browser's own long press, too

    @property
    def vibrations(self) -> int:
        return int(self.page.evaluate("globalThis.vibrated?.length ?? 0"))

    @property
    def scrolled(self) -> float:
        return float(self.page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop"))

    def _send(self, kind: str, places: list[tuple[float, ...]]) -> None:
        points = [{"x": x, "y": y} for x, y in places]
        self.browser.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_a_finger_that_rests_brushes_one_that_moves_on_scrolls_and_one_that_leaves_taps(
    shared_server: Server, open_reader: OpenReader
) -> None:
    reader = open_reader(shared_server, 390, 844)
    reader.open("what_if")
    finger = Finger(reader)
    begin, end = centre_of_patch(reader, 20), centre_of_patch(reader, 44)
    before = finger.scrolled
    finger.put(*begin)
    finger.hold()
    assert finger.vibrations == 1  # the reader feels that the stroke has begun
    finger.move(*end)
    assert finger.scrolled == before
    finger.lift()
    wait_for(reader, "mask=20,28,36,44")

    start = centre_of_patch(reader, 44)
    before = finger.scrolled
    finger.put(*start)
    finger.move(*centre_of_patch(reader, 4))  # up by five patches, at once
    finger.lift()
    reader.page.wait_for_function(
        "(before) => document.querySelector('[data-testid=stMain]').scrollTop > before + 50", arg=before
    )
    reader.settle()
    assert changes_of(reader) == "mask=20,28,36,44" and finger.vibrations == 1

    finger.put(*centre_of_patch(reader, 61))
    finger.lift()
    wait_for(reader, "mask=20,28,36,44,61")
    finger.put(*centre_of_patch(reader, 61))  # resting and leaving is a stroke of one patch, and no tap besides
    finger.hold()
    finger.lift()
    wait_for(reader, "mask=20,28,36,44")
    assert finger.vibrations == 2
    assert reader.errors == []


def test_fifty_changes_run_no_script(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    sent: list[object] = []
    reader.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    reader.open("what_if")
    sent.clear()
    generator = random.Random(7)
    buttons = reader.page.locator("[data-take], [data-do], [data-choose]")
    for step in range(50):
        if step % 5 == 4:
            reader.page.mouse.click(*centre_of_patch(reader, generator.randint(1, 64)))
        else:
            button = buttons.nth(generator.randrange(buttons.count()))
            button.evaluate("(node) => node.click()")  # of a button that is written anew meanwhile, nothing comes
        reader.page.wait_for_timeout(60)
    reader.page.wait_for_timeout(1500)
    assert sent == []
    changes = changes_of(reader)
    assert changes
    wait_for(reader, changes)
    assert reader.errors == []


def test_a_field_takes_text_and_says_what_is_wrong_with_it(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    reader.open("what_if?changes=mask%3D12")
    field = reader.page.get_by_label("The changes as text")
    field.fill("heads=3.1:nought")
    field.press("Enter")
    reader.page.get_by_role("alert").filter(has_text="Heads: expected").wait_for()
    assert field.input_value() == "heads=3.1:nought"  # it stays to be corrected
    field.fill("heads=3.1:zero")
    field.press("Enter")
    wait_for(reader, "heads=3.1:zero")
    reader.page.go_back()
    wait_for(reader, "mask=12")
    with reader.page.expect_download() as download:
        reader.page.get_by_role("link", name="All as JSON").click()
    content = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert content["changes"] == "mask=12"
    reader.page.get_by_role("button", name="Compare with and without").click()
    reader.page.wait_for_selector('h1:has-text("Compare")', timeout=30_000)
    reader.settle()
    assert "other_change=mask%3D12" in reader.page.url
    [refused] = reader.errors  # a browser writes down every answer that is a refusal
    assert "400" in refused and "/vit/changes?" in refused


@pytest.mark.parametrize("width", [1440, 1280, 390])
def test_every_option_of_a_row_is_seen(open_reader: OpenReader, shared_server: Server, width: int) -> None:
    reader = open_reader(shared_server, width=width)
    reader.open("what_if?changes=positions%3Dresized.4.bicubic-antialias")
    rows = reader.page.locator(".vit-step-controls")
    assert "through another grid" in rows.nth(3).inner_text()
    assert rows.evaluate_all("(rows) => rows.filter((row) => row.scrollWidth > row.clientWidth).length") == 0
