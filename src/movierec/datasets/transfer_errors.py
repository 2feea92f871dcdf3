"""Explain why a download failed, and how often another attempt may help."""

import errno
import math
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import requests
import urllib3

from movierec.core.addresses import masked

NO_ROUTE = {errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH}
EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL


class DownloadError(Exception):
    """Why an attempt failed.

    max_tries: the number of such failures after which to give up. pause: the seconds that the
    server asks to wait.
    """

    def __init__(self, reason: str, max_tries: float = math.inf, pause: float = 0) -> None:
        super().__init__(masked(reason))
        self.max_tries, self.pause = max_tries, pause


@contextmanager
def explained(connect: float, stall: float) -> Iterator[None]:
    """Turn the exceptions of requests into DownloadError; connect, stall: its time limits, in s."""
    try:
        yield
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
        raise _meaning_of(error, connect, stall) from None


def _meaning_of(error: Exception, connect: float, stall: float) -> DownloadError:
    """Explain an exception of requests by the exceptions that caused it."""
    causes = list(_causes(error))
    for cause in causes:
        match cause:
            case ssl.SSLCertVerificationError(verify_code=code, verify_message=message):
                return DownloadError(_of_certificate(code, message), 1)
            case requests.ConnectTimeout():
                return DownloadError(f"no answer in {connect:g} s")
            case requests.Timeout() | urllib3.exceptions.ReadTimeoutError():
                return DownloadError(f"no data for {stall:g} s")
            case requests.exceptions.ProxyError():
                return DownloadError("the proxy set in the environment blocked it")
            case ConnectionRefusedError():
                return DownloadError("the server refused the connection")
            case socket.gaierror():
                return DownloadError("no network, or no such server")
            case OSError(errno=number) if number in NO_ROUTE:
                return DownloadError("no network, or no such server")
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return DownloadError("the connection was lost")
    return DownloadError(" ".join(str(error).split()), 1)


def _of_certificate(code: int, message: str) -> str:
    if code == EXPIRED:
        return "the server's certificate has expired"
    return f"the server's certificate is not trusted ({message}; see REQUESTS_CA_BUNDLE)"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
