"""Start of the app to its first complete page, beside an empty Streamlit app that imports torch; alternating.

python -m benchmarks.start [--rounds 5]

Both are started as users start them, on a machine whose disk cache is warm. The ratio of a round is app / empty app;
the median over the rounds is the figure that counts (goal: at most 1.20).
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.server import ROOT, running
from benchmarks.visitor import Visitor

EMPTY_APP = 'import streamlit as st\nimport torch\n\nst.write(f"torch {torch.__version__}")\n'


async def first_page(port: int) -> list[str]:
    async with Visitor(port, "") as visitor:
        return (await visitor.open()).exceptions


def seconds_to_first_page(script: Path, folder: Path) -> float:
    with running(script, folder) as server:
        if exceptions := asyncio.run(first_page(server.port)):
            raise RuntimeError(f"the page showed {exceptions[0]}")
        return time.perf_counter() - server.started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    rounds = []
    with tempfile.TemporaryDirectory() as name:
        empty = Path(name) / "empty_app.py"
        empty.write_text(EMPTY_APP)
        seconds_to_first_page(empty, empty.parent)  # warms the disk cache for both: not counted
        seconds_to_first_page(ROOT / "app.py", ROOT)
        for _ in range(arguments.rounds):
            rounds.append((seconds_to_first_page(empty, empty.parent), seconds_to_first_page(ROOT / "app.py", ROOT)))
    plain, ours = (statistics.median(column) for column in zip(*rounds, strict=True))
    ratios = sorted(ours / plain for plain, ours in rounds)
    print(f"empty app with torch {plain:.2f} s, this app {ours:.2f} s")
    print(f"app / empty app: median {statistics.median(ratios):.2f}, {ratios[0]:.2f} to {ratios[-1]:.2f}")


if __name__ == "__main__":
    main()
