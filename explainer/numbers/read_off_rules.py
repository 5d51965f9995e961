r"""The rules of what the pages read off a trace: every number of it leads to numbers of the forward pass."""

import numpy as np

from explainer.numbers.address import Address
from explainer.numbers.rules import Index, Numbers, Rule, at, sum_to
from explainer.numbers.workings import Row, Step, Working, added, copied, sum_of, summed
from explainer.proofs import rounding


def _distance(numbers: Numbers, layer: int, index: Index) -> Working:
    """A of a head, patches only, times the distance between patch centres; the mean over the patches that ask."""
    (head,), config = index, numbers.model.config
    count = config.num_patches
    row, column = np.divmod(np.arange(count), config.grid_size)
    distances = config.patch_size * np.hypot(row[:, None] - row, column[:, None] - column).reshape(-1)
    weights = numbers.row("block.attention.weights", layer, head, None, None).values[1:, 1:].reshape(-1)

    def address(j: int) -> Address:
        query, key = divmod(j, count)
        return numbers.address("block.attention.weights", layer, head, query + 1, key + 1)

    total = sum_of(
        weights * distances,
        (Row(weights, address), Row(distances, lambda _: None)),
        f"the {len(weights):,} weights of patches on patches, each times the distance in pixels",
    )
    formula = (
        rf"d = \frac{{1}}{{{count}}} \sum_{{i=1}}^{{{count}}} \sum_{{j=1}}^{{{count}}}"
        rf" <A>^{{({head + 1})}}[i,\,j] \, \lVert \text{{place}}_i - \text{{place}}_j \rVert"
    )
    mean = total.total / count
    # a product, a sum of so many terms of one sign, a root: all rounded to 32 bits
    tolerance = rounding.SAFETY * rounding.UNIT * (2 + rounding.FUNCTION + count) * mean
    steps = (total.step(), Step("the patches that ask", float(count), "÷"))
    return Working("attention_distance", formula, steps, mean, tolerance, total)


def _rollout_layer(numbers: Numbers, layer: int, index: Index) -> Working:
    """The mean of the heads, half of it the identity, divided by what its row sums to."""
    query, key = index
    weights = numbers.row("block.attention.weights", layer, None, query, None).values
    of_heads = numbers.row("block.attention.weights", layer, None, query, key)
    heads, is_itself = len(of_heads.values), query == key
    total = sum_of(of_heads.values, (of_heads,), f"the weights of {heads} heads together", "weight of head m")
    whole = float(weights.mean(0).sum() / 2 + 0.5)
    half = total.total / heads / 2 + (0.5 if is_itself else 0.0)
    steps = (
        total.step(),
        Step("heads", float(heads), "÷"),
        Step("half of it attention", 2.0, "÷"),
        *((Step("half of it the skip path: the token itself", 0.5, "+"),) if is_itself else ()),
        Step("what the row sums to", whole, "÷"),
    )
    skip = r" + \tfrac{1}{2}" if is_itself else ""
    formula = (
        rf"\frac{{\tfrac{{1}}{{2}} \cdot \tfrac{{1}}{{{heads}}} \sum_{{h=1}}^{{{heads}}} <A>^{{(h)}}{at(*index)}"
        rf"{skip}}}{{\text{{sum of the row}}}}"
    )
    tolerance = rounding.SAFETY * rounding.UNIT * (heads + weights.shape[-1] ** 0.5 + 4) * half / whole
    return Working("attention_rollout", formula, steps, half / whole, tolerance, total)


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
    last, before = numbers.row("rollout.layer", layer, query, None), numbers.row("rollout.flow", layer - 1, None, key)
    return summed("attention_rollout", formula, last, before)


def _exponentials(numbers: Numbers, layer: int, index: Index) -> Working:
    logits = numbers.row("trace.logits", None, None)
    top = int(logits.values.argmax())
    own, most = logits.part(index[0]), logits.part(top)
    value = float(np.exp(own.value - most.value))
    steps = (own.step("the logit"), most.step("the largest logit", "−"), Step("exp of the difference", value, "="))
    formula = rf"\exp(<logits>{at(*index)} - <logits>{at(top)})"
    # the difference is rounded before the exponential makes its error a relative one
    error = rounding.UNIT * (abs(own.value - most.value) + rounding.FUNCTION) * value
    return Working("softmax_logits", formula, steps, value, rounding.SAFETY * error)


def _positions(numbers: Numbers, layer: int, index: Index) -> Working:
    """E_pos; where a change has put something else in its place, what z_0 has beyond the content."""
    learned = numbers.part("position_embedding", None, *index)
    if learned.value == numbers.at(numbers.address("trace.positions", None, *index)):
        return copied("Eq. 1", f"<E_pos>{at(*index)}", learned, "the position embedding, learned")
    return added(
        "Eq. 1",
        rf"<E_pos>{at(*index)} = <z_0>{at(*index)} - \text{{content}}",
        numbers.part("trace.hidden_states", 0, *index).step("z₀, the sum of content and position"),
        numbers.content(*index).step("the content", "−"),
    )


READ_OFF_RULES: dict[str, Rule] = {
    "block.attention_distance": _distance,
    "trace.exponentials": _exponentials,
    "trace.positions": _positions,
    "rollout.layer": _rollout_layer,
    "rollout.flow": _rollout_flow,
}
