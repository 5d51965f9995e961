"""The moments inside a layer: attention, then the MLP."""

from collections.abc import Iterator
from dataclasses import replace

from explainer.notation.wording import number, percent, subscript
from explainer.panels import WalkStep
from explainer.views.walk.moments import Subject, deviation, moment, placed
from explainer.views.walk.tensors import sizes
from vit_core.model import VisionTransformer
from vit_core.trace import BlockTrace

QUICK = ("weights", "attention_sum", "mlp_sum")  # what is shown of the layers that the reader has not entered


def layer_steps(model: VisionTransformer, block: BlockTrace, layer: int, who: Subject) -> Iterator[WalkStep]:
    """From z_{l-1} to z_l."""
    for step in (*_attention_steps(model, block, layer, who), *_mlp_steps(model, block, layer, who)):
        yield replace(step, is_detail=step.name not in QUICK)


def _attention_steps(model: VisionTransformer, block: BlockTrace, layer: int, who: Subject) -> Iterator[WalkStep]:
    config, attention, token, head = model.config, block.attention, who.token, who.head
    tokens, hidden, heads, size = config.num_tokens, config.hidden_size, config.num_heads, config.head_size
    z, update, total = block.input[token], attention.output[token], block.after_attention[token]
    q, k, v = (getattr(attention, name)[head - 1, token] for name in ("query", "key", "value"))
    scores, weights = attention.scores[head - 1, token], attention.weights[head - 1, token]
    top, order = int(scores.argmax()), weights.argsort(descending=True)
    few = min(5, tokens)
    in_head, all_heads = (f"in head {head} of {heads}", f"heads 1…{heads}")
    z_name, sum_name = f"z{subscript(layer - 1)}", f"z′{subscript(layer)}"
    yield placed(
        moment(
            "norm",
            "LayerNorm",
            f"each token alone is brought to mean 0 and standard deviation 1, then scaled: {who.name} came with "
            f"deviation {deviation(z)} and goes on with {deviation(block.attention_input[token])}.",
            "2",
            "LN",
            sizes(tokens, hidden),
            "attention",
        ),
        layer,
        ("input",),
        ("attention_input",),
    )
    yield placed(
        moment(
            "qkv",
            "Queries, keys, values",
            f"{in_head} every token gets a query, a key and a value of {size} numbers each; those of {who.name} have "
            f"lengths {number(q.norm())}, {number(k.norm())} and {number(v.norm())}.",
            "5",
            "q key v",
            "3 × " + sizes(heads, tokens, size),
            "attention",
        ),
        layer,
        ("attention_input",),
        ("query", "key", "value"),
    )
    yield placed(
        moment(
            "scores",
            "The query meets every key",
            f"{in_head} the query of {who.name} times each key, divided by √{size}, gives scores from "
            f"{number(scores.min())} to {number(scores.max())}, the highest with {who.other(top)}.",
            "scores",
            "S",
            sizes(heads, tokens, tokens),
            "attention",
        ),
        layer,
        ("query", "key"),
        ("scores",),
    )
    self_share = f"; to itself {percent(weights[token])}" if int(order[0]) != token else ""
    yield placed(
        moment(
            "weights",
            "Where it looks",
            f"the softmax turns the scores into shares: {in_head} {who.name} gives {percent(weights[order[0]])} of "
            f"its attention to {who.other(int(order[0]))}{self_share}.",
            "6",
            "A",
            sizes(heads, tokens, tokens),
            "attention",
        ),
        layer,
        ("scores",),
        ("weights",),
    )
    yield placed(
        moment(
            "mix",
            "It takes what it looks at",
            f"the values are averaged with these shares; {percent(weights[order[:few]].sum())} come from {few} of the "
            f"{tokens} tokens. The result has length {number(attention.head_outputs[head - 1, token].norm())} "
            f"{in_head}.",
            "7",
            "A v SA",
            sizes(heads, tokens, size),
            "attention",
        ),
        layer,
        ("weights", "value"),
        ("head_outputs",),
    )
    yield placed(
        moment(
            "join",
            "The heads are joined",
            f"{all_heads} lay their results side by side, and U_{{msa}} mixes them into one update of {hidden:,} "
            f"numbers, of length {number(update.norm())} for {who.name}. The same happens for every token.",
            "8",
            "MSA U_msa",
            sizes(tokens, hidden),
            "attention",
        ),
        layer,
        ("head_outputs",),
        ("attention_output",),
    )
    yield placed(
        moment(
            "attention_sum",
            "Added to the token",
            f"{who.name} had length {number(z.norm())} in {z_name}, the update has {number(update.norm())}: "
            f"{sum_name} has {number(total.norm())}.",
            "2",
            "z'_l MSA z_{l-1}",
            sizes(tokens, hidden),
            "attention",
        ),
        layer,
        ("input", "attention_output"),
        ("after_attention",),
    )


def _mlp_steps(model: VisionTransformer, block: BlockTrace, layer: int, who: Subject) -> Iterator[WalkStep]:
    config, mlp, token = model.config, block.mlp, who.token
    tokens, hidden, wide = config.num_tokens, config.hidden_size, config.mlp_size
    z, update, total = block.after_attention[token], mlp.output[token], block.output[token]
    a, activated = mlp.hidden[token], mlp.activated[token]
    yield placed(
        moment(
            "mlp_norm",
            "LayerNorm again",
            f"{who.name} comes with deviation {deviation(z)} and goes on with {deviation(block.mlp_input[token])}. "
            "From here on each token is processed alone.",
            "3",
            "LN",
            sizes(tokens, hidden),
            "mlp",
        ),
        layer,
        ("after_attention",),
        ("mlp_input",),
    )
    yield placed(
        moment(
            "expand",
            "The MLP expands",
            f"W_{{1}} makes {wide:,} numbers of {hidden:,}; for {who.name} {percent((a > 0).float().mean())} of them "
            "are above zero.",
            "mlp",
            "z W_1 b_1",
            sizes(tokens, wide),
            "mlp",
        ),
        layer,
        ("mlp_input",),
        ("hidden",),
    )
    yield placed(
        moment(
            "gelu",
            "GELU",
            f"values far below zero vanish: from {number(a.min())} … {number(a.max())} to {number(activated.min())} "
            f"… {number(activated.max())} for {who.name}.",
            "mlp",
            "GELU",
            sizes(tokens, wide),
            "mlp",
        ),
        layer,
        ("hidden",),
        ("activated",),
    )
    yield placed(
        moment(
            "contract",
            "The MLP contracts",
            f"W_{{2}} brings {wide:,} numbers back to {hidden:,}: an update of length {number(update.norm())} for "
            f"{who.name}.",
            "mlp",
            "MLP W_2 b_2",
            sizes(tokens, hidden),
            "mlp",
        ),
        layer,
        ("activated",),
        ("mlp_output",),
    )
    yield placed(
        moment(
            "mlp_sum",
            "Added again",
            f"{who.name} had length {number(z.norm())} in z′{subscript(layer)}, the MLP adds {number(update.norm())}: "
            f"z{subscript(layer)} has {number(total.norm())}. Layer {layer} of {config.num_layers} is done.",
            "3",
            "z_l MLP z'_l",
            sizes(tokens, hidden),
            "mlp",
        ),
        layer,
        ("skip", "mlp_output"),
        ("output",),
    )
