"""Zips from anyone: what is unpacked is exactly what belongs there, and what is refused leaves nothing behind."""

import io
import stat
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from PIL import Image

from vit_core.training import archive_layout, archives
from vit_core.training.archive_layout import ArchiveError, read_layout
from vit_core.training.archives import pictures_folder, read_record, unpack
from vit_core.training.data import find_pictures

ROOT = Path(__file__).parents[1]


def picture(colour: str = "red", kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (6, 5), colour).save(buffer, kind)
    return buffer.getvalue()


def zipped(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def zipped_as(info: zipfile.ZipInfo, data: bytes = b"x") -> bytes:
    """A good zip and one entry more, made as given."""
    buffer = io.BytesIO(zipped(GOOD))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(info, data)
    return buffer.getvalue()


GOOD = {f"{name}/{number}.png": picture() for name in ("cat", "dog") for number in (1, 2)}


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A cache of its own, and after every test: nothing in it but what was finished, and nothing beside it."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("VIT_EXPLAINER_CACHE", str(cache))
    yield cache
    assert {path.name for path in tmp_path.iterdir()} <= {"cache"}
    assert not list(cache.rglob(".unpacking-*"))


def refusal(archive: bytes) -> str:
    """The sentence with which a zip is refused; no folder may be there afterwards."""
    with pytest.raises(ArchiveError) as caught:
        unpack(archive)
    assert not [path for path in pictures_folder().iterdir() if path.is_dir()]
    message = str(caught.value)
    assert "\n" not in message and len(message) > 20
    return message


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != archives.RECORD
    }


@pytest.mark.parametrize("around", ["", "data/", "course/pizza_steak_sushi/"])
@pytest.mark.parametrize("splits", [False, True])
def test_class_folders_are_found_however_they_are_nested(around: str, splits: bool) -> None:
    wanted = {f"{split}/{name}": data for split in ("train", "test") for name, data in GOOD.items()} if splits else GOOD
    folder = unpack(zipped({around + name: data for name, data in wanted.items()}), title="pets")
    assert contents(folder) == wanted
    assert read_record(folder)["title"] == "pets"
    assert {file.class_name for file in find_pictures([folder], held_out=1)} == {"cat", "dog"}


def test_only_pictures_are_unpacked() -> None:
    extra = {
        "__MACOSX/cat/._1.png": b"resource fork", "cat/.DS_Store": b"x", "cat/._1.png": b"x", "cat/Thumbs.db": b"x",
        "README.md": b"x", "cat/labels.csv": b"x", ".git/cat/1.png": b"x", "empty/": b"",
    }  # fmt: skip
    assert contents(unpack(zipped(GOOD | extra))) == GOOD


def test_the_same_zip_is_unpacked_once_and_found_by_its_content() -> None:
    data = zipped(GOOD)
    folder = unpack(data)
    before = folder.stat().st_ino
    assert unpack(data) == folder and folder.stat().st_ino == before
    assert unpack(zipped(GOOD | {"cat/3.png": picture("blue")})) != folder


def test_a_file_and_its_bytes_are_the_same_zip(cache: Path) -> None:
    cache.mkdir()
    path = cache / "pets.zip"
    path.write_bytes(zipped(GOOD))
    assert unpack(path) == unpack(path.read_bytes())


@pytest.mark.parametrize(
    "name",
    ["../cat/1.png", "cat/../../1.png", "/etc/cat/1.png", "..\\cat\\1.png", "C:\\cat\\1.png", "C:cat/1.png",
     "\\\\server\\cat\\1.png", "cat/../dog/9.png"],
)  # fmt: skip
def test_a_path_out_of_the_folder_is_refused(name: str) -> None:
    assert "leads out of its folder" in refusal(zipped(GOOD | {name: picture()}))


