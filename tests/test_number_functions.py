"""Numbers that no tensor holds: worked out from others, read off a trace, of several passes; and their lines."""

import random
import re
from dataclasses import replace
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from explainer.gallery import GALLERY
from explainer.numbers import NumberExplanation, Pass, Reproduction, explain_number
from explainer.numbers.address import KINDS, READ_OFFS, TENSORS, Address, shape_of_tensor
from explainer.numbers.derived import Derived, sides_of
from explainer.numbers.expressions import is_number, parse
from explainer.numbers.functions import FUNCTIONS
from explainer.numbers.html import body
from explainer.numbers.lines import YOUR_WEIGHTS
from explainer.numbers.workings import Sum
from vit_core import (
    ForwardTrace,
    Interventions,
    VisionTransformer,
    attention_rollout,
    load,
    mean_attention_distance,
    open_picture,
)
from vit_core.logit_lens import lens_probabilities

CHANGES = "heads=2.1:zero;positions=shuffled.3;skip=mlp.3"
# One number of every function, of one pass and of two.
ASKED = (
    "norm(trace.hidden_states:3:5,*)",
    "norm(patch_projection.weight::4,*,*,*)",
    "mean(block.attention.weights:2:*,5,3)",
    "mean(block.mlp.activated:2:5,4-7)",
    "dot(block.attention.query:2:1,5,*;block.attention.key:2:1,3,*)",
    "cosine(position_embedding::5,*;position_embedding::3,*)",
    "cosine(trace.hidden_states:1:0,*;trace.hidden_states:3:0,*)",
    "cosine(changed@trace.positions::5,*;trace.positions::5,*)",
    "mean_cosine(changed@trace.hidden_states:3:1-9,*;trace.hidden_states:3:1-9,*)",
    "mean_cosine(changed@trace.hidden_states:2:*,*;trace.hidden_states:2:*,*)",
    "moved(changed@trace.hidden_states:3:5,*;trace.hidden_states:3:5,*)",
    "moved(changed@trace.hidden_states:3:*,*;trace.hidden_states:3:*,*)",
    "apart(changed@trace.hidden_states:3:5,*;trace.hidden_states:3:5,*)",
    "elsewhere(changed@block.attention.weights:3:1,*,*;block.attention.weights:3:1,*,*)",
    "product(block.attention.weights:2:1,5,3;block.attention.value:2:1,3,2)",
    "product(trace.representation::4;head.linear.weight::3,4)",
    "difference(changed@trace.probabilities::3;trace.probabilities::3)",
    "difference(changed@lens.probabilities:2:3;lens.probabilities:2:3)",
    "difference(norm(changed@trace.hidden_states:3:5,*);norm(trace.hidden_states:3:5,*))",
    "quotient(norm(block.mlp.output:2:5,*);norm(block.after_attention:2:5,*))",
)


