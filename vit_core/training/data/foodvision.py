"""FoodVision Mini: pizza, steak and sushi from Food-101, as the course "Learn PyTorch for Deep Learning" cut it.

The course's repository publishes no checksum for its two zips, so these are the checks that are possible. At every
unpacking: the CRC of every file in the zip, and exactly the number of pictures of each class and split that the course
has. At the first download: the file's SHA-256 is written next to it, and any later download must have the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import MappingProxyType

from vit_core.training.data.archive_layout import ArchiveError
from vit_core.training.data.archives import digest, pictures_folder, unpack
from vit_core.weights.downloads import Progress, cache_folder, download

ADDRESS = "https://github.com/mrdbourke/pytorch-deep-learning/raw/main/data/"


@dataclass(frozen=True)
class FoodVision:
    """One of the two sizes of the data set."""

    name: str
    title: str
    file: str
    copy_bytes: int  # of the copy in another public repository
    counts: Mapping[tuple[str, str], int]  # pictures by split and class

    @property
    def url(self) -> str:
        """Where the course keeps it."""
        return ADDRESS + self.file

    @property
    def archive(self) -> Path:
        """Where the zip is downloaded to; it may be put there by hand as well."""
        return cache_folder() / "foodvision" / self.file

    @property
    def folder(self) -> Path:
        """Where its pictures are, if they are here."""
        return pictures_folder() / self.name


def _counts(train: tuple[int, int, int], test: tuple[int, int, int]) -> dict[tuple[str, str], int]:
    places = product(("train", "test"), ("pizza", "steak", "sushi"))
    return dict(zip(places, (*train, *test), strict=True))


_TENTH = _counts((78, 75, 72), (25, 19, 31))
_FIFTH = _counts((154, 146, 150), (46, 58, 46))
FOODVISION: Mapping[str, FoodVision] = MappingProxyType(
    {
        name: FoodVision(name, title, file, copy_bytes, counts)
        for name, title, file, copy_bytes, counts in (
            ("foodvision-10", "FoodVision Mini, 10 %", "pizza_steak_sushi.zip", 15_737_296, _TENTH),
            ("foodvision-20", "FoodVision Mini, 20 %", "pizza_steak_sushi_20_percent.zip", 31_491_084, _FIFTH),
        )
    }
)


def fetch(data: FoodVision, on_progress: Progress | None = None) -> Path:
    """The folder of the pictures; downloaded, checked and unpacked unless it is here.

    Raises:
        vit_core.weights.downloads.DownloadError: without a connection; the sentence says where to put the zip by hand.
        ArchiveError: if the zip is not this data set; it is renamed, so that the next try downloads it anew.
        OSError: if there is no room.
    """
    if data.folder.is_dir():
        return data.folder
    recorded = data.archive.with_name(data.file + ".sha256")
    download(data.url, data.archive, sha256=_first_word(recorded), on_progress=on_progress)
    sha256 = digest(data.archive)
    if (first := _first_word(recorded)) and first != sha256:
        raise ArchiveError(
            f"{data.archive} is not the file that was here first: its SHA-256 should begin with {first[:16]}, got "
            f"{sha256[:16]}; if the course has a new version, delete {recorded} and try again"
        )
    try:
        folder = unpack(data.archive, data.folder, expected=data.counts, title=data.title)
    except ArchiveError as error:
        aside = data.archive.replace(data.archive.with_name(data.file + ".refused")).name
        raise ArchiveError(f"{data.file} is not what the course describes and was renamed {aside}: {error}") from error
    if not first:
        recorded.write_text(f"{sha256}  {data.file}\n", encoding="utf-8")  # as sha256sum writes and reads it
    return folder


def _first_word(path: Path) -> str:
    return path.read_text(encoding="utf-8").split(maxsplit=1)[0] if path.is_file() else ""
