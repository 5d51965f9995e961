"""What is said about a folder before training: every fault has its sentence, and a good folder none."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from vit_core.training.config import RECIPES
from vit_core.training.data.inspection import Inspection, inspect_folders
from vit_core.training.data.pictures import find_pictures, load_pictures

SPLIT = {f"{split}/{name}": 3 for split in ("train", "test") for name in ("cat", "dog")}


def fill(root: Path, counts: Mapping[str, int]) -> Path:
    """So many different pictures in each folder."""
    for folder, count in counts.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            colour = (sum(map(ord, folder)) % 256, number, len(folder))
            Image.new("RGB", (8, 6), colour).save(root / folder / f"{number}.png")
    return root


def only_error(found: Inspection) -> str:
    [sentence] = found.errors
    assert sentence.endswith(".") and "\n" not in sentence and sentence[0] == sentence[0].upper()
    return sentence


def test_a_good_folder_has_nothing_to_say(tmp_path: Path) -> None:
    found = inspect_folders([fill(tmp_path, SPLIT | {"train/dog": 5})])
    assert (found.errors, found.warnings, dict(found.broken)) == ((), (), {})
    assert found.counts == {"train": {"cat": 3, "dog": 5}, "test": {"cat": 3, "dog": 3}}
    assert (found.total("train"), found.total("test"), found.class_names) == (8, 6, ("cat", "dog"))
    assert list(found.files) == find_pictures([tmp_path])


def test_without_splits_some_of_each_class_are_held_out(tmp_path: Path) -> None:
    found = inspect_folders([fill(tmp_path, {"cat": 12, "dog": 15})], held_out=4)
    assert found.counts == {"train": {"cat": 8, "dog": 11}, "test": {"cat": 4, "dog": 4}}
    assert not found.errors


def test_broken_pictures_are_named_and_left_out(tmp_path: Path) -> None:
    fill(tmp_path, SPLIT)
    (tmp_path / "train" / "cat" / "text.jpg").write_text("I am no picture")
    (tmp_path / "train" / "dog" / "empty.png").write_bytes(b"")
    whole = (tmp_path / "train" / "dog" / "0.png").read_bytes()
    (tmp_path / "test" / "dog" / "half.png").write_bytes(whole[: len(whole) // 2])
    found = inspect_folders([tmp_path])
    assert {path.name for path in found.broken} == {"text.jpg", "empty.png", "half.png"}
    assert all(len(reason) > 10 and "\n" not in reason for reason in found.broken.values())
    [sentence] = found.warnings
    assert all(words in sentence for words in ("3 images cannot be read", "text.jpg", "empty.png", "half.png"))
    assert not found.errors
    assert found.counts == {"train": {"cat": 3, "dog": 3}, "test": {"cat": 3, "dog": 3}}
    loaders = load_pictures(found.files, RECIPES["mini"], RECIPES["mini"].preprocess)
    assert [len(loaders.train), len(loaders.validation)] == [6, 6]
    for number in range(6):
        loaders.train[number]  # every one of them can be decoded


def test_a_class_of_broken_pictures_stops_training(tmp_path: Path) -> None:
    fill(tmp_path, SPLIT)
    for path in (tmp_path / "train" / "dog").iterdir():
        path.write_text("no picture")
    assert "Nothing to learn from for the class dog" in only_error(inspect_folders([tmp_path]))


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"train/cat": 3, "test/cat": 3}, "only one class, 'cat'"),
        (SPLIT | {"train/bird": 0}, f"No image in {os.path.join('train', 'bird')}"),
        ({"train/cat": 3, "train/dog": 3}, "none called test"),
        ({"test/cat": 3, "test/dog": 3}, "none called train"),
        (SPLIT | {"test/bird": 3}, "Nothing to learn from for the class bird"),
        ({"cat": 12, "dog": 3}, "nothing is left to learn from for dog (3)"),
        ({"training/cat": 3, "val/cat": 3}, "call them train and test"),
        ({"Train/cat": 3, "Test/cat": 3}, "call them train and test"),
        ({"pets/train/cat": 3, "pets/test/cat": 3}, "give that folder"),
        ({"": 3}, "no images in class folders"),
        ({"train/cat": 0, "test/cat": 0}, "no images in class folders"),
    ],
)
def test_what_stops_training_is_one_sentence(tmp_path: Path, counts: dict[str, int], words: str) -> None:
    if os.path.normcase("A") == "a" and "Train/cat" in counts:
        pytest.skip("this file system does not tell Train from train")
    assert words in only_error(inspect_folders([fill(tmp_path, counts)]))


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (SPLIT | {"train/bird": 3}, "The test split has no image of bird"),
        (SPLIT | {"train/dog": 30}, "The largest class has 30 training images and the smallest 3"),
    ],
)
def test_what_is_worth_knowing_does_not_stop_training(tmp_path: Path, counts: dict[str, int], words: str) -> None:
    found = inspect_folders([fill(tmp_path, counts)])
    assert not found.errors
    assert words in found.warnings[0] and len(found.warnings) == 1


def test_a_picture_in_both_splits_is_told(tmp_path: Path) -> None:
    fill(tmp_path, SPLIT)
    (tmp_path / "test" / "cat" / "again.png").write_bytes((tmp_path / "train" / "dog" / "1.png").read_bytes())
    [sentence] = inspect_folders([tmp_path]).warnings
    assert "In both splits" in sentence and "1.png" in sentence


def test_files_that_are_no_pictures_by_name_are_counted(tmp_path: Path) -> None:
    fill(tmp_path, SPLIT)
    for name in ("a.heic", "b.heic", "notes.txt", "Thumbs.db", ".DS_Store"):
        (tmp_path / "train" / "cat" / name).write_bytes(b"x")
    [sentence] = inspect_folders([tmp_path]).warnings
    assert sentence.startswith("3 files") and "2 .heic" in sentence and "1 .txt" in sentence


def test_a_path_that_is_no_folder(tmp_path: Path) -> None:
    assert "There is no folder" in only_error(inspect_folders([tmp_path / "nowhere"]))
    (tmp_path / "file.zip").write_bytes(b"x")
    assert "is a file" in only_error(inspect_folders([tmp_path / "file.zip"]))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="may read everything")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    locked = fill(tmp_path / "locked", SPLIT)
    locked.chmod(0)
    try:
        assert "may not be read" in only_error(inspect_folders([locked]))
    finally:
        locked.chmod(0o755)


def test_a_refused_permission_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As above, for those who may read everything: the system's own error, raised by hand."""
    fill(tmp_path, SPLIT)

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert "may not be read by this program" in only_error(inspect_folders([tmp_path]))


def test_too_many_pictures_are_counted_but_not_opened(tmp_path: Path) -> None:
    fill(tmp_path, SPLIT)
    (tmp_path / "train" / "cat" / "text.jpg").write_text("I am no picture")
    found = inspect_folders([tmp_path], most_opened=5)
    assert not found.is_opened and not found.broken and found.total("train") == 7
    assert inspect_folders([tmp_path], most_opened=100).is_opened
