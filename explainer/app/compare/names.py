"""What there is to choose from for the right side of a comparison."""

from collections.abc import Callable

from explainer.app import checkpoints
from explainer.app.compare.choice import opening
from explainer.app.compare.sides import Pair, change_title, picture_title
from explainer.gallery import GALLERY
from explainer.steps.compare import Names, Options
from vit_core import ViTConfig
from vit_core.interventions import Interventions

_APP = ("picture", "checkpoint", "layer", "head", "token")
_OWN = (*(f"other_{name}" for name in (*_APP, "change")), "this_change", "mean_heads")
OPENING = (
    "One model, two images: the position embedding below is the model's own, so its difference is zero; attention and "
    "prediction differ."
)


def names_of(pair: Pair) -> Names:
    """The lists of the controls, for this pair."""
    left, change = pair.seen[0].state, pair.seen[0].change
    own = [side.state.picture for side in pair.seen if side.state.picture not in GALLERY]
    here = [name for name in checkpoints.listed(left.checkpoint) if checkpoints.is_here(name)]
    here += [name for name in (pair.seen[1].state.checkpoint,) if name not in here]
    words = {
        "picture": picture_title(left.picture),
        "checkpoint": checkpoints.title_of(left.checkpoint),
        "layer": str(left.layer),
        "head": str(left.head),
        "token": str(pair.right.token),
        "change": change_title(change),
    }
    choice, other = pair.swapped()
    swapped = {name: "" if (value := getattr(choice, name)) is None else str(value) for name in _APP}
    return Names(
        pictures=_titled([*GALLERY, *dict.fromkeys(own)], picture_title),
        checkpoints=_titled(here, checkpoints.title_of),
        changes=_titled(ready_changes(pair), change_title),
        left=words,
        swapped=swapped | dict.fromkeys(_OWN, "") | other.parameters,
        beginnings=_beginnings(pair, here),
        hint=OPENING if pair.other == opening(left.picture) else "",
    )


def _titled(values: list[str], title: Callable[[str], str]) -> Options:
    return tuple((value, title(value)) for value in values)


def _beginnings(pair: Pair, here: list[str]) -> dict[str, dict[str, str]]:
    """Single things to change as long as both sides are the same."""
    left, config = pair.seen[0].state, pair.left.config
    picture = next(name for name in GALLERY if name != left.picture)
    others = [name for name in here if name != left.checkpoint]
    layer = config.num_layers if left.layer != config.num_layers else 1
    head = left.head % config.num_heads + 1
    return {
        f"Image: {picture_title(picture)}": {"other_picture": picture},
        **({f"Checkpoint: {checkpoints.title_of(others[0])}": {"other_checkpoint": others[0]}} if others else {}),
        **({f"Layer {layer}": {"other_layer": str(layer)}} if config.num_layers > 1 else {}),
        **({f"Head {head}": {"other_head": str(head)}} if config.num_heads > 1 else {}),
        "Without positions": {"other_change": "positions=zero"},
    }


def ready_changes(pair: Pair) -> list[str]:
    """Changes worth a look, at the layer and head that are chosen; any other may be typed."""
    config, state = pair.right.config, pair.seen[1].state
    middle = [row * config.grid_size + column + 1 for row in _middle(config) for column in _middle(config)]
    ready = [
        f"mask={','.join(map(str, middle))}",
        "shuffle=1",
        "positions=zero",
        "positions=shuffled.1",
        "positions=sinusoidal",
        "shuffle=1;positions=zero",
        f"heads={state.layer}.{state.head}:zero",
        f"heads={state.layer}.{state.head}:mean",
        f"skip=attention.{state.layer}",
        f"skip=mlp.{state.layer}",
        f"residual=attention.{state.layer}",
        "temperature=unscaled",
        "temperature=2",
    ]
    return [str(Interventions.parse(text).fitted(config)[0]) for text in ready]


def _middle(config: ViTConfig) -> range:
    """The rows, or columns, of the middle of the grid."""
    side = max(1, config.grid_size // 2)
    start = (config.grid_size - side) // 2
    return range(start, start + side)
