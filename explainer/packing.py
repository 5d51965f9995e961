"""A view, or frames of them, as bytes for the browser: a JSON header, then the numbers as they lie in memory.

Layout: ``b"VITS"``, one byte of version, the header's length as little-endian u32, the header as UTF-8 JSON (padded
with spaces so that what follows starts at a multiple of 4), then the buffers, each padded to a multiple of 4. The
header is the view itself, class by class and field by field; where an array stood there is its type, shape and place.
The colours of the quantities that the view uses, and their scales, are in the header too, so that the palette stays the
only place where a colour is written down.

An array of more than 4,096 values travels as uint8: every row of a matrix, every map of a stack, has 255 steps between
its own smallest and largest value. Equal arrays travel once. The same view always gives the same bytes.

With ``offer`` an array that travels in steps says by which name its own values are to be had: a table that is read or
saved fetches them, so that its numbers are the model's. Without it a table prints the digits that the steps leave.

Attention of layers and heads, the one array of four axes, travels as the square roots of what is above the smallest
value of its row, in 255 steps: a column of A gathers small weights from rows that have large ones elsewhere, and with
even steps it would be noise. With ``keep`` it is fetched once, by its content; where a layer is larger than
``WHOLE_UP_TO``, in chunks of rows and of columns, when the reader comes to them.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer import palette, panels
from explainer.links import shown_by
from explainer.panels import Frames, Panel, View

MAGIC = b"VITS"
VERSION = 1
QUANTISED_ABOVE = 4096  # values
KEPT_FROM = 8192  # bytes of a picture, from which on it is worth a request of its own
STEPS = 255
WHOLE_UP_TO = 6 * 2**20  # bytes of attention that are fetched together
EXACT_UP_TO = 8 * 2**20  # bytes of values that are fetched for one table
CHUNK = 256 * 2**10  # bytes of rows or columns that are fetched when the reader comes to one of them
_START = len(MAGIC) + 1 + 4

Keep = Callable[[bytes], str]  # keeps bytes for the browser to fetch, and returns their digest
Load = Callable[[str], bytes]  # the inverse
Draws = Callable[[View, str], None]  # takes a view that may be drawn for print while it lives, and its name
Offer = Callable[[NDArray[Any]], str]  # says by which name the values of an array are to be had while it lives


def pack(
    view: View | Frames, keep: Keep | None = None, offer: Offer | None = None, draws: Draws | None = None
) -> bytes:
    """The bytes of ``view``. With ``keep``, big pictures are handed to it and only their digests are packed.

    With ``offer``, arrays that travel in steps are handed to it, and the names that it gives them are packed. With
    ``draws``, a view is handed to it, and its name, which is the digest of all else, is packed.

    Frames hold all their pictures themselves: fetched one by one, the slider would wait for each.

    Raises:
        ValueError: if an array holds a number that is not finite, or has a type that panels do not have.
    """
    buffers = _Buffers(keep if isinstance(view, View) else None, offer)
    header = {"view": _encode(view, "view", buffers), "palette": _palette(view)}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    if draws and isinstance(view, View):
        name = digest(b"".join([text, *buffers.parts]))
        draws(view, name)
        text = text[:-1] + f',"figure":"{name}"}}'.encode()
    text += b" " * (-(_START + len(text)) % 4)
    return b"".join([MAGIC, bytes([VERSION]), len(text).to_bytes(4, "little"), text, *buffers.parts])


def unpack(data: bytes, load: Load | None = None) -> View | Frames:
    """The view or frames that ``pack`` packed, quantised arrays as the browser sees them.

    Raises:
        ValueError: if ``data`` was not packed by this version, or its pictures are kept elsewhere and ``load`` is None.
    """
    if data[:4] != MAGIC or data[4:5] != bytes([VERSION]):
        raise ValueError(f"expected a view packed as {MAGIC!r} version {VERSION}, got {data[:5]!r}: pack it again")
    start = _START + int.from_bytes(data[5:_START], "little")
    header = json.loads(data[_START:start])
    view = _decode(header["view"], memoryview(data)[start:], load)
    assert isinstance(view, View | Frames)
    return view


def header_of(data: bytes) -> str:
    """The JSON header of what ``pack`` packed: the view without its numbers, enough to know how much room it needs."""
    return data[_START : _START + int.from_bytes(data[5:_START], "little")].decode().rstrip()


def exact_bytes(array: NDArray[Any], token: int | None = None) -> bytes:
    """The values of an array as little-endian float32; of attention [layers, heads, tokens, tokens] one token's.

    Those are its rows in all maps, [layers, heads, tokens], and then its columns.

    Raises:
        ValueError: if attention is asked for without a token, or for one that it does not have.
    """
    if array.ndim == 4:
        if token is None or not 0 <= token < array.shape[-1]:
            raise ValueError(f"this attention has the tokens 0 to {array.shape[-1] - 1}, asked for: {token}")
        array = np.stack([array[:, :, token], array[:, :, :, token]])
    return np.ascontiguousarray(array, dtype="<f4").tobytes()


def digest(data: bytes) -> str:
    """The name of ``data`` by its content."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


