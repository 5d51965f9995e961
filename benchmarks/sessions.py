"""Many readers at once: real sessions that each choose a layer, head or token once a second, on every page.

python -m benchmarks.sessions [--sessions 20] [--clicks 5] [--think 1.0] [--pages attention encoder]

All of them look at the same picture, as a class does. Where the browser owns the choice (a page of steps), a choice
fetches packets; elsewhere it runs the page. For every page: errors (goal: none), the time from a request to its last
byte (goal for 20 readers: p95 at most 50 ms, and at most 3 times an app that only says hello, whose slider is moved
as often), of pages that run the time to the complete page, and what each further session adds to the server's memory
(goal: at most 1 MB). The load generator runs on the same machine as the server.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.server import ROOT, Server, running
from benchmarks.visitor import Run, Visitor
from explainer.lessons import HANDS_ON, LESSONS, TOOLS
from explainer.stages import STAGES

MOST_SESSIONS = 400
RAMP = 4.0  # seconds over which the sessions arrive
HELLO = 'import streamlit as st\n\nst.title("Hello")\nst.write("Hello", st.slider("Layer", 1, 6))\n'


@dataclass
class Visit:
    """What one reader saw: seconds of the first page, of each answer and of each choice, bytes of each choice."""

    first: float = 0.0
    answers: list[float] = field(default_factory=list)
    choices: list[float] = field(default_factory=list)
    nbytes: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


async def visit(server: Server, page: str, title: str, clicks: int, think: float, delay: float) -> Visit:
    await asyncio.sleep(delay)
    chance, seen = random.Random(delay), Visit()
    async with Visitor(server.port, "" if page == "overview" else page) as visitor:
        runs: list[Run] = [await visitor.open()]
        for _ in range(clicks):
            await asyncio.sleep(think * chance.uniform(0.5, 1.5))
            if page in visitor.steps:
                choice = _any_choice(visitor.steps[page], chance)
                packets = await visitor.choose(page, *choice)
                seen.answers += [seconds for seconds, _ in packets]
                seen.choices.append(sum(seconds for seconds, _ in packets))
                seen.nbytes.append(sum(nbytes for _, nbytes in packets))
            else:
                runs.append(run := await visitor.slide("Layer", chance.randint(1, visitor.last("Layer"))))
                seen.answers.append(run.seconds)
                seen.choices.append(run.seconds)
                seen.nbytes.append(run.nbytes)
        seen.errors = [*visitor.errors, *(text for run in runs for text in run.exceptions)]
    if titles := {run.title for run in runs} - {title}:
        raise RuntimeError(f"{page} was to be measured, and {', '.join(titles)} was shown")
    seen.first = runs[0].seconds
    return seen


def _any_choice(given: dict[str, dict[str, int]], chance: random.Random) -> tuple[str, int]:
    """A layer, head or token, of those that the page uses."""
    sizes = given["sizes"]
    ranges = {"layer": (1, sizes["layers"]), "head": (1, sizes["heads"]), "token": (0, sizes["tokens"] - 1)}
    name = chance.choice(given["bar"]["uses"] or ["token"])
    return name, chance.randint(*ranges[name])


async def crowd(server: Server, page: str, title: str, sessions: int, clicks: int, think: float) -> None:
    process = psutil.Process(server.process.pid)
    await visit(server, page, title, 1, 0.1, 0.0)  # so that what everybody shares is there before memory is compared
    before = process.memory_info().rss
    visits = await asyncio.gather(
        *(visit(server, page, title, clicks, think, RAMP * index / sessions) for index in range(sessions))
    )
    after = process.memory_info().rss
    answers = sorted(1e3 * seconds for each in visits for seconds in each.answers) or [0.0]
    choices = sorted(1e3 * seconds for each in visits for seconds in each.choices)
    nbytes = statistics.median(count for each in visits for count in each.nbytes)
    errors = [text for each in visits for text in each.errors]
    print(
        f"{page:10} errors {len(errors)}, "
        f"answer p50 {statistics.median(answers):6.1f} ms, p95 {_p95(answers):6.1f} ms, "
        f"all of a choice p50 {statistics.median(choices):6.1f} ms, p95 {_p95(choices):6.1f} ms, "
        f"first visit p50 {1e3 * statistics.median(each.first for each in visits):6.1f} ms, "
        f"{nbytes / 1e3:7.1f} kB a choice, {(after - before) / sessions / 2**20:5.2f} MB a session",
        flush=True,
    )
    for text in sorted(set(errors)):
        print(f"    {text}")


def _p95(values: list[float]) -> float:
    return values[int(0.95 * len(values))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--clicks", type=int, default=5)
    parser.add_argument("--think", type=float, default=1.0, help="seconds between choices, varied by half")
    parser.add_argument("--pages", nargs="*", default=list(STAGES))
    arguments = parser.parse_args()
    if not 1 <= arguments.sessions <= MOST_SESSIONS:
        parser.error(f"sessions must be in 1..{MOST_SESSIONS}")
    load = (arguments.sessions, arguments.clicks, arguments.think)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "hello.py"
        script.write_text(HELLO, encoding="utf-8")
        with running(script, ROOT) as server:
            asyncio.run(crowd(server, "hello", "Hello", *load))
    pages = STAGES | HANDS_ON | LESSONS | TOOLS
    with running() as server:
        for page in arguments.pages:
            asyncio.run(crowd(server, page, pages[page].title, *load))


if __name__ == "__main__":
    main()
