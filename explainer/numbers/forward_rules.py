r"""The rule of every tensor of a trace: from which row and which column each of its numbers comes.

Formulas are templates of ``explainer.notation.templates`` with the number's own indices, which count from 0 as in
the code: ``<A>^{(2)}[12, 33]`` is head 2, token 12, token 33.
"""

from dataclasses import replace
from math import sqrt

import numpy as np

from explainer.numbers.rules import Index, Numbers, Rule, at, dense, layer_norm, sum_to
from explainer.numbers.workings import Row, Step, Working, added, bent, copied, shared_out, summed
from explainer.proofs.rounding import exact

EMBEDDED = r"<x_pE:(\mathbf{x}_p\mathbf{E})>"  # x_p E with room for an index
COLOURS = ("red", "green", "blue")

# Eq. 1: from the pixels to the tokens


def _image(numbers: Numbers, layer: int, index: Index) -> Working:
    here = numbers.part("trace.image", None, *index)
    if numbers.preprocess is None:
        return copied("", f"<x>{at(*index)}", here, "a number of the image, after preprocessing")
    mean, std = numbers.preprocess.mean[index[0]], numbers.preprocess.std[index[0]]
    pixel = (here.value * std + mean) * 255
    # A pixel is a whole number but where the picture was resized without rounding, as TensorFlow does.
    pixel = float(round(pixel)) if abs(pixel - round(pixel)) < 1e-3 else pixel
    colour = COLOURS[index[0]]
    steps = (
        Step(f"the {colour} of this pixel, 0 to 255, after resizing and cutting", pixel),
        Step("so that it lies between 0 and 1", 255.0, "÷"),
        Step(f"the mean of {colour}, as the checkpoint was trained", mean, "−"),
        Step("its deviation, as the checkpoint was trained", std, "÷"),
    )
    again = (pixel / 255 - mean) / std
    # four operations in 32 bits, and the difference may be small beside what is subtracted
    tolerance = 4 * 2.0**-24 * (pixel / 255 + abs(mean)) / std + 2.0**-23 * abs(again)
    formula = rf"<x>{at(*index)} = \frac{{{pixel:.6g} / 255 - {mean:g}}}{{{std:g}}}"
    return Working("", formula, steps, again, tolerance)


def _patches(numbers: Numbers, layer: int, index: Index) -> Working:
    """A number of a flattened patch, in which rows, columns and channels follow each other."""
    config, (patch, place) = numbers.model.config, index
    (row, column), size = divmod(patch, config.grid_size), config.patch_size
    rest, channel = divmod(place, config.num_channels)
    pixel = channel, row * size + rest // size, column * size + rest % size
    part = numbers.part("trace.image", None, *pixel)
    return copied("patchify", f"<x_p>{at(*index)} = <x>{at(*pixel)}", part, "the same number in the image")


def _patch_embeddings(numbers: Numbers, layer: int, index: Index) -> Working:
    patch, component = index
    config, name = numbers.model.config, "patch_projection"
    kernel = exact(numbers.parameters[f"{name}.weight"]).values[component]  # channels, rows, columns

    def place(j: int) -> Index:
        rest, channel = divmod(j, config.num_channels)
        return component, channel, *divmod(rest, config.patch_size)

    formula = (
        f"{EMBEDDED}{at(*index)} = {sum_to(config.patch_dim - 1)} <x_p>[{patch},\\,m] \\, <E>[m,\\,{component}]"
        f" + <b_E>{at(component)}"
    )
    return summed(
        name,
        formula,
        numbers.row("trace.patches", None, patch, None),
        Row(kernel.transpose(1, 2, 0).reshape(-1), lambda j: numbers.address(f"{name}.weight", None, *place(j))),
        numbers.part(f"{name}.bias", None, component),
    )


def _hidden_states(numbers: Numbers, layer: int, index: Index) -> Working:
    token, component = index
    if layer:
        return added(
            "Eq. 3",
            f"<z_l>{at(*index)} = <MLP>{at(*index)} + <z'_l>{at(*index)}",
            numbers.part("block.mlp.output", layer, *index).step("what the MLP adds"),
            numbers.part("block.after_attention", layer, *index).step("the skip path: the token after attention", "+"),
        )
    position = numbers.part("position_embedding", None, *index).step("the position embedding, learned", "+")
    if token == 0:
        what, words = f"<x_class>{at(0, component)}", "the class token, learned"
    else:
        what, words = f"{EMBEDDED}{at(token - 1, component)}", "the patch embedding"
    formula = f"<z_0>{at(*index)} = {what} + <E_pos>{at(*index)}"
    return added("Eq. 1", formula, numbers.content(token, component).step(words), position)


