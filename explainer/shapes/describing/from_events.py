"""Turn recorded calls into operations: with names of parameters, work, rules, and the steps of fused attention."""

import math
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from types import FrameType
from typing import Any

from torch import nn

from explainer.shapes.describing.calls import arguments_of, attention_multiply_adds, multiply_adds_of, name_of
from explainer.shapes.describing.rules import rule_of, sums_to_one
from explainer.shapes.entries.operations import Failure, Line, Operation, TensorShape
from explainer.shapes.recording.code_lines import frames_of
from explainer.shapes.recording.recorder import Event, Recorder
from explainer.shapes.recording.signatures import Signature, TensorKey, keys_of, tensors_in
from vit_core import VisionTransformer
from vit_core.model import MLP


class Names:
    """Names of a module's parts, parameters and buffers, by identity."""

    def __init__(self, module: nn.Module | None) -> None:
        self.module = module
        self.parts: dict[int, tuple[str, str]] = {}
        self.tensors: dict[int, str] = {}
        self.learned: dict[int, int] = {}  # identity of a parameter -> how many numbers it has
        if module is None:
            return
        for name, part in module.named_modules():
            self.parts[id(part)] = (name, type(part).__name__)
            for own, parameter in part._parameters.items():
                if parameter is not None and id(parameter) not in self.tensors:
                    self.tensors[id(parameter)] = f"{name}.{own}" if name else own
                    self.learned[id(parameter)] = parameter.numel()
            for own, buffer in part._buffers.items():
                if buffer is not None:
                    self.tensors.setdefault(id(buffer), f"{name}.{own}" if name else own)

    def unused(self, events: list[Event]) -> tuple[TensorShape, ...]:
        """The parameters that no call has read."""
        if self.module is None:
            return ()
        read = {identity for event in events for identity in event.tensors}
        return tuple(
            TensorShape(tuple(parameter.shape), _dtype(parameter.dtype), None, self.tensors[id(parameter)])
            for parameter in self.module.parameters()
            if id(parameter) not in read
        )

    @property
    def known(self) -> frozenset[int]:
        """Identities of all parameters and buffers."""
        return frozenset(self.tensors)

    def part(self, module: nn.Module | None) -> tuple[str, str]:
        """The path of a module and the name of its class."""
        if module is None:
            return "", type(self.module).__name__ if self.module is not None else ""
        return self.parts.get(id(module), ("", type(module).__name__))


def shapes_of(value: Any) -> tuple[TensorShape, ...]:
    """The shapes of the tensors in a value."""
    return tuple(TensorShape(tuple(tensor.shape), _dtype(tensor.dtype)) for tensor in tensors_in(value))


def operations_of(events: list[Event], names: Names) -> tuple[Operation, ...]:
    """The operations of a ledger, from recorded calls."""
    seen: set[int] = set()
    operations: list[Operation] = []
    for event in events:
        operation, steps = _unplaced(event.signature, event.outputs)
        inputs, count = operation.inputs, 0
        if any(event.tensors):
            inputs = tuple(
                replace(shape, name=names.tensors[identity]) if identity else shape
                for shape, identity in zip(inputs, event.tensors, strict=True)
            )
            for identity in event.tensors:
                if identity in names.learned and identity not in seen:
                    seen.add(identity)
                    count += names.learned[identity]
        path, kind = names.part(event.module)
        if event.inside:
            path, kind = _owner(event, names, path, kind)
        place: dict[str, Any] = {
            "module": path,
            "module_type": kind,
            "line": event.line,
            "equation": equation_of(event.line),
        }
        operations.append(replace(operation, inputs=inputs, parameters=count, **place))
        operations += [replace(step, **place) for step in steps]
    return tuple(operations)


def _owner(event: Event, names: Names, path: str, kind: str) -> tuple[str, str]:
    """The module whose weights a call inside a function of torch used: ``out_proj``, which is never called itself."""
    for identity in event.tensors:
        if identity in names.learned:
            owner = names.tensors[identity].rpartition(".")[0]
            if owner.startswith(f"{path}." if path else "") and owner != path:
                return owner, next(kind for name, kind in names.parts.values() if name == owner)
    return path, kind


@lru_cache(maxsize=20_000)
def _unplaced(signature: Signature, outputs: tuple[TensorKey, ...]) -> tuple[Operation, tuple[Operation, ...]]:
    """The operation that all calls of one signature share, still without module and line, and the steps inside it."""
    keys = keys_of(signature)
    name = name_of(signature.function)
    steps = _steps(signature, keys, outputs) if name == "scaled_dot_product_attention" else ()
    operation = Operation(
        name=name,
        module="",
        module_type="",
        inputs=tuple(map(_shape, keys)),
        outputs=tuple(map(_shape, outputs)),
        arguments=arguments_of(signature),
        bytes=sum(math.prod(key.sizes) * key.dtype.itemsize for key in outputs),
        parameters=0,
        multiply_adds=0 if steps else multiply_adds_of(signature, outputs),
        rule=rule_of(signature, keys, outputs),
        line=None,
    )
    return operation, steps


