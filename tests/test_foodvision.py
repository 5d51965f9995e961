"""FoodVision Mini: fetched from a server of the test's own, checked by what the course says of it."""

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from vit_core.training.data import foodvision
from vit_core.training.data.archive_layout import ArchiveError
from vit_core.training.data.archives import read_record
from vit_core.training.data.foodvision import FOODVISION, FoodVision, fetch
from vit_core.training.data.inspection import inspect_folders
from vit_core.weights.downloads import DownloadError

MINI = FOODVISION["foodvision-10"]
ADDRESS = foodvision.ADDRESS  # the course's own


def course_zip(counts: Mapping[tuple[str, str], int] = MINI.counts, colour: str = "red") -> bytes:
    """A zip laid out as the course's, of pictures of four pixels."""
    picture, buffer = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (2, 2), colour).save(picture, "JPEG")
    with zipfile.ZipFile(buffer, "w") as archive:
        for (split, name), count in counts.items():
            for number in range(count):
                archive.writestr(f"{split}/{name}/{number}.jpg", picture.getvalue() + str(number).encode())
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def _cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VIT_EXPLAINER_CACHE", str(tmp_path))
    monkeypatch.setattr(foodvision, "ADDRESS", "http://127.0.0.1:9/")  # where nobody answers


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """What the server has, by path; to be filled."""
    files: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = files.get(self.path, b"")
            self.send_response(200 if data else 404)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setattr(foodvision, "ADDRESS", f"http://127.0.0.1:{server.server_port}/")
    yield files
    server.shutdown()
    server.server_close()
    thread.join()


def by_hand(data: FoodVision, content: bytes) -> None:
    data.archive.parent.mkdir(parents=True, exist_ok=True)
    data.archive.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "train", "test"),
    [("foodvision-10", [78, 75, 72], [25, 19, 31]), ("foodvision-20", [154, 146, 150], [46, 58, 46])],
)
def test_it_is_fetched_with_progress_and_has_the_courses_numbers(
    served: dict[str, bytes], name: str, train: list[int], test: list[int]
) -> None:
    data = FOODVISION[name]
    served[f"/{data.file}"] = course_zip(data.counts)
    seen: list[tuple[int, int | None]] = []
    folder = fetch(data, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(served[f"/{data.file}"]),) * 2
    assert folder == data.folder
    counts = inspect_folders([folder]).counts
    assert counts == {
        "train": dict(zip(("pizza", "steak", "sushi"), train, strict=True)),
        "test": dict(zip(("pizza", "steak", "sushi"), test, strict=True)),
    }


def test_it_is_fetched_once(served: dict[str, bytes]) -> None:
    served[f"/{MINI.file}"] = course_zip()
    folder = fetch(MINI)
    served.clear()
    assert fetch(MINI) == folder


def test_the_first_download_is_what_later_ones_must_be(served: dict[str, bytes]) -> None:
    first = served[f"/{MINI.file}"] = course_zip()
    fetch(MINI).rename(MINI.folder.with_name("elsewhere"))
    sha256 = hashlib.sha256(first).hexdigest()
    assert MINI.archive.with_name(f"{MINI.file}.sha256").read_text() == f"{sha256}  {MINI.file}\n"

    MINI.archive.unlink()
    served[f"/{MINI.file}"] = course_zip(colour="blue")
    with pytest.raises(DownloadError, match=f"should begin with {sha256[:16]}"):
        fetch(MINI)
    by_hand(MINI, course_zip(colour="blue"))
    with pytest.raises(ArchiveError, match="is not the file that was here first"):
        fetch(MINI)
    assert MINI.archive.exists() and not MINI.folder.exists()

    MINI.archive.unlink()
    served[f"/{MINI.file}"] = first
    assert read_record(fetch(MINI))["sha256"] == sha256


def test_without_a_network_the_sentence_says_what_to_do() -> None:
    with pytest.raises(DownloadError) as caught:
        fetch(MINI)
    message = str(caught.value)
    assert "\n" not in message
    assert MINI.url in message and f"save it as {MINI.archive}" in message
    assert not MINI.folder.exists()


def test_a_zip_put_there_by_hand_needs_no_network() -> None:
    by_hand(MINI, course_zip())
    assert inspect_folders([fetch(MINI)]).total("train") == 225


@pytest.mark.parametrize("content", [b"<html>404</html>", course_zip()[:-100]], ids=["a web page", "half of it"])
def test_what_is_no_zip_is_set_aside_not_lost(content: bytes) -> None:
    by_hand(MINI, content)
    with pytest.raises(ArchiveError, match=r"was renamed pizza_steak_sushi\.zip\.refused"):
        fetch(MINI)
    assert MINI.archive.with_name(MINI.file + ".refused").read_bytes() == content
    assert not MINI.archive.exists() and not MINI.folder.exists()


def test_one_picture_more_or_less_is_another_data_set() -> None:
    by_hand(MINI, course_zip(dict(MINI.counts) | {("test", "sushi"): 30}))
    with pytest.raises(ArchiveError, match="should hold 25 test pizza, 19 test steak, 31 test sushi"):
        fetch(MINI)


def test_a_damaged_picture_is_found() -> None:
    content = bytearray(course_zip())
    content[content.find(b"JFIF") + 20] ^= 0xFF  # CRC
    by_hand(MINI, bytes(content))
    with pytest.raises(ArchiveError, match="damaged"):
        fetch(MINI)


@pytest.mark.network
@pytest.mark.parametrize("name", FOODVISION)
def test_the_courses_own_address(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(foodvision, "ADDRESS", ADDRESS)
    found = inspect_folders([fetch(FOODVISION[name])])
    assert not found.errors and not found.broken