@pytest.mark.parametrize(
    "name", ["cat/con.png", "cat/LPT1/x.png", "cat/a:b.png", "cat/a.png.", "cat /1.png", "cat/a\x01.png", "aux/1.png"]
)
def test_a_name_that_windows_cannot_have_is_refused(name: str) -> None:
    assert "not every computer can have" in refusal(zipped(GOOD | {name: picture()}))


def test_a_name_with_a_zero_byte_is_refused() -> None:
    """zipfile cuts a name at the zero byte: "1.png" would be checked, and something else meant."""
    data = zipped(GOOD | {"cat/9_png.png": picture()}).replace(b"cat/9_png.png", b"cat/9\0png.png")
    assert "not every computer can have" in refusal(data)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices_are_refused(kind: int) -> None:
    info = zipfile.ZipInfo("cat/9.png")
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    assert "is a link or a device" in refusal(zipped_as(info, b"/etc/passwd"))


def test_an_encrypted_zip_is_refused() -> None:
    data = bytearray(zipped(GOOD))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + flags] |= 1
            at = data.find(signature, at + 4)
    assert "is encrypted" in refusal(bytes(data))


@pytest.mark.parametrize("twin", ["cat/1.png", "CAT/1.png", "cat/1.PNG", "./cat/1.png", "cat//1.png", "cat\\1.png"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_for_one_file_are_refused(twin: str) -> None:
    assert "two entries" in refusal(zipped_as(zipfile.ZipInfo(twin), picture("blue")))


def test_two_spellings_of_one_letter_are_one_name() -> None:
    assert "two entries" in refusal(zipped(GOOD | {"caf\u00e9/1.png": picture(), "cafe\u0301/1.png": picture()}))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_refused(method: int) -> None:
    assert "packed in an unusual way" in refusal(zipped(GOOD, method))


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "no pictures"),
        ({"README.md": b"hello"}, "no pictures"),
        ({"1.png": picture()}, "in no class folder"),
        ({"a/b/c/cat/1.png": picture()}, "too deep"),
        ({"a/b/c/train/cat/1.png": picture()}, "too deep"),
        (GOOD | {"more/bird/1.png": picture()}, "class folders of one place"),
        (GOOD | {"train/bird/1.png": picture()}, "class folders of one place"),
        ({"train/cat/1.png": picture(), "val/cat/1.png": picture()}, "class folders of one place"),
    ],
)
def test_a_layout_that_is_none_is_explained(files: dict[str, bytes], words: str) -> None:
    assert words in refusal(zipped(files))


@pytest.mark.parametrize(
    "data",
    [b"", b"no zip at all", picture(), zipped(GOOD)[:200], zipped(GOOD)[:-30], zipped(GOOD)[40:]],
    ids=["empty", "text", "png", "its beginning", "without its end", "without its beginning"],
)
def test_what_is_no_zip_is_refused(data: bytes) -> None:
    assert "zip" in refusal(data)


@pytest.mark.parametrize("position", range(0, 260, 7))
def test_a_zip_with_one_wrong_byte_is_refused_or_unpacked_right(position: int) -> None:
    """zipfile raises whatever its reader stumbles over; here it is always an ArchiveError."""
    data = bytearray(zipped(GOOD))
    data[position * len(data) // 260] ^= 0x55
    try:
        folder = unpack(bytes(data))
    except ArchiveError:
        return
    assert set(contents(folder).values()) == {picture()}


def test_damage_in_the_last_picture_leaves_nothing_of_the_first() -> None:
    data = bytearray(zipped(GOOD, zipfile.ZIP_STORED))
    data[data.rfind(b"IDAT") + 6] ^= 0xFF
    assert "damaged" in refusal(bytes(data))


def test_a_bomb_is_refused_by_its_table_of_contents() -> None:
    assert "zip bomb" in refusal(zipped({"cat/1.png": bytes(20_000_000), "dog/1.png": picture()}))


def test_entries_that_overlap_are_refused() -> None:
    """As in the zip bombs of David Fifield: one block of data, named by many entries."""
    data = zipped({"cat/1.png": bytes(range(256)) * 40})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        [info] = archive.infolist()
        start = archive.start_dir
    record = data[start : data.rfind(b"PK\x05\x06")]
    names = [f"cat/{number:01}.png".encode() for number in range(10)]
    table = b"".join(record.replace(b"cat/1.png", name) for name in names)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, len(names), len(names), len(table), start, 0)
    bomb = data[:start] + table + end
    assert len(names) * info.compress_size > len(bomb)
    assert "overlap" in refusal(bomb)


