"""A broken or hostile file costs one clear sentence: nothing in it runs, the memory stays bounded, and all goes on."""

import json
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save as safetensors_bytes

from tests.hostile_files import HOSTILE, MADE, Command, numpy_bytes, tensors, torch_bytes, write_all
from vit_core import load
from vit_core.examination import examine

ROOT = Path(__file__).parents[1]

# Reads every file in a fresh process, and then the embedded model as if nothing had been; memory is the peak of what is
# resident, which the system counts.
EXAMINE_ALL = """
import json, sys
from pathlib import Path
import torch
from vit_core import load
from vit_core.examination import examine

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))

model, checkpoint = load("embedded")
before = model(torch.zeros(3, 64, 64))
start, said, previous = peak(), {}, peak()
for name in json.load(sys.stdin):
    examination = examine(Path(sys.argv[1]) / name)
    now = peak()
    said[name] = {"opens": examination.opens, "problem": examination.problem, "grown": now - previous}
    previous = now
after = load("embedded")[0](torch.zeros(3, 64, 64))
print(json.dumps({"said": said, "kilobytes": peak() - start, "same": bool(torch.equal(before, after))}))
"""

# 2 MB of pickle or JSON take up to 64 times that as Python objects; a zip below 64 MB is unpacked, and once more as
# float32; the allocator keeps some of it. Anything that followed a declared size would take gigabytes.
MOST_KILOBYTES = 256_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    write_all(folder)
    return folder


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    """What a fresh process says of every file, and what memory that took."""
    done = subprocess.run(
        [sys.executable, "-c", EXAMINE_ALL, str(folder)],
        input=json.dumps(list(HOSTILE)),
        cwd=ROOT,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize("name", HOSTILE)
def test_one_clear_sentence(name: str, report: dict[str, Any]) -> None:
    said = report["said"][name]
    assert not said["opens"]
    problem = said["problem"]
    assert re.search(HOSTILE[name][1], problem), problem
    assert name in problem or "not the weights" in problem or "not a plain ViT" in problem
    assert "\n" not in problem and len(problem) < 400


def test_no_command_was_run_memory_is_bounded_and_all_goes_on(report: dict[str, Any], folder: Path) -> None:
    assert not (folder / MADE).exists()
    largest = sorted(report["said"].items(), key=lambda each: -each[1]["grown"])[:5]
    assert report["kilobytes"] < MOST_KILOBYTES, [(name, said["grown"]) for name, said in largest]
    assert report["same"]


def test_the_commands_would_have_run(folder: Path, tmp_path: Path) -> None:
    """Otherwise the test above would show nothing."""
    assert pickle.loads(pickle.dumps(Command(tmp_path))) == 0
    assert (tmp_path / MADE).exists()


def truncated() -> Iterator[tuple[str, bytes]]:
    state = tensors()
    whole = {
        "zip.pth": torch_bytes(state),
        "legacy.pth": torch_bytes(state, _use_new_zipfile_serialization=False),
        "plain.safetensors": safetensors_bytes(state),
        "plain.npz": numpy_bytes({name: tensor.numpy() for name, tensor in state.items()}),
        "packed.npz": numpy_bytes({name: tensor.numpy() for name, tensor in state.items()}, compressed=True),
    }
    for name, data in whole.items():
        parts = (len(data) * share // 8 for share in range(1, 8))
        for kept in (*range(1, 12), *parts, *range(len(data) - 8, len(data))):
            yield f"{kept}-{name}", data[:kept]


def test_files_that_were_cut_off_anywhere(tmp_path: Path) -> None:
    """Whatever is left of them, they are refused for being cut off, not for what is missing in them."""
    for name, data in truncated():
        (path := tmp_path / name).write_bytes(data)
        problem = examine(path).problem
        assert problem.startswith(name), (name, problem)
        assert "\n" not in problem and len(problem) < 300


def test_every_byte_of_a_header_may_be_wrong(tmp_path: Path) -> None:
    """One byte changed at a time: a sentence, or a model that is read as it is; never anything else."""
    generator = np.random.default_rng(7)
    state = tensors()
    for name, whole in (
        ("a.safetensors", safetensors_bytes(state)),
        ("a.pth", torch_bytes(state)),
        ("b.pth", torch_bytes(state, _use_new_zipfile_serialization=False)),
        ("a.npz", numpy_bytes({key: tensor.numpy() for key, tensor in state.items()})),
    ):
        for _ in range(150):
            data = bytearray(whole)
            at = int(generator.integers(0, min(len(data), 900)))
            data[at] = int(generator.integers(0, 256))
            (path := tmp_path / name).write_bytes(data)
            examination = examine(path)
            assert not examination.opens  # four tensors are no ViT
            assert examination.problem and "\n" not in examination.problem


def test_load_says_the_same(folder: Path) -> None:
    for name in ("command.pth", "bomb.npz", "deep.safetensors", "stride-0.pth", "empty.pth", "text.pth"):
        with pytest.raises(ValueError, match=re.escape(name)) as caught:
            load(folder / name)
        assert str(caught.value) == examine(folder / name).problem
    assert torch.is_tensor(load("embedded")[0].class_token)