@pytest.fixture(scope="module")
def passes(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> dict[str, Pass]:
    changed = tiny_model.trace(tiny_trace.image, Interventions.parse(CHANGES))
    return {"": Pass(tiny_model, tiny_trace), "changed": Pass(tiny_model, changed)}


def asked(text: str, passes: dict[str, Pass]) -> NumberExplanation:
    return explain_number(parse(text), passes.__getitem__)


def test_every_function_is_asked_for() -> None:
    """A function that is missing here needs a line in ``ASKED``, which tests its steps, words and line of Python."""
    asked_for = {number.function for number in map(parse, ASKED) if isinstance(number, Derived)}
    assert FUNCTIONS.keys() - asked_for == set()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_complete(name: str) -> None:
    """What it takes says how many arguments its words, its symbol, its line of Python and its work have."""
    function = FUNCTIONS[name]
    assert re.fullmatch("n|c|nn|cc", function.takes), "takes"
    assert function.title, "title"
    letters = "XY"[: len(function.takes)]
    assert len(signature(function.work).parameters) == len(letters), "work"
    for part, written in (
        ("words", function.words.format(*letters)),
        ("python", function.python.format(*letters)),
        ("symbol", function.symbol(*letters)),
    ):
        assert all(letter in written for letter in letters), part


def of_parts(total: Sum, parts: list[float]) -> float:
    """A term of a sum, from the numbers that are shown with it and the sign between them."""
    if len(parts) == 1:
        return parts[0]
    first, second = parts
    if total.sign == "×":
        return first * second
    return (first - second) ** 2 if total.term_words.startswith("squared") else abs(first - second)


@pytest.mark.parametrize("text", ASKED)
def test_terms_steps_and_words(text: str, passes: dict[str, Pass]) -> None:
    """All in 64 bits: 1e-9 is ample for sums of some hundred numbers of size 1."""
    found = asked(text, passes)
    working = found.working
    assert working is not None and found.is_derived and str(found.number) == text
    if working.sum:
        for term in working.sum.terms:
            assert term.value == pytest.approx(of_parts(working.sum, [part.value for part in term.factors]), rel=1e-9)
        assert any(abs(working.sum.total - step.value) < 1e-9 for step in found.steps)
    value = 0.0
    for step in found.steps:  # what a reader with a pocket calculator would do
        match step.operator:
            case "" | "=":
                value = step.value
            case "−":
                value -= step.value
            case "×":
                value *= step.value
            case "÷":
                value /= step.value
    assert value == pytest.approx(found.value, rel=1e-9)
    html = body(found)
    assert found.sources and all(f'data-number="{source}"' in html for source in found.sources)
    for source in found.sources:
        assert explain_number(source, passes.__getitem__).number == source  # every way deeper leads somewhere
    assert found.words.startswith(FUNCTIONS[text.partition("(")[0]].title) and found.formula and found.symbol
    assert "<" not in found.coloured(found.symbol_template) and "<" not in found.formula


def test_values_are_those_of_plain_torch(passes: dict[str, Pass]) -> None:
    model, trace, changed = passes[""].model, passes[""].trace, passes["changed"].trace
    block = model.trace_block(trace, 2)
    z, moved = trace.hidden_states[3].double(), changed.hidden_states[3].double()
    attention, other = trace.attention(3)[1].double(), changed.attention(3)[1].double()
    wanted = {
        "norm(trace.hidden_states:3:5,*)": z[5].norm(),
        "mean(block.attention.weights:2:*,5,3)": trace.attention(2).double()[:, 5, 3].mean(),
        "mean(block.mlp.activated:2:5,4-7)": block.mlp.activated[5, 4:8].double().mean(),
        "dot(block.attention.query:2:1,5,*;block.attention.key:2:1,3,*)": (
            block.attention.query[1, 5].double() @ block.attention.key[1, 3].double()
        ),
        "moved(changed@trace.hidden_states:3:*,*;trace.hidden_states:3:*,*)": (moved - z).norm() / z.norm(),
        "mean_cosine(changed@trace.hidden_states:3:1-9,*;trace.hidden_states:3:1-9,*)": (
            torch.cosine_similarity(moved[1:10], z[1:10], dim=1).mean()
        ),
        "elsewhere(changed@block.attention.weights:3:1,*,*;block.attention.weights:3:1,*,*)": (
            (other - attention).abs().sum() / 2 / len(attention)
        ),
        "difference(changed@trace.probabilities::3;trace.probabilities::3)": (
            changed.probabilities.double() - trace.probabilities.double()
        )[3],
    }
    for text, value in wanted.items():
        assert asked(text, passes).value == pytest.approx(float(value), rel=1e-12), text  # both in 64 bits


# Read off a trace


@pytest.mark.parametrize("name", [name for name in READ_OFFS if name != "lens.head_inputs"])
@pytest.mark.parametrize("side", ["", "changed"])
def test_what_is_read_off_is_recomputed_to_what_rounding_explains(
    name: str, side: str, passes: dict[str, Pass]
) -> None:
    model, dice = passes[""].model, random.Random(name)
    shape, first = shape_of_tensor(model, name), READ_OFFS[name].first_layer
    for _ in range(8):
        layer = None if first is None else dice.randint(first, model.config.num_layers)
        address = Address(name, layer, tuple(dice.randrange(size) for size in shape), side)
        found = explain_number(address, passes.__getitem__)
        assert found.working is not None and found.is_as_computed, (address, found.difference, found.working.tolerance)
        assert found.working.tolerance < 1e-4
        assert all(sides_of(source) == (side,) for source in found.sources)  # the way deeper stays in the same pass


def test_what_is_read_off_is_what_the_pages_show(passes: dict[str, Pass]) -> None:
    model, trace = passes[""].model, passes[""].trace
    last = model.config.num_layers
    for index in ((0, 4), (3, 3)):
        found = asked(f"rollout.flow:{last}:{index[0]},{index[1]}", passes)
        assert found.value == attention_rollout(trace)[index].item()
    assert asked("lens.probabilities:2:3", passes).value == lens_probabilities(model, trace)[2, 3].item()
    distances = mean_attention_distance(trace, model.config)
    assert asked("block.attention_distance:2:1", passes).value == distances[1, 1].item()
    assert asked("trace.positions::4,5", passes).value == model.position_embedding[4, 5].item()
    moved = asked("changed@trace.positions::4,5", passes)
    assert moved.value != model.position_embedding[4, 5].item() and len(moved.sources) == 2


def test_rollout_leads_from_layer_to_layer_to_the_weights(passes: dict[str, Pass]) -> None:
    model = passes[""].model
    number, seen = parse(f"rollout.flow:{model.config.num_layers}:0,4"), []
    while True:
        found = explain_number(number, passes.__getitem__)
        seen.append(str(number).split(":")[0])
        sources = [each for each in found.sources if isinstance(each, Address) and each.tensor in KINDS]
        if not sources or seen[-1] == "block.attention.weights":
            break
        number = next((each for each in sources if each.tensor == "rollout.flow"), sources[0])
    assert seen == ["rollout.flow"] * model.config.num_layers + ["rollout.layer", "block.attention.weights"]


# The lines of Python


@pytest.fixture(scope="module")
def shown() -> dict[str, Pass]:
    """The embedded model with two pictures, and with changes."""
    model, checkpoint = load("embedded")

    def of(picture: str, changes: str = "") -> Pass:
        image = checkpoint.preprocess(open_picture(GALLERY[picture].path))
        trace = model.trace(image, Interventions.parse(changes))
        return Pass(model, trace, None, checkpoint.preprocess, checkpoint.labels, Reproduction("embedded", picture))

    return {"": of("coffee"), "changed": of("coffee", CHANGES), "left": of("coffee"), "right": of("cat", "mask=9-12")}


def lines_of_all(shown: dict[str, Pass]) -> list[NumberExplanation]:
    model = shown[""].model
    numbers = [parse(text) for text in ASKED]
    for name in [*READ_OFFS, *TENSORS]:
        if name.endswith(".head_inputs"):
            continue
        shape, first = shape_of_tensor(model, name), KINDS[name].first_layer
        address = Address(name, None if first is None else 2, tuple(size // 3 for size in shape))
        numbers += [address, replace(address, side="right"), replace(address, side="changed")]
    others = (str(number).replace("changed@", "right@").replace("(block", "(left@block") for number in numbers[:20])
    numbers += map(parse, others)
    numbers.append(parse("rollout.flow:6:0,9"))
    return [explain_number(number, shown.__getitem__) for number in numbers]


def test_every_line_returns_its_number_in_its_own_pass(shown: dict[str, Pass]) -> None:
    """Pasted below its import; compared to six digits."""
    names: dict[str, Any] = {}
    found = lines_of_all(shown)
    for line in {each.python_import for each in found}:
        exec(line, names)  # the project's own lines
    names["load"] = cache(names["load"])  # the same model for every line: the file is read once
    for each in found:
        assert each.python.count("\n") == 0 and not each.blanks
        own = dict(names)
        assert f"{eval(each.python, own):.6g}" == f"{each.value:.6g}", each.python


def test_a_line_imports_what_it_needs(shown: dict[str, Pass]) -> None:
    for text in ("difference(right@lens.probabilities:2:3;left@lens.probabilities:2:3)", "rollout.flow:3:0,9"):
        found = asked(text, shown)
        names: dict[str, Any] = {}
        exec(found.python_import, names)
        assert f"{eval(found.python, names):.6g}" == f"{found.value:.6g}"


def test_a_line_of_a_runs_epochs_asks_for_both_paths(shown: dict[str, Pass], tmp_path: Path) -> None:
    """The weights of a run are the reader's to put in, as an upload is; each by the name of its run and epoch."""
    own = shown[""]
    passes = {
        f"run:toy:{epoch}": Pass(
            own.model,
            own.trace,
            None,
            own.preprocess,
            own.labels,
            Reproduction(YOUR_WEIGHTS, "coffee", weights=f"toy, epoch {epoch}"),
        )
        for epoch in (1, 2)
    }
    found = asked("difference(run:toy:2@trace.logits::5;run:toy:1@trace.logits::5)", passes)
    assert found.blanks == ("the weights of toy, epoch 2", "the weights of toy, epoch 1")
    assert found.words.count("toy, epoch") == 2
    names: dict[str, Any] = {}
    exec(found.python_import, names)
    line = found.python
    for epoch in (1, 2):
        assert line.count(f"path/to/toy-epoch-{epoch}/weights.safetensors") == 1
        line = line.replace(f"path/to/toy-epoch-{epoch}/weights.safetensors", "embedded")
    assert eval(line, names) == 0.0


# Nonsense


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("norm()", "names no number"),
        ("norm(trace.hidden_states:3:5,*", "names no number"),
        ("eval(trace.hidden_states:3:5,*)", "names no number"),
        ("norm(norm(norm(norm(trace.hidden_states:3:5,*))))", "names no number"),
        ("norm(trace.logits::*;trace.logits::*)", "names no number"),
        ("difference(trace.logits::*;trace.logits::3)", "names no number"),
        ("norm(norm(trace.logits::*))", "expected cells of a tensor"),
        ("trace.logits::*", "names no number"),
        ("mean(trace.logits::5-2)", "names no number"),
        ("mean(trace.logits::2-500)", "has the shape 7, so there is no number [500]"),
        ("cosine(trace.hidden_states:3:5,*;trace.logits::*)", "needs equally many numbers of both, got 48 and 7"),
        ("norm(" * 300, "names no number"),
        ("a b@trace.logits::3", "names no number"),
        ("norm(trace.hidden_states:9:5,*)", "is there for layers 0 to 3"),
    ],
)
def test_nonsense_is_one_sentence(
    text: str, sentence: str, passes: dict[str, Pass], tiny_model: VisionTransformer
) -> None:
    if "48" in sentence:
        sentence = sentence.replace("48", str(tiny_model.config.hidden_size))
    with pytest.raises(ValueError, match=r"no number|cells|equally|layers") as refusal:
        asked(text, passes)
    assert sentence in str(refusal.value) and "\n" not in str(refusal.value) and len(str(refusal.value)) < 250


def test_numbers_survive_the_link() -> None:
    for text in ASKED:
        assert str(parse(text)) == text and is_number(text)
    for text in (None, 5, "", "norm(", "norm(x)", "left@", "@trace.logits::3"):
        assert not is_number(text)


def test_every_side_stays_on_its_way_down(passes: dict[str, Pass]) -> None:
    """From a changed probability down to a pixel: each number that is offered is of the changed pass or learned."""
    dice, number = random.Random(1), parse("changed@trace.probabilities::3")
    for _ in range(40):
        found = explain_number(number, passes.__getitem__)
        assert found.changes == str(passes["changed"].trace.interventions)
        if not found.sources:
            break
        assert all(sides_of(each) == ("changed",) for each in found.sources)
        number = dice.choice(found.sources)


def test_a_tensor_is_of_its_pass(passes: dict[str, Pass]) -> None:
    logits: Tensor = passes["changed"].trace.logits
    assert asked("changed@trace.logits::3", passes).value == float(logits[3])
    assert not torch.equal(logits, passes[""].trace.logits)
