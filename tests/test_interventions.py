"""Every change of a forward pass equals a plain computation that shares no code with it, and changes nothing else."""

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError
from torch import Tensor
from torch.testing import assert_close

from explainer.notation.symbols import SYMBOLS
from tests.conftest import randomised
from tests.plain_vit import plain_pass
from tests.test_trace import inventory, same_bits
from vit_core import ForwardTrace, Interventions, VisionTransformer, ViTConfig
from vit_core.interventions import (
    KINDS,
    MAX_TEXT,
    BlurPatches,
    ChangePositions,
    MaskPatches,
    RemoveResidual,
    ReplaceHead,
    ShufflePatches,
    Skip,
    SwapPatches,
    Temperature,
)
from vit_core.interventions.changes import MAX_NUMBER, MAX_SEED, Change
from vit_core.positions import ResizeMethod

LAYERS, HEADS, PATCHES = 3, 4, 9  # of the tiny model
EACH_KIND = (
    "mask=5",
    "mask=1-3,7",
    "mask=1-9",
    "blur=5",
    "blur=1,4-9",
    "swap=1:9",
    "swap=2:3,3:4",
    "shuffle=0",
    "shuffle=7",
    "positions=zero",
    "positions=shuffled.3",
    "positions=sinusoidal",
    *(f"positions=resized.{grid}.{method}" for grid in (1, 2, 3, 4) for method in get_args(ResizeMethod)),
    "temperature=2",
    "temperature=0.25",
    "temperature=unscaled",
    "temperature=2:3.5",
    "temperature=2:unscaled",
    "temperature=2,1:0.5,3:unscaled",
    "heads=1.1:zero",
    "heads=2.4:mean",
    "heads=3.2:zero",
    "heads=1.2:mean,1.3:zero,3.4:mean",
    "skip=attention.1",
    "skip=mlp.3",
    "skip=attention.2,mlp.2",
    "residual=attention.1",
    "residual=mlp.2",
    "residual=attention.3,mlp.1",
)
TOGETHER = (
    "mask=2-3;swap=3:8",
    "swap=3:8;mask=2-3",
    "shuffle=4;blur=5-6;mask=1",
    "mask=1;blur=1-5;shuffle=2;swap=4:5",
    "skip=attention.2;residual=attention.2",  # nothing is left of the sum
    "positions=zero;shuffle=1",
    "heads=2.1:zero;temperature=2:unscaled;skip=mlp.1;positions=sinusoidal;residual=mlp.3;mask=4",
)
VARIANTS: list[dict[str, Any]] = [
    {"gelu": "tanh", "norm_eps": 1e-3},
    {"representation_size": 11, "num_channels": 1},
    {"image_size": 20, "num_heads": 2, "num_layers": 2, "mlp_size": 17},
]


def check_against_plain(model: VisionTransformer, image: Tensor, text: str) -> ForwardTrace:
    """The whole trace is the plain computation's; returns it."""
    config = model.config
    trace = model.trace(image, Interventions.parse(text))
    plain = plain_pass(
        dict(model.state_dict()),
        image,
        config.num_heads,
        config.patch_size,
        text,
        eps=config.norm_eps,
        approximate=config.gelu,
    )
    # 32 bits against 64, numbers up to 10, sums of up to 40 terms in up to three layers
    tolerance = {"atol": 5e-5, "rtol": 1e-5}
    assert_close(trace.image.double(), plain.image, **tolerance)
    for ours, theirs in zip(trace.hidden_states, plain.states, strict=True):
        assert_close(ours.double(), theirs, **tolerance)
    for ours, heads in zip(trace.attention_weights, plain.weights, strict=True):
        assert_close(ours.double(), torch.stack(heads), **tolerance)
    assert_close(trace.representation.double(), plain.y, **tolerance)
    assert_close(trace.logits.double(), plain.logits, **tolerance)
    return trace


# Every kind against plain PyTorch


def test_the_plain_computation_is_the_model(tiny_model: VisionTransformer, tiny_image: Tensor) -> None:
    check_against_plain(tiny_model, tiny_image, "")


@pytest.mark.parametrize("text", EACH_KIND)
def test_a_change_is_what_it_says(text: str, tiny_model: VisionTransformer, tiny_image: Tensor) -> None:
    trace = check_against_plain(tiny_model, tiny_image, text)
    is_nothing = text.startswith("positions=resized.3.")  # to the grid that it has
    assert torch.equal(trace.logits, tiny_model.trace(tiny_image).logits) == is_nothing
    assert str(trace.interventions) == text


