"""What harm one server takes from links, pictures, files, zips and runs that are broken or mean it, one after another.

python -m benchmarks.hostile [--links 1000] [--kinds pictures files]

Every one of them comes from a session of its own, or is dropped into a box of the app. Meanwhile another session moves
the layer once a second. For each kind: how many, exceptions that a page showed (goal: none), the slowest (goal: below
10 s), the highest memory of the server with its children above what it had when every page had been opened once (goal:
at most 400 MB), and the other session's click beside its usual time (goal: at most 2). Nothing that a file asks for may
have been executed.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from benchmarks.server import Server, running
from benchmarks.visitor import Run, Visitor
from tests.damaged_runs import make_damaged_runs
from tests.hostile_files import MADE, write_all
from tests.hostile_pictures import HOSTILE_PICTURES
from tests.hostile_zips import HOSTILE_ZIPS
from tests.random_links import PAGES, Link, random_links
from vit_core.weights.reading import SUFFIXES

USUAL_CLICKS = 30
THINK = 1.0  # seconds between clicks of the other session
MOST_DROPPED = 64_000_000  # bytes of a file: some are gigabytes of holes, which are no file once they have travelled

KINDS = ["runs", "pictures", "files", "zips", "links"]

Attack = tuple[str, Callable[[], Awaitable[Run]]]


class Memory:
    """The highest memory of a process with its children.

    Of the process alone Linux counts the highest, and forgets it on request; with children, it is the highest of what
    is seen fifty times a second.
    """

    def __init__(self, process: int) -> None:
        self._folder = Path(f"/proc/{process}")
        self._together = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def begin(self) -> None:
        """Forget what was highest so far."""
        (self._folder / "clear_refs").write_text("5", encoding="ascii")
        self._together = 0

    @property
    def highest(self) -> int:
        """Bytes since ``begin``."""
        return max(_status(self._folder, "VmHWM"), self._together)

    @property
    def now(self) -> int:
        """Bytes of the process."""
        return _status(self._folder, "VmRSS")

    def _watch(self) -> None:
        command = (self._folder / "cmdline").read_bytes()
        while self._folder.exists():
            children = 0
            for thread in self._folder.glob("task/*/children"):  # nearly always empty
                with suppress(OSError, StopIteration):  # the thread or the child has ended
                    for child in thread.read_text(encoding="ascii").split():
                        process = self._folder.parent / child
                        if (process / "cmdline").read_bytes() != command:  # until then it has the server's memory
                            children += _status(process, "VmRSS")
            with suppress(OSError, StopIteration):  # the process has ended
                self._together = max(self._together, self.now + children if children else 0)
            time.sleep(0.02)


def _status(process: Path, field: str) -> int:
    lines = (process / "status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


async def click(visitor: Visitor, number: int) -> float:
    return (await visitor.slide("Layer", 1 + number % visitor.last("Layer"))).seconds


async def measure(
    kind: str, attacks: list[Attack], neighbour: Visitor, usual: float, memory: Memory, idle: int
) -> None:
    """Run the attacks one after another, while the neighbour clicks, and print what came of it."""
    clicks: list[float] = []
    is_over = asyncio.Event()

    async def go_on_clicking() -> None:
        while not is_over.is_set():
            clicks.append(await click(neighbour, len(clicks)))
            await asyncio.sleep(THINK)

    clicking = asyncio.create_task(go_on_clicking())
    runs: list[tuple[str, Run]] = []
    peaks: list[tuple[int, str]] = []
    for name, attack in attacks:
        memory.begin()
        runs.append((name, await attack()))
        peaks.append((memory.highest - idle, name))
    is_over.set()
    await clicking
    (peak, largest), *others = sorted(peaks, reverse=True)
    slowest, longest = max(((run.seconds, name) for name, run in runs), default=(0.0, ""))
    exceptions = [(name, text) for name, run in runs for text in run.exceptions]
    refused = sum(bool(run.refused) for _, run in runs)
    beside = statistics.median(clicks) / usual if clicks else float("nan")
    print(
        f"{kind:9} {len(runs):5}, exceptions {len(exceptions)}, slowest {slowest:.1f} s, memory "
        f"{peak / 1e6:+.0f} MB at most, {(memory.now - idle) / 1e6:+.0f} MB afterwards; "
        f"{len(clicks)} other clicks, median {beside:.2f} of the usual, max {max(clicks, default=0) * 1e3:.0f} ms"
        + (f"; {refused} not taken by the box" if refused else ""),
        flush=True,
    )
    print(f"    slowest: {longest[:150]}; most memory: {largest[:150]}", flush=True)
    print(f"    then: {', '.join(f'{name[:60]} {peak / 1e6:+.0f} MB' for peak, name in others[:8])}", flush=True)
    for name, text in exceptions[:10]:
        print(f"    {name[:150]}: {text}", flush=True)


async def follow(server: Server, page: str, query: str) -> Run:
    async with Visitor(server.port, "" if page == "overview" else page, query) as visitor:
        return await visitor.open()


def following(server: Server, links: list[Link]) -> list[Attack]:
    return [(f"/{link.page}?{link.query}", partial(follow, server, link.page, link.query)) for link in links]


def of_runs(names: tuple[str, ...]) -> Iterator[Link]:
    for name in names:
        for page, query in (
            ("train", f"runs={name}"),
            ("epochs", f"run={name}"),
            ("metric", f"metric_own_run={name}"),
            ("predict", f"checkpoint=run:{name}:2"),
            ("compare", f"other_checkpoint=run:{name}:1"),
        ):
            yield Link(page, query)


@contextmanager
def prepared() -> Iterator[tuple[Server, Path, tuple[str, ...]]]:
    """A server with damaged runs, that keeps everything in a folder that is deleted afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "runs").mkdir()
        os.environ |= {
            "VIT_EXPLAINER_RUNS": str(path / "runs"),
            "VIT_EXPLAINER_CACHE": str(path / "cache"),
            "STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION": "false",
        }
        names = make_damaged_runs(path / "runs")
        (path / "files").mkdir()
        write_all(path / "files")
        with running() as server:
            yield server, path / "files", names


