"""The moments of the forward pass in their order: each with its equation, its shape, and a sentence of numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from explainer.notation.wording import number, percent, sentence, subscript, the_token
from explainer.panels import WalkStep
from explainer.stages import STAGES
from explainer.views.walk.tensors import sizes
from vit_core.model import VisionTransformer
from vit_core.trace import BlockTrace, ForwardTrace

QUICK = ("weights", "attention_sum", "mlp_sum")  # what is shown of the layers that the reader has not entered


@dataclass(frozen=True)
class Subject:
    """Whose way through the model is shown: one token's, in one head where heads differ."""

    token: int
    head: int
    grid_size: int

    @property
    def name(self) -> str:
        """ "the class token", "the patch in row 2, column 3"."""
        return the_token(self.token, self.grid_size)

    def other(self, token: int) -> str:
        """Another token, or the same."""
        return "itself" if token == self.token else the_token(token, self.grid_size)


def _step(name: str, title: str, words: str, equation: str, lit: str, shape: str, page: str) -> WalkStep:
    return WalkStep(name, title, sentence(words), equation, tuple(lit.split()), shape, page, STAGES[page].title)


def embedding_steps(model: VisionTransformer, trace: ForwardTrace, who: Subject) -> Iterator[WalkStep]:
    """From the pixels to z_0."""
    config, image = model.config, trace.image
    side, grid, patches, hidden = config.patch_size, config.grid_size, config.num_patches, config.hidden_size
    lengths = trace.patch_embeddings.norm(dim=1)
    longest, shortest = int(lengths.argmax()) + 1, int(lengths.argmin()) + 1
    place = float(model.position_embedding[who.token].detach().norm())
    before = model.class_token[0].detach() if who.token == 0 else trace.patch_embeddings[who.token - 1]
    steps = (
        _step(
            "picture",
            "The image",
            f"the only input of the model: {config.image_size} × {config.image_size} pixels in {config.num_channels} "
            f"colours, {image.numel():,} numbers, here from {number(image.min())} to {number(image.max())}.",
            "patchify",
            "x",
            sizes(config.image_size, config.image_size, config.num_channels),
            "patches",
        ),
        _step(
            "patches",
            "Patches lift off",
            f"the image is cut into {grid} × {grid} = {patches} patches of {side} × {side} pixels.",
            "patchify",
            "x_p",
            sizes(patches, side, side, config.num_channels),
            "patches",
        ),
        _step(
            "rows",
            "Every patch becomes a row",
            f"read pixel by pixel, each patch is a row of {side} · {side} · {config.num_channels} = "
            f"{config.patch_dim:,} numbers. Nothing is learned so far.",
            "patchify",
            "x_p",
            sizes(patches, config.patch_dim),
            "patches",
        ),
        _step(
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
        _step(
            "class_token",
            "The class token joins",
            f"one learned row of length {number(model.class_token.detach().norm())} is put in front, the same for "
            f"every image. Now there are {config.num_tokens} tokens, and this one will gather the answer.",
            "1",
            "x_class",
            sizes(config.num_tokens, hidden),
            "embedding",
        ),
        _step(
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
        yield _placed(step, 0, *flow.get(step.name, ((), ())))


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
    yield _placed(
        _step(
            "norm",
            "LayerNorm",
            f"each token alone is brought to mean 0 and standard deviation 1, then scaled: {who.name} came with "
            f"deviation {_deviation(z)} and goes on with {_deviation(block.attention_input[token])}.",
            "2",
            "LN",
            sizes(tokens, hidden),
            "attention",
        ),
        layer,
        ("input",),
        ("attention_input",),
    )
    yield _placed(
        _step(
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
    yield _placed(
        _step(
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
    yield _placed(
        _step(
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
    yield _placed(
        _step(
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
    yield _placed(
        _step(
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
    yield _placed(
        _step(
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
    yield _placed(
        _step(
            "mlp_norm",
            "LayerNorm again",
            f"{who.name} comes with deviation {_deviation(z)} and goes on with {_deviation(block.mlp_input[token])}. "
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
    yield _placed(
        _step(
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
    yield _placed(
        _step(
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
    yield _placed(
        _step(
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
    yield _placed(
        _step(
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


def head_steps(model: VisionTransformer, trace: ForwardTrace, labels: Sequence[str]) -> Iterator[WalkStep]:
    """From the class token to the prediction."""
    config, logits, behind = model.config, trace.logits, trace.num_layers + 1
    top = trace.probabilities.topk(min(3, config.num_classes))
    first, *others = (f"{labels[int(c)]} {percent(p)}" for p, c in zip(top.values, top.indices, strict=True))
    best = int(top.indices[0])
    has_hidden = config.representation_size is not None
    state = trace.hidden_states[-1][0]
    yield _placed(
        _step(
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
    yield _placed(
        _step(
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
    yield _placed(
        _step(
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
    yield _placed(
        _step(
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


def _deviation(row: Tensor) -> str:
    return number(row.std(unbiased=False))


def _placed(step: WalkStep, layer: int, reads: tuple[str, ...], makes: tuple[str, ...]) -> WalkStep:
    named = [tuple(f"{layer}.{name}" for name in names) for names in (reads, makes)]
    return replace(step, layer=layer, reads=named[0], makes=named[1])
