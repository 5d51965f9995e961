r"""The rules of one layer (Eq. 2, 3, 5-8): from which row and which column each number of its tensors comes."""

from math import sqrt

from explainer.numbers.rules import Index, Numbers, Rule, at, norm_formula, sum_to
from explainer.numbers.workings import Row, Working, added, bent, normalised, shared_out, summed
from explainer.proofs.rounding import exact


def _attention_input(numbers: Numbers, layer: int, index: Index) -> Working:
    return normalised(
        "layer_norm",
        norm_formula(f"<LN(z_{{l-1}})>{at(*index)}", "<z_{l-1}>", index),
        numbers.row("trace.hidden_states", layer - 1, index[0], None),
        index[1],
        numbers.model.block(layer).attention_norm,
        f"blocks.{layer - 1}.attention_norm",
    )


def _mlp_input(numbers: Numbers, layer: int, index: Index) -> Working:
    return normalised(
        "layer_norm",
        norm_formula(f"<LN(z'_l)>{at(*index)}", "<z'_l>", index),
        numbers.row("block.after_attention", layer, index[0], None),
        index[1],
        numbers.model.block(layer).mlp_norm,
        f"blocks.{layer - 1}.mlp_norm",
    )


def _projected(third: int, symbol: str) -> Rule:
    def rule(numbers: Numbers, layer: int, index: Index) -> Working:
        head, token, component = index
        config = numbers.model.config
        column = third * config.hidden_size + head * config.head_size + component
        name = f"blocks.{layer - 1}.attention.qkv"
        formula = (
            f"<{symbol}>^{{({head + 1})}}{at(token, component)} = {sum_to(config.hidden_size - 1)}"
            f" <LN(z_{{l-1}})>[{token},\\,m] \\, <U_qkv>[m,\\,{column}] + <U_qkv:\\mathbf{{b}}_{{qkv}}>{at(column)}"
        )
        return summed(
            "Eq. 5",
            formula,
            numbers.row("block.attention_input", layer, token, None),
            numbers.row(f"{name}.weight", None, column, None),
            numbers.part(f"{name}.bias", None, column),
        )

    return rule


def _scores(numbers: Numbers, layer: int, index: Index) -> Working:
    head, query, key = index
    size = numbers.model.config.head_size
    formula = (
        rf"<S>^{{({head + 1})}}{at(query, key)} = \frac{{1}}{{\sqrt{{{size}}}}} {sum_to(size - 1)}"
        rf" <q>^{{({head + 1})}}[{query},\,m] \, <key>^{{({head + 1})}}[{key},\,m]"
    )
    return summed(
        "scores",
        formula,
        numbers.row("block.attention.query", layer, head, query, None),
        numbers.row("block.attention.key", layer, head, key, None),
        divisor=sqrt(size),
    )


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
    return summed(
        "Eq. 7",
        formula,
        numbers.row("block.attention.weights", layer, head, token, None),
        numbers.row("block.attention.value", layer, head, None, component),
    )


def _attention_output(numbers: Numbers, layer: int, index: Index) -> Working:
    token, component = index
    config, name = numbers.model.config, f"blocks.{layer - 1}.attention.projection"
    outputs = exact(numbers.tensor("block.attention.head_outputs", layer)).values[:, token].reshape(-1)
    joined = Row(
        outputs,
        lambda m: numbers.address(
            "block.attention.head_outputs", layer, m // config.head_size, token, m % config.head_size
        ),
    )
    formula = (
        rf"<MSA>{at(*index)} = {sum_to(config.hidden_size - 1)} [<SA:\operatorname{{SA}}>_1; \cdots;"
        rf" <SA:\operatorname{{SA}}>_{{{config.num_heads}}}][{token},\,m] \, <U_msa>[m,\,{component}]"
        rf" + <U_msa:\mathbf{{b}}_{{msa}}>{at(component)}"
    )
    return summed(
        "Eq. 8",
        formula,
        joined,
        numbers.row(f"{name}.weight", None, component, None),
        numbers.part(f"{name}.bias", None, component),
    )


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
    formula = f"<a>{at(*index)} = {sum_to(last)} <LN(z'_l)>[{token},\\,m] \\, <W_1>[m,\\,{unit}] + <b_1>{at(unit)}"
    return summed(
        "mlp",
        formula,
        numbers.row("block.mlp_input", layer, token, None),
        numbers.row(f"{name}.weight", None, unit, None),
        numbers.part(f"{name}.bias", None, unit),
    )


def _activated(numbers: Numbers, layer: int, index: Index) -> Working:
    kind = numbers.model.config.gelu
    formula = rf"<GELU>(<a>{at(*index)}) = <a>{at(*index)} \cdot <Phi>(<a>{at(*index)})"
    before = numbers.part("block.mlp.hidden", layer, *index)
    return bent("gelu" if kind == "none" else "gelu_tanh", formula, before, kind)


def _mlp_output(numbers: Numbers, layer: int, index: Index) -> Working:
    token, component = index
    name, last = f"blocks.{layer - 1}.mlp.contract", numbers.model.config.mlp_size - 1
    formula = (
        f"<MLP>{at(*index)} = {sum_to(last)} <GELU>(<a>)[{token},\\,m] \\, <W_2>[m,\\,{component}]"
        f" + <b_2>{at(component)}"
    )
    return summed(
        "mlp",
        formula,
        numbers.row("block.mlp.activated", layer, token, None),
        numbers.row(f"{name}.weight", None, component, None),
        numbers.part(f"{name}.bias", None, component),
    )


LAYER_RULES: dict[str, Rule] = {
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
}
