"""Pages of steps: packets that are the same for everybody, and a route that answers nonsense with a sentence."""

import random
import re
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from explainer.app.session import open_session
from explainer.app.state import State
from explainer.app.steps import packets, page
from explainer.app.steps.route import open_moment, routes
from explainer.notation.equations import EQUATIONS, FORMULAS
from explainer.notation.excerpts import lines_of
from explainer.notation.templates import written_symbols
from explainer.packing import unpack
from explainer.stages import STAGES
from explainer.steps.forward_pass import STEPS
from explainer.steps.rendering import linked_markup
from explainer.texts import text

CHOICE = {"picture": "cat", "checkpoint": "embedded", "layer": "3", "head": "2", "token": "20"}
PARTS = [
    (page, step.slug, kind)
    for page, steps in STEPS.items()
    for step in steps
    for kind, part in (
        ("view", step.picture),
        ("result", step.result),
        ("mathematics", step),
        ("controls", step.controls),
    )
    if part
]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes)) as client:
        yield client


@pytest.mark.parametrize("page", STEPS)
def test_the_steps_of_a_page_are_the_sections_of_its_text(page: str) -> None:
    sections = list(text(page).sections)
    below = {"what_if": "experiments", "models": "own"}  # what the server shows below
    if page in below:
        sections = sections[: sections.index(below[page])]
    assert [step.slug for step in STEPS[page]] == sections


@pytest.mark.parametrize("page", STEPS)
def test_every_step_shows_an_equation_its_code_its_tensors_and_a_proof(page: str) -> None:
    moment = open_moment(page, {"layer": "2"})
    for step in STEPS[page]:
        html = packets.mathematics(page, step, moment)
        sides = 2 if page == "compare" else 1
        assert html.count("vit-proof vit-proof-holds") == sides * len(step.claims), step.slug
        assert step.claims or page in ("models", "glossary"), step.slug
        if step.written(moment):
            for part in ("vit-equation", "vit-line-number"):
                assert part in html, (step.slug, part)
            assert step.is_grouped or "<tr" in html, step.slug
        elif page == "walk":  # its picture has them inside
            (film,) = packets.view_of(page, step, moment).panels
            assert film.equations and film.code  # type: ignore[attr-defined]
        first = text(page).sections[step.slug].partition("\n\n")[0].replace("Eq. ", "")
        assert step.is_prose or first.count(". ") <= 2, (
            f"{page} {step.slug}: more than three sentences before the picture"
        )


def test_every_symbol_of_a_formula_has_its_link() -> None:
    for item in (*EQUATIONS.values(), *FORMULAS.values()):
        html = linked_markup(item)
        if "data-symbol" in html:  # those with braces below are one piece
            assert re.findall(r'data-symbol="([^"]+)" data-link="[^"]+"', html) == list(written_symbols(item.essence))


def test_the_statements_that_a_formula_names_are_in_its_code() -> None:
    for formula in FORMULAS.values():
        if formula.code is not None and formula.name != "parameters":
            assert all(code.source.strip() for code in lines_of(formula))


@pytest.mark.parametrize(("page", "slug", "kind"), PARTS)
def test_a_packet_is_what_the_page_would_show(page: str, slug: str, kind: packets.Kind, client: TestClient) -> None:
    answer = client.get(f"/vit/step/{page}/{slug}/{kind}", params=CHOICE)
    assert answer.status_code == 200, answer.text
    assert "max-age" in answer.headers["cache-control"]
    moment = open_moment(page, CHOICE)
    step = packets.find_step(page, slug)
    if kind in ("view", "result"):
        shown = unpack(answer.content, lambda name: bytes(3 * 10**6))
        assert shown.panels[0].title == packets.exact_view(step, moment, kind).panels[0].title
    elif kind == "mathematics":
        assert answer.text == packets.mathematics(page, step, moment)
    else:
        assert step.controls and answer.text == step.controls(moment)
    again = client.get(
        f"/vit/step/{page}/{slug}/{kind}", params=CHOICE, headers={"If-None-Match": answer.headers["etag"]}
    )
    assert again.status_code == 304
    assert again.content == b""


