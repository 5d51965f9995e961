"""One run of a page that shows nothing but text, beside an app with one title and one slider; alternating.

python -m benchmarks.page [--pages models glossary] [--rounds 40]

Both servers are warm and have the same options. A run is what a click costs before anything is computed: menu,
sidebar, gallery, text.
"""

import argparse
import asyncio
import statistics
import tempfile
from pathlib import Path

from benchmarks.server import ROOT, running
from benchmarks.visitor import Visitor

EMPTY_APP = 'import streamlit as st\n\nst.title("Empty")\nst.slider("Number", 1, 9)\n'


async def compare(port: int, empty_port: int, page: str, rounds: int) -> None:
    async with Visitor(port, page) as ours, Visitor(empty_port, "") as empty:
        for visitor in (ours, empty):
            await visitor.open()
            await visitor.run_again()
        times = [((await ours.run_again()).seconds, (await empty.run_again()).seconds) for _ in range(rounds)]
    mine, plain = (statistics.median(column) * 1e3 for column in zip(*times, strict=True))
    print(f"{page:10} {mine:5.1f} ms a run, title and slider {plain:4.1f} ms: {mine - plain:5.1f} ms more")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", nargs="+", default=["models", "glossary"])
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        empty = Path(name) / "empty_app.py"
        empty.write_text(EMPTY_APP)
        with running() as server, running(empty, ROOT) as empty_server:
            for page in arguments.pages:
                asyncio.run(compare(server.port, empty_server.port, page, arguments.rounds))


if __name__ == "__main__":
    main()
