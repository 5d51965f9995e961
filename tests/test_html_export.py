"""A page as one file: complete, true to its views, and nothing that anybody wrote into it runs."""

import base64
import gzip
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from explainer.export.saved_parts import Code, Heading, Mathematics, SavedPage, Words
from explainer.html_export import export_html
from explainer.notation.equations import EQUATIONS, FORMULAS, Written
from explainer.notation.excerpts import excerpt
from explainer.notation.mathml import html_of, mathml
from explainer.packing import digest, unpack
from explainer.palette import QUANTITIES
from explainer.palette import TEXT as INK
from explainer.panels import Bars, Frames, Picture, View
from explainer.texts import TEXTS
from vit_core import ViTConfig

OWN_MACHINE = "only on the machine that saved this page"
HOSTILE = """</script></style></title><script>window.ran = 1</script><img src=x onerror="window.ran = 1">"&<!--"""
VALUES = np.array([0.75, 0.25], "f4")
PIXELS = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)  # 12 kB: kept once for all views


def view(title: str = "Classes", alt: str = "Two bars") -> View:
    bars = Bars(title=title, labels=("cat", "cup"), values=VALUES, caption=title)
    return View(rows=((bars, Picture(title="Picture", pixels=PIXELS, grid_size=8)),), alt=alt)