@pytest.mark.parametrize("text", TOGETHER)
def test_changes_act_together(text: str, tiny_model: VisionTransformer, tiny_image: Tensor) -> None:
    check_against_plain(tiny_model, tiny_image, text)


@pytest.mark.parametrize("overrides", VARIANTS)
@pytest.mark.parametrize("text", ["blur=1,3", "temperature=unscaled;heads=1.2:mean", "skip=mlp.2;positions=sinusoidal"])
def test_in_models_of_other_sizes(overrides: dict[str, Any], text: str, tiny_config: ViTConfig) -> None:
    config = replace(tiny_config, **overrides)
    image = torch.randn(
        config.num_channels, config.image_size, config.image_size, generator=torch.Generator().manual_seed(2)
    )
    check_against_plain(randomised(VisionTransformer(config)), image, text)


def test_every_kind_is_tried() -> None:
    assert {text.partition("=")[0] for text in EACH_KIND} == set(KINDS)


PATCH = st.integers(1, PATCHES)
LAYER = st.integers(1, LAYERS)
SEED = st.integers(0, MAX_SEED)
METHOD = st.sampled_from(get_args(ResizeMethod))
PART = st.sampled_from(["attention", "mlp"])
# Kinds and what they are made with: hypothesis must not make them itself, for checking their types draws lots.
RECIPES: st.SearchStrategy[tuple[Any, ...]] = st.one_of(
    st.tuples(st.sampled_from([MaskPatches, BlurPatches]), st.lists(PATCH, min_size=1).map(tuple)),
    st.lists(PATCH, min_size=2, max_size=2, unique=True).map(lambda pair: (SwapPatches, *pair)),
    st.tuples(st.just(ShufflePatches), SEED),
    st.tuples(st.just(ChangePositions), st.sampled_from(["zero", "sinusoidal"])),
    st.tuples(st.just(ChangePositions), st.just("shuffled"), SEED),
    st.tuples(st.just(ChangePositions), st.just("resized"), st.none(), st.integers(1, 6), METHOD),
    st.tuples(st.just(Temperature), st.one_of(st.just("unscaled"), st.floats(0.25, 8)), st.one_of(st.none(), LAYER)),
    st.tuples(st.just(ReplaceHead), LAYER, st.integers(1, HEADS), st.sampled_from(["zero", "mean"])),
    st.tuples(st.sampled_from([Skip, RemoveResidual]), PART, LAYER),
)


def made(recipes: list[tuple[Any, ...]]) -> Interventions:
    changes = Interventions()
    for kind, *arguments in recipes:
        changes = changes.with_(kind(*arguments))
    return changes


@settings(max_examples=50, deadline=None)
@given(recipes=st.lists(RECIPES.filter(lambda recipe: "unscaled" not in recipe), max_size=8))
def test_any_changes_together_are_what_they_say(
    tiny_model: VisionTransformer, tiny_image: Tensor, recipes: list[tuple[Any, ...]]
) -> None:
    """But unscaled scores, whose rows are one-hot after a few other changes: the least difference decides there."""
    check_against_plain(tiny_model, tiny_image, str(made(recipes)))


# What must be true of some of them


def test_without_positions_the_class_token_does_not_see_the_order(
    tiny_model: VisionTransformer, tiny_image: Tensor
) -> None:
    """And the patches' rows change places like the patches, in every layer; with positions both are false."""
    order = torch.cat([torch.zeros(1, dtype=torch.long), 1 + torch.randperm(9, generator=_generator(5))])
    for positions, same in (("positions=zero;", True), ("", False)):
        plain = tiny_model.trace(tiny_image, Interventions.parse(positions.rstrip(";")))
        moved = tiny_model.trace(tiny_image, Interventions.parse(f"{positions}shuffle=5"))
        # sums of ten numbers below 10 in another order
        assert torch.allclose(moved.representation, plain.representation, atol=1e-5) == same
        for before, after in zip(plain.hidden_states, moved.hidden_states, strict=True):
            assert torch.allclose(after, before[order], atol=2e-5) == same


