"""How fast this machine is now: a fixed loop of Python and one matrix product, to compare the figures of two days.

python -m benchmarks.machine
"""

import statistics
import time
from collections.abc import Callable

import torch

STEPS, SIDE, ROUNDS = 2_000_000, 1024, 7


def count() -> int:
    total = 0
    for number in range(STEPS):
        total += number & 7
    return total


def median_milliseconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def main() -> None:
    torch.set_num_threads(1)
    matrix = torch.ones(SIDE, SIDE)
    python, product = median_milliseconds(count), median_milliseconds(lambda: matrix @ matrix)
    print(f"a loop of {STEPS:,} steps {python:.0f} ms; {SIDE} x {SIDE} matrices, one thread {product:.1f} ms")


if __name__ == "__main__":
    main()
