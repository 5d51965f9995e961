"""Many readers at once: real sessions that each move the layer once a second, on every page.

python -m benchmarks.sessions [--sessions 20] [--clicks 5] [--think 1.0] [--pages attention encoder]

All of them look at the same picture, as a class does. For every page: exceptions that a page showed (goal: none), the
time from a click to the complete page (goal: p95 below 250 ms), and what each further session adds to the server's
memory (goal: at most 5 MB). The load generator runs on the same machine as the server.
"""

import argparse
import asyncio
import random
import statistics

import psutil

from benchmarks.server import Server, running
from benchmarks.visitor import Run, Visitor
from explainer.lessons import HANDS_ON, LESSONS, TOOLS
from explainer.stages import STAGES

MOST_SESSIONS = 400
RAMP = 4.0  # seconds over which the sessions arrive


async def visit(server: Server, page: str, clicks: int, think: float, delay: float) -> list[Run]:
    await asyncio.sleep(delay)
    chance = random.Random(delay)
    async with Visitor(server.port, "" if page == "overview" else page) as visitor:
        runs = [await visitor.open()]
        for _ in range(clicks):
            await asyncio.sleep(think * chance.uniform(0.5, 1.5))
            runs.append(await visitor.slide("Layer", chance.randint(1, visitor.last("Layer"))))
    if titles := {run.title for run in runs} - {(STAGES | HANDS_ON | LESSONS | TOOLS)[page].title}:
        raise RuntimeError(f"{page} was to be measured, and {', '.join(titles)} was shown")
    return runs


async def crowd(server: Server, page: str, sessions: int, clicks: int, think: float) -> None:
    process = psutil.Process(server.process.pid)
    await visit(server, page, 1, 0.1, 0.0)  # so that what everybody shares is there before memory is compared
    before = process.memory_info().rss
    visits = await asyncio.gather(
        *(visit(server, page, clicks, think, RAMP * index / sessions) for index in range(sessions))
    )
    after = process.memory_info().rss
    first = [visit[0].seconds * 1e3 for visit in visits]
    later = sorted(run.seconds * 1e3 for visit in visits for run in visit[1:])
    exceptions = [text for visit in visits for run in visit for text in run.exceptions]
    print(
        f"{page:10} exceptions {len(exceptions)}, click p50 {statistics.median(later):6.1f} ms, "
        f"p95 {later[int(0.95 * len(later))]:6.1f} ms, max {later[-1]:6.1f} ms, "
        f"first visit p50 {statistics.median(first):6.1f} ms, "
        f"{statistics.median(run.nbytes for visit in visits for run in visit[1:]) / 1e3:7.1f} kB a click, "
        f"{(after - before) / sessions / 2**20:5.2f} MB a session"
    )
    for text in sorted(set(exceptions)):
        print(f"    {text}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--clicks", type=int, default=5)
    parser.add_argument("--think", type=float, default=1.0, help="seconds between clicks, varied by half")
    parser.add_argument("--pages", nargs="*", default=list(STAGES))
    arguments = parser.parse_args()
    if not 1 <= arguments.sessions <= MOST_SESSIONS:
        parser.error(f"sessions must be in 1..{MOST_SESSIONS}")
    with running() as server:
        for page in arguments.pages:
            asyncio.run(crowd(server, page, arguments.sessions, arguments.clicks, arguments.think))


if __name__ == "__main__":
    main()
