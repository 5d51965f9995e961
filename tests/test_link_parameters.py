"""Links: every parameter is in one table, nothing outside the table's ranges reaches a page, and no link breaks one."""

import ast
import asyncio
import math
import random
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from benchmarks.server import running
from benchmarks.visitor import Run, Visitor
from explainer.app.links.kinds import OneOf, Real, RecipeField, Whole, YesNo
from explainer.app.links.parameters import FAMILIES, FIELD, MOST_REPEATED, MOST_SENTENCES, PARAMETERS, judge, kind_of
from explainer.app.steps.own_choice import OWN
from explainer.app.train.recipe_values import MOST, parse
from tests.app_files import app_files, imported_modules, short
from tests.random_links import FIELDS, GRIDS, HOSTILE, PAGES, Link, random_links, random_value

COMPONENTS = Path(__file__).parents[1] / "explainer" / "components"
FRAME = "../pages/frame.py"
VALUES = 2_000  # of each kind
LINKS = 3 * len(PAGES)
HANG = 30.0  # seconds: nothing that a link says goes on for ever, on a busy machine neither


# --- The table is the whole of it


def _names_asked_for(tree: ast.Module) -> Iterator[ast.expr]:
    """What stands where the address is read or written, and where a widget is bound to it."""

    def is_address(node: ast.AST) -> bool:
        return isinstance(node, ast.Attribute) and node.attr == "query_params" and getattr(node.value, "id", "") == "st"

    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=value, slice=name) if is_address(value):
                yield name
            case ast.Compare(left=name, comparators=[value]) if is_address(value):
                yield name
            case ast.Call(func=ast.Attribute(value=value, attr="get" | "pop" | "get_all"), args=[name, *_]) if (
                is_address(value)
            ):
                yield name
            case ast.Call(keywords=keywords):
                given = {each.arg: each.value for each in keywords}
                if getattr(node.func, "id", "") in ("whole", "real", "segments", "choice") and "in_link" not in given:
                    yield given["key"]  # of explainer/app/links/controls.py
                if isinstance(bind := given.get("bind"), ast.Constant) and bind.value == "query-params":
                    yield given["key"]


def _constants(tree: ast.Module) -> dict[str, str]:
    """The texts that a module gives names to, and those that it imports."""
    found: dict[str, str] = {}
    known_as = dict(imported_modules(tree))
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                found[name] = text
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Attribute(value=ast.Name(id=module), attr=constant)):
                if constant.isupper() and module in known_as:
                    found[name] = getattr(import_module(known_as[module]), constant)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                pairs = zip(names, values, strict=True)
                for each, text in pairs:
                    if isinstance(each, ast.Name) and isinstance(text, ast.Constant) and isinstance(text.value, str):
                        found[each.id] = text.value
            case ast.ImportFrom(module=str(source), names=imported):
                for other in imported:
                    if other.name.isupper() and isinstance(value := getattr(import_module(source), other.name), str):
                        found[other.asname or other.name] = value
    return found


# Where the syntax does not say it: variables of loops over these names, and arguments. What the pages bind in that way
# is seen by ``test_random_links_break_no_page``, which opens them.
_VARIABLES = {
    "steps.own_choice": {name for choices in OWN.values() for name in choices},
    "state": {"picture", "checkpoint", "layer", "head", "token"},
    "compare.choice": set(OWN["compare"]),
    "shapes.choice": {"sizes", "against"},
    "break_it.state": {"bug", "lab_sizes", "solved"},
    "epochs.parts": {"run", "beside"},
    "train.recipe_form": set(FIELDS),
    "canvas": {"epoch"},
    "data.sections": {"sheet", "shown", "draws", "batch_size"},
    "exercises.terms": {"exercise_decay", "exercise_train_decay"},
    "metric.replay": {"metric_own_epoch"},
    "transfer.choice": set(GRIDS),
    "model_sizes": {name for name in PARAMETERS if name.startswith("own_")},
}


# Modules that are given the names by others.
ANY_PARAMETER = {"links.parameters", "links.controls"}


def test_what_the_pages_read_or_bind_is_in_the_table_and_the_table_has_nothing_else() -> None:
    scripts = "".join(path.read_text(encoding="utf-8") for path in COMPONENTS.rglob("*.js"))
    used = set(re.findall(r'(?:remember|recall)\?\.\("(\w+)"', scripts))  # what browsers keep there themselves
    for module, path in app_files().items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = _constants(tree)
        for node in _names_asked_for(tree):
            match node:
                case ast.Constant(value=str(name)):
                    names = {name}
                case ast.Name(id=name) | ast.Attribute(attr=name) if name in texts:
                    names = {texts[name]}
                case ast.JoinedStr(values=[ast.Constant(value=str(prefix)), *_]):
                    names = {name for name in PARAMETERS if name.startswith(prefix)}
                case _:
                    names = _VARIABLES.get(short(module), set())
                    if short(module) in ANY_PARAMETER:
                        continue
            assert names, f"{path.name}:{node.lineno}: which parameters are these? {ast.unparse(node)}"
            assert not (unknown := {name for name in names if kind_of(name) is None}), (path.name, node.lineno, unknown)
            used |= names
    assert set(PARAMETERS) - used == set()


