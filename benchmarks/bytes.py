"""What leaves the server for each picture of tensors: B/16 at 224 and at 384, every page that shows the model.

python -m benchmarks.bytes [--sizes 224 384] [--pages attention encoder]

The pages run as on a server, on a model with random weights (no download), and everything is counted that the browser
is told to fetch: the packed view, the pictures and tensors that it names by their digests, and apart from these what it
fetches only when the reader comes to it. Compressed is what travels. The canvas's own code, once for all, is left out.
"""

import argparse
import gzip
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from streamlit.testing.v1 import AppTest

from explainer.app import kept, session
from explainer.app.server import tensor_route
from explainer.app.steps import packets
from explainer.app.steps.packets import find_step, packet
from explainer.app.steps.route import open_moment
from explainer.lessons import HANDS_ON
from explainer.proofs import Proof
from explainer.stages import STAGES
from vit_core import VisionTransformer, ViTConfig
from vit_core.weights.checkpoints import EMBEDDED, read_card

MEGABYTE = 1e6
LIMIT = 8 * MEGABYTE  # what a view may send at once
NAME = "embedded-random"  # of the checkpoint whose weights are random
FRAME = Path(__file__).parents[1] / "pages" / "frame.py"
LINKS = {  # what a page needs so that it shows all that it can
    "compare": {"other_picture": "cat"},
    "what_if": {"changes": "heads=6.1:zero;mask=3"},
}
_START = 9  # bytes before a packed view's header: b"VITS", its version, the header's length


@dataclass(frozen=True)
class Sent:
    """The bytes of one view: as they are, and compressed."""

    page: str
    name: str
    raw: int
    compressed: int
    later: int  # compressed, all that is fetched on demand
    piece: int  # compressed, the largest piece of that


@contextmanager
def random_checkpoint(config: ViTConfig, *, one_layer: bool = False) -> Iterator[str]:
    """A checkpoint of these sizes that the app can show; its weights are random.

    Args:
        config: its sizes.
        one_layer: all layers are the same one, which takes a twelfth of B/16's memory and sends as many bytes.
    """
    torch.manual_seed(0)
    model = VisionTransformer(config if not one_layer else _with_layers(config, 1)).eval()
    if one_layer:
        model.config = config
        model.blocks.extend([model.block(1)] * (config.num_layers - 1))
    torch.nn.init.normal_(model.head.linear.weight, std=0.02)  # the paper's begins with zeros
    sizes = ("image_size", "patch_size", "num_layers", "hidden_size", "mlp_size", "num_heads", "num_classes")
    own = json.loads(EMBEDDED["embedded"].with_suffix(".json").read_text(encoding="utf-8"))["preprocess"]
    size = {"image_size": config.image_size, "resize_size": config.image_size}
    mounted = tensor_route._route.is_mounted
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "random.safetensors"
        file.touch()  # nobody reads it: the model is in the store
        card = {"config": {name: getattr(config, name) for name in sizes}, "preprocess": own | size}
        file.with_suffix(".json").write_text(json.dumps(card), encoding="utf-8")
        EMBEDDED[NAME] = file
        stores = (session._models, session._traces, session._blocks, kept.results, kept.views)
        try:
            session._models.put(NAME, (model, read_card(file, NAME)), 1)
            tensor_route._route.is_mounted = True
            yield NAME
        finally:
            tensor_route._route.is_mounted = mounted
            del EMBEDDED[NAME]
            for store in stores:
                store.drop(NAME)


def measure(pages: list[str]) -> Iterator[Sent]:
    """Every view of these pages for the random checkpoint, without the sidebar's."""
    for page in pages:
        at = AppTest.from_file(FRAME, default_timeout=900)
        for name, value in ({"checkpoint": NAME, "layer": "6"} | LINKS.get(page, {})).items():
            at.query_params[name] = value
        at.run()
        if page != "overview":
            at.switch_page(f"{page}.py").run()
        if at.exception:
            raise RuntimeError(f"{page}: {at.exception[0].message}")
        for element in at.main.get("bidi_component"):
            yield from _sent(page, element.proto)


