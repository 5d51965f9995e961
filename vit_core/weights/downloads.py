"""Files from the web into a cache: resumed after an interruption, checked, and put in place only when whole."""

import base64
import hashlib
import http.client
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from vit_core.allowance import WEIGHTS, NotAllowedError, allow_disk

Progress = Callable[[int, int | None], None]  # bytes that are here, bytes in all if the server says

CACHE_VARIABLE = "VIT_EXPLAINER_CACHE"
CHUNK = 1 << 18
TIMEOUT = 30.0  # seconds without a byte
WIDTH = 30  # characters of the bar


class DownloadError(OSError):
    """A file that could not be had; the message says why, and where to put it by hand."""


class _Interrupted(Exception):
    """The connection ended before the file did."""


def cache_folder() -> Path:
    """Where downloads are kept: ``VIT_EXPLAINER_CACHE``, or this platform's folder for caches."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "vit-explainer" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "vit-explainer"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "vit-explainer"


def download(url: str, path: Path, sha256: str = "", on_progress: Progress | None = None) -> Path:
    """``path``, downloaded from ``url`` unless it is there already.

    ``sha256`` may be the first digits only, as torchvision puts them into file names. Without it the file is checked
    against the digest that the server states (Hugging Face: SHA-256, Google storage: MD5), if it states one. Of
    several threads or processes that want the same file, one downloads and the others wait. Without ``on_progress`` a
    bar on standard error shows how far it is.

    Raises:
        DownloadError: if there is no connection, no space, or the bytes are not those that were published.
        ValueError: if ``url`` is not https.
    """
    _check_url(url)
    if path.is_file():
        return path
    bar = ProgressBar(path.name)
    on_progress = on_progress or bar
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _lock(path, on_progress):
            if not path.is_file():  # somebody else may have finished it while this one waited
                _fetch(url, path, sha256, on_progress)
    except (_Interrupted, http.client.HTTPException, OSError) as error:
        if isinstance(error, DownloadError):
            raise
        raise DownloadError(
            f"{path.name} could not be downloaded ({_reason(error)}); try again, or fetch {url} by other means "
            f"and save it as {path}"
        ) from error
    finally:
        bar.close()
    return path


def _lock(path: Path, on_progress: Progress) -> Any:
    """The lock of one file, held until the end of the ``with``; while waiting, the other's progress is shown."""
    lock = FileLock(_beside(path, ".lock"))
    while True:
        try:
            return lock.acquire(timeout=0.5)
        except Timeout:
            if (part := _beside(path, ".part")).is_file():
                on_progress(part.stat().st_size, None)


def _fetch(url: str, path: Path, sha256: str, on_progress: Progress) -> None:
    """Download into the part file, as often as there is progress; check; rename."""
    part, tag = _beside(path, ".part"), _beside(path, ".etag")
    while True:
        before = _size(part)
        try:
            stated = _receive(url, part, tag, on_progress)
            break
        except (_Interrupted, http.client.HTTPException, ConnectionError, TimeoutError):
            if _size(part) <= before:
                raise  # the server sends nothing more: what is here stays for the next try
    try:
        _check_digest(part, path, sha256, stated)
    except DownloadError:
        part.unlink()
        raise
    finally:
        tag.unlink(missing_ok=True)
    part.replace(path)


