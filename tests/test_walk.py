"""The walk through the forward pass: its moments are those of the equations, its numbers those of the trace."""

import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from explainer import links
from explainer.app.server import tensor_route
from explainer.app.session import open_session
from explainer.app.state import State
from explainer.app.steps.moments import moment_of
from explainer.app.steps.packets import exact_view, packet
from explainer.figures import figure
from explainer.lessons import HANDS_ON
from explainer.notation.equation_markup import NAMESPACE, equation_markup
from explainer.notation.equations import EQUATIONS, FORMULAS, Equation, Formula
from explainer.notation.symbols import SYMBOLS
from explainer.notation.wording import number, percent, the_token
from explainer.packing import QUANTISED_ABOVE, pack, unpack
from explainer.panels import Pixels, View, Walk
from explainer.proofs import FACTS, PROOFS
from explainer.shapes import shape
from explainer.stages import STAGES
from explainer.steps.forward_pass import STEPS
from explainer.steps.rendering import words_of
from explainer.texts import text
from explainer.views.walk import walk as walks
from explainer.views.walk.layer_steps import QUICK
from explainer.views.walk.tensors import HEAD_COLUMNS, columns_for
from tests.test_pages import app, markup, steps_of
from vit_core import (
    PRESETS,
    AttentionTrace,
    BlockTrace,
    ForwardTrace,
    MLPTrace,
    VisionTransformer,
    ViTConfig,
    load,
)

ROOT = Path(__file__).parents[1]
HEAD, TOKEN = 3, 6
LABELS = [f"class {c}" for c in range(7)]
LAYER_NAMES = (
    "norm",
    "qkv",
    "scores",
    "weights",
    "mix",
    "join",
    "attention_sum",
    "mlp_norm",
    "expand",
    "gelu",
    "contract",
    "mlp_sum",
)
# Where a slice that is named after a field of a trace comes from.
ATTENTION = ("query", "key", "value", "scores", "weights", "head_outputs")
MLP = {"hidden": "hidden", "activated": "activated", "mlp_output": "output"}


@pytest.fixture(scope="module")
def pixels(tiny_config: ViTConfig) -> Pixels:
    size = tiny_config.image_size
    return np.random.default_rng(2).integers(0, 256, (size, size, 3), dtype=np.uint8)


@pytest.fixture(scope="module", params=[0, TOKEN], ids="token {}".format)
def view(
    request: pytest.FixtureRequest, tiny_model: VisionTransformer, tiny_trace: ForwardTrace, pixels: Pixels
) -> View:
    return walks.forward(tiny_model, tiny_trace, pixels, LABELS, HEAD, request.param)


def walk_of(view: View) -> Walk:
    (walk,) = view.panels
    assert isinstance(walk, Walk)
    return walk


@pytest.fixture
def walk(view: View) -> Walk:
    return walk_of(view)


def block_tensor(block: BlockTrace, field: str) -> Tensor:
    """The tensor of a layer that a slice is named after."""
    if field in ATTENTION:
        return getattr(block.attention, field)
    if field in MLP:
        return getattr(block.mlp, MLP[field])
    names = {"attention_output": block.attention.output, "skip": block.after_attention}
    return names[field] if field in names else getattr(block, field)


def as_array(tensor: Tensor) -> NDArray[np.float32]:
    return np.asarray(tensor.detach().numpy())


# The moments


def test_the_moments_come_in_the_order_of_the_computation(walk: Walk) -> None:
    layers = range(1, walk.num_layers + 1)
    before = [(0, name) for name in ("picture", "patches", "rows", "projection", "class_token", "positions")]
    inside = [(layer, name) for layer in layers for name in LAYER_NAMES]
    after = [(walk.num_layers + 1, name) for name in ("representation", "logits", "softmax", "prediction")]
    assert [(step.layer, step.name) for step in walk.steps] == before + inside + after


def test_every_equation_of_the_paper_has_its_moment_and_in_the_order_in_which_it_is_computed(walk: Walk) -> None:
    """Eq. 2 begins with its LayerNorm and is done with its sum, after Eq. 5 to 8, which are inside it; so Eq. 3."""
    used = [step.equation for step in walk.steps if step.layer in (0, 1, walk.num_layers + 1)]
    assert list(dict.fromkeys(used)) == [
        "patchify",
        "1",
        "2",
        "5",
        "scores",
        "6",
        "7",
        "8",
        "3",
        "mlp",
        "4",
        "head",
        "softmax_logits",
    ]
    done = {step.name: step.equation for step in walk.steps}
    assert (done["positions"], done["attention_sum"], done["mlp_sum"]) == ("1", "2", "3")
    assert {key for key in used if key.isdigit()} == {str(number) for number in EQUATIONS}
    assert set(walk.equations) == set(walk.equation_titles) == set(used)


