"""What a view shows is what the tensors hold; its scales, picks and sentences agree with it."""

import dataclasses
import inspect
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from explainer.notation.wording import number, percent, token_name
from explainer.palette import QUANTITIES
from explainer.panels import (
    Bars,
    Flow,
    Looks,
    Matrix,
    Panel,
    Picture,
    Pixels,
    Plot,
    Scale,
    StackedBars,
    Strips,
    Tiles,
    View,
    Walk,
    plain,
)
from explainer.stages import STAGES
from explainer.views import arrays as arrays_of
from explainer.views import (
    attention,
    depth,
    embedding,
    head,
    layer_norm,
    lens,
    mlp,
    models,
    overview,
    patches,
    residual,
    self_attention,
)
from tests.all_views import MODULES, all_views
from vit_core import (
    BlockTrace,
    ForwardTrace,
    VisionTransformer,
    ViTConfig,
    attention_rollout,
    count_multiply_adds,
    mean_attention_distance,
    patchify,
)

LAYER, HEAD, TOKEN = 2, 3, 6  # neither first nor last; the patch in row 2, column 3 of 3 x 3
LABELS = [f"class {c}" for c in range(7)]


@pytest.fixture(scope="module")
def pixels(tiny_config: ViTConfig) -> Pixels:
    size = tiny_config.image_size
    return np.random.default_rng(2).integers(0, 256, (size, size, 3), dtype=np.uint8)


@pytest.fixture(scope="module", params=[0, 1, TOKEN, 9], ids="token {}".format)
def views(
    request: pytest.FixtureRequest, tiny_model: VisionTransformer, tiny_trace: ForwardTrace, pixels: Pixels
) -> dict[str, View]:
    made = all_views(tiny_model, tiny_trace, pixels, LAYER, HEAD, request.param)
    return {name: make() for name, make in made.items()}


def same(shown: Any, tensor: Any) -> None:
    """Equal to the bit, apart from the shape: a view copies numbers, it does not compute them anew."""
    np.testing.assert_array_equal(np.ravel(shown), np.ravel(np.asarray(tensor, dtype=np.float32)))


def close(shown: Any, expected: Any, atol: float = 1e-5) -> None:
    """Equal up to float32 rounding of sums of some tens of numbers of size 1 (unit 6e-8, with room for cancelling)."""
    np.testing.assert_allclose(np.ravel(shown), np.ravel(np.asarray(expected)), rtol=1e-5, atol=atol)


def panel(view: View, kind: type[Any], index: int = 0) -> Any:
    return [each for each in view.panels if isinstance(each, kind)][index]


# Every view


def all_panels(view: View) -> Iterator[Panel]:
    for each in view.panels:
        yield each
        if isinstance(each, Flow):
            for node in each.nodes:
                yield from node.thumbnails


def scaled(each: Panel) -> Iterator[tuple[np.ndarray, Scale]]:
    match each:
        case Picture(overlay=overlay, scale=Scale() as scale) if overlay is not None:
            yield overlay, scale
        case Matrix(values=values, scale=scale):
            yield values, scale
        case Tiles(values=values, scales=scales) if values is not None:
            yield from zip(values, scales if len(scales) > 1 else scales * len(values), strict=True)
        case Strips(strips=strips):
            yield from ((strip.values, strip.scale) for strip in strips)


def arrays(value: Any) -> Iterator[np.ndarray]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from arrays(item)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from arrays(getattr(value, field.name))


def test_every_view_of_every_module_is_looked_at(views: dict[str, View]) -> None:
    defined = {
        f"{module.__name__.split('.')[-1]}.{name}"
        for module in MODULES
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and function.__annotations__.get("return") is View
    }
    assert defined == set(views)


def test_arrays_are_finite_float32_or_pixels(views: dict[str, View]) -> None:
    for name, view in views.items():
        for array in arrays(view):
            assert array.dtype in (np.float32, np.uint8), name
            assert array.size, name
            assert np.isfinite(array).all(), name


def test_the_alternative_text_is_a_sentence_with_numbers(views: dict[str, View]) -> None:
    for name, view in views.items():
        assert not view.alt[0].islower() and view.alt.endswith("."), name
        assert any(character.isdigit() for character in view.alt), name
        assert "nan" not in view.alt and "tensor" not in view.alt, name
        assert all(each.title for each in view.panels), name


def test_scales_enclose_their_values(views: dict[str, View]) -> None:
    for name, view in views.items():
        for each in all_panels(view):
            for values, scale in scaled(each):
                assert scale.low < scale.high, name
                assert scale.low <= values.min() and values.max() <= scale.high, name
                assert not scale.diverging or scale.low == -scale.high, name


