"""The ledger of any module: one forward pass with everything that ran in it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from explainer.shapes.describing.families import family_of
from explainer.shapes.describing.from_events import Names, failure_of, operations_of, shapes_of
from explainer.shapes.describing.named_axes import Pass, batch_of, of_another_batch, with_batch_axes, with_config_axes
from explainer.shapes.entries.ledger import Ledger, Subject
from explainer.shapes.recording.building import built_on_meta
from explainer.shapes.recording.code_lines import start_here
from explainer.shapes.recording.copies import device_of, meta_copy, to_meta, with_own_buffers, with_tensors
from explainer.shapes.recording.recorder import Recorder
from explainer.shapes.torch_internals import is_compiled
from vit_core import VisionTransformer, ViTConfig
from vit_core.config import PRESETS

Example = Tensor | tuple[Any, ...] | Mapping[str, Any]


def ledger(
    module: nn.Module | Callable[[], nn.Module],
    example_input: Example,
    *,
    device: str | torch.device | None = None,
    title: str | None = None,
    config: ViTConfig | None = None,
) -> Ledger:
    """Every operation of ``module`` on ``example_input``, in order.

    What the module raises is not raised here: it stands in ``Ledger.failure``, after the operations that ran.

    Args:
        module: the model, as it stands (train or eval); or a callable that builds one, whose errors are recorded.
        example_input: a tensor, a tuple of arguments, a mapping of keyword arguments, or a shape: ``(1, 3, 224, 224)``.
        device: ``"meta"`` for shapes alone, without memory and without computing; None for where the module is.
        title: the model's name; its class's name if None.
        config: the sizes of the model, if it is a Vision Transformer of a known family that does not tell them itself;
            they name its axes.

    Raises:
        TypeError: if ``module`` is compiled or no module.
        ValueError: if ``device`` is neither ``"meta"`` nor where the module is.
    """
    built: nn.Module | Exception = module if isinstance(module, nn.Module) else _build(module, device)
    if isinstance(built, Exception):
        where = torch.device(device or "cpu").type
        subject = Subject(module, *_arguments(nn.Identity(), example_input, where == "meta"))
        return Ledger(title or _name(module), (), (), (), where, failure_of(built), subject=subject)
    _check(built, device)
    on_meta = torch.device(device or device_of(built, example_input)).type == "meta"
    args, kwargs = _arguments(built, example_input, on_meta)
    run = meta_copy(built) if on_meta else with_own_buffers(built)
    names = Names(run)
    recorder = Recorder(names.known, on_meta)
    own_args, own_kwargs = with_tensors((args, kwargs), Tensor.clone)  # some models write into their input
    result, error = _run(run, own_args, own_kwargs, recorder)
    made = Ledger(
        title=title or type(built).__name__,
        inputs=shapes_of((args, kwargs)),
        operations=operations_of(recorder.events, names),
        outputs=() if error else shapes_of(result),
        device="meta" if on_meta else device_of(built, example_input).type,
        failure=failure_of(error, recorder, names) if error else None,
        unused=() if error else names.unused(recorder.events),
        subject=Subject(built, args, kwargs),
    )
    if (family := family_of(built)) is not None:
        build, sizes = family
        if (named := with_config_axes(made, config or sizes, build)) is not None:
            return named
    return _with_batch(made, meta_copy(built), args, kwargs)  # a copy of its own: some models keep what they computed


def _with_batch(made: Ledger, run: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Ledger:
    """The ledger with B named, by a second pass with one picture more; and where that breaks, if it does."""
    batch = batch_of(made.inputs)
    if not batch:
        return made
    larger = batch + 1
    args, kwargs = of_another_batch((args, kwargs), batch, larger)
    names = Names(run)
    recorder = Recorder(names.known, meta=True, places=False)
    result, error = _run(run, args, kwargs, recorder)
    other = Pass(operations_of(recorder.events, names), () if error else shapes_of(result))
    made = with_batch_axes(made, other, batch, larger)
    if error is None or made.failure is not None:
        return made
    failure = failure_of(error, recorder, names)
    return made if failure.advice else replace(made, other_batch=failure)


def config_ledger(config: ViTConfig, batch: int = 1) -> Ledger:
    """Every operation of our Vision Transformer of these sizes, on meta: no memory is taken, nothing is computed."""
    model = built_on_meta(lambda: VisionTransformer(config)).eval()
    size = config.image_size
    return ledger(model, (batch, config.num_channels, size, size), device="meta", title=_title(config))


def _title(config: ViTConfig) -> str:
    known = (name for name in PRESETS if ViTConfig.named(name) == replace(config, num_classes=1000))
    return next(known, "VisionTransformer")


def _run(
    module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], recorder: Recorder
) -> tuple[Any, Exception | None]:
    try:
        with torch.no_grad(), recorder:
            return module(*args, **kwargs), None
    except Exception as error:
        return None, error


start_here(_run)


def _build(builder: Callable[[], nn.Module], device: str | torch.device | None) -> nn.Module | Exception:
    if not callable(builder):
        raise TypeError(f"expected a module or a callable that builds one, got {type(builder).__name__}")
    try:
        if device is not None and torch.device(device).type == "meta":
            return built_on_meta(builder)
        return builder()
    except Exception as error:
        return error


start_here(_build)


def _name(builder: Any) -> str:
    name = getattr(builder, "__name__", type(builder).__name__)
    return "model" if name == "<lambda>" else name


def _check(module: nn.Module, device: str | torch.device | None) -> None:
    for name, part in module.named_modules():
        where = f"its part {name!r}" if name else "the module"
        if isinstance(part, torch.jit.ScriptModule):
            raise TypeError(
                f"{where} is compiled by torch.jit, which runs no Python code that could be followed: "
                "give the module as it was before torch.jit.script or torch.jit.trace"
            )
        if is_compiled(part):
            raise TypeError(
                f"{where} is compiled by torch.compile, which merges operations: give the module as it was before "
                "(its _orig_mod)"
            )
        if any(nn.parameter.is_lazy(own) for own in part._parameters.values()):
            raise TypeError(f"{where} is a lazy module that has no sizes yet: run the model once before")
    if device is not None and (wanted := torch.device(device)).type != "meta" and wanted.type != device_of(module).type:
        raise ValueError(
            f"the module is on {device_of(module)}, not on {wanted}: move it there first, or ask for device='meta'"
        )


def _arguments(module: nn.Module, example: Any, on_meta: bool) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(example, tuple | list) and example and all(type(size) is int for size in example):
        floats = [parameter.dtype for parameter in module.parameters() if parameter.is_floating_point()]
        device = "meta" if on_meta else device_of(module)
        example = torch.zeros(tuple(example), dtype=floats[0] if floats else torch.float32, device=device)
    if on_meta:
        example = to_meta(example)
    if isinstance(example, Mapping):
        return (), dict(example)
    return (tuple(example) if isinstance(example, tuple | list) else (example,)), {}