def test_moments_lead_to_the_stages_in_their_order_and_those_explain_the_equation(walk: Walk) -> None:
    pages = [step.page for step in walk.steps if step.layer in (0, 1, walk.num_layers + 1)]
    order = list(STAGES)
    assert pages == sorted(pages, key=order.index)
    for step in walk.steps:
        stage = STAGES[step.page]
        assert step.page_title == stage.title
        names = {*map(str, stage.equation_numbers), *stage.formula_names}
        # The rows of xp belong to the patches, whose page ends where Eq. 1 begins.
        assert step.equation in names or (step.equation == "1" and step.page == "patches")


def test_what_is_lit_is_in_the_equation(walk: Walk) -> None:
    for step in walk.steps:
        items: Mapping[str, Equation | Formula] = {str(n): each for n, each in EQUATIONS.items()} | FORMULAS
        assert step.lit and set(step.lit) <= set(items[step.equation].symbols), step.name
        written = ElementTree.fromstring(walk.equations[step.equation])
        assert set(step.lit) <= {each.get("data-symbol") for each in written.iter()}, step.name


def test_nothing_is_read_before_it_is_made(walk: Walk) -> None:
    """What one layer makes the next one reads, under another name because its colours have another scale."""
    slices = {each.name: each.values for each in walk.slices}
    learned = {"0.projection", "0.class_token", "0.position_embedding"}
    made: set[str] = set()
    for step in walk.steps:
        for name in step.reads:
            same = {
                other
                for other in made
                if slices[other].shape == slices[name].shape and np.array_equal(slices[other], slices[name])
            }
            cut = name.endswith(".state")  # one row of the last layer's output, with all its columns
            assert name in learned or name in made or same or cut, name
        made |= set(step.makes)
    assert {name for step in walk.steps for name in (*step.reads, *step.makes)} | {
        f"{layer}.input" for layer in range(1, walk.num_layers + 1)
    } == set(slices)


def test_layers_that_are_not_entered_are_told_in_three_moments(walk: Walk, view: View) -> None:
    for step in walk.steps:
        inside = 1 <= step.layer <= walk.num_layers
        assert step.is_detail == (inside and step.name not in QUICK)
    assert walk.layer == 1 and walk.steps[walk.start].layer == 1
    entered = walk_of(walks.entered(view, 3))
    still = entered.steps[entered.start]
    assert (entered.layer, still.layer, still.name) == (3, 3, "weights")
    assert entered.slices is walk.slices


def test_shapes_are_those_of_the_trace(walk: Walk, tiny_config: ViTConfig) -> None:
    declared = {
        "projection": (ForwardTrace, "patch_embeddings"),
        "positions": (ForwardTrace, "hidden_states"),
        "norm": (BlockTrace, "attention_input"),
        "scores": (AttentionTrace, "scores"),
        "weights": (AttentionTrace, "weights"),
        "mix": (AttentionTrace, "head_outputs"),
        "join": (AttentionTrace, "output"),
        "attention_sum": (BlockTrace, "after_attention"),
        "mlp_norm": (BlockTrace, "mlp_input"),
        "expand": (MLPTrace, "hidden"),
        "gelu": (MLPTrace, "activated"),
        "contract": (MLPTrace, "output"),
        "mlp_sum": (BlockTrace, "output"),
        "representation": (ForwardTrace, "representation"),
        "logits": (ForwardTrace, "logits"),
    }
    for step in walk.steps:
        if step.name in declared:
            assert step.shape == shape(*declared[step.name], tiny_config).plain, step.name


# The numbers


def test_slices_are_the_first_columns_of_the_trace_s_own_tensors(
    walk: Walk, tiny_model: VisionTransformer, tiny_trace: ForwardTrace
) -> None:
    seen = set()
    for each in walk.slices:
        layer, field = int(each.name.split(".")[0]), each.name.split(".")[1]
        if not 1 <= layer <= walk.num_layers:
            continue
        tensor = block_tensor(tiny_model.trace_block(tiny_trace, layer), field)
        if field in ("query", "key", "value"):
            tensor = tensor[HEAD - 1]
        elif field in ("scores", "weights"):
            tensor = tensor[:, walk.token].T
        elif field == "head_outputs":
            tensor = tensor[:, walk.token]
        rows, columns = each.values.shape
        assert rows == tensor.shape[0]
        assert np.array_equal(each.values, as_array(tensor)[:, :columns]), each.name
        assert columns == tensor.shape[1] or f"{columns - 1} of {tensor.shape[1]}" in each.note
        seen.add(field)
    assert len(seen) == 16


