"""Download one file over HTTP: retry, resume, and accept only the pinned hash.

The bytes received so far are stored in `<file>.partial`, across runs, and the version of the file
that they belong to in `<file>.partial.json`. The file itself appears only when it is complete and
has the pinned hash.
"""

import hashlib
import json
import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from movierec.core.addresses import masked
from movierec.core.checksums import Pin, check_room
from movierec.datasets.transfer_errors import DownloadError, explained

PIECE = 1 << 15  # bytes read at once, which is also the loss when a connection breaks
TRANSIENT = {408, 425, 429, 500, 502, 503, 504}  # statuses worth another attempt


@dataclass(frozen=True)
class Patience:
    """Time limits, in seconds: for a connection, for the next bytes, and pauses after failures."""

    connect: float = 10
    stall: float = 60
    pauses: tuple[float, ...] = (1, 2, 4, 8, 16)
    max_pause: float = 120  # of those that servers ask for
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Watch:
    """Callbacks of a download.

    say: gets lines for the terminal. moved: gets the number of bytes received and the total.
    found: gets the path of the file in the end.
    """

    say: Callable[[str], object] = lambda line: None
    moved: Callable[[int, int], object] = lambda done, total: None
    found: Callable[[Path], object] = lambda path: None


@dataclass(frozen=True)
class Partial:
    """The bytes of a file received so far, and the version of the file they belong to."""

    target: Path

    @property
    def path(self) -> Path:
        return self.target.with_name(f"{self.target.name}.partial")

    @property
    def origin(self) -> Path:
        return self.target.with_name(f"{self.target.name}.partial.json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def version(self, url: str) -> str | None:
        """The ETag or date of the partial file, if it was downloaded from this address."""
        try:
            origin = json.loads(self.origin.read_text(encoding="utf-8"))
            return str(origin["version"]) if origin["url"] == masked(url) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def digest(self, algorithm: str) -> "hashlib._Hash":
        """The hash of the partial file, to be updated with the bytes that follow."""
        if not self.path.exists():
            return hashlib.new(algorithm)
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, algorithm)

    def begin(self, url: str, version: str | None) -> None:
        """Start again from the first byte."""
        self.drop()
        if version:
            text = json.dumps({"url": masked(url), "version": version})
            self.origin.write_text(text + "\n", encoding="utf-8")

    def finish(self) -> None:
        self.path.replace(self.target)
        self.origin.unlink(missing_ok=True)

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self.origin.unlink(missing_ok=True)


def download(url: str, target: Path, pin: Pin, watch: Watch, patience: Patience) -> None:
    """Download the pinned file, resuming what an earlier call, or another address, has left.

    Raises DownloadError after too many failures in a row; the count starts again at 1 when bytes
    have arrived in between.
    """
    partial = Partial(target)
    check_room(target.parent, pin.size - partial.size)
    largest, failures, n_by_limit = partial.size, 0, Counter[float]()
    with _Session() as session:
        while True:
            try:
                _try(session, url, partial, pin, watch, patience)
                return
            except DownloadError as error:
                failures = 1 if partial.size > largest else failures + 1
                largest = max(largest, partial.size)
                n_by_limit[error.max_tries] += 1
                if (
                    failures > len(patience.pauses)
                    or n_by_limit[error.max_tries] >= error.max_tries
                ):
                    raise
                pause = max(patience.pauses[failures - 1], min(error.pause, patience.max_pause))
                watch.say(f"{masked(url)}: {error}; trying again in {pause:g} s")
                patience.sleep(pause)


def _try(
    session: requests.Session,
    url: str,
    partial: Partial,
    pin: Pin,
    watch: Watch,
    patience: Patience,
) -> None:
    """Download the missing bytes, hashing them, and finish if the complete file has the hash."""
    digest = partial.digest(pin.algorithm)
    if partial.size < pin.size:
        limits = patience.connect, patience.stall
        with explained(*limits), _request(session, url, partial, limits) as response:
            if not _resumes(response, partial, pin.size):
                partial.begin(url, _version(response))
                digest = partial.digest(pin.algorithm)
            for done, piece in _received(response, partial, pin.size):
                digest.update(piece)
                watch.moved(done, pin.size)
        _check_size(partial, pin.size)
    if (actual := digest.hexdigest()) != pin.digest:
        partial.drop()
        raise DownloadError(
            f"the file received has {pin.algorithm} {actual}, not the pinned one", 2
        )
    partial.finish()


def _request(
    session: requests.Session, url: str, partial: Partial, limits: tuple[float, float]
) -> requests.Response:
    headers = {"Accept-Encoding": "identity"}
    if partial.size:
        headers["Range"] = f"bytes={partial.size}-"
        if version := partial.version(url):
            headers["If-Range"] = version
    return session.get(url, headers=headers, stream=True, timeout=limits)


def _resumes(response: requests.Response, partial: Partial, size: int) -> bool:
    """True if the server sends the missing bytes, False if it sends the file from the start."""
    status = response.status_code
    if status == 416:
        partial.drop()
        raise DownloadError("the server cannot resume the download")
    if status not in (200, 206):
        tries = math.inf if status in TRANSIENT else 1
        raise DownloadError(
            f"the server returned {status} {response.reason}", tries, _asked_pause(response)
        )
    if (encoding := response.headers.get("Content-Encoding", "identity")) != "identity":
        raise DownloadError(f"the server sent it compressed as {encoding}, unasked", 2)
    total = response.headers.get("Content-Length", "")
    if status == 206:
        content_range = response.headers.get("Content-Range", "")
        match = re.fullmatch(r"bytes ([0-9]{1,18})-[0-9]+/([0-9]+|\*)", content_range)
        if not match or int(match[1]) != partial.size:
            partial.drop()
            raise DownloadError("the server sent another range than requested")
        total = match[2]
    if total.isdecimal() and int(total) != size:
        raise DownloadError(
            f"the server's file has {total} bytes, not the {size} in datasets.yaml", 2
        )
    return status == 206


def _received(
    response: requests.Response, partial: Partial, size: int
) -> Iterator[tuple[int, bytes]]:
    """Write the response piece by piece; yield the bytes written so far, and the piece."""
    done = partial.size
    with partial.path.open("ab") as stream:
        for piece in response.iter_content(PIECE):
            stream.write(piece)
            done += len(piece)
            yield done, piece
            if done > size:
                break


def _check_size(partial: Partial, size: int) -> None:
    if partial.size > size:
        partial.drop()
        raise DownloadError(f"the server sent more than the {size} bytes in datasets.yaml", 2)
    if partial.size < size:
        raise DownloadError(f"the connection was lost after {partial.size} of {size} bytes")


def _version(response: requests.Response) -> str | None:
    """The value for If-Range: the ETag unless it is weak, else the date."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified")


def _asked_pause(response: requests.Response) -> float:
    try:
        return urllib3.Retry().get_retry_after(response.raw) or 0
    except urllib3.exceptions.HTTPError:
        return 0


class _Session(requests.Session):
    """A session that follows no redirect from https to http."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target and urlsplit(resp.url).scheme == "https":
            address = urljoin(resp.url, target)
            if urlsplit(address).scheme != "https":
                raise DownloadError(f"the server redirects to {address}, which is not https", 1)
        return target
