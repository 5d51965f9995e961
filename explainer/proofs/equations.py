"""Every equation in double precision in NumPy, without a line of the model's code; and the claims made of them."""

import numpy as np

from explainer.proofs.claims import Case, Claim, Proof, settle
from explainer.proofs.rounding import (
    Rounded,
    Values,
    biased,
    concatenate,
    divided,
    exact,
    gelu,
    layer_norm,
    linear,
    softmax,
)
from vit_core import BlockTrace, ForwardTrace, VisionTransformer


def flattened_patches(image: Values, size: int) -> Values:
    """x_p: a row for each patch, pixel by pixel, in which the channels of a pixel follow each other."""
    channels, height, width = image.shape
    cut = image.reshape(channels, height // size, size, width // size, size).transpose(1, 3, 2, 4, 0)
    return cut.reshape(-1, size * size * channels)


def _patch_embeddings(case: Case, image: Rounded) -> Rounded:
    """x_p E + b, from the pixels."""
    patches = flattened_patches(image.values, case.model.config.patch_size)
    kernel = exact(case.model.patch_projection.weight).values  # hidden, channels, rows, columns
    matrix = kernel.transpose(2, 3, 1, 0).reshape(patches.shape[1], -1)
    return biased(exact(patches) @ exact(matrix), case.model.patch_projection.bias)


def _tokens(case: Case, image: Rounded) -> Rounded:
    """Eq. 1."""
    tokens = concatenate(exact(case.model.class_token), _patch_embeddings(case, image))
    return tokens + exact(case.model.position_embedding)


def _heads(case: Case, z: Rounded) -> tuple[Rounded, Rounded, Rounded]:
    """Eq. 5: q, k, v of all heads."""
    config = case.model.config
    joined = linear(z, case.parameters.attention.qkv)
    shape = (config.num_tokens, 3, config.num_heads, config.hidden_size // config.num_heads)

    def third(index: int) -> Rounded:
        return joined.through(lambda values: values.reshape(shape).transpose(1, 2, 0, 3)[index])

    return third(0), third(1), third(2)


def _scores(q: Rounded, k: Rounded) -> Rounded:
    """q k^T / sqrt(D_h)."""
    return (q @ k.T).scaled(q.values.shape[-1] ** -0.5)


def _join(case: Case, head_outputs: Rounded) -> Rounded:
    """Eq. 8."""
    joined = head_outputs.through(lambda values: values.transpose(1, 0, 2).reshape(values.shape[1], -1))
    return linear(joined, case.parameters.attention.projection)


def _after_attention(case: Case, z: Rounded) -> Rounded:
    """Eq. 2, with Eq. 5-8 inside it."""
    q, k, v = _heads(case, layer_norm(z, case.parameters.attention_norm))
    return _join(case, softmax(_scores(q, k)) @ v) + z


def _output(case: Case, z: Rounded) -> Rounded:
    """Eq. 3."""
    mlp = case.parameters.mlp
    hidden = linear(layer_norm(z, case.parameters.mlp_norm), mlp.expand)
    return linear(gelu(hidden, case.model.config.gelu), mlp.contract) + z


def _logits(case: Case, y: Rounded) -> Rounded:
    """The head, for each row of y."""
    head = case.model.head
    if head.pre_logits is not None:
        hidden = linear(y, head.pre_logits)
        y = Rounded(np.tanh(hidden.values), hidden.error)  # tanh brings numbers closer together, never apart
    return linear(y, head.linear)


def _head(case: Case, representation: Rounded) -> Rounded:
    return _logits(case, representation.through(lambda y: y[None])).through(lambda logits: logits[0])


def _patches(case: Case) -> Rounded:
    """x_p, from the pixels."""
    return exact(flattened_patches(exact(case.trace.image).values, case.model.config.patch_size))


def _logit_lens(case: Case) -> Rounded:
    """The head after every layer, as if it were the last."""
    class_tokens = exact(np.stack([exact(z).values[0] for z in case.trace.hidden_states]))
    return softmax(_logits(case, layer_norm(class_tokens, case.model.norm)))


def _position_similarity(case: Case) -> Rounded:
    """The cosine of each position embedding with each other."""
    positions = exact(case.model.position_embedding).values
    directions = positions / np.sqrt(np.square(positions).sum(-1, keepdims=True))
    rounded = Rounded(directions, divided(directions, positions.shape[-1]))
    return rounded @ rounded.T


def _rollout(case: Case) -> Rounded:
    """The product of all layers, each half the mean of its heads and half the identity, its rows summing to 1."""
    rollout = None
    for weights in case.trace.attention_weights:
        mean = exact(weights).values.mean(0)
        layer = 0.5 * mean + 0.5 * np.eye(len(mean))
        layer /= layer.sum(-1, keepdims=True)
        rounded = Rounded(layer, divided(layer, len(weights) + len(mean)))
        rollout = rounded if rollout is None else rounded @ rollout
    assert rollout is not None
    return rollout


def _distance(case: Case) -> Rounded:
    """The mean distance from each patch to where it looks, weighted by A, of every head."""
    config = case.model.config
    rows, columns = np.divmod(np.arange(config.num_patches), config.grid_size)
    distance = config.patch_size * np.hypot(rows[:, None] - rows, columns[:, None] - columns)
    weights = np.stack([exact(layer).values for layer in case.trace.attention_weights])[:, :, 1:, 1:]
    values = (weights * distance).sum(-1).mean(-1)
    return Rounded(values, divided(values, config.num_patches))


PROOFS = {
    1: Claim("Eq. 1", ("trace.image",), ("trace.hidden_states[0]",), _tokens),
    2: Claim("Eq. 2", ("block.input",), ("block.after_attention",), _after_attention),
    3: Claim("Eq. 3", ("block.after_attention",), ("block.output",), _output),
    4: Claim(
        "Eq. 4",
        ("trace.hidden_states[-1]",),
        ("trace.representation",),
        lambda case, tokens: layer_norm(tokens.through(lambda z: z[0]), case.model.norm),
    ),
    5: Claim(
        "Eq. 5",
        ("block.attention_input",),
        ("block.attention.query", "block.attention.key", "block.attention.value"),
        _heads,
    ),
    6: Claim(
        "Eq. 6",
        ("block.attention.query", "block.attention.key"),
        ("block.attention.weights",),
        lambda case, q, k: softmax(_scores(q, k)),
    ),
    7: Claim(
        "Eq. 7",
        ("block.attention.weights", "block.attention.value"),
        ("block.attention.head_outputs",),
        lambda case, weights, v: weights @ v,
    ),
    8: Claim("Eq. 8", ("block.attention.head_outputs",), ("block.attention.output",), _join),
}

FACTS = {
    "patch_projection": Claim("The patch projection", ("trace.image",), ("trace.patch_embeddings",), _patch_embeddings),
    "attention_norm": Claim(
        "LayerNorm before attention",
        ("block.input",),
        ("block.attention_input",),
        lambda case, z: layer_norm(z, case.parameters.attention_norm),
    ),
    "scores": Claim(
        "The scaled product",
        ("block.attention.query", "block.attention.key"),
        ("block.attention.scores",),
        lambda case, q, k: _scores(q, k),
    ),
    "softmax": Claim(
        "The softmax of the scores",
        ("block.attention.scores",),
        ("block.attention.weights",),
        lambda case, scores: softmax(scores),
    ),
    "attention_sum": Claim(
        "The sum after attention",
        ("block.attention.output", "block.input"),
        ("block.after_attention",),
        lambda case, output, z: output + z,
    ),
    "mlp_norm": Claim(
        "LayerNorm before the MLP",
        ("block.after_attention",),
        ("block.mlp_input",),
        lambda case, z: layer_norm(z, case.parameters.mlp_norm),
    ),
    "mlp_hidden": Claim(
        "The MLP's first layer",
        ("block.mlp_input",),
        ("block.mlp.hidden",),
        lambda case, z: linear(z, case.parameters.mlp.expand),
    ),
    "gelu": Claim(
        "The GELU",
        ("block.mlp.hidden",),
        ("block.mlp.activated",),
        lambda case, hidden: gelu(hidden, case.model.config.gelu),
    ),
    "mlp_output": Claim(
        "The MLP's second layer",
        ("block.mlp.activated",),
        ("block.mlp.output",),
        lambda case, activated: linear(activated, case.parameters.mlp.contract),
    ),
    "mlp_sum": Claim(
        "The sum after the MLP",
        ("block.mlp.output", "block.after_attention"),
        ("block.output",),
        lambda case, output, z: output + z,
    ),
    "same_block": Claim(
        "The layer, computed again,",
        ("block.output", "block.attention.weights"),
        ("trace.hidden_states[layer]", "trace.attention_weights[layer-1]"),
        lambda case, *again: again,
    ),
    "head": Claim("The classification head", ("trace.representation",), ("trace.logits",), _head),
    "probabilities": Claim(
        "The softmax of the logits",
        ("trace.logits",),
        ("trace.probabilities",),
        lambda case, logits: softmax(logits),
    ),
    "patches": Claim("The cut", (), ("derived.patches",), _patches),
    "cosine_similarity": Claim("The cosine similarity", (), ("derived.position_similarity",), _position_similarity),
    "logit_lens": Claim("The logit lens", (), ("derived.logit_lens",), _logit_lens),
    "attention_rollout": Claim("Attention rollout", (), ("derived.rollout",), _rollout),
    "attention_distance": Claim("The mean attention distance", (), ("derived.distance",), _distance),
}


def prove(
    equation: int | str,
    model: VisionTransformer,
    trace: ForwardTrace,
    block: BlockTrace | None = None,
    layer: int | None = None,
) -> Proof:
    """Prove an equation of the paper (1-8), or a fact by its name in ``FACTS``, on this trace.

    ``block`` is the trace of ``layer``; it is recomputed if it is not given.

    Raises:
        KeyError: if there is no such equation or fact.
        ValueError: if it is about a layer and no layer is given.
    """
    claim = PROOFS[equation] if isinstance(equation, int) else FACTS[equation]
    if claim.per_layer and layer is None:
        raise ValueError(f"{claim.name} is about one layer: give the layer, 1..{trace.num_layers}")
    layer = layer or 1
    return settle(claim, Case(model, trace, block or model.trace_block(trace, layer), layer))