# Eq. 2, 3, 5-8: the insides of a layer


def _norm(part: str, result: str) -> Rule:
    """LayerNorm before attention or the MLP; without a symbol for the result, before γ and β."""
    tensor, offset, before = {
        "attention": ("trace.hidden_states", -1, "<z_{l-1}>"),
        "mlp": ("block.after_attention", 0, "<z'_l>"),
    }[part]

    def rule(numbers: Numbers, layer: int, index: Index) -> Working:
        shown, name = result and result + at(*index), f"blocks.{layer - 1}.{part}_norm"
        return layer_norm(numbers, "layer_norm", shown, before, tensor, layer + offset, index, name)

    return rule


def _dense(equation: str, result: str, before: str, tensor: str, name: str) -> Rule:
    """A dense layer of the MLP."""

    def rule(numbers: Numbers, layer: int, index: Index) -> Working:
        token, unit = index
        row, path = numbers.row(tensor, layer, token, None), f"blocks.{layer - 1}.{name}"
        return dense(numbers, equation, f"{result}{at(*index)}", rf"{before}[{token},\,", row, path, unit)

    return rule


def _projected(third: int, symbol: str) -> Rule:
    """q, k or v: a third of the columns of U_qkv each, and in it those of one head after the other."""

    def rule(numbers: Numbers, layer: int, index: Index) -> Working:
        head, token, component = index
        config, name = numbers.model.config, f"blocks.{layer - 1}.attention.qkv"
        column = third * config.hidden_size + head * config.head_size + component
        result, before = f"<{symbol}>^{{({head + 1})}}{at(token, component)}", rf"<LN(z_{{l-1}})>[{token},\,"
        row = numbers.row("block.attention_input", layer, token, None)
        return dense(numbers, "Eq. 5", result, before, row, name, column)

    return rule


def _scores(numbers: Numbers, layer: int, index: Index) -> Working:
    head, query, key = index
    size, above = numbers.model.config.head_size, f"^{{({head + 1})}}"
    formula = (
        rf"<S>{above}{at(query, key)} = \frac{{1}}{{\sqrt{{{size}}}}} {sum_to(size - 1)}"
        rf" <q>{above}[{query},\,m] \, <key>{above}[{key},\,m]"
    )
    queries = numbers.row("block.attention.query", layer, head, query, None)
    keys = numbers.row("block.attention.key", layer, head, key, None)
    return summed("scores", formula, queries, keys, divisor=sqrt(size))


def _weights(numbers: Numbers, layer: int, index: Index) -> Working:
    head, query, key = index
    last, above = numbers.model.config.num_tokens - 1, f"^{{({head + 1})}}"
    formula = (
        rf"<A>{above}{at(query, key)} = \frac{{\exp(<S>{above}{at(query, key)})}}"
        rf"{{{sum_to(last)} \exp(<S>{above}[{query},\,m])}}"
    )
    return shared_out("Eq. 6", formula, numbers.row("block.attention.scores", layer, head, query, None), key)


def _head_outputs(numbers: Numbers, layer: int, index: Index) -> Working:
    head, token, component = index
    above, last = f"^{{({head + 1})}}", numbers.model.config.num_tokens - 1
    formula = (
        rf"<SA:\operatorname{{SA}}>_{{{head + 1}}}{at(token, component)} = {sum_to(last)}"
        rf" <A>{above}[{token},\,m] \, <v>{above}[m,\,{component}]"
    )
    weights = numbers.row("block.attention.weights", layer, head, token, None)
    return summed("Eq. 7", formula, weights, numbers.row("block.attention.value", layer, head, None, component))


def _attention_output(numbers: Numbers, layer: int, index: Index) -> Working:
    (token, component), config, name = index, numbers.model.config, "block.attention.head_outputs"
    outputs = exact(numbers.tensor(name, layer)).values[:, token].reshape(-1)

    def place(m: int) -> Index:
        head, number = divmod(m, config.head_size)
        return head, token, number

    joined = Row(outputs, lambda m: numbers.address(name, layer, *place(m)))
    before = rf"[<SA:\operatorname{{SA}}>_1; \cdots; <SA:\operatorname{{SA}}>_{{{config.num_heads}}}][{token},\,"
    projection = f"blocks.{layer - 1}.attention.projection"
    return dense(numbers, "Eq. 8", f"<MSA>{at(*index)}", before, joined, projection, component)


