"""Time of each of the five experiments as so many plain forward passes, and how many pictures pass the model.

python -m benchmarks.experiments [--model embedded | B/16] [--image-size N] [--rounds 3] [--threads N] [--only NAME ...]

B/16 has random weights. A plain pass is one of a batch as large as the program itself sends through the model at once;
it is timed before and after every experiment, and the ratio of a round is experiment / mean of both. The medians over
the rounds are printed, and what the experiment says of its own passes.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from explainer import experiments
from explainer.experiments.patches import passes_for, rank_patches
from vit_core import VisionTransformer, ViTConfig, load
from vit_core.batches import pictures_at_once

NAMES = ("shuffle", "heads", "patches", "grid", "scaling")


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--image-size", type=int, help="of a preset")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", nargs="*", choices=NAMES, default=NAMES)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    if arguments.model == "embedded":
        model = load("embedded")[0]
    else:
        changes = {"image_size": arguments.image_size} if arguments.image_size else {}
        model = VisionTransformer(ViTConfig.named(arguments.model, **changes)).eval()
        torch.nn.init.normal_(model.head.linear.weight, std=0.02)  # it starts as zeros, and all logits would be equal
    config = model.config
    image = torch.randn(3, config.image_size, config.image_size)
    trace, labels = model.trace(image), [str(label) for label in range(config.num_classes)]
    batch = image.expand(pictures_at_once(config), -1, -1, -1)
    start = (model, trace, labels)
    runs: dict[str, Callable[[], object]] = {
        "shuffle": lambda: experiments.shuffle_patches(*start),
        "heads": lambda: experiments.knock_out(*start),
        "patches": lambda: rank_patches(*start),
        "grid": lambda: experiments.resize_positions(*start, config.grid_size + config.grid_size // 2),
        "scaling": lambda: experiments.unscale(*start),
    }
    heads, passes = config.num_layers * config.num_heads, passes_for(config.num_patches)
    said = {"heads": f"{heads} heads", "patches": f"{passes} passes"}
    model(batch)
    print(f"{arguments.model} at {config.image_size}, {len(batch)} pictures at once, {arguments.threads} threads")
    for name in arguments.only:
        ratios, times, plain = [], [], []
        for _ in range(arguments.rounds):
            before = seconds(lambda: model(batch)) / len(batch)
            took = seconds(runs[name])
            after = seconds(lambda: model(batch)) / len(batch)
            ratios.append(2 * took / (before + after))
            times.append(took)
            plain += [before, after]
        print(
            f"{name}: {statistics.median(ratios):.1f} plain passes ({min(ratios):.1f} to {max(ratios):.1f}), "
            f"{statistics.median(times):.2f} s; a plain pass {1e3 * statistics.median(plain):.1f} ms"
            + (f"; {said[name]}" if name in said else "")
        )


if __name__ == "__main__":
    main()
