"""Attention under the pointer: what is told and painted is what the trace holds, and nobody is asked meanwhile."""

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page

from benchmarks.server import Server
from explainer import packing, palette
from explainer.app import session
from explainer.packing import quantise_roots
from explainer.panels import View
from explainer.views.attention import looks
from tests.browser.conftest import Reader
from tests.browser.panel_menu import kept
from tests.browser.test_canvas import Site

pytestmark = pytest.mark.browser

OpenReader = Callable[..., Reader]
HEAD_ROOM, ROOM = 38, 72  # CSS pixels above a picture of the panel, and above and below it together
LAYER, HEAD = 3, 2
TWENTY = (1, 64, 8, 57, 28, 29, 37, 36, 10, 19, 46, 55, 22, 33, 3, 60, 41, 24, 50, 15)  # corners, edges, the middle
TIP = "(tip) => (tip.hidden ? [] : [...tip.children].map((line) => line.textContent))"
FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"


class Panel:
    """The panel as a reader uses it."""

    def __init__(self, page: Page, grid_size: int = 8) -> None:
        self.page = page
        self.grid_size = grid_size
        self.root = page.locator('section.panel[data-kind="Looks"]')

    def sight(self, direction: str = "row") -> Any:
        return self.root.locator(f'canvas.sight[data-direction="{direction}"]')

    def middle(self, token: int, direction: str = "row") -> tuple[float, float]:
        """Where a patch lies on the page."""
        box = self.sight(direction).bounding_box()
        cell = (box["height"] - ROOM) / self.grid_size
        row, column = divmod(token - 1, self.grid_size)
        return box["x"] + (column + 0.5) * cell, box["y"] + HEAD_ROOM + (row + 0.5) * cell

    def hover(self, token: int, direction: str = "row") -> list[str]:
        """The tooltip's lines when the pointer is on a patch."""
        self.page.mouse.move(*self.middle(token, direction))
        self.page.evaluate(FRAMES)
        return self.tip()

    def click(self, token: int) -> None:
        self.page.mouse.click(*self.middle(token))
        self.page.evaluate(FRAMES)

    def tip(self) -> list[str]:
        return self.page.locator(".vit:has(section[data-kind=Looks]) > .tip").evaluate(TIP)

    @property
    def token(self) -> int:
        return int(self.root.get_attribute("data-token"))

    def pixels(self, token: int, direction: str) -> NDArray[np.int64]:
        """The colours at the four inner corners of a patch: an arrow can hide some of them, never all."""
        script = """(canvas, [grid, row, column, head, room]) => {
          const cell = (canvas.clientHeight - room) / grid;
          const ratio = canvas.width / canvas.clientWidth;
          const ctx = canvas.getContext("2d");
          return [0.16, 0.84].flatMap((down) => [0.16, 0.84].map((right) =>
            [...ctx.getImageData(Math.floor((column + right) * cell * ratio),
                                 Math.floor((head + (row + down) * cell) * ratio), 1, 1).data.slice(0, 3)])); }"""
        row, column = divmod(token - 1, self.grid_size)
        given = [self.grid_size, row, column, HEAD_ROOM, ROOM]
        return np.array(self.sight(direction).evaluate(script, given))

    def chips(self) -> list[str]:
        return [text.strip() for text in self.root.locator(".chip").all_inner_texts()]

    def said(self) -> str:
        return self.page.locator(".vit:has(section[data-kind=Looks]) > [aria-live]").inner_text()