async def attack(server: Server, files: Path, runs: tuple[str, ...], links: int, kinds: list[str]) -> None:
    memory = Memory(server.process.pid)
    for page in PAGES:
        await follow(server, page, "")
    async with (
        Visitor(server.port, "compare") as neighbour,
        Visitor(server.port, "predict", "predict_of=own+pictures") as predict,
        Visitor(server.port, "doctor") as doctor,
        Visitor(server.port, "data") as data,
    ):
        for visitor in (neighbour, predict, doctor, data):
            await visitor.open()
        await data.open_popover("Your own images")
        usual = statistics.median([await click(neighbour, number) for number in range(USUAL_CLICKS)])
        idle = memory.now
        print(f"usual click {usual * 1e3:.0f} ms, memory {idle / 1e6:.0f} MB", flush=True)

        def dropping(visitor: Visitor, box: str, name: str, read: Callable[[], bytes]) -> Attack:
            async def drop() -> Run:
                return await visitor.drop(box, name, await asyncio.to_thread(read))

            return name, drop

        weights = [
            path
            for path in sorted(files.iterdir())  # a browser sends no file whose name ends otherwise
            if path.is_file() and path.suffix in SUFFIXES and path.stat().st_size <= MOST_DROPPED
        ]
        for kind, attacks in (
            ("runs", following(server, list(of_runs(runs)))),
            ("pictures", [dropping(predict, "Upload", name, make) for name, (make, _) in HOSTILE_PICTURES.items()]),
            ("files", [dropping(doctor, "Drop a file", path.name, path.read_bytes) for path in weights]),
            ("zips", [dropping(data, "A zip", f"{n}.zip", make) for n, (make, _) in enumerate(HOSTILE_ZIPS.values())]),
            ("links", following(server, list(random_links(links, seed=11)))),
        ):
            if kind in kinds:
                await measure(kind, attacks, neighbour, usual, memory, idle)
    print(f"executed: {'something' if (files / MADE).exists() else 'nothing'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--links", type=int, default=1000)
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=KINDS)
    arguments = parser.parse_args()
    with prepared() as (server, files, runs):
        asyncio.run(attack(server, files, runs, arguments.links, arguments.kinds))


if __name__ == "__main__":
    main()
