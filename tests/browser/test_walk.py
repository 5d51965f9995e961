"""The walk in Chromium: it plays, stops, steps and scrubs, says the trace's numbers, and leaves the server in peace."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page

from benchmarks.server import Server
from explainer.panels import View, Walk
from explainer.views.walk import walk as walks
from explainer.views.walk.layer_steps import QUICK
from tests.browser.conftest import Reader
from tests.browser.test_canvas import Site
from tests.conftest import randomised
from vit_core import VisionTransformer, ViTConfig

pytestmark = pytest.mark.browser
OpenReader = Callable[..., Reader]

PAGE = """<!doctype html><html lang="en"><title>walk</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width">
<style>body { margin: 20px; background: #fff; --st-background-color: #ffffff; --st-text-color: #1d2733 }</style>
<main id="here"></main>
<script type="module">
import { mount } from "/core.js";
window.frames_asked = 0;
const ask = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (act) => { window.frames_asked++; return ask(act); };
const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
window.picks = []; window.places = [];
const asked = new URLSearchParams(location.search);
window.canvas = mount(document.querySelector("#here"), await bytes("/view"), {
  onPick: (pick) => window.picks.push(pick), load: (digest) => bytes("/kept/" + digest), scheme: "light",
  recall: (name) => asked.get(name), remember: (name, text) => window.places.push([name, text]) });
await window.canvas.ready; window.isReady = true;
</script></html>"""

# What is drawn, as a number that any other picture would hardly have.
DRAWN = """(canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.reduce(
  (sum, value, i) => (sum * 31 + value + (i % 7)) % 1000000007, 7)"""


def film() -> View:
    """A model of 16 patches and 3 layers with random weights."""
    config = ViTConfig(
        image_size=16, patch_size=4, num_layers=3, hidden_size=24, mlp_size=48, num_heads=4, num_classes=7
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = randomised(VisionTransformer(config))
        trace = model.trace(torch.randn(3, 16, 16))
    pixels = np.random.default_rng(3).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    return walks.forward(model, trace, pixels, [f"class {c}" for c in range(7)], 2)


FILM = film()
(WALK,) = FILM.panels
assert isinstance(WALK, Walk)
WAY = [i for i, step in enumerate(WALK.steps) if not step.is_detail or step.layer == 1]
WEIGHTS = next(i for i, step in enumerate(WALK.steps) if step.name == "weights")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    site = Site()
    site.files["/"] = PAGE.encode()
    for query in ("", *(f"?step={i}" for i in range(len(WALK.steps)))):
        site.files[f"/{query}"] = PAGE.encode()
    site.show(FILM)
    yield site
    site.server.shutdown()
    site.server.server_close()


class Film:
    """The walk, as a reader uses it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.play, self.back, self.on = (page.locator(f".walk-button.{each}") for each in ("play", "back", "on"))
        self.slider = page.locator(".walk-controls input")
        stage = page.locator('.panel[data-kind="Walk"]')
        self.base, self.over = stage.locator(".base"), stage.locator(".over")

    @property
    def heading(self) -> str:
        return self.page.locator(".walk-name").inner_text()

    @property
    def sentence(self) -> str:
        return self.page.locator(".walk-sentence").inner_text()

    @property
    def drawn(self) -> int:
        return int(self.base.evaluate(DRAWN))

    @property
    def frames_asked(self) -> int:
        return int(self.page.evaluate("window.frames_asked"))

    @property
    def place(self) -> float:
        return float(self.slider.evaluate("(slider) => slider.value"))

    def scrub(self, value: float, *, is_released: bool = True) -> None:
        self.slider.evaluate(
            """(slider, [value, isReleased]) => {
              slider.value = value;
              slider.dispatchEvent(new Event("input", { bubbles: true }));
              if (isReleased) slider.dispatchEvent(new Event("change", { bubbles: true }));
            }""",
            [str(value), is_released],
        )
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def opened(chromium: Browser, site: Site, path: str = "", **context: Any) -> Iterator[Film]:
    made = chromium.new_context(**{"viewport": {"width": 1100, "height": 900}, **context})
    page = made.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(site.address + path)
    page.wait_for_function("() => window.isReady")
    yield Film(page)
    assert not complaints
    made.close()


@pytest.fixture
def film_page(chromium: Browser, site: Site) -> Iterator[Film]:
    yield from opened(chromium, site)


@pytest.fixture
def still_page(chromium: Browser, site: Site) -> Iterator[Film]:
    """For somebody who wants nothing to move."""
    yield from opened(chromium, site, reduced_motion="reduce")


def test_it_plays_from_moment_to_moment_and_pause_stops_it(film_page: Film) -> None:
    assert film_page.heading == WALK.steps[0].title
    film_page.page.locator(".speed").select_option("4")
    film_page.play.click()
    assert film_page.play.get_attribute("aria-label") == "Pause"
    title = json.dumps(WALK.steps[2].title)
    film_page.page.wait_for_function(f"() => document.querySelector('.walk-name').textContent === {title}")
    film_page.play.click()
    assert film_page.play.get_attribute("aria-label") == "Play"
    before = film_page.drawn, film_page.heading, film_page.frames_asked
    film_page.page.wait_for_timeout(1500)  # longer than a moment takes at this speed
    assert (film_page.drawn, film_page.heading, film_page.frames_asked) == before
    assert film_page.place.is_integer()
    assert film_page.page.evaluate("window.places").pop() == ["step", str(WAY[int(film_page.place)])]


def test_between_two_moments_no_frame_is_asked_for(film_page: Film) -> None:
    film_page.play.click()
    film_page.page.wait_for_function("() => document.querySelector('.walk-controls input').value === '1'")
    film_page.page.wait_for_timeout(100)
    before = film_page.frames_asked
    film_page.page.wait_for_timeout(700)  # the sentence takes two seconds to read
    assert film_page.frames_asked == before
    assert film_page.play.get_attribute("aria-label") == "Pause"  # and yet it plays


def test_stepping_goes_through_all_moments_of_the_entered_layer_and_three_of_the_others(still_page: Film) -> None:
    still_page.page.locator(".over").focus()
    seen, said = [], []
    for _ in WAY:
        seen.append(still_page.heading)
        said.append(still_page.sentence.replace("\n", ""))
        still_page.page.keyboard.press("ArrowRight")
    assert seen == [WALK.steps[i].title for i in WAY]
    plain = [re.sub(r"[_^]\{([^{}]*)\}", r"\1", WALK.steps[i].sentence) for i in WAY]
    assert [re.sub(r"\s", "", each) for each in said] == [re.sub(r"\s", "", each) for each in plain]
    assert still_page.on.is_disabled()
    for index in reversed(WAY[:-1]):
        still_page.page.keyboard.press("ArrowLeft")
        assert still_page.heading == WALK.steps[index].title
    assert still_page.back.is_disabled()


def test_every_moment_has_its_picture_its_equation_and_its_own_place_in_the_address(still_page: Film) -> None:
    pictures = set()
    for index in WAY:
        pictures.add(still_page.drawn)
        step = WALK.steps[index]
        marked = still_page.page.locator(".walk-equation .lit")
        lit = marked.evaluate_all("(all) => all.map((each) => each.dataset.symbol)")
        assert set(lit) == set(step.lit), step.name
        assert still_page.page.locator(".walk-equation-title").inner_text() == WALK.equation_titles[step.equation]
        assert still_page.page.locator(".walk-shape").inner_text() == step.shape
        assert still_page.page.evaluate("window.places").pop() == ["step", str(index) if index else ""]
        still_page.on.click(force=True)
    assert len(pictures) == len(WAY)


def test_scrubbing_shows_what_lies_between_and_rests_at_the_nearest(film_page: Film) -> None:
    film_page.scrub(2)
    left = film_page.drawn
    film_page.scrub(2.4, is_released=False)
    assert film_page.drawn != left and film_page.heading == WALK.steps[WAY[2]].title
    film_page.scrub(2.6, is_released=False)
    assert film_page.heading == WALK.steps[WAY[3]].title
    film_page.scrub(2.6)
    right = film_page.drawn
    assert film_page.place == 3 and film_page.page.evaluate("window.places").pop() == ["step", str(WAY[3])]
    film_page.scrub(3)
    assert film_page.drawn == right != left


def test_without_motion_a_step_is_there_at_once(still_page: Film, film_page: Film) -> None:
    assert still_page.slider.get_attribute("step") == "1" and film_page.slider.get_attribute("step") == "any"
    before = still_page.frames_asked
    still_page.on.click()
    assert still_page.place == 1 and still_page.frames_asked == before
    film_page.on.click()
    assert film_page.frames_asked > 0
    film_page.page.wait_for_function("() => document.querySelector('.walk-controls input').value === '1'")
    assert film_page.drawn == still_page.drawn  # both are at the same picture in the end


def test_it_plays_without_motion_too(still_page: Film) -> None:
    still_page.page.locator(".speed").select_option("4")
    still_page.page.locator(".over").focus()
    still_page.page.keyboard.press(" ")
    still_page.page.wait_for_function("() => document.querySelector('.walk-controls input').value === '2'")
    assert still_page.play.get_attribute("aria-label") == "Pause"
    still_page.page.keyboard.press(" ")
    assert still_page.play.get_attribute("aria-label") == "Play"


def test_a_layer_is_entered_by_its_number(still_page: Film) -> None:
    still_page.page.get_by_role("button", name="Enter layer 3").click()
    titles = []
    for _ in range(12):
        titles.append(still_page.heading)
        assert still_page.page.locator(".walk-number").inner_text() == "Layer 3 of 3"
        still_page.on.click()
    assert titles == [step.title for step in WALK.steps if step.layer == 3]
    still_page.page.get_by_role("button", name="Enter layer 3").click()
    for expected in reversed(QUICK):  # back through layer 2, which is no longer told in full
        still_page.back.click()
        assert still_page.heading == next(step.title for step in WALK.steps if step.name == expected)
    assert still_page.page.locator("[aria-current=step]").inner_text() == "2"


def test_values_under_the_pointer_are_those_of_the_trace(chromium: Browser, site: Site) -> None:
    """At several moments the pointer moves over the whole stage: whatever it is told is in the trace."""
    slices = {each.name: each for each in WALK.slices}
    names = ("projection", "qkv", "weights", "mix", "attention_sum", "logits")
    for name in names:
        index = next(i for i, step in enumerate(WALK.steps) if step.name == name)
        layer, seen = WALK.steps[index].layer, 0
        for film in opened(chromium, site, f"?step={index}", reduced_motion="reduce"):
            assert film.heading == WALK.steps[index].title
            box: Any = film.over.bounding_box()
            film.over.scroll_into_view_if_needed()
            for x in np.linspace(20, box["width"] - 20, 16):
                for y in np.linspace(45, box["height"] - 60, 3):
                    film.over.hover(position={"x": float(x), "y": float(y)}, force=True)
                    film.page.evaluate("() => new Promise((done) => requestAnimationFrame(done))")
                    tip = film.page.locator(".tip")
                    if tip.is_visible() and (lines := tip.locator("> div").all_inner_texts())[0][0] in "−-0123456789":
                        check_tip(lines, layer, slices)
                        seen += 1
        assert seen >= 10, name


def check_tip(lines: list[str], layer: int, slices: dict[str, Any]) -> None:
    """The value of a tooltip is that of the slice, row and column that it names, to the digits it has."""
    value, what, *where = lines
    told = float(value.split(" ")[0].replace("−", "-").replace(",", ""))
    token = int(match[1]) if where and (match := re.search(r"token (\d+)", where[0])) else 0
    letters = re.sub(r"\s", "", what)
    if match := re.match(r"(S|A),head(\d)", letters):
        expected = slices[f"{layer}.{'weights' if match[1] == 'A' else 'scores'}"].values[token, int(match[2]) - 1]
    elif match := re.match(r"head(\d),number(\d+)", letters):
        expected = slices[f"{layer}.head_outputs"].values[int(match[1]) - 1, int(match[2])]
    elif match := re.match(r"o:class(\d)", letters):
        expected = slices[f"{layer}.logits"].values[0, int(match[1])]
    elif match := re.match(r"E,row(\d+),number(\d+)", letters):
        expected = slices["0.projection"].values[int(match[1]), int(match[2])]
    elif match := re.match(r"(.+?),number(\d+)$", letters):
        symbol = re.sub(r"\(\d+×.*\)$", "", match[1])
        named = [
            each
            for each in slices.values()
            if re.sub(r"[\s_{}]", "", each.symbol) == symbol
            and each.name.startswith((f"{layer}.", "0." if layer == 0 else f"{layer}."))
        ]
        assert named, lines
        row = token - (len(named[0].values) == 16)  # x_p E has no row for the class token
        expected = named[0].values[max(row, 0), int(match[2])]
    else:
        raise AssertionError(lines)
    assert told == pytest.approx(float(expected), rel=5e-4, abs=1e-9), lines  # four digits


def test_a_click_follows_another_token_or_head_and_the_link_opens_the_page(chromium: Browser, site: Site) -> None:
    for film in opened(chromium, site, f"?step={WEIGHTS}", reduced_motion="reduce"):
        box: Any = film.over.bounding_box()
        for x in np.linspace(30, box["width"] - 10, 40):
            film.over.click(position={"x": float(x), "y": box["height"] * 0.42}, force=True)
        picks = film.page.evaluate("window.picks")
        assert any("token" in pick and pick["token"] > 0 for pick in picks)
        assert {pick["head"] for pick in picks if "head" in pick} >= {1, 2}
        film.page.locator(".walk-link").click()
        assert film.page.evaluate("window.picks").pop() == {"page": "attention"}


def test_each_moment_is_read_out(still_page: Film) -> None:
    still_page.on.click()
    step = WALK.steps[1]
    live = still_page.page.locator("[aria-live=polite]")
    assert live.text_content() == f"Before the encoder. {step.title}. {step.sentence}"
    assert still_page.slider.get_attribute("aria-valuetext") == f"moment 2 of {len(WAY)}: {step.title}"
    assert still_page.over.get_attribute("aria-label") == f"{step.title}. {step.sentence}"


@pytest.mark.parametrize("width", [390, 1100])
def test_words_move_nothing_and_fit_the_width(chromium: Browser, site: Site, width: int) -> None:
    sizes = set()
    for film in opened(chromium, site, viewport={"width": width, "height": 900}, reduced_motion="reduce"):
        for _ in WAY:
            sizes.add(film.page.evaluate("document.querySelector('figure').offsetHeight"))
            assert film.page.evaluate("document.documentElement.scrollWidth") <= width
            right = "(math) => math.parentElement.getBoundingClientRect().right - math.getBoundingClientRect().right"
            assert film.page.locator(".walk-equation math").evaluate(right) >= -1
            film.on.click(force=True)
    assert len(sizes) == 1


def test_the_moment_is_kept_when_another_film_takes_its_place(still_page: Film, site: Site) -> None:
    still_page.scrub(4)
    site.show(replace(FILM, rows=((replace(WALK, token=3),),)), "/other")
    still_page.page.evaluate("""async () => window.canvas.update(
        new Uint8Array(await (await fetch("/other")).arrayBuffer()))""")
    assert still_page.place == 4 and still_page.heading == WALK.steps[4].title


# In the app


def test_in_the_app_nothing_is_sent_while_it_plays_and_the_address_says_where_it_rests(
    shared_server: Server, open_reader: OpenReader
) -> None:
    reader = open_reader(shared_server)
    sent: list[object] = []
    reader.page.on("websocket", lambda socket: socket.on("framesent", lambda data: sent.append(data)))
    reader.open("walk?picture=cat")
    film = Film(reader.page)
    before = len(sent)
    film.page.locator(".speed").select_option("4")
    film.play.click()
    film.page.wait_for_function(
        """() => [...document.querySelectorAll('.vit-step-picture')].some((each) =>
            Number(each.shadowRoot?.querySelector('.walk-controls input')?.value) > 3)""",
        timeout=60_000,
    )
    film.play.click()
    film.on.click()
    film.page.wait_for_timeout(1200)
    assert len(sent) == before
    title, place = film.heading, re.search(r"step=(\d+)", reader.page.url)
    assert place and title
    reader.open(f"walk?picture=cat&step={place[1]}")
    assert Film(reader.page).heading == title
    assert reader.errors == []


def test_in_the_app_another_token_is_followed_from_the_same_moment(
    shared_server: Server, open_reader: OpenReader
) -> None:
    reader = open_reader(shared_server)
    reader.open("walk?picture=cat&step=9")
    film = Film(reader.page)
    assert "the class token gives" in film.sentence
    box: Any = film.over.bounding_box()
    film.over.scroll_into_view_if_needed()
    film.over.click(position={"x": box["width"] * 0.12, "y": box["height"] * 0.5})
    reader.page.wait_for_function("() => location.search.includes('token=')")
    reader.settle()
    token = int(re.search(r"token=(\d+)", reader.page.url)[1])  # type: ignore[index]
    row, column = divmod(token - 1, 8)
    reader.page.wait_for_timeout(500)
    assert f"the patch in row {row + 1}, column {column + 1} gives" in film.sentence
    assert "step=9" in reader.page.url and reader.errors == []


LIT = """() => Object.fromEntries([...globalThis.__vitPage.links.roots]
  .flatMap((root) => [...root.querySelectorAll("[data-lit]")])
  .map((node) => [node.dataset.symbol ?? (node.className || node.tagName), node.dataset.lit]))"""


def test_symbols_equation_code_and_tensors_of_the_moment_light_each_other_up(chromium: Browser, site: Site) -> None:
    mix = next(i for i, step in enumerate(WALK.steps) if step.name == "mix")
    for film_page in opened(chromium, site, f"?step={mix}", viewport={"width": 1100, "height": 1400}):
        page, over = film_page.page, film_page.over
        blank = over.evaluate(DRAWN)
        page.locator('.walk-equation [data-symbol="v"]').hover()
        assert page.evaluate(LIT) == {"v": "made", "walk-formula": "read", "walk-code": "read"}
        framed = over.evaluate(DRAWN)
        assert framed != blank  # a line around the values
        page.locator(".walk-code code").hover()
        assert page.evaluate(LIT) == {
            "SA": "made",
            "A": "read",
            "v": "read",
            "walk-formula": "made",
            "walk-code": "made",
        }
        assert over.evaluate(DRAWN) not in (blank, framed)
        box = over.bounding_box()
        assert box
        page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.5 * box["height"])  # the values, between A and SA
        page.wait_for_function("() => document.querySelector('main').firstChild && __vitPage.links.source?.makes[0]")
        assert page.evaluate("__vitPage.links.source.makes") == ["block.attention.value"]
        assert {"v": "made", "walk-code": "read"}.items() <= page.evaluate(LIT).items()
        page.mouse.move(2, 2)
        page.locator(".walk-equation-title").focus()
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('.walk-words, .walk-code') != null")
        page.keyboard.press("Shift+Tab")
        assert page.evaluate(LIT)["SA"] == "made"
        page.keyboard.press("ArrowRight")  # the next moment is lit as what it is
        page.wait_for_function("() => __vitPage.links.source && document.querySelector('[data-symbol=MSA][data-lit]')")


def go_to(page: Page, group: str, title: str) -> None:
    page.get_by_test_id("stTopNavSection").filter(has_text=group).click()
    page.get_by_role("menuitem", name=title, exact=True).click()


def test_a_layer_is_entered_from_the_film_and_from_the_bar_and_nothing_is_sent(
    shared_server: Server, open_reader: OpenReader
) -> None:
    reader = open_reader(shared_server)
    page = reader.page
    sent: list[object] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda data: sent.append(data)))
    reader.open("walk")
    sent.clear()
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.locator(".walk-parts button.layer").nth(3).click()
    page.wait_for_function("() => new URLSearchParams(location.search).get('layer') === '4'")
    assert page.get_by_role("button", name="Layer 4", exact=True).get_attribute("aria-pressed") == "true"
    assert page.locator(".walk-parts button.here").inner_text() == "4"
    page.get_by_role("button", name="Layer 2", exact=True).click()
    page.wait_for_function("() => new URLSearchParams(location.search).get('layer') === '2'")
    assert page.locator(".walk-parts button.here").inner_text() == "2"
    page.keyboard.press("}")
    assert page.locator(".walk-parts button.here").inner_text() == "3"
    page.go_back()
    assert page.locator(".walk-parts button.here").inner_text() == "2"
    page.wait_for_timeout(800)  # proofs of the layer follow; the film is here
    assert not sent and not [url for url in fetched if "/film/view" in url or "/vit/tensor/" in url]
    go_to(page, "Forward pass", "Glossary")
    page.wait_for_selector('h1:has-text("Glossary")')
    go_to(page, "Hands on", "Step through")
    page.wait_for_selector(".walk-parts button.entered")
    reader.settle()
    assert page.locator(".walk-parts button.entered").inner_text() == "2"  # as the bar says
    assert reader.errors == []