def _steps(signature: Signature, keys: tuple[TensorKey, ...], outputs: tuple[TensorKey, ...]) -> tuple[Operation, ...]:
    """The scores, the softmax and the weighted sum, which a fused operation computes without storing them."""
    query, key, value = keys[:3]
    rows, columns, size = query.sizes[-2], key.sizes[-2], query.sizes[-1]
    scores = TensorShape((*outputs[0].sizes[:-1], columns), _dtype(query.dtype))
    given = dict(signature.keywords).get("scale")
    scale = f"/ √{size}" if given is None else f"· {getattr(given, 'value', given):g}"
    first, second = attention_multiply_adds(query.sizes, key.sizes, value.sizes)
    masks = tuple(map(_shape, keys[3:]))
    compare = f"{rows} queries times {columns} keys: {rows} × {columns} for each head"
    weigh = f"{rows} × {columns} weights times {columns} × {value.sizes[-1]} values gives {rows} × {value.sizes[-1]}"
    softmax = f"{sums_to_one(-1, scores.sizes)}: the shape stays"
    step = partial(Operation, module="", module_type="", bytes=0, parameters=0, line=None, fused=True)
    return (
        step(
            name="scores",
            inputs=(_shape(query), _shape(key), *masks),
            outputs=(scores,),
            arguments=f"q kᵀ {scale}",
            multiply_adds=first,
            rule=compare,
        ),
        step(name="softmax", inputs=(scores,), outputs=(scores,), arguments="dim=-1", multiply_adds=0, rule=softmax),
        step(
            name="weighted sum",
            inputs=(scores, _shape(value)),
            outputs=(_shape(outputs[0]),),
            arguments="A v",
            multiply_adds=second,
            rule=weigh,
        ),
    )


def _shape(key: TensorKey) -> TensorShape:
    return TensorShape(tuple(key.sizes), _dtype(key.dtype))


def _dtype(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.")


def equation_of(line: Line | None) -> int | None:
    """The equation that a line of our model computes, or prepares in the lines above it."""
    return None if line is None else _equations().get((line.path, line.number))


@lru_cache(maxsize=1)
def _equations() -> dict[tuple[str, int], int]:
    from explainer.notation.equations import EQUATIONS  # which need this package first
    from explainer.notation.excerpts import excerpt, excerpt_of

    root = Path(__file__).parents[3]
    codes = {equation.number: excerpt(equation) for equation in EQUATIONS.values()}
    marked = {(code.path, code.number) for code in codes.values()}
    found = {}
    for number, code in codes.items():
        line = code.number
        while line >= code.first and (line == code.number or (code.path, line) not in marked):
            found[str(root / code.path), line] = number
            line -= 1
    # Written out elsewhere: x_p E, a term of Eq. 1, and MLP, the function in Eq. 3.
    for function, number in ((VisionTransformer.embed_patches, 1), (MLP.forward, 3)):
        code = excerpt_of(function)
        found |= {(str(root / code.path), code.first + i): number for i in range(len(code.source.splitlines()))}
    return found


def failure_of(error: Exception, recorder: Recorder | None = None, names: Names | None = None) -> Failure:
    """Describe the operation or the line of code that raised an error."""
    names = names or Names(None)
    line, module, frames = frames_of(error.__traceback__)
    path, kind = names.part(module)
    message = str(error) or type(error).__name__
    failure = Failure("", path, kind, (), "", type(error).__name__, message, line)
    refusal = recorder.refusal if recorder else None
    if refusal is None or not _comes_from(error, refusal.error) or name_of(refusal.signature.function) == "_assert":
        return _einops(failure, frames)
    inputs = tuple(
        TensorShape(tuple(key.sizes), _dtype(key.dtype), None, names.tensors.get(identity, ""))
        for key, identity in zip(keys_of(refusal.signature), refusal.tensors, strict=True)
    )
    advice = _NEEDS_VALUES if recorder and recorder.meta and needs_values(refusal.error) else ""
    return replace(
        failure,
        operation=name_of(refusal.signature.function),
        inputs=inputs,
        arguments=arguments_of(refusal.signature),
        advice=advice,
    )


_NEEDS_VALUES = (
    "The model reads values here, and tensors on the meta device have none: "
    "make its ledger with real tensors (device=None, with the model on the CPU)."
)


def needs_values(error: BaseException) -> bool:
    """Whether an operation failed only because tensors on the meta device have no values."""
    return isinstance(error, NotImplementedError) or "meta tensor" in str(error).lower()


def _einops(failure: Failure, frames: tuple[FrameType, ...]) -> Failure:
    """The function of einops that failed, with its tensor and pattern, which are read from its frame."""
    for frame in frames:
        if frame.f_globals.get("__name__") == "einops.einops" and "pattern" in frame.f_locals:
            given = frame.f_locals.get("tensor")
            lengths = frame.f_locals.get("axes_lengths") or {}
            arguments = [repr(frame.f_locals["pattern"]), *(f"{name}={size}" for name, size in lengths.items())]
            return replace(
                failure, operation=frame.f_code.co_name, inputs=shapes_of(given), arguments=", ".join(arguments)
            )
    return failure


def _comes_from(error: BaseException | None, cause: Exception) -> bool:
    seen = 0
    while error is not None and seen < 20:
        if error is cause:
            return True
        error, seen = error.__cause__ or error.__context__, seen + 1
    return False
