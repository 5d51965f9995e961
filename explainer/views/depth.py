"""The encoder as a whole: what changes from layer to layer."""

import torch
from torch.nn.functional import cosine_similarity

from explainer.notation.wording import number, percent, subscript, the_token, token_name
from explainer.origins import cosine_of, norm_of, worked_out
from explainer.panels import Origin, Picture, Pixels, Plot, Series, Tiles, Values, View
from explainer.views.arrays import as_values, grid_size_of, on_grid, whole_numbers
from explainer.views.compose import view
from explainer.views.scales import each, from_zero, spanning
from vit_core.attention_maps import attention_rollout, mean_attention_distance, one_head
from vit_core.config import ViTConfig
from vit_core.model import VisionTransformer
from vit_core.trace import ForwardTrace, check_layer


def layers_by_heads(
    trace: ForwardTrace, token: int, layer: int, head: int, pixels: Pixels | None = None, *, shared: bool = False
) -> View:
    """Where one token looks, in every head of every layer: a row of tiles per layer.

    Args:
        trace: one picture's forward pass.
        token: the token that looks.
        layer: the chosen layer, 1..L; a click on a tile chooses layer and head.
        head: the chosen head, 1..k.
        pixels: the picture, drawn under the tiles if given.
        shared: one colour scale for all tiles, instead of one for each.
    """
    num_heads = one_head_count(trace, layer, head)
    side = grid_size_of(trace.hidden_states[0].shape[0])
    name = the_token(token, side)
    rows = torch.stack([weights[:, token] for weights in trace.attention_weights])  # layers heads tokens
    maps = on_grid(rows[:, :, 1:].flatten(0, 1))
    places = [(at, h) for at in range(1, trace.num_layers + 1) for h in range(1, num_heads + 1)]
    on_class = rows[:, :, 0].mean(1)
    tiles = Tiles(
        title=f"{trace.num_layers} layers × {num_heads} heads: where {name} looks",
        quantity="A",
        values=maps,
        scales=(from_zero(maps),) if shared else each(maps),
        columns=num_heads,
        backdrop=pixels,
        labels=tuple(f"layer {at}, head {h}" for at, h in places),
        selected=places.index((layer, head)),
        picks=tuple({"layer": at, "head": h} for at, h in places),
        token=token or None,
        tile_size=120,
        origin=Origin("block.attention.weights", (f"tile%{num_heads}", token, "place+1"), f"tile//{num_heads}+1"),
        caption="One row per layer, the first on top; every map starts at 0. Mean weight on the class token, "
        f"not drawn: {number(on_class[0])} in layer 1, {number(on_class[-1])} in layer "
        f"{trace.num_layers}.",
    )
    sharpest = places[int(maps.reshape(len(places), -1).max(axis=1).argmax())]
    return view(
        f"Attention of {name} in {trace.num_layers} layers with {num_heads} heads each. The largest "
        f"weight on a patch, {number(maps.max())}, is in layer {sharpest[0]}, head {sharpest[1]}; layer {layer}, "
        f"head {head} is outlined, its largest is {number(maps[places.index((layer, head))].max())}.",
        (tiles,),
    )


def one_head_count(trace: ForwardTrace, layer: int, head: int) -> int:
    """k, after refusing a layer or head that does not exist."""
    weights = trace.attention(layer)
    one_head(weights, head)
    return weights.shape[0]


def residual_norms(model: VisionTransformer, trace: ForwardTrace, token: int) -> dict[str, Values]:
    """Lengths of one token's skip, attention update, MLP update and output in every layer.

    Goes block by block and keeps four numbers of each, so that it needs the memory of one block.
    """
    lengths: dict[str, list[float]] = {"skip": [], "attention": [], "mlp": [], "output": []}
    for layer in range(1, trace.num_layers + 1):
        block = model.trace_block(trace, layer)
        lengths["skip"].append(float(block.input[token].norm()))
        lengths["attention"].append(float(block.attention.output[token].norm()))
        lengths["mlp"].append(float(block.mlp.output[token].norm()))
        lengths["output"].append(float(block.output[token].norm()))
    return {name: as_values(torch.tensor(values)) for name, values in lengths.items()}


def update_sizes(norms: dict[str, Values], token: int, grid_size: int, layer: int) -> View:
    """How long the skip path and the two updates are in every layer, for one token.

    Args:
        norms: what ``residual_norms`` gives.
        token: the token they belong to.
        grid_size: patches per side, for its name.
        layer: the chosen layer, marked; a click chooses another.
    """
    count = len(norms["skip"])
    check_layer(layer, count)
    layers = whole_numbers(range(1, count + 1))
    name = the_token(token, grid_size)
    at = layer - 1
    largest = int((norms["attention"] + norms["mlp"]).argmax()) + 1
    plot = Plot(
        title=f"Skip and updates of {name}",
        x_label="layer",
        y_label="length (norm)",
        selected_x=float(layer),
        pick="layer",
        caption=f"Layer {layer}: skip {number(norms['skip'][at])}, attention adds {number(norms['attention'][at])}, "
        f"MLP adds {number(norms['mlp'][at])}.",
        series=(
            Series(
                "skip, z before the layer",
                layers,
                norms["skip"],
                "z",
                origin=norm_of("trace.hidden_states", token, layer="point"),
            ),
            Series(
                "attention's update",
                layers,
                norms["attention"],
                "v",
                origin=norm_of("block.attention.output", token, layer="point+1"),
            ),
            Series(
                "MLP's update",
                layers,
                norms["mlp"],
                "mlp",
                origin=norm_of("block.mlp.output", token, layer="point+1"),
            ),
        ),
    )
    return view(
        f"Lengths over {count} layers for {name}: the skip path goes from {number(norms['skip'][0])} before layer 1 "
        f"to {number(norms['output'][-1])} after layer {count}; the updates are largest in layer {largest}, "
        f"{number(norms['attention'][largest - 1])} by attention and {number(norms['mlp'][largest - 1])} by the MLP.",
        (plot,),
    )