def test_every_list_of_words_can_be_looked_up() -> None:
    for name, kind in PARAMETERS.items():
        if isinstance(kind, OneOf):
            assert len(kind.words) > 1, name
            assert all(kind.expected(word) == "" for word in kind.words)
    assert all(kind_of(name) in FAMILIES.values() for name in GRIDS)
    assert kind_of("nothing") is kind_of("Layer") is kind_of("transfer_size_x_1") is None


# --- The reader


@pytest.mark.parametrize("name", [*PARAMETERS, *FIELDS])
def test_what_the_reader_lets_through_is_what_the_table_says(name: str) -> None:
    kind, chance = kind_of(name), random.Random(name)
    values = [*HOSTILE, *(random_value(kind, chance) for _ in range(VALUES if name in ONE_OF_EACH_KIND else 40))]
    let_through = 0
    for written in values:
        (text,) = parse_qs(f"x={written}", keep_blank_values=True).get("x", [written])[-1:]
        sentence = judge(name, [text])
        if sentence:
            assert "\n" not in sentence and len(sentence) < 1500 and "expected " in sentence and text != sentence
            assert len(sentence.partition("”")[0]) < 120  # of what a link says only the beginning
            continue
        let_through += 1
        match kind:
            case Whole(low, high):
                assert text.isascii() and low <= int(text) <= high
            case Real(low, high):
                assert math.isfinite(float(text)) and low <= float(text) <= high
            case OneOf():
                assert text in kind.words
            case YesNo():
                assert text in ("true", "false")
            case RecipeField(field):
                value = parse(field, text)
                for number in value if isinstance(value, tuple) else (value,):
                    assert not isinstance(number, int | float) or 0 <= number <= MOST
            case _:
                assert text.isprintable() and 0 < len(text) <= 8000
    assert let_through


ONE_OF_EACH_KIND = (
    "layer",
    "own_image_size",
    "exercise_rate",
    "metric_order",
    "mean_heads",
    "picture",
    "changes",
    "pins",
    "runs",
    f"{FIELD}batch_size",
    f"{FIELD}learning_rate",
    f"{FIELD}crop_scale",
    f"{FIELD}weights",
    f"{FIELD}model",
)


def test_a_parameter_stands_once_but_for_those_that_may_be_repeated() -> None:
    assert judge("layer", ["1", "2"]).startswith("The link contains layer 2 times, expected once")
    assert judge("runs", ["a", "b"]) == ""
    assert judge("runs", ["a"] * (MOST_REPEATED + 1))
    assert "“Layer”, which this app does not know" in judge("Layer", ["1"])


# --- The pages


def opened(query: dict[str, str | list[str]], page: str) -> AppTest:
    """A page of a session that begins with this link."""
    at = AppTest.from_file(FRAME, default_timeout=240)
    at.run()
    at.query_params.update(query)
    return at.switch_page(f"{page}.py").run()


@pytest.mark.parametrize(
    ("page", "name", "value"),
    [
        ("data", "shown", "inf"),
        ("transfer", "transfer_epochs", "inf"),
        ("exercises", "exercise_classes", "inf"),
        ("exercises", "exercise_steps", "nan"),
        ("train", "set_batch_size", "9" * 40),
        ("train", "set_seed", "-1"),
        ("train", "set_epochs", "9" * 40),
        ("train", "set_learning_rate", "nan"),
        ("predict", "predict_shown", "9" * 40),
        ("metric", "metric_epoch", "-1"),
    ],
)
def test_what_no_widget_can_have_is_said_and_the_page_is_as_without_it(page: str, name: str, value: str) -> None:
    at = opened({name: value}, page)
    assert not at.exception
    said = [each.value for each in at.warning if name.split("_")[0] in each.value]
    assert len(said) == 1 and said[0].endswith("it is left out.") and "expected" in said[0]
    assert name not in at.query_params
    at.query_params[name] = value  # typed into the address of a page whose widget is bound to it
    at.run()
    assert not at.exception and name not in at.query_params


def test_what_the_data_does_not_have_is_brought_inside_and_said() -> None:
    at = opened({"shown": "9999999"}, "data")
    assert not at.exception
    last = at.number_input(key="shown").max
    assert at.number_input(key="shown").value == last
    assert [f"You see image {int(last):,}." in each.value for each in at.warning] == [True]
    at.run()
    assert at.number_input(key="shown").value == last and not at.warning


def test_of_many_mistakes_some_are_said_and_the_rest_is_counted() -> None:
    query = {f"x{index}": "1" for index in range(900)} | {"layer": "2"}
    at = opened(dict(query), "glossary")
    assert not at.exception
    assert at.query_params == {"layer": "2"}
    said = at.warning[0].value
    assert said.count("\n- ") == MOST_SENTENCES - 1 and f"{900 - MOST_SENTENCES + 1} more parts" in said


def test_random_links_break_no_page() -> None:
    async def visit(port: int, link: Link) -> tuple[Run, set[str]]:
        async with Visitor(port, "" if link.page == "overview" else link.page, link.query) as visitor:
            return await visitor.open(), visitor.bound

    links = list(random_links(LINKS, seed=17))
    assert {link.page for link in links} == set(PAGES) and links == list(random_links(LINKS, seed=17))
    with running() as server:
        for link in links:
            run, bound = asyncio.run(visit(server.port, link))
            assert run.exceptions == [], (link.page, link.query[:2000])
            assert run.title, (link.page, link.query[:2000])
            assert run.seconds < HANG, (link.page, link.query[:2000])
            assert {name for name in bound if kind_of(name) is None} == set()