def _after_attention(numbers: Numbers, layer: int, index: Index) -> Working:
    before = numbers.part("trace.hidden_states", layer - 1, *index)
    return added(
        "Eq. 2",
        f"<z'_l>{at(*index)} = <MSA>{at(*index)} + <z_{{l-1}}>{at(*index)}",
        numbers.part("block.attention.output", layer, *index).step("what attention adds"),
        before.step("the skip path: the token before the layer", "+"),
    )


def _activated(numbers: Numbers, layer: int, index: Index) -> Working:
    kind = numbers.model.config.gelu
    formula = rf"<GELU>(<a>{at(*index)}) = <a>{at(*index)} \cdot <Phi>(<a>{at(*index)})"
    before = numbers.part("block.mlp.hidden", layer, *index)
    return bent("gelu" if kind == "none" else "gelu_tanh", formula, before, kind)


# Eq. 4 and the head


def head_rules(source: str) -> dict[str, Rule]:
    """The rules of y, the head's hidden layer, logits and probabilities: of a "trace", or of the "lens" on its states.

    The lens applies the last LayerNorm and the head to the class token after any layer as if it were the last.
    """
    is_lens = source == "lens"

    def row(numbers: Numbers, layer: int, name: str) -> Row:
        return numbers.row(f"{source}.{name}", layer if is_lens else None, None)

    def representation(numbers: Numbers, layer: int, index: Index) -> Working:
        equation, before = ("logit_lens", "<z_l>") if is_lens else ("Eq. 4", "<z_L>")
        last = layer if is_lens else numbers.trace.num_layers
        return layer_norm(
            numbers, equation, f"<y>{at(*index)}", before, "trace.hidden_states", last, (0, *index), "norm"
        )

    def head_inputs(numbers: Numbers, layer: int, index: Index) -> Working:
        inputs, result = row(numbers, layer, "representation"), f"<y_tanh>{at(*index)}"
        inner = dense(numbers, "head_pre_logits", result, "<y>[", inputs, "head.pre_logits", *index)
        formula = inner.formula.replace(" = ", r" = \tanh\Big(", 1) + r"\Big)"
        steps = (*inner.steps, Step("before tanh", inner.recomputed, "="))
        return replace(inner, formula=formula, steps=steps, recomputed=float(np.tanh(inner.recomputed)))

    def logits(numbers: Numbers, layer: int, index: Index) -> Working:
        if numbers.model.head.pre_logits is None:
            equation, before, inputs = "head", "<y>[", row(numbers, layer, "representation")
        else:
            equation, before, inputs = "head_pre_logits", "<y_tanh>[", row(numbers, layer, "head_inputs")
        return dense(numbers, equation, f"<logits>{at(*index)}", before, inputs, "head.linear", *index)

    def probabilities(numbers: Numbers, layer: int, index: Index) -> Working:
        scores = row(numbers, layer, "logits")
        last = len(scores.values) - 1
        formula = rf"<p>{at(*index)} = \frac{{\exp(<logits>{at(*index)})}}{{{sum_to(last)} \exp(<logits>[m])}}"
        return shared_out("softmax_logits", formula, scores, index[0])

    rules = (representation, head_inputs, logits, probabilities)
    return {f"{source}.{rule.__name__}": rule for rule in rules}


FORWARD_RULES: dict[str, Rule] = {
    "trace.image": _image,
    "trace.patches": _patches,
    "trace.patch_embeddings": _patch_embeddings,
    "trace.hidden_states": _hidden_states,
    "block.attention_input": _norm("attention", "<LN(z_{l-1})>"),
    "block.attention.query": _projected(0, "q"),
    "block.attention.key": _projected(1, "key"),
    "block.attention.value": _projected(2, "v"),
    "block.attention.scores": _scores,
    "block.attention.weights": _weights,
    "block.attention.head_outputs": _head_outputs,
    "block.attention.output": _attention_output,
    "block.after_attention": _after_attention,
    "block.mlp_input": _norm("mlp", "<LN(z'_l)>"),
    "block.mlp.hidden": _dense("mlp", "<a>", "<LN(z'_l)>", "block.mlp_input", "mlp.expand"),
    "block.mlp.activated": _activated,
    "block.mlp.output": _dense("mlp", "<MLP>", "<GELU>(<a>)", "block.mlp.activated", "mlp.contract"),
    **head_rules("trace"),
    # before γ and β, and by the logit lens: what the pages read off a trace in the same way
    "block.attention_normalised": _norm("attention", ""),
    "block.mlp_normalised": _norm("mlp", ""),
    **head_rules("lens"),
}
