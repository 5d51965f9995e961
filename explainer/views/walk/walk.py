"""The forward pass as one film: from pixels to prediction, every moment from this picture's own tensors."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from explainer.notation.equation_markup import equation_markup
from explainer.notation.equations import EQUATIONS, FORMULAS
from explainer.notation.wording import percent
from explainer.panels import Pixels, View, Walk, WalkStep
from explainer.views.compose import view
from explainer.views.walk.layer_steps import layer_steps
from explainer.views.walk.links import with_links
from explainer.views.walk.moments import Subject
from explainer.views.walk.steps import embedding_steps, head_steps
from explainer.views.walk.tensors import columns_for, embedding_tensors, head_tensors, layer_tensors
from vit_core.model import VisionTransformer
from vit_core.trace import BlockTrace, ForwardTrace


def forward(
    model: VisionTransformer,
    trace: ForwardTrace,
    pixels: Pixels,
    labels: Sequence[str],
    head: int,
    token: int = 0,
    block_of: Callable[[int], BlockTrace] | None = None,
) -> View:
    """The whole forward pass, moment by moment, as one token lives through it.

    One layer after the other is recomputed and cut down to what is drawn. The first is shown in full.

    Args:
        model: the model.
        trace: one picture's forward pass.
        pixels: the picture as the model sees it.
        labels: the names of the classes.
        head: 1..k, whose q, k and v are drawn; the attention of all heads is.
        token: 0..N, whose way is shown.
        block_of: the insides of a layer 1..L, if somebody keeps them; otherwise they are computed.

    Raises:
        ValueError: if there is no such head or token.
    """
    config = model.config
    if not 0 <= token <= config.num_patches:
        raise ValueError(f"token must be in 0..{config.num_patches}, got {token}")
    who = Subject(token, head, config.grid_size)
    steps = list(embedding_steps(model, trace, who))
    slices = list(embedding_tensors(model, trace))
    for number in range(1, config.num_layers + 1):
        block = block_of(number) if block_of else model.trace_block(trace, number)
        steps += layer_steps(model, block, number, who)
        slices += layer_tensors(block, number, head, token, config)
    steps += head_steps(model, trace, labels)
    slices += head_tensors(trace)
    used = dict.fromkeys(step.equation for step in steps)
    walk = Walk(
        title="The forward pass",
        pixels=pixels,
        grid_size=config.grid_size,
        steps=tuple(steps),
        slices=tuple(slices),
        equations={key: equation_markup(_essence(key)) for key in used},
        equation_titles={key: _title(key) for key in used},
        labels=tuple(labels),
        num_layers=config.num_layers,
        num_heads=config.num_heads,
        layer=1,
        head=head,
        token=token,
        start=_still(steps, 1),
        caption=f"Of every token the first {columns_for(config)} of its {config.hidden_size:,} numbers are drawn, of "
        "a head's vectors at most the first 24; lengths and shares in the words are of all of them. Colours go from "
        "−x (blue) over 0 to +x (orange); the x below a matrix holds 99 % of its values.",
    )
    best = int(trace.logits.argmax())
    return view(
        f"The forward pass in {len(steps)} moments: {config.num_patches} patches become {config.num_tokens} tokens, "
        f"pass {config.num_layers} layers, and the class token gives {labels[best]} with "
        f"{percent(trace.probabilities[best])}.",
        (with_links(walk),),
    )


def entered(film: View, layer: int) -> View:
    """The same film with ``layer`` shown in full instead of the first."""
    (walk,) = film.panels
    assert isinstance(walk, Walk)
    return replace(film, rows=((replace(walk, layer=layer, start=_still(walk.steps, layer)),),))


def _still(steps: Sequence[WalkStep], layer: int) -> int:
    """The moment that stands for the whole where nothing moves: where the token looks."""
    return next(i for i, step in enumerate(steps) if step.name == "weights" and step.layer == layer)


def _essence(key: str) -> str:
    """The equation without the sizes and ranges that the paper writes behind it."""
    template = EQUATIONS[int(key)].template if key.isdigit() else FORMULAS[key].template
    return r", \qquad".join(template.split(r", \qquad")[: 2 if key == "head_pre_logits" else 1])


def _title(key: str) -> str:
    return f"Equation {key} · {EQUATIONS[int(key)].title}" if key.isdigit() else FORMULAS[key].title