@pytest.mark.parametrize(("layer", "head"), [(1, 1), (2, 3), (3, 4)])
def test_a_removed_head_is_a_model_without_its_part_of_u_msa(
    layer: int, head: int, tiny_model: VisionTransformer, tiny_image: Tensor
) -> None:
    model, size = copy.deepcopy(tiny_model), tiny_model.config.head_size
    with torch.no_grad():
        model.block(layer).attention.projection.weight[:, (head - 1) * size : head * size] = 0
    removed = tiny_model.trace(tiny_image, Interventions((ReplaceHead(layer, head),)))
    # the same sums, with zeros in other places
    assert_close(removed.logits, model.trace(tiny_image).logits, atol=1e-6, rtol=0)


def test_what_is_skipped_leaves_the_tokens_as_they_are(tiny_model: VisionTransformer, tiny_image: Tensor) -> None:
    trace = tiny_model.trace(tiny_image, Interventions.parse("skip=attention.2,mlp.2,mlp.3"))
    block, last = tiny_model.trace_block(trace, 2), tiny_model.trace_block(trace, 3)
    assert torch.equal(trace.hidden_states[2], trace.hidden_states[1])
    assert torch.equal(block.after_attention, block.input) and not block.attention.output.any()
    assert torch.equal(last.output, last.after_attention) and not last.mlp.output.any()
    assert block.attention.head_outputs.any() and last.mlp.activated.any()  # computed, and left out


def test_without_the_residual_only_the_update_is_left(tiny_model: VisionTransformer, tiny_image: Tensor) -> None:
    trace = tiny_model.trace(tiny_image, Interventions.parse("residual=attention.1,mlp.3"))
    assert torch.equal((first := tiny_model.trace_block(trace, 1)).after_attention, first.attention.output)
    assert torch.equal((last := tiny_model.trace_block(trace, 3)).output, last.mlp.output)
    assert not torch.equal(first.output, first.mlp.output)


def test_swapped_twice_is_not_swapped(tiny_model: VisionTransformer, tiny_image: Tensor) -> None:
    swap = SwapPatches(2, 7)
    once = swap.change_image(tiny_image, tiny_model.config)
    assert not torch.equal(once, tiny_image)
    assert torch.equal(swap.change_image(once, tiny_model.config), tiny_image)


# The model and the plain trace stay as they are


@pytest.mark.parametrize("overrides", [{}, *VARIANTS])
def test_a_change_that_changes_nothing_gives_the_same_bits(tiny_config: ViTConfig, overrides: dict[str, Any]) -> None:
    """So the pass with changes is the model's own, equation by equation: a temperature of 1 divides by 1."""
    config = replace(tiny_config, **overrides)
    model = randomised(VisionTransformer(config))
    image = torch.randn(config.num_channels, config.image_size, config.image_size, generator=_generator(3))
    plain, same = model.trace(image), model.trace(image, Interventions((Temperature(1.0),)))
    assert same_bits(plain, same)
    for layer in range(1, config.num_layers + 1):
        assert same_bits(model.trace_block(plain, layer), model.trace_block(same, layer))


def test_no_changes_are_the_plain_pass(tiny_model: VisionTransformer, tiny_image: Tensor) -> None:
    plain = tiny_model.trace(tiny_image)
    assert plain.interventions is None and not Interventions()
    assert same_bits(plain, tiny_model.trace(tiny_image, Interventions()))
    assert same_bits(plain, tiny_model.trace(tiny_image, Interventions.parse("")))


@pytest.mark.parametrize("text", [*EACH_KIND, *TOGETHER])
def test_a_layer_computed_again_gives_the_same_bits(
    text: str, tiny_model: VisionTransformer, tiny_image: Tensor
) -> None:
    trace = tiny_model.trace(tiny_image, Interventions.parse(text))
    for layer in (1, 2, 3):
        block = tiny_model.trace_block(trace, layer)
        assert torch.equal(block.input, trace.hidden_states[layer - 1])
        assert torch.equal(block.output, trace.hidden_states[layer])
        assert torch.equal(block.attention.weights, trace.attention(layer))


