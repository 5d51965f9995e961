"""What the walk through the forward pass draws: slices of the real tensors, small enough to be sent all at once."""

from collections.abc import Iterator

import torch
from torch import Tensor

from explainer.notation.wording import subscript
from explainer.origins import Origin
from explainer.panels import Scale, WalkTensor
from explainer.views.arrays import as_values
from explainer.views.scales import from_zero, symmetric
from vit_core.attention_maps import one_head
from vit_core.config import ViTConfig
from vit_core.model import VisionTransformer
from vit_core.trace import BlockTrace, ForwardTrace

MOST_COLUMNS = 48  # of D that are drawn: wide enough to see a token's pattern, and a cell is still a few pixels
HEAD_COLUMNS = 24  # of D_h
MOST_BYTES = 7_000_000  # quantised to a byte each: a view of 8 MB is the largest that the app sends
SAMPLED = 20_000  # values of a tensor, evenly, of which the share below is measured
CELL = ("row", "column")  # where the numbers of a tensor's rows are
SHOWN = 0.99  # of the values lie inside a colour scale; a few outliers would make everything else pale


def columns_for(config: ViTConfig) -> int:
    """How many columns of D are drawn: fewer where very many tokens and layers would not fit ``MOST_BYTES``."""
    columns, wide = min(MOST_COLUMNS, config.hidden_size), config.mlp_size / config.hidden_size
    of_heads = 3 * min(HEAD_COLUMNS, config.head_size) + 2 * config.num_heads
    ends = 13 * 8  # the smallest and the largest value of each row, which travel with it
    while columns > 12 and (
        config.num_layers * config.num_tokens * ((6 + 2 * wide) * columns + of_heads + ends) > MOST_BYTES
    ):
        columns //= 2
    return columns


def embedding_tensors(model: VisionTransformer, trace: ForwardTrace) -> Iterator[WalkTensor]:
    """E, the class token, the positions, and what they make of the patches."""
    config = model.config
    columns = columns_for(config)
    z_0, x_p_e, places = trace.hidden_states[0], trace.patch_embeddings, model.position_embedding
    scale = clipped(z_0, x_p_e)
    # The rows of E that belong to the first pixels of a patch: as many as columns, so that its block is square.
    matrix = model.projection_matrix
    rows = min(columns, matrix.shape[0])
    yield WalkTensor(
        "0.projection",
        "E",
        "E",
        as_values(matrix[:rows, :columns]),
        clipped(matrix),
        sizes(config.patch_dim, config.hidden_size),
        f"rows 0…{rows - 1}, columns 0…{columns - 1}",
        Origin(
            "patch_projection.weight",
            (
                "column",
                f"row%{config.num_channels}",
                f"row//{config.num_channels * config.patch_size}",
                f"row//{config.num_channels}%{config.patch_size}",
            ),
        ),
    )
    yield _rows("0.patch_embeddings", "xₚE", "E", x_p_e, columns, scale, Origin("trace.patch_embeddings", CELL))
    yield _rows(
        "0.class_token",
        "x_{class}",
        "class_token",
        model.class_token,
        columns,
        clipped(model.class_token),
        Origin("class_token", CELL),
    )
    yield _rows(
        "0.position_embedding", "E_{pos}", "E_pos", places, columns, clipped(places), Origin("position_embedding", CELL)
    )
    yield _rows("0.output", "z₀", "z", z_0, columns, scale, Origin("trace.hidden_states", CELL, 0))


