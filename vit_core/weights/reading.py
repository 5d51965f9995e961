"""Weights from files, without running anything that a file says: safetensors, PyTorch files, NumPy archives.

What a file declares is compared with what it has before memory is taken for it (``pickle_contents``, ``zip_members``,
``safetensors_header``).
"""

import argparse
import json
import math
import pickle
import stat
import struct
import zipfile
import zlib
from collections.abc import Set
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from vit_core.weight_files.pickle_contents import (
    MAX_PICKLE_BYTES,
    ForeignError,
    PickleError,
    UnreadError,
    check_legacy,
    check_pickle,
    unread_type,
)
from vit_core.weight_files.safetensors_header import HeaderError, UnreadTypeError, check_header
from vit_core.weight_files.zip_members import entries_of, members_of
from vit_core.weights.parts import WeightFile, beside, check_tensors, choose_part, states_of

MAX_BYTES = 8_000_000_000  # of one file, packed or unpacked; the largest published plain ViT, H/14, has 2.5 GB
MAX_JSON_BYTES = 8_000_000  # of a config.json; the names of 21,843 classes take 1.5 MB
SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".npz")


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by their names.

    Raises:
        ValueError: if the kind of file is unknown, it is damaged, or it holds anything but tensors.
        OSError: if it cannot be read.
    """
    return dict(read_weights(path).state)


def read_weights(path: Path, part: str | None = None) -> WeightFile:
    """The tensors of a file and what was around them; ``part`` chooses where a file holds several models.

    Raises:
        ValueError: if the kind of file is unknown, it is damaged, it holds anything but tensors, or has no such part.
        OSError: if it cannot be read.
    """
    kind, notes = _kind_of(path)
    try:
        match kind:
            case "safetensors file":
                loaded: Any = _read_safetensors(path)
            case "NumPy archive":
                loaded = _read_npz(path)
            case _:
                loaded = _read_torch(path)
    except MemoryError as error:
        raise ValueError(f"{path.name} needs more memory than this machine has") from error
    candidates = list(states_of(loaded))
    if not candidates:
        if loaded == {}:
            raise ValueError(f"{path.name} holds no tensors")
        raise ValueError(f"{path.name} holds no state dict: expected names with tensors, got a {type(loaded).__name__}")
    check_tensors(candidates, path, kind, MAX_BYTES)
    found = choose_part(candidates, part, path.name)
    return replace(found, kind=kind, notes=notes, beside=beside(loaded, found.part))


def read_folder(folder: Path) -> dict[str, Tensor]:
    """The tensors of a Hugging Face folder, in one file or in the several that an index lists.

    Raises:
        ValueError: if there is no weights file, or one is damaged.
    """
    for name in ("model.safetensors", "pytorch_model.bin"):
        if (folder / name).is_file():
            return read_state(folder / name)
        if (index := folder / f"{name}.index.json").is_file():
            places = read_json(index).get("weight_map", {})
            if not isinstance(places, dict) or not all(isinstance(part, str) for part in places.values()):
                raise ValueError(f"{index.name} does not state which weights are in which file")
            parts = {Path(part).name for part in places.values()}
            return {key: tensor for part in sorted(parts) for key, tensor in read_state(folder / part).items()}
    raise ValueError(f"{folder.name} holds neither model.safetensors nor pytorch_model.bin")


def read_json(path: Path) -> dict[str, Any]:
    """One JSON object.

    Raises:
        ValueError: if the file is no JSON object.
        OSError: if it cannot be read.
    """
    if (size := path.stat().st_size) > MAX_JSON_BYTES:
        raise ValueError(f"{path.name} has {size / 1e6:,.0f} MB, at most {MAX_JSON_BYTES / 1e6:.0f} MB are read")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path.name} is not a JSON object but a {type(value).__name__}")
    return value


def _kind_of(path: Path) -> tuple[str, tuple[str, ...]]:
    """The kind of file by its first bytes, or by its name where they show none; a note if the two differ."""
    if not stat.S_ISREG((status := path.stat()).st_mode):
        raise ValueError(f"{path.name} is no file: expected one of {', '.join(SUFFIXES)}")
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path.name} is no weights file that is known: expected one of {', '.join(SUFFIXES)}")
    if not status.st_size:
        raise ValueError(f"{path.name} is empty: it has no bytes")
    if status.st_size > MAX_BYTES:
        raise ValueError(
            f"{path.name} is too large: {status.st_size / 1e9:.1f} GB, at most {MAX_BYTES / 1e9:.0f} GB are read"
        )
    with path.open("rb") as file:
        start = file.read(512)
    if _is_text(start):
        if start.startswith(b"version https://git-lfs"):
            raise ValueError(f"{path.name} is a pointer of Git LFS, not the weights: fetch them with git lfs pull")
        raise ValueError(f"{path.name} is a text file and no weights: it begins with {start[:30].decode()!r}")
    called = {".safetensors": "safetensors file", ".npz": "NumPy archive"}.get(path.suffix.lower(), "PyTorch file")
    if start.startswith(b"PK\x03\x04"):
        first = start[30 : 30 + int.from_bytes(start[26:28], "little")]
        kind = "NumPy archive" if first.endswith(b".npy") else "PyTorch file" if b"data.pkl" in first else called
    elif start[8:9] == b"{":
        kind = "safetensors file"
    else:
        kind = "PyTorch file" if start.startswith(b"\x80\x02\x8a\x0al\xfc\x9cF") else called
    return kind, () if kind == called else (f"By its name it would be a {called}; by its first bytes it is a {kind}.",)


def _is_text(start: bytes) -> bool:
    try:
        text = start.decode()
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\t\r\n" for letter in text)


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        check_header(path)
        return load_file(path)
    except UnreadTypeError as error:
        raise ValueError(f"{path.name} {unread_type(str(error))}") from error
    except (HeaderError, SafetensorError, OSError) as error:
        raise ValueError(f"{path.name} is no intact safetensors file: {error}") from error


def _read_torch(path: Path) -> Any:
    """A PyTorch file; only tensors and plain containers are unpickled, nothing in it is executed."""
    try:
        with path.open("rb") as file:
            if file.read(4) == b"PK\x03\x04":
                _check_archive(path)
            else:
                file.seek(0)
                check_legacy(file, path.stat().st_size)
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except UnreadError as error:
        raise ValueError(f"{path.name} {error}") from error
    except ForeignError as error:
        raise ValueError(
            f"{path.name} holds more than tensors ({error}), which is never run: save model.state_dict() instead"
        ) from error
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path.name} is damaged or holds more than tensors (a whole pickled model, say), which is never run: "
            "save model.state_dict() instead"
        ) from error
    except Exception as error:  # a damaged archive fails in many ways inside torch
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f"{path.name} is no intact PyTorch file: {reason}") from error


def _check_archive(path: Path) -> None:
    """Refuse a zip whose contents are not as declared, or that is a program."""
    with path.open("rb") as file:
        _refuse_programs({entry.filename.partition("/")[2] for entry in entries_of(file, may_have_comment=False)})
    members = members_of(path, MAX_BYTES, packed=False)
    root, _, _ = members[0].filename.partition("/") if members else ("", "", "")
    sizes = {member.filename: member.file_size for member in members}
    if (size := sizes.get(f"{root}/data.pkl")) is None:
        raise PickleError("it is a zip without data.pkl, which torch.save writes")
    if size > MAX_PICKLE_BYTES:
        raise PickleError(f"its data.pkl has {size / 1e6:,.0f} MB, at most {MAX_PICKLE_BYTES / 1e6:.0f} MB are read")
    with zipfile.ZipFile(path) as archive:
        data = archive.read(f"{root}/data.pkl")
    place = f"{root}/data/"
    check_pickle(
        data, {name.removeprefix(place): size for name, size in sizes.items() if name.startswith(place)}, MAX_BYTES
    )


def _refuse_programs(names: Set[str]) -> None:
    """Refuse the archive of a program by what is in it; torch.jit packs its code, which weights never are."""
    for shown, kind, writer, reader in (
        ("constants.pkl", "a TorchScript program", "", "torch.jit.load"),
        ("archive_format", "a program", " that torch.export wrote", "torch.export.load"),
    ):
        if shown in names:
            raise UnreadError(
                f"is {kind}{writer}, and programs are never run here: where it may be run, save its weights alone, "
                f"torch.save({reader}(FILE).state_dict(), 'weights.pth')"
            )


def _read_npz(path: Path) -> dict[str, Tensor]:
    """A NumPy archive, read without pickle and never beyond the sizes that its directory declares."""
    try:
        members = members_of(path, MAX_BYTES, packed=True)
        with zipfile.ZipFile(path) as archive:
            state = {}
            for member in members:
                with archive.open(member) as file:
                    state[member.filename.removesuffix(".npy")] = _read_array(file, member)
            return state
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{path.name} is no intact NumPy archive: {error}") from error
    except (ValueError, struct.error) as error:
        raise ValueError(f"{path.name}: {error}") from error


def _read_array(file: Any, member: zipfile.ZipInfo) -> Tensor:
    """One .npy file; its header is believed only if it agrees with the size that the archive declares."""
    if (start := file.read(6)) != b"\x93NUMPY":
        raise ValueError(f"it holds {member.filename[:80]!r}, which is no NumPy array: it begins with {start!r}")
    major = file.read(2)[0]
    read_header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    shape, fortran_order, dtype = read_header(file)
    if dtype.kind != "f":
        raise ValueError(f"it holds an array of type {dtype}, expected floating-point weights")
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != member.file_size - file.tell():
        raise ValueError(
            f"an array of shape {shape} and type {dtype} does not have the {member.file_size} bytes that are declared"
        )
    array = np.frombuffer(file.read(), dtype=dtype).reshape(shape, order="F" if fortran_order else "C")
    return torch.from_numpy(array.astype(np.float32))
