"""Attention (Eq. 5-8): LayerNorm, q, k and v, the scores and weights, where a token looks, what it collects."""

import math
from collections.abc import Sequence
from typing import Any, Literal

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, stack

from explainer.notation.wording import number, percent, subscript, the_token, token_name
from explainer.origins import worked_out
from explainer.panels import (
    Bars,
    Looks,
    Matrix,
    Origin,
    Panel,
    Picture,
    Pixels,
    Scale,
    Strip,
    Strips,
    Tiles,
    Values,
    View,
)
from explainer.views.arrays import as_values, grid_size_of, on_grid
from explainer.views.compose import view
from explainer.views.scales import each, from_zero, symmetric
from vit_core.attention_maps import one_head
from vit_core.trace import AttentionTrace, check_layer

ALL_LAYERS_UP_TO = 2**20  # weights: of a small model all layers are sent together


def layer_norm(
    z: Float[Tensor, "tokens hidden"],
    normed: Float[Tensor, "tokens hidden"],
    gamma: Float[Tensor, " hidden"],
    beta: Float[Tensor, " hidden"],
    eps: float,
    token: int,
    symbol: str = "z",
) -> View:
    """LayerNorm of one token: minus its mean, over its deviation, times gamma, plus beta.

    Args:
        z: what enters, ``block.input`` (or ``block.after_attention`` before the MLP, ``hidden_states[-1]`` before y).
        normed: what the model made of it, ``block.attention_input`` (or ``block.mlp_input``).
        gamma: the norm's weight.
        beta: the norm's bias.
        eps: the norm's epsilon.
        token: the row, 0..N.
        symbol: how the paper calls what enters.
    """
    side = grid_size_of(z.shape[0])
    row, mean = z[token], float(z[token].mean())
    variance = float(row.var(unbiased=False))
    deviation = math.sqrt(variance)
    normal = (row - mean) / math.sqrt(variance + eps)
    part = "mlp" if symbol == "z′" else "attention"
    before, norm = "block.input" if part == "attention" else "block.after_attention", f"layer.{part}_norm"
    strips = Strips(
        title=f"LN({symbol}) of {the_token(token, side)}",
        caption=f"Mean μ = {number(mean)}, deviation σ = {number(deviation)} over the {row.shape[0]} numbers of this "
        "token. γ and β are learned.",
        strips=(
            Strip(symbol, as_values(row), symmetric(row), origin=Origin(before, (token, "place"))),
            Strip(
                f"({symbol} − μ) / √(σ² + ε)",
                as_values(normal),
                symmetric(normal),
                origin=Origin(f"block.{part}_normalised", (token, "place")),
            ),
            Strip("γ", as_values(gamma), symmetric(gamma), "z", "·", Origin(f"{norm}.weight", ("place",))),
            Strip("β", as_values(beta), symmetric(beta), "z", "+", Origin(f"{norm}.bias", ("place",))),
            Strip(
                f"LN({symbol})",
                as_values(normed[token]),
                symmetric(normed[token]),
                "z",
                "=",
                Origin(f"block.{part}_input", (token, "place")),
            ),
        ),
    )
    return view(
        f"LayerNorm of {the_token(token, side)}: its {row.shape[0]} numbers have mean {number(mean)} and deviation "
        f"{number(deviation)}; normalised, times γ (mean {number(gamma.mean())}), plus β (mean "
        f"{number(beta.mean())}), they run from {number(normed[token].min())} to "
        f"{number(normed[token].max())}.",
        (strips,),
    )


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


def looks(
    weights: Sequence[Float[Tensor, "heads tokens tokens"]], layer: int, head: int, token: int, pixels: Pixels
) -> View:
    """The picture under the pointer: where each token looks and who looks at it, in every head.

    Args:
        weights: A of every layer, ``trace.attention_weights``. For a large model only the chosen one is shown.
        layer: the chosen layer, 1..L.
        head: the chosen head, 1..k.
        token: the token shown until the pointer is on another.
        pixels: the picture as the model sees it.
    """
    check_layer(layer, len(weights))
    of_layer = weights[layer - 1]
    of_head = one_head(of_layer, head)
    count, side = of_layer.shape[0], grid_size_of(of_layer.shape[-1])
    is_small = len(weights) * of_layer.numel() <= ALL_LAYERS_UP_TO
    name = the_token(token, side)
    most, by = int(of_head[token].argmax()), int(of_head[:, token].argmax())
    panel = Looks(
        title="Where a token looks, and who looks at it",
        quantity="A",
        pixels=pixels,
        grid_size=side,
        weights=as_values(stack(tuple(weights)) if is_small else of_layer[None]),
        layers=tuple(range(1, len(weights) + 1)) if is_small else (layer,),
        layer=layer,
        head=head,
        token=token,
    )
    return view(
        f"The attention of layer {layer}, {_heads(count)} with {side * side + 1} tokens, to be explored from patch to "
        f"patch. In head {head}, {name} gives its largest weight, {number(of_head[token, most])}, to "
        f"{the_token(most, side)}; the largest weight that it gets itself, {number(of_head[by, token])}, is from "
        f"{the_token(by, side)}.",
        (panel,),
    )