def test_colours_are_in_the_palette(views: dict[str, View]) -> None:
    for name, view in views.items():
        for each in all_panels(view):
            parts = [part for value in vars(each).values() if isinstance(value, tuple) for part in value]
            names = {each.quantity, *(part.quantity for part in parts if hasattr(part, "quantity"))}
            assert names <= set(QUANTITIES), name


def test_picks_lead_somewhere_and_the_selected_one_is_the_chosen_one(
    views: dict[str, View], tiny_config: ViTConfig
) -> None:
    allowed = {"token": range(10), "head": range(1, 5), "layer": range(1, 4)}
    for name, view in views.items():
        keys = set()
        for each in view.panels:
            if isinstance(each, Tiles | Bars):
                picks, count = each.picks, len(each.labels)
                assert len(picks) in (0, count), name
                keys |= {key for pick in picks for key in pick}
                assert all(value in allowed[key] for pick in picks for key, value in pick.items()), name
                if each.selected is not None and picks:
                    chosen = {"head": HEAD, "layer": LAYER}
                    assert all(chosen.get(key, value) == value for key, value in picks[each.selected].items()), name
            if isinstance(each, Tiles):
                shown = each.values if each.values is not None else each.pixels
                assert shown is not None and len(each.labels) in (0, len(shown)), name
            keys |= {each.pick_as} if isinstance(each, Picture) and each.pick_tokens else set()
            pick = getattr(each, "pick", None)
            keys |= ({"token"} if isinstance(each, Matrix) else {pick}) if pick else set()
            keys |= {"page"} if isinstance(each, Flow) else set()
            keys |= {"token", "head", "layer"} if isinstance(each, Looks) else set()
            keys |= {"token", "head", "layer", "page"} if isinstance(each, Walk) else set()
        assert set(view.picks) == keys, name


@pytest.mark.parametrize(
    "sizes",
    [{}, {"num_channels": 1}, {"patch_size": 12}, {"num_layers": 1, "num_heads": 1}, {"representation_size": 5}],
    ids=str,
)
def test_views_of_an_untrained_model_of_other_sizes(tiny_config: ViTConfig, pixels: Pixels, sizes: Any) -> None:
    """Class token, biases and head are zero before training: scales must have two ends all the same."""
    config = dataclasses.replace(tiny_config, **sizes)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = VisionTransformer(config).eval()
        trace = model.trace(torch.randn(config.num_channels, 12, 12))
    for token in (0, 1):
        for name, make in all_views(model, trace, pixels, 1, 1, token).items():
            view = make()
            assert all(np.isfinite(array).all() for array in arrays(view)), name
            assert "nan" not in view.alt, name
            for each in all_panels(view):
                for values, scale in scaled(each):
                    assert scale.low < scale.high, name
                    assert scale.low <= values.min() and values.max() <= scale.high, name


@pytest.mark.parametrize(
    ("layer", "head_number", "token", "message"),
    [
        (LAYER, 5, 1, r"head must be in 1\.\.4, got 5"),
        (LAYER, 0, 1, r"head must be in 1\.\.4, got 0"),
        (LAYER, HEAD, 10, r"token must be in 1\.\.9 .* got 10"),
        (LAYER, HEAD, -1, r"token must be in 1\.\.9 .* got -1"),
    ],
)
def test_what_does_not_exist_is_refused(
    layer: int,
    head_number: int,
    token: int,
    message: str,
    tiny_block: BlockTrace,
    tiny_trace: ForwardTrace,
    pixels: Pixels,
) -> None:
    a = tiny_block.attention
    for make in (
        lambda: self_attention.query_key_value(a, head_number, token),
        lambda: self_attention.score_steps(a, head_number, token),
        lambda: attention.looks((a.weights,), 1, head_number, token, pixels),
        lambda: attention.over_picture(a.weights, head_number, token, pixels),
        lambda: attention.heads(a.weights, token, pixels, head_number),
        lambda: self_attention.head_output(a, head_number, token),
        lambda: self_attention.joined(a, head_number, token),
        lambda: depth.layers_by_heads(tiny_trace, token, layer, head_number),
    ):
        with pytest.raises(ValueError, match=message):
            make()


