"""What a control asks for, as text, and the changes that it makes: ``mask:12,13`` on ``blur=3``: ``blur=3;mask=12-13``.

An action is a name, a colon and what it is about. One that has been done already is undone by most of them.
"""

from collections.abc import Callable, Mapping
from typing import get_args

from explainer.experiments.toggles import with_head, with_one, with_parts, with_patches, with_swap
from vit_core import ViTConfig
from vit_core.interventions import Interventions
from vit_core.interventions.changes import Part
from vit_core.interventions.layers import RemoveResidual, Replacement, Skip, Temperature
from vit_core.interventions.patches import BlurPatches, MaskPatches, ShufflePatches
from vit_core.interventions.positions import ChangePositions

ALL_LAYERS = "all"


def take(changes: Interventions, action: str, config: ViTConfig) -> Interventions:
    """The changes after an action.

    Raises:
        ValueError: if there is no such action, or the model cannot have what it makes; one sentence without its end.
    """
    name, _, about = action.partition(":")
    if name not in _ACTIONS:
        raise ValueError(f"there is no action {name[:40]!r}; there are {', '.join(_ACTIONS)}")
    taken = _ACTIONS[name](changes, about, config)
    taken.check(config)
    return taken


def _patches(kind: type[MaskPatches] | type[BlurPatches]) -> Callable[[Interventions, str, ViTConfig], Interventions]:
    return lambda changes, about, config: with_patches(changes, kind, _numbers(about, config), config.num_patches)


def _numbers(text: str, config: ViTConfig) -> list[int]:
    numbers = [int(part) for part in text.split(",") if part.isascii() and part.isdecimal() and len(part) < 7]
    if len(numbers) != len(text.split(",")) or not all(1 <= number <= config.num_patches for number in numbers):
        raise ValueError(f"expected patches from 1 to {config.num_patches} with commas between, got {text[:40]!r}")
    return numbers


def _swap(changes: Interventions, about: str, config: ViTConfig) -> Interventions:
    patches = _numbers(about, config)
    return with_swap(changes, patches[0], patches[-1])


def _shuffle(changes: Interventions, about: str, config: ViTConfig) -> Interventions:
    return with_one(changes, ShufflePatches, ShufflePatches(_whole(about)) if about else None)


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 7):
        raise ValueError(f"expected a whole number, got {text[:40]!r}")
    return int(text)


def _head(changes: Interventions, about: str, config: ViTConfig) -> Interventions:
    layer, head, replacement = (*about.split("."), "", "", "")[:3]
    if replacement not in get_args(Replacement):
        raise ValueError(f"a head is replaced by {' or '.join(get_args(Replacement))}, got {replacement[:40]!r}")
    return with_head(changes, _whole(layer), _whole(head), replacement)  # type: ignore[arg-type]


def _part(kind: type[Skip] | type[RemoveResidual]) -> Callable[[Interventions, str, ViTConfig], Interventions]:
    def toggle(changes: Interventions, about: str, config: ViTConfig) -> Interventions:
        name, _, layer = about.partition(".")
        if name not in get_args(Part):
            raise ValueError(f"expected {' or '.join(get_args(Part))} and a layer, got {about[:40]!r}")
        part: Part = name  # type: ignore[assignment]
        own = {change.layer for change in changes if type(change) is kind and change.part == part}
        return with_parts(changes, kind, part, own ^ {_whole(layer)})

    return toggle


def _positions(changes: Interventions, about: str, config: ViTConfig) -> Interventions:
    [change] = ChangePositions.read(about) if about else [None]
    return with_one(changes, ChangePositions, change)


def _temperature(changes: Interventions, about: str, config: ViTConfig) -> Interventions:
    """``all=2`` or ``3=unscaled``; 1 is no change."""
    where, _, value = about.partition("=")
    layer = None if where == ALL_LAYERS else _whole(where)
    before = [change for change in changes if isinstance(change, Temperature) and change.layer == layer]
    if value in ("", "1"):
        return changes.without(before[0]) if before else changes
    [change] = Temperature.read(value if layer is None else f"{layer}:{value}")
    return changes.with_(change)


def _remove(changes: Interventions, about: str, config: ViTConfig) -> Interventions:
    for change in Interventions.parse(about):
        changes = changes.without(change)
    return changes


def _text(changes: Interventions, about: str, config: ViTConfig) -> Interventions:
    return Interventions.parse(about.replace(" ", ""))


_ACTIONS: Mapping[str, Callable[[Interventions, str, ViTConfig], Interventions]] = {
    "mask": _patches(MaskPatches),
    "blur": _patches(BlurPatches),
    "swap": _swap,
    "shuffle": _shuffle,
    "head": _head,
    "skip": _part(Skip),
    "residual": _part(RemoveResidual),
    "positions": _positions,
    "temperature": _temperature,
    "remove": _remove,
    "text": _text,
}