def over_picture(weights: Float[Tensor, "heads tokens tokens"], head: int, token: int, pixels: Pixels) -> View:
    """Where a token looks, over the picture, as light and as heat; and how strongly every patch looks at it.

    Args:
        weights: A of the layer, ``block.attention.weights`` or ``trace.attention(layer)``.
        head: 1..k.
        token: the token that looks; a click on a patch chooses another.
        pixels: the picture as the model sees it.
    """
    of_head = one_head(weights, head)
    side, name = grid_size_of(of_head.shape[0]), the_token(token, grid_size_of(of_head.shape[0]))
    looks, seen = on_grid(of_head[token, 1:]), on_grid(of_head[1:, token])
    scale, best = from_zero(looks), int(of_head[token, 1:].argmax()) + 1
    left_out = f"weight on the class token, not drawn: {number(of_head[token, 0])}"
    common = {"pixels": pixels, "grid_size": side, "token": token, "pick_tokens": True, "quantity": "A"}
    given = common | {
        "class_value": float(of_head[token, 0]),
        "origin": Origin("block.attention.weights", (head - 1, token, "token")),
    }
    return view(
        f"Head {head}: {name} looks most at {token_name(best, side)} (weight {number(of_head[token, best])}); its "
        f"weight on the class token is {number(of_head[token, 0])}. The patch that looks most at it is "
        f"{token_name(int(seen.argmax()) + 1, side)} ({number(seen.max())}).",
        (
            _picture(
                "Where it looks: the light", f"Head {head}, {name}; {left_out}.", looks, scale, "spotlight", given
            ),
            _picture("Where it looks: the weights", "The same weights as colours.", looks, scale, "heat", given),
            _picture(
                "Who looks at it",
                f"The column of A: at most {number(seen.max())} from a patch, {number(of_head[0, token])} from the "
                "class token.",
                seen,
                from_zero(seen),
                "heat",
                common
                | {
                    "class_value": float(of_head[0, token]),
                    "origin": Origin("block.attention.weights", (head - 1, "token", token)),
                },
            ),
        ),
    )


def heads(
    weights: Float[Tensor, "heads tokens tokens"], token: int, pixels: Pixels, head: int, *, shared: bool = False
) -> View:
    """Where one token looks in every head of a layer.

    Args:
        weights: A of the layer.
        token: the token that looks.
        pixels: the picture as the model sees it.
        head: the chosen head, 1..k; a click on a tile chooses another.
        shared: one colour scale for all heads, instead of one for each.
    """
    one_head(weights, head)
    side, count = grid_size_of(weights.shape[-1]), weights.shape[0]
    name = the_token(token, side)
    maps = on_grid(weights[:, token, 1:])
    class_weights = weights[:, token, 0]
    strongest = int(maps.max(axis=(1, 2)).argmax())
    scales = (from_zero(maps),) if shared else each(maps)
    tiles = Tiles(
        title=f"All {_heads(count)}: where {name} looks",
        quantity="A",
        values=maps,
        scales=scales,
        labels=tuple(f"head {h + 1}" for h in range(count)),
        columns=tile_columns(count),
        selected=head - 1,
        picks=tuple({"head": h + 1} for h in range(count)),
        backdrop=pixels,
        token=token or None,
        tile_size=170,
        origin=Origin("block.attention.weights", ("tile", token, "place+1")),
        caption="Every map starts at 0. The weight on the class token is left out; it is between "
        f"{number(class_weights.min())} and {number(class_weights.max())}.",
    )
    best = int(weights[strongest, token, 1:].argmax()) + 1
    return view(
        f"{_heads(count)}: the sharpest is head {strongest + 1}, in which {name} gives "
        f"{token_name(best, side)} the weight {number(weights[strongest, token, best])}; the chosen head {head} "
        f"gives its strongest patch {number(maps[head - 1].max())}.",
        (tiles,),
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
                    f"{weight_text(weights[j])} · v, {token_name(int(j), side)}",
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
        title=f"The outputs of all {_heads(count)} for {name}",
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
        f"The outputs of {_heads(count)} for {name}, joined to {joint.shape[0]} numbers. Head "
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


def weight_text(weight: Tensor) -> str:
    """A weight with three decimals, so that labels of many weights are equally long."""
    return "< 0.001" if 0 < weight < 0.0005 else f"{float(weight):.3f}"


def tile_columns(count: int, most: int = 6) -> int:
    """Tiles per row: as many as fill all rows, at most ``most``."""
    return next((columns for columns in range(min(count, most), 2, -1) if count % columns == 0), min(count, most))


def _picture(
    title: str, caption: str, overlay: Values, scale: Scale, mode: Literal["heat", "spotlight"], common: Any
) -> Picture:
    return Picture(title=title, caption=caption, overlay=overlay, scale=scale, mode=mode, **common)


def _heads(count: int) -> str:
    return "1 head" if count == 1 else f"{count} heads"
