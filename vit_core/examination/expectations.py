"""Facts that a file does not state and its family expects: preprocessing, epsilon, the kind of GELU."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vit_core.preprocess import Preprocess
from vit_core.weights.checkpoints import Checkpoint
from vit_core.weights.head_candidates import head_candidates
from vit_core.weights.huggingface import Folder
from vit_core.weights.sources import SOURCES


@dataclass(frozen=True)
class Expectation:
    """Something that the numbers depend on and no shape shows."""

    what: str
    value: str
    stated_by: str  # its file, or the reader; empty: the value is only usual for the family
    guess: str = ""  # what speaks for it, where it is not even the family's


def expectations(
    path: Path,
    source: str,
    checkpoint: Checkpoint | None,
    stated: int | None,
    given: dict[str, Any],
    image_size: int | None,
) -> Iterator[Expectation]:
    """The facts that no shape shows: from a file next to the weights, from the reader, or as usual in the family."""
    table, beside = SOURCES[source], ""
    config = checkpoint.config if checkpoint else None
    if checkpoint is not None and checkpoint.card:
        beside = path.with_suffix(".json").name
    elif table.has_folder:
        try:
            beside = "config.json" if Folder.of(path) else ""
        except (ValueError, OSError):
            beside = ""
    epsilon, gelu = (config.norm_eps, config.gelu) if config else (table.norm_eps, table.gelu)
    names = {"none": "erf, the exact one", "tanh": "the tanh approximation"}
    yield Expectation("LayerNorm's epsilon", f"{epsilon:g}", _READER if config and "norm_eps" in given else beside)
    yield Expectation("GELU", names[gelu], _READER if config and "gelu" in given else beside)
    preprocess = checkpoint.preprocess if checkpoint else table.preprocess.at(image_size) if image_size else None
    has_processor = beside == "config.json" and ((path if path.is_dir() else path.parent) / _PROCESSOR).is_file()
    if preprocess is not None:
        by = _PROCESSOR if has_processor else "" if beside == "config.json" else beside
        yield Expectation("Images", in_words(preprocess), by)
    if config is not None:
        if stated == config.num_heads:
            by, guess = beside or "the layout of the file", ""
        elif "num_heads" in given:
            by, guess = _READER, ""
        else:
            by, guess = "", head_candidates(config.hidden_size, config.num_layers, config.mlp_size)[0].reason
        yield Expectation("Attention heads k", str(config.num_heads), by, guess)
    for question, usual in table.expects:
        yield Expectation(question, usual, "")


_READER = "your choice"
_PROCESSOR = "preprocessor_config.json"


def in_words(preprocess: Preprocess) -> str:
    """The preprocessing in words."""
    resized = f"{'the shorter side' if preprocess.keep_aspect else 'both sides'} to {preprocess.resize_size} pixels"
    is_whole = preprocess.image_size == preprocess.resize_size and not preprocess.keep_aspect
    cut = "" if is_whole else f", the middle {preprocess.image_size} x {preprocess.image_size}"
    if set(preprocess.mean) == {0.0} and set(preprocess.std) == {1.0}:
        values = "values 0 to 1, not normalised"
    else:
        mean, std = (", ".join(f"{value:g}" for value in values) for values in (preprocess.mean, preprocess.std))
        values = f"values 0 to 1, minus ({mean}), divided by ({std})"
    return f"{resized} ({preprocess.interpolation}){cut}; {values}"
