r"""The rule of every tensor of a trace: from which row and which column each of its numbers comes.

Formulas are templates of ``explainer.notation`` with the number's own indices, which count from 0 as in the code:
``<A>^{(2)}[12, 33]`` is head 2, token 12, token 33.
"""

from collections.abc import Callable
from math import sqrt

import numpy as np

from explainer.number_address import TENSORS, Address
from explainer.number_rules import (
    Index,
    Numbers,
    Row,
    Step,
    Working,
    added,
    bent,
    copied,
    normalised,
    shared_out,
    summed,
)  # fmt: skip
from explainer.rounding import exact

Rule = Callable[[Numbers, int, Index], Working]  # the layer is 0 where there is none
EMBEDDED = r"<x_pE:(\mathbf{x}_p\mathbf{E})>"  # x_p E with room for an index


def at(*index: int) -> str:
    """An index as LaTeX."""
    return "[" + r",\,".join(map(str, index)) + "]"


def _sum(last: int) -> str:
    return rf"\sum_{{m=0}}^{{{last}}}"


def _image(numbers: Numbers, layer: int, index: Index) -> Working:
    here = numbers.part("trace.image", None, *index)
    if numbers.preprocess is None:
        return copied("", f"<x>{at(*index)}", here, "a number of the picture, after preprocessing")
    mean, std = numbers.preprocess.mean[index[0]], numbers.preprocess.std[index[0]]
    pixel = (here.value * std + mean) * 255
    # A pixel is a whole number but where the picture was resized without rounding, as TensorFlow does.
    pixel = float(round(pixel)) if abs(pixel - round(pixel)) < 1e-3 else pixel
    colour = ("red", "green", "blue")[index[0]]
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


def _pixel_of(numbers: Numbers, patch: int, place: int) -> Index:
    """Channel, row and column in the picture of a number of a flattened patch: rows, columns, channels inside it."""
    config = numbers.model.config
    (row, column), size = divmod(patch, config.grid_size), config.patch_size
    rest, channel = divmod(place, config.num_channels)
    return channel, row * size + rest // size, column * size + rest % size


def _patches(numbers: Numbers, layer: int, index: Index) -> Working:
    pixel = _pixel_of(numbers, *index)
    part = numbers.part("trace.image", None, *pixel)
    return copied("patchify", f"<x_p>{at(*index)} = <x>{at(*pixel)}", part, "the same number in the picture")