def test_a_lying_size_is_found_while_unpacking() -> None:
    """The table of contents promises 100 bytes less than there are."""
    data = zipped(GOOD, zipfile.ZIP_DEFLATED)
    size = struct.pack("<I", len(picture()))
    lying = data[: data.find(b"PK\x01\x02")] + data[data.find(b"PK\x01\x02") :].replace(size, struct.pack("<I", 9))
    assert lying != data
    assert "damaged" in refusal(lying)


@pytest.mark.parametrize("limit", ["MAX_TOTAL_BYTES", "MAX_PICTURE_BYTES", "MAX_CONTENTS_BYTES"])
def test_every_limit_is_one_sentence(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(archive_layout, limit, 50)
    assert "at most" in refusal(zipped(GOOD))


def test_no_more_is_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    first = unpack(zipped(GOOD))
    monkeypatch.setattr(archives, "MAX_KEPT_BYTES", 1.5 * read_record(first)["bytes"])
    with pytest.raises(OSError, match="delete folders"):
        unpack(zipped(GOOD | {"cat/3.png": picture("blue")}))
    assert first.is_dir()


def test_the_expected_numbers_are_the_exact_ones() -> None:
    data = zipped({f"train/{name}": each for name, each in GOOD.items()})
    counts = {("train", "cat"): 2, ("train", "dog"): 2}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert read_layout(archive).counts == counts
    with pytest.raises(ArchiveError, match="should hold 3 train cat, 2 train dog, it holds 2 train cat, 2 train dog"):
        unpack(data, expected=counts | {("train", "cat"): 3})
    assert contents(unpack(data, expected=counts))


def test_a_bomb_costs_no_memory() -> None:
    """A megabyte that unpacks to a gigabyte, and 300,000 entries for one file: refused in a process of its own."""
    script = """
import io, resource, struct, sys, zipfile
from vit_core.training.archives import unpack
from vit_core.training.archive_layout import ArchiveError
block = io.BytesIO()
with zipfile.ZipFile(block, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("cat/1.png", "w") as file:
    for _ in range(1000):
        file.write(bytes(1_000_000))
entry = struct.pack("<4s6H3I5H2I", b"PK\\1\\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0) + b"c/1.png"[:5]
table = entry * 300_000
many = table + struct.pack("<4s4H2IH", b"PK\\5\\6", 0, 0, 65535, 65535, len(table), 0, 0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for data in (block.getvalue(), many):
    try:
        unpack(data)
    except ArchiveError as error:
        print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    first, second, grown = done.stdout.splitlines()
    assert "zip bomb" in first
    assert "too many entries" in second
    # ru_maxrss is in kB on Linux, in bytes on macOS. 16 MB: less than the table of contents of the second alone.
    assert int(grown) < 16_000 * (1024 if sys.platform == "darwin" else 1)


def test_abandoned_folders_are_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed process left goes when the next zip comes; what another one is filling stays."""
    left = pictures_folder() / ".unpacking-old"
    left.mkdir(parents=True)
    monkeypatch.setattr(archives, "_ABANDONED_AFTER", -1.0)
    unpack(zipped(GOOD))
    assert not left.exists()


def test_a_folder_that_may_not_be_written_is_an_os_error(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    cache.mkdir()
    (cache / "pictures").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="pictures"):
        unpack(zipped(GOOD))


