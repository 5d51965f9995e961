r"""The rules of what the pages read off a trace: every number of it leads to numbers of the forward pass."""

from math import hypot

import numpy as np
from torch import nn

from explainer.numbers.head import head_rules
from explainer.numbers.rules import Index, Numbers, Rule, at, sum_to
from explainer.numbers.workings import Part, Step, Working, copied, largest, normalised, summed
from explainer.proofs import rounding


def _normalised(part: str) -> Rule:
    def rule(numbers: Numbers, layer: int, index: Index) -> Working:
        block = numbers.model.block(layer)
        norm: nn.LayerNorm = block.attention_norm if part == "attention" else block.mlp_norm
        state, symbol = (
            (("trace.hidden_states", layer - 1), "<z_{l-1}>")
            if part == "attention"
            else (("block.after_attention", layer), "<z'_l>")
        )
        formula = rf"\frac{{{symbol}{at(*index)} - <mu>}}{{\sqrt{{<sigma>^2 + <eps>}}}}"
        return normalised("layer_norm", formula, numbers.row(*state, index[0], None), index[1], norm, "")

    return rule


def _distance(numbers: Numbers, layer: int, index: Index) -> Working:
    """A of a head, patches only, times the distance between patch centres; the mean over the patches that ask."""
    (head,), config = index, numbers.model.config
    count, side, size = config.num_patches, config.grid_size, config.patch_size
    row, column = np.divmod(np.arange(count), side)
    distance = size * np.hypot(row[:, None] - row, column[:, None] - column)
    weights = numbers.row("block.attention.weights", layer, head, None, None).values[1:, 1:]
    products = (weights * distance).reshape(-1)

    def factors(j: int) -> tuple[Part, ...]:
        query, key = divmod(j, count)
        apart = size * hypot(row[query] - row[key], column[query] - column[key])
        return numbers.part("block.attention.weights", layer, head, query + 1, key + 1), Part(apart, None)

    terms, rest, rest_count = largest(products, factors)
    total = float(products.sum())
    formula = (
        rf"d = \frac{{1}}{{{count}}} \sum_{{i=1}}^{{{count}}} \sum_{{j=1}}^{{{count}}}"
        rf" <A>^{{({head + 1})}}[i,\,j] \, \lVert \text{{place}}_i - \text{{place}}_j \rVert"
    )
    # a product, a sum of so many terms of one sign, a root: all rounded to 32 bits
    tolerance = rounding.SAFETY * rounding.UNIT * (2 + rounding.FUNCTION + count) * total / count
    words = f"the {len(products):,} weights of patches on patches, each times the distance in pixels"
    steps = (Step(words, total), Step("the patches that ask", float(count), "÷"))
    return Working(
        "attention_distance",
        formula,
        steps,
        total / count,
        tolerance,
        words,
        terms,
        rest,
        rest_count,
    )


def _rollout_layer(numbers: Numbers, layer: int, index: Index) -> Working:
    """The mean of the heads, half of it the identity, divided by what its row sums to."""
    query, key = index
    weights = numbers.row("block.attention.weights", layer, None, query, None).values
    of_heads = numbers.row("block.attention.weights", layer, None, query, key)
    heads, is_itself = len(of_heads.values), query == key
    terms, rest, rest_count = largest(of_heads.values, lambda j: (of_heads.part(j),))
    total, whole = float(of_heads.values.sum()), float(weights.mean(0).sum() / 2 + 0.5)
    half = total / heads / 2 + (0.5 if is_itself else 0.0)
    words = f"the weights of {heads} heads together"
    steps = (
        Step(words, total),
        Step("heads", float(heads), "÷"),
        Step("half of it attention", 2.0, "÷"),
        *((Step("half of it the skip path: the token itself", 0.5, "+"),) if is_itself else ()),
        Step("what the row sums to", whole, "÷"),
    )
    skip = r" + \tfrac{1}{2}" if is_itself else ""
    formula = (
        rf"\frac{{\tfrac{{1}}{{2}} \cdot \tfrac{{1}}{{{heads}}} \sum_{{h=1}}^{{{heads}}} <A>^{{(h)}}{at(*index)}"
        rf"{skip}}}"
        rf"{{\text{{sum of the row}}}}"
    )
    tolerance = rounding.SAFETY * rounding.UNIT * (heads + weights.shape[-1] ** 0.5 + 4) * half / whole
    return Working(
        "attention_rollout", formula, steps, half / whole, tolerance, words, terms, rest, rest_count, "weight of head m"
    )


def _rollout_flow(numbers: Numbers, layer: int, index: Index) -> Working:
    """The last layer's matrix times the rollout of the layers before it."""
    query, key = index
    if layer == 1:
        part = numbers.part("rollout.layer", 1, *index)
        return copied("attention_rollout", f"\\mathbf{{R}}_1{at(*index)}", part, "the first layer alone")
    formula = (
        rf"\mathbf{{R}}_{{{layer}}}{at(*index)} = {sum_to(numbers.model.config.num_patches)}"
        rf" \bar{{\mathbf{{A}}}}_{{{layer}}}[{query},\,m] \, \mathbf{{R}}_{{{layer - 1}}}[m,\,{key}]"
    )
    return summed(
        "attention_rollout",
        formula,
        numbers.row("rollout.layer", layer, query, None),
        numbers.row("rollout.flow", layer - 1, None, key),
    )


def _exponentials(numbers: Numbers, layer: int, index: Index) -> Working:
    logits = numbers.row("trace.logits", None, None)
    top = int(logits.values.argmax())
    own, most = logits.part(index[0]), logits.part(top)
    value = float(np.exp(own.value - most.value))
    steps = (
        Step("the logit", own.value, "", own.address),
        Step("the largest logit", most.value, "−", most.address),
        Step("exp of the difference", value, "="),
    )
    formula = rf"\exp(<logits>{at(*index)} - <logits>{at(top)})"
    # the difference is rounded before the exponential makes its error a relative one
    error = rounding.UNIT * (abs(own.value - most.value) + rounding.FUNCTION) * value
    return Working("softmax_logits", formula, steps, value, rounding.SAFETY * error)


def _positions(numbers: Numbers, layer: int, index: Index) -> Working:
    """E_pos; where a change has put something else in its place, what z_0 has beyond the content."""
    learned = numbers.part("position_embedding", None, *index)
    token, component = index
    if learned.value == numbers.at(numbers.address("trace.positions", None, *index)):
        return copied("Eq. 1", f"<E_pos>{at(*index)}", learned, "the position embedding, learned")
    state = numbers.part("trace.hidden_states", 0, *index)
    content = (
        numbers.part("trace.patch_embeddings", None, token - 1, component)
        if token
        else numbers.part("class_token", None, 0, component)
    )
    value = state.value - content.value
    steps = (
        Step("z₀, the sum of content and position", state.value, "", state.address),
        Step("the content", content.value, "−", content.address),
    )
    formula = rf"<E_pos>{at(*index)} = <z_0>{at(*index)} - \text{{content}}"
    return Working("Eq. 1", formula, steps, value, rounding.SAFETY * rounding.UNIT * abs(value))


READ_OFF_RULES: dict[str, Rule] = {
    "block.attention_normalised": _normalised("attention"),
    "block.mlp_normalised": _normalised("mlp"),
    "block.attention_distance": _distance,
    "trace.exponentials": _exponentials,
    "trace.positions": _positions,
    "rollout.layer": _rollout_layer,
    "rollout.flow": _rollout_flow,
    **head_rules("lens"),
}
