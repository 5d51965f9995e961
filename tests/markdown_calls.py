"""Which expressions of the pages Streamlit reads as Markdown, and whether something from outside can be in them.

An expression is safe if it is the source's own: text between quotes, numbers, ``plain(...)``, names in capitals, local
names and parameters that only get safe values, and what is put together from those. Whatever else is needed is listed.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]

# Streamlit's methods: how many positional arguments are read as Markdown, and which names.
LABEL = (1, ("label", "help"))
BODY = (1, ("body", "help"))
MARKDOWN: Mapping[str, tuple[int, tuple[str, ...]]] = {
    **dict.fromkeys(("markdown", "warning", "info", "error", "success", "caption", "toast", "write"), BODY),
    **dict.fromkeys(("title", "header", "subheader"), BODY),
    **dict.fromkeys(("button", "download_button", "form_submit_button", "link_button", "checkbox", "toggle"), LABEL),
    **dict.fromkeys(("slider", "select_slider", "selectbox", "multiselect", "text_input", "text_area"), LABEL),
    **dict.fromkeys(("number_input", "file_uploader", "camera_input", "expander", "popover", "status"), LABEL),
    **dict.fromkeys(("radio", "pills", "segmented_control"), (1, ("label", "help", "captions"))),
    "page_link": (0, ("label", "help")),
    "metric": (3, ("label", "value", "delta", "help")),
    "progress": (0, ("text",)),
    "spinner": (1, ("text",)),
    "tabs": (1, ("tabs",)),
    "image": (0, ("caption",)),
    "table": (1, ("data",)),
}
WITH_OPTIONS = {"radio", "pills", "segmented_control", "select_slider"}  # those of a selectbox are text
NUMBER = re.compile(r"[-+, _]*0?\d*,?(\.\d*)?[dfgeEG%,]")
OF_NUMBERS = {"len", "round", "int", "float", "range", "enumerate"}
OF_ITS_ARGUMENTS = {"str", "sorted", "list", "tuple", "max", "min", "sum", "zip", "reversed", "next", "sentence"}


@dataclass(frozen=True)
class Place:
    """Where an expression stands: its module, and the functions around it from the outermost to the innermost."""

    module: ast.Module
    functions: tuple[ast.AST, ...] = ()


Value = tuple[ast.expr | None, Place]  # None for what cannot be told


class Pages:
    """Modules of the app, with the expressions in them that somebody has looked at."""

    def __init__(self, sources: Mapping[str, str], own: set[str]):
        self.own = own
        self.met: set[str] = set()  # those of ``own`` that were needed so far
        self.calls: dict[str, list[tuple[ast.Call, Place]]] = {}
        self.names: dict[int, str] = {}
        self.modules: dict[str, list[tuple[ast.Call, Place]]] = {}
        for name, source in sources.items():
            module = ast.parse(source)
            self.names[id(module)] = name
            self.modules[name] = list(_calls(module, Place(module)))
            for call, place in self.modules[name]:
                self.calls.setdefault(_last(call.func), []).append((call, place))

    def unsafe(self) -> Iterator[str]:
        """Every argument that Streamlit reads as Markdown and in which something from outside may be."""
        for name, calls in self.modules.items():
            for call, place in calls:
                function = call.func
                if isinstance(function, ast.Attribute) and function.attr in MARKDOWN and not self.is_own(function):
                    for each, where in self.read(call, place):
                        if not self.is_safe(each, where):
                            yield f"{name}: {function.attr}: {ast.unparse(each) if each else '?'}"

    def is_own(self, node: ast.expr) -> bool:
        """Whether somebody has looked at it."""
        if (text := ast.unparse(node)) not in self.own:
            return False
        self.met.add(text)
        return True

    def read(self, call: ast.Call, place: Place) -> Iterator[Value]:
        """The arguments of a call that Streamlit reads as Markdown."""
        method = _last(call.func)
        positional, names = MARKDOWN[method]
        yield from ((each, place) for each in call.args[:positional])
        by_name = {keyword.arg: keyword.value for keyword in call.keywords}
        yield from ((value, place) for name, value in by_name.items() if name in names)
        if None in by_name:
            yield from self._of_mapping(by_name[None], names, place)
        if method in WITH_OPTIONS:
            form = by_name.get("format_func")
            if form is None:
                yield (call.args[1] if len(call.args) > 1 else by_name.get("options")), place
            elif isinstance(form, ast.Lambda):
                yield form.body, Place(place.module, (*place.functions, form))
            else:
                yield ast.Call(func=form, args=[], keywords=[]), place

    def _of_mapping(self, mapping: ast.expr | None, names: tuple[str, ...], place: Place) -> Iterator[Value]:
        match mapping:
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if isinstance(key, ast.Constant) and key.value in names:
                        yield value, place
            case ast.Name(id=name):
                for each, where in self.values(name, place):
                    yield from self._of_mapping(each, names, where)
            case _ if mapping is not None:
                yield mapping, place

    def values(self, name: str, place: Place) -> list[Value]:
        """All that a name may be."""
        for depth in range(len(place.functions), -1, -1):
            body = place.functions[depth - 1] if depth else place.module
            if found := list(self._values(body, name, Place(place.module, place.functions[:depth]))):
                return found
        return [(None, place)]

    def _values(self, body: ast.AST, name: str, place: Place) -> Iterator[Value]:
        for node in ast.walk(body):
            match node:
                case ast.Assign(targets=targets, value=value):
                    yield from ((each, place) for target in targets for each in _taken(target, value, name))
                case ast.AnnAssign(target=ast.Name(id=found), annotation=annotation, value=value) if found == name:
                    yield (ast.Constant(0) if _is_number(annotation) else value), place
                case ast.AugAssign(target=ast.Name(id=found), value=value) if found == name:
                    yield value, place
                case ast.NamedExpr(target=ast.Name(id=found), value=value) if found == name:
                    yield value, place
                case ast.For(target=target, iter=several) | ast.comprehension(target=target, iter=several):
                    yield from ((each, place) for each in _counted(target, several, name))
                case ast.Call(func=ast.Attribute(value=ast.Name(id=found), attr="append" | "extend" | "insert")) if (
                    found == name
                ):
                    yield node.args[-1], place
                case ast.FunctionDef(args=arguments) | ast.Lambda(args=arguments) if node is body:
                    for number, each in enumerate([*arguments.args, *arguments.kwonlyargs]):
                        if each.arg == name:
                            yield from self._given(node, number, each, place)
                case ast.withitem(optional_vars=ast.Name(id=found)) | ast.ExceptHandler(name=found) if found == name:
                    yield None, place

    def calls_of(self, name: str, module: ast.Module) -> list[tuple[ast.Call, Place]]:
        """The calls of a function of a module: in it, and where it is imported or asked for as an attribute."""
        dotted = self.names[id(module)]
        return [
            (call, place)
            for call, place in self.calls.get(name, [])
            if (place.module is module and isinstance(call.func, ast.Name)) or _imports(place.module, dotted, call.func)
        ]

    def _given(
        self, function: ast.FunctionDef | ast.Lambda, number: int, parameter: ast.arg, place: Place
    ) -> Iterator[Value]:
        """What the callers of a function give it."""
        if _is_number(parameter.annotation):
            yield ast.Constant(0), place
            return
        calls = self.calls_of(function.name, place.module) if isinstance(function, ast.FunctionDef) else []
        for call, where in calls:
            by_name = {keyword.arg: keyword.value for keyword in call.keywords}
            if parameter.arg in by_name:
                yield by_name[parameter.arg], where
            elif number < len(call.args):
                yield call.args[number], where
            elif not function.args.defaults and not any(function.args.kw_defaults):
                yield None, where
        if not calls:
            yield None, place

    def _gives_safe(self, name: str, place: Place, seen: frozenset[tuple[str, int]]) -> bool:
        """Whether a function of the same module returns nothing from outside."""
        found = [each for each in place.module.body if isinstance(each, ast.FunctionDef) and each.name == name]
        return bool(found) and all(
            self.is_safe(node.value, Place(place.module, (function,)), seen)
            for function in found
            for node in ast.walk(function)
            if isinstance(node, ast.Return)
        )

    def is_safe(self, node: ast.expr | None, place: Place, seen: frozenset[tuple[str, int]] = frozenset()) -> bool:
        """Whether nothing from outside is in what the expression gives."""

        def safe(each: ast.expr | None) -> bool:
            return self.is_safe(each, place, seen)

        if node is None:
            return False
        if self.is_own(node) or (isinstance(node, ast.Call) and self.is_own(node.func)):
            return True
        match node:
            case ast.Constant() | ast.Compare():
                return True
            case ast.JoinedStr(values=parts):
                return all(map(safe, parts))
            case ast.FormattedValue(value=value, format_spec=ast.JoinedStr(values=[*_, ast.Constant(value=form)])):
                return bool(NUMBER.fullmatch(form)) or safe(value)
            case ast.FormattedValue(value=value) | ast.Starred(value=value) | ast.UnaryOp(operand=value):
                return safe(value)
            case ast.IfExp(body=one, orelse=other) | ast.DictComp(key=one, value=other):
                return safe(one) and safe(other)
            case ast.BinOp(left=one, right=other):
                return safe(one) and safe(other)
            case ast.BoolOp(values=values) | ast.List(elts=values) | ast.Tuple(elts=values) | ast.Set(elts=values):
                return all(map(safe, values))
            case ast.Dict(keys=keys, values=values):
                return all(map(safe, [*keys, *values]))
            case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element) | ast.SetComp(elt=element):
                return safe(element)
            case ast.Name(id=name):
                key = (name, id(place.functions[-1] if place.functions else place.module))
                if _is_constant(name) or key in seen:
                    return True
                return all(self.is_safe(each, where, seen | {key}) for each, where in self.values(name, place))
            case ast.Attribute() if node.attr in numbers():
                return True
            case ast.Call(func=function) if _last(function) in numbers():
                return True
            case ast.Attribute(value=value, attr=name):
                return _is_constant(name) or safe(value)
            case ast.Subscript(value=value):
                return safe(value)
            case ast.Call(func=ast.Name(id=name), args=arguments):
                if name in OF_NUMBERS or (name in OF_ITS_ARGUMENTS and all(map(safe, arguments))):
                    return True
                return self._gives_safe(name, place, seen)
            case ast.Call(func=ast.Attribute(value=table, attr="get"), args=[_, *rest]) if _is_constant(_root(table)):
                return all(map(safe, rest))  # whatever is looked up, what is found is the source's
            case ast.Call(func=ast.Attribute(value=value), args=arguments):
                return safe(value) and all(map(safe, arguments))
        return False


def _imports(module: ast.Module, dotted: str, function: ast.expr) -> bool:
    """Whether a module has this function from the module ``dotted``."""
    package, _, last = dotted.rpartition(".")
    source, name = (dotted, _last(function)) if isinstance(function, ast.Name) else (package, last)
    known_as = _root(function)
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == source
        and any(each.name == name and (each.asname or each.name) == known_as for each in node.names)
        for node in ast.walk(module)
    )


def _calls(node: ast.AST, place: Place) -> Iterator[tuple[ast.Call, Place]]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        place = Place(place.module, (*place.functions, node))
    if isinstance(node, ast.Call):
        yield node, place
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, place)


def _last(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _root(node: ast.expr) -> str:
    while not isinstance(node, ast.Name):
        match node:
            case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.Call(func=inner):
                node = inner
            case _:
                return ""
    return node.id


def _is_constant(name: str) -> bool:
    return name.strip("_").isupper()


def _taken(target: ast.expr, value: ast.expr, name: str) -> Iterator[ast.expr]:
    """What a name is assigned; of a tuple that is written out, its own part."""
    match target, value:
        case ast.Name(id=found), _ if found == name:
            yield value
        case ast.Tuple(elts=names), ast.Tuple(elts=values) if len(names) == len(values):
            for one, other in zip(names, values, strict=True):
                yield from _taken(one, other, name)
        case ast.Tuple(), _ if _is_in(name, target):
            yield value


def _counted(target: ast.expr, several: ast.expr, name: str) -> Iterator[ast.expr]:
    """What a name gets in a loop."""
    match target, several:
        case ast.Tuple(elts=[ast.Name(id=first), second]), ast.Call(func=ast.Name(id="enumerate"), args=[inner, *_]):
            yield from [ast.Constant(0)] if first == name else _counted(second, inner, name)
        case _, ast.Tuple(elts=elements) | ast.List(elts=elements):
            for each in elements:
                yield from _taken(target, each, name)
        case _ if _is_in(name, target):
            yield several


def _is_in(name: str, target: ast.expr) -> bool:
    return any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(target))


def _is_number(annotation: ast.expr | None) -> bool:
    words = re.findall(r"\w+", ast.unparse(annotation)) if annotation is not None else []
    return bool(words) and set(words) <= {"int", "float", "bool", "None", "list", "tuple", "Sequence"}


@cache
def numbers() -> set[str]:
    """Names of attributes and functions that give numbers wherever the project has them."""
    kinds: dict[str, bool] = {}
    for path in [path for package in ("vit_core", "explainer", "pages") for path in (ROOT / package).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                    kinds[name] = kinds.get(name, True) and _is_number(annotation)
                case ast.FunctionDef(name=name, returns=annotation):
                    kinds[name] = kinds.get(name, True) and _is_number(annotation)
    return {name for name, is_number in kinds.items() if is_number and not hasattr(str, name)}
