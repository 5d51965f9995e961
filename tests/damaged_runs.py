"""Runs as an accident, a full disk or a stranger leaves them: one sound run, and thirty that are damaged each in a way.

``make_damaged_runs(folder)`` makes all of them below ``folder``, in a second and with 3 MB. Nothing here is random.
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from vit_core import VisionTransformer, ViTConfig
from vit_core.preprocess import HALF, Preprocess
from vit_core.training import RECIPES
from vit_core.training.checkpointing import write_weights

SOUND = "sound"
LABELS = ("apple", "beet", "chard")
EPOCHS = 2
CONFIG = ViTConfig(
    image_size=16, patch_size=8, num_layers=2, hidden_size=24, mlp_size=32, num_heads=2, num_classes=len(LABELS)
)
HUGE = 10**400  # no float can be that large
NOISE = bytes(range(256)) * 8  # no UTF-8


def make_damaged_runs(folder: Path) -> tuple[str, ...]:
    """The sound run and all damaged ones as folders below ``folder``; the names of the damaged ones."""
    make_sound_run(folder / SOUND)
    for name, damage in DAMAGES.items():
        shutil.copytree(folder / SOUND, folder / name)
        damage(folder / name)
    return tuple(DAMAGES)


def make_sound_run(path: Path) -> None:
    """A finished run of two epochs and a model that nobody has trained, as the trainer leaves it."""
    path.mkdir(parents=True)
    _write(path / "run.json", FACTS)
    _write(path / "start.json", START)
    lines = [line for n in range(1, EPOCHS + 1) for line in (*map(_step, (3 * n - 2, 3 * n - 1, 3 * n)), _epoch(n))]
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = VisionTransformer(CONFIG)
        torch.nn.init.normal_(model.head.linear.weight)
    for number in range(EPOCHS + 1):
        write_weights(model, path / "epochs" / f"epoch-{number:04d}", CARD)


def _step(number: int) -> dict[str, Any]:
    return {
        "step": number,
        "loss": 2.0 / number,
        "learning_rate": 0.1,
        "gradient_norm": 1.0 * number,
        "pictures_per_second": 10.0,
        "seconds": 1.0 * number,
    }


def _epoch(number: int) -> dict[str, Any]:
    table = [[4, 1, 0], [number, 5 - number, 0], [2, 3, 0]]
    return {
        "epoch": number,
        "step": 3 * number,
        "train_loss": 2.0 / number,
        "learning_rate": 0.1,
        "seconds": 1.0,
        "train_top1": 0.5,
        "train_batch_mean_top1": 0.52,
        "validation": {
            "loss": 1.5 / number,
            "top1": (9 - number) / 15,
            "top5": 1.0,
            "pictures": 15,
            "batch_mean_top1": 0.5,
            "predicted": [6 + number, 9 - number, 0],
            "confusion": table,
        },
    }


FACTS: Mapping[str, Any] = {
    "recipe": asdict(RECIPES["scratch-small"].with_values({"image_size": 16, "epochs": EPOCHS, "batch_size": 5})),
    "recipe_name": "scratch-small",
    "data": ["/nowhere"],
    "held_out": 10,
    "started": "2026-01-01T00:00:00+00:00",
    "command": "python -m vit_core.training",
    "outcome": "finished",
    "labels": list(LABELS),
    "names": {},
    "pictures": {"train": 15, "test": 15},
    "parameters": {"total": 100, "trainable": 60},
    "total_steps": 6,
    "broken": [],
}
START: Mapping[str, Any] = {
    "recipe_name": "scratch-small",
    "changes": {"image_size": 16},
    "data": ["/nowhere"],
    "held_out": 10,
    "command": ["python", "-m", "vit_core.training"],
    "started": 1.0,
    "facts_before": None,
}
CARD: Mapping[str, Any] = {
    "config": asdict(CONFIG),
    "labels": list(LABELS),
    "licence": "",
    "description": "a test's",
    "preprocess": asdict(Preprocess(image_size=16, resize_size=16, mean=HALF, std=HALF)),
}


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def _card(path: Path) -> Path:
    return path / "epochs" / "epoch-0002.json"


def _weights(path: Path) -> Path:
    return path / "epochs" / "epoch-0002.safetensors"


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def _loop(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    path.symlink_to(path.name)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _other_card(**fields: Any) -> Callable[[Path], None]:
    return lambda path: _write(_card(path), {**CARD, **fields})


def _facts_missing(path: Path) -> None:
    (path / "run.json").unlink()
    (path / "start.json").unlink()


def _epochs_file(path: Path) -> None:
    shutil.rmtree(path / "epochs")
    (path / "epochs").write_text("not a folder")


def _epochs_names(path: Path) -> None:
    for stem in ("epoch-" + "9" * 40, "epoch-٣٣٣٣", "epoch-0003.", "epoch--001"):
        for suffix in (".json", ".safetensors"):
            shutil.copy(_card(path).with_suffix(suffix), path / "epochs" / f"{stem}{suffix}")


def _weights_of_another(path: Path) -> None:
    save_file({"head.linear.weight": torch.zeros(3, 7)}, _weights(path))


def _facts_wrong_types(path: Path) -> None:
    wrong = {name: 5 if isinstance(value, str | list | dict) else ["x"] for name, value in FACTS.items()}
    _write(path / "run.json", wrong)


def _facts_wrong_inside(path: Path) -> None:
    _write(
        path / "run.json",
        {
            **FACTS,
            "recipe": {**FACTS["recipe"], "batch_size": "many", "mean": 5, "clip_norm": "x"},
            "labels": ["apple", 5, None],
            "pictures": {"train": "15", "test": [1]},
            "parameters": {"total": None},
            "broken": [5],
            "total_steps": -3,
            "held_out": "ten",
            "data": [5, None],
        },
    )


def _facts_huge(path: Path) -> None:
    _write(
        path / "run.json",
        {
            **FACTS,
            "total_steps": HUGE,
            "held_out": HUGE,
            "pictures": {"train": HUGE, "test": HUGE},
            "parameters": {"total": HUGE, "trainable": HUGE},
            "recipe": {**FACTS["recipe"], "batch_size": HUGE, "learning_rate": HUGE},
        },
    )


def _start_wrong_types(path: Path) -> None:
    (path / "run.json").unlink()
    _write(
        path / "start.json",
        {
            "recipe_name": ["x"],
            "changes": 5,
            "data": 5,
            "held_out": {},
            "command": 5,
            "started": "yesterday",
            "facts_before": {},
        },
    )


def _metrics_wrong_types(path: Path) -> None:
    sound = _epoch(1)
    lines = [
        {**sound, "step": "three"},
        {**sound, "epoch": None},
        {**sound, "validation": [1, 2]},
        *(
            {**sound, "validation": {**sound["validation"], name: value}}
            for name, value in (
                ("loss", "low"),
                ("top1", None),
                ("top1", 7),
                ("pictures", -5),
                ("predicted", 5),
                ("predicted", ["a"]),
                ("confusion", 5),
                ("confusion", [[1], [2, 3]]),
                ("batch_mean_top1", []),
            )
        ),
        {**sound, "train_top1": "x", "train_loss": {}, "seconds": []},
        {"step": 4, "loss": [1]},
        {"step": -4, "loss": 1.0},
        {"step": True, "loss": 1.0},
        5,
        None,
        "x",
        [],
    ]
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def _metrics_huge(path: Path) -> None:
    sound = _epoch(1)
    lines = [
        {**_step(1), "loss": HUGE, "seconds": HUGE},
        {**_step(1), "step": HUGE},
        {**_step(1), "loss": float("inf")},
        {**_step(2), "learning_rate": 1e300, "pictures_per_second": 1e-320},
        {**sound, "epoch": HUGE},
        {**sound, "step": HUGE},
        {**sound, "train_loss": HUGE, "seconds": 1e308},
        {**sound, "validation": {**sound["validation"], "loss": 1e308}},
        {**sound, "validation": {**sound["validation"], "loss": float("nan")}},
        {**sound, "validation": {**sound["validation"], "predicted": [HUGE, 0, 0]}},
        {**sound, "validation": {**sound["validation"], "confusion": [[HUGE] * 3] * 3}},
    ]
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def _metrics_of_other_classes(path: Path) -> None:
    lines = [_epoch(1), _epoch(2)]
    for line in lines:
        line["validation"] |= {"predicted": [3, 3, 3, 3, 3], "confusion": [[1] * 5] * 5}
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def _process_folders(path: Path) -> None:
    for name in ("process.lock", "process.json", "log.txt", "stop-asked"):
        (path / name).mkdir()
    (path / "run.json").unlink()  # so that the others are asked how it ended


def _all_empty(path: Path) -> None:
    for file in path.rglob("*"):
        if file.is_file():
            os.truncate(file, 0)


# What is wrong -> how it comes about, given the folder of a sound run.
DAMAGES: Mapping[str, Callable[[Path], None]] = {
    "card-truncated": lambda path: _truncate(_card(path)),
    "card-noise": lambda path: _card(path).write_bytes(NOISE) and None,
    "card-wrong-types": _other_card(config={name: str(size) for name, size in asdict(CONFIG).items()}, labels=5),
    "card-wrong-preprocess": _other_card(preprocess=[1, 2]),
    "card-large-preprocess": _other_card(preprocess={**CARD["preprocess"], "image_size": 10**6, "resize_size": 10**6}),
    "card-other-labels": _other_card(labels=["apple", "beet"]),
    "card-huge": _other_card(config={**CARD["config"], "num_layers": 10**9, "hidden_size": HUGE}),
    "card-folder": lambda path: _folder(_card(path)),
    "weights-truncated": lambda path: _truncate(_weights(path)),
    "weights-empty": lambda path: os.truncate(_weights(path), 0),
    "weights-of-another": _weights_of_another,
    "epochs-file": _epochs_file,
    "epochs-loop": lambda path: _loop(path / "epochs"),
    "epochs-names": _epochs_names,
    "facts-truncated": lambda path: _truncate(path / "run.json"),
    "facts-noise": lambda path: (path / "run.json").write_bytes(NOISE) and None,
    "facts-list": lambda path: _write(path / "run.json", [1, 2]),
    "facts-nested": lambda path: (path / "run.json").write_text("[" * 200_000) and None,
    "facts-wrong-types": _facts_wrong_types,
    "facts-wrong-inside": _facts_wrong_inside,
    "facts-huge": _facts_huge,
    "facts-folder": lambda path: _folder(path / "run.json"),
    "facts-loop": lambda path: _loop(path / "run.json"),
    "facts-pipe": lambda path: _pipe(path / "run.json"),
    "facts-missing": _facts_missing,
    "start-wrong-types": _start_wrong_types,
    "metrics-noise": lambda path: (path / "metrics.jsonl").write_bytes((NOISE + b"\n") * 20) and None,
    "metrics-wrong-types": _metrics_wrong_types,
    "metrics-huge": _metrics_huge,
    "metrics-folder": lambda path: _folder(path / "metrics.jsonl"),
    "metrics-of-other-classes": _metrics_of_other_classes,
    "process-folders": _process_folders,
    "all-empty": _all_empty,
}
