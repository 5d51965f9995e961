"""The numbers in a weights file: which are none, which are all the same, of what types they are."""

from collections import Counter
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from vit_core.examination.findings import Finding
from vit_core.weights.renaming import some_of

_CHUNK = 1 << 22  # numbers looked at together: 16 MB


def number_findings(state: Mapping[str, Tensor], head: str | None = None) -> list[Finding]:
    """Every tensor with NaN or infinities, every constant one, and the mix of types; ``head`` is the classifier."""
    numbers = {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}
    return [*_types(state), *_values(numbers, head)]


def _types(state: Mapping[str, Tensor]) -> Iterator[Finding]:
    counts = Counter(str(tensor.dtype).removeprefix("torch.") for tensor in state.values())
    mix = ", ".join(f"{count:,} of {kind}" for kind, count in counts.most_common())
    if others := tuple(name for name, tensor in state.items() if not tensor.is_floating_point()):
        sentence = f"Weights are floating-point numbers, and {some_of(others)} are not: {mix}."
        yield Finding("error", "type", sentence, others)
    elif tiny := [kind for kind in counts if kind.startswith("float8")]:
        yield Finding(
            "warning",
            "type",
            f"These are {mix}. Numbers of 8 bits often go with scales that are kept apart; here they are computed in "
            f"float32 as they are. If there are scales, multiply {tiny[0]} by them and save that instead.",
        )
    elif len(counts) > 1:
        yield Finding("warning", "type", f"The tensors have different types: {mix}. All are computed in float32 here.")
    elif counts and "float32" not in counts:
        yield Finding("note", "type", f"All tensors are {next(iter(counts))}: they are computed in float32 here.")


def _values(state: Mapping[str, Tensor], head: str | None) -> Iterator[Finding]:
    damaged: dict[str, tuple[int, int]] = {}
    zero, equal = [], []
    for name, tensor in state.items():
        low, high = _limits(tensor)
        if not (low > float("-inf") and high < float("inf")):  # also for NaN
            damaged[name] = _count_not_finite(tensor)
        elif low == high == 0:
            zero.append(name)
        elif low == high and tensor.numel() > 1:
            equal.append(name)
    if damaged:
        totals = (sum(counts) for counts in zip(*damaged.values(), strict=True))
        numbers = " and ".join(
            f"{count:,} {what}" for count, what in zip(totals, ("NaN", "infinite"), strict=True) if count
        )
        yield Finding(
            "error",
            "not finite",
            f"{len(damaged)} of {len(state)} tensors {'holds' if len(damaged) == 1 else 'hold'} numbers that are not "
            f"finite ({numbers}): {some_of(list(damaged))}. Training has diverged, or the file is damaged: take an "
            "earlier one.",
            tuple(damaged),
        )
    if matrices := tuple(name for name in zero if state[name].dim() > 1 and state[name].numel() > 1):
        yield Finding(
            "warning",
            "constant",
            f"{_tensors(matrices)} nothing but zeros: {some_of(matrices)}. Training changes all of them: these have "
            "not been trained."
            + (" With a head of zeros every class has the same probability." if head in matrices else ""),
            matrices,
        )
    known = set(matrices)
    if biases := tuple(name for name in zero if name not in known):
        sentence = f"{_tensors(biases)} nothing but zeros, as biases have before training: {some_of(biases)}."
        yield Finding("note", "constant", sentence, biases)
    if equal:
        ones = all(state[name].dim() == 1 and state[name][0] == 1 for name in equal)
        why = ", which is 1, as the scale of a LayerNorm has before training." if ones else "."
        sentence = f"{_tensors(equal)} the same number everywhere: {some_of(equal)}{why}"
        yield Finding("note" if ones else "warning", "constant", sentence, tuple(equal))


def _tensors(names: tuple[str, ...] | list[str]) -> str:
    return f"{len(names)} tensor{'s hold' if len(names) > 1 else ' holds'}"


def _limits(tensor: Tensor) -> tuple[float, float]:
    """The smallest and the largest number; NaN if there is one. An empty tensor has 0 and 1."""
    if not tensor.numel():
        return 0.0, 1.0
    limits = [torch.aminmax(part.float()) for part in _parts(tensor)]
    if len(limits) == 1:  # nearly always, and a file may have tens of thousands of tensors
        return float(limits[0].min), float(limits[0].max)
    return float(torch.stack([part.min for part in limits]).min()), float(torch.stack([p.max for p in limits]).max())


def _count_not_finite(tensor: Tensor) -> tuple[int, int]:
    """How many NaN and how many infinities."""
    counts = [(int(part.isnan().sum()), int(part.isinf().sum())) for part in map(Tensor.float, _parts(tensor))]
    return sum(nans for nans, _ in counts), sum(infinities for _, infinities in counts)


def _parts(tensor: Tensor) -> tuple[Tensor, ...]:
    flat = tensor.detach().flatten()
    return (flat,) if flat.numel() <= _CHUNK else torch.split(flat, _CHUNK)