def test_nothing_is_left_on_the_model_and_the_picture(tiny_config: ViTConfig, tiny_image: Tensor) -> None:
    model = randomised(VisionTransformer(tiny_config))
    before, numbers = inventory(model), {name: value.clone() for name, value in model.state_dict().items()}
    plain, pixels = model.trace(tiny_image), tiny_image.clone()
    for text in (*EACH_KIND, *TOGETHER):
        trace = model.trace(tiny_image, Interventions.parse(text))
        model.trace_block(trace, 1)
        assert not any(tensor.requires_grad for tensor in (*trace.hidden_states, trace.logits, trace.image))
    assert inventory(model) == before
    assert all(torch.equal(value, numbers[name]) for name, value in model.state_dict().items())
    assert torch.equal(tiny_image, pixels)
    assert same_bits(plain, model.trace(tiny_image))


def test_many_threads_change_one_model_each_in_its_way(tiny_config: ViTConfig, tiny_image: Tensor) -> None:
    model = randomised(VisionTransformer(tiny_config))
    texts = ["", "blur=5", "positions=zero", "temperature=2:3.5", "heads=2.4:mean", *TOGETHER]

    def run(text: str) -> tuple[object, object]:
        trace = model.trace(tiny_image, Interventions.parse(text))
        return trace, model.trace_block(trace, 2)

    alone = {text: run(text) for text in texts}
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(run, texts * 4))
    for text, result in zip(texts * 4, together, strict=True):
        assert same_bits(result, alone[text])


def test_the_checks_of_a_plain_trace_hold(
    tiny_config: ViTConfig, tiny_model: VisionTransformer, tiny_image: Tensor
) -> None:
    skip = Interventions((Skip("mlp", 1),))
    with pytest.raises(ValueError, match=r"expected one image of shape \[3, 12, 12\], got \[3, 8, 8\]"):
        tiny_model.trace(torch.zeros(3, 8, 8), skip)
    training = VisionTransformer(replace(tiny_config, dropout=0.1)).train()
    with pytest.raises(ValueError, match=r"call eval\(\) on the model first"):
        training.trace(tiny_image, skip)
    with pytest.raises(ValueError, match=r"layer must be in 1..3, got 4"):
        tiny_model.trace_block(tiny_model.trace(tiny_image, skip), 4)


# As text


@settings(deadline=None)
@given(recipes=st.lists(RECIPES, max_size=8))
def test_what_is_written_is_read_again(recipes: list[tuple[Any, ...]]) -> None:
    changes = made(recipes)
    again = Interventions.parse(str(changes))
    assert again == changes and hash(again) == hash(changes) and str(again) == str(changes)


@pytest.mark.parametrize("text", [*EACH_KIND, *TOGETHER])
def test_the_text_is_canonical(text: str) -> None:
    assert str(Interventions.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("mask=5,3,4,4", "mask=3-5"),
        ("swap=9:2", "swap=2:9"),
        ("temperature=2.0", "temperature=2"),
        ("heads=3.1:zero;heads=3.2:mean", "heads=3.1:zero,3.2:mean"),
        ("heads=03.1:zero", "heads=3.1:zero"),
    ],
)
def test_other_spellings_mean_the_same(text: str, canonical: str) -> None:
    assert str(Interventions.parse(text)) == canonical


PIECES = st.sampled_from(
    [
        *KINDS,
        "=",
        ";",
        ",",
        ".",
        ":",
        "-",
        "0",
        "1",
        "3",
        "999999",
        "zero",
        "mean",
        "unscaled",
        "resized",
        "bicubic",
        "attention",
        "nan",
        "1e9",
        "٣",
        "\n",
        "\x00",
        " ",
        "<b>",
        "mask=1",
    ]
)


