"""The steps of What if: one forward pass with changes next to the same without, and the controls of the changes."""

from collections.abc import Mapping
from html import escape
from typing import Protocol, get_args

from explainer.experiments.effects import effect_of
from explainer.experiments.takes import ALL_LAYERS
from explainer.notation.wording import percent
from explainer.panels import Pixels, View
from explainer.steps import controls
from explainer.steps.controls import button, choose, take
from explainer.steps.step import Moment, Picture, Reads, Step
from explainer.views.changes import effects, what_if
from vit_core import ForwardTrace, patchify
from vit_core.interventions import Interventions
from vit_core.interventions.layers import RemoveResidual, ReplaceHead, Skip, Temperature
from vit_core.interventions.patches import ShufflePatches
from vit_core.interventions.positions import ChangePositions
from vit_core.positions import ResizeMethod

CHANGES: Reads = frozenset({"changes"})
TOOLS = {"mask": "Mask", "blur": "Blur", "swap": "Swap"}
_TOOL_WORDS = {
    "mask": "Click to mask a patch, again to bring it back. Drag over several; on a touch screen, hold first.",
    "blur": "Click to blur a patch, again to bring it back. Drag over several; on a touch screen, hold first.",
    "swap": "Drag one patch onto another (on a touch screen, hold first), or click on one and then on the other.",
}
REPLACEMENTS = {"zero": "set to zero", "mean": "replaced by its mean over the tokens"}
_PARTS = {
    "skip:attention": "Skip the attention in layer",
    "skip:mlp": "Skip the MLP in layer",
    "residual:attention": "No skip path around the attention in layer",
    "residual:mlp": "No skip path around the MLP in layer",
}
_POSITIONS = {
    "": "as learned",
    "zero": "zero",
    "shuffled": "shuffled",
    "sinusoidal": "sines and cosines",
    "resized": "through another grid",
}
TEMPERATURES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


class Changed(Moment, Protocol):
    """A moment with changes: ``trace`` and ``pixels`` are without them."""

    @property
    def interventions(self) -> Interventions:
        """The changes."""

    @property
    def after(self) -> ForwardTrace:
        """The forward pass with the changes."""

    @property
    def pixels_after(self) -> Pixels:
        """The image as the model sees it with the changes, [H, W, 3]."""

    @property
    def own(self) -> Mapping[str, str]:
        """What the page lets choose: tool, first, replacement, where."""

    @property
    def python(self) -> str:
        """A line of Python that computes the prediction with the changes again."""


def changed_patches(now: Changed) -> list[int]:
    """The patches whose pixels are not what they were, 1..N."""
    size = now.config.patch_size
    differ = (patchify(now.after.image, size) != patchify(now.trace.image, size)).any(-1)
    return [int(place) + 1 for place in differ.nonzero()]


def _picture(now: Changed) -> View:
    tool, first = now.own["tool"], int(now.own["first"] or 0)
    words = _TOOL_WORDS[tool] + (f" Patch {first} waits for the other." if first else "")
    is_shuffled = any(isinstance(change, ShufflePatches) for change in now.interventions)
    marked = [] if is_shuffled else changed_patches(now)  # with all of them framed nothing would be seen
    return what_if.picture(now.pixels_after, now.config.grid_size, [*marked, first] if first else marked, words)


def _heads(now: Changed) -> View:
    removed = [(change.layer, change.head) for change in now.interventions if isinstance(change, ReplaceHead)]
    return what_if.heads(now.after, now.token, removed)


def _prediction(now: Changed) -> View:
    return what_if.prediction(now.trace.probabilities, now.after.probabilities, now.checkpoint.labels)


def _patch_controls(now: Changed) -> str:
    shuffle = next((change for change in now.interventions if isinstance(change, ShufflePatches)), None)
    tools = (button(choose("tool", tool), words, tool == now.own["tool"]) for tool, words in TOOLS.items())
    seed = controls.number("seed", take("shuffle:"), shuffle.seed, 0, 9999) if shuffle else ""
    toggle = button(take("shuffle:" if shuffle else "shuffle:0"), "Shuffle all patches", shuffle is not None)
    return controls.group("A click or a stroke", tools) + toggle + seed


def _head_controls(now: Changed) -> str:
    chosen = now.own["replacement"]
    buttons = (button(choose("replacement", name), words, name == chosen) for name, words in REPLACEMENTS.items())
    return controls.group("A head that is taken out is", buttons)


def _layer_controls(now: Changed) -> str:
    done = {
        (f"{change.key}:{change.part}", change.layer)
        for change in now.interventions
        if isinstance(change, Skip | RemoveResidual)
    }

    def buttons(action: str, words: str) -> list[str]:
        return [
            button(take(f"{action}.{layer}"), str(layer), (action, layer) in done, f"{words} {layer}")
            for layer in range(1, now.config.num_layers + 1)
        ]

    groups = "".join(controls.group(words, buttons(action, words)) for action, words in _PARTS.items())
    return f'<div class="vit-controls-paired">{groups}</div>'


