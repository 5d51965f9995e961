"""Time of ``trace`` beside torchvision's plain ``forward``: B/16 at 224 on the CPU, the same weights, alternating.

python -m benchmarks.forward [--rounds 20] [--threads N]

Both run in the same process, one after the other in each round, so that a machine whose speed drifts slows both. The
ratio of a round is trace / forward; the median over the rounds is the figure that counts (goal: at most 1.05).
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.models import vit_b_16

from vit_core import VisionTransformer, ViTConfig, load_weights


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    reference = vit_b_16().eval()
    torch.nn.init.normal_(reference.heads.head.weight, std=0.02)
    model = VisionTransformer(ViTConfig.named("B/16")).eval()
    load_weights(model, reference.state_dict(), "torchvision")
    image = torch.randn(3, 224, 224)

    def plain() -> Tensor:
        with torch.no_grad():
            return reference(image[None])

    difference = (plain()[0] - model.trace(image).logits).abs().max().item()
    print(f"largest difference of the logits: {difference:.1e}")
    rounds = []
    for number in range(arguments.rounds):
        # Who goes first changes from round to round: the second finds warm caches.
        pair = (plain, lambda: model.trace(image))
        times = {index: seconds(pair[index]) for index in ((0, 1) if number % 2 else (1, 0))}
        rounds.append((times[0], times[1]))
    forward, traced = (statistics.median(column) * 1e3 for column in zip(*rounds, strict=True))
    ratios = sorted(traced / plain for plain, traced in rounds)
    print(f"torchvision forward {forward:.1f} ms, trace {traced:.1f} ms ({arguments.threads} threads)")
    print(
        f"trace / forward: median {statistics.median(ratios):.3f}, "
        f"quartiles {ratios[len(ratios) // 4]:.3f} to {ratios[3 * len(ratios) // 4]:.3f}, {len(ratios)} rounds"
    )


if __name__ == "__main__":
    main()
