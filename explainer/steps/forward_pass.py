"""The steps of the stages that follow one image through the model, in the order of the page."""

from collections.abc import Mapping

from explainer.panels import View
from explainer.steps.step import (
    HEAD_AND_TOKEN,
    LAYER,
    LAYER_AND_HEAD,
    LAYER_AND_TOKEN,
    TOKEN,
    Moment,
    Picture,
    Step,
)
from explainer.views import (
    attention,
    depth,
    embedding,
    head,
    layer_norm,
    lens,
    mlp,
    overview,
    patches,
    residual,
    self_attention,
)
from vit_core import patchify


def _accuracy(now: Moment) -> str:
    """The checkpoint's accuracy, where its card states it."""
    measured = now.checkpoint.card.get("metrics", {}).get("validation", {}).get("all")
    classes = now.config.num_classes
    if not measured:
        return ""
    return (
        f"Measured on {measured['pictures']:,} images that it was not trained on: its first answer is right for "
        f"{measured['top1']:.1%} of them ({classes} classes)"
        + (f", and the right class is among the first five for {measured['top5']:.1%}." if classes > 5 else ".")
    )


OVERVIEW = (
    Step(
        "pipeline",
        Picture(
            "pipeline",
            lambda now: overview.pipeline(
                now.model, now.trace, now.block, now.pixels, now.checkpoint.labels, now.layer, now.head
            ),
            LAYER_AND_HEAD,
        ),
        equations=(1, 2, 3, 4),
        claims=(1, 2, 3, 4),
        is_grouped=True,
    ),
    Step(
        "prediction",
        Picture("prediction", lambda now: overview.prediction(now.trace.probabilities, now.checkpoint.labels)),
        formulas=("softmax_logits",),
        claims=("probabilities",),
        code=("head",),
        note=_accuracy,
    ),
)

PATCHES = (
    Step(
        "grid",
        Picture("grid", lambda now: patches.grid(now.pixels, now.trace.image, now.config, now.token), TOKEN),
        formulas=("num_patches", "patchify"),
        claims=("patches",),
    ),
    Step(
        "filters",
        Picture("filters", lambda now: patches.filters(now.model.projection_matrix, now.config)),
        formulas=("patch_projection",),
        claims=("patch_projection",),
    ),
    Step(
        "components",
        Picture("filter_components", lambda now: patches.filter_components(now.model.projection_matrix, now.config)),
        formulas=("patch_projection",),
        claims=("patch_projection",),
    ),
    Step(
        "projection",
        Picture("projection", lambda now: _projection(now), TOKEN),
        formulas=("patch_projection",),
        claims=("patch_projection",),
        is_wide=True,
    ),
)


def _projection(now: Moment) -> View:
    token = max(now.token, 1)  # the class token is not made of a patch
    bias = now.model.patch_projection.bias
    assert bias is not None
    patch = patchify(now.trace.image, now.config.patch_size)[token - 1]
    return patches.projection(patch, now.model.projection_matrix, bias, now.trace.patch_embeddings[token - 1], token)


EMBEDDING = (
    Step(
        "sum",
        Picture(
            "sum",
            lambda now: embedding.sum_of_token(
                now.trace, now.model.class_token, now.model.position_embedding, now.token
            ),
            TOKEN,
        ),
        equations=(1,),
        claims=(1,),
    ),
    Step(
        "sequence",
        Picture(
            "sequence",
            lambda now: embedding.sequence(now.trace, now.model.class_token, now.model.position_embedding, now.token),
            TOKEN,
        ),
        equations=(1,),
        claims=(1,),
        is_wide=True,
    ),
    Step(
        "similarity",
        Picture(
            "similarity", lambda now: embedding.position_similarity(now.model.position_embedding, now.token), TOKEN
        ),
        formulas=("cosine_similarity",),
        claims=("cosine_similarity",),
        code=(1,),
    ),
)


def _attention_norm(now: Moment) -> View:
    norm = now.model.block(now.layer).attention_norm
    return layer_norm.of_token(now.block.input, now.block.attention_input, norm.weight, norm.bias, norm.eps, now.token)


ATTENTION = (
    Step(
        "looks",
        Picture(
            "looks",
            lambda now: attention.looks(now.trace.attention_weights, now.layer, now.head, now.token, now.pixels),
            follows=HEAD_AND_TOKEN,
        ),
        equations=(6,),
        claims=(6,),
        is_wide=True,
    ),
    Step(
        "layer-norm",
        Picture("attention_norm", _attention_norm, LAYER_AND_TOKEN),
        formulas=("layer_norm",),
        claims=("attention_norm",),
        code=(2,),
    ),
    Step(
        "qkv",
        Picture(
            "qkv",
            lambda now: self_attention.query_key_value(now.block.attention, now.head, now.token),
            HEAD_AND_TOKEN,
        ),
        equations=(5,),
        claims=(5,),
        is_wide=True,
    ),
    Step(
        "scores",
        Picture(
            "scores",
            lambda now: self_attention.score_steps(now.block.attention, now.head, now.token),
            HEAD_AND_TOKEN,
        ),
        equations=(6,),
        claims=("scores", "softmax"),
        code=("scores", 6),
        is_wide=True,
    ),
    Step(
        "output",
        Picture(
            "head_output",
            lambda now: self_attention.head_output(now.block.attention, now.head, now.token),
            HEAD_AND_TOKEN,
        ),
        equations=(7,),
        claims=(7,),
        is_wide=True,
    ),
    Step(
        "joined",
        Picture("joined", lambda now: self_attention.joined(now.block.attention, now.head, now.token), HEAD_AND_TOKEN),
        equations=(8,),
        claims=(8,),
    ),
    Step(
        "residual",
        Picture(
            "attention_residual",
            lambda now: residual.norms(
                now.block.input,
                now.block.attention.output,
                now.block.after_attention,
                now.token,
                "attention",
                now.layer,
                now.pixels,
            ),
            LAYER_AND_TOKEN,
        ),
        equations=(2,),
        claims=(2, "attention_sum"),
    ),
)