def expected(value: float, high: float, pixel: NDArray[np.uint8]) -> NDArray[np.float64]:
    """A weight's colour over the drained picture: the scale's colour, the more opaque the larger the weight."""
    stops = palette.sequential("A", "light")
    table = np.array([[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in stops], float)
    index = round(255 * min(value / high, 1))
    place = index / 255 * (len(table) - 1)
    colour = np.array([np.interp(place, range(len(table)), table[:, c]) for c in range(3)])
    grey = float(pixel @ [0.299, 0.587, 0.114])
    pale = 0.85 * grey + 0.15 * pixel
    pale = pale + (255 - pale) * 0.26
    alpha = 0.06 + 0.88 * min(1.0, 1.5 * index / 255)
    return colour * alpha + pale * (1 - alpha)


def assert_painted(panel: Panel, token: int, direction: str, of_token: NDArray[np.float32], pixels: Any) -> None:
    """The strongest patch, the weakest and one between have the colours of their weights."""
    on_patches = of_token[1:]
    order = np.argsort(on_patches)
    high, side = float(on_patches.max()), pixels.shape[0] // 8
    for place in (order[-1], order[len(order) // 2], order[0]):
        if place + 1 == token:
            continue
        painted = panel.pixels(int(place) + 1, direction)
        row, column = divmod(int(place), 8)
        matches = 0
        for index, corner in enumerate(painted):
            down, right = (0.16, 0.84)[index // 2], (0.16, 0.84)[index % 2]
            pixel = pixels[int((row + down) * side), int((column + right) * side)].astype(float)
            # Two levels: rounding of the colour, of its opacity in 255 steps and of the code; up to 4 where a step of
            # the code is a step of the table in the steepest channel.
            matches += bool(np.abs(corner - expected(float(on_patches[place]), high, pixel)).max() <= 5)
        assert matches >= 1, (token, direction, int(place) + 1)


def named(token: int) -> str:
    return "class token" if token == 0 else f"row {(token - 1) // 8 + 1}, column {(token - 1) % 8 + 1}"


def read(line: str) -> tuple[float, float]:
    """A value and how far it may be off."""
    value, uncertainty = re.match(r"([\d.e−]+)(?: ± ([\d.e−]+))?", line).groups()  # type: ignore[union-attr]
    return float(value.replace("−", "-")), float((uncertainty or "0").replace("−", "-"))


def test_twenty_patches_tell_and_show_the_traces_weights_and_nobody_is_asked(
    shared_server: Server, open_reader: OpenReader
) -> None:
    trace = session.trace("embedded", "cat")
    weights = trace.attention(LAYER)[HEAD - 1].numpy()
    preprocess = session.load_model("embedded")[1].preprocess
    pixels = np.asarray(preprocess.to_picture(trace.image))
    reader = open_reader(shared_server)
    sent: list[Any] = []
    asked: list[str] = []
    reader.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    reader.open(f"attention?picture=cat&layer={LAYER}&head={HEAD}")
    panel = Panel(reader.page)
    panel.sight().wait_for()
    panel.sight().scroll_into_view_if_needed()
    reader.page.wait_for_timeout(1_000)
    assert sent  # the socket is listened to
    sent.clear()
    reader.page.on("request", lambda request: asked.append(request.url))
    for token in TWENTY:
        row, column, *_ = panel.hover(token)
        for line, arrow, values in ((row, "→", weights[token]), (column, "←", weights[:, token])):
            value, uncertainty = read(line)
            best = int(values.argmax())
            # Another may be named only if the two cannot be told apart in what was sent.
            named_one = next(other for other in range(65) if line.endswith(f"{arrow} {named(other)}"))
            assert values[named_one] >= values[best] - 2 * uncertainty - 1e-6
            # Written with as many digits as are sure: half of the last is added to what half a step makes.
            last = 10.0 ** -len(line.split(" ")[0].partition(".")[2])
            assert abs(value - float(values[named_one])) <= uncertainty + last
        assert panel.token == token
        assert_painted(panel, token, "row", weights[token], pixels)
        assert_painted(panel, token, "column", weights[:, token], pixels)
    assert sent == [] and asked == []
    assert reader.errors == []


class Seen(NamedTuple):
    """All that tells two views of the panel apart."""

    switches: list[str]
    chips: list[str]
    token: int
    drawn: list[str]
    bar: list[str]

    @classmethod
    def of(cls, reader: Reader) -> "Seen":
        """What is there once nothing changes any more, with the pointer elsewhere."""
        reader.page.mouse.move(1, 1)
        reader.page.wait_for_timeout(1_500)
        reader.settle()
        panel = Panel(reader.page)
        panel.root.scroll_into_view_if_needed()
        reader.page.evaluate(FRAMES)
        script = "(all) => all.filter((each) => each.checkVisibility()).map((each) => each.toDataURL())"
        return cls(
            panel.root.locator('[role="radio"][aria-checked="true"]').all_inner_texts(),
            panel.chips(),
            panel.token,
            panel.root.locator("canvas").evaluate_all(script),
            reader.page.locator('.vit-bar [aria-pressed="true"], .vit-bar-token').all_inner_texts(),
        )


def test_a_link_opens_the_panel_as_its_sender_saw_it(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    reader.open(f"attention?picture=cat&layer={LAYER}&head={HEAD}")
    first, address = Seen.of(reader), reader.page.url
    panel = Panel(reader.page)
    panel.click(10)
    panel.click(55)
    for name in ("Layer 5", "Head 4"):
        reader.page.get_by_role("button", name=name).click()
    row = "Where the token looks: its row of A"
    options = panel.root.get_by_role("button", name="Options")
    options.click()
    for name in ("One scale for all maps", row, "Weights as light on the image", "All heads of the layer below"):
        panel.root.get_by_role("radio", name=name).click()
    options.click()
    chosen, link = Seen.of(reader), reader.page.url
    assert chosen.switches == ["4", "looks at", "one for all", "light", "all"] and chosen.token == 55
    assert chosen.chips == ["A\nrow 2, column 2\n×", "B\nrow 7, column 7\n×"]
    # There is one layer, one head and one token for the whole page.
    assert chosen.bar == ["5", "4", "55 · row 7, column 7"]
    asked = parse_qs(urlsplit(link).query)
    assert {name: asked[name] for name in ("layer", "head", "token", "pins", "look")} == {
        "layer": ["5"],
        "head": ["4"],
        "token": ["55"],
        "pins": ["10.55"],
        "look": ["row.shared.light.all"],
    }
    assert not panel.root.locator(".follow").is_visible()  # what is chosen in the panel is chosen for the page
    stranger = open_reader(shared_server)
    stranger.open(link.removeprefix(f"{reader.url}/"))
    assert Seen.of(stranger) == chosen
    reader.page.reload()
    reader.settle()
    assert Seen.of(reader) == chosen
    reader.page.goto(address)  # in the same tab, by a link that says nothing of pins and scales
    reader.settle()
    assert Seen.of(reader) == first
    reader.page.go_back()
    reader.settle()
    assert Seen.of(reader) == chosen
    assert reader.errors == stranger.errors == []


def test_the_mean_of_the_heads_and_keys_are_in_the_address(shared_server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(shared_server)
    reader.open("attention?picture=cat&token=20")
    panel = Panel(reader.page)
    panel.sight().scroll_into_view_if_needed()
    panel.sight().focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "}", "]", "]"):
        reader.page.keyboard.press(key)
    reader.page.wait_for_url("**token=30**")
    panel.root.get_by_role("radio", name="Mean of all heads").click()
    seen, link = Seen.of(reader), reader.page.url
    asked = parse_qs(urlsplit(link).query)
    assert {name: asked[name] for name in ("layer", "head", "token", "look")} == {
        "layer": ["2"],
        "head": ["3"],
        "token": ["30"],
        "look": ["mean"],
    }
    assert seen.switches[0] == "mean" and seen.bar[:2] == ["2", "3"] and seen.token == 30
    stranger = open_reader(shared_server)
    stranger.open(link.removeprefix(f"{reader.url}/"))
    assert Seen.of(stranger) == seen
    # Another page and back: what was pinned and set is still there.
    panel.click(10)
    seen = Seen.of(reader)
    for name in ("MLP", "Attention"):
        reader.go_to("Forward pass", name)
    assert Seen.of(reader) == seen
    assert reader.errors == stranger.errors == []


# On a plain page


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.server.shutdown()
    site.server.server_close()


def view_of(weights: NDArray[np.float32], token: int = 6) -> View:
    pixels = np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    return looks([torch.from_numpy(each) for each in weights], 1, 1, token, pixels)


def attention(layers: int, heads: int, tokens: int) -> NDArray[np.float32]:
    return np.random.default_rng(4).dirichlet(np.full(tokens, 0.1), (layers, heads, tokens)).astype(np.float32)


def opened(chromium: Browser, site: Site, **options: Any) -> Page:
    page = chromium.new_context(**{"viewport": {"width": 1200, "height": 900}} | options).new_page()
    page.goto(site.address)
    page.wait_for_function("() => window.isReady")
    return page


def test_switches_are_followed_and_the_scale_is_told(chromium: Browser, site: Site) -> None:
    site.show(view_of(attention(2, 3, 65)))
    page = opened(chromium, site)
    panel = Panel(page)
    assert panel.root.locator(".hint").inner_text().startswith("A click pins")  # here is no finger
    assert "Every map has its own scale" in panel.root.inner_text()
    page.get_by_role("radio", name="One scale for all maps").click()
    page.get_by_role("radio", name="Where the token looks: its row of A").click()
    page.get_by_role("radio", name="Mean of all heads").click()
    assert "One scale for all maps" in panel.root.inner_text()
    assert panel.sight("row").is_visible() and not panel.sight("column").is_visible()
    checked = page.locator('[role="radio"][aria-checked="true"]').all_inner_texts()
    assert checked == ["mean", "1", "looks at", "one for all", "colour", "all"]
    (value, *_) = panel.hover(12)
    mean = attention(2, 3, 65)[0].mean(0)[12]
    shown, uncertainty = read(value)
    assert abs(shown - mean.max()) <= 2 * uncertainty
    page.context.close()


def test_pins_keys_and_the_class_token(chromium: Browser, site: Site) -> None:
    weights = attention(2, 3, 65)
    site.show(view_of(weights))
    page = opened(chromium, site)
    panel = Panel(page)
    panel.click(10)
    panel.click(55)
    assert panel.chips() == ["A\nrow 2, column 2\n×", "B\nrow 7, column 7\n×"]
    lines = panel.hover(28)
    for line, pin in zip(lines[2:4], (10, 55), strict=True):
        told, *_ = re.findall(r"here (?:< )?([\d.e−]+)", line)
        assert line.startswith("AB"[pin == 55])
        assert float(told.replace("−", "-")) == pytest.approx(weights[0, 0, pin, 28], abs=1 / 255)
    page.mouse.move(1, 1)
    page.evaluate(FRAMES)
    assert panel.token == 55  # the last that was chosen
    panel.sight().focus()
    page.keyboard.press("ArrowLeft")
    assert panel.token == 54
    page.keyboard.press("]")
    assert "head 2" in panel.said() and "row 7, column 6" in panel.said()
    best = int(weights[0, 1, 54].argmax())
    told = re.search(r"looks most at (?:patch )?(.*?), weight ([\d.]+)", panel.said())
    assert told and told[1] == named(best) and float(told[2]) == pytest.approx(weights[0, 1, 54, best], abs=2e-3)
    page.keyboard.press("PageDown")
    assert "layer 2" in panel.said()
    page.keyboard.press("Enter")
    assert len(panel.chips()) == 3
    page.keyboard.press("Escape")
    assert len(panel.chips()) == 2
    panel.root.get_by_role("button", name="class token", exact=True).click()
    assert panel.token == 0 and panel.chips()[-1] == "C\nclass token\n×"
    panel.root.locator(".chip").first.click()
    assert [text[0] for text in panel.chips()] == ["B", "C"]
    panel.click(55)  # a click on what is pinned lets it go
    assert [text[0] for text in panel.chips()] == ["C"]
    panel.click(1)
    panel.root.get_by_role("button", name="clear all").click()
    assert panel.chips() == []
    page.context.close()


def test_a_large_layer_is_fetched_where_the_pointer_is(
    chromium: Browser, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "WHOLE_UP_TO", 1000)
    monkeypatch.setattr(packing, "CHUNK", 4 * 2 * 65)  # four tokens
    weights = attention(1, 2, 65)
    site.show(view_of(weights))
    page = opened(chromium, site)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    panel = Panel(page)
    for token in (6, 7, 40):
        panel.hover(token)
        page.wait_for_timeout(300)
        page.mouse.move(0, 0)
        row, column, *_ = panel.hover(token)
        assert abs(read(row)[0] - weights[0, 0, token].max()) <= 2 * read(row)[1] + 1e-6
        assert abs(read(column)[0] - weights[0, 0, :, token].max()) <= 2 * read(column)[1] + 1e-6
    # Tokens 4 to 7 came with the page; those around 40 were fetched once, their rows and their columns.
    codes, _ = quantise_roots(weights)
    rows, columns = codes[0, :, 40:44].tobytes(), codes[0, :, :, 40:44].transpose(0, 2, 1).tobytes()
    assert sorted(asked) == sorted(f"{site.address}kept/{packing.digest(raw)}" for raw in (rows, columns))
    page.context.close()


def test_a_finger_moves_and_a_tap_pins(chromium: Browser, site: Site) -> None:
    site.show(view_of(attention(1, 2, 65)))
    page = opened(chromium, site, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    panel = Panel(page)
    assert panel.root.locator(".hint").inner_text().startswith("Draw a finger")
    touch = page.context.new_cdp_session(page)

    def finger(kind: str, token: int | None = None) -> None:
        points = [] if token is None else [dict(zip("xy", panel.middle(token), strict=True))]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        page.evaluate(FRAMES)

    finger("touchStart", 10)
    finger("touchMove", 28)
    assert panel.token == 28 and panel.tip()
    finger("touchEnd")
    assert panel.token == 28 and panel.chips() == []
    page.touchscreen.tap(*panel.middle(37))
    page.evaluate(FRAMES)
    assert panel.token == 37 and panel.chips() == ["A\nrow 5, column 5\n×"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.context.close()


def test_the_saved_table_is_that_of_the_token_under_the_pointer(chromium: Browser, site: Site) -> None:
    weights = attention(1, 2, 65)
    site.show(view_of(weights))
    page = opened(chromium, site)
    panel = Panel(page)
    panel.click(20)
    lines = kept(panel.root, "CSV").path().read_text().splitlines()
    assert len(lines) == 1 + 2 * 65
    for line in lines[1:]:
        *places, given, got = line.split(",")
        _, head, token, other = map(int, places)
        assert token == 20
        for text, weight in ((given, weights[0, head - 1, 20, other]), (got, weights[0, head - 1, other, 20])):
            # Digits that are sure, the last to within 1; float32 rounds the ends of a row's steps.
            assert abs(float(text) - weight) <= 10.0 ** -len(text.partition(".")[2]) * (1 + 1e-4), line
    page.context.close()
