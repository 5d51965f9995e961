"""Weights from files, without running anything that a file says: safetensors, PyTorch files, NumPy archives."""

import json
import math
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

MAX_BYTES = 8_000_000_000  # of one file, packed or unpacked; the largest published plain ViT, H/14, has 2.5 GB
SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".npz")
WRAPPERS = ("state_dict", "model", "model_state_dict", "state_dict_ema", "model_ema")  # what training scripts save
PREFIXES = ("module.", "_orig_mod.")  # what DataParallel and torch.compile put before every name


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by their names.

    Raises:
        ValueError: if the kind of file is unknown, it is damaged, or it holds anything but tensors.
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
    if size > MAX_BYTES:
        raise ValueError(f"{path.name} is too large: {size / 1e9:.1f} GB, at most {MAX_BYTES / 1e9:.0f} GB are read")
    match path.suffix:
        case ".safetensors":
            state = _read_safetensors(path)
        case ".pth" | ".pt" | ".bin":
            state = _read_torch(path)
        case ".npz":
            state = _read_npz(path)
        case _:
            raise ValueError(f"{path.name} is no weights file that is known: expected one of {', '.join(SUFFIXES)}")
    if not state:
        raise ValueError(f"{path.name} holds no tensors")
    # A tensor may claim more numbers than the file has: one that is repeated takes no space in it.
    if (size := sum(4 * tensor.numel() for tensor in state.values())) > MAX_BYTES:
        raise ValueError(f"{path.name} would have {size / 1e9:.0f} GB, at most {MAX_BYTES / 1e9:.0f} GB are read")
    for prefix in PREFIXES:
        if all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): tensor for key, tensor in state.items()}
    return state


def read_folder(folder: Path) -> dict[str, Tensor]:
    """The tensors of a Hugging Face folder, in one file or in the several that an index lists.

    Raises:
        ValueError: if there is no weights file, or one is damaged.
    """
    for name in ("model.safetensors", "pytorch_model.bin"):
        if (folder / name).is_file():
            return read_state(folder / name)
        if (index := folder / f"{name}.index.json").is_file():
            parts = {Path(part).name for part in read_json(index).get("weight_map", {}).values()}
            return {key: tensor for part in sorted(parts) for key, tensor in read_state(folder / part).items()}
    raise ValueError(f"{folder} holds neither model.safetensors nor pytorch_model.bin")


def read_json(path: Path) -> dict[str, Any]:
    """One JSON object.

    Raises:
        ValueError: if the file is no JSON object.
        OSError: if it cannot be read.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path.name} is no JSON object but a {type(value).__name__}")
    return value


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path.name} is no intact safetensors file: {error}") from error


def _read_torch(path: Path) -> dict[str, Tensor]:
    """A PyTorch file; only tensors and plain containers are unpickled, nothing in it is executed."""
    try:
        if zipfile.is_zipfile(path):
            _checked_members(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path.name} is damaged or holds more than tensors (a whole pickled model, say), which is never run: "
            "save model.state_dict() instead"
        ) from error
    except Exception as error:  # a damaged archive fails in many ways inside torch
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f"{path.name} is no intact PyTorch file: {reason}") from error
    return _unwrap(loaded, path.name)


def _unwrap(loaded: Any, name: str) -> dict[str, Tensor]:
    """The state dict inside what training scripts save around it."""
    for wrapper in WRAPPERS:
        if isinstance(loaded, dict) and isinstance(loaded.get(wrapper), dict):
            loaded = loaded[wrapper]
            break
    if not isinstance(loaded, dict) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise ValueError(f"{name} holds no state dict: expected names with tensors, got a {type(loaded).__name__}")
    return {str(key): value for key, value in loaded.items()}


def _read_npz(path: Path) -> dict[str, Tensor]:
    """A NumPy archive, read without pickle and never beyond the sizes that its directory declares."""
    try:
        members = _checked_members(path)
        with zipfile.ZipFile(path) as archive:
            state = {}
            for member in members:
                with archive.open(member) as file:
                    state[member.filename.removesuffix(".npy")] = _read_array(file, member.file_size)
            return state
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{path.name} is no intact NumPy archive: {error}") from error
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error


def _checked_members(path: Path) -> list[zipfile.ZipInfo]:
    """The files in a zip archive, after their declared sizes were added up."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    if (total := sum(member.file_size for member in members)) > MAX_BYTES:
        raise ValueError(f"it would unpack to {total / 1e9:.1f} GB, at most {MAX_BYTES / 1e9:.0f} GB are read")
    return members


def _read_array(file: Any, size: int) -> Tensor:
    """One .npy file of ``size`` bytes; its header is believed only if it agrees with that size."""
    major, _ = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    shape, fortran_order, dtype = read_header(file)
    if dtype.kind != "f":
        raise ValueError(f"it holds an array of type {dtype}, expected floating-point weights")
    if math.prod(shape) * dtype.itemsize != size - file.tell():
        raise ValueError(f"an array of shape {shape} and type {dtype} does not have the {size} bytes that are declared")
    array = np.frombuffer(file.read(), dtype=dtype).reshape(shape, order="F" if fortran_order else "C")
    return torch.from_numpy(array.astype(np.float32))