def _mlp_norm(now: Moment) -> View:
    norm = now.model.block(now.layer).mlp_norm
    return layer_norm.of_token(
        now.block.after_attention,
        now.block.mlp_input,
        norm.weight,
        norm.bias,
        norm.eps,
        now.token,
        "block.after_attention",
    )


def _gelu(now: Moment) -> tuple[str, ...]:
    return ("gelu",) if now.config.gelu == "none" else ("gelu_tanh",)


MLP = (
    Step(
        "layer-norm",
        Picture("mlp_norm", _mlp_norm, LAYER_AND_TOKEN),
        formulas=("layer_norm",),
        claims=("mlp_norm",),
        code=(3,),
    ),
    Step(
        "activations",
        Picture("activations", lambda now: mlp.activations(now.block, now.token), LAYER_AND_TOKEN),
        formulas=("mlp",),
        claims=("mlp_hidden", "mlp_output"),
        is_wide=True,
    ),
    Step(
        "gelu",
        Picture(
            "gelu",
            lambda now: mlp.gelu_curve(
                now.block.mlp.hidden[now.token], now.block.mlp.activated[now.token], now.config.gelu, now.token
            ),
            LAYER_AND_TOKEN,
        ),
        formulas=_gelu,
        claims=("gelu",),
        code=("mlp",),
    ),
    Step(
        "neurons",
        Picture(
            "neurons",
            lambda now: mlp.strongest_neurons(now.block.mlp.activated, now.token, now.pixels),
            LAYER_AND_TOKEN,
        ),
        formulas=("mlp",),
        claims=("gelu",),
    ),
    Step(
        "residual",
        Picture(
            "mlp_residual",
            lambda now: residual.norms(
                now.block.after_attention,
                now.block.mlp.output,
                now.block.output,
                now.token,
                "mlp",
                now.layer,
                now.pixels,
            ),
            LAYER_AND_TOKEN,
        ),
        equations=(3,),
        claims=(3, "mlp_sum"),
    ),
)

ENCODER = (
    Step(
        "layers-heads",
        Picture(
            "layers_by_heads",
            lambda now: depth.layers_by_heads(now.trace, now.token, now.layer, now.head, now.pixels),
            HEAD_AND_TOKEN,
        ),
        equations=(6,),
        claims=("same_block",),
    ),
    Step(
        "updates",
        Picture(
            "update_sizes",
            lambda now: depth.update_sizes(now.norms, now.token, now.config.grid_size, now.layer),
            LAYER_AND_TOKEN,
        ),
        equations=(2, 3),
        claims=(2, 3),
    ),
    Step(
        "class-token",
        Picture("class_token_path", lambda now: depth.class_token_path(now.trace, now.layer), LAYER),
        equations=(3,),
        claims=("same_block",),
    ),
    Step(
        "logit-lens",
        Picture(
            "logit_lens", lambda now: lens.logit_lens(now.model, now.trace, now.checkpoint.labels, now.layer), LAYER
        ),
        formulas=("logit_lens",),
        claims=("logit_lens",),
    ),
    Step(
        "rollout",
        Picture("rollout", lambda now: depth.rollout(now.trace, now.pixels)),
        formulas=("attention_rollout",),
        claims=("attention_rollout",),
    ),
    Step(
        "distance",
        Picture(
            "distance",
            lambda now: depth.attention_distance(now.trace, now.config, now.layer, now.head),
            LAYER_AND_HEAD,
        ),
        formulas=("attention_distance",),
        claims=("attention_distance",),
    ),
)


def _head_formula(now: Moment) -> tuple[str, ...]:
    return ("head",) if now.config.representation_size is None else ("head_pre_logits",)


def _logit_terms(now: Moment) -> View:
    model, trace, labels = now.model, now.trace, now.checkpoint.labels
    winner = int(trace.logits.argmax())
    return head.logit_terms(
        model.head.inputs(trace.representation),
        model.head.linear.weight,
        model.head.linear.bias,
        trace.logits,
        winner,
        labels[winner],
        reads="representation" if model.head.pre_logits is None else "head_inputs",
    )


HEAD = (
    Step(
        "representation",
        Picture("representation", lambda now: head.representation(now.trace)),
        equations=(4,),
        formulas=("layer_norm",),
        claims=(4,),
        code=(4,),
    ),
    Step(
        "logits",
        Picture("logit_terms", _logit_terms),
        formulas=_head_formula,
        claims=("head",),
    ),
    Step(
        "softmax",
        Picture("softmax", lambda now: head.softmax_steps(now.trace.logits, now.checkpoint.labels)),
        formulas=("softmax_logits",),
        claims=("probabilities",),
        code=("head",),
    ),
    Step(
        "prediction",
        Picture("top_classes", lambda now: head.top_classes(now.trace.probabilities, now.checkpoint.labels)),
        formulas=("softmax_logits",),
        claims=("head", "probabilities"),
        code=("head",),
        note=_accuracy,
    ),
    Step("pseudocode", None, equations=(1, 2, 3, 4), claims=(1, 2, 3, 4), has_pseudocode=True),
)

STEPS: Mapping[str, tuple[Step, ...]] = {
    "overview": OVERVIEW,
    "patches": PATCHES,
    "embedding": EMBEDDING,
    "attention": ATTENTION,
    "mlp": MLP,
    "encoder": ENCODER,
    "head": HEAD,
}