def test_a_layer_that_does_not_exist_is_refused(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    for layer in (0, 4):
        for make in (
            lambda layer=layer: depth.class_token_path(tiny_trace, layer),
            lambda layer=layer: lens.logit_lens(tiny_model, tiny_trace, LABELS, layer),
            lambda layer=layer: depth.layers_by_heads(tiny_trace, 1, layer, 1),
            lambda layer=layer: depth.attention_distance(tiny_trace, tiny_model.config, layer, 1),
        ):
            with pytest.raises(ValueError, match=rf"layer must be in 1\.\.3, got {layer}"):
                make()


# Patches


def test_grid_enlarges_the_patch_and_writes_its_numbers(
    tiny_config: ViTConfig, tiny_image: Tensor, pixels: Pixels
) -> None:
    view = patches.grid(pixels, tiny_image, tiny_config, TOKEN)
    np.testing.assert_array_equal(panel(view, Picture, 1).pixels, pixels[4:8, 8:12])  # row 2, column 3
    whole, red, green, blue = panel(view, Strips).strips
    same(whole.values, patchify(tiny_image, 4)[TOKEN - 1])
    for channel, strip in enumerate((red, green, blue)):
        same(strip.values, tiny_image[channel, 4:8, 8:12])


def test_filters_are_the_convolution_kernels(tiny_model: VisionTransformer) -> None:
    kernels = tiny_model.patch_projection.weight.detach()
    view = patches.filters(tiny_model.projection_matrix, tiny_model.config, 24)
    order = kernels.flatten(1).norm(dim=1).argsort(descending=True)
    tiles = panel(view, Tiles)
    assert tiles.labels == tuple(f"filter {int(i)}" for i in order)
    for shown, kernel in zip(tiles.pixels, kernels[order], strict=True):
        expected = (kernel - kernel.min()) / (kernel.max() - kernel.min())
        # half a step of 8 bits
        np.testing.assert_allclose(shown / 255, expected.permute(1, 2, 0), atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize("shape", [(24, 48), (48, 24)])
def test_principal_components_are_those_of_the_singular_value_decomposition(shape: tuple[int, int]) -> None:
    rows = torch.randn(shape, generator=torch.Generator().manual_seed(3)) * torch.linspace(3, 1, shape[1])
    components, shares = patches.principal_components(rows, 5)
    _, singular, directions = np.linalg.svd((rows - rows.mean(0)).double().numpy(), full_matrices=False)
    close(shares, (singular**2 / (singular**2).sum())[:5])
    close(np.abs((components.double().numpy() * directions[:5]).sum(1)), np.ones(5))  # the same lines; the sign is free


def test_projection_is_the_linear_map(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    x = patchify(tiny_trace.image, 4)[TOKEN - 1]
    bias = tiny_model.patch_projection.bias
    assert bias is not None
    view = patches.projection(x, tiny_model.projection_matrix, bias, tiny_trace.patch_embeddings[TOKEN - 1], TOKEN)
    patch, product, offset, result = (strip.values for strip in panel(view, Strips).strips)
    same(patch, x)
    same(result, tiny_trace.patch_embeddings[TOKEN - 1])
    close(product + offset, result)


# Embedding


@pytest.mark.parametrize("token", [0, TOKEN])
def test_sum_of_token_is_equation_1(tiny_model: VisionTransformer, tiny_trace: ForwardTrace, token: int) -> None:
    view = embedding.sum_of_token(tiny_trace, tiny_model.class_token, tiny_model.position_embedding, token)
    content, position, state = panel(view, Strips).strips
    same(content.values, tiny_trace.patch_embeddings[token - 1] if token else tiny_model.class_token.detach()[0])
    same(content.values + position.values, state.values)  # one addition: the same rounding
    same(state.values, tiny_trace.hidden_states[0][token])
    assert content.scale == position.scale == state.scale


def test_sequence_is_equation_1(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    view = embedding.sequence(tiny_trace, tiny_model.class_token, tiny_model.position_embedding, TOKEN)
    embeddings, positions, states = (each.values for each in view.panels if isinstance(each, Matrix))
    same(embeddings + positions, states)
    same(states, tiny_trace.hidden_states[0])
    same(embeddings[0], tiny_model.class_token.detach())


def test_position_similarity_is_the_cosine(tiny_model: VisionTransformer) -> None:
    rows = tiny_model.position_embedding.detach().double().numpy()
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    view = embedding.position_similarity(tiny_model.position_embedding, TOKEN)
    large, tiles = panel(view, Tiles), panel(view, Tiles, 1)
    close(tiles.values, rows[1:] @ rows[1:].T)
    close(large.values, rows[1:] @ rows[TOKEN])
    assert tiles.selected == TOKEN - 1 and tiles.picks[TOKEN - 1] == {"token": TOKEN}
    of_class = embedding.position_similarity(tiny_model.position_embedding, 0)
    close(panel(of_class, Tiles).values, rows[1:] @ rows[0])


# Attention


def test_layer_norm_strips_multiply_and_add_up(tiny_model: VisionTransformer, tiny_block: BlockTrace) -> None:
    norm = tiny_model.block(LAYER).attention_norm
    view = layer_norm.of_token(tiny_block.input, tiny_block.attention_input, norm.weight, norm.bias, norm.eps, TOKEN)
    z, normal, gamma, beta, result = (strip.values for strip in panel(view, Strips).strips)
    same(z, tiny_block.input[TOKEN])
    same(result, tiny_block.attention_input[TOKEN])
    close(normal, torch.nn.functional.layer_norm(tiny_block.input[TOKEN], (24,), eps=norm.eps))
    close(normal * gamma + beta, result)
    row = tiny_block.input[TOKEN]
    caption = panel(view, Strips).caption
    assert f"μ = {number(row.mean())}, deviation σ = {number(row.std(unbiased=False))} over" in caption
    # the deviation is the token's own, however large epsilon is
    coarse = layer_norm.of_token(tiny_block.input, tiny_block.attention_input, norm.weight, norm.bias, 9.0, TOKEN)
    assert panel(coarse, Strips).caption == caption


def test_query_key_value_are_the_heads_own(tiny_block: BlockTrace) -> None:
    view = self_attention.query_key_value(tiny_block.attention, HEAD, TOKEN)
    trace = tiny_block.attention
    for each, tensor in zip(view.panels, (trace.query, trace.key, trace.value), strict=True):
        assert isinstance(each, Matrix)
        same(each.values, tensor[HEAD - 1])
        assert each.row == TOKEN


def test_score_steps_follow_from_each_other(tiny_block: BlockTrace) -> None:
    view = self_attention.score_steps(tiny_block.attention, HEAD, TOKEN)
    products, scores, weights = (each.values for each in view.panels if isinstance(each, Matrix))
    close(products / math.sqrt(6), scores)
    close(np.exp(scores) / np.exp(scores).sum(1, keepdims=True), weights)
    same(weights, tiny_block.attention.weights[HEAD - 1])
    for strip, matrix in zip(panel(view, Strips).strips, (products, scores, weights), strict=True):
        same(strip.values, matrix[TOKEN])


def test_looks_holds_the_weights_of_all_layers_of_a_small_model(tiny_trace: ForwardTrace, pixels: Pixels) -> None:
    shown = panel(attention.looks(tiny_trace.attention_weights, LAYER, HEAD, TOKEN, pixels), Looks)
    same(shown.weights, torch.stack(tiny_trace.attention_weights))
    assert (shown.layers, shown.layer, shown.head, shown.token) == ((1, 2, 3), LAYER, HEAD, TOKEN)


def test_looks_holds_one_layer_of_a_large_model(
    tiny_trace: ForwardTrace, pixels: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "ALL_LAYERS_UP_TO", tiny_trace.attention_weights[0].numel())
    shown = panel(attention.looks(tiny_trace.attention_weights, LAYER, HEAD, TOKEN, pixels), Looks)
    same(shown.weights, tiny_trace.attention(LAYER))
    assert shown.layers == (LAYER,) and shown.weights.shape[0] == 1


def test_the_sentence_of_looks_names_the_strongest_partners(tiny_trace: ForwardTrace, pixels: Pixels) -> None:
    alt = attention.looks(tiny_trace.attention_weights, LAYER, HEAD, TOKEN, pixels).alt
    of_head = tiny_trace.attention(LAYER)[HEAD - 1]
    for values in (of_head[TOKEN], of_head[:, TOKEN]):
        best = int(values.argmax())
        assert number(values[best]) in alt and token_name(best, 3) in alt


def test_over_picture_is_row_and_column_of_the_weights(tiny_block: BlockTrace, pixels: Pixels) -> None:
    weights = tiny_block.attention.weights
    light, heat, seen = attention.over_picture(weights, HEAD, TOKEN, pixels).panels
    assert isinstance(light, Picture) and isinstance(heat, Picture) and isinstance(seen, Picture)
    same(light.overlay, weights[HEAD - 1, TOKEN, 1:])
    same(heat.overlay, weights[HEAD - 1, TOKEN, 1:])
    same(seen.overlay, weights[HEAD - 1, 1:, TOKEN])
    assert (light.mode, heat.mode) == ("spotlight", "heat")


def test_the_sentence_names_the_patch_looked_at_most(tiny_block: BlockTrace, pixels: Pixels) -> None:
    row = tiny_block.attention.weights[HEAD - 1, 0, 1:]
    best = int(row.argmax())
    alt = attention.over_picture(tiny_block.attention.weights, HEAD, 0, pixels).alt
    place = f"row {best // 3 + 1}, column {best % 3 + 1}"
    assert f"the class token looks most at {place} (weight {number(row[best])})" in alt


@pytest.mark.parametrize("shared", [False, True])
def test_heads_are_the_rows_of_their_heads(tiny_block: BlockTrace, pixels: Pixels, shared: bool) -> None:
    weights = tiny_block.attention.weights
    tiles = panel(attention.heads(weights, TOKEN, pixels, HEAD, shared=shared), Tiles)
    for h in range(4):
        same(tiles.values[h], weights[h, TOKEN, 1:])
        assert tiles.picks[h] == {"head": h + 1}
    highs = [scale.high for scale in tiles.scales]
    close(highs, [weights[:, TOKEN, 1:].max()] if shared else weights[:, TOKEN, 1:].amax(1))


def test_head_output_strips_add_up_to_the_heads_output(tiny_block: BlockTrace) -> None:
    trace = tiny_block.attention
    view = self_attention.head_output(trace, HEAD, TOKEN, 4)
    *terms, result = (strip.values for strip in panel(view, Strips).strips)
    same(result, trace.head_outputs[HEAD - 1, TOKEN])
    close(sum(terms), result)
    bars = panel(view, Bars)
    same(bars.values, trace.weights[HEAD - 1, TOKEN].topk(4).values)
    for pick, value, term in zip(bars.picks, bars.values, terms, strict=False):
        assert trace.weights[HEAD - 1, TOKEN, pick["token"]] == value
        close(term, value * trace.value[HEAD - 1, pick["token"]])


def test_joined_heads_give_the_output_through_u_msa(tiny_model: VisionTransformer, tiny_block: BlockTrace) -> None:
    view = self_attention.joined(tiny_block.attention, HEAD, TOKEN)
    of_heads, together = view.panels
    assert isinstance(of_heads, Strips) and isinstance(together, Strips)
    joint, result = (strip.values for strip in together.strips)
    same(np.concatenate([strip.values for strip in of_heads.strips]), joint)
    with torch.no_grad():
        close(tiny_model.block(LAYER).attention.projection(torch.from_numpy(joint)), result)
    same(result, tiny_block.attention.output[TOKEN])


# Residual sums and MLP


@pytest.mark.parametrize("part", ["attention", "mlp"])
def test_residual_terms_add_up(tiny_block: BlockTrace, part: residual.Part) -> None:
    b = tiny_block
    before, update, after = {
        "attention": (b.input, b.attention.output, b.after_attention),
        "mlp": (b.after_attention, b.mlp.output, b.output),
    }[part]
    view = residual.norms(before, update, after, TOKEN, part, LAYER)
    first, second, result = (strip.values for strip in panel(view, Strips).strips)
    same(first + second, result)  # one addition: the same rounding
    close(panel(view, Bars).values, [each[TOKEN].norm() for each in (before, update, after)])
    close(panel(view, Tiles).values, torch.stack([each[1:].norm(dim=1) for each in (before, update, after)]))
    close(panel(view, Tiles, 1).values, update[1:].norm(dim=1) / before[1:].norm(dim=1))
    assert number(cosine_similarity(before[TOKEN], update[TOKEN], dim=0)) in view.alt


def test_residual_symbols_are_those_of_equations_2_and_3() -> None:
    assert residual.symbols("attention", 2) == ("z₁", "MSA(LN(z₁))", "z′₂")
    assert residual.symbols("mlp", 12) == ("z′₁₂", "MLP(LN(z′₁₂))", "z₁₂")


def test_activations_are_the_mlp_of_the_token(tiny_block: BlockTrace) -> None:
    view = mlp.activations(tiny_block, TOKEN)
    trace = tiny_block.mlp
    rows = (tiny_block.mlp_input, trace.hidden, trace.activated, trace.output)
    for strip, tensor in zip(panel(view, Strips).strips, rows, strict=True):
        same(strip.values, tensor[TOKEN])
    same(panel(view, Matrix).values, trace.hidden)
    same(panel(view, Matrix, 1).values, trace.activated)


@pytest.mark.parametrize("gelu", ["none", "tanh"])
def test_the_gelu_curve_is_the_gelu_and_the_points_lie_on_it(gelu: Any) -> None:
    hidden = torch.linspace(-3, 3, 11)
    activated = torch.nn.functional.gelu(hidden, approximate=gelu)
    line, points = panel(mlp.gelu_curve(hidden, activated, gelu), Plot).series
    same(points.x, hidden)
    same(points.y, activated)
    x = line.x.astype(np.float64)
    erf = np.array([0.5 * each * (1 + math.erf(each / math.sqrt(2))) for each in x])
    approximation = 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    close(line.y, erf if gelu == "none" else approximation, atol=1e-6)  # single rounding of numbers up to 4


def test_strongest_neurons_are_the_largest(tiny_block: BlockTrace, pixels: Pixels) -> None:
    activated = tiny_block.mlp.activated
    view = mlp.strongest_neurons(activated, TOKEN, pixels, 5)
    bars, tiles = view.panels
    assert isinstance(bars, Bars) and isinstance(tiles, Tiles) and tiles.values is not None
    same(bars.values, activated[TOKEN].sort(descending=True).values[:5])
    for label, tile in zip(tiles.labels, tiles.values, strict=True):
        same(tile, activated[1:, int(label.split()[1])])


# The encoder as a whole


def test_layers_by_heads_are_rows_of_layers_and_columns_of_heads(tiny_trace: ForwardTrace) -> None:
    tiles = panel(depth.layers_by_heads(tiny_trace, TOKEN, LAYER, HEAD), Tiles)
    assert tiles.columns == 4 and len(tiles.values) == 12
    for index, pick in enumerate(tiles.picks):
        same(tiles.values[index], tiny_trace.attention(pick["layer"])[pick["head"] - 1, TOKEN, 1:])
    assert tiles.picks[tiles.selected] == {"layer": LAYER, "head": HEAD}


def test_residual_norms_are_those_of_the_states(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    norms = depth.residual_norms(tiny_model, tiny_trace, TOKEN)
    lengths = [state[TOKEN].norm() for state in tiny_trace.hidden_states]
    close(norms["skip"], lengths[:-1])
    close(norms["output"], lengths[1:])
    block = tiny_model.trace_block(tiny_trace, LAYER)
    close(norms["attention"][LAYER - 1], block.attention.output[TOKEN].norm())
    close(norms["mlp"][LAYER - 1], block.mlp.output[TOKEN].norm())
    view = depth.update_sizes(norms, TOKEN, 3, LAYER)
    for series, name in zip(panel(view, Plot).series, ("skip", "attention", "mlp"), strict=True):
        same(series.y, norms[name])
        same(series.x, [1, 2, 3])


def test_the_class_token_ends_where_it_ends(tiny_trace: ForwardTrace) -> None:
    (series,) = panel(depth.class_token_path(tiny_trace, LAYER), Plot).series
    end = tiny_trace.hidden_states[-1][0]
    close(series.y, [cosine_similarity(z[0], end, dim=0) for z in tiny_trace.hidden_states])
    close(series.y[-1], 1)


def test_logit_lens_ends_at_the_prediction(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    view = lens.logit_lens(tiny_model, tiny_trace, LABELS, LAYER)
    plot, bars = view.panels
    assert isinstance(plot, Plot) and isinstance(bars, Bars)
    top = tiny_trace.probabilities.topk(5)
    assert [series.label for series in plot.series] == [LABELS[int(c)] for c in top.indices]
    close([series.y[-1] for series in plot.series], top.values)
    with torch.no_grad():
        of_layer = tiny_model.head(tiny_model.norm(tiny_trace.hidden_states[LAYER][0])).softmax(-1)
    close(bars.values[LAYER - 1], of_layer.max())
    assert bars.labels[LAYER - 1] == f"{LAYER}: {LABELS[int(of_layer.argmax())]}"
    winners = [label.split(": ")[1] for label in bars.labels]
    settled = int(view.alt.rsplit("layer ", 1)[1].split(" ")[0])
    assert all(winner == winners[-1] for winner in winners[settled - 1 :])
    assert settled == 1 or winners[settled - 2] != winners[-1]


def test_rollout_is_the_class_tokens_row(tiny_trace: ForwardTrace, pixels: Pixels) -> None:
    row = attention_rollout(tiny_trace)[0]
    view = depth.rollout(tiny_trace, pixels)
    lit, patchwise = panel(view, Picture, 1), panel(view, Picture, 2)
    same(lit.overlay, row[1:])
    same(patchwise.overlay, row[1:])
    assert lit.smooth and lit.mode == "spotlight"
    assert percent(row[1:].max()) in view.alt


def test_attention_distance_has_a_dot_for_every_head(tiny_trace: ForwardTrace, tiny_config: ViTConfig) -> None:
    plot = panel(depth.attention_distance(tiny_trace, tiny_config, LAYER, HEAD), Plot)
    dots, means, chosen = plot.series
    distances = mean_attention_distance(tiny_trace, tiny_config)
    same(dots.y, distances)
    same(dots.x, [1] * 4 + [2] * 4 + [3] * 4)
    close(means.y, distances.mean(1))
    same(chosen.y, distances[LAYER - 1, HEAD - 1])
    assert dots.point_labels[4 * (LAYER - 1) + HEAD - 1] == f"layer {LAYER}, head {HEAD}"


# Head, models, overview


def test_representation_is_the_last_class_token_and_y(tiny_trace: ForwardTrace) -> None:
    state, y = panel(head.representation(tiny_trace), Strips).strips
    same(state.values, tiny_trace.hidden_states[-1][0])
    same(y.values, tiny_trace.representation)


def test_top_classes_are_sorted_and_named(tiny_trace: ForwardTrace) -> None:
    bars = panel(head.top_classes(tiny_trace.probabilities, LABELS, 3), Bars)
    order = tiny_trace.probabilities.argsort(descending=True)[:3]
    same(bars.values, tiny_trace.probabilities[order])
    assert bars.labels == tuple(LABELS[int(c)] for c in order)


def test_softmax_steps_lead_to_the_probabilities(tiny_trace: ForwardTrace) -> None:
    view = head.softmax_steps(tiny_trace.logits, LABELS, 7)
    logits, exponentials, probabilities = (each.values for each in view.panels if isinstance(each, Bars))
    of_all = panel(view, Strips).strips
    same(of_all[0].values, tiny_trace.logits)
    same(of_all[1].values, tiny_trace.probabilities)
    close(exponentials, np.exp(logits - logits.max()))
    close(probabilities, exponentials / exponentials.sum())
    close(probabilities, tiny_trace.probabilities.sort(descending=True).values)


@pytest.mark.parametrize("representation_size", [None, 10])
def test_logit_terms_add_up_to_the_logit(tiny_config: ViTConfig, representation_size: int | None) -> None:
    model = VisionTransformer(dataclasses.replace(tiny_config, representation_size=representation_size)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3, generator=torch.Generator().manual_seed(parameter.numel()))
        trace = model.trace(torch.randn(3, 12, 12, generator=torch.Generator().manual_seed(4)))
        inputs = model.head.inputs(trace.representation)
    linear = model.head.linear
    bars = panel(head.logit_terms(inputs, linear.weight, linear.bias, trace.logits, 4, "class 4", 6), Bars)
    *parts, logit = bars.values
    close(sum(parts), logit)
    same(logit, trace.logits[4])
    terms = (inputs * linear.weight[4]).detach().sort(descending=True).values
    same(bars.values[:6], torch.cat([terms[:3], terms[-3:]]))


def test_cost_shares_are_those_counted_elsewhere() -> None:
    """B/16 at 224 and 512 pixels: attention 4.1 and 18.1 %, MLP 63.5 and 54.2 %, counted with another tool."""
    configs = {"224": ViTConfig.named("B/16"), "512": ViTConfig.named("B/16", image_size=512)}
    operations, parameters = models.cost_shares(configs).panels
    assert isinstance(operations, StackedBars) and isinstance(parameters, StackedBars)
    shares = {part.label: part.values for part in operations.parts}
    np.testing.assert_allclose(shares["q kᵀ and A v"], [0.041, 0.181], atol=0.0006)  # published with three digits
    np.testing.assert_allclose(shares["MLP"], [0.635, 0.542], atol=0.0006)
    for bars in (operations, parameters):
        close(sum(part.values for part in bars.parts), [1, 1])
    assert parameters.totals[0] == "86.6 M parameters"


def test_multiply_adds_over_size_are_the_counts(tiny_config: ViTConfig) -> None:
    plot = panel(models.multiply_adds_over_size(tiny_config, [12, 24, 48]), Plot)
    assert plot.selected_x == 12
    for index, size in enumerate((12, 24, 48)):
        count = count_multiply_adds(dataclasses.replace(tiny_config, image_size=size))
        close(sum(series.y[index] for series in plot.series) * 1e9, count["total"], atol=1)  # one operation


def test_the_pipeline_is_the_papers_figure_1(
    tiny_model: VisionTransformer, tiny_trace: ForwardTrace, tiny_block: BlockTrace, pixels: Pixels
) -> None:
    flow = panel(overview.pipeline(tiny_model, tiny_trace, tiny_block, pixels, LABELS, LAYER, HEAD), Flow)
    nodes = {node.name: node for node in flow.nodes}
    assert list(nodes) == [
        "image",
        "patches",
        "projection",
        "class_token",
        "position",
        "z",
        "input",
        "attention_norm",
        "attention",
        "after_attention",
        "mlp_norm",
        "mlp",
        "output",
        "last",
        "representation",
        "prediction",
    ]
    assert {node.page for node in flow.nodes} <= set(STAGES)
    assert all(start in nodes and end in nodes for start, end in flow.skips)
    assert [name for name, node in nodes.items() if node.group] == list(nodes)[7:13]
    assert {node.page_title for node in flow.nodes} <= {stage.title for stage in STAGES.values()}
    assert {name: node.joins for name, node in nodes.items() if node.joins} == {"class_token": ";", "position": "+"}
    assert nodes["attention"].group == f"Transformer encoder: layer {LAYER} of 3"
    assert nodes["z"].shape == "10 × 24" and nodes["attention"].shape == "4 × 10 × 10"
    for name, tensor in {
        "projection": tiny_trace.patch_embeddings,
        "z": tiny_trace.hidden_states[0],
        "input": tiny_trace.hidden_states[LAYER - 1],
        "last": tiny_trace.hidden_states[-1],
        "attention_norm": tiny_block.attention_input,
        "attention": tiny_block.attention.weights[HEAD - 1],
        "after_attention": tiny_block.after_attention,
        "mlp": tiny_block.mlp.activated,
        "output": tiny_block.output,
    }.items():
        thumbnail = nodes[name].thumbnails[0]
        assert isinstance(thumbnail, Matrix)
        same(thumbnail.values, tensor)


def test_the_pipeline_repeats_no_state(tiny_model: VisionTransformer, tiny_trace: ForwardTrace, pixels: Pixels) -> None:
    """Layer 1 reads z_0 and the last layer writes z_L: no node of its own for them, and the skip starts at z_0."""
    for layer, missing, start in ((1, "input", "z"), (3, "last", "input")):
        block = tiny_model.trace_block(tiny_trace, layer)
        flow = panel(overview.pipeline(tiny_model, tiny_trace, block, pixels, LABELS, layer, HEAD), Flow)
        symbols = [node.symbol for node in flow.nodes if node.symbol[0] == "z"]
        assert missing not in {node.name for node in flow.nodes}
        assert len(symbols) == len(set(symbols))
        assert flow.skips[0] == (start, "after_attention")


def test_big_thumbnails_are_averages_and_say_so(pixels: Pixels) -> None:
    matrix = torch.arange(144 * 216, dtype=torch.float32).reshape(144, 216) / 1e4
    small, note = overview.averaged(matrix)
    close(small, matrix.reshape(72, 2, 72, 3).mean((1, 3)))
    assert note == "neighbours averaged"
    assert overview.averaged(matrix[:72, :72])[1] == ""


def test_columns_count_from_0_and_say_where_they_end() -> None:
    matrix = torch.zeros(2, 1000)
    assert arrays_of.first_columns(matrix[:, :192], "hidden")[1] == "hidden 0…191"
    assert arrays_of.first_columns(matrix, "unit")[1] == "unit 0…767 of 1000"


def test_the_overlay_of_attention_knows_the_class_tokens_weight(tiny_block: BlockTrace, pixels: Pixels) -> None:
    weights = tiny_block.attention.weights
    light, heat, seen = attention.over_picture(weights, HEAD, TOKEN, pixels).panels
    assert isinstance(light, Picture) and isinstance(heat, Picture) and isinstance(seen, Picture)
    assert light.class_value == heat.class_value == float(weights[HEAD - 1, TOKEN, 0])
    assert seen.class_value == float(weights[HEAD - 1, 0, TOKEN])
    assert light.overlay is not None and light.class_value is not None
    close(light.overlay.sum() + light.class_value, 1)  # nothing of the row is missing


# Words


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0.0 %"), (1e-5, "< 0.1 %"), (0.123, "12.3 %"), (0.9994, "99.9 %"), (0.99999, "> 99.9 %"), (1.0, "100.0 %")],
)
def test_a_percentage_is_not_rounded_to_nothing_or_everything(share: float, text: str) -> None:
    assert percent(share) == text


def test_marks_of_lowered_letters_can_be_taken_out() -> None:
    assert plain("x_{class} + E_{pos}") == "x_class + E_pos"
    assert plain("plain z₀ {a}") == "plain z₀ {a}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.2149, "−0.215"),
        (999.4, "999"),
        (999.9, "1,000"),
        (123456.7, "123,457"),
        (0.00012, "0.00012"),
        (-3.46e-7, "−3.5 · 10⁻⁷"),
    ],
)
def test_numbers_are_written_with_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_tokens_are_named_by_rows_and_columns_from_1() -> None:
    assert [token_name(token, 3) for token in (0, 1, 3, 4, 9)] == [
        "class token",
        "row 1, column 1",
        "row 1, column 3",
        "row 2, column 1",
        "row 3, column 3",
    ]
