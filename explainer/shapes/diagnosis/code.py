"""The user's own code around a mistake: the expression that ran, with a repair put into it; what it wants divided."""

import ast
import linecache
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import FrameType, TracebackType
from typing import Any

from torch import Tensor

from explainer.shapes.recording.code_lines import Code, is_model_code


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
    return _around(code)[1].strip()


def followed_by(code: Code | None, suffix: str) -> str:
    """The line with ``suffix`` after the expression that ran: ``x = self.conv(x)`` and ``.flatten(2)``; in words where
    the expression goes over several lines.
    """
    text = expression(code)
    is_compound = isinstance(_parsed(text), ast.BinOp | ast.UnaryOp | ast.IfExp)
    whole = replaced(code, f"({text}){suffix}" if is_compound else f"{text}{suffix}") if text else ""
    return whole or f"put {suffix} after this expression"


def replaced(code: Code | None, new: str) -> str:
    """The line with the expression that ran replaced; empty where that cannot be read."""
    before, old, after = _around(code)
    return f"{before}{new}{after}".strip() if old else ""


def _around(code: Code | None) -> tuple[str, str, str]:
    """The line of an expression: what stands before it, itself, and what stands after it; empty if it has several."""
    positions = list(code.code.co_positions()) if code else []
    place = code.instruction // 2 if code else 0
    first, last, start, end = positions[place] if 0 <= place < len(positions) else (None,) * 4
    if code is None or first is None or first != last:
        return "", "", ""
    line = linecache.getline(code.code.co_filename, first).encode()  # columns are counted in bytes
    before, text, after = (part.decode(errors="replace") for part in (line[:start], line[start:end], line[end:]))
    return before, text, after


def _parsed(text: str) -> ast.expr | None:
    """An expression; None if the text is none."""
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        return None


def operand_names(code: Code | None) -> tuple[str, ...]:
    """What the user calls the two sides of a sum or a product: ``z`` and ``self.positions``."""
    try:
        statement = ast.parse(expression(code)).body[:1]
    except SyntaxError:
        return ()
    match statement:
        case [ast.AugAssign(target=left, value=right)] | [ast.Expr(value=ast.BinOp(left=left, right=right))]:
            return ast.unparse(left), ast.unparse(right)
    return ()


def is_method_of(code: Code | None, owner: object) -> bool:
    """Whether an expression stands in a method of an object's class, so that ``self`` is the object or one like it."""
    if code is None:
        return False
    methods = (method for kind in type(owner).__mro__ for method in vars(kind).values())
    return any(getattr(method, "__code__", None) is code.code for method in methods)


def call_of(code: Code | None) -> ast.Call | None:
    """The call that ran, parsed."""
    call = _parsed(expression(code))
    return call if isinstance(call, ast.Call) else None


def divisions(traceback: TracebackType | None) -> tuple[Division, ...]:
    """Divisions with a remainder that stopped the code: of its own assertions, and of einops' patterns."""
    frames: list[tuple[FrameType, int, Code | None]] = []
    code: Code | None = None  # the innermost of somebody's own so far
    while traceback is not None:
        frame, number = traceback.tb_frame, traceback.tb_lineno
        if is_model_code(frame.f_code.co_filename):
            code = Code(frame.f_code, traceback.tb_lasti, number)
        frames.append((frame, number, code))
        traceback = traceback.tb_next
    for frame, number, code in reversed(frames):
        path = frame.f_code.co_filename.replace("\\", "/")
        if "/einops/" in path:
            found = [Division(*pair, code, shape, frame=frame) for pair, shape in _einops_divisions(frame)]
        elif is_model_code(frame.f_code.co_filename) or "/torch/nn/" in path:
            found = [Division(a, b, code, (), names, frame) for a, b, names in _asserted_divisions(frame, number)]
        else:
            continue
        if found:
            return tuple(found)
    return ()


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
    shape = tuple(tensor.shape)
    groups = [group.strip("()").split() for group in re.findall(r"\([^)]*\)|[^\s()]+", pattern.split("->")[0])]
    if ["..."] in groups:
        dots = groups.index(["..."])
        groups[dots : dots + 1] = [["_"]] * (len(shape) - len(groups) + 1)
    if len(groups) != len(shape):
        return
    for size, group in zip(shape, groups, strict=True):
        known = math.prod(int(name) if name.isdigit() else lengths.get(name, 1) for name in group)
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


# What an expression may be made of to be evaluated again: nothing in it is called but ``size``.
_READABLE = (
    *(ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.Load),
    *(ast.UnaryOp, ast.USub, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.FloorDiv),
)


def _evaluate(node: ast.expr, frame: FrameType) -> Any:
    """What a name, an attribute, an item, a tensor's size or arithmetic of them is."""
    calls = [part for part in ast.walk(node) if isinstance(part, ast.Call)]
    sizes = {id(call.func) for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "size"}
    if len(sizes) < len(calls) or not all(isinstance(part, (*_READABLE, ast.Call)) for part in ast.walk(node)):
        return None
    try:
        return eval(compile(ast.Expression(node), "<size>", "eval"), frame.f_globals, dict(frame.f_locals))
    except Exception:  # of somebody's own classes
        return None


@cache
def _parse_file(path: str) -> ast.Module | None:
    lines = linecache.getlines(path)
    try:
        return ast.parse("".join(lines)) if lines else None
    except SyntaxError:
        return None