def _position_controls(now: Changed) -> str:
    change = next((change for change in now.interventions if isinstance(change, ChangePositions)), None)
    kind, grid = change.kind if change else "", max(1, now.config.grid_size // 2)
    begins = {"shuffled": "shuffled.0", "resized": f"resized.{grid}.bicubic"}
    buttons = (
        button(take(f"positions:{begins.get(name, name)}"), words, name == kind) for name, words in _POSITIONS.items()
    )
    more = ""
    if change and kind == "shuffled":
        more = controls.number("seed", take("positions:shuffled."), change.seed or 0, 0, 9999)
    if change and kind == "resized":
        most = max(32, 2 * now.config.grid_size, change.grid_size or 1)
        sizes = [(f"{size}.{change.method}", str(size)) for size in range(1, most + 1)]
        methods = [(f"{change.grid_size}.{method}", method) for method in get_args(ResizeMethod)]
        chosen = f"{change.grid_size}.{change.method}"
        resized = take("positions:resized.")
        more = controls.select("patches a side", resized, sizes, chosen)
        more += controls.select("method", resized, methods, chosen)
    return controls.group("The position embedding is", buttons) + more


def _softmax_controls(now: Changed) -> str:
    where = now.own["where"] or ALL_LAYERS
    layer = None if where == ALL_LAYERS else int(where)
    change = next((each for each in now.interventions if isinstance(each, Temperature) and each.layer == layer), None)
    value = 1.0 if change is None or change.value == "unscaled" else float(change.value)
    is_unscaled = change is not None and change.value == "unscaled"
    layers = [("", "all layers"), *((str(each), f"layer {each}") for each in range(1, now.config.num_layers + 1))]
    temperatures = (
        button(take(f"temperature:{where}={each:g}"), f"{each:g}", not is_unscaled and each == value)
        for each in sorted({*TEMPERATURES, value})
    )
    unscaled = take(f"temperature:{where}={'' if is_unscaled else 'unscaled'}")
    return (
        controls.select("In", choose("where"), layers, now.own["where"])
        + controls.group("Temperature", temperatures)
        + button(unscaled, f"Without the division by √Dₕ = √{now.config.head_size}", is_unscaled)
    )


def _list_controls(now: Changed) -> str:
    example = "mask=12-15;heads=3.1:zero"
    field = controls.line("The changes as text", take("text:"), str(now.interventions), example)
    files = "".join(
        f'<a data-path="vit/report/{name}" download="{name}">{words}</a>'
        for name, words in (
            ("what-if.json", "All as JSON"),
            ("what-if-classes.csv", "Classes as CSV"),
            ("what-if-layers.csv", "Layers as CSV"),
        )
    )
    compare = button('data-open="compare"', "Compare with and without") if now.interventions else ""
    python = f'<pre class="vit-pseudocode" tabindex="0"><code>{escape(now.python)}</code></pre>'
    return f'{field}<div class="vit-control">{files}{compare}</div>{python}'


def answer_of(now: Changed) -> str:
    """The answer in one line, each change with a way to take it back, and the way back and forward."""
    before, after, labels = now.trace.probabilities, now.after.probabilities, now.checkpoint.labels
    was, winner = int(before.argmax()), int(after.argmax())
    answer = f"<b>{escape(labels[was])}</b> {percent(before[was])}"
    if not now.interventions:
        answer += ". Nothing is changed yet."
    else:
        becomes = ' <span aria-label="becomes">→</span> '
        answer += becomes + ("" if was == winner else f"<b>{escape(labels[winner])}</b> ") + percent(after[winner])
    changes = "".join(
        button(take(f"remove:{change.key}={change.item}"), f"{change.title} ×", label=f"Remove: {change.title}")
        for change in now.interventions
    )
    steps = "".join(
        f'<button type="button" data-do="{name}" title="{keys}">{words}</button>'
        for name, words, keys in (("undo", "Undo", "Ctrl+Z"), ("redo", "Redo", "Ctrl+Shift+Z"), ("clear", "Clear", ""))
    )
    return (
        f'<p class="vit-answer" role="status">{answer}</p><div class="vit-changes">{changes}</div>'
        f'<div class="vit-control">{steps}</div><p class="vit-problem" role="alert" hidden></p>'
    )


def _spread(now: Changed) -> View:
    return effects.spread(effect_of(now.trace, now.after), now.layer, now.pixels)


def _over_layers(now: Changed) -> View:
    return effects.over_layers(effect_of(now.trace, now.after), now.layer, now.token)


def _attention(now: Changed) -> View:
    return what_if.attention(now.trace, now.after, now.layer, now.head, now.token, (now.pixels, now.pixels_after))


_RESULT = Picture("what_if_prediction", _prediction, CHANGES)

WHAT_IF = (
    Step(
        "patches",
        Picture("what_if_picture", _picture, CHANGES | {"tool", "first"}),
        equations=(1,),
        claims=(1,),
        controls=_patch_controls,
        controls_read=CHANGES | {"tool"},
        result=_RESULT,
    ),
    Step(
        "heads",
        Picture("what_if_heads", _heads, CHANGES | {"token"}),
        equations=(8,),
        claims=(8,),
        controls=_head_controls,
        controls_read=frozenset({"replacement"}),
        result=_RESULT,
    ),
    Step(
        "layers",
        Picture("what_if_over_layers", _over_layers, CHANGES | {"layer", "token"}),
        equations=(2, 3),
        claims=(2, 3),
        controls=_layer_controls,
        controls_read=CHANGES,
        is_wide=True,
    ),
    Step(
        "positions",
        _RESULT,
        equations=(1,),
        claims=(1,),
        controls=_position_controls,
        controls_read=CHANGES,
    ),
    Step(
        "softmax",
        Picture("what_if_attention", _attention, CHANGES | {"layer", "head", "token"}),
        equations=(6,),
        claims=(6,),
        controls=_softmax_controls,
        controls_read=CHANGES | {"where"},
        is_wide=True,
    ),
    Step(
        "difference",
        Picture("what_if_spread", _spread, CHANGES | {"layer"}),
        equations=(3,),
        claims=(3,),
        is_wide=True,
    ),
    Step(
        "list",
        None,
        equations=(4,),
        claims=(4, "head"),
        code=(4,),
        controls=_list_controls,
        controls_read=CHANGES,
    ),
)
