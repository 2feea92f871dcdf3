"""An HTTP server on loopback that fails as configured, with one answer for each request."""

import re
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ETAG = '"one"'


@dataclass(frozen=True)
class Answer:
    """How to answer a request. By default: correctly, with support for ranges.

    status: send this status without a body. content: send this instead of the server's content.
    etag: of the content (None: no such header). ranges: whether to respect Range. shift: by how
    much to miss the requested range. headers: to add or replace (None: omit). cut, cut_body: end
    the connection after so many bytes, or so many bytes of the body; reset, stall: reset the
    connection, or stall, instead. raw: send only these bytes.
    """

    status: int | None = None
    content: bytes | None = None
    etag: str | None = ETAG
    ranges: bool = True
    shift: int = 0
    headers: dict[str, str | None] = field(default_factory=dict)
    chunked: bool = False
    cut: int | None = None
    cut_body: int | None = None
    reset: bool = False
    stall: bool = False
    raw: bytes | None = None

    def message(self, content: bytes, asked: dict[str, str]) -> bytes:
        """The head and body of the answer to a request with these headers."""
        if self.raw is not None:
            return self.raw
        if self.status is not None:
            return _head(self.status, {"Content-Length": "0"} | self.headers)
        whole = content if self.content is None else self.content
        headers: dict[str, str | None] = {"ETag": self.etag}
        begin, status = self._begin(asked), 200
        if begin and begin >= len(whole):
            return _head(416, {"Content-Range": f"bytes */{len(whole)}", "Content-Length": "0"})
        if begin:
            status, begin = 206, begin + self.shift
            headers["Content-Range"] = f"bytes {begin}-{len(whole) - 1}/{len(whole)}"
        body = whole[begin:]
        if self.chunked:
            headers["Transfer-Encoding"] = "chunked"
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        else:
            headers["Content-Length"] = str(len(body))
        return _head(status, headers | self.headers) + body

    def _begin(self, asked: dict[str, str]) -> int:
        part = re.fullmatch(r"bytes=(\d+)-", asked.get("Range", ""))
        other = asked.get("If-Range", self.etag) != self.etag
        return int(part[1]) if part and self.ranges and not other else 0


def _head(status: int, headers: dict[str, str | None]) -> bytes:
    lines = [f"HTTP/1.1 {status} {responses.get(status, 'Odd')}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class FaultServer(ThreadingHTTPServer):
    """Serves `content` under every path. Answers are used in order; the last one repeats."""

    daemon_threads = True
    allow_reuse_port = True

    def __init__(self, content: bytes, certificate: str | None = None, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.content = content
        self.answers = [Answer()]
        self.asked: list[dict[str, str]] = []  # the headers of each request, and its path
        self.scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}/films.zip"

    @property
    def ranges(self) -> list[str | None]:
        """The Range header of each request."""
        return [headers.get("Range") for headers in self.asked]

    def handle_error(self, *_: object) -> None:
        """Ignore clients that close the connection."""


class _Handler(BaseHTTPRequestHandler):
    server: FaultServer

    def do_GET(self) -> None:
        asked = dict(self.headers.items())
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.server.asked.append({"path": self.path} | asked)
        message = answer.message(self.server.content, asked)
        end = answer.cut
        if answer.cut_body is not None:
            end = message.index(b"\r\n\r\n") + 4 + answer.cut_body
        self.wfile.write(message[:end])
        self.close_connection = True
        if answer.stall:
            self.connection.recv(1)  # until the client has had enough
        if answer.reset:
            linger = struct.pack("ii", 1, 0)  # closing then resets
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            socket.close(self.connection.detach())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(content: bytes, certificate: str | None = None, port: int = 0) -> Iterator[FaultServer]:
    """Run a server during a test. port: may be shared with servers of the same content; 0: any."""
    with FaultServer(content, certificate, port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
