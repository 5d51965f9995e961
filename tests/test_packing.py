"""A view survives its way to the browser: exactly, or to half a step of the 255 between smallest and largest."""

import asyncio
import dataclasses
import gc
import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message

from explainer import palette
from explainer.app.server import tensor_route
from explainer.app.server.store import Store
from explainer.packing import (
    CHUNK,
    MAGIC,
    VERSION,
    WHOLE_UP_TO,
    digest,
    exact_bytes,
    header_of,
    pack,
    quantise,
    quantise_roots,
    unpack,
)
from explainer.panels import Bars, Flow, Looks, Matrix, Node, Picture, Plot, Scale, Series, Strip, Strips, Tiles, View

pytestmark = pytest.mark.usefixtures("served_route")

RANDOM = np.random.default_rng(0)


def values(*shape: int) -> NDArray[np.float32]:
    return RANDOM.standard_normal(shape).astype(np.float32)


def view_of_everything() -> View:
    pixels = RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    scale = Scale(-3.0, 3.0, diverging=True)
    picture = Picture(title="Picture", pixels=pixels, grid_size=8, token=3, overlay=values(8, 8), scale=scale)
    matrix = Matrix(title="Matrix", values=values(65, 192), scale=scale, row_axis="tokens", column_axis="hidden", row=2)
    tiles = Tiles(title="Tiles", values=values(6, 8, 8), scales=(scale,), columns=3, picks=({"head": 1}, {"head": 2}))
    filters = Tiles(title="Filters", pixels=RANDOM.integers(0, 256, (4, 8, 8, 3), dtype=np.uint8), columns=2)
    strips = Strips(title="Sum", strips=(Strip("x", values(7), scale), Strip("y", values(7), scale, "E_pos", "+")))
    bars = Bars(title="Bars", labels=("one", "zwei ±"), values=values(2), format=".1%", selected=0)
    plot = Plot(title="Plot", series=(Series("a", values(5), values(5), "q"),), x_label="x", y_label="y", pick="layer")
    node = Node("image", "Picture", "x₀", "image", "64 × 64", "patches", (picture, matrix))
    flow = Flow(title="Flow", nodes=(node,), skips=(("image", "image"),))
    rows = ((picture, matrix), (tiles, filters), (strips, bars, plot), (flow,))
    return View(rows=rows, alt="Everything", picks=("head",))


def assert_same(packed: object, original: object) -> None:
    """Field by field; what was quantised to half a step, everything else exactly."""
    if isinstance(original, np.ndarray):
        assert isinstance(packed, np.ndarray) and packed.shape == original.shape and packed.dtype == original.dtype
        assert np.all(np.abs(packed.astype(float) - original.astype(float)) <= half_steps(original))
    elif dataclasses.is_dataclass(original):
        assert type(packed) is type(original)
        for field in dataclasses.fields(original):
            assert_same(getattr(packed, field.name), getattr(original, field.name))
    elif isinstance(original, tuple):
        assert isinstance(packed, tuple) and len(packed) == len(original)
        for ours, theirs in zip(packed, original, strict=True):
            assert_same(ours, theirs)
    else:
        assert packed == original


def half_steps(array: NDArray[np.floating]) -> NDArray[np.float64] | float:
    if array.dtype == np.uint8 or array.size <= 4096:
        return 0.0
    blocks = array.reshape(len(array), -1).astype(float)
    span = blocks.max(1) - blocks.min(1)
    rounding = 1e-6 * np.abs(blocks).max(1)  # of float32 in the codes and in the values
    return (span / 255 / 2 + rounding).reshape(-1, *[1] * (array.ndim - 1))


def test_round_trip() -> None:
    view = view_of_everything()
    assert_same(unpack(pack(view)), view)


def test_the_same_view_gives_the_same_bytes() -> None:
    view = view_of_everything()
    again = unpack(pack(view))  # equal, but other objects; what was quantised is a fixed point but for rounding
    assert digest(pack(view)) == digest(pack(view))
    small = View(rows=((view.rows[2]),), alt="no quantised array")
    assert pack(small) == pack(View(rows=((again.rows[2]),), alt="no quantised array"))


def test_header_says_what_it_is_and_buffers_are_aligned() -> None:
    data = pack(view_of_everything())
    assert data[:5] == MAGIC + bytes([VERSION])
    assert (9 + int.from_bytes(data[5:9], "little")) % 4 == 0


