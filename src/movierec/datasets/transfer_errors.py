"""Why a download failed, in words, and whether another try may help."""

import errno
import math
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import requests
import urllib3

NO_ROUTE = {errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH}
EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL


class DownloadError(Exception):
    """Why a try failed, at how many failures of such hope to give up, and a pause asked for."""

    def __init__(self, reason: str, tries: float = math.inf, pause: float = 0) -> None:
        super().__init__(reason)
        self.tries, self.pause = tries, pause


@contextmanager
def explained(connect: float, stall: float) -> Iterator[None]:
    """Turn what requests raises into a DownloadError. Its time limits are in seconds."""
    try:
        yield
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
        raise _meaning_of(error, connect, stall) from None


def _meaning_of(error: Exception, connect: float, stall: float) -> DownloadError:
    """What an error of requests means, told by what it came from."""
    causes = list(_causes(error))
    for cause in causes:
        match cause:
            case ssl.SSLCertVerificationError(verify_code=code, verify_message=message):
                return DownloadError(_of_certificate(code, message), 1)
            case requests.ConnectTimeout():
                return DownloadError(f"no answer in {connect:g} s")
            case requests.Timeout() | urllib3.exceptions.ReadTimeoutError():
                return DownloadError(f"nothing came for {stall:g} s")
            case requests.exceptions.ProxyError():
                return DownloadError("the proxy that the environment names does not let it through")
            case ConnectionRefusedError():
                return DownloadError("the server refuses the connection")
            case socket.gaierror():
                return DownloadError("no network, or no such server")
            case OSError(errno=number) if number in NO_ROUTE:
                return DownloadError("no network, or no such server")
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return DownloadError("the connection broke off")
    return DownloadError(" ".join(str(error).split()), 1)


def _of_certificate(code: int, message: str) -> str:
    if code == EXPIRED:
        return "the server's certificate has expired"
    return f"the server's certificate is not trusted ({message}; see REQUESTS_CA_BUNDLE)"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
