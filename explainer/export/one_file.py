"""The model as one file, ``vit.py``: made from the sources of the running program, needing nothing else of it."""

import ast
import inspect
import sys
from collections.abc import Iterable
from dataclasses import fields
from types import ModuleType

from vit_core import ViTConfig, config, model, trace

MODULES: tuple[ModuleType, ...] = (config, trace, model)  # in the order in which they need each other
OWN = "vit_core"

_HEAD = '''"""A Vision Transformer (arXiv 2010.11929), Eq. 1-8, in one file. Needs torch, einops and jaxtyping.

    from vit import ViT, ViTConfig
    model = ViT()  # the sizes that this file was made with
    logits = model(torch.zeros(1, {channels}, {size}, {size}))
    larger = ViT(ViTConfig.named("B/16", num_classes=3))

Made from {modules}; MIT licence.
"""
'''
_TAIL = '''

CONFIG = {config}


class ViT(VisionTransformer):
    """The Vision Transformer with the sizes above, unless others are given."""

    def __init__(self, config: ViTConfig = CONFIG) -> None:
        super().__init__(config)
'''


def one_file(config: ViTConfig) -> str:
    """The text of ``vit.py``: imports once, then the modules' own lines, then ``ViT`` with the sizes of ``config``.

    Raises:
        ValueError: if two of the modules define the same name, so that one would hide the other.
    """
    bodies, defined, imported = [], set[str](), list[ast.Import | ast.ImportFrom]()
    for module in MODULES:
        source = inspect.getsource(module)
        tree = ast.parse(source)
        names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        if twice := names & defined:
            raise ValueError(f"defined in more than one module: {', '.join(sorted(twice))}")
        defined |= names
        found = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        imported += [node for node in found if not _is_own(node)]
        bodies.append(_without(source, [tree.body[0], *found]))
    head = _HEAD.format(
        channels=config.num_channels,
        size=config.image_size,
        modules=", ".join(f"{module.__name__.replace('.', '/')}.py" for module in MODULES),
    )
    sizes = ",\n    ".join(f"{field.name}={getattr(config, field.name)!r}" for field in fields(config))
    return (
        f"{head}\n{_imports(imported)}\n\n\n"
        + "\n\n\n".join(bodies)
        + "\n"
        + _TAIL.format(config=f"ViTConfig(\n    {sizes},\n)")
    )


def open_module(source: str) -> ModuleType:
    """The text of ``vit.py`` as a module, without a file."""
    module = ModuleType("vit")
    exec(compile(source, "vit.py", "exec"), vars(module))
    return module


def _imports(nodes: Iterable[ast.Import | ast.ImportFrom]) -> str:
    """Every import once: Python's own first, names from one module in one line."""
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names: dict[str, set[str]] = {}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            names.setdefault(str(node.module), set()).update(alias.name for alias in node.names)
    lines = {name: f"import {name}" for name in modules}
    froms = {name: f"from {name} import {', '.join(sorted(taken))}" for name, taken in names.items()}
    groups: dict[bool, list[str]] = {True: [], False: []}
    for each in (lines, froms):
        for name, line in sorted(each.items()):
            groups[name.split(".")[0] in sys.stdlib_module_names].append(line)
    return "\n".join(groups[True]) + "\n\n" + "\n".join(groups[False])


def _is_own(node: ast.Import | ast.ImportFrom) -> bool:
    return isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == OWN


def _without(source: str, nodes: list[ast.stmt]) -> str:
    """The source without the lines of its docstring and imports."""
    dropped = {line for node in nodes for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    kept = [text for number, text in enumerate(source.splitlines(), 1) if number not in dropped]
    return "\n".join(kept).strip("\n")
