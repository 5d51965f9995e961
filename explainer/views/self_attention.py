"""Self-attention in its steps (Eq. 5-8): q, k and v, scores and weights, what a head collects, the heads joined."""

import math

from einops import rearrange
from torch import Tensor

from explainer.notation.wording import number, percent, subscript, the_token, token_name
from explainer.origins import worked_out
from explainer.panels import (
    Bars,
    Matrix,
    Origin,
    Panel,
    Strip,
    Strips,
    View,
)
from explainer.views.arrays import as_values, grid_size_of
from explainer.views.attention import head_count
from explainer.views.compose import view
from explainer.views.scales import from_zero, symmetric
from vit_core.attention_maps import one_head
from vit_core.trace import AttentionTrace


def query_key_value(attention: AttentionTrace, head: int, token: int) -> View:
    """q, k and v of one head (Eq. 5): one row per token.

    Args:
        attention: the layer's attention, ``block.attention``.
        head: 1..k.
        token: the row to outline; a click on a row chooses another.
    """
    q, k, v = (one_head(each, head) for each in (attention.query, attention.key, attention.value))
    side = grid_size_of(q.shape[0])

    def matrix(name: str, field: str, values: Tensor, caption: str) -> Panel:
        return Matrix(
            title=name,
            quantity=name,
            caption=caption,
            values=as_values(values),
            scale=symmetric(values),
            row_axis="tokens",
            column_axis="head size",
            row=token,
            pick="row",
            origin=Origin(f"block.attention.{field}", (head - 1, "row", "column")),
        )

    return view(
        f"Queries, keys and values of head {head}: three matrices of {q.shape[0]} tokens by {q.shape[1]} numbers. For "
        f"{the_token(token, side)} their norms are {number(q[token].norm())}, {number(k[token].norm())} "
        f"and {number(v[token].norm())}.",
        (
            matrix("q", "query", q, "What each token looks for."),
            matrix("k", "key", k, "What each token contains."),
            matrix("v", "value", v, "What each token passes on."),
        ),
    )


def score_steps(attention: AttentionTrace, head: int, token: int) -> View:
    """Eq. 6 in three steps: q k^T, divided by the root of D_h, softmax along each row.

    Args:
        attention: the layer's attention, ``block.attention``.
        head: 1..k.
        token: the query row to outline and to write out; a click on a row chooses another.
    """
    q, k = one_head(attention.query, head), one_head(attention.key, head)
    products, scores, weights = q @ k.T, one_head(attention.scores, head), one_head(attention.weights, head)
    side, root = grid_size_of(q.shape[0]), math.sqrt(q.shape[1])
    name = the_token(token, side)

    def product(row: int | str, column: str) -> Origin:
        return worked_out(
            "dot",
            Origin("block.attention.query", (head - 1, row, "*")),
            Origin("block.attention.key", (head - 1, column, "*")),
        )

    def matrix(title: str, values: Tensor, caption: str, field: str = "") -> Panel:
        scale = from_zero(values) if values is weights else symmetric(values)
        of_field = Origin(f"block.attention.{field}", (head - 1, "row", "column"))
        origin = of_field if field else product("row", "column")
        return Matrix(
            title=title,
            quantity="A",
            caption=caption,
            values=as_values(values),
            scale=scale,
            row_axis="tokens (query)",
            column_axis="tokens (key)",
            row=token,
            pick="row",
            origin=origin,
        )

    shared = symmetric(products[token], scores[token])
    strips = Strips(
        title=f"The row of {name}",
        quantity="A",
        axis="token",
        caption=f"After the softmax the row sums to {number(weights[token].sum())}.",
        strips=(
            Strip("q kᵀ", as_values(products[token]), shared, "A", origin=product(token, "place")),
            Strip(
                f"÷ √{q.shape[1]}",
                as_values(scores[token]),
                shared,
                "A",
                origin=Origin("block.attention.scores", (head - 1, token, "place")),
            ),
            Strip(
                "softmax",
                as_values(weights[token]),
                from_zero(weights[token]),
                "A",
                origin=Origin("block.attention.weights", (head - 1, token, "place")),
            ),
        ),
    )
    best = int(weights[token].argmax())
    return view(
        f"Head {head}: q kᵀ from {number(products.min())} to {number(products.max())}, divided by "
        f"√{q.shape[1]} = {number(root)}, then softmax along each row. In the row of {name} the largest score, "
        f"{number(scores[token, best])}, becomes the weight {number(weights[token, best])}, on "
        f"{the_token(best, side)}.",
        (
            matrix("q kᵀ", products, "Every query with every key."),
            matrix(f"q kᵀ / √{q.shape[1]}", scores, f"The same, {number(root)} times smaller.", "scores"),
            matrix("A = softmax", weights, "Every row sums to 1.", "weights"),
        ),
        (strips,),
    )


