"""Every equation in double precision in NumPy, without a line of the model's code; and the claims made of them."""

import numpy as np
from torch import Tensor

from explainer.proofs.claims import Case, Claim
from explainer.proofs.rounding import Rounded, Values, concatenate, exact, gelu, layer_norm, linear, softmax


def flattened_patches(image: Values, size: int) -> Values:
    """x_p: a row for each patch, pixel by pixel, in which the channels of a pixel follow each other."""
    channels, height, width = image.shape
    cut = image.reshape(channels, height // size, size, width // size, size).transpose(1, 3, 2, 4, 0)
    return cut.reshape(-1, size * size * channels)


def _patch_embeddings(case: Case) -> Rounded:
    """x_p E + b, from the pixels."""
    patches = flattened_patches(exact(case.tensor("trace.image")).values, case.model.config.patch_size)
    kernel = exact(case.model.patch_projection.weight).values  # hidden, channels, rows, columns
    matrix = kernel.transpose(2, 3, 1, 0).reshape(patches.shape[1], -1)
    return linear(exact(patches), exact(matrix), _optional(case.model.patch_projection.bias))


def _tokens(case: Case) -> Rounded:
    """Eq. 1."""
    tokens = concatenate(exact(case.model.class_token), _patch_embeddings(case))
    return tokens + exact(case.model.position_embedding)


def _heads(z: Rounded, case: Case) -> tuple[Rounded, Rounded, Rounded]:
    """Eq. 5: q, k, v of all heads."""
    qkv, config = case.parameters.attention.qkv, case.model.config
    joined = linear(z, exact(qkv.weight).T, _optional(qkv.bias))
    shape = (config.num_tokens, 3, config.num_heads, config.hidden_size // config.num_heads)

    def third(index: int) -> Rounded:
        return joined.through(lambda values: values.reshape(shape).transpose(1, 2, 0, 3)[index])

    return third(0), third(1), third(2)


def _scores(q: Rounded, k: Rounded) -> Rounded:
    """q k^T / sqrt(D_h)."""
    return (q @ k.T).scaled(q.values.shape[-1] ** -0.5)


def _join(head_outputs: Rounded, case: Case) -> Rounded:
    """Eq. 8."""
    joined = head_outputs.through(lambda values: values.transpose(1, 0, 2).reshape(values.shape[1], -1))
    projection = case.parameters.attention.projection
    return linear(joined, exact(projection.weight).T, _optional(projection.bias))


def _after_attention(case: Case) -> Rounded:
    """Eq. 2, with Eq. 5-8 inside it."""
    z = case.read("block.input")
    q, k, v = _heads(layer_norm(z, case.parameters.attention_norm), case)
    return _join(softmax(_scores(q, k)) @ v, case) + z


def _expand(z: Rounded, case: Case) -> Rounded:
    return linear(z, exact(case.parameters.mlp.expand.weight).T, _optional(case.parameters.mlp.expand.bias))


def _contract(activated: Rounded, case: Case) -> Rounded:
    contract = case.parameters.mlp.contract
    return linear(activated, exact(contract.weight).T, _optional(contract.bias))


def _output(case: Case) -> Rounded:
    """Eq. 3."""
    z = case.read("block.after_attention")
    hidden = _expand(layer_norm(z, case.parameters.mlp_norm), case)
    return _contract(gelu(hidden, case.model.config.gelu), case) + z


def _logits(case: Case) -> Rounded:
    head, y = case.model.head, case.read("trace.representation").through(lambda values: values[None])
    if head.pre_logits is not None:
        hidden = linear(y, exact(head.pre_logits.weight).T, _optional(head.pre_logits.bias))
        y = Rounded(np.tanh(hidden.values), hidden.error)  # tanh brings numbers closer together, never apart
    return linear(y, exact(head.linear.weight).T, _optional(head.linear.bias)).through(lambda values: values[0])


def _optional(bias: Tensor | None) -> Rounded | None:
    return None if bias is None else exact(bias)


PROOFS = {
    1: Claim("Eq. 1", ("trace.image",), ("trace.hidden_states[0]",), lambda case: (_tokens(case),), per_layer=False),
    2: Claim("Eq. 2", ("block.input",), ("block.after_attention",), lambda case: (_after_attention(case),)),
    3: Claim("Eq. 3", ("block.after_attention",), ("block.output",), lambda case: (_output(case),)),
    4: Claim(
        "Eq. 4",
        ("trace.hidden_states[-1]",),
        ("trace.representation",),
        lambda case: (layer_norm(case.read("trace.hidden_states[-1]").through(lambda z: z[0]), case.model.norm),),
        per_layer=False,
    ),
    5: Claim(
        "Eq. 5",
        ("block.attention_input",),
        ("block.attention.query", "block.attention.key", "block.attention.value"),
        lambda case: _heads(case.read("block.attention_input"), case),
    ),
    6: Claim(
        "Eq. 6",
        ("block.attention.query", "block.attention.key"),
        ("block.attention.weights",),
        lambda case: (softmax(_scores(case.read("block.attention.query"), case.read("block.attention.key"))),),
    ),
    7: Claim(
        "Eq. 7",
        ("block.attention.weights", "block.attention.value"),
        ("block.attention.head_outputs",),
        lambda case: (case.read("block.attention.weights") @ case.read("block.attention.value"),),
    ),
    8: Claim(
        "Eq. 8",
        ("block.attention.head_outputs",),
        ("block.attention.output",),
        lambda case: (_join(case.read("block.attention.head_outputs"), case),),
    ),
}


FACTS = {
    "patch_projection": Claim(
        "The patch projection",
        ("trace.image",),
        ("trace.patch_embeddings",),
        lambda case: (_patch_embeddings(case),),
        per_layer=False,
    ),
    "attention_norm": Claim(
        "LayerNorm before attention",
        ("block.input",),
        ("block.attention_input",),
        lambda case: (layer_norm(case.read("block.input"), case.parameters.attention_norm),),
    ),
    "scores": Claim(
        "The scaled product of queries and keys",
        ("block.attention.query", "block.attention.key"),
        ("block.attention.scores",),
        lambda case: (_scores(case.read("block.attention.query"), case.read("block.attention.key")),),
    ),
    "softmax": Claim(
        "The softmax of the scores",
        ("block.attention.scores",),
        ("block.attention.weights",),
        lambda case: (softmax(case.read("block.attention.scores")),),
    ),
    "attention_sum": Claim(
        "The sum after attention",
        ("block.attention.output", "block.input"),
        ("block.after_attention",),
        lambda case: (case.read("block.attention.output") + case.read("block.input"),),
    ),
    "mlp_norm": Claim(
        "LayerNorm before the MLP",
        ("block.after_attention",),
        ("block.mlp_input",),
        lambda case: (layer_norm(case.read("block.after_attention"), case.parameters.mlp_norm),),
    ),
    "mlp_hidden": Claim(
        "The MLP's first layer",
        ("block.mlp_input",),
        ("block.mlp.hidden",),
        lambda case: (_expand(case.read("block.mlp_input"), case),),
    ),
    "gelu": Claim(
        "The GELU",
        ("block.mlp.hidden",),
        ("block.mlp.activated",),
        lambda case: (gelu(case.read("block.mlp.hidden"), case.model.config.gelu),),
    ),
    "mlp_output": Claim(
        "The MLP's second layer",
        ("block.mlp.activated",),
        ("block.mlp.output",),
        lambda case: (_contract(case.read("block.mlp.activated"), case),),
    ),
    "mlp_sum": Claim(
        "The sum after the MLP",
        ("block.mlp.output", "block.after_attention"),
        ("block.output",),
        lambda case: (case.read("block.mlp.output") + case.read("block.after_attention"),),
    ),
    "same_block": Claim(
        "The layer, computed again,",
        ("block.output", "block.attention.weights"),
        ("trace.hidden_states[layer]", "trace.attention_weights[layer-1]"),
        lambda case: (case.read("block.output"), case.read("block.attention.weights")),
    ),
    "head": Claim(
        "The classification head",
        ("trace.representation",),
        ("trace.logits",),
        lambda case: (_logits(case),),
        per_layer=False,
    ),
    "probabilities": Claim(
        "The softmax of the logits",
        ("trace.logits",),
        ("trace.probabilities",),
        lambda case: (softmax(case.read("trace.logits")),),
        per_layer=False,
    ),
}
