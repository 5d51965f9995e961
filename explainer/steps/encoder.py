"""The steps inside the encoder: attention, MLP, and the blocks one after another."""

from explainer.panels import View
from explainer.steps.step import HEAD_AND_TOKEN, LAYER, LAYER_AND_HEAD, LAYER_AND_TOKEN, Moment, Picture, Step
from explainer.views import attention, depth, layer_norm, lens, mlp, residual, self_attention


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