class Read(HTMLParser):
    """Every element of a file with its attributes, the scripts with their text, and the words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, Any]]] = []
        self.scripts: list[tuple[dict[str, Any], str]] = []
        self.words = self.inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        self.inside = tag
        if tag == "script":
            self.scripts.append((dict(attributes), ""))

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        elif self.inside != "style":
            self.words += data

    def data(self) -> list[tuple[dict[str, Any], bytes]]:
        found = [(attributes, text) for attributes, text in self.scripts if attributes.get("type") == "text/plain"]
        return [(attributes, gzip.decompress(base64.b64decode(text.strip()))) for attributes, text in found if text]


def page(*parts: Any, title: str = "A page", **fields: Any) -> Read:
    return Read(export_html(SavedPage(title, parts, **fields)))


def test_the_file_holds_the_views_and_each_picture_once() -> None:
    read = Read(export_html([view(), view("Others")], title="Two"))
    kept = {attributes["id"].removeprefix("kept-"): raw for attributes, raw in read.data() if "id" in attributes}
    assert [digest(raw) for raw in kept.values()] == list(kept) and len(kept) == 1
    views = [unpack(raw, kept.__getitem__) for attributes, raw in read.data() if "id" not in attributes]
    assert [each.panels[0].title for each in views] == ["Classes", "Others"]
    for each in views:
        assert np.array_equal(each.panels[0].values, VALUES) and np.array_equal(each.panels[1].pixels, PIXELS)


def test_frames_are_saved_whole() -> None:
    frames = Frames("epoch", (1, 2), ("first", "second"), (view(), view("Others", alt="The last")), has_bar=True)
    read = Read(export_html(frames))
    saved = unpack(read.data()[0][1])
    assert isinstance(saved, Frames) and saved.labels == frames.labels and "The last" in read.words


def test_only_the_canvas_may_run_and_nothing_may_be_fetched() -> None:
    read = page(view(), Words("See [this](https://example.org)."), link="http://here/attention?layer=2&head=1")
    running = [text for attributes, text in read.scripts if attributes.get("type") == "module"]
    assert len(running) == 1 and all(each.get("type") in ("module", "text/plain") for each, _ in read.scripts)
    policy = next(each["content"] for _, each in read.elements if each.get("http-equiv") == "Content-Security-Policy")
    hashed = base64.b64encode(hashlib.sha256(running[0].encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; script-src 'sha256-{hashed}';")
    assert "connect-src" not in policy  # so that the default holds
    assert not [each for _, each in read.elements if "src" in each]
    links = [each["href"] for tag, each in read.elements if tag in ("a", "link")]
    assert links == ["data:,", "http://here/attention?layer=2&head=1", "https://example.org"]


def test_what_anybody_wrote_is_shown_and_does_not_run() -> None:
    read = page(
        Heading(HOSTILE),
        Words(HOSTILE),
        Words(f"$\\text{{{HOSTILE}}}$"),
        view(HOSTILE, alt=HOSTILE),
        title=HOSTILE,
        kicker=HOSTILE,
        choice=HOSTILE,
        credits=(HOSTILE,),
        link=f'http://x/"{HOSTILE}',
    )
    assert not [tag for tag, _ in read.elements if tag == "img"]
    assert not [each for _, each in read.elements if any(name.startswith("on") for name in each)]
    assert sum(attributes.get("type") == "module" for attributes, _ in read.scripts) == 1
    assert all(attributes.get("type") in ("module", "text/plain") for attributes, _ in read.scripts)
    assert read.words.count("window.ran = 1") >= 8  # it is there to be read
    assert unpack(read.data()[0][1], lambda name: PIXELS.tobytes()).panels[0].title == HOSTILE  # type: ignore[union-attr]


def test_what_a_checkpoint_says_of_itself_is_text() -> None:
    read = page(credits=("Model: [Log in again](https://elsewhere.test) **now** $x$.",))
    assert [tag for tag, _ in read.elements if tag in ("a", "strong", "math")] == []
    assert "Model: [Log in again](https://elsewhere.test) **now** $x$." in read.words


def test_links_lead_to_the_web_or_nowhere() -> None:
    read = page(
        Words("[a](javascript:alert(1)) [b](data:text/html,x) ![c](https://example.org/c.png)"), link="file:///x"
    )
    assert [each["href"] for tag, each in read.elements if tag == "a"] == ["https://example.org/c.png"]
    assert not [tag for tag, _ in read.elements if tag == "img"]


@pytest.mark.parametrize("written", [*EQUATIONS.values(), *FORMULAS.values()], ids=lambda each: each.title)
def test_every_equation_is_mathml_in_the_colours_of_both_schemes(written: Written) -> None:
    for latex in Mathematics("", written, ViTConfig.named("B/16"), 3).latex:
        result = mathml(latex, display=True)
        assert result.startswith("<math") and "\\" not in result and "&amp;" not in result
        used = set(re.findall(r"\\textcolor\{(#\w+)\}", latex))
        pairs = set(re.findall(r"light-dark\((#\w+),(#\w+)\)", result))
        assert {light for light, _ in pairs} == used and len(re.findall(r"#[0-9a-f]{6}", result)) % 2 == 0
        assert pairs <= {(each.light, each.dark) for each in QUANTITIES.values()} | {(INK["light"], INK["dark"])}


@pytest.mark.parametrize("path", sorted(TEXTS.glob("*.md")), ids=lambda path: path.stem)
def test_the_mathematics_of_every_text_is_read(path: Any) -> None:
    source = re.sub(r"`[^`]*`", "", path.read_text(encoding="utf-8"))
    expected = [each for each in re.findall(r"\$([^$\n]+)\$", source) if each == each.strip()]
    assert html_of(source).count("<math") == len(expected)
    assert all(mathml(each).startswith("<math") for each in expected)


def test_what_is_no_formula_is_shown_as_it_was_written() -> None:
    assert html_of("It costs 5 $ or 6 $.") == "<p>It costs 5 $ or 6 $.</p>\n"
    assert mathml(r"\href{javascript:alert(1)}{x}").startswith("<code>")


def test_code_is_that_of_the_model_with_its_line_marked() -> None:
    code = excerpt(EQUATIONS[6])
    html = export_html(SavedPage("Code", (Code("model.py", code, (code.line,)),)))
    marked = re.findall(r'<span class="vit-line vit-marked">(.*?)\n</span>', html, re.DOTALL)
    assert len(marked) == 1 and re.sub(r"<[^>]+>", "", marked[0]).endswith("# Eq. 6")


def test_the_same_page_is_the_same_file() -> None:
    assert export_html(view()) == export_html(view())


@pytest.mark.parametrize(
    ("link", "is_own"),
    [
        ("http://localhost:8501/attention?layer=2", True),
        ("http://127.0.0.1:8501/", True),
        ("http://[::1]:8501/", True),
        ("https://vit.example.org/attention", False),
        ("https://localhost.example.org/", False),
        ("file:///x", False),
    ],
)
def test_a_handout_says_when_its_link_leads_to_one_machine_alone(link: str, is_own: bool) -> None:
    assert (OWN_MACHINE in page(view(), link=link).words) is is_own
