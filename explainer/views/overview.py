"""The whole model on one picture, in the order of the paper's Figure 1, each part with its real tensors."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, from_numpy
from torch.nn.functional import adaptive_avg_pool2d

from explainer.notation.wording import percent, subscript
from explainer.origins import Origin, averaged_from, worked_out
from explainer.panels import Bars, Flow, Matrix, Node, Panel, Picture, Pixels, Scale, Strip, Strips, Tiles, View
from explainer.stages import STAGES
from explainer.views import head as head_views
from explainer.views.arrays import THUMBNAIL_SIZE, as_values, averaged, on_grid
from explainer.views.compose import view
from explainer.views.scales import from_zero, symmetric
from vit_core.attention_maps import one_head
from vit_core.model import VisionTransformer
from vit_core.trace import BlockTrace, ForwardTrace

MOST_IN_LINE = 7  # six parts of Eq. 1 and the state that the shown layer reads, unless it is the first
MOSAIC_SIZE = 112  # pixels of the picture in the thumbnail of its patches, about


def pipeline(
    model: VisionTransformer,
    trace: ForwardTrace,
    block: BlockTrace,
    pixels: Pixels,
    labels: Sequence[str],
    layer: int,
    head: int,
) -> View:
    """The forward pass as a diagram; every node leads to the page that explains it.

    Args:
        model: the model.
        trace: one picture's forward pass.
        block: the insides of ``layer``, ``model.trace_block(trace, layer)``.
        pixels: the picture as the model sees it.
        labels: the names of the classes.
        layer: 1..L, whose tensors stand for the encoder's.
        head: 1..k, whose attention stands for the heads'.
    """
    config = model.config
    encoder = f"Transformer encoder: layer {layer} of {config.num_layers}"
    before = (_state_node("input", trace, layer - 1),) if layer > 1 else ()
    after = (_state_node("last", trace, config.num_layers),) if layer < config.num_layers else ()
    nodes = (
        *_embedding_nodes(model, trace, pixels),
        *before,
        *_encoder_nodes(block, layer, head, encoder, pixels),
        *after,
        *_head_nodes(trace, labels),
    )
    nodes = tuple(replace(node, page_title=STAGES[node.page].title) if node.page else node for node in nodes)
    best = int(trace.logits.argmax())
    flow = Flow(
        title="From the image to the prediction",
        nodes=nodes,
        columns=MOST_IN_LINE,
        skips=(("input" if before else "z", "after_attention"), ("after_attention", "output")),
        caption=f"The encoder has {config.num_layers} equal layers; the frame holds layer {layer}, with the "
        f"attention of head {head}. Matrices of more than {THUMBNAIL_SIZE} rows or columns are averaged for these "
        "thumbnails.",
    )
    return view(
        f"The model on this image: {config.num_patches} patches of {config.patch_size} by {config.patch_size} "
        f"pixels, each mapped to {config.hidden_size} numbers; with the class token {config.num_tokens} tokens pass "
        f"{config.num_layers} encoder layers of {config.num_heads} heads; from the class token the head predicts "
        f"{labels[best]} with {percent(trace.probabilities[best])}.",
        (flow,),
    )


def prediction(probabilities: Float[Tensor, " classes"], labels: Sequence[str]) -> View:
    """The five most probable classes: the same view as on the head's page."""
    return head_views.top_classes(probabilities, labels)


def _embedding_nodes(model: VisionTransformer, trace: ForwardTrace, pixels: Pixels) -> tuple[Node, ...]:
    config = model.config
    patches, hidden, tokens = config.num_patches, config.hidden_size, config.num_tokens
    return (
        Node(
            "image",
            "Image",
            "x",
            "image",
            f"{config.image_size} × {config.image_size} × {config.num_channels}",
            "patches",
            (Picture(title="", quantity="image", pixels=pixels),),
        ),
        Node(
            "patches",
            "Patches",
            "xₚ",
            "image",
            f"{patches} × {config.patch_dim}",
            "patches",
            (_mosaic(pixels, config.grid_size),),
        ),
        Node(
            "projection",
            "Linear projection",
            "xₚ E",
            "E",
            f"{patches} × {hidden}",
            "patches",
            (_matrix(trace.patch_embeddings, "E", "trace.patch_embeddings"),),
        ),
        Node(
            "class_token",
            "Class token, joined",
            "x_{class}",
            "class_token",
            f"1 × {hidden}",
            "embedding",
            (_strip(model.class_token[0], "class_token", "class_token", 0),),
            joins=";",
        ),
        Node(
            "position",
            "Position embedding, added",
            "E_{pos}",
            "E_pos",
            f"{tokens} × {hidden}",
            "embedding",
            (_matrix(model.position_embedding, "E_pos", "position_embedding"),),
            joins="+",
        ),
        Node(
            "z",
            "Embedded tokens",
            "z₀",
            "z",
            f"{tokens} × {hidden}",
            "embedding",
            (_matrix(trace.hidden_states[0], "z", "trace.hidden_states", layer=0),),
        ),
    )


def _state_node(name: str, trace: ForwardTrace, layer: int) -> Node:
    """The tokens after ``layer``: what the shown layer reads, or what the head reads."""
    state = trace.hidden_states[layer]
    return Node(
        name,
        f"After {layer} layer{'s' if layer > 1 else ''}",
        f"z{subscript(layer)}",
        "z",
        f"{state.shape[0]} × {state.shape[1]}",
        "encoder",
        (_matrix(state, "z", "trace.hidden_states", layer=layer),),
    )


