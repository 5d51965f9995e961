"""The forward pass as one film: from pixels to prediction, every moment from this picture's own tensors."""

from collections.abc import Callable, Sequence

from explainer.equation_markup import equation_markup
from explainer.equations import EQUATIONS, FORMULAS
from explainer.panels import Pixels, View, Walk
from explainer.views.compose import view
from explainer.views.walk_steps import Subject, embedding_steps, head_steps, layer_steps
from explainer.views.walk_tensors import columns_for, embedding_tensors, head_tensors, layer_tensors
from explainer.views.wording import percent
from vit_core.model import VisionTransformer
from vit_core.trace import ForwardTrace


def forward(
    model: VisionTransformer,
    trace: ForwardTrace,
    pixels: Pixels,
    labels: Sequence[str],
    layer: int,
    head: int,
    token: int = 0,
    said: Callable[[float], object] = lambda share: None,
) -> View:
    """The whole forward pass, moment by moment, as one token lives through it.

    The insides of the layers are recomputed one after the other, so no more than one layer is held at a time.

    Args:
        model: the model.
        trace: one picture's forward pass.
        pixels: the picture as the model sees it.
        labels: the names of the classes.
        layer: 1..L, which the reader has entered: the other layers are told in three moments.
        head: 1..k, whose q, k and v are drawn; the attention of all heads is.
        token: 0..N, whose way is told.
        said: is told after every layer what share of the layers is done.
    """
    config = model.config
    who = Subject(token, head, config.grid_size)
    steps = list(embedding_steps(model, trace, who))
    slices = list(embedding_tensors(model, trace))
    for number in range(1, config.num_layers + 1):
        block = model.trace_block(trace, number)
        steps += layer_steps(model, block, number, who)
        slices += layer_tensors(block, number, head, token, config)
        said(number / config.num_layers)
    steps += head_steps(model, trace, labels)
    slices += head_tensors(trace)
    used = dict.fromkeys(step.equation for step in steps)
    start = next(i for i, step in enumerate(steps) if step.name == "weights" and step.layer == layer)
    walk = Walk(
        title="The forward pass", pixels=pixels, grid_size=config.grid_size, steps=tuple(steps), slices=tuple(slices),
        equations={key: equation_markup(_essence(key)) for key in used},
        equation_titles={key: _title(key) for key in used},
        labels=tuple(labels), num_layers=config.num_layers, num_heads=config.num_heads, layer=layer, head=head,
        token=token, start=start,
        caption=f"Of every token the first {columns_for(config)} of its {config.hidden_size:,} numbers are drawn, of "
        "a head's vectors at most the first 24; lengths and shares in the words are of all of them. Colours go from "
        "−x (blue) over 0 to +x (orange); the x below a matrix holds 99 % of its values.",
    )
    best = int(trace.logits.argmax())
    return view(
        f"The forward pass in {len(steps)} moments: {config.num_patches} patches become {config.num_tokens} tokens, "
        f"pass {config.num_layers} layers, and the class token says {labels[best]} with "
        f"{percent(trace.probabilities[best])}.",
        (walk,),
    )


def _essence(key: str) -> str:
    """The equation without the sizes and ranges that the paper writes behind it."""
    template = EQUATIONS[int(key)].template if key.isdigit() else FORMULAS[key].template
    return r", \qquad".join(template.split(r", \qquad")[: 2 if key == "head_pre_logits" else 1])


def _title(key: str) -> str:
    return f"Equation {key} · {EQUATIONS[int(key)].title}" if key.isdigit() else FORMULAS[key].title
