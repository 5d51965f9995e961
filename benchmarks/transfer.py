"""Few pictures, with and without trained weights: what the small recipes get right, seed by seed.

python -m benchmarks.transfer FOLDER [--test FOLDER ...] [--seeds 3] [--threads 1]

FOLDER is laid out as train|test/class/picture, FoodVision Mini for example; each --test adds another folder's test
split. For every seed: the embedded model with a new head (whole, and the head alone) and the same sizes from scratch,
on the same pictures for the same number of epochs. Nothing is chosen by the test pictures: what is counted is the model
after its last epoch.
"""

import argparse
import statistics
import time
from dataclasses import replace
from pathlib import Path

import torch

from vit_core.training import RECIPES, TrainingConfig, begin, evaluate, find_pictures, fit, load_pictures

WAYS = {
    "embedded, the whole model": RECIPES["transfer-small"],
    "embedded, the head alone": replace(
        RECIPES["transfer-small"], freeze="all-but-head", learning_rate=3e-3, layer_decay=1.0
    ),
    "from scratch": RECIPES["scratch-small"],
}


def counts(recipe: TrainingConfig, data: Path, tests: list[Path]) -> tuple[list[int], list[int], float]:
    """How many pictures of each test split are right, of how many, and the seconds of training."""
    files = find_pictures([data])
    labels = {file.class_name for file in files}
    model, preprocess = begin(recipe, len(labels))
    loaders = load_pictures(files, recipe, preprocess)
    start = time.perf_counter()
    generator = torch.Generator().manual_seed(recipe.seed)
    fit(model, loaders, recipe, generator=generator, preprocess=preprocess)
    seconds = time.perf_counter() - start
    right, of = [], []
    for folder in tests:
        pictures = load_pictures(find_pictures([folder]), recipe, preprocess).validation
        measured = evaluate(model, pictures, preprocess)
        right.append(round(measured.top1 * measured.pictures))
        of.append(measured.pictures)
    return right, of, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--test", type=Path, nargs="*", default=[], help="more folders, for their test splits")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    tests = [arguments.data, *arguments.test]
    for way, recipe in WAYS.items():
        results = [counts(replace(recipe, seed=seed), arguments.data, tests) for seed in range(arguments.seeds)]
        for index, folder in enumerate(tests):
            of = results[0][1][index]
            shares = [right[index] / of for right, _, _ in results]
            spread = statistics.stdev(shares) if len(shares) > 1 else 0.0
            print(
                f"{way}, test of {folder.name}: {', '.join(str(right[index]) for right, _, _ in results)} of {of}, "
                f"mean {statistics.mean(shares):.1%}, standard deviation {spread:.1%}",
                flush=True,
            )
        print(f"{way}: {statistics.median(seconds for _, _, seconds in results):.0f} s a run", flush=True)


if __name__ == "__main__":
    main()
