"""The command that trains: every field an option, stopped politely, killed, resumed, watched by TensorBoard."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, fields
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-untyped]

from tests.test_training import stripes
from vit_core import load
from vit_core.training import RECIPES, TrainingConfig
from vit_core.training.__main__ import main
from vit_core.training.runs.commands import OPTIONAL, add_recipe_options, arguments_for, recipe_from

ROOT = Path(__file__).parents[1]
# A value for each field that differs from all the recipes' own.
OTHER = TrainingConfig(
    model="Ti/16",
    weights="some.pth",
    freeze="backbone",
    head="tanh",
    zero_head=False,
    image_size=32,
    dropout=0.25,
    epochs=3,
    steps=17,
    batch_size=5,
    seed=4,
    optimizer="sgd",
    learning_rate=0.125,
    beta1=0.5,
    beta2=0.75,
    momentum=0.5,
    weight_decay=0.75,
    decay_on="all",
    layer_decay=0.5,
    clip_norm=3.5,
    warmup_steps=9,
    schedule="linear",
    cooldown=0.25,
    label_smoothing=0.25,
    patch_drop=0.25,
    patch_drop_until=0.5,
    crop_scale=(0.25, 0.75),
    crop_ratio=(0.5, 1.5),
    flip=True,
    colour_jitter=0.5,
    auto_augment="rand",
    ema_decay=0.5,
    precision="bfloat16",
    mean=(0.1, 0.2, 0.3),
    std=(0.4, 0.5, 0.6),
    interpolation="bilinear",
    keep_aspect=False,
)


def parsed(arguments: list[str]) -> TrainingConfig:
    parser = argparse.ArgumentParser()
    add_recipe_options(parser)
    return recipe_from(parser.parse_args(arguments))


@pytest.mark.parametrize("field", [field.name for field in fields(TrainingConfig)])
def test_every_field_is_an_option_and_back(field: str) -> None:
    value = asdict(OTHER)[field]
    assert asdict(parsed(arguments_for({field: value})))[field] == value
    assert asdict(TrainingConfig())[field] != value or asdict(RECIPES["mini"])[field] != value


@pytest.mark.parametrize("field", OPTIONAL)
def test_what_may_be_off_can_be_switched_off(field: str) -> None:
    assert getattr(parsed(arguments_for({field: None})), field) is None


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stripes, and one file that is no picture."""
    folder = tmp_path_factory.mktemp("data")
    stripes(folder / "train", 60, torch.Generator().manual_seed(0))
    stripes(folder / "test", 12, torch.Generator().manual_seed(1))
    (folder / "train" / "rows" / "broken.png").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupts."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    assert main(command(data, run)) == 0
    return run


def command(data: Path, run: Path) -> list[str]:
    return [
        "--recipe",
        "mini",
        "--image-size",
        "16",
        "--epochs",
        "3",
        "--batch-size",
        "4",
        "--warmup-steps",
        "2",
        "--data",
        str(data),
        "--output",
        str(run),
        "--save-seconds",
        "0.05",
        "--threads",
        "1",
    ]


def start(data: Path, run: Path) -> subprocess.Popen[str]:
    """The command in a process of its own, once it has trained for some steps of its second epoch."""
    process = subprocess.Popen(
        [sys.executable, "-m", "vit_core.training", *command(data, run)],
        cwd=ROOT,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    metrics = run / "metrics.jsonl"
    for _ in range(1200):
        if metrics.exists() and any(line.startswith('{"step": 20,') for line in metrics.read_text().splitlines()):
            break
        assert process.poll() is None, "the run ended before it could be interrupted"
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_stopped_or_killed_and_resumed_is_as_if_never_interrupted(
    data: Path, whole: Path, tmp_path: Path, number: int
) -> None:
    process = start(data, tmp_path / "run")
    process.send_signal(number)
    process.communicate(timeout=60)
    outcome = json.loads((tmp_path / "run" / "run.json").read_text())["outcome"]
    assert (process.returncode, outcome) == ((0, "stopped") if number == signal.SIGTERM else (-number, None))
    assert main([*command(data, tmp_path / "run"), "--resume"]) == 0
    assert json.loads((tmp_path / "run" / "run.json").read_text())["outcome"] == "finished"
    one, other = (load_file(run / "epochs" / "epoch-0003.safetensors") for run in (tmp_path / "run", whole))
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_a_run_tells_what_it_is(whole: Path) -> None:
    run = whole
    facts = json.loads((run / "run.json").read_text())
    assert facts["pictures"] == {"train": 60, "test": 12}
    assert [Path(path).name for path, _ in facts["broken"]] == ["broken.png"]
    assert facts["labels"] == ["columns", "none", "rows"]
    assert facts["total_steps"] == 45
    model, checkpoint = load(run / "epochs" / "epoch-0003.safetensors")
    count = sum(p.numel() for p in model.parameters())
    assert facts["parameters"] == {"total": count, "trainable": count}
    assert checkpoint.labels == tuple(facts["labels"])

    # TensorBoard reads the same figures as the lines of JSON.
    board = EventAccumulator(str(run / "tensorboard"))
    board.Reload()
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    losses = {each["step"]: each["loss"] for each in lines if "loss" in each}
    assert {each.step for each in board.Scalars("step/loss")} == set(losses)
    for each in board.Scalars("step/loss"):
        assert each.value == pytest.approx(losses[each.step], rel=1e-6)  # TensorBoard keeps 32 bits
    top1 = [each["validation"]["top1"] for each in lines if "epoch" in each]
    assert [each.value for each in board.Scalars("epoch/validation_top1")] == pytest.approx(top1, rel=1e-6)


def test_a_run_that_cannot_go_on_says_why(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert main([*command(data, run), "--optimizer", "sgd", "--learning-rate", "1e30", "--without", "clip_norm"]) == 1
    assert "lower the learning rate" in capsys.readouterr().err
    assert json.loads((run / "run.json").read_text())["outcome"].startswith("error: the loss of step")


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler for the CPU: install g++")
def test_a_compiled_model_learns_the_same(data: Path, tmp_path: Path) -> None:
    """In processes of their own: the checks of shapes that tests switch on would be compiled, too."""
    losses = {}
    for way in ("plain", "compiled"):
        small = ["--model", "Mini/8", "--image-size", "16", "--epochs", "1", "--batch-size", "15", "--threads", "1"]
        extra = ["--compile"] if way == "compiled" else []
        words = ["--recipe", "scratch-small", "--data", str(data), "--output", str(tmp_path / way), *small, *extra]
        subprocess.run([sys.executable, "-m", "vit_core.training", *words], check=True, capture_output=True, cwd=ROOT)
        lines = [json.loads(line) for line in (tmp_path / way / "metrics.jsonl").read_text().splitlines()]
        losses[way] = [line["loss"] for line in lines if "loss" in line]
    assert len(losses["plain"]) > 2
    # fused kernels sum in another order: float32's rounding, amplified by a few steps of learning
    assert losses["compiled"] == pytest.approx(losses["plain"], rel=1e-3)