def head_output(attention: AttentionTrace, head: int, token: int, count: int = 6) -> View:
    """Eq. 7 for one token: the value vectors times their weights; the strongest few, the rest, and the sum SA.

    Args:
        attention: the layer's attention, ``block.attention``.
        head: 1..k.
        token: the token that collects.
        count: how many value vectors are shown alone.
    """
    v, side = one_head(attention.value, head), grid_size_of(attention.output.shape[0])
    name = the_token(token, side)
    weights, result = one_head(attention.weights, head)[token], one_head(attention.head_outputs, head)[token]
    terms = weights[:, None] * v
    strongest = weights.topk(min(count, len(weights))).indices
    others = terms.sum(0) - terms[strongest].sum(0)
    scale = symmetric(terms[strongest], others, result)
    rest = weights.double().sum() - weights[strongest].double().sum()
    share, symbol = 1 - float(rest), f"SA{subscript(head)}"
    strips = Strips(
        title=f"A v for {name}, head {head}",
        quantity="v",
        weight=2.0,
        caption=f"The {len(strongest)} strongest hold {percent(share)} of the weight.",
        strips=(
            *(
                Strip(
                    f"{_weight_text(weights[j])} · v, {token_name(int(j), side)}",
                    as_values(terms[j]),
                    scale,
                    "v",
                    "+" if index else "",
                    _term(head, token, int(j)),
                )
                for index, j in enumerate(strongest)
            ),
            Strip(f"the other {len(weights) - len(strongest)} tokens", as_values(others), scale, "v", "+"),
            Strip(
                f"{symbol}",
                as_values(result),
                scale,
                "v",
                "=",
                Origin("block.attention.head_outputs", (head - 1, token, "place")),
            ),
        ),
    )
    bars = Bars(
        title="Their weights",
        quantity="A",
        labels=tuple(token_name(int(j), side) for j in strongest),
        values=as_values(weights[strongest]),
        picks=tuple({"token": int(j)} for j in strongest),
        caption=f"Uniform attention would give every token {number(1 / len(weights))}.",
        origin=Origin("block.attention.weights", (head - 1, token, "listed"), listed=tuple(int(j) for j in strongest)),
    )
    best = int(strongest[0])
    return view(
        f"Head {head} gives {name} the sum of all value vectors, each times its weight. The "
        f"strongest comes from {the_token(best, side)} (weight {number(weights[best])}); the {len(strongest)} "
        f"strongest together have {percent(share)} of the weight. The sum {symbol} has norm {number(result.norm())}.",
        (bars, strips),
    )


def joined(attention: AttentionTrace, head: int, token: int) -> View:
    """Eq. 8 for one token: the outputs of all heads one after another, and what U_msa makes of them.

    Args:
        attention: the layer's attention, ``block.attention``.
        head: the chosen head, 1..k, named in the text.
        token: the row.
    """
    name = the_token(token, grid_size_of(attention.output.shape[0]))
    outputs, result = attention.head_outputs[:, token], attention.output[token]
    one_head(outputs, head)
    count, size = outputs.shape
    joint = rearrange(outputs, "h d -> (h d)")
    scale, norms = symmetric(outputs), outputs.norm(dim=1)
    of_heads = Strips(
        title=f"The outputs of all {head_count(count)} for {name}",
        quantity="v",
        caption=f"D_{{h}} = {outputs.shape[1]} numbers from each head.",
        strips=tuple(
            Strip(
                f"SA{subscript(h + 1)}",
                as_values(outputs[h]),
                scale,
                "v",
                origin=Origin("block.attention.head_outputs", (h, token, "place")),
            )
            for h in range(count)
        ),
    )
    together = Strips(
        title="Side by side, then through U_{msa}",
        quantity="v",
        caption=f"{count} · {outputs.shape[1]} = {joint.shape[0]} numbers become {result.shape[0]}.",
        strips=(
            Strip(
                f"[SA₁; …; SA{subscript(count)}]",
                as_values(joint),
                scale,
                "v",
                origin=Origin("block.attention.head_outputs", (f"place//{size}", token, f"place%{size}")),
            ),
            Strip(
                "MSA",
                as_values(result),
                symmetric(result),
                "v",
                "=",
                Origin("block.attention.output", (token, "place")),
            ),
        ),
    )
    strongest = int(norms.argmax()) + 1
    return view(
        f"The outputs of {head_count(count)} for {name}, joined to {joint.shape[0]} numbers. Head "
        f"{strongest} gives the largest, norm {number(norms.max())}; head {head} has norm "
        f"{number(norms[head - 1])}; after the output projection the norm is {number(result.norm())}.",
        (of_heads,),
        (together,),
    )


def _term(head: int, token: int, other: int) -> Origin:
    """A weight times a value vector."""
    return worked_out(
        "product",
        Origin("block.attention.weights", (head - 1, token, other)),
        Origin("block.attention.value", (head - 1, other, "place")),
    )


def _weight_text(weight: Tensor) -> str:
    """A weight with three decimals, so that labels of many weights are equally long."""
    return "< 0.001" if 0 < weight < 0.0005 else f"{float(weight):.3f}"