def test_only_what_a_part_reads_makes_another_packet() -> None:
    def packet(slug: str, **choice: int) -> packets.Packet:
        return packets.packet("attention", slug, "view", open_session(State(**choice))[0])

    assert packet("scores", layer=2) is packet("scores", layer=2)
    assert packet("layer-norm", layer=2, head=1) is packet("layer-norm", layer=2, head=3)
    assert packet("looks", layer=2, head=1, token=3) is packet("looks", layer=5, head=3, token=7)
    assert packet("scores", layer=2) is not packet("scores", layer=3)


@pytest.mark.parametrize(
    ("path", "changes", "status", "sentence"),
    [
        ("attention/scores/view", {"layer": "0"}, 400, "There is no layer 0 in this model: it has layers 1 to 6."),
        ("attention/scores/view", {"layer": "two"}, 400, "The layer must be a whole number, got 'two'."),
        ("attention/scores/view", {"token": "65"}, 400, "There is no token 65 in this model"),
        ("attention/scores/view", {"checkpoint": "nobody"}, 400, "nobody"),
        ("attention/scores/view", {"checkpoint": "torchvision/B/16"}, 409, "not on this server yet"),
        ("attention/scores/view", {"picture": "upload-0123"}, 400, "no longer on this server"),
        ("attention/scores/view", {"picture": "../../etc/passwd"}, 400, "../../etc/passwd"),
        ("attention/scores/sound", {}, 400, "and nothing else"),
        ("attention/nothing/view", {}, 404, "has no step 'nothing'"),
        ("nowhere/scores/view", {}, 404, "There is no page of steps called 'nowhere'"),
        ("head/pseudocode/view", {}, 404, "has no picture"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(
    path: str, changes: dict[str, str], status: int, sentence: str, client: TestClient
) -> None:
    answer = client.get(f"/vit/step/{path}", params=CHOICE | changes)
    assert answer.status_code == status, answer.text
    assert sentence in answer.text
    assert answer.text.endswith(".")
    assert "\n" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


NASTY = (
    "",
    " ",
    "-1",
    "1e3",
    "0x1",
    "１",
    "٣",
    "NaN",
    "null",
    "1" * 400,
    "%00",
    "\x00",
    "<script>",
    "'; --",
    "../..",
    "é" * 99,
)


def test_five_hundred_values_are_answered_or_refused(client: TestClient) -> None:
    generator = random.Random(0)
    letters = [chr(code) for code in (*range(32, 127), 0, 9, 10, 0xE9, 0x202E, 0x1F600)]
    refused = 0
    for _ in range(500):
        name = generator.choice(list(CHOICE))
        word = "".join(generator.choices(letters, k=generator.randint(0, 40)))
        value = generator.choice([*NASTY, word, str(generator.randint(-99, 99999))])
        page, slug, kind = generator.choice(PARTS)
        answer = client.get(f"/vit/step/{page}/{slug}/{kind}", params=CHOICE | {name: value})
        assert answer.status_code in (200, 400, 409), (name, value, answer.text)
        if answer.status_code != 200:
            refused += 1
            assert answer.text.strip().endswith("."), (name, value, answer.text)
            assert "Traceback" not in answer.text
    assert refused > 300


def test_a_saved_page_leads_back_to_where_it_came_from_alone(client: TestClient) -> None:
    for address, leads in (("http://testserver/attention?layer=3", True), ("http://elsewhere.example/", False)):
        answer = client.get("/vit/page/attention", params=CHOICE | {"from": address})
        assert answer.status_code == 200
        assert (address in answer.text) is leads
        assert 'filename="vit-attention.html"' in answer.headers["content-disposition"]
    assert client.get("/vit/page/nowhere", params=CHOICE).status_code == 404
    assert STAGES["attention"].title in answer.text


@pytest.mark.parametrize(
    ("pick", "is_taken"),
    [
        ({"picture": "cat", "checkpoint": "embedded", "layer": 2, "head": 1, "token": None}, True),
        ({"layer": 2, "number": "block.attention.weights:3:0,12,33"}, True),
        ({"page": "patches"}, True),
        ({"page": "../frame"}, False),
        ({"layer": "2"}, False),
        ({"layer": True}, False),
        ({"head": None}, False),
        ({"number": "rm -rf"}, False),
        ({"uploads": "x"}, False),
        (["layer", 2], False),
        (None, False),
    ],
)
def test_a_pick_is_taken_if_it_could_come_from_the_page(pick: object, is_taken: bool) -> None:
    assert page._checked(pick, {}) == (pick if is_taken else None)
