"""Text from outside is shown character by character; no link, picture, icon, formula or colour comes of it."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.server import ROOT, Server, running

pytestmark = pytest.mark.browser

NASTY = [
    "![x](http://elsewhere.test/a.png) [Log in again](http://elsewhere.test/) <http://elsewhere.test>",
    "http://elsewhere.test/q HTTPS://elsewhere.test www.elsewhere.test Www.elsewhere.test me@elsewhere.test",
    "xmpp:a@b.cd mailto:a@b.cd ftp://x.y",
    ":smile: :material/home: :material_home: :streamlit: :red[r] :blue-background[b] :help[x] ::a :::b",
    ":color[x]{foreground='red'}",
    ":{foreground=red} @{background=blue} www.{foreground=red}",
    "$x^2$ $$y$$ \\$z\\$ \\(a\\) \\[b\\] $1 and $2",
    "<img src=http://elsewhere.test/b.png> <script>1</script> <!-- a --> &amp; &#58; &lt;b&gt; &copy",
    "a -> b -- c >= d <- e <-> f <= g ~= h --- i ->",
    "`c` ``d`` **b** *i* __b__ _i_ a_b_c ~s~ ~~s~~ ==m== ++i++ ^s^ [^1] [^1]: note",
    "# heading",
    "1. one",
    "12) twelve",
    "- item",
    "+ item",
    "* item",
    "> quote",
    "=====",
    "---",
    "|a|b|",
    "```mermaid graph",
    "~~~",
    "\\",
    "\\\\ \\* \\: \\_ /",
    "[x]: http://elsewhere.test",
    "[ ] task",
    "{} {{}} %s #hash é中🙂 ‍ naïve",
]
ELEMENTS = "a, img, svg image, em, strong, code, pre, del, sup, sub, .katex, math, [role=img], h4, hr, script, iframe"
MARKS = [
    *"\\`*_{}[]()<>#+-.!|~$:^&@=\"'%/;, a1",
    *("http://x.test", "www.x.y", ":red[", ":material/x:", "![", "](", "&lt;", "<b>", "--"),
]


def mixtures(number: int) -> list[str]:
    """Texts of marks in any order; the same each time."""
    chance = random.Random(0)
    return [" ".join("".join(chance.choices(MARKS, k=12)).split()) or "x" for _ in range(number)]


@pytest.fixture(scope="module")
def elements(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, list[str]]]:
    folder = tmp_path_factory.mktemp("elements")
    texts = NASTY + mixtures(400)
    (folder / "nasty.json").write_text(json.dumps(texts), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false")  # as .streamlit/config.toml of the app says
        with running(Path(__file__).with_name("elements.py"), folder) as server:
            yield server, texts


def listen_for_calls_elsewhere(page: object, server: Server) -> list[str]:
    """The addresses of other machines that the page asks; none of them is let through."""
    asked: list[str] = []

    def judge(route: object) -> None:
        url = route.request.url
        if url.startswith((server.url, server.url.replace("http", "ws", 1), "data:", "blob:")):
            route.continue_()
        else:
            asked.append(url)
            route.abort()

    page.route("**/*", judge)
    return asked


def test_any_text_is_shown_character_by_character(open_reader, elements) -> None:
    server, texts = elements
    page = open_reader(server).page
    asked = listen_for_calls_elsewhere(page, server)
    page.goto(server.url)
    page.wait_for_selector(f".st-key-each_{len(texts) - 1}", state="attached", timeout=60_000)
    page.wait_for_timeout(2000)
    seen = page.evaluate(
        """(forbidden) => [...document.querySelectorAll('[class*="st-key-each_"]')].map((box) => [
            box.textContent, box.querySelectorAll(forbidden + ", ul, ol, li, h1, h2, h3, [style*=color]").length])""",
        ELEMENTS,
    )
    assert [text for text, _ in seen] == texts
    assert [text for text, others in seen if others] == []
    assert asked == []


@pytest.mark.parametrize("number", [0, 1, 3, 8])
def test_every_element_shows_it(open_reader, elements, number: int) -> None:
    server, texts = elements
    page = open_reader(server).page
    asked = listen_for_calls_elsewhere(page, server)
    page.goto(f"{server.url}/?text={number}")
    page.wait_for_selector(".st-key-box_rows table", timeout=60_000)
    page.wait_for_function(
        """() => [...document.querySelectorAll('[class*="st-key-box_"]')].every((box) => box.innerText.trim())""",
        timeout=60_000,
    )
    boxes = page.evaluate(
        """(forbidden) => Object.fromEntries([...document.querySelectorAll('[class*="st-key-box_"]')].map((box) => [
            [...box.classList].find((name) => name.startsWith("st-key-box_")).slice(11),
            [box.innerText, [...box.querySelectorAll(forbidden)]
                .filter((each) => !each.closest('[data-testid="stImage"], [data-testid="stIconMaterial"]')
                    && !each.matches('[data-testid="stIconMaterial"], summary *'))
                .map((each) => each.outerHTML.slice(0, 80))]]))""",
        ELEMENTS,
    )
    assert len(boxes) > 30
    for name, (words, others) in boxes.items():
        assert texts[number] in " ".join(words.split()), (name, words)
        assert [each for each in others if not (name == "bold" and each.startswith("<strong"))] == [], name
    assert asked == []
