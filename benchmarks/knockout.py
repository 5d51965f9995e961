"""Time of knocking out every head beside as many plain forward passes in batches, in one process, alternating.

python -m benchmarks.knockout [--rounds 20] [--large-rounds 3] [--threads N]

The embedded model, and B/16 at 224 with random weights. The plain passes go in batches of as many pictures as the
program itself sends through a layer at once. The ratio of a round is knock-out / plain; the median over the rounds is
the figure that counts (goal: at most 1.2). The largest difference to removing single heads with interventions is
printed, too, so that what is timed is known to be right.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from vit_core import Interventions, VisionTransformer, ViTConfig, load
from vit_core.batches import pictures_at_once
from vit_core.interventions.knockout import knock_out_heads
from vit_core.interventions.layers import ReplaceHead


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measure(name: str, model: VisionTransformer, rounds: int) -> None:
    config = model.config
    image = torch.randn(3, config.image_size, config.image_size, generator=torch.Generator().manual_seed(0))
    trace, count, at_once = model.trace(image), config.num_layers * config.num_heads, pictures_at_once(config)
    images = image.expand(count, -1, -1, -1)

    @torch.no_grad()
    def plain() -> None:
        for some in torch.split(images, at_once):
            model(some)

    def knock_out() -> None:
        knock_out_heads(model, trace)

    logits = knock_out_heads(model, trace)
    first, last = ReplaceHead(1, 1), ReplaceHead(config.num_layers, config.num_heads)
    difference = max(
        (model.trace(image, Interventions((first,))).logits - logits[0, 0]).abs().max(),
        (model.trace(image, Interventions((last,))).logits - logits[-1, -1]).abs().max(),
    )
    pair, times = (plain, knock_out), []
    for number in range(rounds):
        # Who goes first changes from round to round: the second finds warm caches.
        measured = {index: seconds(pair[index]) for index in ((0, 1) if number % 2 else (1, 0))}
        times.append((measured[0], measured[1]))
    forward, knocked = (statistics.median(column) for column in zip(*times, strict=True))
    ratios = sorted(each / forwards for forwards, each in times)
    print(
        f"{name}: {count} plain passes {forward:.2f} s in batches of {min(at_once, count)}, all heads knocked out "
        f"{knocked:.2f} s; ratio {statistics.median(ratios):.3f} (median of {rounds} rounds, {ratios[0]:.3f} to "
        f"{ratios[-1]:.3f}); largest difference to single heads {difference:.1e}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--large-rounds", type=int, default=3, help="rounds of B/16; 0 leaves it out")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"{arguments.threads} threads")
    measure("embedded model", load("embedded")[0], arguments.rounds)
    if arguments.large_rounds:
        torch.manual_seed(0)
        model = VisionTransformer(ViTConfig.named("B/16")).eval()
        torch.nn.init.normal_(model.head.linear.weight, std=0.02)  # it starts as zeros, and all logits would be equal
        measure("B/16 at 224", model, arguments.large_rounds)


if __name__ == "__main__":
    main()