def _sent(page: str, proto: Any) -> Iterator[Sent]:
    """What one component on the page makes the browser fetch: the pictures of its steps, one view, or nothing."""
    data, given = proto.bytes, json.loads(proto.json or "null")
    if isinstance(given, dict) and "parts" in given:
        choice = {name: str(value) for name, value in given["choice"].items() if value is not None}
        moment = open_moment(page, choice)
        for part in given["parts"]:
            if part["kind"] in ("view", "result"):
                step = find_step(page, part["slug"])
                picture = step.picture if part["kind"] == "view" else step.result
                assert picture is not None
                yield _view(page, picture.name, packet(page, part["slug"], part["kind"], moment).data)
        return
    if isinstance(given, dict) and "url" in given:
        data = _load(given["url"].rpartition("/")[2])
    if data[:4] == b"VITS":
        yield _view(page, proto.id.rpartition("-")[2], data)


def _view(page: str, name: str, data: bytes) -> Sent:
    """What one packed view makes the browser fetch."""
    header = json.loads(data[_START : _START + int.from_bytes(data[5:_START], "little")])
    at_once, later = set(), set()
    for place in _places(header):
        if "digest" in place:
            at_once.add(place["digest"])
        later |= {*place.get("rows", ()), *place.get("columns", ())}
    pieces = [len(_compressed(_load(digest))) for digest in later]
    kept = [_load(digest) for digest in at_once]
    return Sent(
        page,
        name,
        len(data) + sum(map(len, kept)),
        len(_compressed(data)) + sum(len(_compressed(each)) for each in kept),
        sum(pieces),
        max(pieces, default=0),
    )


def without_proofs(_moment: session.Session, claim: int | str) -> list[Proof]:
    """A proof of nothing."""
    return [Proof(str(claim), 0.0, 0, 0.0)]


def _places(value: Any) -> Iterator[dict[str, Any]]:
    """Where the header of a packed view speaks of an array."""
    if isinstance(value, dict):
        if "type" in value and "shape" in value:
            yield value
        for each in value.values():
            yield from _places(each)
    elif isinstance(value, list):
        for each in value:
            yield from _places(each)


def _load(digest: str) -> bytes:
    data = tensor_route.load(digest)
    if data is None:
        raise LookupError(f"{digest} is not kept any more: the store of the tensor route is too small for this page")
    return data


def _compressed(data: bytes) -> bytes:
    return gzip.compress(data, compresslevel=1, mtime=0)  # as the tensor route does


def _with_layers(config: ViTConfig, count: int) -> ViTConfig:
    return ViTConfig(**{**vars(config), "num_layers": count})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[224, 384])
    parser.add_argument("--pages", nargs="+", default=[*STAGES, *HANDS_ON])
    arguments = parser.parse_args()
    packets.proofs_of = without_proofs  # seconds in double precision, and they send no picture
    for size in arguments.sizes:
        with random_checkpoint(ViTConfig.named("B/16", image_size=size)):
            found = list(measure(arguments.pages))
        print(f"\nB/16 at {size}: kB of each view, raw and compressed; later: on demand, all and the largest piece")
        for each in found:
            later = f"{each.later / 1e3:9,.0f} {each.piece / 1e3:7,.0f}" if each.later else ""
            print(f"{each.page:12} {each.name:28} {each.raw / 1e3:9,.0f} {each.compressed / 1e3:9,.0f} {later}")
        for page in dict.fromkeys(each.page for each in found):
            of_page = [each for each in found if each.page == page]
            raw, compressed = (sum(getattr(each, name) for each in of_page) for name in ("raw", "compressed"))
            print(f"{page:12} {'together':28} {raw / 1e3:9,.0f} {compressed / 1e3:9,.0f}")
        largest = max(found, key=lambda each: each.raw)
        share = f"{largest.raw / MEGABYTE:.2f} MB of at most {LIMIT / MEGABYTE:.0f}"
        print(f"largest: {largest.page}, {largest.name}: {share}")


if __name__ == "__main__":
    main()