def class_token_path(trace: ForwardTrace, layer: int) -> View:
    """How close the class token is to its final state after every layer: the cosine of z_l^0 with z_L^0.

    Args:
        trace: one picture's forward pass.
        layer: the chosen layer, marked; a click chooses another.
    """
    check_layer(layer, trace.num_layers)
    states = torch.stack([z[0] for z in trace.hidden_states])
    cosines = cosine_similarity(states, states[-1:], dim=1)
    half = int((cosines > 0.5).float().argmax())
    final = f"z{subscript(trace.num_layers)}⁰"
    plot = Plot(
        title="The class token on its way",
        quantity="class_token",
        x_label="layer (0: before the first)",
        y_label="cosine with the end",
        selected_x=float(layer),
        pick="layer",
        caption=f"Cosine of the class token after each layer with {final}, its last state. After layer {layer}: "
        f"{number(cosines[layer])}.",
        series=(
            Series(
                "class token",
                whole_numbers(range(trace.num_layers + 1)),
                as_values(cosines),
                "class_token",
                origin=cosine_of(
                    Origin("trace.hidden_states", (0,), "point"),
                    Origin("trace.hidden_states", (0,), trace.num_layers),
                ),
            ),
        ),
    )
    return view(
        f"Cosine of the class token with its final state: {number(cosines[0])} before layer 1, "
        f"{number(cosines[layer])} after layer {layer}, 1 at the end; it first exceeds 0.5 "
        + ("before layer 1." if half == 0 else f"after layer {half}."),
        (plot,),
    )


def rollout(trace: ForwardTrace, pixels: Pixels, token: int = 0) -> View:
    """Attention rollout over the picture, as the paper's Fig. 6: how much of each patch has reached one token.

    Args:
        trace: one picture's forward pass.
        pixels: the picture as the model sees it.
        token: whose row of the rollout is drawn; the class token as in the paper.
    """
    row = attention_rollout(trace)[token]
    side = grid_size_of(row.shape[0])
    values = on_grid(row[1:])
    scale = spanning(values)
    best = int(row[1:].argmax()) + 1
    return view(
        f"Attention rollout over {trace.num_layers} layers: most of what reaches {the_token(token, side)} comes from "
        f"{token_name(best, side)} ({percent(row[best])}), the patches' median is "
        f"{percent(row[1:].median())}; {percent(row[0])} comes from the class token itself.",
        (
            Picture(title="The image", quantity="image", pixels=pixels, caption="As the model sees it."),
            Picture(
                title="Lit by attention rollout",
                quantity="A",
                pixels=pixels,
                overlay=values,
                scale=scale,
                mode="spotlight",
                smooth=True,
                caption=f"Black at {percent(scale.low)}, full light at {percent(scale.high)}; smooth between patches.",
            ),
            Picture(
                title="The same, patch by patch",
                quantity="A",
                pixels=pixels,
                grid_size=side,
                overlay=values,
                scale=scale,
                token=token,
                origin=Origin("rollout.flow", (token, "token"), trace.num_layers),
                caption=f"Even flow would give every token {percent(1 / row.shape[0])}.",
            ),
        ),
    )


def attention_distance(trace: ForwardTrace, config: ViTConfig, layer: int, head: int) -> View:
    """How far each head looks on average, one dot per head, as the paper's Fig. 7 (right), for one picture.

    Args:
        trace: one picture's forward pass.
        config: sizes of the model.
        layer: the chosen layer, marked; a click chooses another.
        head: the chosen head, 1..k.
    """
    num_heads = one_head_count(trace, layer, head)
    distances = mean_attention_distance(trace, config)
    layers = torch.arange(1, trace.num_layers + 1, dtype=torch.float32)
    means = distances.mean(1)
    plot = Plot(
        title="Mean attention distance",
        quantity="A",
        x_label="layer",
        y_label="pixels",
        selected_x=float(layer),
        pick="layer",
        height=300,
        caption=f"Distance from each patch to where it looks, weighted by A; this one image. Layer {layer}, "
        f"head {head}: {number(distances[layer - 1, head - 1])} of {config.image_size} pixels.",
        series=(
            Series(
                "one head",
                as_values(layers.repeat_interleave(num_heads)),
                as_values(distances.flatten()),
                "A",
                "points",
                tuple(f"layer {at + 1}, head {h + 1}" for at in range(trace.num_layers) for h in range(num_heads)),
                Origin("block.attention_distance", (f"point%{num_heads}",), f"point//{num_heads}+1"),
            ),
            Series(
                "mean of the heads",
                as_values(layers),
                as_values(means),
                "image",
                origin=worked_out("mean", Origin("block.attention_distance", ("*",), "point+1")),
            ),
            Series(
                "chosen head",
                as_values(layers[layer - 1 :][:1]),
                as_values(distances[layer - 1, head - 1 :][:1]),
                "y",
                "points",
                origin=Origin("block.attention_distance", (head - 1,), layer),
            ),
        ),
    )
    return view(
        f"Mean attention distance of {num_heads} heads in {trace.num_layers} layers: in layer 1 from "
        f"{number(distances[0].min())} to {number(distances[0].max())} pixels, in the last from "
        f"{number(distances[-1].min())} to {number(distances[-1].max())}; layer {layer}, head {head} has "
        f"{number(distances[layer - 1, head - 1])}.",
        (plot,),
    )
