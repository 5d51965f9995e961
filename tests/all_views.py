"""Every view of every stage, made from one model and one picture, for the tests that look at all of them."""

from collections.abc import Callable
from functools import partial

from torch import Tensor

from explainer.experiments.sides import Side
from explainer.panels import Pixels, View
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
from explainer.views.changes import compare, compare_attention, compare_depth
from explainer.views.walk import walk
from vit_core import PRESETS, ForwardTrace, VisionTransformer, ViTConfig, patchify
from vit_core.logit_lens import lens_probabilities

MODULES = (
    patches,
    embedding,
    layer_norm,
    self_attention,
    attention,
    residual,
    mlp,
    depth,
    lens,
    head,
    models,
    overview,
    compare,
    compare_attention,
    compare_depth,
    walk,
)


def all_views(
    model: VisionTransformer, trace: ForwardTrace, pixels: Pixels, layer: int, head_number: int, token: int
) -> dict[str, Callable[[], View]]:
    """Name -> how to make the view. ``pixels`` stands for the picture; nothing depends on its being the model's."""
    config, block, encoder_block = model.config, model.trace_block(trace, layer), model.block(layer)
    attend, patch = block.attention, max(token, 1)
    x: Tensor = patchify(trace.image, config.patch_size)[patch - 1]
    bias, labels = model.patch_projection.bias, [f"class {c}" for c in range(config.num_classes)]
    norm, best = encoder_block.attention_norm, int(trace.logits.argmax())
    linear = model.head.linear
    head_inputs = model.head.inputs(trace.representation).detach()
    side, other = config.grid_size, model.trace(trace.image.flip(-1))
    left = Side("left", model, trace, pixels, tuple(labels), layer, head_number, token)
    right = Side(
        "right",
        model,
        other,
        pixels[:, ::-1],
        tuple(labels),
        config.num_layers,
        0,
        config.num_patches - token,
        ("mirrored",),
    )
    sizes = [config.patch_size * count for count in (1, 2, 3, 8)]
    return {
        "patches.grid": partial(patches.grid, pixels, trace.image, config, token),
        "patches.filters": partial(patches.filters, model.projection_matrix, config, 12),
        "patches.filter_components": partial(patches.filter_components, model.projection_matrix, config),
        "patches.projection": partial(
            patches.projection, x, model.projection_matrix, bias, trace.patch_embeddings[patch - 1], patch
        ),
        "embedding.sum_of_token": partial(
            embedding.sum_of_token, trace, model.class_token, model.position_embedding, token
        ),
        "embedding.sequence": partial(embedding.sequence, trace, model.class_token, model.position_embedding, token),
        "embedding.position_similarity": partial(embedding.position_similarity, model.position_embedding, token),
        "layer_norm.of_token": partial(
            layer_norm.of_token, block.input, block.attention_input, norm.weight, norm.bias, norm.eps, token
        ),
        "self_attention.query_key_value": partial(self_attention.query_key_value, attend, head_number, token),
        "self_attention.score_steps": partial(self_attention.score_steps, attend, head_number, token),
        "attention.looks": partial(attention.looks, trace.attention_weights, layer, head_number, token, pixels),
        "attention.over_picture": partial(attention.over_picture, attend.weights, head_number, token, pixels),
        "attention.heads": partial(attention.heads, attend.weights, token, pixels, head_number),
        "self_attention.head_output": partial(self_attention.head_output, attend, head_number, token),
        "self_attention.joined": partial(self_attention.joined, attend, head_number, token),
        "residual.norms": partial(
            residual.norms, block.input, attend.output, block.after_attention, token, "attention", layer, pixels
        ),
        "mlp.activations": partial(mlp.activations, block, token),
        "mlp.gelu_curve": partial(
            mlp.gelu_curve, block.mlp.hidden[token], block.mlp.activated[token], config.gelu, token
        ),
        "mlp.strongest_neurons": partial(mlp.strongest_neurons, block.mlp.activated, token, pixels),
        "depth.layers_by_heads": partial(depth.layers_by_heads, trace, token, layer, head_number, pixels),
        "depth.update_sizes": lambda: depth.update_sizes(
            depth.residual_norms(model, trace, token), token, config.grid_size, layer
        ),
        "depth.class_token_path": partial(depth.class_token_path, trace, layer),
        "lens.logit_lens": partial(lens.logit_lens, model, trace, labels, layer),
        "lens.read_off": lambda: lens.read_off(lens_probabilities(model, trace), labels, layer, (2, 0)),
        "depth.rollout": partial(depth.rollout, trace, pixels),
        "depth.attention_distance": partial(depth.attention_distance, trace, config, layer, head_number),
        "head.representation": partial(head.representation, trace),
        "head.top_classes": partial(head.top_classes, trace.probabilities, labels),
        "head.softmax_steps": partial(head.softmax_steps, trace.logits, labels),
        "head.logit_terms": partial(
            head.logit_terms, head_inputs, linear.weight, linear.bias, trace.logits, best, labels[best]
        ),
        "models.cost_shares": partial(models.cost_shares, {name: ViTConfig.named(name) for name in PRESETS}),
        "models.multiply_adds_over_size": partial(models.multiply_adds_over_size, config, sizes),
        "overview.pipeline": partial(overview.pipeline, model, trace, block, pixels, labels, layer, head_number),
        "overview.prediction": partial(overview.prediction, trace.probabilities, labels),
        "walk.forward": partial(walk.forward, model, trace, pixels, labels, head_number, token),
        "walk.entered": lambda: walk.entered(
            walk.forward(model, trace, pixels, labels, head_number, token), config.num_layers
        ),
        "compare.pictures": partial(compare.pictures, left, right),
        "compare.predictions": partial(compare.predictions, left, right),
        "compare_attention.attention": partial(compare_attention.attention, left, right),
        "compare_attention.heads_moved": partial(compare_attention.heads_moved, left, right),
        "compare.positions": partial(compare.positions, left, right),
        "compare_depth.norms": partial(compare_depth.norms, left, right),
        "compare_depth.cosines": partial(compare_depth.cosines, left, right),
        "compare_depth.across_layers": partial(compare_depth.across_layers, left, right),
        "compare_depth.logit_lens": partial(compare_depth.logit_lens, left, right),
    } | ({"compare_depth.layers_alike": partial(compare_depth.layers_alike, left, right)} if side > 1 else {})
