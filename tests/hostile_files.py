"""Files that are broken or mean harm, each with what the examination of it must say."""

import io
import json
import os
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save as safetensors_bytes
from torch import Tensor

from tests.hostile_zips import zipped

MADE = "made by a pickle"  # a file that appears if a pickle's command runs


class Command:
    """Unpickling this would run a command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.system, (f"touch '{self.folder / MADE}'",)


def tensors() -> dict[str, Tensor]:
    """Names of timm's, few and small."""
    generator = torch.Generator().manual_seed(4)
    shapes = {
        "cls_token": (1, 1, 8),
        "pos_embed": (1, 5, 8),
        "patch_embed.proj.weight": (8, 3, 4, 4),
        "head.weight": (3, 8),
    }
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def torch_bytes(value: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def numpy_bytes(arrays: dict[str, Any], compressed: bool = False) -> bytes:
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, **arrays)
    return buffer.getvalue()


def header(entries: Any, data: int = 0) -> bytes:
    """A safetensors file of that header and so many bytes."""
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + bytes(data)


def entry(start: int, end: int, shape: Any = None, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": [(end - start) // 4] if shape is None else shape, "data_offsets": [start, end]}


def rezipped(data: bytes, change: Callable[[str, bytes], bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A zip whose members have been changed one by one."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(buffer, "w", compression) as after:
        for member in before.infolist():
            after.writestr(member.filename, change(member.filename, before.read(member)))
    return buffer.getvalue()


def with_pickle(change: Callable[[bytes], bytes]) -> bytes:
    """A PyTorch file whose pickle has been changed by hand."""
    state = {"a": torch.arange(4.0)}
    return rezipped(torch_bytes(state), lambda name, data: change(data) if name.endswith("data.pkl") else data)


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        assert data.count(old) >= 1
        return data.replace(old, new, 1)

    return change


def npy(shape: str, data: bytes, dtype: str = "<f4") -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def overlapping(copies: int) -> bytes:
    """A table of contents in which many names lead to one packed file."""
    data = zipped({"kernel.npy": npy("(1000000,)", bytes(4_000_000))})
    at, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    record = data[at:end]
    name_at = record.index(b"kernel.npy")
    records = [record[:name_at] + f"k{number:05}.npy".encode() + record[name_at + 10 :] for number in range(copies)]
    contents = b"".join(records)
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, copies, copies, len(contents), at, 0)
    return data[:at] + contents + tail


def understated() -> bytes:
    """A packed file that is longer than its table of contents says."""
    data = bytearray(zipped({"kernel.npy": npy("(250,)", bytes(10_000_000))}))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(signature) + offset
        data[at : at + 4] = struct.pack("<L", len(npy("(250,)", bytes(1000))))
    return bytes(data)


def _script(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is on its way out; such files remain
        torch.jit.script(torch.nn.Linear(3, 2)).save(str(path))


DEEP = 200_000

# Name of the file -> (its bytes, or what makes it at a path; what must be said).
HOSTILE: dict[str, tuple[Any, str]] = {
    # pickles
    "command.pth": (lambda path: torch.save({"x": Command(path.parent)}, path), r"posix\.system|os\.system"),
    "command.pt": (lambda path: path.write_bytes(pickle.dumps(Command(path.parent), protocol=2)), r"posix\.system"),
    "command.bin": (
        lambda path: path.write_bytes(
            pickle.dumps(0x1950A86A20F9469CFC6C, 2)
            + pickle.dumps(1001, 2)
            + pickle.dumps({}, 2)
            + pickle.dumps(Command(path.parent), 2)
        ),
        "holds more than tensors",
    ),
    "command.npz": (
        lambda path: np.savez(path, allow_pickle=True, a=np.array([Command(path.parent)], object)),
        "type object",
    ),
    "ten-gigabytes.pth": (
        with_pickle(  # bytearray(10**10), which weights_only=True would make
            lambda _: b"\x80\x02}X\x01\x00\x00\x00ac__builtin__\nbytearray\n\x8a\x05\x00\xe4\x0b\x54\x02\x85Rs."
        ),
        "bytearray",
    ),
    "doubling.pth": (
        with_pickle(  # and this: text, twice as long with each call
            lambda _: b"\x80\x02}X\x01\x00\x00\x00ac_codecs\nencode\nC\x01aX\x03\x00\x00\x00hex\x86Rs."
        ),
        r"_codecs\.encode",
    ),
    "nested-name.pth": (
        with_pickle(lambda _: b"\x80\x02}K\x01" + b"\x85" * DEEP + b"K\x01s."),
        "no text and no number",
    ),
    "lists.pth": (with_pickle(lambda _: b"\x80\x02(" + b"]" * 1_900_000 + b"t."), "got a tuple"),
    "long-pickle.pth": (with_pickle(lambda _: b"\x80\x02(" + b"]" * 9_000_000 + b"t."), "has 9 MB, at most 2 MB"),
    "memo.pth": (with_pickle(lambda _: b"\x80\x02}r\xff\xff\xff\x7f."), "holds no tensors"),
    "in-itself.pth": (
        with_pickle(
            lambda data: (
                b"\x80\x02}q\x00("
                + b"".join(b"X\x05\x00\x00\x00" + f"{number:05}".encode() + b"h\x00" for number in range(90_000))
                + b"u."
            )
        ),
        "no state dict",
    ),
    "no-end.pth": (with_pickle(lambda data: data[:-1]), "damaged|no end|not enough"),
    "jumble.pth": (with_pickle(lambda data: b"\x80\x02RRR."), "damaged|no function"),
    "stride-0.pth": (torch_bytes({"a": torch.zeros(1).expand(1000)}), "would have 4,000 bytes, and the file stores 4"),
    "stride-0-huge.pth": (torch_bytes({"a": torch.zeros(1).expand(10**10)}), "would have 40 GB, at most 8 GB"),
    "too-long-a-storage.pth": (with_pickle(replaced(b"cpuq\x06K\x04", b"cpuq\x06K\xf0")), "should have 960 bytes"),
    "too-long-a-tensor.pth": (with_pickle(replaced(b"K\x04\x85", b"J\x00\x00\x00\x10\x85")), "the file stores 16"),
    "negative-size.pth": (with_pickle(replaced(b"K\x04\x85", b"J\xff\xff\xff\xff\x85")), "no whole number from 0"),
    "negative-stride.pth": (with_pickle(replaced(b"K\x01\x85", b"J\xff\xff\xff\xff\x85")), "no whole number from 0"),
    "many-names-for-one.pth": (
        lambda path: torch.save(dict.fromkeys(map(str, range(20_000)), torch.zeros(10_000)), path),
        "share their numbers",
    ),
    "newline-in-a-name.pth": (torch_bytes({"a\nb": torch.zeros(2)}), "no readable text"),
    "program.pt": (zipped({"m/data.pkl": b"\x80\x02}.", "m/constants.pkl": b"\x80\x02)."}, 0), "TorchScript"),
    "script.pt": (lambda path: _script(path), r"^script\.pt is a TorchScript program.*torch\.jit\.load"),
    "exported.pt": (
        zipped({"m/archive_format": b"pt2", "m/models/model.json": b"{}"}, 0),
        r"^exported\.pt is a program that torch\.export wrote",
    ),
    "float8.pth": (
        torch_bytes({"a": torch.zeros(3).to(torch.float8_e4m3fn)}),
        r"^float8\.pth holds tensors of type float8_e4m3fn.*\.float\(\)",
    ),
    "unsigned.pth": (torch_bytes({"a": torch.zeros(3, dtype=torch.uint16)}), "holds tensors of type uint16"),
    "float8.safetensors": (
        header({"a": entry(0, 4, [4], "F8_E8M0")}, 4),
        r"^float8\.safetensors holds tensors of type F8_E8M0.*\.float\(\)",
    ),
    "strings.pth": (torch_bytes({"a": "text", "b": ["c"]}), "holds no state dict"),
    "sparse.pth": (torch_bytes({"a": torch.eye(3).to_sparse()}), "_rebuild_sparse_tensor"),
    # zips
    "packed.pth": (rezipped(torch_bytes(tensors()), lambda _, data: data, zipfile.ZIP_DEFLATED), "compressed"),
    "bomb.npz": (lambda path: path.write_bytes(zipped({"a.npy": npy("(100000000,)", bytes(400_000_000))})), "zip bomb"),
    "bomb.pth": (
        lambda path: path.write_bytes(zipped({"a/data.pkl": b"\x80\x02}.", "a/data/0": bytes(200_000_000)})),
        "zip bomb",
    ),
    "overlapping.npz": (overlapping(60_000), "240.0 GB|unpack"),
    "overlapping-few.npz": (overlapping(10), "overlap"),
    "nested.npz": (zipped({"inner.zip": zipped({"a.npy": npy("(25000000,)", bytes(50_000_000))})}), "no NumPy array"),
    "understated.npz": (understated(), "intact|bytes that are declared"),
    "two-of-one-name.npz": (
        zipped({"a.npy": npy("(1,)", bytes(4)), "b.npy": npy("(1,)", bytes(4))}).replace(b"b.npy", b"a.npy"),
        "two entries of one name",
    ),
    "not-a-zip.npz": (b"PK\x03\x04" + bytes(1000), "no table of contents"),
    "claims.npz": (zipped({"a.npy": npy("(100000, 100000, 100)", bytes(8))}), "bytes that are declared"),
    "negative.npz": (zipped({"a.npy": npy("(-2, -1)", bytes(8))}), "bytes that are declared"),
    "whole-numbers.npz": (numpy_bytes({"a": np.arange(4)}), "type int64"),
    "strings.npz": (numpy_bytes({"a": np.array(["a", "b"])}), "type <U1"),
    "complex.npz": (numpy_bytes({"a": np.ones(3, complex)}), "type complex128"),
    # safetensors
    "header-of-40-gb.safetensors": (
        struct.pack("<Q", 40 * 10**9) + b'{"a":1}',
        "40,000,000,000 bytes and the file has 15",
    ),
    "header-of-6-gb.safetensors": (
        lambda path: sparse(path, 7 * 10**9, struct.pack("<Q", 6 * 10**9) + b"{"),
        "6,000,000,000 bytes, at most",
    ),
    "file-of-41-gb.safetensors": (
        lambda path: sparse(path, 41 * 10**9, struct.pack("<Q", 40 * 10**9) + b"{"),
        "41.0 GB",
    ),
    "deep.safetensors": (header(b'{"a":' + b"[" * DEEP + b"]" * DEEP + b"}"), "nested too deeply"),
    "many-lists.safetensors": (header(b'{"a":[' + b"[]," * 600_000 + b"[]]}"), "does not have a type"),
    "twice.safetensors": (
        header(b'{"a":' + json.dumps(entry(0, 4)).encode() + b',"a":' + json.dumps(entry(0, 4)).encode() + b"}", 4),
        "names 'a' twice",
    ),
    "overlap.safetensors": (header({"a": entry(0, 8), "b": entry(4, 12)}, 12), "'a' and 'b' overlap"),
    "gap.safetensors": (header({"a": entry(0, 8), "b": entry(12, 16)}, 16), "a gap of 4 bytes before 'b'"),
    "negative.safetensors": (header({"a": entry(0, 4, [-1, -1])}, 4), "not made of whole numbers"),
    "offsets.safetensors": (header({"a": entry(8, 4, [1])}, 8), "not a beginning and an end"),
    "huge-shape.safetensors": (header({"a": entry(0, 4, [2**62, 2**62])}, 4), "needs"),
    "unknown-type.safetensors": (header({"a": entry(0, 4, [1], "Q3")}, 4), "type 'Q3', which is not known"),
    "surplus.safetensors": (header({"a": entry(0, 4)}, 400), "should lie in bytes 0 to 400"),
    "a-list.safetensors": (header([1, 2]), "no safetensors|no JSON object|list"),
    "nan.safetensors": (header(b'{"a":NaN}'), "NaN for a number"),
    "no-utf8.safetensors": (header(b'{"\xff\xfe":1}'), "no JSON"),
    "whole-numbers.safetensors": (
        safetensors_bytes({"patch_embed.proj.weight": torch.arange(6), "a": torch.ones(1)}),
        "not the weights|class token",
    ),
    # what is no weights file at all
    "text.pth": (b"These are the weights that you asked for.\n" * 9, "text file and no weights: it begins with 'These"),
    "page.safetensors": (b"<!DOCTYPE html>\n<html><body>404</body></html>", "text file"),
    "pointer.safetensors": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4\n", "git lfs pull"),
    "empty.pth": (b"", "is empty"),
    "empty.safetensors": (b"", "is empty"),
    "empty.npz": (b"", "is empty"),
    "noise.pth": (bytes(np.random.default_rng(0).integers(128, 256, 5000, np.uint8)), "torch.save did not|damaged"),
    "noise.npz": (bytes(np.random.default_rng(1).integers(128, 256, 5000, np.uint8)), "no table of contents"),
    "noise.safetensors": (bytes(np.random.default_rng(2).integers(128, 256, 5000, np.uint8)), "its header should have"),
    "folder.pth": (lambda path: path.mkdir(), "holds neither model.safetensors"),
    "pipe.pth": (os.mkfifo, "is no file"),
    "weights.h5": (b"\x89HDF\r\n\x1a\n", "no weights file that is known"),
    "missing.pth": (lambda path: None, "No such file"),
}


def sparse(path: Path, size: int, start: bytes) -> None:
    """A file with a hole: it takes no disk."""
    with path.open("wb") as file:
        file.write(start)
        file.truncate(size)


def write_all(folder: Path) -> None:
    """All of them."""
    for name, (what, _) in HOSTILE.items():
        path = folder / name
        path.write_bytes(what) if isinstance(what, bytes) else what(path)
