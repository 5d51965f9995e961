r"""The rules of what follows the encoder (Eq. 4, the head), at its end and, for the logit lens, after every layer."""

import numpy as np

from explainer.numbers.rules import Index, Numbers, Rule, at, norm_formula, sum_to
from explainer.numbers.workings import Step, Working, normalised, shared_out, summed


def head_rules(source: str) -> dict[str, Rule]:
    """The rules of y, the head's hidden layer, logits and probabilities: of a "trace", or of the "lens" on its states.

    The lens applies the last LayerNorm and the head to the class token after any layer as if it were the last.
    """
    is_lens = source == "lens"

    def layer_of(layer: int) -> int | None:
        return layer if is_lens else None

    def representation(numbers: Numbers, layer: int, index: Index) -> Working:
        last = layer if is_lens else numbers.trace.num_layers
        before = "<z_l>" if is_lens else "<z_L>"
        return normalised(
            "logit_lens" if is_lens else "Eq. 4",
            norm_formula(f"<y>{at(*index)}", before, (0, *index)),
            numbers.row("trace.hidden_states", last, 0, None),
            index[0],
            numbers.model.norm,
            "norm",
        )

    def head_inputs(numbers: Numbers, layer: int, index: Index) -> Working:
        (unit,), last = index, numbers.model.config.hidden_size - 1
        formula = (
            rf"<y_tanh>{at(unit)} = \tanh\Big({sum_to(last)} <y>[m] \, <W_pre>[m,\,{unit}] + <b_pre>{at(unit)}\Big)"
        )
        inner = summed(
            "head_pre_logits",
            formula,
            numbers.row(f"{source}.representation", layer_of(layer), None),
            numbers.row("head.pre_logits.weight", None, unit, None),
            numbers.part("head.pre_logits.bias", None, unit),
        )
        value = float(np.tanh(inner.recomputed))
        return Working(
            inner.equation,
            formula,
            (*inner.steps, Step("before tanh", inner.recomputed, "=")),
            value,
            inner.tolerance,
            inner.sum_words,
            inner.terms,
            inner.rest,
            inner.rest_count,
        )

    def logits(numbers: Numbers, layer: int, index: Index) -> Working:
        has_hidden = numbers.model.head.pre_logits is not None
        inputs = numbers.row(f"{source}.{'head_inputs' if has_hidden else 'representation'}", layer_of(layer), None)
        symbol, (label,) = "<y_tanh>" if has_hidden else "<y>", index
        formula = (
            f"<logits>{at(label)} = {sum_to(len(inputs.values) - 1)} {symbol}[m] \\, <W_head>[m,\\,{label}]"
            f" + <b_head>{at(label)}"
        )
        return summed(
            "head_pre_logits" if has_hidden else "head",
            formula,
            inputs,
            numbers.row("head.linear.weight", None, label, None),
            numbers.part("head.linear.bias", None, label),
        )

    def probabilities(numbers: Numbers, layer: int, index: Index) -> Working:
        scores = numbers.row(f"{source}.logits", layer_of(layer), None)
        last = len(scores.values) - 1
        formula = rf"<p>{at(*index)} = \frac{{\exp(<logits>{at(*index)})}}{{{sum_to(last)} \exp(<logits>[m])}}"
        return shared_out("softmax_logits", formula, scores, index[0])

    rules = {
        "representation": representation,
        "head_inputs": head_inputs,
        "logits": logits,
        "probabilities": probabilities,
    }
    return {f"{source}.{name}": rule for name, rule in rules.items()}
