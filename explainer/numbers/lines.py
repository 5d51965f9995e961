"""The line of Python that returns a number: what it opens, and how it gets to the number."""

from collections.abc import Callable
from dataclasses import dataclass, field

from explainer.gallery import GALLERY
from explainer.numbers.address import TENSORS, Address
from explainer.numbers.derived import Cells, Derived, Number, Place
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


@dataclass
class Line:
    """A line as it is written, from left to right: what it has already opened is used again."""

    of: Reproductions
    is_derived: bool = False
    names: set[str] = field(default_factory=lambda: {"load"})
    modules: dict[str, None] = field(default_factory=dict)
    blanks: dict[str, None] = field(default_factory=dict)
    loaded: str = ""  # the checkpoint that the name ``loaded`` stands for

    @property
    def imports(self) -> str:
        """The line above it."""
        return "; ".join([f"from vit_core import {', '.join(sorted(self.names, key=str.lower))}", *self.modules])

    def number(self, number: Number) -> str:
        """An expression that is a number."""
        if isinstance(number, Address):
            return f"{self._tensor(number)}.item()"
        parts = [self._tensor(each) if isinstance(each, Cells) else self.number(each) for each in number.of]
        return FUNCTIONS[number.function].python.format(*parts)

    def _model(self, side: str) -> str:
        given = self.of(side)[0]
        if given.checkpoint == YOUR_WEIGHTS:
            self.blanks[f"the weights of {given.weights}" if given.weights else "the weights"] = None
        if self.loaded == given.path:
            return "loaded[0]"
        self.loaded = given.path
        return f'(loaded := load("{given.path}"))[0]'

    def _image(self, side: str) -> str:
        self.names.add("open_picture")
        picture = self.of(side)[0].picture
        if picture in GALLERY:
            self.modules["from explainer.gallery import GALLERY"] = None
            return f'loaded[1].preprocess(open_picture(GALLERY["{picture}"].path))'
        self.modules["from pathlib import Path"] = None
        self.blanks["your image"] = None
        return f'loaded[1].preprocess(open_picture(Path("{YOUR_PICTURE}")))'

    def _changes(self, side: str) -> str:
        changes = self.of(side)[0].interventions
        if not changes:
            return ""
        self.names.add("Interventions")
        return f', Interventions.parse("{changes}")'

    def _trace(self, side: str) -> str:
        return f"{self._model(side)}.trace({self._image(side)}{self._changes(side)})"

    def _tensor(self, asked: Address | Cells) -> str:
        """A tensor, cut."""
        side, layer, place = asked.side, asked.layer, f"[{', '.join(map(_written, asked.index))}]"
        root, _, name = asked.tensor.partition(".")
        if root in ("lens", "rollout") or asked.tensor not in TENSORS:
            return self._read_off(asked.tensor, layer, side, place)
        if root == "block":
            model = self._model(side)
            return (
                f"{model}.trace_block(loaded[0].trace({self._image(side)}{self._changes(side)}), {layer}).{name}{place}"
            )
        if name == "patches":
            self.names.add("patchify")
            return f"patchify({self._trace(side)}.image, {self.of(side)[1].patch_size}){place}"
        if name == "head_inputs":
            model = self._model(side)
            trace = f"loaded[0].trace({self._image(side)}{self._changes(side)})"
            return f"{model}.head.inputs({trace}.representation){place}"
        return f"{self._trace(side)}.{name}{'' if layer is None else f'[{layer}]'}{place}"

    def _read_off(self, tensor: str, layer: int | None, side: str, place: str) -> str:
        """What is no field of a trace: computed as explainer/numbers/read_offs.py does, in the same order."""
        config, at = self.of(side)[1], layer or 0
        match tensor:
            case "block.attention_normalised" | "block.mlp_normalised":
                self.modules["import torch"] = None
                state = self._tensor(
                    Cells("trace.hidden_states", at - 1, (None, None), side)
                    if "attention" in tensor
                    else Cells("block.after_attention", at, (None, None), side)
                )
                size = config.hidden_size
                return f"torch.nn.functional.layer_norm({state}, ({size},), eps={config.norm_eps}){place}"
            case "block.attention_distance":
                self.names.add("mean_attention_distance")
                return f"mean_attention_distance({self._trace(side)}, loaded[0].config)[{at - 1}]{place}"
            case "trace.exponentials":
                return f"((logits := {self._trace(side)}.logits) - logits.max()).exp(){place}"
            case "trace.positions":
                if not self.of(side)[0].interventions:
                    return f"{self._model(side)}.position_embedding{place}"
                self.modules["import torch"] = None
                trace = f"(trace := {self._trace(side)})"
                content = "torch.cat([loaded[0].class_token, trace.patch_embeddings])"
                return f"({trace}.hidden_states[0] - {content}){place}"
            case "lens.representation" | "lens.head_inputs" | "lens.logits" | "lens.probabilities":
                self.modules["import torch"] = None
                states = f"torch.stack([z[:1] for z in {self._trace(side)}.hidden_states])"
                reads = {
                    "lens.representation": f"loaded[0].represent({states})",
                    "lens.head_inputs": f"loaded[0].head.inputs(loaded[0].represent({states}))",
                    "lens.logits": f"loaded[0].classify({states})",
                    "lens.probabilities": f"loaded[0].classify({states}).softmax(-1)",
                }
                return f"{self._first(reads[tensor])}[{at}]{place}"
            case "rollout.layer":
                self.modules["import torch"] = None
                mixed = f"0.5 * {self._trace(side)}.attention({at}).mean(0) + 0.5 * torch.eye({config.num_tokens})"
                return f"((mixed := {mixed}) / mixed.sum(-1, keepdim=True)){place}"
            case "rollout.flow":
                self.names.add("attention_rollout")
                trace = self._trace(side)
                if at < config.num_layers:
                    self.modules["from dataclasses import replace"] = None
                    trace = f"replace(trace := {trace}, attention_weights=trace.attention_weights[:{at}])"
                return f"attention_rollout({trace}){place}"
        given = self.of(side)[0]
        if self.is_derived or given.checkpoint == YOUR_WEIGHTS or self.loaded:
            return f'{self._model(side)}.state_dict()["{tensor}"]{place}'
        return f'load("{given.path}")[0].state_dict()["{tensor}"]{place}'

    def _first(self, code: str) -> str:
        """``loaded`` is opened where it stands first."""
        opened = f'(loaded := load("{self.loaded}"))[0]'
        if opened not in code or code.index(opened) < code.index("loaded[0]"):
            return code
        return code.replace(opened, "loaded[0]").replace("loaded[0]", opened, 1)


def line_of(number: Number, of: Reproductions) -> Line:
    """The line with its imports and blanks, all written by ``number``."""
    return Line(of, isinstance(number, Derived))


def _written(place: Place) -> str:
    if place is None:
        return ":"
    return f"{place[0]}:{place[1] + 1}" if isinstance(place, tuple) else str(place)
