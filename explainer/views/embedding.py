"""Embedding (Eq. 1): class token and patch embeddings, plus positions, give z_0; what the positions have learned."""

from jaxtyping import Float
from torch import Tensor

from explainer.notation.wording import number, sentence, superscript, the_token, token_name
from explainer.origins import cosine_of, one_each
from explainer.panels import Matrix, Origin, Panel, Scale, Strip, Strips, Tiles, View
from explainer.views.arrays import as_values, first_columns, grid_size_of, on_grid
from explainer.views.compose import view
from explainer.views.scales import symmetric
from vit_core.positions import position_similarity as position_similarity_of
from vit_core.trace import ForwardTrace


def sum_of_token(
    trace: ForwardTrace,
    class_token: Float[Tensor, "1 hidden"],
    position_embedding: Float[Tensor, "tokens hidden"],
    token: int,
) -> View:
    """One row of Eq. 1 in real values: what the token is, plus where it is, gives its row of z_0.

    Args:
        trace: one picture's forward pass.
        class_token: ``model.class_token``.
        position_embedding: E_pos, ``model.position_embedding``.
        token: the row, 0..N.
    """
    side = grid_size_of(position_embedding.shape[0])
    name = the_token(token, side)
    content = class_token[0] if token == 0 else trace.patch_embeddings[token - 1]
    position, state = position_embedding[token], trace.hidden_states[0][token]
    scale = symmetric(content, position, state)
    label, quantity = ("x_{class}", "class_token") if token == 0 else (f"xₚ{superscript(token)} E", "E")
    of_content = (
        Origin("trace.patch_embeddings", (token - 1, "place")) if token else Origin("class_token", (0, "place"))
    )
    strips = Strips(
        title=f"Eq. 1 for {name}",
        caption=f"Lengths (norms) of {number(content.norm())} and {number(position.norm())} give "
        f"{number(state.norm())}.",
        strips=(
            Strip(label, as_values(content), scale, quantity, origin=of_content),
            Strip(
                f"E_{{pos}}, row {token}",
                as_values(position),
                scale,
                "E_pos",
                "+",
                Origin("position_embedding", (token, "place")),
            ),
            Strip(
                f"z₀, row {token}",
                as_values(state),
                scale,
                "z",
                "=",
                Origin("trace.hidden_states", (token, "place"), 0),
            ),
        ),
    )
    what = "the learned class token" if token == 0 else "its patch embedding"
    return view(
        f"{sentence(name)}: {what} of norm {number(content.norm())} plus its position embedding of norm "
        f"{number(position.norm())} gives its row of z₀, norm {number(state.norm())}.",
        (strips,),
    )


def sequence(
    trace: ForwardTrace,
    class_token: Float[Tensor, "1 hidden"],
    position_embedding: Float[Tensor, "tokens hidden"],
    token: int,
) -> View:
    """Eq. 1 for the whole sequence: three matrices, one row per token, the class token on top.

    Args:
        trace: one picture's forward pass.
        class_token: ``model.class_token``.
        position_embedding: E_pos, ``model.position_embedding``.
        token: the row to outline; a click on a row chooses another.
    """
    side = grid_size_of(position_embedding.shape[0])
    embeddings = class_token.new_zeros(position_embedding.shape)
    embeddings[:1], embeddings[1:] = class_token.detach(), trace.patch_embeddings
    state = trace.hidden_states[0]
    shared, of_positions = symmetric(embeddings, state), symmetric(position_embedding)

    def matrix(title: str, quantity: str, values: Tensor, scale: Scale, caption: str, origin: Origin) -> Panel:
        shown, axis = first_columns(values, "hidden")
        return Matrix(
            title=title,
            quantity=quantity,
            caption=caption,
            values=shown,
            scale=scale,
            row_axis="tokens",
            column_axis=axis,
            row=token,
            pick="row",
            origin=origin,
        )

    return view(
        f"Three matrices of {state.shape[0]} tokens by {state.shape[1]} numbers: the embeddings with the class token "
        f"on top, plus the position embeddings, give z₀. The row of {the_token(token, side)} is outlined; its norm in "
        f"z₀ is {number(state[token].norm())}, the mean of all rows {number(state.norm(dim=1).mean())}.",
        (
            matrix(
                "[x_{class}; xₚ¹E; …; xₚᴺE]",
                "E",
                embeddings,
                shared,
                "Row 0, the class token, is learned; the others come from the image.",
                one_each(
                    Origin("class_token", ("row", "column")), Origin("trace.patch_embeddings", ("row-1", "column"))
                ),
            ),
            matrix(
                "+ E_{pos}",
                "E_pos",
                position_embedding,
                of_positions,
                "Learned; the same for every image.",
                Origin("position_embedding", ("row", "column")),
            ),
            matrix(
                "= z₀",
                "z",
                state,
                shared,
                "The sum: what enters the encoder.",
                Origin("trace.hidden_states", ("row", "column"), 0),
            ),
        ),
    )


def position_similarity(position_embedding: Float[Tensor, "tokens hidden"], token: int) -> View:
    """Cosine similarity of position embeddings, as the paper's Fig. 7 (centre); the class position is left out.

    Args:
        position_embedding: E_pos, ``model.position_embedding``.
        token: the position shown large; a click on a tile chooses another. For 0, the class token's position is
            compared with those of the patches.
    """
    side = grid_size_of(position_embedding.shape[0])
    similarity = position_similarity_of(position_embedding)
    of_patches, chosen = similarity[1:, 1:], similarity[token, 1:]
    scale = Scale(-1.0, 1.0, diverging=True)
    others = chosen.clone()
    if token and side > 1:
        others[token - 1] = -2.0  # below every cosine: a position is not its own neighbour
    nearest = int(others.argmax()) + 1
    large = Tiles(
        title=f"Position of {the_token(token, side)}",
        quantity="E_pos",
        values=on_grid(chosen)[None],
        scales=(scale,),
        columns=1,
        token=token or None,
        tile_size=320,
        weight=0.7,
        origin=cosine_of(Origin("position_embedding", ("place+1",)), Origin("position_embedding", (token,))),
        caption=f"Cosine with every patch position, from {number(chosen.min())} to {number(others.max())}"
        + (" (its own 1 left aside)" if token else "")
        + ".",
    )
    tiles = Tiles(
        title="All patch positions",
        quantity="E_pos",
        values=on_grid(of_patches),
        scales=(scale,),
        columns=side,
        selected=token - 1 if token else None,
        picks=tuple({"token": each} for each in range(1, side**2 + 1)),
        labels=tuple(token_name(each, side) for each in range(1, side**2 + 1)),
        tile_size=64,
        origin=cosine_of(Origin("position_embedding", ("tile+1",)), Origin("position_embedding", ("place+1",))),
        caption="Each tile is one position and lies where its patch lies.",
    )
    return view(
        f"The position embedding of {the_token(token, side)} is most similar to that of {token_name(nearest, side)} "
        f"(cosine {number(others.max())}) and least to {token_name(int(chosen.argmin()) + 1, side)} "
        f"({number(chosen.min())}); {side * side} small tiles show the same for every position.",
        (large, tiles),
    )
