"""Files to try the checkpoint doctor with: the embedded model as every family would save it, and what goes wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from vit_core import load
from vit_core.weights.conversion import convert, write


@dataclass(frozen=True)
class Example:
    """One file, made from the embedded model when somebody asks for it."""

    title: str
    file: str
    write: Callable[[Path], None]


def _named(source: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        write(_state(source), path, path.suffix)

    return make


def _state(source: str) -> dict[str, Tensor]:
    return convert(load("embedded")[0], source)


def _training(path: Path) -> None:
    """As a training program saves it: with the optimizer's moments, an average, and a prefix from DataParallel."""
    state = {f"module.{name}": tensor for name, tensor in _state("timm").items()}
    moments = {number: {"step": torch.tensor(900.0)} for number in range(len(state))}
    average = {name: tensor * 0.999 for name, tensor in state.items()}
    torch.save({"epoch": 12, "model": state, "model_ema": average, "optimizer": {"state": moments}}, path)


def _damaged(path: Path) -> None:
    """A tensor that is missing, one transposed, one with NaN, and one too many."""
    state = _state("torchvision")
    block = "encoder.layers.encoder_layer_"
    del state[f"{block}2.ln_1.bias"]
    state[f"{block}3.mlp.0.weight"] = state[f"{block}3.mlp.0.weight"].T.contiguous()
    state[f"{block}4.mlp.3.bias"] = state[f"{block}4.mlp.3.bias"].index_fill(0, torch.arange(5), float("nan"))
    state["heads.extra.weight"] = torch.ones(3, 3)
    torch.save(state, path)


def _cut_off(path: Path) -> None:
    """A download that stopped."""
    write(_state("timm"), path, path.suffix)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])


def _other_family(path: Path) -> None:
    """The names of a distilled DeiT."""
    state = _state("timm")
    position = state["pos_embed"]
    extra = {
        "dist_token": state["cls_token"] * 0.5,
        "pos_embed": torch.cat([position[:, :1], position], dim=1),
        "head_dist.weight": state["head.weight"] * 1,
        "head_dist.bias": state["head.bias"] * 1,
    }
    write(state | extra, path, path.suffix)


def _command(path: Path) -> None:
    """A pickle that asks for a program to be run. What it asks for is harmless, and it is never run."""

    class Command:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return print, ("This was run by a pickle.",)

    torch.save({"head.weight": Command()}, path)


EXAMPLES: dict[str, Example] = {
    "course": Example("the course's ViT", "vit_from_the_course.pth", _named("course")),
    "torchvision": Example("torchvision", "torchvision_vit.pth", _named("torchvision")),
    "timm": Example("timm", "timm_vit.safetensors", _named("timm")),
    "huggingface": Example("Hugging Face", "huggingface_vit.safetensors", _named("huggingface")),
    "google": Example("Google", "google_vit.npz", _named("google")),
    "training": Example("a training checkpoint", "last.pth", _training),
    "damaged": Example("damaged", "damaged.pth", _damaged),
    "cut": Example("cut off", "cut_off.safetensors", _cut_off),
    "deit": Example("another family", "deit_distilled.safetensors", _other_family),
    "command": Example("a pickle with a command", "command.pth", _command),
}