class _Buffers:
    """The raw arrays behind the header, each distinct one once."""

    def __init__(self, keep: Keep | None, offer: Offer | None) -> None:
        self.keep = keep
        self.offer = offer
        self.parts: list[bytes] = []
        self.length = 0
        self._places: dict[bytes, int] = {}

    def add(self, raw: bytes) -> int:
        """Where ``raw`` starts behind the header."""
        if raw not in self._places:
            self._places[raw] = self.length
            padded = raw + b"\0" * (-len(raw) % 4)
            self.parts.append(padded)
            self.length += len(padded)
        return self._places[raw]


def _encode(value: Any, path: str, buffers: _Buffers) -> Any:
    """JSON for ``value``; arrays go to ``buffers``. ``path`` says in an error which array it was."""
    if isinstance(value, np.ndarray):
        return _encode_array(value, path, buffers)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        named = f"{path} {value.title!r}" if isinstance(value, Panel) else path
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        if isinstance(value, Panel):
            fields["tensors"] = shown_by(value)
        encoded = {name: _encode(field, f"{named}.{name}", buffers) for name, field in fields.items()}
        return {"kind": type(value).__name__} | {name: field for name, field in encoded.items() if field is not None}
    if isinstance(value, Mapping):
        return {str(key): _encode(item, f"{path}[{key!r}]", buffers) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_encode(item, f"{path}[{i}]", buffers) for i, item in enumerate(value)]
    if isinstance(value, np.generic):
        return _encode(value.item(), path, buffers)
    if isinstance(value, float) and not np.isfinite(value):
        raise ValueError(f"{path} is {value}: a picture needs finite numbers")
    return value


def _encode_array(array: NDArray[Any], path: str, buffers: _Buffers) -> dict[str, Any]:
    shape = list(array.shape)
    if array.dtype == np.uint8:
        raw = np.ascontiguousarray(array).tobytes()
        if buffers.keep and len(raw) >= KEPT_FROM:
            return {"type": "uint8", "shape": shape, "digest": buffers.keep(raw)}
        return {"type": "uint8", "shape": shape, "at": buffers.add(raw)}
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"{path} holds {array.dtype}, expected float32 values or uint8 pixels")
    values = np.ascontiguousarray(array, dtype="<f4")
    if not np.isfinite(values).all():
        raise ValueError(f"{path} holds numbers that are not finite: draw a picture of finite ones")
    if values.ndim < 4 and values.size <= QUANTISED_ABOVE:
        return {"type": "float32", "shape": shape, "at": buffers.add(values.tobytes())}
    # Of attention a table shows one token, which is never much.
    is_small = values.ndim == 4 or values.nbytes <= EXACT_UP_TO
    exact = {"exact": buffers.offer(array)} if buffers.offer and is_small else {}
    if values.ndim == 4:
        return _encode_roots(values, buffers) | exact
    codes, ranges = quantise(values)
    places = {"at": buffers.add(codes.tobytes()), "ranges": buffers.add(ranges.tobytes())}
    return {"type": "steps", "shape": shape, **places, **exact}


