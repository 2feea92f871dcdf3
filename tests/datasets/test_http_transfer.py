"""Downloads from a failing server end with the correct file, or with one clear line."""

import datetime
import errno
import hashlib
import ipaddress
import json
import random
import shutil
import socket
from collections import namedtuple
from contextlib import suppress
from dataclasses import replace
from itertools import chain

import pytest
import requests
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from movierec.core.checksums import Pin
from movierec.core.errors import MovierecError
from movierec.datasets import http_transfer
from movierec.datasets.http_transfer import Patience, Watch, download
from movierec.datasets.transfer_errors import DownloadError, explained
from tests.helpers.http_server import Answer, serving

CONTENT = random.Random(1).randbytes(5000)
OTHER = random.Random(2).randbytes(5000)
PIN = Pin(len(CONTENT), "sha256", hashlib.sha256(CONTENT).hexdigest())
GOOD = Answer()
HALF = Answer(cut_body=2500)


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    """No proxy, and pieces so small that a tiny file has many."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(http_transfer, "PIECE", 100)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "films.zip"


class Visit:
    """Records the downloads of a test: lines printed, pauses, and progress at each piece."""

    def __init__(self, target):
        self.target, self.said, self.pauses, self.moved = target, [], [], []

    def get(self, url, pin=PIN, **patience):
        watch = Watch(self.said.append, lambda *counts: self.moved.append(counts))
        limits = {"connect": 5, "stall": 0.1, "sleep": self.pauses.append} | patience
        download(url, self.target, pin, watch, Patience(**limits))

    def fails(self, url, **patience):
        with pytest.raises(DownloadError) as caught:
            self.get(url, **patience)
        return str(caught.value)

    @property
    def left(self):
        return sorted(path.name for path in self.target.parent.iterdir())


@pytest.fixture
def visit(target):
    return Visit(target)


# Faults that pass: one request each, and then a good server

PASSING = {
    "none": [],
    "no length": [replace(GOOD, headers={"Content-Length": None})],
    "odd length": [replace(GOOD, headers={"Content-Length": "many"})],
    "chunked": [replace(GOOD, chunked=True)],
    "no ETag": [replace(HALF, etag=None), replace(GOOD, etag=None)],
    "weak ETag": [replace(HALF, etag='W/"one"'), replace(GOOD, etag='W/"one"')],
    "nothing said": [Answer(cut=0)],
    "cut in the status": [Answer(cut=11)],
    "cut in the head": [Answer(cut=60)],
    "cut after the head": [Answer(cut_body=0)],
    "cut after a byte": [Answer(cut_body=1)],
    "cut in the middle": [HALF],
    "cut before the last byte": [Answer(cut_body=4999)],
    "cut twice": [HALF, HALF],
    "cut in a chunk": [Answer(chunked=True, cut_body=2500)],
    "cut before the last chunk": [Answer(chunked=True, cut_body=5006)],
    "cut without a length": [replace(HALF, headers={"Content-Length": None})],
    "cut more often than there are pauses": [Answer(cut_body=450)] * 11,
    "reset at once": [Answer(cut=0, reset=True)],
    "reset in the middle": [replace(HALF, reset=True)],
    "stalled at once": [Answer(cut=0, stall=True)],
    "stalled in the head": [Answer(cut=30, stall=True)],
    "stalled in the middle": [replace(HALF, stall=True)],
    "not HTTP": [Answer(raw=b"\x16\x03\x01 what?\r\n\r\n")],
    "a line without end": [Answer(raw=b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000)],
    "status 408": [Answer(status=408)],
    "status 425": [Answer(status=425)],
    "status 429": [Answer(status=429, headers={"Retry-After": "3"})],
    "status 429 with an odd pause": [Answer(status=429, headers={"Retry-After": "soon"})],
    "status 500": [Answer(status=500)],
    "status 502": [Answer(status=502)],
    "status 503": [Answer(status=503)],
    "status 504": [Answer(status=504)],
    "status 416": [Answer(status=416)],
    "status 416 to a range": [HALF, Answer(status=416)],
    "status 500 to a range": [HALF, Answer(status=500)],
    "status 200 to a range": [HALF, Answer(ranges=False)],
    "status 200 to a range, cut": [HALF, Answer(ranges=False, cut_body=2000)],
    "another part": [HALF, Answer(shift=300)],
    "an earlier part": [HALF, Answer(shift=-300)],
    "a part of another file": [HALF, Answer(content=OTHER)],
    "a part that does not say which": [HALF, Answer(headers={"Content-Range": None})],
    "a part that says it oddly": [HALF, Answer(headers={"Content-Range": "bytes 2500"})],
    "a part of unknown length": [HALF, Answer(headers={"Content-Range": "bytes 2500-4999/*"})],
    "a part of a longer file": [HALF, Answer(headers={"Content-Range": "bytes 2500-4999/9999"})],
    "a part unasked for": [Answer(raw=b"HTTP/1.1 206 OK\r\nContent-Range: bytes 9-9/5000\r\n\r\n")],
    "a version that changed": [Answer(content=OTHER, etag='"two"', cut_body=2500)],
    "length too small": [Answer(headers={"Content-Length": "10"})],
    "length too large": [Answer(headers={"Content-Length": "99999"})],
    "negative length": [Answer(headers={"Content-Length": "-5"})],
    "damaged": [Answer(content=OTHER)],
    "damaged in chunks": [Answer(content=OTHER, chunked=True)],
    "shorter": [Answer(content=CONTENT[:-1])],
    "shorter, in chunks": [Answer(content=CONTENT[:-1], chunked=True)],
    "empty, in chunks": [Answer(content=b"", chunked=True)],
    "longer": [Answer(content=CONTENT + b"x")],
    "longer, in chunks": [Answer(content=CONTENT + b"x" * 999, chunked=True)],
    "a login page": [Answer(content=b"<html>Log in</html>", chunked=True, etag=None)],
    "packed": [Answer(headers={"Content-Encoding": "gzip"})],
    "redirected": [Answer(status=301, headers={"Location": "/there"})],
    "redirected to a cut one": [Answer(status=302, headers={"Location": "/there"}), HALF],
    "redirected after a cut": [HALF, Answer(status=307, headers={"Location": "/there"})],
}


@pytest.mark.parametrize("answers", PASSING.values(), ids=PASSING)
def test_passing_fault(server, visit, answers):
    server.answers = [*answers, GOOD]
    visit.get(server.url)
    assert visit.target.read_bytes() == CONTENT
    assert visit.left == ["films.zip"]
    assert visit.moved[-1] == (5000, 5000)
    assert len(visit.said) == len(visit.pauses)


# Faults that last: every request

LASTING = {
    "cut at the same byte": (Answer(ranges=False, cut_body=2500), "the connection was lost"),
    "nothing said": (Answer(cut=0), "the connection was lost"),
    "reset": (Answer(cut_body=9, reset=True), "the connection was lost"),
    "stalled": (Answer(cut=20, stall=True), "no data for 0.1 s"),
    "not HTTP": (Answer(raw=b"220 mail.example ready\r\n"), "the connection was lost"),
    "status 204": (Answer(status=204), "the server returned 204 No Content"),
    "status 304": (Answer(status=304), "the server returned 304 Not Modified"),
    "status 401": (Answer(status=401), "the server returned 401 Unauthorized"),
    "status 403": (Answer(status=403), "the server returned 403 Forbidden"),
    "status 404": (Answer(status=404), "the server returned 404 Not Found"),
    "status 410": (Answer(status=410), "the server returned 410 Gone"),
    "status 416": (Answer(status=416), "the server cannot resume the download"),
    "status 429": (Answer(status=429), "the server returned 429 Too Many Requests"),
    "status 500": (Answer(status=500), "the server returned 500 Internal Server Error"),
    "status 503": (Answer(status=503), "the server returned 503 Service Unavailable"),
    "status 777": (Answer(status=777), "the server returned 777 Odd"),
    "another part": (
        Answer(raw=b"HTTP/1.1 206 OK\r\nContent-Range: bytes 9-9/5000\r\n\r\nx"),
        "the server sent another range than requested",
    ),
    "damaged": (Answer(content=OTHER), "the file received has sha256 "),
    "damaged, in chunks": (Answer(content=OTHER, chunked=True), "the file received has sha256 "),
    "shorter": (Answer(content=CONTENT[:-1]), "the server's file has 4999 bytes, not the 5000"),
    "shorter, in chunks": (
        Answer(content=CONTENT[:-1], chunked=True, ranges=False),
        "the connection was lost after 4999 of 5000 bytes",
    ),
    "empty": (Answer(content=b""), "the server's file has 0 bytes, not the 5000 in datasets.yaml"),
    "longer": (Answer(content=CONTENT + b"x"), "the server's file has 5001 bytes, not the 5000"),
    "longer, in chunks": (
        Answer(content=CONTENT * 9, chunked=True),
        "the server sent more than the 5000 bytes in datasets.yaml",
    ),
    "length too small": (
        Answer(headers={"Content-Length": "10"}),
        "the server's file has 10 bytes",
    ),
    "length too large": (
        Answer(headers={"Content-Length": "9999"}),
        "the server's file has 9999 bytes",
    ),
    "two lengths": (
        Answer(headers={"Content-Length": "5000, 10"}),
        "Content-Length contained multiple unmatching values (5000, 10)",
    ),
    "packed": (Answer(headers={"Content-Encoding": "br"}), "the server sent it compressed as br"),
    "redirected in a circle": (
        Answer(status=302, headers={"Location": "/films.zip"}),
        "Exceeded 30 redirects.",
    ),
    "redirected nowhere": (Answer(status=302), "the server returned 302 Found"),
    "redirected to a file": (
        Answer(status=302, headers={"Location": "file:///films.zip"}),
        "No connection adapters were found for 'file:///films.zip'",
    ),
    "redirected to no address": (Answer(status=302, headers={"Location": "http://[x"}), "Invalid"),
}


@pytest.mark.parametrize(("answer", "line"), LASTING.values(), ids=LASTING)
def test_lasting_fault(server, visit, answer, line):
    server.answers = [answer]
    found = visit.fails(server.url)
    assert found.startswith(line)
    assert "\n" not in found
    assert "films.zip" not in visit.left


def test_cut_at_any_byte(server, visit):
    content = CONTENT[:150]
    server.content, pin = content, Pin(150, "sha256", hashlib.sha256(content).hexdigest())
    try:
        for cut in range(len(GOOD.message(content, {}))):
            server.answers = [Answer(cut=cut), GOOD]
            visit.get(server.url, pin)
            assert visit.target.read_bytes() == content
            visit.target.unlink()
            assert visit.left == []
    finally:
        server.content = CONTENT


EVERY = [*chain(*PASSING.values()), *(answer for answer, _ in LASTING.values())]


@given(answers=st.lists(st.sampled_from([answer for answer in EVERY if not answer.stall])))
def test_any_faults_in_any_order(running, tmp_path_factory, answers):
    """A wrong file is never accepted."""
    running.answers = [*answers, GOOD]
    visit = Visit(tmp_path_factory.mktemp("any") / "films.zip")
    with suppress(DownloadError):
        visit.get(running.url)
    if visit.target.exists():
        assert visit.target.read_bytes() == CONTENT
        assert visit.left == ["films.zip"]


def test_any_cuts_end_in_the_file(server, visit):
    draw = random.Random(3)
    server.answers = [Answer(cut_body=draw.randrange(200, 900)) for _ in range(20)] + [GOOD]
    visit.get(server.url)
    assert visit.target.read_bytes() == CONTENT


# Going on


def test_it_goes_on_where_it_broke_off_if_the_version_is_the_same(server, visit):
    server.answers = [HALF, GOOD]
    visit.get(server.url)
    first, second = server.asked
    assert "Range" not in first
    assert second["Range"] == "bytes=2500-"
    assert second["If-Range"] == '"one"'
    assert all(asked["Accept-Encoding"] == "identity" for asked in server.asked)
    assert visit.said == [
        f"{server.url}: the connection was lost; trying again in 1 s",
    ]


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        ({"Last-Modified": "Sun, 01 Dec 2019 10:00:00 GMT"}, "Sun, 01 Dec 2019 10:00:00 GMT"),
        ({"ETag": 'W/"one"', "Last-Modified": "then"}, "then"),
        ({}, None),
    ],
    ids=["date", "weak ETag and date", "nothing"],
)
def test_version_without_a_strong_etag(server, visit, headers, version):
    server.answers = [replace(HALF, etag=None, headers=headers), Answer(etag=version)]
    visit.get(server.url)
    assert server.ranges == [None, "bytes=2500-"]
    assert server.asked[1].get("If-Range") == version


def test_a_later_run_goes_on_where_an_earlier_one_was_stopped(server, visit, target):
    def stop(done, total):
        if done >= 1200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(server.url, target, PIN, Watch(moved=stop), Patience())
    assert visit.left == ["films.zip.partial", "films.zip.partial.json"]
    visit.get(server.url)
    assert server.ranges == [None, "bytes=1200-"]
    assert server.asked[1]["If-Range"] == '"one"'
    assert target.read_bytes() == CONTENT


def test_another_address_goes_on_without_a_version(server, visit):
    server.answers = [replace(HALF, etag='"a"'), Answer(status=404), Answer(etag='"b"')]
    assert visit.fails(server.url) == "the server returned 404 Not Found"
    visit.get(server.url + "?mirror")
    assert server.ranges[-1] == "bytes=2500-"
    assert "If-Range" not in server.asked[-1]
    assert visit.target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "answer", [Answer(status=416), Answer(shift=300)], ids=["no part", "another part"]
)
def test_a_server_that_cannot_go_on_is_asked_for_the_whole(server, visit, answer):
    server.answers = [HALF, answer, GOOD]
    visit.get(server.url)
    assert server.ranges == [None, "bytes=2500-", None]


@pytest.mark.parametrize("origin", ["", "{", "[]", "{}", '{"url": 1}'])
def test_a_damaged_note_of_the_version_is_none(server, visit, origin):
    (visit.target.parent / "films.zip.partial").write_bytes(CONTENT[:300])
    (visit.target.parent / "films.zip.partial.json").write_text(origin)
    visit.get(server.url)
    assert "If-Range" not in server.asked[0]
    assert visit.left == ["films.zip"]


@pytest.mark.parametrize(
    ("partial", "ranges"),
    [
        (CONTENT, []),
        (CONTENT[:-1], ["bytes=4999-"]),
        (CONTENT + b"x", [None]),
        (OTHER, [None]),
        (OTHER[:700], ["bytes=700-", None]),
        (b"", [None]),
    ],
    ids=["whole", "nearly whole", "too long", "damaged", "damaged beginning", "empty"],
)
def test_what_an_earlier_run_left(server, visit, partial, ranges):
    (visit.target.parent / "films.zip.partial").write_bytes(partial)
    visit.get(server.url)
    assert server.ranges == ranges
    assert visit.target.read_bytes() == CONTENT
    assert visit.left == ["films.zip"]


# Patience


def test_pauses_grow(server, visit):
    server.answers = [Answer(status=500)]
    visit.fails(server.url)
    assert visit.pauses == [1, 2, 4, 8, 16]
    assert len(server.asked) == 6


def test_new_bytes_renew_patience(server, visit):
    broken = Answer(status=500)
    server.answers = [broken, broken, HALF, broken, GOOD]
    visit.get(server.url)
    assert visit.pauses == [1, 2, 1, 2]


@pytest.mark.parametrize(("asked", "pause"), [("0", 1), ("30", 30), ("86400", 120), ("x", 1)])
def test_a_pause_that_the_server_asks_for(server, visit, asked, pause):
    server.answers = [Answer(status=429, headers={"Retry-After": asked}), GOOD]
    visit.get(server.url)
    assert visit.pauses == [pause]


@pytest.mark.parametrize("cut", [0, 30, 2500], ids=["at once", "in the head", "in the body"])
def test_a_server_that_stalls_is_given_up_in_time(server, visit, cut):
    server.answers = [Answer(cut=cut, stall=True), GOOD]
    visit.get(server.url)
    assert visit.said == [f"{server.url}: no data for 0.1 s; trying again in 1 s"]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_no_second_try_where_none_helps(server, visit, status):
    server.answers = [Answer(status=status)]
    visit.fails(server.url)
    assert visit.pauses == []


def test_a_wrong_file_is_fetched_twice_at_most(server, visit):
    server.answers = [Answer(content=OTHER)]
    visit.fails(server.url)
    assert server.ranges == [None, None]
    assert visit.left == []


def test_too_long_a_file_is_not_fetched_to_its_end(server, visit):
    server.answers = [Answer(content=CONTENT * 100, chunked=True)]
    visit.fails(server.url)
    assert max(visit.moved) == (5100, 5000)


# Before a connection, and without one


def test_full_disk(server, visit, monkeypatch):
    usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(9000, 8000, 1000))
    with pytest.raises(MovierecError, match=r": 0\.0 MB needed, 0\.0 MB free; make room there$"):
        visit.get(server.url)
    (visit.target.parent / "films.zip.partial").write_bytes(CONTENT[:4000])
    visit.get(server.url)
    assert server.ranges == ["bytes=4000-"]


def test_no_server(visit):
    with serving(CONTENT) as server:
        url = server.url
    assert visit.fails(url) == "the server refused the connection"


def test_no_network(visit, monkeypatch):
    def fail(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert visit.fails("http://films.example/films.zip") == "no network, or no such server"


def test_proxy_that_does_not_answer(visit, monkeypatch):
    with serving(CONTENT) as server:
        address = server.url.removesuffix("/films.zip")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("http_proxy", address)
    line = visit.fails("http://films.example/films.zip")
    assert line == "the proxy set in the environment blocked it"


def caused_by(cause):
    error = requests.ConnectionError()
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (requests.ConnectTimeout(), "no answer in 5 s"),
        (caused_by(OSError(errno.ENETUNREACH, "far")), "no network, or no such server"),
        (caused_by(OSError(errno.EPIPE, "broken")), "the connection was lost"),
        (urllib3.exceptions.HTTPError("some\nthing"), "some thing"),
        (ValueError("Invalid IPv6 URL"), "Invalid IPv6 URL"),
    ],
    ids=["no connection in time", "no route", "broken pipe", "of urllib3", "of an address"],
)
def test_an_error_in_words(error, line):
    with pytest.raises(DownloadError) as caught, explained(5, 60):
        raise error
    assert str(caught.value) == line


# Certificates


def certificate(path, days):
    """Write a certificate for loopback and its key, valid from long ago until in so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "films")])
    now = datetime.datetime.now(datetime.UTC)
    loopback = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(900))
    builder = builder.not_valid_after(now + datetime.timedelta(days))
    signed = builder.add_extension(loopback, critical=False).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(signed.public_bytes(pem) + key.private_bytes(pem, *private))
    return str(path)


