"""Downloads from a server on this machine: resumed, checked, whole or not at all, one at a time."""

import base64
import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from vit_core.weights.downloads import DownloadError, cache_folder, download

DATA = bytes(range(256)) * 4096  # 1 MiB, four chunks
SHA256 = hashlib.sha256(DATA).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves ``data``; told to break off, to ignore ranges, to send other headers or to redirect."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.data = DATA
        self.requests: list[dict[str, str]] = []
        self.breaks: list[int] = []  # after how many bytes to hang up, request by request
        self.ranges = True
        self.etag = '"one"'
        self.headers: dict[str, str] = {}
        self.redirect = ""
        self.redirect_headers: dict[str, str] = {}
        self.status = 200
        self.wait: threading.Event | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/weights.bin"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_GET(self) -> None:
        server = self.server
        server.requests.append(dict(self.headers))
        if server.redirect and self.path != "/moved":
            return self.answer(302, {"Location": server.redirect} | server.redirect_headers)
        if server.status != 200:
            return self.answer(server.status, {})
        data, status, headers = server.data, 200, {"ETag": server.etag}
        wanted = self.headers.get("Range")
        if wanted and server.ranges and self.headers.get("If-Range", server.etag) == server.etag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(data):
                return self.answer(416, {"Content-Range": f"bytes */{len(data)}"})
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            data, status = data[start:], 206
        self.answer(status, headers | server.headers | {"Content-Length": str(len(data))})
        if server.wait:
            self.wfile.write(data[:1000])
            server.wait.wait(10)
            data = data[1000:]
        self.wfile.write(data[: server.breaks.pop(0)] if server.breaks else data)

    def answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def left_behind(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"weights.bin.lock"}


