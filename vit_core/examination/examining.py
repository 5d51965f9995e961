"""The examination of a weights file: its naming, its sizes, its faults, and whether it opens."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import partial
from math import isqrt, prod
from pathlib import Path
from typing import Any, get_args

from vit_core.config import ViTConfig
from vit_core.examination.expectations import Expectation, expectations
from vit_core.examination.findings import Finding, Severity
from vit_core.examination.numbers import number_findings
from vit_core.examination.shapes import Shapes, SizeRead, is_grid
from vit_core.weights.checkpoints import Checkpoint, read_card
from vit_core.weights.families import head_name, other_family, source_of
from vit_core.weights.head_candidates import HeadCandidate, head_candidates
from vit_core.weights.huggingface import Folder
from vit_core.weights.loading import heads_in_layout, open_weights
from vit_core.weights.parts import WeightFile
from vit_core.weights.reading import read_folder, read_weights
from vit_core.weights.renaming import some_of
from vit_core.weights.sources import SOURCES

# What training programs put before every name.
PREFIXES = {
    "module": "DataParallel",
    "_orig_mod": "torch.compile",
    "model": "a training program such as Lightning",
    "backbone": "a model made of a backbone and a head",
    "net": "a training program",
}


@dataclass(frozen=True, kw_only=True)
class Examination:
    """Everything that can be reported of a weights file."""

    name: str
    file_bytes: int
    kind: str = ""  # of file
    part: str = ""
    parts: tuple[str, ...] = ()  # more than one: ``examine(path, part=...)`` looks at another
    source: str | None = None  # a key of SOURCES
    family: str = ""  # whose it is, as a person says it
    tensors: tuple[tuple[str, tuple[int, ...], str], ...] = ()  # name in the file, shape, type
    sizes: tuple[SizeRead, ...] = ()
    heads: tuple[HeadCandidate, ...] = ()  # what speaks for one first
    expectations: tuple[Expectation, ...] = ()
    findings: tuple[Finding, ...] = ()
    problem: str = ""  # why it does not open; empty if it does
    remedy: str = ""  # what it would take
    checkpoint: Checkpoint | None = None  # what it is once it is open

    @property
    def opens(self) -> bool:
        """Whether ``load`` opens it."""
        return self.checkpoint is not None

    @property
    def guesses_heads(self) -> bool:
        """Whether it opens with a number of heads that neither the file nor the reader states."""
        return any(expectation.guess for expectation in self.expectations)

    @property
    def num_parameters(self) -> int:
        """How many numbers the tensors have."""
        return sum(prod(shape) for _, shape, _ in self.tensors)


def examine(path: str | Path, *, part: str | None = None, **config_overrides: Any) -> Examination:
    """Read a weights file, or a Hugging Face folder, without running anything in it, and report what it is.

    Never raises for what a file holds: what is wrong is in the examination. ``part`` and the overrides are those of
    ``load``, which opens exactly what this says that it opens.
    """
    path = Path(path).expanduser()
    basic: dict[str, Any] = {"name": path.name or str(path), "file_bytes": 0}
    try:
        basic["file_bytes"] = path.stat().st_size if path.is_file() else 0
        if path.is_dir():
            found = WeightFile(state=read_folder(path), kind="Hugging Face folder")
        else:
            found = read_weights(path, part)
    except (ValueError, OSError) as error:
        message = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        problem = message if path.name and path.name in message else f"{path.name}: {message}"
        return Examination(**basic, family="unknown: it could not be read", problem=problem)
    return _examine_state(path, found, basic, config_overrides)


def _examine_state(path: Path, found: WeightFile, basic: dict[str, Any], given: dict[str, Any]) -> Examination:
    state, source = found.state, source_of(found.state)
    findings = list(_container_findings(found))
    facts: dict[str, Any] = {
        **basic,
        "kind": found.kind,
        "part": found.part,
        "parts": found.parts,
        "source": source,
        "tensors": tuple(
            (name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")) for name, tensor in state.items()
        ),
    }
    other = other_family(state)
    stated = heads_in_layout(state, {}).get("num_heads") or (_heads_beside(path, source) if source else None)
    image_size = None
    if source is not None and other is None:
        try:
            shapes = Shapes(state, SOURCES[source], source, given.get("num_heads", stated))
            findings += shapes.findings()
            facts |= _sizes(shapes, stated, given.get("num_heads"))
            image_size = shapes.config.image_size if shapes.config else None
        except ValueError as error:  # two spellings of one name
            findings.append(Finding("error", "left over", f"Two names for one parameter: {error}."))
    numbers = number_findings(state, head_name(state))
    # What a network of another kind may hold, counters or scales of 1, is no fault of its file.
    findings += [finding for finding in numbers if (source and not other) or finding.about == "not finite"]
    try:
        _, checkpoint = open_weights(state, path, **given)
        problem = remedy = ""
    except (ValueError, OSError, TypeError, RuntimeError, MemoryError) as error:
        checkpoint, problem = None, (str(error) or type(error).__name__).splitlines()[0]
        remedy = _remedy(problem, None if other is None else other[0].title)
        misshapen = [finding.sentence for finding in findings if finding.about == "shape"]
        if misshapen and "do not fit the model: of another shape" in problem:
            problem = f"its tensors do not fit each other: {misshapen[0]}"  # under the names of the file
    known = SOURCES[source].title if source else "none that is known here"
    return Examination(
        **facts,
        family=other[0].title if other else known,
        findings=tuple(sorted(findings, key=lambda finding: get_args(Severity).index(finding.severity))),
        problem=problem,
        remedy=remedy,
        checkpoint=checkpoint,
        expectations=(
            tuple(expectations(path, source, checkpoint, stated, given, image_size)) if source and not other else ()
        ),
    )


def _container_findings(found: WeightFile) -> Iterator[Finding]:
    """Findings about the file around the weights."""
    note, warning = (partial(Finding, severity, "container") for severity in ("note", "warning"))
    yield from map(warning, found.notes)
    if place := found.part.removesuffix(found.prefix.rstrip("./")).rstrip("."):
        yield note(f"The weights are under {place!r} in the file.")
    if found.beside:
        entries = [f"{name} ({value})" for name, value in found.beside.items()]
        yield note(f"Next to them are {some_of(entries, 8)}, which a prediction does not need.")
    if len(found.parts) > 1:
        others = ", ".join(repr(part) for part in found.parts if part != found.part)
        here = repr(found.part) if found.part else "the one without a name"
        yield warning(f"The file holds {len(found.parts)} sets of weights; this is {here}, the others are {others}.")
    if found.prefix:
        words = [word for word in found.prefix.rstrip("./").split(".") if word in PREFIXES]
        by = f", as {' and '.join(PREFIXES[word] for word in words)} puts there" if words else ""
        yield note(f"Every name begins with {found.prefix!r}{by}; that is taken off.")
    if found.outside:
        count, names = len(found.outside), some_of(found.outside)
        do_not, are = ("tensors do", "are") if count > 1 else ("tensor does", "is")
        sentence = f"{count} {do_not} not begin with {found.prefix!r} and {are} left aside: {names}."
        yield note(sentence, found.outside)


def _sizes(shapes: Shapes, stated: int | None, chosen: int | None) -> dict[str, Any]:
    """The sizes that the shapes show, in the order of the configuration, and the possible numbers of heads."""
    read = dict(shapes.sizes)
    tokens = read.pop("num_tokens", None)
    if shapes.layers:
        first = next(name for name in shapes.present if name in shapes.rows and ".0." in f".{shapes.rows[name][0]}")
        name, shape = shapes.in_file[first], shapes.present[first]
        how = f"the names count layers {shapes.layers[0]} to {shapes.layers[-1]}"
        read["num_layers"] = SizeRead("num_layers", shapes.num_layers, name, shape, how)
    if tokens is not None and "patch_size" in read and is_grid(tokens.value):
        side, patch = isqrt(tokens.value - 1), read["patch_size"].value
        how = f"{tokens.value} rows = 1 + {side} x {side} patches of {patch} pixels"
        read["image_size"] = SizeRead("image_size", side * patch, tokens.name, tokens.shape, how)
    heads: tuple[HeadCandidate, ...] = ()
    if "hidden_size" in read:
        mlp = read["mlp_size"].value if "mlp_size" in read else 0
        heads = head_candidates(read["hidden_size"].value, shapes.num_layers, mlp, stated, chosen)
    return {"sizes": tuple(read[field.name] for field in fields(ViTConfig) if field.name in read), "heads": heads}


def _heads_beside(path: Path, source: str) -> int | None:
    """The number of heads that a file next to the weights states: our card, or Hugging Face's config.json."""
    try:
        if source == "ours" and (card := path.with_suffix(".json")).is_file():
            return read_card(path, card.name).config.num_heads
        folder = Folder.of(path) if SOURCES[source].has_folder else None
        return folder.config_fields().get("num_heads") if folder else None
    except (ValueError, OSError, TypeError):
        return None  # opening it says why


_REMEDIES = {  # words of a refusal -> how the file opens after all
    "give num_heads=": "Give its number of heads: it is in the code that trained it.",
    "no classification head": "Save the model together with its classifier, or train one on top of it first.",
    "not finite": "Take a checkpoint of an earlier epoch, from before training diverged.",
    "no class token": "It would take a head that averages the patches; here y is read from the class token (Eq. 4).",
    "square patches of 3 channels": "It would take images of that many channels; here images are read in RGB.",
}


def _remedy(problem: str, other: str | None) -> str:
    if other is not None:
        return f"It would take a model with that part. These are the names of {other}, whose own code opens them."
    return next((remedy for words, remedy in _REMEDIES.items() if words in problem), "")