def _receive(url: str, part: Path, tag: Path, on_progress: Progress) -> dict[str, str]:
    """Append to the part file what is missing, as far as the connection holds; the digests that the server stated."""
    start = _size(part)
    request = urllib.request.Request(url, headers={"User-Agent": "vit-explainer", "Accept-Encoding": "identity"})
    if start:
        request.add_header("Range", f"bytes={start}-")
        if tag.is_file():  # continue only if it is still the same file
            request.add_header("If-Range", tag.read_text())
    redirects = _SecureRedirects()
    try:
        response = urllib.request.build_opener(redirects).open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 416 or not start:
            raise
        if error.headers.get("Content-Range") == f"bytes */{start}":  # it was whole already
            return _stated_digests([*redirects.headers, error.headers])
        part.unlink()  # the file has changed since: begin again
        return _receive(url, part, tag, on_progress)
    with response:
        if response.status != 206 or not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            start = 0  # the server sends the whole file
        length = response.headers.get("Content-Length")
        done, total = start, start + int(length) if length else None
        _check_space(part, total and total - start)
        etag = response.headers.get("ETag", "")
        tag.write_text(etag) if etag.startswith('"') else tag.unlink(missing_ok=True)  # a weak one cannot resume
        with part.open("ab" if start else "wb") as file:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                done += len(chunk)
                on_progress(done, total)
    if total is not None and done < total:
        raise _Interrupted(f"the connection ended after {done / 1e6:.1f} of {total / 1e6:.1f} MB")
    return _stated_digests([*redirects.headers, response.headers])


class ProgressBar:
    """How far a download is, as a line on standard error that is redrawn at every whole percent."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._shown = ""

    def __call__(self, done: int, total: int | None) -> None:
        """Show how far it is; without a total only the megabytes are shown."""
        if total:
            percent = 100 * done // total
            filled = WIDTH * done // total
            line = f"{self.name} [{'#' * filled}{'.' * (WIDTH - filled)}] {percent:3d} % of {total / 1e6:,.0f} MB"
        else:
            line = f"{self.name} {done / 1e6:,.0f} MB"
        if line != self._shown:
            sys.stderr.write(f"\r{line}")
            sys.stderr.flush()
            self._shown = line

    def close(self) -> None:
        """End the line, if there is one."""
        if self._shown:
            sys.stderr.write("\n")
            self._shown = ""


class _SecureRedirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects to https only, and keep the headers on the way: Hugging Face states the digest there."""

    def __init__(self) -> None:
        self.headers: list[Message] = []

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """The next request, with the range of the first."""
        _check_url(newurl)
        self.headers.append(headers)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _stated_digests(headers: list[Message]) -> dict[str, str]:
    """The digests that the server states, by the name of the algorithm."""
    stated = {}
    for message in headers:
        for value in message.get_all("x-goog-hash") or []:
            if found := re.search(r"md5=([A-Za-z0-9+/=]{24})", value):
                stated["md5"] = base64.b64decode(found[1]).hex()
        if found := re.fullmatch(r'"?([0-9a-f]{64})"?', message.get("X-Linked-Etag", "")):
            stated["sha256"] = found[1]
    return stated


def _check_digest(part: Path, path: Path, sha256: str, stated: dict[str, str]) -> None:
    for algorithm, expected in ({"sha256": sha256} if sha256 else stated).items():
        with part.open("rb") as file:
            got = hashlib.file_digest(file, algorithm).hexdigest()
        if not got.startswith(expected):
            raise DownloadError(
                f"{path.name} is not the published file: its {algorithm.upper()} should begin with {expected[:16]}, "
                f"got {got[:16]}; it was deleted, try again"
            )


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1"):
        return  # this machine itself
    if parts.scheme != "https":
        raise ValueError(f"only https downloads are allowed, got {url}")


def _check_space(part: Path, needed: int | None) -> None:
    """Weights lie in the cache itself and have a quota; what lies elsewhere is only asked to leave the disk free."""
    if not needed:
        return
    is_weights = part.parent == cache_folder()
    kept = sum(file.stat().st_size for file in part.parent.iterdir() if file.is_file()) if is_weights else 0
    try:
        allow_disk(part.stem, needed, part.parent, WEIGHTS if is_weights else None, kept)
    except NotAllowedError as error:
        raise DownloadError(f"{error}, or set {CACHE_VARIABLE} to another folder") from None


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return f"no connection: {error.reason}"
    return str(error) or type(error).__name__


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
