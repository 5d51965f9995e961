"""Weights that somebody brought and opened: kept in the cache as our own files, under a name that a link can carry."""

import hashlib
import json
import os
import re
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from filelock import FileLock

from vit_core.allowance import OPENED, allow_disk, bytes_below
from vit_core.model import VisionTransformer
from vit_core.weights.checkpoints import Checkpoint, read_card
from vit_core.weights.conversion import card_of, convert, write
from vit_core.weights.downloads import cache_folder

PREFIX = "file:"  # of the names of such checkpoints: file:0123456789abcdef
_NAME = re.compile(PREFIX + r"([0-9a-f]{16})")
_LOCK = ".opened.lock"


def opened_folder() -> Path:
    """Where opened files are kept."""
    return cache_folder() / "opened"


def keep_opened(model: VisionTransformer, checkpoint: Checkpoint, key: str) -> str:
    """Keep a model as our own file and return its name; ``key`` tells it from any other.

    Raises:
        OSError: if it cannot be written.
        ValueError: if it is too large to be kept.
    """
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    folder = opened_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / _LOCK):
        if not (weights := folder / f"{digest}.safetensors").is_file():
            needed = sum(parameter.numel() * 4 for parameter in model.parameters())
            make_room(folder, needed, int(OPENED.most * 1e6))
            card = json.loads(card_of(checkpoint)) | {"name": checkpoint.name}
            weights.with_suffix(".json").write_text(json.dumps(card, ensure_ascii=False), encoding="utf-8")
            partial = weights.with_suffix(".partial")
            write(convert(model, "ours"), partial, ".safetensors")
            os.replace(partial, weights)
    return f"{PREFIX}{digest}"


def opened_checkpoint(name: str) -> Checkpoint:
    """The checkpoint that ``file:DIGEST`` stands for.

    Raises:
        LookupError: if it is not kept here, or the name is none.
        ValueError: if its card is broken.
    """
    found = _NAME.fullmatch(name)
    path = opened_folder() / f"{found[1]}.safetensors" if found else None
    if path is None or not path.is_file():
        raise LookupError(f"there is no opened file {name[:40]!r} on this server: open it in the doctor again")
    with suppress(OSError):
        os.utime(path)  # looked at now
    record = read_card(path, name)
    return replace(record, description=f"{record.card.get('name', 'a file')}: {record.description}")


def make_room(folder: Path, needed: int, most: int) -> None:
    """Delete what has not been used for longest until ``needed`` bytes fit under ``most``.

    Raises:
        ValueError: if they alone are more than that.
        NotAllowedError: if the disk has no room for them.
    """
    if needed > most:
        raise ValueError(f"it has {needed / 1e9:.1f} GB, and at most {most / 1e9:.1f} GB of files are kept here")
    entries = [path for path in folder.iterdir() if not path.name.startswith(".") and path.suffix != ".json"]
    sizes = {path: bytes_below(path) for path in entries}
    for path in sorted(entries, key=lambda path: path.stat().st_mtime):
        if sum(sizes.values()) + needed <= most:
            break
        sizes.pop(path)
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        path.with_suffix(".json").unlink(missing_ok=True)
    allow_disk("the file", needed, folder)