def test_only_large_arrays_are_quantised_each_row_in_its_own_steps() -> None:
    rows = np.stack([np.linspace(0, 1, 2049), np.linspace(0, 1e-3, 2049)]).astype(np.float32)
    matrix = Matrix(title="A", values=rows, scale=Scale(0, 1), row_axis="tokens", column_axis="tokens")
    packed = unpack(pack(View(rows=((matrix,),), alt="two rows")))
    back = packed.panels[0]
    assert isinstance(back, Matrix)
    error = np.abs(back.values - rows).max(1)
    assert 0 < error[0] <= 0.5 / 255 + 1e-6  # float32 rounding of values up to 1
    assert 0 < error[1] <= 0.5e-3 / 255 + 1e-9  # a thousand times finer, though the other row is large


def test_constant_rows_stay_exact() -> None:
    codes, ranges = quantise(np.full((2, 3000), 0.25, np.float32))
    assert not codes.any() and np.all(ranges == np.float32(0.25))


def test_equal_arrays_travel_once() -> None:
    pixels = RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    one = pack(View(rows=((Picture(title="a", pixels=pixels),),), alt="one"))
    two = pack(View(rows=((Picture(title="a", pixels=pixels), Picture(title="b", pixels=pixels.copy())),), alt="two"))
    assert len(two) - len(one) < pixels.nbytes / 8


def test_big_pictures_can_be_kept_elsewhere() -> None:
    kept: dict[str, bytes] = {}

    def keep(raw: bytes) -> str:
        kept[digest(raw)] = raw
        return digest(raw)

    view = view_of_everything()
    packed = pack(view, keep)
    assert len(kept) == 1  # the 64 x 64 picture; the filters are small
    assert len(pack(view)) - len(packed) > 64 * 64 * 3 - 200
    assert_same(unpack(packed, kept.__getitem__), view)
    with pytest.raises(ValueError, match="kept elsewhere"):
        unpack(packed)


def test_colours_are_the_palettes() -> None:
    data = pack(view_of_everything())
    header = json.loads(data[9 : 9 + int.from_bytes(data[5:9], "little")])
    assert set(header["palette"]["quantities"]) == {"z", "class_token", "image", "E_pos", "q"}
    for name, colours in header["palette"]["quantities"].items():
        assert colours["light"] == palette.QUANTITIES[name].light
        assert colours["sequential"]["dark"] == list(palette.sequential(name, "dark"))
    assert header["palette"]["diverging"]["light"] == list(palette.diverging("light"))


# Attention of layers and heads


def attention(layers: int, heads: int, grid_size: int, seed: int = 0) -> NDArray[np.float32]:
    """Rows that sum to 1: some even, some with one large weight."""
    tokens = grid_size**2 + 1
    scores = np.random.default_rng(seed).standard_normal((layers, heads, tokens, tokens), dtype=np.float32)
    scores *= np.linspace(0.1, 6, tokens, dtype=np.float32)[:, None]
    np.exp(scores, out=scores)
    return scores / scores.sum(-1, keepdims=True)


def looks(weights: NDArray[np.float32]) -> View:
    grid_size = int((weights.shape[-1] - 1) ** 0.5)
    pixels = RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    layers = tuple(range(1, len(weights) + 1))
    panel = Looks(
        title="A",
        quantity="A",
        pixels=pixels,
        grid_size=grid_size,
        weights=weights,
        layers=layers,
        layer=1,
        head=1,
        token=0,
    )
    return View(rows=((panel,),), alt="Attention of 2 heads.")