def test_the_file_arrives_with_its_progress(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    path = download(server.url, tmp_path / "new" / "weights.bin", SHA256, lambda *at: seen.append(at))
    assert path.read_bytes() == DATA
    assert seen == sorted(seen)
    assert seen[-1] == (len(DATA), len(DATA))
    assert left_behind(path.parent) == {"weights.bin"}
    download(server.url, path, SHA256)
    assert len(server.requests) == 1  # the second time it is here


def test_a_bar_is_seen_where_nobody_asks_for_the_progress(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    download(server.url, tmp_path / "weights.bin", SHA256)
    lines = capsys.readouterr().err.split("\r")[1:]
    assert [line.count("#") for line in lines] == [30 * part // 4 for part in (1, 2, 3, 4)]  # four chunks of a quarter
    assert lines[-1] == f"weights.bin [{'#' * 30}] 100 % of 1 MB\n"
    download(server.url, tmp_path / "other.bin", SHA256, lambda *_: None)
    download(server.url, tmp_path / "weights.bin", SHA256)  # it is here: nothing to show
    assert capsys.readouterr().err == ""


def test_interrupted_in_the_middle_and_resumed(server: Server, tmp_path: Path) -> None:
    server.breaks = [300_000, 0]  # then a server that sends nothing, so that the first call gives up
    path = tmp_path / "weights.bin"
    with pytest.raises(DownloadError, match=r"weights.bin could not be downloaded .*try again, or fetch .*save it as"):
        download(server.url, path, SHA256)
    assert not path.exists()
    assert path.with_name("weights.bin.part").read_bytes() == DATA[:300_000]
    seen: list[int] = []
    assert download(server.url, path, SHA256, lambda done, total: seen.append(done)).read_bytes() == DATA
    assert server.requests[-1]["Range"] == "bytes=300000-"
    assert seen[0] > 300_000
    assert left_behind(tmp_path) == {"weights.bin"}


def test_goes_on_by_itself_while_something_comes(server: Server, tmp_path: Path) -> None:
    server.breaks = [300_000, 300_000, 300_000]
    assert download(server.url, tmp_path / "weights.bin", SHA256).read_bytes() == DATA
    assert [request.get("Range") for request in server.requests] == [
        None,
        "bytes=300000-",
        "bytes=600000-",
        "bytes=900000-",
    ]


def test_a_server_without_ranges_begins_again(server: Server, tmp_path: Path) -> None:
    server.ranges, server.breaks = False, [300_000, 300_000]
    path = tmp_path / "weights.bin"
    with pytest.raises(DownloadError):
        download(server.url, path, SHA256)
    assert download(server.url, path, SHA256).read_bytes() == DATA


def test_a_file_that_changed_meanwhile_begins_again(server: Server, tmp_path: Path) -> None:
    server.breaks = [300_000, 0]
    path = tmp_path / "weights.bin"
    with pytest.raises(DownloadError):
        download(server.url, path)
    server.data, server.etag = DATA[::-1], '"two"'
    assert download(server.url, path).read_bytes() == DATA[::-1]


def test_a_part_that_was_whole_is_only_checked(server: Server, tmp_path: Path) -> None:
    tmp_path.joinpath("weights.bin.part").write_bytes(DATA)
    assert download(server.url, tmp_path / "weights.bin", SHA256).read_bytes() == DATA
    assert [request["Range"] for request in server.requests] == [f"bytes={len(DATA)}-"]


def test_a_part_longer_than_the_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    tmp_path.joinpath("weights.bin.part").write_bytes(DATA + b"more")
    assert download(server.url, tmp_path / "weights.bin", SHA256).read_bytes() == DATA


@pytest.mark.parametrize("digits", [64, 8])
def test_another_file_than_the_published_one_never_arrives(server: Server, tmp_path: Path, digits: int) -> None:
    server.data = DATA[:-1] + b"\0"
    path = tmp_path / "weights.bin"
    with pytest.raises(DownloadError, match=f"SHA256 should begin with {SHA256[:8]}.*it was deleted"):
        download(server.url, path, SHA256[:digits])
    assert left_behind(tmp_path) == set()
    server.data = DATA
    assert download(server.url, path, SHA256[:digits]).read_bytes() == DATA


def test_a_part_with_wrong_bytes_never_arrives(server: Server, tmp_path: Path) -> None:
    tmp_path.joinpath("weights.bin.part").write_bytes(b"\0" * 300_000)
    with pytest.raises(DownloadError, match="not the published file"):
        download(server.url, tmp_path / "weights.bin", SHA256)
    assert left_behind(tmp_path) == set()


def test_the_digest_that_the_server_states_is_checked(server: Server, tmp_path: Path) -> None:
    md5 = base64.b64encode(hashlib.md5(DATA).digest()).decode()
    server.headers = {"x-goog-hash": f"crc32c=AAAAAA==,md5={md5}"}  # as Google storage says it
    assert download(server.url, tmp_path / "good").read_bytes() == DATA
    server.data = DATA[::-1]
    with pytest.raises(DownloadError, match="MD5"):
        download(server.url, tmp_path / "bad")


def test_the_digest_that_a_redirect_states_is_checked(server: Server, tmp_path: Path) -> None:
    server.redirect = server.url.replace("weights.bin", "moved")
    server.redirect_headers = {"X-Linked-Etag": f'"{SHA256}"'}  # as Hugging Face says it
    assert download(server.url, tmp_path / "good").read_bytes() == DATA
    server.data = DATA[::-1]
    with pytest.raises(DownloadError, match="SHA256"):
        download(server.url, tmp_path / "bad")


def test_many_that_want_the_same_file_download_it_once(server: Server, tmp_path: Path) -> None:
    server.wait = threading.Event()
    path, found, seen = tmp_path / "weights.bin", [], []

    def want() -> None:
        found.append(download(server.url, path, SHA256, lambda *at: seen.append(at)).read_bytes() == DATA)

    threads = [threading.Thread(target=want) for _ in range(4)]
    for thread in threads:
        thread.start()
    server.wait.set()
    for thread in threads:
        thread.join(20)
    assert found == [True] * 4
    assert len(server.requests) == 1


def test_stopping_in_the_middle_keeps_what_came(server: Server, tmp_path: Path) -> None:
    def stop(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(server.url, tmp_path / "weights.bin", SHA256, stop)
    assert not (tmp_path / "weights.bin").exists()
    assert download(server.url, tmp_path / "weights.bin", SHA256).read_bytes() == DATA
    assert int(server.requests[-1]["Range"].removeprefix("bytes=").removesuffix("-")) > 0


def test_without_a_network_the_message_says_which_file_to_put_where(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    url = "http://127.0.0.1:9/weights.bin"  # the discard port: nothing listens
    with pytest.raises(DownloadError) as caught:
        download(url, path)
    message = str(caught.value)
    assert "no connection" in message
    assert url in message
    assert f"save it as {path}" in message


def test_what_the_server_answered_is_said(server: Server, tmp_path: Path) -> None:
    server.status = 404
    with pytest.raises(DownloadError, match="the server answered 404 Not Found"):
        download(server.url, tmp_path / "weights.bin")


@pytest.mark.parametrize("url", ["http://example.com/a", "file:///etc/passwd", "ftp://example.com/a"])
def test_only_https(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="only https downloads are allowed"):
        download(url, tmp_path / "a")


def test_a_redirect_to_http_is_refused(server: Server, tmp_path: Path) -> None:
    server.redirect = "http://example.com/weights.bin"
    with pytest.raises(ValueError, match="only https"):
        download(server.url, tmp_path / "weights.bin")


def test_no_room(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(DownloadError, match=r"needs 1 MB on the disk, and 0 MB may be used.*VIT_EXPLAINER_CACHE"):
        download(server.url, tmp_path / "weights.bin")


def test_the_cache_is_where_the_variable_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VIT_EXPLAINER_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("VIT_EXPLAINER_CACHE")
    assert cache_folder().name in ("vit-explainer", "Cache")
