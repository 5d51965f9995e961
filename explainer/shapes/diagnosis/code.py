"""The user's own code around a mistake: the expression that ran, with a repair put into it; what it wants divided."""

import ast
import linecache
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import FrameType, TracebackType
from typing import Any

from torch import Tensor

from explainer.shapes.recording import Code, is_model_code


@dataclass(frozen=True)
class Division:
    """A whole number that should have been divided by another without a remainder."""

    number: int
    divisor: int
    code: Code | None
    axis: tuple[int, ...] = ()  # the shape of the tensor of whose axes it is one, if it is
    names: tuple[str, str] = ("", "")  # what the user calls them
    frame: FrameType | None = None


def expression(code: Code | None) -> str:
    """The text of the expression that ran; empty where it cannot be read or goes over several lines."""
    span = _source_span(code)
    if code is None or span is None or span[0] != span[1]:
        return ""
    line = linecache.getline(code.code.co_filename, span[0]).encode()
    return line[span[2] : span[3]].decode(errors="replace").strip()


def followed_by(code: Code | None, suffix: str) -> str:
    """The line with ``suffix`` after the expression that ran: ``x = self.conv(x)`` and ``.flatten(2)``; in words where
    the expression goes over several lines.
    """
    text = expression(code)
    whole = replaced(code, f"({text}){suffix}" if _is_compound(text) else f"{text}{suffix}") if text else ""
    return whole or f"put {suffix} after this expression"


def replaced(code: Code | None, new: str) -> str:
    """The line with the expression that ran replaced."""
    span = _source_span(code)
    if code is None or span is None or span[0] != span[1]:
        return ""
    line = linecache.getline(code.code.co_filename, span[0]).encode()
    return (line[: span[2]] + new.encode() + line[span[3] :]).decode(errors="replace").strip()


def operand_names(code: Code | None) -> tuple[str, ...]:
    """What the user calls the two sides of a sum or a product: ``z`` and ``self.positions``."""
    text = expression(code)
    try:
        tree = ast.parse(text).body[0] if text else None
    except SyntaxError:
        return ()
    if isinstance(tree, ast.AugAssign):
        return ast.unparse(tree.target), ast.unparse(tree.value)
    if isinstance(tree, ast.Expr) and isinstance(tree.value, ast.BinOp):
        return ast.unparse(tree.value.left), ast.unparse(tree.value.right)
    return ()


def is_method_of(code: Code | None, owner: object) -> bool:
    """Whether an expression stands in a method of an object's class, so that ``self`` is the object or one like it."""
    if code is None:
        return False
    methods = (method for kind in type(owner).__mro__ for method in vars(kind).values())
    return any(getattr(method, "__code__", None) is code.code for method in methods)


def call_of(code: Code | None) -> ast.Call | None:
    """The call that ran, parsed."""
    text = expression(code)
    try:
        tree = ast.parse(text, mode="eval").body if text else None
    except SyntaxError:
        return None
    return tree if isinstance(tree, ast.Call) else None


def _is_compound(text: str) -> bool:
    try:
        return isinstance(ast.parse(text, mode="eval").body, ast.BinOp | ast.UnaryOp | ast.IfExp)
    except SyntaxError:
        return False


def _source_span(code: Code | None) -> tuple[int, int, int, int] | None:
    if code is None:
        return None
    positions = list(code.code.co_positions())
    place = code.instruction // 2
    if not 0 <= place < len(positions):
        return None
    first, last, start, end = positions[place]
    return None if first is None or last is None or start is None or end is None else (first, last, start, end)


def divisions(traceback: TracebackType | None) -> tuple[Division, ...]:
    """Divisions with a remainder that stopped the code: of its own assertions, and of einops' patterns."""
    frames = []
    while traceback is not None:
        frames.append((traceback.tb_frame, traceback.tb_lineno, traceback.tb_lasti))
        traceback = traceback.tb_next
    found: list[Division] = []
    inner: Code | None = None
    outer: list[Code | None] = []
    for frame, number, instruction in frames:
        if is_model_code(frame.f_code.co_filename):
            inner = Code(frame.f_code, instruction, number)
        outer.append(inner)
    for (frame, number, _), code in zip(reversed(frames), reversed(outer), strict=True):
        if found:
            break
        path = frame.f_code.co_filename.replace("\\", "/")
        if "/einops/" in path:
            found += [Division(*pair, code, shape, frame=frame) for pair, shape in _einops_divisions(frame)]
        elif is_model_code(frame.f_code.co_filename) or "/torch/nn/" in path:
            found += [Division(a, b, code, (), names, frame) for a, b, names in _asserted_divisions(frame, number)]
    return tuple(found)


