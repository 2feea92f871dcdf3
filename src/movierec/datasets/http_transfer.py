"""One download that survives a bad line: it goes on where it broke off, and trusts only a hash.

What has come lies in `<file>.partial` and outlives the process; beside it, as JSON, which version
of the file it is part of. The file itself appears only whole, and with the hash that is pinned.
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

from movierec.core.checksums import Pin, check_room
from movierec.datasets.transfer_errors import DownloadError, explained

PIECE = 1 << 15  # bytes read at once: what is lost when a connection breaks off
PASSING = {408, 425, 429, 500, 502, 503, 504}  # statuses that may be others at the next try


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds: for a connection, for the next bytes, between failures."""

    connect: float = 10
    stall: float = 60
    pauses: tuple[float, ...] = (1, 2, 4, 8, 16)
    longest: float = 120  # of the pauses that servers ask for
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Watch:
    """Whom to tell how it goes: in lines, by how many bytes have come of how many, and at the end
    by where the file was found."""

    say: Callable[[str], object] = lambda line: None
    moved: Callable[[int, int], object] = lambda done, total: None
    found: Callable[[Path], object] = lambda path: None


@dataclass(frozen=True)
class Partial:
    """What has come of a file, and of which version of it."""

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
        """The ETag or date of what has come, if it came from this address."""
        try:
            origin = json.loads(self.origin.read_text(encoding="utf-8"))
            return str(origin["version"]) if origin["url"] == url else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def digest(self, algorithm: str) -> "hashlib._Hash":
        """The hash of what has come, which can be updated by what comes."""
        if not self.path.exists():
            return hashlib.new(algorithm)
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, algorithm)

    def begin(self, url: str, version: str | None) -> None:
        """Start anew."""
        self.drop()
        if version:
            text = json.dumps({"url": url, "version": version})
            self.origin.write_text(text + "\n", encoding="utf-8")

    def finish(self) -> None:
        self.path.replace(self.target)
        self.origin.unlink(missing_ok=True)

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self.origin.unlink(missing_ok=True)


def download(url: str, target: Path, pin: Pin, watch: Watch, patience: Patience) -> None:
    """Fetch the pinned file; go on from what an earlier call, or another address, has left.

    Raises DownloadError when patience is at its end. When new bytes have come, it begins anew.
    """
    partial = Partial(target)
    check_room(target.parent, pin.size - partial.size)
    furthest, failures, happened = partial.size, 0, Counter[float]()
    with _Session() as session:
        while True:
            try:
                _try(session, url, partial, pin, watch, patience)
                return
            except DownloadError as fault:
                failures = 1 if partial.size > furthest else failures + 1
                furthest = max(furthest, partial.size)
                happened[fault.tries] += 1
                if failures > len(patience.pauses) or happened[fault.tries] >= fault.tries:
                    raise
                pause = max(patience.pauses[failures - 1], min(fault.pause, patience.longest))
                watch.say(f"{url}: {fault}; trying again in {pause:g} s")
                patience.sleep(pause)


def _try(
    session: requests.Session,
    url: str,
    partial: Partial,
    pin: Pin,
    watch: Watch,
    patience: Patience,
) -> None:
    """Get what is missing, hash it as it comes, and finish if the whole is right."""
    digest = partial.digest(pin.algorithm)
    if partial.size < pin.size:
        limits = patience.connect, patience.stall
        with explained(*limits), _request(session, url, partial, limits) as response:
            if not _goes_on(response, partial, pin.size):
                partial.begin(url, _version(response))
                digest = partial.digest(pin.algorithm)
            for done, piece in _received(response, partial, pin.size):
                digest.update(piece)
                watch.moved(done, pin.size)
        _check_size(partial, pin.size)
    if (found := digest.hexdigest()) != pin.digest:
        partial.drop()
        raise DownloadError(f"the {pin.algorithm} of what came is {found}, not the pinned one", 2)
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


def _goes_on(response: requests.Response, partial: Partial, size: int) -> bool:
    """True if the server sends what is missing, False if it sends the whole file."""
    status = response.status_code
    if status == 416:
        partial.drop()
        raise DownloadError("the server cannot go on from where it broke off")
    if status not in (200, 206):
        tries = math.inf if status in PASSING else 1
        raise DownloadError(
            f"the server says {status} {response.reason}", tries, _asked_pause(response)
        )
    if (encoding := response.headers.get("Content-Encoding", "identity")) != "identity":
        raise DownloadError(f"the server sends it packed as {encoding}, unasked", 2)
    total = response.headers.get("Content-Length", "")
    if status == 206:
        part = response.headers.get("Content-Range", "")
        found = re.fullmatch(r"bytes ([0-9]{1,18})-[0-9]+/([0-9]+|\*)", part)
        if not found or int(found[1]) != partial.size:
            partial.drop()
            raise DownloadError("the server sends another part than it was asked for")
        total = found[2]
    if total.isdecimal() and int(total) != size:
        raise DownloadError(f"the server has {total} bytes, not the {size} of datasets.yaml", 2)
    return status == 206


def _received(
    response: requests.Response, partial: Partial, size: int
) -> Iterator[tuple[int, bytes]]:
    """Write what comes, piece by piece, and yield each with the number of bytes up to its end."""
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
        raise DownloadError(f"the server sends more than the {size} bytes of datasets.yaml", 2)
    if partial.size < size:
        raise DownloadError(f"the connection broke off at {partial.size} of {size} bytes")


def _version(response: requests.Response) -> str | None:
    """What If-Range may name: the ETag unless it is weak, else the date."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified")


def _asked_pause(response: requests.Response) -> float:
    try:
        return urllib3.Retry().get_retry_after(response.raw) or 0
    except urllib3.exceptions.HTTPError:
        return 0


class _Session(requests.Session):
    """A session that no redirect leads from https to http."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target and urlsplit(resp.url).scheme == "https":
            address = urljoin(resp.url, target)
            if urlsplit(address).scheme != "https":
                raise DownloadError(f"the server leads on to {address}, which is not https", 1)
        return target