def layer_tensors(block: BlockTrace, layer: int, head: int, token: int, config: ViTConfig) -> Iterator[WalkTensor]:
    """What is drawn of one layer. The terms of its two sums share a scale; so does the MLP before and after GELU."""
    columns = columns_for(config)
    before, middle, after = f"z{subscript(layer - 1)}", f"z′{subscript(layer)}", f"z{subscript(layer)}"
    attention, mlp = block.attention, block.mlp
    first_sum = clipped(block.input, attention.output, block.after_attention)
    second_sum = clipped(block.after_attention, mlp.output, block.output)

    def tokens(
        field: str,
        symbol: str,
        quantity: str,
        values: Tensor,
        scale: Scale,
        most: int = columns,
        tensor: str = "",
        index: tuple[int | str, ...] = CELL,
    ) -> WalkTensor:
        origin = Origin(f"block.{tensor or field}", index, layer)
        return _rows(f"{layer}.{field}", symbol, quantity, values, most, scale, origin)

    yield tokens("input", before, "z", block.input, first_sum)
    normed = clipped(block.attention_input)
    yield tokens("attention_input", f"LN({before})", "z", block.attention_input, normed)
    for field, letter in (("query", "q"), ("key", "k"), ("value", "v")):
        values = one_head(getattr(attention, field), head)
        yield tokens(
            field, letter, letter, values, clipped(values), HEAD_COLUMNS, f"attention.{field}", (head - 1, *CELL)
        )
    scores, weights = attention.scores[:, token].T, attention.weights[:, token].T
    heads, count = attention.weights.shape[:2]
    shape, note = sizes(heads, count, count), f"row {token} of each head, as a column"
    of_scores, of_weights = (
        Origin(f"block.attention.{each}", ("column", token, "row"), layer) for each in ("scores", "weights")
    )
    yield WalkTensor(f"{layer}.scores", "S", "A", as_values(scores), symmetric(scores), shape, note, of_scores)
    # Full colour is the largest weight on a patch: the class token's can be so large that nothing else were seen.
    scale = from_zero(weights[1:])
    yield WalkTensor(f"{layer}.weights", "A", "A", as_values(weights), scale, shape, note, of_weights)
    outputs = attention.head_outputs[:, token]
    yield WalkTensor(
        f"{layer}.head_outputs",
        "SA(z)",
        "v",
        as_values(outputs[:, :HEAD_COLUMNS]),
        clipped(outputs),
        sizes(*outputs.shape),
        _note(outputs, HEAD_COLUMNS, "a row for each head"),
        Origin("block.attention.head_outputs", ("row", token, "column"), layer),
    )
    yield tokens("attention_output", "MSA(z)", "v", attention.output, first_sum, tensor="attention.output")
    yield tokens("after_attention", middle, "z", block.after_attention, first_sum)
    yield tokens("mlp_input", f"LN({middle})", "z", block.mlp_input, clipped(block.mlp_input))
    hidden, wide = clipped(mlp.hidden, mlp.activated), round(columns * config.mlp_size / config.hidden_size)
    yield tokens("hidden", "a", "mlp", mlp.hidden, hidden, wide, "mlp.hidden")
    yield tokens("activated", "GELU(a)", "mlp", mlp.activated, hidden, wide, "mlp.activated")
    # once more, on the scale of its second sum
    yield tokens("skip", middle, "z", block.after_attention, second_sum, tensor="after_attention")
    yield tokens("mlp_output", "MLP(z)", "mlp", mlp.output, second_sum, tensor="mlp.output")
    yield tokens("output", after, "z", block.output, second_sum)


def head_tensors(trace: ForwardTrace) -> Iterator[WalkTensor]:
    """From the class token to the probabilities, with all their numbers."""
    behind = trace.num_layers + 1
    state = trace.hidden_states[-1][:1]
    last = Origin("trace.hidden_states", (0, "column"), trace.num_layers)
    for field, symbol, quantity, values, scale in (
        ("state", f"z{subscript(trace.num_layers)}⁰", "class_token", state, clipped(state)),
        ("representation", "y", "y", trace.representation[None], clipped(trace.representation)),
        ("logits", "o", "y", trace.logits[None], symmetric(trace.logits)),
        ("probabilities", "p", "y", trace.probabilities[None], Scale(0.0, 1.0)),
    ):
        origin = last if field == "state" else Origin(f"trace.{field}", ("column",))
        shape = sizes(values.shape[1])
        yield WalkTensor(f"{behind}.{field}", symbol, quantity, as_values(values), scale, shape, origin=origin)


def clipped(*values: Tensor) -> Scale:
    """A scale for signed values, as wide as ``SHOWN`` of them need; what lies beyond has the colour of its end."""
    sample = torch.cat([each.detach().abs().flatten()[:: max(1, each.numel() // SAMPLED)] for each in values])
    high = float(sample.quantile(SHOWN)) or float(sample.max()) or 1.0
    return Scale(-high, high, diverging=True)


def sizes(*counts: int) -> str:
    """A shape as text: "65 × 256"."""
    return " × ".join(f"{count:,}" for count in counts)


def _rows(
    name: str, symbol: str, quantity: str, values: Tensor, columns: int, scale: Scale, origin: Origin
) -> WalkTensor:
    shape, note = sizes(*values.shape), _note(values, columns)
    return WalkTensor(name, symbol, quantity, as_values(values[:, :columns]), scale, shape, note, origin)


def _note(values: Tensor, columns: int, words: str = "") -> str:
    if values.shape[1] <= columns:
        return words
    part = f"columns 0…{columns - 1} of {values.shape[1]:,}"
    return f"{words}, {part}" if words else part