def _einops_divisions(frame: FrameType) -> Iterator[tuple[tuple[int, int], tuple[int, ...]]]:
    """From ``b c (h p) (w q) -> ...``: axes that a product of given lengths does not divide."""
    values = frame.f_locals
    tensor, pattern, lengths = values.get("tensor"), values.get("pattern"), values.get("axes_lengths")
    owner = values.get("self")
    if owner is not None and pattern is None:
        tensor = values.get("x")
        pattern, lengths = getattr(owner, "pattern", None), getattr(owner, "axes_lengths", None)
    if not isinstance(tensor, Tensor) or not isinstance(pattern, str) or not isinstance(lengths, dict):
        return
    left, shape = pattern.split("->")[0], tuple(tensor.shape)
    groups: list[list[str]] = []
    for part in left.replace("(", " ( ").replace(")", " ) ").split():
        if part == "(":
            groups.append([part])
        elif part == ")":
            groups[-1] = groups[-1][1:]
            groups[-1].append("")
        elif groups and groups[-1] and groups[-1][0] == "(":
            groups[-1].append(part)
        else:
            groups.append([part])
    if len(groups) != len(shape) or any("..." in group for group in groups):
        dots = next((place for place, group in enumerate(groups) if group[0] == "..."), None)
        if dots is None or len(shape) < len(groups) - 1:
            return
        groups[dots : dots + 1] = [["_"]] * (len(shape) - len(groups) + 1)
    for size, group in zip(shape, groups, strict=True):
        known = 1
        for name in group:
            known *= int(name) if name.isdigit() else lengths.get(name, 1)
        if len(group) > 1 and known > 1 and size % known:
            yield (size, known), shape


def _asserted_divisions(frame: FrameType, number: int) -> Iterator[tuple[int, int, tuple[str, str]]]:
    """From ``assert a % b == 0``, ``if a % b: raise``, ``a // b * b == a``: a and b, where there is a remainder."""
    tree = _parse_file(frame.f_code.co_filename)
    if tree is None:
        return
    inside = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and node.lineno <= number <= (node.end_lineno or node.lineno)
    ]
    tests: list[ast.expr] = []
    for node in inside:
        if isinstance(node, ast.Assert) or (isinstance(node, ast.If) and inside[-1] is not node):
            tests.append(node.test)
        elif node is inside[-1] and isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            tests += node.value.args  # torch._assert(a % b == 0, ...)
    statement = inside[-1] if inside else None
    if not isinstance(statement, ast.Raise | ast.Assert | ast.Expr):
        return
    functions = [node for node in inside if isinstance(node, ast.FunctionDef)]
    assigned = {
        target.id: node.value
        for node in (ast.walk(functions[-1]) if functions else ())
        if isinstance(node, ast.Assign) and node.lineno < number
        for target in _assigned_names(node.targets)
    }
    for test in reversed(tests):
        for a, b in _divided_pairs(test, assigned, 0):
            first, second = _evaluate(a, frame), _evaluate(b, frame)
            if isinstance(first, int) and isinstance(second, int) and second > 1 and first % second:
                yield first, second, (ast.unparse(a), ast.unparse(b))


def _assigned_names(targets: list[ast.expr]) -> Iterator[ast.Name]:
    for target in targets:
        if isinstance(target, ast.Name):
            yield target
        elif isinstance(target, ast.Tuple):
            yield from (name for name in target.elts if isinstance(name, ast.Name))


def _divided_pairs(test: ast.expr, assigned: dict[str, ast.expr], depth: int) -> Iterator[tuple[ast.expr, ast.expr]]:
    for node in ast.walk(test):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            yield node.left, node.right
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "divmod":
            if len(node.args) == 2:
                yield node.args[0], node.args[1]
        elif isinstance(node, ast.Compare) and len(node.comparators) == 1:
            for product, whole in ((node.left, node.comparators[0]), (node.comparators[0], node.left)):
                if isinstance(product, ast.BinOp) and isinstance(product.op, ast.Mult):
                    yield whole, product.right  # head_size * heads == D
                    yield whole, product.left
        elif isinstance(node, ast.Name) and node.id in assigned and depth < 3:
            yield from _divided_pairs(assigned[node.id], assigned, depth + 1)


def _evaluate(node: ast.expr, frame: FrameType) -> Any:
    """What a name, an attribute, an item or arithmetic of them is; nothing is called."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return frame.f_locals.get(node.id, frame.f_globals.get(node.id))
    if isinstance(node, ast.Attribute):
        owner = _evaluate(node.value, frame)
        return getattr(owner, node.attr, None) if owner is not None else None
    if isinstance(node, ast.Subscript):
        owner, key = _evaluate(node.value, frame), _evaluate(node.slice, frame)
        if isinstance(owner, tuple | list | dict) and isinstance(key, int | str):
            try:
                return owner[key]  # type: ignore[index]
            except (LookupError, TypeError):
                return None
        return None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _evaluate(node.operand, frame)
        return -value if isinstance(value, int) else None
    if isinstance(node, ast.BinOp):
        first, second = _evaluate(node.left, frame), _evaluate(node.right, frame)
        if isinstance(first, int) and isinstance(second, int):
            if isinstance(node.op, ast.Add):
                return first + second
            if isinstance(node.op, ast.Sub):
                return first - second
            if isinstance(node.op, ast.Mult):
                return first * second
            if isinstance(node.op, ast.FloorDiv) and second:
                return first // second
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "size":
        owner = _evaluate(node.func.value, frame)
        key = _evaluate(node.args[0], frame) if len(node.args) == 1 else None
        if isinstance(owner, Tensor) and isinstance(key, int) and -owner.ndim <= key < owner.ndim:
            return owner.shape[key]
    return None


@cache
def _parse_file(path: str) -> ast.Module | None:
    lines = linecache.getlines(path)
    try:
        return ast.parse("".join(lines)) if lines else None
    except SyntaxError:
        return None
