"""The moments of the forward pass in their order: each with its equation, its shape, and a sentence of numbers."""

from collections.abc import Iterator, Sequence

from explainer.notation.wording import number, percent, sentence, the_token
from explainer.panels import WalkStep
from explainer.views.walk.moments import Subject, moment, placed
from explainer.views.walk.tensors import sizes
from vit_core.model import VisionTransformer
from vit_core.trace import ForwardTrace


def embedding_steps(model: VisionTransformer, trace: ForwardTrace, who: Subject) -> Iterator[WalkStep]:
    """From the pixels to z_0."""
    config, image = model.config, trace.image
    side, grid, patches, hidden = config.patch_size, config.grid_size, config.num_patches, config.hidden_size
    lengths = trace.patch_embeddings.norm(dim=1)
    longest, shortest = int(lengths.argmax()) + 1, int(lengths.argmin()) + 1
    place = float(model.position_embedding[who.token].detach().norm())
    before = model.class_token[0].detach() if who.token == 0 else trace.patch_embeddings[who.token - 1]
    steps = (
        moment(
            "picture",
            "The image",
            f"the only input of the model: {config.image_size} × {config.image_size} pixels in {config.num_channels} "
            f"colours, {image.numel():,} numbers, here from {number(image.min())} to {number(image.max())}.",
            "patchify",
            "x",
            sizes(config.image_size, config.image_size, config.num_channels),
            "patches",
        ),
        moment(
            "patches",
            "Patches lift off",
            f"the image is cut into {grid} × {grid} = {patches} patches of {side} × {side} pixels.",
            "patchify",
            "x_p",
            sizes(patches, side, side, config.num_channels),
            "patches",
        ),
        moment(
            "rows",
            "Every patch becomes a row",
            f"read pixel by pixel, each patch is a row of {side} · {side} · {config.num_channels} = "
            f"{config.patch_dim:,} numbers. Nothing is learned so far.",
            "patchify",
            "x_p",
            sizes(patches, config.patch_dim),
            "patches",
        ),
        moment(
            "projection",
            "Every row times E",
            f"one learned matrix turns each row of {config.patch_dim:,} numbers into {hidden:,}: lengths from "
            f"{number(lengths.min())} ({the_token(shortest, grid)}) to {number(lengths.max())} "
            f"({the_token(longest, grid)}).",
            "1",
            "x_p E",
            sizes(patches, hidden),
            "patches",
        ),
        moment(
            "class_token",
            "The class token joins",
            f"one learned row of length {number(model.class_token.detach().norm())} is put in front, the same for "
            f"every image. Now there are {config.num_tokens} tokens, and this one will gather the answer.",
            "1",
            "x_class",
            sizes(config.num_tokens, hidden),
            "embedding",
        ),
        moment(
            "positions",
            "Positions are added",
            f"a row describes what is in a patch, not where it is. {sentence(who.name)}, length "
            f"{number(before.norm())}, gets the learned vector of its place added, length {number(place)}: together "
            f"{number(trace.hidden_states[0][who.token].norm())}.",
            "1",
            "E_pos z_0",
            sizes(config.num_tokens, hidden),
            "embedding",
        ),
    )
    flow = {
        "projection": (("projection",), ("patch_embeddings",)),
        "class_token": (("patch_embeddings",), ("class_token",)),
        "positions": (("position_embedding",), ("output",)),
    }
    for step in steps:
        yield placed(step, 0, *flow.get(step.name, ((), ())))


def head_steps(model: VisionTransformer, trace: ForwardTrace, labels: Sequence[str]) -> Iterator[WalkStep]:
    """From the class token to the prediction."""
    config, logits, behind = model.config, trace.logits, trace.num_layers + 1
    top = trace.probabilities.topk(min(3, config.num_classes))
    first, *others = (f"{labels[int(c)]} {percent(p)}" for p, c in zip(top.values, top.indices, strict=True))
    best = int(top.indices[0])
    has_hidden = config.representation_size is not None
    state = trace.hidden_states[-1][0]
    yield placed(
        moment(
            "representation",
            "The class token is read",
            f"after {config.num_layers} layers the other {config.num_patches} tokens are no longer used. LayerNorm "
            f"turns the class token, length {number(state.norm())}, into y, length "
            f"{number(trace.representation.norm())}.",
            "4",
            "y z_L^0",
            sizes(config.hidden_size),
            "head",
        ),
        behind,
        ("state",),
        ("representation",),
    )
    yield placed(
        moment(
            "logits",
            "A score for every class",
            f"{'two dense layers turn' if has_hidden else 'one linear layer turns'} y into {config.num_classes:,} "
            f"logits from {number(logits.min())} to {number(logits.max())}, the highest for {labels[best]}.",
            "head_pre_logits" if has_hidden else "head",
            "logits",
            sizes(config.num_classes),
            "head",
        ),
        behind,
        ("representation",),
        ("logits",),
    )
    yield placed(
        moment(
            "softmax",
            "Scores become shares",
            f"the softmax makes them positive and sum to 1: {first}"
            + (f", then {', '.join(others)}." if others else "."),
            "softmax_logits",
            "p softmax",
            sizes(config.num_classes),
            "head",
        ),
        behind,
        ("logits",),
        ("probabilities",),
    )
    yield placed(
        moment(
            "prediction",
            "The prediction",
            f"the model predicts {labels[best]}, with {percent(top.values[0])}. The probabilities of its "
            f"{config.num_classes:,} classes sum to 1 even when none of them fits.",
            "softmax_logits",
            "p",
            sizes(config.num_classes),
            "head",
        ),
        behind,
        ("probabilities",),
        ("probabilities",),
    )