@settings(max_examples=300, deadline=None)
@given(text=st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=12).map("".join)))
def test_any_text_is_changes_or_one_clear_sentence(text: str) -> None:
    try:
        changes = Interventions.parse(text)
    except ValueError as error:
        message = str(error)
        assert 20 < len(message) < 400 and message.isprintable()
    else:
        assert Interventions.parse(str(changes)) == changes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mask", "expected a change such as skip=attention.4, with one of mask, blur, .*, residual, got 'mask'"),
        ("skip=mlp.1;", "got ''"),
        ("hats=1", "got 'hats=1'"),
        ("mask=", "mask: expected 12 or 12-15, got ''"),
        ("mask=1,,2", "mask: expected 12 or 12-15, got ''"),
        ("mask=0", "patch must be in 1..16384, got 0"),
        ("mask=1-999999", "patch must be in 1..16384, got 999999"),
        ("blur=5-2", "blur: the patches 5-2 run backwards, write 2-5"),
        ("mask=1\n", r"mask: expected 12 or 12-15, got '1\\n'"),
        ("mask=" + "9" * 5000, "mask: expected 12 or 12-15, got '9{40}...'"),
        ("mask=" + ",".join(["1-16384"] * 900), "mask: the runs name more than 16384 patches, name each patch once"),
        ("swap=3", "swap: expected 3:17, got '3'"),
        ("swap=3:3", "patch 3 cannot be swapped with itself: name two patches"),
        ("shuffle=-1", "shuffle: expected a seed such as 7, got '-1'"),
        ("positions=none", "positions: expected zero, sinusoidal, shuffled.SEED or resized.GRID.METHOD .*, got 'none'"),
        ("positions=resized.65.bicubic", "grid must be in 1..64, got 65"),
        ("positions=resized.4.nearest", "got 'resized.4.nearest'"),
        ("positions=zero,sinusoidal", "'E_pos set to zero' and 'E_pos replaced by sines and cosines'; keep one"),
        ("temperature=0", "a temperature must be in 0.001..1000, got 0"),
        ("temperature=1001", "a temperature must be in 0.001..1000, got 1001"),
        ("temperature=inf", "temperature: expected 2 or unscaled for all layers, .*, got 'inf'"),
        ("heads=3:zero", "heads: expected 3.1:zero or 3.1:mean for head 1 of layer 3, got '3:zero'"),
        ("heads=3.1:zero,3.1:mean", "heads sets one thing twice: 'Head 1 of layer 3 set to zero' and"),
        ("skip=norm.1", "skip: expected attention.4 or mlp.4, got 'norm.1'"),
        ("residual=mlp.0", "layer must be in 1..16384, got 0"),
        ("mask=1;mask=2", "mask sets one thing twice: 'Patch 1 masked' and 'Patch 2 masked'; keep one of them"),
        (";" * (MAX_TEXT + 1), f"expected at most {MAX_TEXT} characters of changes, got {MAX_TEXT + 1}"),
    ],
)
def test_a_wrong_text_is_told_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Interventions.parse(text)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MaskPatches(()), "mask needs at least one patch, for example mask=12-15"),
        (lambda: BlurPatches((1, MAX_NUMBER + 1)), "patch must be in 1..16384, got 16385"),
        (lambda: ChangePositions("shuffled"), "positions need a seed if they are shuffled, and only then"),
        (lambda: ChangePositions("zero", seed=1), "positions need a seed if they are shuffled, and only then"),
        (lambda: ChangePositions("resized", grid_size=2), "a grid and a method if they are resized, and only then"),
        (lambda: ChangePositions("zero", method="bicubic"), "a grid and a method if they are resized, and only then"),
        (lambda: Temperature(float("nan")), "a temperature must be in 0.001..1000, got nan"),
    ],
)
def test_a_change_is_checked_when_it_is_made(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: ChangePositions("none"),  # type: ignore[arg-type]
        lambda: ChangePositions("resized", grid_size=2, method="nearest"),  # type: ignore[arg-type]
        lambda: Temperature("none"),  # type: ignore[arg-type]
        lambda: ReplaceHead(1, 1, "one"),  # type: ignore[arg-type]
        lambda: Skip("norm", 1),  # type: ignore[arg-type]
    ],
)
def test_words_that_do_not_exist_are_refused(make: Callable[[], Change]) -> None:
    with pytest.raises((ValueError, TypeCheckError), match=r"none|nearest|one|norm"):  # the annotation may refuse first
        make()


def test_what_would_be_too_long_for_a_link_is_refused() -> None:
    everything = tuple(ReplaceHead(layer, head) for layer in range(1, 25) for head in range(1, 17))
    assert len(str(Interventions(everything))) < MAX_TEXT  # all heads of L/16
    with pytest.raises(ValueError, match="more than 8000 characters to write: remove some"):
        Interventions(tuple(ReplaceHead(layer, head) for layer in range(1, 61) for head in range(1, 17)))


def test_numbers_of_any_length_are_written_exactly() -> None:
    for value in (1 / 3, 0.001, 1000.0, 2.0, 1e-3 + 1e-18):
        changes = Interventions((Temperature(value),))
        assert Interventions.parse(str(changes)) == changes


# Adding, taking away, fitting


