"""Many processes train the same model as one: the same command, by ``torchrun``, on this machine's CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.testing import assert_close

from tests.test_training import stripes
from vit_core.training.distributed import World, choose_device

ROOT = Path(__file__).parents[1]
RECIPE = [
    "--recipe",
    "mini",
    "--image-size",
    "16",
    "--epochs",
    "2",
    "--batch-size",
    "8",
    "--warmup-steps",
    "2",
    "--learning-rate",
    "1e-3",
    "--precision",
    "float32",
    "--threads",
    "1",
]


def train(data: Path, run: Path, processes: int) -> None:
    launcher = (
        []
        if processes == 1
        else [
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            str(processes),
            "-m",
        ]
    )
    command = [sys.executable, "-m", *launcher, "vit_core.training", "--data", str(data), "--output", str(run), *RECIPE]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def lines(run: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_two_processes_are_one_with_twice_the_batch(tmp_path: Path) -> None:
    """Eight pictures a step, four in each of two processes; 33 pictures, so that the last step of an epoch has one.

    Crops, mirrors and dropped patches are those of the one process, too.
    """
    stripes(tmp_path / "data" / "train", 33, torch.Generator().manual_seed(0))
    stripes(tmp_path / "data" / "test", 9, torch.Generator().manual_seed(1))
    for processes in (1, 2):
        train(tmp_path / "data", tmp_path / str(processes), processes)
    one, two = (lines(tmp_path / each) for each in ("1", "2"))
    assert len(one) == len(two) == 2 * 5 + 2
    for alone, together in zip(one, two, strict=True):
        assert alone.keys() == together.keys()
        for name in ("loss", "train_loss", "gradient_norm"):
            if name in alone:
                # Sums in another order, ten steps long: 1e-7 a step, magnified by Adam's division by tiny numbers.
                assert_close(together[name], alone[name], atol=1e-4, rtol=1e-4)
    assert [each["validation"]["predicted"] for each in one if "epoch" in each] == [  # type: ignore[index]
        each["validation"]["predicted"]
        for each in two
        if "epoch" in each  # type: ignore[index]
    ]
    weights = [load_file(tmp_path / each / "epochs" / "epoch-0002.safetensors") for each in ("1", "2")]
    for name, tensor in weights[0].items():
        # Half precision keeps 11 bits, and a step moves a weight by at most the learning rate.
        assert_close(weights[1][name].float(), tensor.float(), atol=2e-3, rtol=2**-10)
    assert json.loads((tmp_path / "2" / "run.json").read_text())["outcome"] == "finished"


def test_a_batch_is_divided_without_rest() -> None:
    rows = list(range(10))
    parts = [World(rank, 3).part(rows) for rank in range(3)]
    assert sorted(row for part in parts for row in part) == rows
    assert [len(part) for part in parts] == [4, 3, 3]


def test_an_unknown_device_is_refused() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    with pytest.raises(ValueError, match="there is no device 'abacus' here"):
        choose_device("abacus")
