"""Time of a ledger of torchvision's B/16 beside one plain forward pass of it: on meta, on real tensors, and torchlens.

python -m benchmarks.ledger [--rounds 20] [--threads 1]

All run in the same process, one after the other in each round, so that a machine whose speed drifts slows all of
them; who goes first changes from round to round. The ratio of a round is to that round's forward pass; the median over
the rounds is the figure that counts (goals: at most 0.2 on meta, at most 1.3 on real tensors). The ledgers are whole:
operations, rules, lines of code, and the names of the axes.

torchlens is measured where it can be imported (pip install torchlens), once as it comes, keeping every tensor, and
once with metadata alone, like a ledger. It puts its own functions in the place of torch's, which it is told to take
away again each time, so that they slow nobody else.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torchvision.models import vit_b_16

from benchmarks.forward import seconds
from explainer.shapes import config_ledger, ledger
from vit_core import ViTConfig

GOALS = {"ledger on meta": 0.2, "ledger on real tensors": 1.3}


def torchlens_runs(model: nn.Module, picture: Tensor) -> dict[str, Callable[[], object]]:
    """What torchlens does, or nothing where it is not installed."""
    try:
        import torchlens
        from torchlens.options import CaptureOptions
    except ImportError as error:
        print(f"torchlens is left out: {error} (pip install torchlens)")
        return {}
    everything = CaptureOptions(unwrap_when_done=True)
    metadata = CaptureOptions(unwrap_when_done=True, layers_to_save="none")
    return {
        "torchlens": lambda: torchlens.trace(model, picture, capture=everything),
        "torchlens, metadata alone": lambda: torchlens.trace(model, picture, capture=metadata),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    model = vit_b_16().eval()
    picture = torch.randn(1, 3, 224, 224)

    def plain() -> Tensor:
        with torch.no_grad():
            return model(picture)

    start = time.perf_counter()
    ledger(model, picture, device="meta")
    print(f"the first ledger of this process, on meta: {time.perf_counter() - start:.2f} s")
    for name, config in {
        "B/16": ViTConfig.named("B/16"),
        "H/14": ViTConfig.named("H/14"),
        "22 billion": ViTConfig(patch_size=14, num_layers=48, hidden_size=6144, mlp_size=24_576, num_heads=48),
    }.items():
        took = seconds(lambda config=config: config_ledger(config))  # type: ignore[misc]
        print(f"config_ledger of {name}, never asked for before: {took:.2f} s")

    runs: dict[str, Callable[[], object]] = {
        "forward": plain,
        "ledger on meta": lambda: ledger(model, picture, device="meta"),
        "ledger on real tensors": lambda: ledger(model, picture),
    } | torchlens_runs(model, picture)
    names = list(runs)
    for run in runs.values():  # what is made once is made here
        run()
    rounds: list[dict[str, float]] = []
    for number in range(arguments.rounds):
        order = names[number % len(names) :] + names[: number % len(names)]
        times = {name: seconds(runs[name]) for name in order}
        rounds.append(times)
    print(f"{len(rounds)} rounds, {arguments.threads} thread(s)")
    for name in names:
        ratios = sorted(times[name] / times["forward"] for times in rounds)
        goal = f", goal at most {GOALS[name]}" if name in GOALS else ""
        print(
            f"{name:26} {statistics.median(times[name] for times in rounds) * 1e3:7.1f} ms   "
            f"ratio {statistics.median(ratios):6.3f} "
            f"(quartiles {ratios[len(ratios) // 4]:.3f} to {ratios[3 * len(ratios) // 4]:.3f}){goal}"
        )


if __name__ == "__main__":
    main()
