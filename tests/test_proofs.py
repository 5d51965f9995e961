"""The proofs: they hold for what the model computes, and turn red for what it does not."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explainer.proofs import FACTS, PROOFS, Case, Claim, claims, prove, rounding, settle
from tests.conftest import randomised
from vit_core import (
    AttentionTrace,
    BlockTrace,
    ForwardTrace,
    MLPTrace,
    VisionTransformer,
    ViTConfig,
)

CLAIMS: dict[int | str, Claim] = {**PROOFS, **FACTS}
LAYER = 2  # of the fixture tiny_block


def red(case: Case, claims: Mapping[Any, Claim] = CLAIMS) -> set[int | str]:
    return {key for key, claim in claims.items() if not settle(claim, case).holds}


@pytest.fixture
def case(tiny_model: VisionTransformer, tiny_trace: ForwardTrace, tiny_block: BlockTrace) -> Case:
    return Case(tiny_model, tiny_trace, tiny_block, LAYER)


# They hold


@pytest.mark.parametrize("key", CLAIMS, ids=str)
def test_every_proof_holds_for_the_models_own_numbers(key: int | str, case: Case) -> None:
    proof = settle(CLAIMS[key], case)
    assert proof.holds, proof.statement
    assert proof.count == sum(case.tensor(path).numel() for path in CLAIMS[key].makes)
    assert 0 <= proof.tolerance < 1e-3  # sharp enough for the disturbances below


@pytest.mark.parametrize("overrides", [{"gelu": "tanh"}, {"representation_size": 11}, {"num_channels": 1}])
@pytest.mark.parametrize("layer", [1, 2, 3])
def test_they_hold_for_other_models_and_every_layer(
    tiny_config: ViTConfig, overrides: dict[str, Any], layer: int
) -> None:
    config = replace(tiny_config, **overrides)
    model = randomised(VisionTransformer(config), seed=layer)
    image = torch.randn(config.num_channels, 12, 12, generator=torch.Generator().manual_seed(layer))
    trace = model.trace(image)
    assert red(Case(model, trace, model.trace_block(trace, layer), layer)) == set()


def test_they_hold_at_the_size_of_b16_and_stay_sharp() -> None:
    config = ViTConfig.named("B/16", num_layers=1, num_classes=10)
    model = randomised(VisionTransformer(config))
    trace = model.trace(torch.randn(3, 224, 224, generator=torch.Generator().manual_seed(0)))
    case = Case(model, trace, model.trace_block(trace, 1), 1)
    assert red(case) == set()
    assert max(settle(claim, case).tolerance for claim in CLAIMS.values()) < 1e-2


def test_prove_finds_the_block_itself(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    assert prove(6, tiny_model, tiny_trace, layer=3).holds
    assert prove("head", tiny_model, tiny_trace).holds
    assert prove(4, tiny_model, tiny_trace).statement.startswith("Eq. 4 holds for these 24 numbers")
    with pytest.raises(ValueError, match=r"Eq. 6 is about one layer: give the layer, 1..3"):
        prove(6, tiny_model, tiny_trace)
    with pytest.raises(KeyError):
        prove(9, tiny_model, tiny_trace)


def test_they_use_none_of_the_models_code(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a proof called a module")

    for name, compute in tuple(claims.DERIVED.items()):  # what is proved may come from the model, the proof may not
        monkeypatch.setitem(claims.DERIVED, name, {case: compute(case)}.__getitem__)
    monkeypatch.setattr(nn.Module, "__call__", refuse)
    monkeypatch.setattr(VisionTransformer, "projection_matrix", property(refuse))
    assert red(case) == set()


# They can fail: one tensor disturbed by 1e-2, and nothing else changed


def with_tensor(case: Case, path: str, tensor: Tensor) -> Case:
    """The case with another tensor at ``path``."""
    root, *names = path.split(".")
    if root == "trace":
        name, _, index = names[0].partition("[")
        if not index:
            return replace(case, trace=replace(case.trace, **{name: tensor}))
        place = {"0]": 0, "-1]": -1, "layer]": LAYER, "layer-1]": LAYER - 1}[index]
        several = list(getattr(case.trace, name))
        several[place] = tensor
        return replace(case, trace=replace(case.trace, **{name: tuple(several)}))
    if len(names) == 1:
        return replace(case, block=replace(case.block, **{names[0]: tensor}))
    inner = replace(getattr(case.block, names[0]), **{names[1]: tensor})
    return replace(case, block=replace(case.block, **{names[0]: inner}))


def disturbed(tensor: Tensor) -> Tensor:
    """One number larger by 1e-2: the first, which is the class token's where there are tokens."""
    changed = tensor.clone()
    changed[(0,) * changed.ndim] += 1e-2
    return changed


