"""A view survives its way to the browser: exactly, or to half a step of the 255 between smallest and largest."""

import asyncio
import dataclasses
import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Message

from explainer import palette
from explainer.packing import MAGIC, VERSION, digest, pack, quantise, unpack
from explainer.panels import Bars, Flow, Matrix, Node, Picture, Plot, Scale, Series, Strip, Strips, Tiles, View
from pages import tensor_route
from pages.store import Store

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