def test_slices_before_and_after_the_layers(
    walk: Walk, tiny_model: VisionTransformer, tiny_trace: ForwardTrace
) -> None:
    slices = {each.name: each.values for each in walk.slices}
    behind = walk.num_layers + 1
    expected = {
        "0.projection": tiny_model.projection_matrix,
        "0.patch_embeddings": tiny_trace.patch_embeddings,
        "0.class_token": tiny_model.class_token,
        "0.position_embedding": tiny_model.position_embedding,
        "0.output": tiny_trace.hidden_states[0],
        f"{behind}.state": tiny_trace.hidden_states[-1][:1],
        f"{behind}.representation": tiny_trace.representation[None],
        f"{behind}.logits": tiny_trace.logits[None],
        f"{behind}.probabilities": tiny_trace.probabilities[None],
    }
    for name, tensor in expected.items():
        rows, columns = slices[name].shape
        assert np.array_equal(slices[name], as_array(tensor)[:rows, :columns]), name


def test_the_sums_of_the_film_are_sums(walk: Walk) -> None:
    slices = {each.name: each for each in walk.slices}
    joined = np.concatenate([slices["0.class_token"].values, slices["0.patch_embeddings"].values])
    # The same float32 addition as the model's, component by component: no rounding in between.
    assert np.array_equal(joined + slices["0.position_embedding"].values, slices["0.output"].values)
    for layer in range(1, walk.num_layers + 1):
        for terms, result in ((("attention_output", "input"), "after_attention"), (("mlp_output", "skip"), "output")):
            first, second = (slices[f"{layer}.{name}"] for name in terms)
            total = slices[f"{layer}.{result}"]
            assert np.array_equal(first.values + second.values, total.values)
            assert first.scale == second.scale == total.scale  # a pale term is a small one


def test_sentences_say_the_trace_s_numbers(
    walk: Walk, tiny_model: VisionTransformer, tiny_trace: ForwardTrace, tiny_config: ViTConfig
) -> None:
    token = walk.token
    for step in walk.steps:
        if not 1 <= step.layer <= walk.num_layers:
            continue
        block = tiny_model.trace_block(tiny_trace, step.layer)
        weights, scores = block.attention.weights[HEAD - 1, token], block.attention.scores[HEAD - 1, token]
        best = int(weights.argmax())
        expected = {
            "weights": [percent(weights.max()), "itself" if best == token else the_token(best, tiny_config.grid_size)],
            "scores": [number(scores.min()), number(scores.max())],
            "attention_sum": [
                number(each[token].norm()) for each in (block.input, block.attention.output, block.after_attention)
            ],
            "mlp_sum": [number(each[token].norm()) for each in (block.after_attention, block.mlp.output, block.output)],
            "gelu": [number(block.mlp.activated[token].min()), number(block.mlp.hidden[token].max())],
            "mix": [number(block.attention.head_outputs[HEAD - 1, token].norm())],
        }
        for written in expected.get(step.name, []):
            assert written in step.sentence, (step.name, step.sentence)
    last = walk.steps[-1].sentence
    best = int(tiny_trace.probabilities.argmax())
    assert LABELS[best] in last and percent(tiny_trace.probabilities[best]) in last


def test_a_sentence_is_a_sentence(walk: Walk) -> None:
    for step in walk.steps:
        assert step.sentence[0].isupper() or step.sentence[0] in "W", step.sentence
        assert step.sentence.endswith(".") and "nan" not in step.sentence and "tensor" not in step.sentence


def test_a_head_with_a_hidden_layer_has_its_equation(tiny_config: ViTConfig, pixels: Pixels) -> None:
    config = replace(tiny_config, representation_size=5)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = VisionTransformer(config).eval()
        trace = model.trace(torch.randn(3, 12, 12))
    walk = walk_of(walks.forward(model, trace, pixels, LABELS, 1))
    assert [step.equation for step in walk.steps if step.name == "logits"] == ["head_pre_logits"]
    assert walk.equations["head_pre_logits"].count('data-symbol="y_tanh"') == 2  # made, then read


@pytest.mark.parametrize("token", [-1, 10])
def test_a_token_that_does_not_exist_is_refused(
    token: int, tiny_model: VisionTransformer, tiny_trace: ForwardTrace, pixels: Pixels
) -> None:
    with pytest.raises(ValueError, match=re.escape(f"token must be in 0..9, got {token}")):
        walks.forward(tiny_model, tiny_trace, pixels, LABELS, 1, token)


