"""Shapes, read from where they are declared: the annotations of the trace's fields; and their sizes in one model."""

from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from vit_core import ViTConfig

# Axis of an annotation -> the paper's letter for its size.
AXES = {
    "channels": "C",
    "height": "H",
    "width": "W",
    "patches": "N",
    "tokens": "(N+1)",
    "hidden": "D",
    "heads": "k",
    "head_size": "D_h",
    "mlp": r"D_{\mathrm{MLP}}",
    "patch_dim": r"(P^2 \cdot C)",
    "classes": "K",
    "layers": "L",
    "states": "(L+1)",
    "representation": r"D_{\mathrm{rep}}",  # of the pre-training head's hidden layer
}


@dataclass(frozen=True)
class Shape:
    """A shape with its axes named, in the paper's letters and in this model's numbers."""

    axes: tuple[str, ...]
    sizes: tuple[int, ...]

    @property
    def latex(self) -> str:
        r"""The paper's way: ``\mathbb{R}^{(N+1) \times D}``."""
        return rf"\mathbb{{R}}^{{{letters(self.axes)}}}"

    @property
    def plain(self) -> str:
        """The sizes as text: ``65 × 192``."""
        return " × ".join(map(str, self.sizes)) or "1"

    @property
    def named(self) -> str:
        """Every size with its axis: ``tokens 65 × hidden 192``; an axis of several factors as ``3·hidden 576``."""
        axes = zip(self.axes, self.sizes, strict=True)
        return " × ".join(axis if axis.isdigit() else f"{'·'.join(axis.split())} {size}" for axis, size in axes) or (
            "one number"
        )


def axes_of(trace: type, field: str) -> tuple[str, ...]:
    """The axes of a trace's field: ``("heads", "tokens", "tokens")`` for ``AttentionTrace.weights``.

    A tuple of tensors gives the axes of one of them. Leading axes of any number (``*batch``) are left out.

    Raises:
        KeyError: if the trace has no such field.
        TypeError: if the field is no tensor.
    """
    annotation: Any = get_type_hints(trace)[field]
    if not hasattr(annotation, "dim_str"):
        annotation = next(iter(get_args(annotation)), annotation)
    if not hasattr(annotation, "dim_str"):
        raise TypeError(f"{trace.__name__}.{field} is no tensor with a shape: {annotation}")
    return tuple(name for name in annotation.dim_str.split() if not name.startswith("*"))


def shape(trace: type, field: str, config: ViTConfig) -> Shape:
    """The shape of a trace's field in the model of ``config``."""
    return shape_of(axes_of(trace, field), config)


def shape_of(axes: tuple[str, ...], config: ViTConfig) -> Shape:
    """The shape with these axes in the model of ``config``."""
    if config.representation_size is None:  # the head reads y itself
        axes = tuple("hidden" if axis == "representation" else axis for axis in axes)
    return Shape(axes, tuple(size_of(axis, config) for axis in axes))


def size_of(axis: str, config: ViTConfig) -> int:
    """The size of one axis; ``"3 head_size"`` is three times as long as ``"head_size"``.

    Raises:
        KeyError: if there is no such axis.
    """
    sizes = config.axes | {
        "layers": config.num_layers,
        "states": config.num_layers + 1,
        "representation": config.representation_size or config.hidden_size,
    }
    size = 1
    for factor in axis.split():
        size *= int(factor) if factor.isdigit() else sizes[factor]
    return size


def letters(axes: tuple[str, ...]) -> str:
    r"""The axes in the paper's letters: ``(N+1) \times D``. A lone ``N+1`` or ``P^2 C`` needs no brackets."""
    written = [
        r" \cdot ".join(factor if factor.isdigit() else AXES[factor] for factor in axis.split()).replace(
            r"3 \cdot ", "3"
        )
        for axis in axes
    ]
    return written[0].strip("()") if len(written) == 1 else r" \times ".join(written)


def dimensions(axes: tuple[str, ...], config: ViTConfig) -> str:
    r"""The axes in this model's numbers: ``65 \times 192``."""
    return r" \times ".join(str(size_of(axis, config)) for axis in axes)
