"""The pickle of a PyTorch file, read as plain data before PyTorch reads it: nothing it names is looked up.

PyTorch's own reader with ``weights_only=True`` runs nothing that is foreign, but it believes sizes: a few bytes can ask
for gigabytes. Here every tensor's place is worked out from the opcodes alone, and compared with what the file stores.
"""

import io
import math
import pickletools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

MAX_PICKLE_BYTES = 2_000_000  # a ViT-H with its optimizer and averages has 0.4 MB; a byte can take 64 of memory

STORAGES = dict(Double=8, Float=4, Half=2, BFloat16=2, ComplexDouble=16, ComplexFloat=8)  # bytes
STORAGES |= dict(Long=8, Int=4, Short=2, Char=1, Byte=1, Bool=1)
_STORAGE_TYPES = {f"torch.{name}Storage": size for name, size in STORAGES.items()} | {
    "torch.storage.UntypedStorage": 1,
    "torch.UntypedStorage": 1,
}
_REBUILD = "torch._utils._rebuild_tensor_v2"
_REBUILD_OTHER = "torch._utils._rebuild_tensor_v3"  # of types that have no storage of their own
_PARAMETER = ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state")
_TYPE = re.compile(r"torch\.(float8_\w{1,20}|float4_\w{1,20}|u?int\d{1,2})")
_DICTIONARY = "collections.OrderedDict"
_SIZE = "torch.Size"
RECORD = "argparse.Namespace"  # the options of a training script: a plain record, which does nothing
_KNOWN = {*_STORAGE_TYPES, _REBUILD, _REBUILD_OTHER, *_PARAMETER, _DICTIONARY, _SIZE, RECORD}


class PickleError(ValueError):
    """A pickle that is not read; the message is a part of a sentence."""


class ForeignError(PickleError):
    """A pickle that names something which is no tensor and no plain container."""


class UnreadError(PickleError):
    """Something whole that is not read here; the message goes on after the name of the file and says what to do."""


def unread_type(kind: str) -> str:
    """The rest of a sentence about a file with numbers of that type."""
    return (
        f"holds tensors of type {kind}, which is not read here: save them as 32 bits, with tensor.float(), after "
        "multiplying them by their scales if the file has any"
    )


@dataclass(frozen=True)
class _Named:
    """A name that the pickle asks for; it is never looked up."""

    name: str


@dataclass(frozen=True)
class Storage:
    """One run of numbers in the file."""

    key: str
    count: int
    itemsize: int

    @property
    def nbytes(self) -> int:
        """How many bytes of the file it is."""
        return self.count * self.itemsize


def check_pickle(data: bytes, stored: Mapping[str, int], most: int) -> None:
    """Refuse the pickle of a zip if it is anything but tensors that lie in ``stored``: key -> bytes.

    Args:
        data: the pickle.
        stored: the size of each run of numbers in the zip.
        most: bytes of a tensor, for the sentence about one that is too large.

    Raises:
        PickleError: if it names something foreign, or a tensor is not where it says.
    """
    reader = _Reader(most)
    reader.read(io.BytesIO(data))
    for storage in reader.storages.values():
        if stored.get(storage.key) != storage.nbytes:
            has = f"has {stored[storage.key]:,}" if storage.key in stored else "is missing"
            raise PickleError(f"the numbers {storage.key!r} should have {storage.nbytes:,} bytes and the file's {has}")


def check_legacy(file: BinaryIO, size: int) -> None:
    """Refuse a file as PyTorch wrote it before version 1.6: pickles one after the other, then the numbers.

    Raises:
        PickleError: if it is none, names something foreign, or declares more numbers than it has bytes.
    """
    start = io.BytesIO(file.read(MAX_PICKLE_BYTES))
    if _Reader().read(start) != 0x1950A86A20F9469CFC6C:  # torch.serialization.MAGIC_NUMBER
        raise PickleError("it is a pickle that torch.save did not write")
    reader = _Reader()
    for _ in range(2):  # the version, and what machine it was
        _Reader().read(start)
    reader.read(start)
    _Reader().read(start)
    declared = sum(storage.nbytes for storage in reader.storages.values())
    if declared > size - start.tell():
        raise PickleError(f"its tensors should have {declared:,} bytes and only {size - start.tell():,} are left")