def _encode_roots(values: NDArray[np.float32], buffers: _Buffers) -> dict[str, Any]:
    """Attention [layers, heads, tokens, tokens]: one piece of bytes, or the addresses of its chunks."""
    codes, ranges = quantise_roots(values)
    place: dict[str, Any] = {"type": "roots", "shape": list(values.shape)}
    if buffers.keep is None:
        return place | {"at": buffers.add(codes.tobytes()), "ranges": buffers.add(ranges.tobytes())}
    if codes.nbytes <= WHOLE_UP_TO:
        return place | {"digest": buffers.keep(ranges.tobytes() + codes.tobytes())}
    maps = codes.reshape(-1, *values.shape[2:])
    step = max(1, CHUNK // (maps.shape[0] * maps.shape[1]))
    starts = range(0, maps.shape[1], step)
    return place | {
        "digest": buffers.keep(ranges.tobytes()),
        "step": step,
        "rows": [buffers.keep(maps[:, i : i + step].tobytes()) for i in starts],
        "columns": [buffers.keep(maps[:, :, i : i + step].transpose(0, 2, 1).tobytes()) for i in starts],
    }


def quantise_roots(values: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Codes 0..255 whose squares run from the smallest to the largest value of each row, and those two values."""
    rows = values.reshape(-1, values.shape[-1])
    low, high = rows.min(axis=1), rows.max(axis=1)
    span = high - low
    codes = (rows - low[:, None]) * np.divide(1, span, out=np.zeros_like(span), where=span > 0)[:, None]
    np.sqrt(codes, out=codes)
    codes *= STEPS
    return np.rint(codes, out=codes).astype(np.uint8).reshape(values.shape), np.stack([low, high], axis=1)


def quantise(values: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Codes 0..255, and the smallest and largest value of each row of a matrix or map of a stack."""
    blocks = values.reshape(_block_count(values.shape), -1)
    low, high = blocks.min(axis=1), blocks.max(axis=1)
    span = high - low
    factor = np.divide(STEPS, span, out=np.zeros_like(span), where=span > 0)
    codes = (blocks - low[:, None]) * factor[:, None]
    return np.rint(codes, out=codes).astype(np.uint8), np.stack([low, high], axis=1)


def _block_count(shape: tuple[int, ...]) -> int:
    return shape[0] if len(shape) > 1 else 1


def _decode(value: Any, buffers: memoryview, load: Load | None) -> Any:
    if isinstance(value, list):
        return tuple(_decode(item, buffers, load) for item in value)
    if not isinstance(value, dict):
        return value
    if "type" in value and "shape" in value:
        return _decode_array(value, buffers, load)
    fields = {name: _decode(item, buffers, load) for name, item in value.items() if name != "kind"}
    return getattr(panels, value["kind"])(**fields) if "kind" in value else fields


def _decode_array(place: dict[str, Any], buffers: memoryview, load: Load | None) -> NDArray[Any]:
    shape = tuple(place["shape"])
    count = int(np.prod(shape))
    if place["type"] == "roots":
        return _decode_roots(place, buffers, load)
    if "digest" in place:
        if load is None:
            raise ValueError("a picture of this view is kept elsewhere: unpack it with `load`")
        return np.frombuffer(load(place["digest"]), np.uint8, count).reshape(shape)
    if place["type"] != "steps":
        exact = np.uint8 if place["type"] == "uint8" else "<f4"
        return np.frombuffer(buffers, exact, count, place["at"]).reshape(shape)
    blocks = _block_count(shape)
    codes = np.frombuffer(buffers, np.uint8, count, place["at"]).reshape(blocks, -1)
    low, high = np.frombuffer(buffers, "<f4", 2 * blocks, place["ranges"]).reshape(blocks, 2).T[:, :, None]
    return (low + codes * ((high - low) / np.float32(STEPS))).astype(np.float32).reshape(shape)


def _decode_roots(place: dict[str, Any], buffers: memoryview, load: Load | None) -> NDArray[np.float32]:
    shape = tuple(place["shape"])
    rows, size = int(np.prod(shape[:-1])), shape[-1]
    if "digest" not in place:
        lows_and_highs = np.frombuffer(buffers, "<f4", 2 * rows, place["ranges"])
        codes = np.frombuffer(buffers, np.uint8, rows * size, place["at"])
    elif load is None:
        raise ValueError("the attention of this view is kept elsewhere: unpack it with `load`")
    else:
        kept = load(place["digest"])
        lows_and_highs = np.frombuffer(kept, "<f4", 2 * rows)
        if "rows" in place:
            chunks = [np.frombuffer(load(name), np.uint8) for name in place["rows"]]
            codes = np.concatenate([chunk.reshape(rows // shape[2], -1, size) for chunk in chunks], axis=1)
        else:
            codes = np.frombuffer(kept, np.uint8, rows * size, lows_and_highs.nbytes)
    low, high = lows_and_highs.reshape(rows, 2).T[:, :, None]
    shares = np.square(codes.reshape(rows, size).astype(np.float32) / np.float32(STEPS))
    return (low + shares * (high - low)).reshape(shape)


def _palette(view: View | Frames) -> dict[str, Any]:
    """The colours that ``view`` needs, light and dark."""
    used = sorted({quantity for panel in view.panels for quantity in panel.quantities} | {"class_token", "z"})
    colours = {"quantities": {name: _colours(name) for name in used}, "diverging": _diverging()}
    return colours | ({"pins": palette.PINS} if any(panel.has_pins for panel in view.panels) else {})


@lru_cache
def _colours(quantity: str) -> dict[str, Any]:
    if quantity not in palette.QUANTITIES:
        raise ValueError(f"unknown quantity {quantity!r}, the palette has {', '.join(palette.QUANTITIES)}")
    return {
        "light": palette.QUANTITIES[quantity].light,
        "dark": palette.QUANTITIES[quantity].dark,
        "sequential": {"light": palette.sequential(quantity, "light"), "dark": palette.sequential(quantity, "dark")},
    }


@lru_cache
def _diverging() -> dict[str, tuple[str, ...]]:
    return {"light": palette.diverging("light"), "dark": palette.diverging("dark")}
