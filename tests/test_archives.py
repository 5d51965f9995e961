"""Zips from anyone: what is unpacked is exactly what belongs there, and what is refused leaves nothing behind."""

import io
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.hostile_zips import GOOD, HOSTILE_ZIPS, picture, zipped
from vit_core.allowance import NotAllowedError
from vit_core.training.data import archive_layout, archives
from vit_core.training.data.archive_layout import ArchiveError, read_layout
from vit_core.training.data.archives import pictures_folder, read_record, unpack
from vit_core.training.data.pictures import find_pictures
from vit_core.weight_files import zip_members

ROOT = Path(__file__).parents[1]


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
        "__MACOSX/cat/._1.png": b"resource fork",
        "cat/.DS_Store": b"x",
        "cat/._1.png": b"x",
        "cat/Thumbs.db": b"x",
        "README.md": b"x",
        "cat/labels.csv": b"x",
        ".git/cat/1.png": b"x",
        "empty/": b"",
    }
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


@pytest.mark.parametrize("name", HOSTILE_ZIPS)
def test_what_is_no_zip_of_pictures_is_refused_in_one_sentence_and_leaves_nothing(name: str) -> None:
    make, words = HOSTILE_ZIPS[name]
    assert words in refusal(make())


def test_there_are_fifty_hostile_zips_and_all_different() -> None:
    assert len(HOSTILE_ZIPS) >= 50
    assert len({make() for make, _ in HOSTILE_ZIPS.values()}) == len(HOSTILE_ZIPS)


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


@pytest.mark.parametrize(
    ("module", "limit", "words"),
    [
        (archive_layout, "MAX_TOTAL_BYTES", "at most"),
        (archive_layout, "MAX_PICTURE_BYTES", "at most"),
        (zip_members, "MAX_CONTENTS_BYTES", "too many entries"),
    ],
)
def test_every_limit_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, limit: str, words: str
) -> None:
    monkeypatch.setattr(module, limit, 50)
    assert words in refusal(zipped(GOOD))


def test_no_more_is_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    first = unpack(zipped(GOOD))
    monkeypatch.setenv("VIT_EXPLAINER_UPLOADS_MB", str(1.5 * read_record(first)["bytes"] / 1e6))
    with pytest.raises(NotAllowedError, match=r"the unpacked zip would take about .* with what is kept already"):
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
import resource
from tests.hostile_zips import block_bomb, endless_table
from vit_core.training.data.archives import unpack
from vit_core.training.data.archive_layout import ArchiveError
bombs = block_bomb(), endless_table()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for data in bombs:
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
