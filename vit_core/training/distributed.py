"""One process or many, by the same code: which part of a batch this process takes, and sums over all of them.

``torchrun`` starts the processes and gives each its place in environment variables; without it there is one process.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """The processes that train one model together, and this one's place among them."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes and prints."""
        return self.rank == 0

    def part(self, rows: list[T]) -> list[T]:
        """This process's share of a batch: every size-th, beginning with its own number."""
        return rows[self.rank :: self.size]

    def wrap(self, module: nn.Module) -> nn.Module:
        """``module``, averaging its gradients over all processes."""
        return DistributedDataParallel(module) if self.size > 1 else module

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over all processes, known to each."""
        if self.size > 1:
            tensor = tensor.to(self.device)
            dist.all_reduce(tensor)
        return tensor.cpu()


ALONE = World()


@contextmanager
def join_world(device: str = "auto") -> Iterator[World]:
    """The world that ``torchrun`` says, for as long as the ``with`` lasts.

    Raises:
        ValueError: if there is no such device.
    """
    rank, size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    chosen = choose_device(device, int(os.environ.get("LOCAL_RANK", 0)))
    if size == 1:
        yield World(device=chosen)
        return
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield World(rank, size, chosen)
    finally:
        dist.destroy_process_group()


def choose_device(name: str, local_rank: int = 0) -> torch.device:
    """The device of that name; ``auto`` is this process's own GPU where there is one, then Apple's, then the CPU.

    Raises:
        ValueError: if this machine or this torch does not have it.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name, local_rank) if name == "cuda" else torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, AttributeError) as error:
        raise ValueError(f"there is no device {name!r} here: expected auto, cpu, cuda or mps") from error
    return device
