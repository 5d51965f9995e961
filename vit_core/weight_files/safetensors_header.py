"""The header of a safetensors file, checked as plain JSON before anything is done with it."""

import json
import math
import struct
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

MAX_HEADER_BYTES = 2_000_000  # a ViT-H with its optimizer has 0.2 MB; JSON takes up to 50 times its size in memory
SIZES = dict(F64=8, F32=4, F16=2, BF16=2, F8_E4M3=1, F8_E5M2=1, C64=8, BOOL=1)  # bytes
SIZES |= dict(I64=8, I32=4, I16=2, I8=1, U64=8, U32=4, U16=2, U8=1)
UNREAD = ("F8_E4M3FNUZ", "F8_E5M2FNUZ", "F8_E8M0", "F6_E2M3", "F6_E3M2", "F4")  # types of the format all the same


class HeaderError(ValueError):
    """A header that cannot be true; the message is a part of a sentence."""


class UnreadTypeError(HeaderError):
    """A type that a safetensors file may have and that is not read here; the message is its name."""


def check_header(path: Path) -> int:
    """How many numbers a file has; refused if its header is too large, no JSON, or not about the bytes that follow.

    Raises:
        HeaderError: saying which.
        UnreadTypeError: if all is well but the type of a tensor.
        OSError: if the file cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        if size < 8:
            raise HeaderError(f"it has {size} bytes, and the length of its header alone takes 8")
        (length,) = struct.unpack("<Q", file.read(8))
        if length > size - 8:
            raise HeaderError(f"its header should have {length:,} bytes and the file has {size:,}")
        if length > MAX_HEADER_BYTES:
            raise HeaderError(f"its header has {length:,} bytes, at most {MAX_HEADER_BYTES:,} are read")
        text = file.read(length)
    try:
        header = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except HeaderError:
        raise
    except RecursionError as error:
        raise HeaderError("its header is nested too deeply") from error
    except ValueError as error:  # what is no UTF-8, too
        raise HeaderError(f"its header is no JSON: {error}") from error
    if not isinstance(header, dict):
        raise HeaderError(f"its header is not a JSON object but a {type(header).__name__}")
    spans = sorted(_span(name, entry) for name, entry in header.items() if name != "__metadata__")
    _check_spans(spans, size - 8 - length)
    return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")


def _span(name: str, entry: Any) -> tuple[int, int, str]:
    """Where a tensor begins and ends, after that was compared with its shape and type."""
    shown = repr(name[:80])
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise HeaderError(f"the entry {shown} of its header does not have a type, a shape and offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if dtype in UNREAD:
        raise UnreadTypeError(dtype)
    if not isinstance(dtype, str) or dtype not in SIZES:
        raise HeaderError(f"{shown} has the type {str(dtype)[:20]!r}, which is not known")
    if not _wholes(shape) or len(shape) > 64:
        raise HeaderError(f"{shown} has a shape that is not made of whole numbers from 0")
    if not _wholes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise HeaderError(f"{shown} has offsets that are not a beginning and an end")
    if (needed := math.prod(shape) * SIZES[dtype]) != offsets[1] - offsets[0]:
        raise HeaderError(
            f"{shown} of shape {shape[:6]} and type {dtype} needs {needed:,} bytes, its offsets leave "
            f"{offsets[1] - offsets[0]:,}"
        )
    return offsets[0], offsets[1], name


def _check_spans(spans: list[tuple[int, int, str]], available: int) -> None:
    """Refuse tensors that overlap, leave gaps, or reach beyond the end of the file."""
    for (_, end, name), (start, _, after) in pairwise(spans):
        if start < end:
            raise HeaderError(f"the tensors {name[:80]!r} and {after[:80]!r} overlap")
        if start > end:
            raise HeaderError(f"there is a gap of {start - end:,} bytes before {after[:80]!r}")
    begin, end = (spans[0][0], spans[-1][1]) if spans else (0, 0)
    if begin or end != available:
        raise HeaderError(f"its tensors should lie in bytes 0 to {available:,} and are at {begin:,} to {end:,}")


def _without_duplicates(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise HeaderError(f"its header names {name[:80]!r} twice")
        found[name] = value
    return found


def _no_constant(name: str) -> Any:
    raise HeaderError(f"its header has {name} for a number")


def _wholes(numbers: Any) -> bool:
    return isinstance(numbers, list) and all(
        isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 2**63 for number in numbers
    )