def test_changes_are_added_replaced_and_taken_away() -> None:
    changes = Interventions().with_(Skip("mlp", 1)).with_(ReplaceHead(2, 1)).with_(ReplaceHead(2, 2, "mean"))
    assert str(changes) == "skip=mlp.1;heads=2.1:zero,2.2:mean" and len(changes) == 3
    assert str(changes.with_(ReplaceHead(2, 1, "mean"))) == "skip=mlp.1;heads=2.2:mean,2.1:mean"
    assert str(changes.without(Skip("mlp", 1))) == "heads=2.1:zero,2.2:mean"
    assert changes.without(Skip("mlp", 2)) == changes
    assert changes.with_(MaskPatches((1,))).with_(MaskPatches((2,))).changes[-1] == MaskPatches((2,))
    assert {changes: 1}[Interventions.parse(str(changes))] == 1
    assert tuple(changes) == changes.changes


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("mask=3,10", "Patches 3 and 10 masked does not fit this model: patch must be in 1..9, got 10."),
        ("blur=9-10", "Patches 9 to 10 blurred does not fit this model: patch must be in 1..9, got 10."),
        ("swap=3:10", "Patches 3 and 10 swapped does not fit this model: patch must be in 1..9, got 10."),
        ("temperature=4:2", "Softmax temperature 2 in layer 4 does not fit this model: layer must be in 1..3, got 4."),
        ("heads=4.1:zero", "Head 1 of layer 4 set to zero does not fit this model: layer must be in 1..3, got 4."),
        ("heads=3.5:mean", "Head 5 of layer 3 .* does not fit this model: head must be in 1..4, got 5."),
        ("skip=mlp.4", "MLP of layer 4 skipped does not fit this model: layer must be in 1..3, got 4."),
        ("residual=mlp.4", "Residual around the MLP of layer 4 removed does not fit"),
    ],
)
def test_what_a_model_does_not_have_is_named(
    text: str, problem: str, tiny_model: VisionTransformer, tiny_image: Tensor
) -> None:
    changes = Interventions.parse(f"{text};positions=zero")
    with pytest.raises(ValueError, match=problem):
        changes.check(tiny_model.config)
    with pytest.raises(ValueError, match=problem):
        tiny_model.trace(tiny_image, changes)
    fitted, problems = changes.fitted(tiny_model.config)
    assert str(fitted) == "positions=zero" and len(problems) == 1
    assert fitted.fitted(tiny_model.config) == (fitted, [])


def test_sines_and_cosines_need_a_hidden_size_of_four(tiny_config: ViTConfig) -> None:
    config = replace(tiny_config, hidden_size=22, num_heads=2)
    with pytest.raises(ValueError, match="need D to be a multiple of 4, this model has 22"):
        Interventions.parse("positions=sinusoidal").check(config)


def test_every_change_says_what_it_does_in_words() -> None:
    text = (
        "mask=1,3-5;blur=2;swap=3:7;shuffle=4;positions=resized.2.bicubic;temperature=2,3:unscaled;heads=3.1:zero,3.2:mean"
        ";skip=attention.1,mlp.2;residual=mlp.1"
    )
    assert [change.title for change in Interventions.parse(text)] == [
        "Patches 1 and 3 to 5 masked",
        "Patch 2 blurred",
        "Patches 3 and 7 swapped",
        "Patches shuffled (seed 4)",
        "E_pos resized to 2x2 and back (bicubic)",
        "Softmax temperature 2 in all layers",
        "Scores not divided by the root of D_h in layer 3",
        "Head 1 of layer 3 set to zero",
        "Head 2 of layer 3 replaced by its mean over the tokens",
        "Attention of layer 1 skipped",
        "MLP of layer 2 skipped",
        "Residual around the MLP of layer 1 removed",
    ]
    assert MaskPatches((1, 3, 5, 7, 9)).title == "5 patches masked"
    assert MaskPatches((1, 3, 5)).title == "Patches 1, 3 and 5 masked"
    assert ChangePositions("zero").title == "E_pos set to zero"
    assert ChangePositions("shuffled", 3).title == "Rows of E_pos shuffled (seed 3)"


def test_every_change_names_a_quantity_of_the_registry() -> None:
    for text in EACH_KIND:
        assert all(change.quantity in SYMBOLS for change in Interventions.parse(text))


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
