"""The steps of the stages that follow one image through the model, in the order of the page."""

from collections.abc import Mapping

from explainer.panels import View
from explainer.steps.compare import COMPARE
from explainer.steps.encoder import ATTENTION, ENCODER, MLP
from explainer.steps.hands_on import WALK
from explainer.steps.reference import GLOSSARY, MODELS
from explainer.steps.step import LAYER_AND_HEAD, TOKEN, Moment, Picture, Step
from explainer.steps.what_if import WHAT_IF
from explainer.views import embedding, head, overview, patches
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
    "models": MODELS,
    "glossary": GLOSSARY,
    "walk": WALK,
    "what_if": WHAT_IF,
    "compare": COMPARE,
}