def _encoder_nodes(block: BlockTrace, layer: int, head: int, group: str, pixels: Pixels) -> tuple[Node, ...]:
    tokens, hidden = block.input.shape
    weights, wide = one_head(block.attention.weights, head), block.mlp.hidden.shape[1]
    before, middle, after = f"z{subscript(layer - 1)}", f"z′{subscript(layer)}", f"z{subscript(layer)}"
    size = f"{tokens} × {hidden}"
    looks = on_grid(weights[0, 1:])
    lit = Picture(
        title="",
        quantity="A",
        pixels=pixels,
        overlay=looks,
        scale=from_zero(looks),
        mode="spotlight",
        origin=Origin("block.attention.weights", (head - 1, 0, "token"), layer),
    )

    def matrix(values: Tensor, quantity: str, field: str, index: tuple[int | str, ...] = ("row", "column")) -> Matrix:
        return _matrix(values, quantity, f"block.{field}", index, layer, from_zero if quantity == "A" else symmetric)

    return (
        Node(
            "attention_norm",
            "Norm",
            f"LN({before})",
            "z",
            size,
            "attention",
            (matrix(block.attention_input, "z", "attention_input"),),
            group,
        ),
        Node(
            "attention",
            "Multi-head attention",
            "A",
            "A",
            f"{len(block.attention.weights)} × {tokens} × {tokens}",
            "attention",
            (matrix(weights, "A", "attention.weights", (head - 1, "row", "column")), lit),
            group,
        ),
        Node(
            "after_attention",
            "Attention + skip",
            middle,
            "z",
            size,
            "attention",
            (matrix(block.after_attention, "z", "after_attention"),),
            group,
        ),
        Node(
            "mlp_norm",
            "Norm",
            f"LN({middle})",
            "z",
            size,
            "mlp",
            (matrix(block.mlp_input, "z", "mlp_input"),),
            group,
        ),
        Node(
            "mlp",
            "MLP",
            "MLP",
            "mlp",
            f"{tokens} × {wide}",
            "mlp",
            (matrix(block.mlp.activated, "mlp", "mlp.activated"),),
            group,
        ),
        Node("output", "MLP + skip", after, "z", size, "encoder", (matrix(block.output, "z", "output"),), group),
    )


def _head_nodes(trace: ForwardTrace, labels: Sequence[str]) -> tuple[Node, ...]:
    top = trace.probabilities.topk(min(3, len(trace.logits)))
    bars = Bars(
        title="",
        quantity="y",
        labels=tuple(labels[int(c)] for c in top.indices),
        values=as_values(top.values),
        format=".0%",
        low=0.0,
        high=1.0,
        origin=Origin("trace.probabilities", ("listed",), listed=tuple(int(c) for c in top.indices)),
    )
    return (
        Node(
            "representation",
            "Class token, normalised",
            "y",
            "y",
            f"{len(trace.representation)}",
            "head",
            (_strip(trace.representation, "y", "trace.representation"),),
        ),
        Node("prediction", "Classification head", "softmax", "y", f"{len(trace.logits)}", "head", (bars,)),
    )


def _mosaic(pixels: Pixels, grid_size: int) -> Tiles:
    """The patches apart from each other; bigger pictures are made smaller by averaging first."""
    size = min(pixels.shape[0] // grid_size, max(1, MOSAIC_SIZE // grid_size))
    picture = rearrange(from_numpy(np.array(pixels)).float(), "h w c -> c h w")
    small = adaptive_avg_pool2d(picture, (grid_size * size, grid_size * size))
    tiles = rearrange(small, "c (r p) (k q) -> (r k) p q c", p=size, q=size)
    return Tiles(
        title="",
        quantity="image",
        pixels=tiles.round().byte().numpy(),
        columns=grid_size,
        tile_size=max(6, 128 // grid_size),
    )


def _matrix(
    matrix: Tensor,
    quantity: str,
    tensor: str,
    index: tuple[int | str, ...] = ("row", "column"),
    layer: int | None = None,
    scale: Callable[[Tensor], Scale] = symmetric,
) -> Matrix:
    small, note = averaged(matrix)
    rows, columns = matrix.shape
    return Matrix(
        title="",
        quantity=quantity,
        values=small,
        scale=scale(from_numpy(small)),
        row_axis="",
        column_axis="",
        caption=note,
        max_height=120,
        origin=averaged_from(tensor, index, (rows, columns), THUMBNAIL_SIZE, layer=layer),
    )


def _strip(vector: Tensor, quantity: str, tensor: str, *before: int) -> Panel:
    small, note = averaged(vector.detach()[None])
    is_averaged = len(vector) > THUMBNAIL_SIZE
    place = f"place~{len(vector)}/{THUMBNAIL_SIZE}" if is_averaged else "place"
    origin = Origin(tensor, (*before, place))
    origin = worked_out("mean", origin) if is_averaged else origin
    strip = Strip("", small[0], symmetric(small), quantity, origin=origin)
    return Strips(title="", quantity=quantity, caption=note, strips=(strip,))