# What is sent


def test_what_is_sent_of_the_embedded_model_is_small_and_true(pixels: Pixels) -> None:
    model, checkpoint = load("embedded")
    generator = torch.Generator().manual_seed(1)
    trace = model.trace(torch.randn(3, model.config.image_size, model.config.image_size, generator=generator))
    big = np.tile(pixels, (6, 6, 1))[: model.config.image_size, : model.config.image_size]
    view = walks.forward(model, trace, np.ascontiguousarray(big), checkpoint.labels, 1)
    data = pack(view)
    assert len(data) < 2_000_000
    sent = unpack(data)
    assert isinstance(sent, View)
    for before, after in zip(walk_of(view).slices, walk_of(sent).slices, strict=True):
        # Quantised in 255 steps between the ends of each row: half a step, and the rounding of float32 around it.
        span = before.values.max(axis=1, keepdims=True) - before.values.min(axis=1, keepdims=True)
        assert (np.abs(before.values - after.values) <= span / 255 * 0.501 + 1e-6).all(), before.name
    assert [asdict(step) for step in walk_of(sent).steps] == [asdict(step) for step in walk_of(view).steps]


@pytest.mark.parametrize(
    ("name", "size"),
    [
        (name, size)
        for name in PRESETS
        for size in (224, 384)
        if name not in ("Mini/8", "Tiny/8") and size % ViTConfig.named(name).patch_size == 0
    ],
)
def test_no_model_sends_more_than_eight_megabytes(name: str, size: int) -> None:
    """Counted from the sizes: a byte per value, eight for the ends of each row, and the words."""
    config = replace(ViTConfig.named(name), image_size=size)
    columns, wide = columns_for(config), config.mlp_size / config.hidden_size
    of_token = (6 + 2 * wide) * columns + 3 * min(HEAD_COLUMNS, config.head_size) + 11 * 8
    is_exact = config.num_tokens * config.num_heads <= QUANTISED_ABOVE
    of_heads = 2 * (4 * config.num_heads if is_exact else config.num_heads + 8)
    words = 1000 * 12
    assert config.num_layers * (config.num_tokens * (of_token + of_heads) + words) < 8_000_000


# The equations


@pytest.mark.parametrize("item", [*EQUATIONS.values(), *FORMULAS.values()], ids=lambda item: item.title)
def test_markup_has_the_letters_and_the_symbols_of_the_equation(item: Equation | Formula) -> None:
    written = ElementTree.fromstring(equation_markup(item.template))
    assert all(each.tag.startswith(f"{{{NAMESPACE}}}") for each in written.iter())
    named = [each for each in written.iter() if each.get("data-symbol")]
    assert tuple(dict.fromkeys(each.get("data-symbol") for each in named)) == item.symbols
    for each in named:
        assert each.get("data-quantity") == SYMBOLS[str(each.get("data-symbol"))].quantity
    words = re.sub(
        r"\\(mathbf|mathbb|mathrm|boldsymbol|operatorname|text|underbrace|frac|sqrt|tilde|left|right|sum|Big)\b",
        " ",
        item.latex.replace(r"\mathbb{R}", ""),
    )  # written as one sign, ℝ
    words = re.sub(r"\\(exp|cos|tanh)\b", r"\1", words)
    letters = sorted(re.sub(r"\\[A-Za-z]+|[^A-Za-z]", "", words))
    assert sorted(re.sub("[^A-Za-z]", "", "".join(written.itertext()))) == letters


@pytest.mark.parametrize("broken", [r"\frac{<z>}", "{<z>", r"<z> \unheard", "<z>}", r"<z>_", r"\sqrt{<z"])
def test_markup_refuses_what_it_cannot_read(broken: str) -> None:
    with pytest.raises(ValueError, match=r"expected|cannot write"):
        equation_markup(broken)


# What lights up together


def test_every_moment_says_what_it_makes_of_what_and_so_does_every_tensor(walk: Walk) -> None:
    keys = {key for stage in STAGES.values() for each in stage.tensors for key in links.of_tensor(each).makes}
    tensors = {each.name: each.tensors for each in walk.slices}
    for step in walk.steps:
        assert step.tensors and {*step.tensors, *step.sources} <= keys, step.name
        assert {key for name in step.makes for key in tensors[name]} <= set(step.tensors)
        assert {key for name in step.reads for key in tensors[name]} <= {*step.sources, *step.tensors}
    assert walk.steps[[step.name for step in walk.steps].index("qkv")].sources == (
        "block.attention_input",
        "layer.attention.qkv.weight",
    )