def root_half_steps(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """How far a value may be from what its code says: half a step in the root is this much in its square."""
    low = values.min(-1, keepdims=True).astype(float)
    span = values.max(-1, keepdims=True) - low
    half = 0.5 / 255
    root = np.sqrt(np.divide(values - low, span, out=np.zeros(values.shape), where=span > 0))
    rounding = 1e-6 * values.max(-1, keepdims=True)  # of float32 in codes and values
    return span * (2 * root * half + half**2) + rounding


@pytest.mark.parametrize("is_kept", [False, True], ids=["inside", "kept"])
def test_attention_travels_as_roots_fine_where_weights_are_small(is_kept: bool) -> None:
    weights = attention(2, 3, 8)
    kept: dict[str, bytes] = {}
    data = pack(looks(weights), (lambda raw: kept.setdefault(digest(raw), raw) and digest(raw)) if is_kept else None)
    back = unpack(data, kept.__getitem__).panels[0]
    assert isinstance(back, Looks) and back.weights.shape == weights.shape and back.weights.dtype == np.float32
    error = np.abs(back.weights.astype(float) - weights)
    assert np.all(error <= root_half_steps(weights))
    small = (weights < 0.01) & (weights.max(-1, keepdims=True) > 0.5)
    assert small.any()
    # An even step of a row up to 0.5 is 0.002 wide, and half of that is the error to expect: here it is far less.
    assert np.percentile(error[small], 95) < 0.1 * 0.5 / 255
    # The largest of a row is exact but for float32's last digit.
    largest = weights.argmax(-1)[..., None]
    np.testing.assert_allclose(
        np.take_along_axis(back.weights, largest, -1), np.take_along_axis(weights, largest, -1), rtol=3e-7
    )
    if is_kept:  # all that depends on no choice is one file, the picture another
        assert sorted(map(len, kept.values())) == [64 * 64 * 3, weights.size + 8 * 2 * 3 * 65] and len(data) < 8192


def test_the_attention_of_another_token_is_the_same_file() -> None:
    view, names = looks(attention(1, 2, 8)), []
    for token in (0, 5):
        panel = dataclasses.replace(view.panels[0], token=token)
        kept: set[str] = set()
        pack(View(rows=((panel,),), alt="1 token"), lambda raw, kept=kept: kept.add(digest(raw)) or digest(raw))
        names.append(kept)
    assert names[0] == names[1]


def test_even_rows_stay_exact_as_roots() -> None:
    codes, ranges = quantise_roots(np.full((1, 1, 5, 5), 0.2, np.float32))
    assert not codes.any() and np.all(ranges == np.float32(0.2))


def test_a_large_layer_is_fetched_by_rows_and_columns() -> None:
    """1,370 tokens, as of a picture of 518 pixels in patches of 14; more heads only make more of the same chunks."""
    weights = attention(1, 4, 37)
    assert weights.size > WHOLE_UP_TO
    kept: dict[str, bytes] = {}
    data = pack(looks(weights), lambda raw: kept.setdefault(digest(raw), raw) and digest(raw))
    header = json.loads(data[9 : 9 + int.from_bytes(data[5:9], "little")])
    place = header["view"]["rows"][0][0]["weights"]
    step, chunk = place["step"], 1370 * 4
    assert step * chunk <= CHUNK < (step + 1) * chunk
    assert all(len(kept[name]) <= CHUNK for name in (*place["rows"], *place["columns"]))
    # At first the browser fetches the two ends of every row's scale, and the chunks of one token.
    assert len(kept[place["digest"]]) + 2 * CHUNK + len(data) < 700_000
    codes, _ = quantise_roots(weights)
    for token in (0, 47, 48, 1369):
        row = np.frombuffer(kept[place["rows"][token // step]], np.uint8).reshape(4, -1, 1370)[:, token % step]
        column = np.frombuffer(kept[place["columns"][token // step]], np.uint8).reshape(4, -1, 1370)[:, token % step]
        np.testing.assert_array_equal(row, codes[0, :, token])
        np.testing.assert_array_equal(column, codes[0, :, :, token])
    back = unpack(data, kept.__getitem__).panels[0]
    assert isinstance(back, Looks)
    assert np.all(np.abs(back.weights - weights) <= root_half_steps(weights))
    with pytest.raises(ValueError, match="kept elsewhere"):
        unpack(data)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused_by_name(wrong: float) -> None:
    scores = values(4, 4)
    scores[1, 2] = wrong
    panel = Matrix(title="Scores", values=scores, scale=Scale(0, 1), row_axis="tokens", column_axis="tokens")
    with pytest.raises(ValueError, match=r"'Scores'\.values holds numbers that are not finite"):
        pack(View(rows=((panel,),), alt="broken"))
    with pytest.raises(ValueError, match="finite"):
        pack(View(rows=((dataclasses.replace(panel, values=values(4, 4), scale=Scale(0, wrong)),),), alt="broken"))


def test_unknown_quantities_and_versions_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown quantity 'w', the palette has"):
        pack(View(rows=((Bars(title="b", labels=("a",), values=values(1), quantity="w"),),), alt="unknown"))
    data = bytearray(pack(view_of_everything()))
    data[4] += 1
    with pytest.raises(ValueError, match="pack it again"):
        unpack(bytes(data))


def test_packing_a_layer_is_quick() -> None:
    attention = RANDOM.random((12, 197, 197), dtype=np.float32)
    tiles = Tiles(title="A", values=attention, scales=(Scale(0, 1),), columns=6)
    matrix = Matrix(title="z", values=values(197, 768), scale=Scale(-3, 3, True), row_axis="tokens", column_axis="d")
    view = View(rows=((tiles, matrix),), alt="B/16")
    pack(view)
    times = []
    for _ in range(7):
        start = time.perf_counter()
        pack(view)
        times.append(time.perf_counter() - start)
    # About 1.5 ms where it was written; 30 ms still is no delay that anybody sees, on a busy machine too.
    assert min(times) < 0.03


@dataclasses.dataclass
class Answer:
    """What a browser would get."""

    status: int
    headers: dict[str, str]
    body: bytes


def get(path: str, route: Route = tensor_route.routes[0], **headers: str) -> Answer:
    """Ask a server with only ``route``, as ASGI servers do."""
    answer = Answer(0, {}, b"")

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    asked = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": asked, "root_path": ""}
    with ThreadPoolExecutor(1) as thread:  # its own event loop: a browser test in the same run has one in this thread
        thread.submit(asyncio.run, Starlette(routes=[route])(scope, receive, send)).result()
    return answer


def test_route_serves_kept_bytes_for_ever() -> None:
    data = pack(view_of_everything())
    name = tensor_route.keep(data)
    assert name == digest(data) and tensor_route.load(name) == data
    answer = get("/" + tensor_route.url(name), accept_encoding="gzip, br")
    assert answer.status == 200 and gzip.decompress(answer.body) == data
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    plain = get("/" + tensor_route.url(name), accept_encoding="identity")
    assert plain.body == data and "content-encoding" not in plain.headers
    again = get("/" + tensor_route.url(name), if_none_match=answer.headers["etag"])
    assert again.status == 304 and not again.body


def test_route_works_below_a_base_path() -> None:
    name = tensor_route.keep(b"below")
    assert get(f"/course/vit/{tensor_route.url(name)}").body == b"below"


def test_route_says_when_tensors_are_gone() -> None:
    answer = get("/" + tensor_route.url("0" * 32))
    assert answer.status == 404 and b"no longer kept" in answer.body
    assert answer.headers["cache-control"] == "no-store"


def test_route_knows_that_it_is_mounted() -> None:
    route = type(tensor_route.routes[0])("/fresh", tensor_route.serve)
    assert not route.is_mounted
    assert get("/anything/else", route).status == 404
    assert route.is_mounted


def test_store_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensor_route, "_kept", Store(300_000))
    noise = [RANDOM.bytes(100_000) for _ in range(5)]  # does not compress
    names = [tensor_route.keep(data) for data in noise]
    assert [tensor_route.load(name) is not None for name in names] == [False, False, False, True, True]
    assert tensor_route.load(names[4]) == noise[4]


def test_the_values_of_what_travels_in_steps_are_offered_by_name() -> None:
    """Large arrays once, small ones and pictures never: those travel as they are."""
    offered: dict[str, Any] = {}

    def offer(array: Any) -> str:
        offered[name := f"name {len(offered)}"] = array
        return name

    large, small = np.random.default_rng(1).normal(size=(2, 65, 65)).astype("f4"), np.ones((4, 4), "f4")
    panels = tuple(
        Matrix(title=str(i), values=each, scale=Scale(-3, 3, True), row_axis="rows", column_axis="columns")
        for i, each in enumerate((*large, small))
    )
    packed = pack(View(rows=(panels,), alt="matrices"), offer=offer)
    assert [array.shape for array in offered.values()] == [(65, 65)] * 2
    assert header_of(packed).count('"exact":"name') == 2 and '"exact"' not in header_of(pack(unpack(packed)))
    assert np.array_equal(np.frombuffer(exact_bytes(offered["name 1"]), "<f4").reshape(65, 65), large[1])


def test_of_attention_one_tokens_rows_and_columns_are_given() -> None:
    weights = np.random.default_rng(2).random((2, 3, 5, 5)).astype("f4")
    given = np.frombuffer(exact_bytes(weights, 4), "<f4").reshape(2, 2, 3, 5)
    assert np.array_equal(given[0], weights[:, :, 4]) and np.array_equal(given[1], weights[:, :, :, 4])
    for token in (None, -1, 5):
        with pytest.raises(ValueError, match="tokens 0 to 4"):
            exact_bytes(weights, token)


def test_values_are_served_while_their_view_lives() -> None:
    client = TestClient(Starlette(routes=tensor_route.routes))
    weights = np.random.default_rng(3).random((1, 2, 5, 5)).astype("f4")
    name = tensor_route.offer(weights)
    answer = client.get(f"/below/a/path/{tensor_route.EXACT_PATH}/{name}?token=2")
    assert answer.content == exact_bytes(weights, 2) and "immutable" in answer.headers["cache-control"]
    for query in ("", "?token=5", "?token=-1", "?token=x", "?token=99999999999"):
        assert client.get(f"/{tensor_route.EXACT_PATH}/{name}{query}").status_code == 404
    del weights
    gc.collect()
    assert client.get(f"/{tensor_route.EXACT_PATH}/{name}?token=2").status_code == 404
