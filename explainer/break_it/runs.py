"""The lab's model, changed and run: its source with exchanged lines, its ledger, its logits next to the right ones.

Only what ``explainer/break_it/bugs.py`` writes is ever run. What is shown as code is what runs: the constants are
read from the text that is shown, everything below them is compiled once for each change.
"""

import ast
import inspect
import linecache
import zlib
from dataclasses import dataclass
from functools import cache, lru_cache
from types import CodeType
from typing import Any

import torch
from torch import Tensor, nn

from explainer.break_it import model as lab_model
from explainer.break_it.bugs import Bug, Edits
from explainer.break_it.listing import FILE
from explainer.break_it.sizes import Sizes
from explainer.break_it.windows import position
from explainer.shapes import Diagnosis, Ledger, diagnose, ledger

_CONSTANTS = ("IMAGE_SIZE", "PATCH_SIZE", "HIDDEN_SIZE", "NUM_HEADS")  # of the file; Sizes has them in small letters
_FAR = 1e-4  # relative: sums in another order differ by less than 1e-6, another model's logits by about their own size


@dataclass(frozen=True, eq=False)
class Outcome:
    """The result of a changed model."""

    ledger: Ledger
    logits: Tensor | None  # None: it broke

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of the logits; None if it broke."""
        return None if self.logits is None else tuple(self.logits.shape)

    def is_sound(self, sizes: Sizes) -> bool:
        """Whether it gives what the model without any bug gives, number by number."""
        right = run(sizes, ()).logits
        assert right is not None
        if self.logits is None or self.logits.shape != right.shape:
            return False
        return bool((self.logits - right).abs().max() <= _FAR * right.abs().max())


def source_of(sizes: Sizes, edits: Edits = ()) -> str:
    """The file of the model with these sizes and these changes.

    Raises:
        ValueError: if what a change exchanges does not stand in the file exactly once.
    """
    source = inspect.getsource(lab_model)
    for constant in _CONSTANTS:
        was, now = getattr(lab_model, constant), getattr(sizes, constant.lower())
        source = _exchanged(source, f"{constant} = {was}", f"{constant} = {now}")
    for before, after in edits:
        source = _exchanged(source, sizes.fill(before), sizes.fill(after))
    return source


def _exchanged(source: str, before: str, after: str) -> str:
    if source.count(before) != 1:
        raise ValueError(f"{before!r} stands {source.count(before)} times in the model's file, not once")
    return source.replace(before, after)


@lru_cache(128)
def run(sizes: Sizes, edits: Edits) -> Outcome:
    """The changed model on the example pictures, really run; what it raises is in the ledger's failure."""
    built: list[nn.Module] = []
    source = source_of(sizes, edits)

    def build() -> nn.Module:
        model = _open(source)["Classifier"]()
        assert isinstance(model, nn.Module)
        _give_weights(model)
        built.append(model)
        return model

    pictures = example(sizes)
    with torch.no_grad():
        found = ledger(build, pictures, device="cpu", title=FILE)
        return Outcome(found, None if found.failure else built[0](pictures))


@lru_cache(1024)
def diagnosis(sizes: Sizes, edits: Edits) -> Diagnosis | None:
    """The likely mistake of the changed model, found as for anybody's; None if its shapes show none."""
    return diagnose(run(sizes, edits).ledger, (sizes.batch, lab_model.NUM_CLASSES))


def answer(sizes: Sizes, bug: Bug) -> tuple[int, ...] | None:
    """The shape that is to be predicted, as it really came out; None: it is never made."""
    found = run(sizes, bug.edits).ledger
    index = position(found, bug.place)
    return None if index is None else found.operations[index].outputs[0].sizes


def options(sizes: Sizes, bug: Bug) -> list[tuple[int, ...]]:
    """Shapes to choose from, the true one among them; their order shows nothing."""
    shapes = {tuple(int(size) for size in sizes.fill(guess).split(", ")) for guess in bug.guesses}
    if (true := answer(sizes, bug)) is not None:
        shapes.add(true)
    return sorted(shapes, key=lambda shape: (len(shape), shape))


def example(sizes: Sizes) -> Tensor:
    """Pixels as Pillow gives them: B pictures, rows, columns, four channels of bytes."""
    shape = (sizes.batch, sizes.image_size, sizes.image_size, 4)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def _give_weights(model: nn.Module) -> None:
    """The same numbers in every variant, by the name and shape of the parameter; no common generator is touched."""
    for name, parameter in model.named_parameters():
        seed = zlib.crc32(f"{name} {tuple(parameter.shape)}".encode())
        noise = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(seed))
        parameter.copy_(noise * (0.5 if parameter.ndim == 1 else parameter.shape[-1] ** -0.5))


def _open(source: str) -> dict[str, Any]:
    """The names of the changed file. Its constants are those of ``source``, and nothing is compiled twice."""
    constants = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    code = _compiled(_without_constants(source, constants))
    names: dict[str, Any] = {"__name__": "vit"}
    exec(code, names)
    names.update(constants)  # the functions read them when they run
    return names


def _without_constants(source: str, constants: dict[str, object]) -> str:
    lines = source.splitlines(keepends=True)
    return "".join(f"{line.split(' = ')[0]} = 0\n" if line.split(" = ")[0] in constants else line for line in lines)


@cache
def _compiled(source: str) -> CodeType:
    path = f"{zlib.crc32(source.encode()):08x}/{FILE}"  # a folder of its own, so that no two listings are mixed up
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    return compile(source, path, "exec")