def test_a_moment_is_tied_to_the_symbols_that_it_lights(walk: Walk) -> None:
    """What is made now is a symbol of the equation, or computed by an operation that is."""
    for step in walk.steps:
        lit = {key for name in step.lit for key in walk.symbols[step.equation][name]}
        if step.name not in ("projection", "expand"):  # which make what has no letter of its own in the equation
            assert lit & set(step.tensors), step.name
        assert set(walk.symbols[step.equation]) >= set(step.lit)


def test_a_key_of_the_walk_is_the_slice_of_that_tensor(tiny_model: VisionTransformer, walk: Walk) -> None:
    """Slices of one tensor have one key, and the proofs make and read what the moments say."""
    by_key: dict[str, set[str]] = {}
    for each in walk.slices:
        by_key.setdefault(each.tensors[0], set()).add(each.name.partition(".")[2])
    assert by_key["block.after_attention"] == {"after_attention", "skip"} and by_key["block.output"] == {"output"}
    assert by_key["trace.hidden_states[0]"] == {"output"} and by_key["block.mlp.output"] == {"mlp_output"}
    for claim in (*PROOFS.values(), *FACTS.values()):
        if claim.per_layer and claim.name not in ("Eq. 2", "Eq. 3", "Eq. 6", "The layer, computed again,"):
            assert any(
                set(claim.makes) == set(step.tensors) and set(claim.reads) <= set(step.sources) for step in walk.steps
            ), claim.name


def test_every_moment_that_computes_has_its_line_of_the_program(walk: Walk) -> None:
    assert {step.name for step in walk.steps} - set(walk.code) == {"picture", "prediction"}
    for name, line in walk.code.items():
        words = "".join(piece for piece, _ in line.pieces)
        source = (ROOT / line.path).read_text(encoding="utf-8").splitlines()[line.number - 1]
        assert source.strip().startswith(words) and "#" not in words, name
    equations = {step.name: step.equation for step in walk.steps if step.equation.isdigit()}
    for name in ("positions", "norm", "qkv", "weights", "mix", "join", "attention_sum", "mlp_sum", "representation"):
        line = walk.code[name]
        source = (ROOT / line.path).read_text(encoding="utf-8").splitlines()[line.number - 1]
        assert source.endswith(f"# Eq. {equations[name]}")
    assert ("weights", "A") in walk.code["weights"].pieces


def test_every_moment_has_its_scene_in_the_browser(walk: Walk) -> None:
    scripts = (ROOT / "explainer" / "components").rglob("*.js")
    code = "\n".join(path.read_text(encoding="utf-8") for path in scripts)
    names = {step.name for step in walk.steps}
    assert {name for name in names if not re.search(rf"^\s*{name}\s*[:(]", code, re.MULTILINE)} == set()


# The still, and the page


def test_the_still_draws_what_the_moment_reads_and_makes(view: View) -> None:
    walk = walk_of(view)
    for name, pictures in (("weights", 1 + walk.num_heads + 2), ("attention_sum", 1 + 3), ("picture", 1)):
        start = next(i for i, step in enumerate(walk.steps) if step.name == name)
        (axes,) = figure(replace(view, rows=((replace(walk, start=start),),))).axes
        assert len(axes.images) == pictures, name
        assert any(walk.steps[start].title in drawn.get_text() for drawn in axes.texts)


def test_the_page_shows_the_film_of_the_chosen_token() -> None:
    at = app("walk")
    assert at.title[0].value == HANDS_ON["walk"].title
    assert words_of(text("walk").summary) in markup(at) and not at.warning
    sent = steps_of(at)["walk"]
    assert sent["choice"]["token"] is None
    assert sent["sizes"]["middle"] == steps_of(at)["sidebar"]["sizes"]["middle"] == 0  # for the browser, too
    assert shown(State()).token == 0  # who has chosen none follows the class token
    chosen = shown(State(token=12, head=2, layer=4))
    assert (chosen.token, chosen.head, chosen.layer) == (12, 2, 1)  # the browser enters a layer itself
    assert "head 2 of 4 the patch in row 2, column 4" in " ".join(step.sentence for step in chosen.steps)
    assert walk_of(exact_view(STEPS["walk"][0], open_session(State(layer=4))[0])).layer == 4  # in a saved page


def shown(choice: State) -> Walk:
    """The film that a browser fetches."""
    moment, _ = moment_of("walk", open_session(choice)[0], {})
    sent = unpack(packet("walk", "film", "view", moment).data, tensor_route.load)
    assert isinstance(sent, View)
    return walk_of(sent)