PATHS = sorted({path for claim in CLAIMS.values() for path in claim.makes + claim.reads} - {"trace.probabilities"})
DERIVED_PATHS = [path for path in PATHS if path.startswith("derived.")]  # no tensors of the trace: computed from it
PATHS = [path for path in PATHS if path not in DERIVED_PATHS]


@pytest.mark.parametrize("path", PATHS)
def test_a_disturbed_tensor_turns_red_what_makes_it_and_what_reads_it(path: str, case: Case) -> None:
    wrong = with_tensor(case, path, disturbed(case.tensor(path)))
    expected = {key for key, claim in CLAIMS.items() if path in claim.makes + claim.reads}
    assert red(wrong) == expected - {"probabilities"}  # a trace computes them from the logits that it holds


@pytest.mark.parametrize("path", DERIVED_PATHS)
def test_what_is_derived_turns_red_when_it_is_computed_otherwise(
    path: str, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = path.removeprefix("derived.")
    compute = claims.DERIVED[name]
    monkeypatch.setitem(claims.DERIVED, name, lambda case: disturbed(compute(case)))
    assert red(case) == {key for key, claim in CLAIMS.items() if path in claim.makes}


# They can fail, each alone: one tensor disturbed by 1e-2, and everything after it computed from that


def encoded_from(case: Case, z: Tensor) -> Case:
    """Eq. 1's result disturbed: the encoder and the head run on it."""
    model, states, weights = case.model, [z], []
    for layer in range(1, model.config.num_layers + 1):
        block = model.block(layer).trace(states[-1])
        states.append(block.output)
        weights.append(block.attention.weights)
    y = model.represent(states[-1])
    made = {"hidden_states": tuple(states), "attention_weights": tuple(weights), "representation": y}
    trace = replace(case.trace, **made, logits=model.head(y))
    return replace(case, trace=trace, block=model.block(LAYER).trace(states[LAYER - 1]))


def finished_from(case: Case, after_attention: Tensor) -> Case:
    """Eq. 2's result disturbed: the MLP runs on it."""
    block = case.model.block(LAYER)
    mlp_input = block.mlp_norm(after_attention)
    mlp = block.mlp.trace(mlp_input)
    return replace(
        case,
        block=replace(
            case.block,
            after_attention=after_attention,
            mlp_input=mlp_input,
            mlp=mlp,
            output=mlp.output + after_attention,
        ),
    )


def joined_from(case: Case, **changed: Tensor) -> Case:
    """Eq. 5, 6 or 7's result disturbed: the rest of attention runs on it."""
    attention = replace(case.block.attention, **changed)
    module = case.model.block(LAYER).attention
    if "query" in changed:
        scores = attention.query @ attention.key.transpose(-2, -1) / module.head_size**0.5
        attention = replace(attention, scores=scores, weights=scores.softmax(-1))
    if "head_outputs" not in changed:
        attention = replace(attention, head_outputs=attention.weights @ attention.value)
    joined = attention.head_outputs.transpose(0, 1).flatten(1)
    return replace(case, block=replace(case.block, attention=replace(attention, output=module.projection(joined))))


CONSISTENT: dict[int, tuple[str, Callable[[Case, Tensor], Case]]] = {
    1: ("trace.hidden_states[0]", encoded_from),
    2: ("block.after_attention", finished_from),
    3: ("block.output", lambda case, z: with_tensor(case, "block.output", z)),
    4: (
        "trace.representation",
        lambda case, y: with_tensor(with_tensor(case, "trace.representation", y), "trace.logits", case.model.head(y)),
    ),
    5: ("block.attention.query", lambda case, q: joined_from(case, query=q)),
    6: ("block.attention.weights", lambda case, weights: joined_from(case, weights=weights)),
    7: ("block.attention.head_outputs", lambda case, outputs: joined_from(case, head_outputs=outputs)),
    8: ("block.attention.output", lambda case, output: with_tensor(case, "block.attention.output", output)),
}


@pytest.mark.parametrize("number", CONSISTENT)
@torch.no_grad()
def test_a_wrong_result_turns_exactly_its_own_equation_red(number: int, case: Case) -> None:
    path, carry_on = CONSISTENT[number]
    wrong = carry_on(case, disturbed(case.tensor(path)))
    assert red(wrong, PROOFS) == {number}


@pytest.mark.parametrize("number", CONSISTENT)
@torch.no_grad()
def test_the_same_without_a_disturbance_turns_none_red(number: int, case: Case) -> None:
    path, carry_on = CONSISTENT[number]
    assert red(carry_on(case, case.tensor(path).clone()), PROOFS) == set()


# They can fail: the model computes something else


def traced(model: VisionTransformer, image: Tensor) -> Case:
    trace = model.trace(image)
    return Case(model, trace, model.trace_block(trace, LAYER), LAYER)


def test_a_wrong_division_of_the_scores_is_seen(tiny_config: ViTConfig, tiny_image: Tensor) -> None:
    model = randomised(VisionTransformer(tiny_config))
    model.block(LAYER).attention.head_size += 1  # only the square root reads it
    assert red(traced(model, tiny_image)) == {2, 6, "scores"}


def test_the_other_gelu_is_seen(tiny_config: ViTConfig, tiny_image: Tensor) -> None:
    """Erf and tanh differ by 5e-4 at most: a proof that could not tell them apart would not be worth much."""
    model = randomised(VisionTransformer(tiny_config))
    model.block(LAYER).mlp.gelu = nn.GELU(approximate="tanh")
    assert red(traced(model, tiny_image)) == {3, "gelu"}


def test_a_forgotten_position_embedding_is_seen(
    tiny_config: ViTConfig, tiny_image: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = randomised(VisionTransformer(tiny_config))
    embed = VisionTransformer.embed
    monkeypatch.setattr(
        VisionTransformer, "embed", lambda self, patches: embed(self, patches) - self.position_embedding.flip(0)
    )
    assert red(traced(model, tiny_image)) == {1}


def test_half_precision_is_seen(case: Case, tiny_config: ViTConfig, tiny_image: Tensor) -> None:
    """bfloat16 keeps 8 bits; the proofs allow what 24 lose."""
    half = VisionTransformer(tiny_config).eval()
    half.load_state_dict(case.model.state_dict())
    half.to(torch.bfloat16)
    rough = half.trace(tiny_image.to(torch.bfloat16))
    wrong = Case(
        case.model,
        replace(as_float(rough), image=tiny_image),
        as_float(half.trace_block(rough, LAYER)),
        LAYER,
    )
    assert red(wrong, PROOFS) == set(PROOFS)


def as_float(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.float()
    if isinstance(value, tuple):
        return tuple(map(as_float, value))
    if value is None:  # no interventions
        return None
    return replace(value, **{field.name: as_float(getattr(value, field.name)) for field in fields(value)})


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_what_is_no_number_never_holds(wrong: float, case: Case) -> None:
    for path in ("trace.logits", "block.attention.weights", "trace.hidden_states[0]"):
        tensor = case.tensor(path).clone()
        tensor[(-1,) * tensor.ndim] = wrong
        with np.errstate(invalid="ignore"):
            makers = {key for key, claim in CLAIMS.items() if path in claim.makes}
            assert makers <= red(with_tensor(case, path, tensor), {key: CLAIMS[key] for key in makers})


# Nothing is left out


def test_every_tensor_of_a_trace_is_proved_by_something() -> None:
    made = {path for claim in CLAIMS.values() for path in claim.makes}
    names = {path.partition("[")[0] for path in made}
    for trace, prefix in (
        (ForwardTrace, "trace"),
        (BlockTrace, "block"),
        (AttentionTrace, "block.attention"),
        (MLPTrace, "block.mlp"),
    ):
        for field in fields(trace):
            path = f"{prefix}.{field.name}"
            if path not in ("trace.image", "trace.interventions", "block.input", "block.attention", "block.mlp"):
                assert path in names, f"no proof makes {path}"


def test_few_and_many_numbers_have_the_same_error_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's and scipy's agree to two units of rounding of a number near 1."""
    values = np.linspace(-6, 6, 1001)
    few = rounding._erf(values)
    monkeypatch.setattr(rounding, "MOST_BY_PYTHON", 0)
    assert np.abs(rounding._erf(values) - few).max() <= 2 * np.finfo(np.float64).eps
