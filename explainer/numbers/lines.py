"""The line of Python that returns a number: what it opens, and how it gets to the number."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from explainer.gallery import GALLERY
from explainer.numbers.address import KINDS, Address
from explainer.numbers.derived import Cells, Number, Place, sides_of
from explainer.numbers.functions import FUNCTIONS
from vit_core import ViTConfig

YOUR_PICTURE = "path/to/your/picture.jpg"
YOUR_WEIGHTS = "path/to/the/weights.safetensors"


@dataclass(frozen=True)
class Reproduction:
    """What a line has to open: a named checkpoint, a picture of the gallery; otherwise a path to put in."""

    checkpoint: str = "embedded"  # what ``load`` takes
    picture: str = next(iter(GALLERY))  # a name of the gallery; everything else is asked for as a path
    interventions: str = ""  # as text
    weights: str = ""  # whose weights are asked for: "toy, epoch 3"

    @property
    def path(self) -> str:
        """What ``load`` takes: of weights that are asked for a path which says whose."""
        if self.checkpoint != YOUR_WEIGHTS or not self.weights:
            return self.checkpoint
        return YOUR_WEIGHTS.replace("the/weights", f"{self.weights.replace(', ', '-').replace(' ', '-')}/weights")


Reproductions = Callable[[str], tuple[Reproduction, ViTConfig]]  # of a side

# What is no field of a trace or a block: computed as in explainer/numbers/rules.py, in the same order.
_STATES = "torch.stack([z[:1] for z in {trace}.hidden_states])"
_NORM = "torch.nn.functional.layer_norm({}, ({{config.hidden_size}},), eps={{config.norm_eps}})"
_CODE = {
    "trace.patches": "patchify({trace}.image, {config.patch_size})",
    "trace.head_inputs": "{model}.head.inputs({trace}.representation)",
    "trace.exponentials": "((logits := {trace}.logits) - logits.max()).exp()",
    "block.attention_normalised": _NORM.format("{trace}.hidden_states[{before}]"),
    "block.mlp_normalised": _NORM.format("{block}.after_attention"),
    "block.attention_distance": "mean_attention_distance({trace}, {model}.config)[{before}]",
    "lens.representation": f"{{model}}.represent({_STATES})[{{layer}}]",
    "lens.head_inputs": f"{{model}}.head.inputs({{model}}.represent({_STATES}))[{{layer}}]",
    "lens.logits": f"{{model}}.classify({_STATES})[{{layer}}]",
    "lens.probabilities": f"{{model}}.classify({_STATES}).softmax(-1)[{{layer}}]",
    "rollout.layer": "((mixed := 0.5 * {trace}.attention({layer}).mean(0) + 0.5 * torch.eye({config.num_tokens}))"
    " / mixed.sum(-1, keepdim=True))",
}
_ALL_LAYERS = "attention_rollout({trace})"
_FIRST_LAYERS = "attention_rollout(replace(trace := {trace}, attention_weights=trace.attention_weights[:{layer}]))"
_CHANGED_POSITIONS = "((trace := {trace}).hidden_states[0] - torch.cat([{model}.class_token, trace.patch_embeddings]))"

_FROM_VIT_CORE = ("attention_rollout", "Interventions", "load", "mean_attention_distance", "open_picture", "patchify")
_MODULES = {  # what a line that says this has to import
    "torch.": "import torch",
    "GALLERY[": "from explainer.gallery import GALLERY",
    "Path(": "from pathlib import Path",
    "replace(": "from dataclasses import replace",
}
_OPEN = re.compile("‹(.*?)›")  # a path that is to be loaded; no code has such brackets


class Line(NamedTuple):
    """A number as Python."""

    imports: str  # the line above it
    code: str  # an expression; pasted below the imports it is the number
    blanks: tuple[str, ...]  # what has to be put into it first


def line_of(number: Number, of: Reproductions) -> Line:
    """The line of Python that is a number."""
    code = _opened(_number(number, of))
    names = [name for name in _FROM_VIT_CORE if f"{name}(" in code or f"{name}." in code]
    modules = [module for said, module in _MODULES.items() if said in code]
    blanks: dict[str, None] = {}
    for given, _ in map(of, sides_of(number)):
        if given.checkpoint == YOUR_WEIGHTS:
            blanks[f"the weights of {given.weights}" if given.weights else "the weights"] = None
        if YOUR_PICTURE in code and given.picture not in GALLERY:
            blanks["your image"] = None
    return Line("; ".join([f"from vit_core import {', '.join(names)}", *modules]), code, tuple(blanks))


def opening(given: Reproduction, *names: str) -> str:
    """One line that makes ``model``, ``checkpoint`` and ``trace``; ``names`` are what else it imports of vit_core."""
    changes, picture = _changes(given), _picture(given)
    imported = sorted({"load", "open_picture", *names} | ({"Interventions"} if changes else set()), key=str.lower)
    modules = [module for said, module in _MODULES.items() if said in picture]
    return "; ".join(
        (
            f"from vit_core import {', '.join(imported)}",
            *modules,
            f'model, checkpoint = load("{given.path}")',
            f"trace = model.trace(checkpoint.preprocess({picture}){changes})",
        )
    )


def _opened(code: str) -> str:
    """The code in which a checkpoint is loaded where it stands first, and has a name if it is used again."""
    loaded = ""

    def write(match: re.Match[str]) -> str:
        nonlocal loaded
        if match[1] == loaded:
            return "loaded[0]"
        loaded = match[1]
        return f'(loaded := load("{loaded}"))[0]'

    code = _OPEN.sub(write, code)
    return code if code.count("loaded") > 1 else re.sub(r"\(loaded := (.*?)\)\[0\]", r"\1[0]", code)


def _number(number: Number, of: Reproductions) -> str:
    if isinstance(number, Address):
        return f"{_tensor(number, of)}.item()"
    parts = [_tensor(operand, of) if isinstance(operand, Cells) else _number(operand, of) for operand in number.of]
    return FUNCTIONS[number.function].python.format(*parts)


def _tensor(asked: Address | Cells, of: Reproductions) -> str:
    """A tensor, cut; checkpoints as ``_OPEN`` finds them."""
    (given, config), name, layer = of(asked.side), asked.tensor, asked.layer
    changes = _changes(given)
    model = f"‹{given.path}›"
    trace = f"{model}.trace(loaded[1].preprocess({_picture(given)}){changes})"
    block = f"{model}.trace_block({trace}, {layer})"
    code = _CODE.get(name, "")
    if name == "rollout.flow":
        code = _ALL_LAYERS if layer == config.num_layers else _FIRST_LAYERS
    elif name == "trace.positions":
        code = _CHANGED_POSITIONS if changes else "{model}.position_embedding"
    elif name not in KINDS:
        code = f'{{model}}.state_dict()["{name}"]'
    elif not code:
        root, _, field = name.partition(".")
        code = f"{{{root}}}.{field}" + (f"[{layer}]" if root == "trace" and layer is not None else "")
    before = (layer or 0) - 1
    written = code.format(model=model, trace=trace, block=block, config=config, layer=layer, before=before)
    return f"{written}[{', '.join(map(_written, asked.index))}]"


def _picture(given: Reproduction) -> str:
    is_known = given.picture in GALLERY
    return f'open_picture(GALLERY["{given.picture}"].path)' if is_known else f'open_picture(Path("{YOUR_PICTURE}"))'


def _changes(given: Reproduction) -> str:
    return f', Interventions.parse("{given.interventions}")' if given.interventions else ""


def _written(place: Place) -> str:
    if place is None:
        return ":"
    return f"{place[0]}:{place[1] + 1}" if isinstance(place, tuple) else str(place)