def _patch_embeddings(numbers: Numbers, layer: int, index: Index) -> Working:
    patch, component = index
    config = numbers.model.config
    size, channels = config.patch_size, config.num_channels
    kernel = exact(numbers.parameters["patch_projection.weight"]).values[component]  # channels, rows, columns
    column = Row(
        kernel.transpose(1, 2, 0).reshape(-1),
        lambda j: Address(
            "patch_projection.weight", None, (component, j % channels, *divmod(j // channels, size))
        ),
    )
    bias = numbers.part("patch_projection.bias", None, component)
    formula = (
        f"{EMBEDDED}{at(*index)} = {_sum(config.patch_dim - 1)} <x_p>[{patch},\\,m] \\, <E>[m,\\,{component}]"
        f" + <b_E>{at(component)}"
    )
    return summed("patch_projection", formula, numbers.row("trace.patches", None, patch, None), column, bias)


def _hidden_states(numbers: Numbers, layer: int, index: Index) -> Working:
    token, component = index
    if layer:
        return added(
            "Eq. 3",
            f"<z_l>{at(*index)} = <MLP>{at(*index)} + <z'_l>{at(*index)}",
            ("what the MLP adds", numbers.part("block.mlp.output", layer, *index)),
            ("the skip path: the token after attention", numbers.part("block.after_attention", layer, *index)),
        )
    position = numbers.part("position_embedding", None, *index)
    if token == 0:
        what, content = f"<x_class>{at(0, component)}", numbers.part("class_token", None, 0, component)
        words = "the class token, learned"
    else:
        what, content = f"{EMBEDDED}{at(token - 1, component)}", numbers.part(
            "trace.patch_embeddings", None, token - 1, component
        )  # fmt: skip
        words = "the patch embedding"
    formula = f"<z_0>{at(*index)} = {what} + <E_pos>{at(*index)}"
    return added("Eq. 1", formula, (words, content), ("the position embedding, learned", position))


def _norm(result: str, before: str, index: Index) -> str:
    return (
        rf"{result} = <gamma>{at(index[-1])} \, \frac{{{before}{at(*index)} - <mu>}}{{\sqrt{{<sigma>^2 + <eps>}}}}"
        rf" + <beta>{at(index[-1])}"
    )


def _attention_input(numbers: Numbers, layer: int, index: Index) -> Working:
    return normalised(
        "layer_norm", _norm(f"<LN(z_{{l-1}})>{at(*index)}", "<z_{l-1}>", index),
        numbers.row("trace.hidden_states", layer - 1, index[0], None), index[1],
        numbers.model.block(layer).attention_norm, f"blocks.{layer - 1}.attention_norm",
    )  # fmt: skip


def _mlp_input(numbers: Numbers, layer: int, index: Index) -> Working:
    return normalised(
        "layer_norm", _norm(f"<LN(z'_l)>{at(*index)}", "<z'_l>", index),
        numbers.row("block.after_attention", layer, index[0], None), index[1],
        numbers.model.block(layer).mlp_norm, f"blocks.{layer - 1}.mlp_norm",
    )  # fmt: skip


def _projected(third: int, symbol: str) -> Rule:
    def rule(numbers: Numbers, layer: int, index: Index) -> Working:
        head, token, component = index
        config = numbers.model.config
        column = third * config.hidden_size + head * config.head_size + component
        name = f"blocks.{layer - 1}.attention.qkv"
        formula = (
            f"<{symbol}>^{{({head + 1})}}{at(token, component)} = {_sum(config.hidden_size - 1)}"
            f" <LN(z_{{l-1}})>[{token},\\,m] \\, <U_qkv>[m,\\,{column}] + <U_qkv:\\mathbf{{b}}_{{qkv}}>{at(column)}"
        )
        return summed(
            "Eq. 5", formula, numbers.row("block.attention_input", layer, token, None),
            numbers.row(f"{name}.weight", None, column, None), numbers.part(f"{name}.bias", None, column),
        )  # fmt: skip

    return rule


def _scores(numbers: Numbers, layer: int, index: Index) -> Working:
    head, query, key = index
    size = numbers.model.config.head_size
    formula = (
        rf"<S>^{{({head + 1})}}{at(query, key)} = \frac{{1}}{{\sqrt{{{size}}}}} {_sum(size - 1)}"
        rf" <q>^{{({head + 1})}}[{query},\,m] \, <key>^{{({head + 1})}}[{key},\,m]"
    )
    return summed(
        "scores", formula, numbers.row("block.attention.query", layer, head, query, None),
        numbers.row("block.attention.key", layer, head, key, None), divisor=sqrt(size),
    )  # fmt: skip


def _weights(numbers: Numbers, layer: int, index: Index) -> Working:
    head, query, key = index
    last, above = numbers.model.config.num_tokens - 1, f"^{{({head + 1})}}"
    formula = (
        rf"<A>{above}{at(query, key)} = \frac{{\exp(<S>{above}{at(query, key)})}}"
        rf"{{{_sum(last)} \exp(<S>{above}[{query},\,m])}}"
    )
    return shared_out("Eq. 6", formula, numbers.row("block.attention.scores", layer, head, query, None), key)


def _head_outputs(numbers: Numbers, layer: int, index: Index) -> Working:
    head, token, component = index
    above = f"^{{({head + 1})}}"
    formula = (
        rf"<SA:\operatorname{{SA}}>_{{{head + 1}}}{at(token, component)} = {_sum(numbers.model.config.num_tokens - 1)}"
        rf" <A>{above}[{token},\,m] \, <v>{above}[m,\,{component}]"
    )
    return summed(
        "Eq. 7", formula, numbers.row("block.attention.weights", layer, head, token, None),
        numbers.row("block.attention.value", layer, head, None, component),
    )  # fmt: skip


def _attention_output(numbers: Numbers, layer: int, index: Index) -> Working:
    token, component = index
    config, name = numbers.model.config, f"blocks.{layer - 1}.attention.projection"
    outputs = exact(numbers.tensor("block.attention.head_outputs", layer)).values[:, token].reshape(-1)
    joined = Row(
        outputs,
        lambda m: Address("block.attention.head_outputs", layer, (m // config.head_size, token, m % config.head_size)),
    )
    formula = (
        rf"<MSA>{at(*index)} = {_sum(config.hidden_size - 1)} [<SA:\operatorname{{SA}}>_1; \cdots;"
        rf" <SA:\operatorname{{SA}}>_{{{config.num_heads}}}][{token},\,m] \, <U_msa>[m,\,{component}]"
        rf" + <U_msa:\mathbf{{b}}_{{msa}}>{at(component)}"
    )
    return summed(
        "Eq. 8", formula, joined, numbers.row(f"{name}.weight", None, component, None),
        numbers.part(f"{name}.bias", None, component),
    )  # fmt: skip


def _after_attention(numbers: Numbers, layer: int, index: Index) -> Working:
    return added(
        "Eq. 2",
        f"<z'_l>{at(*index)} = <MSA>{at(*index)} + <z_{{l-1}}>{at(*index)}",
        ("what attention adds", numbers.part("block.attention.output", layer, *index)),
        ("the skip path: the token before the layer", numbers.part("trace.hidden_states", layer - 1, *index)),
    )


def _hidden(numbers: Numbers, layer: int, index: Index) -> Working:
    token, unit = index
    name, last = f"blocks.{layer - 1}.mlp.expand", numbers.model.config.hidden_size - 1
    formula = f"<a>{at(*index)} = {_sum(last)} <LN(z'_l)>[{token},\\,m] \\, <W_1>[m,\\,{unit}] + <b_1>{at(unit)}"
    return summed(
        "mlp", formula, numbers.row("block.mlp_input", layer, token, None),
        numbers.row(f"{name}.weight", None, unit, None), numbers.part(f"{name}.bias", None, unit),
    )  # fmt: skip


def _activated(numbers: Numbers, layer: int, index: Index) -> Working:
    kind = numbers.model.config.gelu
    formula = rf"<GELU>(<a>{at(*index)}) = <a>{at(*index)} \cdot <Phi>(<a>{at(*index)})"
    before = numbers.part("block.mlp.hidden", layer, *index)
    return bent("gelu" if kind == "none" else "gelu_tanh", formula, before, kind)


def _mlp_output(numbers: Numbers, layer: int, index: Index) -> Working:
    token, component = index
    name, last = f"blocks.{layer - 1}.mlp.contract", numbers.model.config.mlp_size - 1
    formula = (
        f"<MLP>{at(*index)} = {_sum(last)} <GELU>(<a>)[{token},\\,m] \\, <W_2>[m,\\,{component}] + <b_2>{at(component)}"
    )
    return summed(
        "mlp", formula, numbers.row("block.mlp.activated", layer, token, None),
        numbers.row(f"{name}.weight", None, component, None), numbers.part(f"{name}.bias", None, component),
    )  # fmt: skip


def _representation(numbers: Numbers, layer: int, index: Index) -> Working:
    last = numbers.trace.num_layers
    return normalised(
        "Eq. 4", _norm(f"<y>{at(*index)}", "<z_L>", (0, *index)),
        numbers.row("trace.hidden_states", last, 0, None), index[0], numbers.model.norm, "norm",
    )  # fmt: skip


def _head_inputs(numbers: Numbers, layer: int, index: Index) -> Working:
    (unit,), last = index, numbers.model.config.hidden_size - 1
    formula = (
        rf"<y_tanh>{at(unit)} = \tanh\Big({_sum(last)} <y>[m] \, <W_pre>[m,\,{unit}] + <b_pre>{at(unit)}\Big)"
    )
    inner = summed(
        "head_pre_logits", formula, numbers.row("trace.representation", None, None),
        numbers.row("head.pre_logits.weight", None, unit, None), numbers.part("head.pre_logits.bias", None, unit),
    )  # fmt: skip
    value = float(np.tanh(inner.recomputed))
    return Working(
        inner.equation, formula, (*inner.steps, Step("before tanh", inner.recomputed, "=")), value, inner.tolerance,
        inner.sum_words, inner.terms, inner.rest, inner.rest_count,
    )  # fmt: skip


def _logits(numbers: Numbers, layer: int, index: Index) -> Working:
    has_hidden = numbers.model.head.pre_logits is not None
    inputs = numbers.row("trace.head_inputs" if has_hidden else "trace.representation", None, None)
    symbol, (label,) = "<y_tanh>" if has_hidden else "<y>", index
    formula = (
        f"<logits>{at(label)} = {_sum(len(inputs.values) - 1)} {symbol}[m] \\, <W_head>[m,\\,{label}]"
        f" + <b_head>{at(label)}"
    )
    return summed(
        "head_pre_logits" if has_hidden else "head", formula, inputs,
        numbers.row("head.linear.weight", None, label, None), numbers.part("head.linear.bias", None, label),
    )  # fmt: skip


def _probabilities(numbers: Numbers, layer: int, index: Index) -> Working:
    logits = numbers.row("trace.logits", None, None)
    formula = (
        rf"<p>{at(*index)} = \frac{{\exp(<logits>{at(*index)})}}{{{_sum(len(logits.values) - 1)} \exp(<logits>[m])}}"
    )
    return shared_out("softmax_logits", formula, logits, index[0])


RULES: dict[str, Rule] = {
    "trace.image": _image,
    "trace.patches": _patches,
    "trace.patch_embeddings": _patch_embeddings,
    "trace.hidden_states": _hidden_states,
    "block.attention_input": _attention_input,
    "block.attention.query": _projected(0, "q"),
    "block.attention.key": _projected(1, "key"),
    "block.attention.value": _projected(2, "v"),
    "block.attention.scores": _scores,
    "block.attention.weights": _weights,
    "block.attention.head_outputs": _head_outputs,
    "block.attention.output": _attention_output,
    "block.after_attention": _after_attention,
    "block.mlp_input": _mlp_input,
    "block.mlp.hidden": _hidden,
    "block.mlp.activated": _activated,
    "block.mlp.output": _mlp_output,
    "trace.representation": _representation,
    "trace.head_inputs": _head_inputs,
    "trace.logits": _logits,
    "trace.probabilities": _probabilities,
}


def symbol_of(address: Address) -> str:
    """The symbol of a number of a trace with its index, as a template."""
    name, index = address.tensor, address.index
    if name == "block.attention.head_outputs":
        return rf"<SA:\operatorname{{SA}}>_{{{index[0] + 1}}}{at(*index[1:])}"
    if name == "block.mlp.activated":
        return f"<GELU>(<a>{at(*index)})"
    if TENSORS[name].axes[0] == "heads":
        return f"<{TENSORS[name].symbol}>^{{({index[0] + 1})}}{at(*index[1:])}"
    symbols = {"trace.patch_embeddings": EMBEDDED, "block.attention.output": "<MSA>", "block.mlp.output": "<MLP>"}
    return symbols.get(name, f"<{TENSORS[name].symbol}>") + at(*index)