class _Reader:
    """A pickle machine of plain data: its results are containers, numbers, text, ``_Named`` and ``Storage``."""

    def __init__(self, most: int = 0) -> None:
        self.most = most
        self.storages: dict[str, Storage] = {}
        self._memo: dict[int, Any] = {}
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []

    def read(self, file: io.BytesIO) -> Any:
        """The content of the next pickle of ``file``."""
        try:
            for opcode, argument, _ in pickletools.genops(file):
                if opcode.name == "STOP":
                    return self._stack.pop()
                self._step(opcode.name, argument)
        except PickleError:
            raise
        except (LookupError, TypeError, AttributeError, ValueError, UnicodeDecodeError) as error:
            raise PickleError(f"its pickle is damaged: {str(error) or type(error).__name__}") from error
        raise PickleError("its pickle has no end")

    def _step(self, opcode: str, argument: Any) -> None:
        stack = self._stack
        match opcode:
            case "PROTO":
                pass
            case "BINUNICODE" | "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINFLOAT" | "SHORT_BINSTRING":
                stack.append(argument)
            case "NONE" | "NEWTRUE" | "NEWFALSE" | "EMPTY_TUPLE":
                stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}[opcode])
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST" | "EMPTY_SET":
                stack.append([])
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(opcode[-1])
                stack[-count:] = [tuple(stack[-count:])]
            case "MARK":
                self._marks.append(stack)
                self._stack = []
            case "TUPLE":
                self._stack = self._marks.pop()
                self._stack.append(tuple(stack))
            case "APPEND":
                value = stack.pop()
                stack[-1].append(value)
            case "APPENDS":
                self._stack = self._marks.pop()
                self._stack[-1].extend(stack)
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                _put(stack[-1], key, value)
            case "SETITEMS":
                self._stack = self._marks.pop()
                for key, value in zip(stack[::2], stack[1::2], strict=True):
                    _put(self._stack[-1], key, value)
            case "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(self._memo[argument])
            case "GLOBAL":
                stack.append(_known(argument.replace(" ", ".")))
            case "BINPERSID":
                stack.append(self._storage(stack.pop()))
            case "REDUCE" | "NEWOBJ":
                arguments = stack.pop()
                stack.append(self._call(stack.pop(), arguments))
            case "BUILD":
                stack.pop()  # what an ordered dictionary or a record keeps next to its items
            case _:
                raise PickleError(f"its pickle has an opcode {opcode}, which no tensors need")

    def _storage(self, description: Any) -> Storage:
        """The storage that ``("storage", type, key, device, count, ...)`` describes."""
        _, kind, key, _, count, *_ = description
        if not isinstance(kind, _Named) or kind.name not in _STORAGE_TYPES or not isinstance(key, str):
            raise PickleError("its pickle describes numbers of no known type")
        storage = Storage(key, _whole(count), _STORAGE_TYPES[kind.name])
        if self.storages.setdefault(key, storage) != storage:
            raise PickleError(f"its pickle gives the numbers {key!r} two sizes")
        return storage

    def _call(self, function: Any, arguments: tuple[Any, ...]) -> Any:
        """The result of a call that PyTorch writes; any other was refused when it was named."""
        if not isinstance(function, _Named):
            raise PickleError("its pickle calls something that is no function")
        if function.name == _REBUILD:
            storage, offset, shape, strides, *_ = arguments
            _check_place(storage, _whole(offset), shape, strides, self.most)
            return "a tensor"
        if function.name == _REBUILD_OTHER:
            kind = arguments[6]
            raise UnreadError(unread_type(kind.name.removeprefix("torch.") if isinstance(kind, _Named) else "unknown"))
        if function.name in _PARAMETER:
            return arguments[0]
        if function.name == _DICTIONARY:
            return dict(arguments[0]) if arguments else {}
        if function.name == _SIZE:
            return tuple(arguments[0])
        if function.name == RECORD:
            return {}
        raise PickleError(f"its pickle calls {function.name}, which no tensors need")


def _known(name: str) -> _Named:
    if name in ("__builtin__.set", "builtins.set"):
        raise ForeignError("a set")
    if name not in _KNOWN and not _TYPE.fullmatch(name):
        raise ForeignError(name[:80] if name.isprintable() else "an unprintable name")
    return _Named(name)


def _put(items: dict[Any, Any], key: Any, value: Any) -> None:
    if not isinstance(key, str | int | float | None):  # a nest of tuples, say, which takes a deep stack to look up
        raise PickleError("its pickle has an entry whose name is no text and no number")
    items[key] = value


def _check_place(storage: Any, offset: int, shape: Any, strides: Any, most: int) -> None:
    """Refuse a tensor that reaches beyond its numbers, and one that repeats them (a stride of 0)."""
    if not isinstance(storage, Storage):
        raise PickleError("its pickle has a tensor without numbers")
    sizes, steps = [_whole(size) for size in shape], [_whole(step) for step in strides]
    if len(sizes) != len(steps) or len(sizes) > 64:
        raise PickleError("its pickle has a tensor whose shape and strides do not belong together")
    if not (count := math.prod(sizes)):
        return
    last = offset + sum((size - 1) * step for size, step in zip(sizes, steps, strict=True))
    if max(last + 1, count) > storage.count:
        if count * storage.itemsize > most > 0:
            raise PickleError(
                f"a tensor would have {count * storage.itemsize / 1e9:.0f} GB, at most {most / 1e9:.0f} GB are read"
            )
        shown = ", ".join(map(str, sizes[:6]))
        raise PickleError(
            f"a tensor of shape [{shown}] would have {count * storage.itemsize:,} bytes, and the file stores "
            f"{storage.nbytes:,} for it"
        )


def _whole(number: Any) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 2**63:
        raise PickleError("its pickle has a size that is no whole number from 0")
    return number