@pytest.fixture
def secure(tmp_path_factory, monkeypatch):
    """A function that runs a server with a certificate, trusted or not."""

    def run(days=9, trusted=True):
        path = certificate(tmp_path_factory.mktemp("tls") / "films.pem", days)
        if trusted:
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", path)
        return serving(CONTENT, path)

    return run


def test_https(secure, visit):
    with secure() as server:
        server.answers = [HALF, GOOD]
        visit.get(server.url)
    assert visit.target.read_bytes() == CONTENT


def test_expired_certificate(secure, visit):
    with secure(days=-1) as server:
        assert visit.fails(server.url) == "the server's certificate has expired"
    assert visit.pauses == []


def test_certificate_that_nobody_trusts(secure, visit):
    with secure(trusted=False) as server:
        line = visit.fails(server.url)
    assert line.startswith("the server's certificate is not trusted (self")
    assert line.endswith("; see REQUESTS_CA_BUNDLE)")


def test_no_way_from_https_to_http(secure, server, visit):
    with secure() as safe:
        safe.answers = [Answer(status=302, headers={"Location": server.url})]
        line = visit.fails(safe.url)
    assert line == f"the server redirects to {server.url}, which is not https"
    assert server.asked == []


def test_a_way_from_http_to_https(secure, server, visit):
    with secure() as safe:
        server.answers = [Answer(status=302, headers={"Location": safe.url})]
        visit.get(server.url)
    assert visit.target.read_bytes() == CONTENT


def test_note_of_the_version(server, visit):
    server.answers = [HALF, Answer(status=404)]
    visit.fails(server.url)
    note = json.loads((visit.target.parent / "films.zip.partial.json").read_text("utf-8"))
    assert note == {"url": server.url, "version": '"one"'}
