"""``python -m vit_core.training.examples``: the runs that come with the program, trained anew on the toy pictures.

They are ordinary runs, made by the ordinary command, so that a first visit to the pages about training finds curves.
What only a run that goes on needs is taken away afterwards; of the small one every fifth epoch's weights stay.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from vit_core.training.runs.processes import ROOT
from vit_core.training.runs.run import EPOCHS, EXAMPLES, FACTS, METRICS

# Name -> the options of the training command, and of how many epochs one's weights stay (0: of none). The comparison's
# runs differ in where they start; their weights, 10 MB an epoch, are not kept.
RECIPES = {
    "example": (
        "--recipe scratch-small --model Nano/8 --epochs 40 --batch-size 16 --learning-rate 0.002 --seed 0",
        5,
    ),
    "transfer-0": ("--recipe transfer-small --freeze all-but-head --learning-rate 0.003 --seed 0", 0),
    "scratch-0": ("--recipe scratch-small --model Mini/8 --seed 0", 0),
}


def command(name: str) -> list[str]:
    """The command that trains the example of that name."""
    words = ["python", "-m", "vit_core.training", "--data", "toy", "--output", f"runs/{name}"]
    return words + RECIPES[name][0].split()


def make_examples(folder: Path, names: tuple[str, ...] = tuple(RECIPES)) -> None:
    """Train the examples in a folder for the time being, and put what ships into ``folder``.

    Raises:
        subprocess.CalledProcessError: if a training does not end well.
    """
    with tempfile.TemporaryDirectory() as place:
        for name in names:
            environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
            subprocess.run([sys.executable, *command(name)[1:]], cwd=place, env=environment, check=True)
            run = Path(place) / "runs" / name
            for path in (run / EPOCHS).iterdir():
                every, number = RECIPES[name][1], int(path.stem.removeprefix("epoch-"))
                if not every or number % every:
                    path.unlink()
            for path in run.iterdir():
                if path.name not in (FACTS, METRICS, EPOCHS):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            shutil.rmtree(folder / name, ignore_errors=True)
            shutil.copytree(run, folder / name)


if __name__ == "__main__":
    make_examples(EXAMPLES, tuple(sys.argv[1:]) or tuple(RECIPES))
