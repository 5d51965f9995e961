"""The steps of Compare: two of anything on one scale, and the controls of the right side."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Protocol

from explainer.experiments.sides import Side, Size, why_not
from explainer.experiments.similarity import FEWEST_PATCHES
from explainer.panels import View
from explainer.steps import controls
from explainer.steps.controls import button, choose, choose_all
from explainer.steps.step import Moment, Picture, Reads, Step
from explainer.views.changes import compare, compare_attention, compare_depth

Options = tuple[tuple[str, str], ...]  # value and words


@dataclass(frozen=True)
class Names:
    """What there is to choose from for the right side, and what is chosen."""

    pictures: Options
    checkpoints: Options
    changes: Options
    left: Mapping[str, str]  # picture, checkpoint, layer, head, token, change of the left side, in words
    swapped: Mapping[str, str]  # the choice that makes the sides change places
    beginnings: Mapping[str, Mapping[str, str]]  # single things to change, where both sides are the same
    hint: str  # a sentence on the pair of a first visit


class Sides(Protocol):
    """Both sides, opened."""

    left: Side
    right: Side

    @property
    def is_same(self) -> bool:
        """Whether nothing is different."""


class Comparison(Moment, Protocol):
    """A moment with a second side; its own is the left."""

    @property
    def pair(self) -> Sides:
        """Both sides."""

    @property
    def own(self) -> Mapping[str, str]:
        """The choices of the right side, as the address has them."""

    @property
    def names(self) -> Names:
        """What there is to choose from."""


_OF_APP = ("picture", "checkpoint", "layer", "head", "token")
ALL: Reads = frozenset(
    {*_OF_APP[2:], *(f"other_{name}" for name in _OF_APP), "other_change", "this_change", "mean_heads"}
)


def _side_controls(now: Comparison) -> str:
    own, names, pair = now.own, now.names, now.pair
    config = pair.right.config

    def select(name: str, label: str, options: Options) -> str:
        listed = (("", f"as left: {names.left[name]}"), *options)
        return controls.select(label, choose(f"other_{name}"), listed, own[f"other_{name}"])

    def counted(last: int) -> Options:
        return tuple((str(number), str(number)) for number in range(1, last + 1))

    token = controls.number(
        "token", choose("other_token"), own["other_token"], 0, config.num_patches, f"as left: {names.left['token']}"
    )
    changes = [
        controls.line(f"change on the {side}", f'data-check="{name}" list="ready-changes"', own[name], before)
        for side, name, before in (
            ("left", "this_change", "unchanged"),
            ("right", "other_change", f"as left: {names.left['change']}"),
        )
    ]
    ready = "".join(f'<option value="{escape(value)}">{escape(words)}</option>' for value, words in names.changes)
    same = {name: "" for name in own if name not in ("this_change", "mean_heads")}
    is_as_left = all(own[name] == "" for name in same)
    actions = [
        button(choose_all(names.swapped), "Swap sides", is_disabled=pair.is_same),
        button(choose_all(same), "The same on both sides", is_disabled=is_as_left),
    ]
    hint = f'<p class="vit-hint">{escape(names.hint)}</p>' if names.hint else ""
    if pair.is_same:
        begin = (button(choose_all(chosen), words) for words, chosen in names.beginnings.items())
        hint = f'<p class="vit-hint">Both sides are the same. Change one thing:</p>{"".join(begin)}'
    return "".join(
        (
            '<span class="vit-control-title">Right:</span>',
            select("picture", "image", names.pictures),
            select("checkpoint", "checkpoint", names.checkpoints),
            select("layer", "layer", counted(config.num_layers)),
            select("head", "head", counted(config.num_heads)),
            token,
            *actions,
            *changes,
            f'<datalist id="ready-changes">{ready}</datalist>',
            hint,
            '<p class="vit-problem" role="alert" hidden></p>',
        )
    )


def _mean_controls(now: Comparison) -> str:
    is_mean = now.own["mean_heads"] == "true"
    return button(choose("mean_heads", "" if is_mean else "true"), "Mean over all heads", is_mean)


def _compared(make: Callable[[Side, Side], View], *sizes: Size) -> Callable[[Comparison], View]:
    """The view of both sides; where their sizes differ too much, the sentence that says so."""

    def view(now: Comparison) -> View:
        left, right = now.pair.left, now.pair.right
        if obstacle := why_not(left, right, *sizes):
            return View(rows=(), alt=f"Not compared: {obstacle}.")
        return make(left, right)

    return view


def _directions(left: Side, right: Side) -> View:
    """Cosines, and, of two different layers, those of one against the other."""
    views = [compare_depth.cosines(left, right)] if not why_not(left, right, "layers") else []
    if left.layer != right.layer:
        views.append(compare_depth.across_layers(left, right))
    return _joined(*views)


def _joined(*views: View) -> View:
    return View(
        rows=tuple(row for view in views for row in view.rows),
        alt=" ".join(view.alt for view in views),
        picks=tuple(sorted({pick for view in views for pick in view.picks})),
    )


def _alike(now: Comparison) -> View:
    if now.pair.left.config.num_patches < FEWEST_PATCHES:
        return View(rows=(), alt=f"Not compared: that takes at least {FEWEST_PATCHES} patches.")
    return _compared(compare_depth.layers_alike, "grid")(now)


_pictures = _compared(compare.pictures)
_predictions = _compared(compare.predictions)
_attention = _compared(compare_attention.attention)
_heads_moved = _compared(compare_attention.heads_moved, "layers", "heads", "grid")
_norms = _compared(compare_depth.norms)
_cosines = _compared(_directions, "grid", "hidden")
_positions = _compared(compare.positions)
_lens = _compared(compare_depth.logit_lens)


COMPARE = (
    Step(
        "sides",
        Picture("compare_pictures", _pictures, ALL),
        formulas=("patchify",),
        claims=("patches",),
        controls=_side_controls,
        controls_read=ALL,
        is_told=True,
        is_wide=True,
    ),
    Step(
        "prediction",
        Picture("compare_predictions", _predictions, ALL),
        formulas=("softmax_logits",),
        claims=("probabilities",),
        code=("head",),
        is_told=True,
        is_wide=True,
    ),
    Step(
        "attention",
        Picture("compare_attention", _attention, ALL),
        equations=(6,),
        claims=(6,),
        controls=_mean_controls,
        controls_read=frozenset({"mean_heads"}),
        result=Picture("compare_heads_moved", _heads_moved, ALL),
        is_told=True,
        is_wide=True,
    ),
    Step(
        "states",
        Picture("compare_norms", _norms, ALL),
        equations=(3,),
        claims=(3,),
        is_told=True,
        result=Picture("compare_cosines", _cosines, ALL),
        is_wide=True,
    ),
    Step(
        "cka",
        Picture("compare_layers_alike", _alike, ALL),
        equations=(3,),
        claims=(3,),
        is_told=True,
    ),
    Step(
        "positions",
        Picture("compare_positions", _positions, ALL),
        formulas=("cosine_similarity",),
        claims=("cosine_similarity",),
        code=(1,),
        is_told=True,
        is_wide=True,
    ),
    Step(
        "logit-lens",
        Picture("compare_logit_lens", _lens, ALL),
        formulas=("logit_lens",),
        claims=("logit_lens",),
        is_told=True,
        is_wide=True,
    ),
)
